//! `relocate publish`: a proven archive becomes a release that clients see whole or not at all.

use crate::call::relocate;
use crate::lab::Lab;
use crate::place::{Place, tool};
use relocate::tuf::open_target;
use std::fs;
use std::io::Read;

#[test]
fn a_release_is_listed_with_its_files_and_the_room_it_has() {
    let lab = Lab::new();
    lab.archive("one");
    let dry = lab.publish("one", &["--version", "1.0", "--dry-run"]);
    assert_eq!((&dry["serial"], &dry["dry_run"]), (&1.into(), &true.into()));
    assert_eq!(lab.listed(), [] as [&str; 0]);
    assert!(!lab.place.at("repo/t").exists());
    let done = lab.publish("one", &["--version", "1.0"]);
    assert_eq!((&done["serial"], &done["version"], &done["written_files"]), (&1.into(), &"1.0".into(), &2.into()));
    assert_eq!(done["longest_root"], serde_json::Value::Null);
    let trusted = lab.follow();
    assert_eq!(lab.listed(), ["app-1.full.tar.zst", "app-1.manifest.json.zst"]);
    for target in trusted.targets() {
        let mut bytes = Vec::new();
        open_target(&lab.objects(), target).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(target.custom()["channels"], serde_json::json!(["stable"]));
    }
    assert_eq!(trusted.targets()[1].custom()["kind"], "manifest");
    // People with curl have sums, and tar reads the pack.
    let checked = tool(&[&"sh", &"-c", &"cd \"$0\" && sha256sum -c SHA256SUMS", &lab.place.at("repo/t")]);
    assert_eq!(String::from_utf8_lossy(&checked).matches(": OK").count(), 2);
    let pack = lab.place.at("repo").join(trusted.targets()[0].place());
    assert_eq!(tool(&[&"tar", &"--zstd", &"-xOf", &pack, &"app/word"]), b"one");
}

#[test]
fn serials_grow_and_the_same_archive_is_published_once() {
    let lab = Lab::new();
    lab.archive("one");
    lab.archive("two");
    assert_eq!(lab.publish("one", &[])["serial"], 1);
    let again = lab.publish("one", &[]);
    assert_eq!((&again["serial"], &again["was_there"]), (&1.into(), &true.into()));
    assert_eq!(lab.publish("two", &["--channel", "canary"])["serial"], 2);
    lab.call(&["publish", "two.tar.gz", "repo", "--app", "app", "--level", "1"]).expect(
        2,
        &[],
        &["this is release 2 already, and it is not for stable", "relocate promote"],
    );
    // The old one may come back, as something newer.
    assert_eq!(lab.publish("one", &["--serial", "7"])["serial"], 7);
    lab.call(&["publish", "two.tar.gz", "repo", "--app", "app", "--serial", "5", "--level", "1"]).expect(
        2,
        &[],
        &["serial 5 would not be after 7"],
    );
    let packs = lab.listed().into_iter().filter(|name| name.ends_with(".full.tar.zst"));
    assert_eq!(packs.collect::<Vec<_>>(), ["app-1.full.tar.zst", "app-2.full.tar.zst", "app-7.full.tar.zst"]);
}

#[test]
fn the_longest_path_leaves_room_for_the_serial() {
    let lab = Lab::new();
    let place = Place::small();
    let root = place.root();
    place.cc("bin/names", "#include <stdio.h>\nint main(void) { puts(AT \"/share\"); return 0; }\n", &["-DAT=\"@\""]);
    let archive = lab.place.at("named.tar.gz");
    relocate(place.dir(), ["old/root".as_ref(), "-o".as_ref(), archive.as_os_str()]).expect(
        0,
        &["proven"],
        &["look at the old path until the final one is written in"],
    );
    let done = lab.publish("named", &[]);
    let capacity = done["capacity"].as_u64().unwrap();
    assert_eq!(capacity, root.as_os_str().len() as u64);
    assert_eq!(done["longest_root"], capacity - "/r/123456".len() as u64);
}

#[test]
fn what_cannot_be_published_is_refused_and_nothing_is_written() {
    let lab = Lab::new();
    let place = Place::small();
    fs::rename(place.inside("lib/libword.so.1"), place.inside("lib/libother.so.1")).unwrap();
    relocate(place.dir(), ["old/root", "-o", "app.tar.gz", "--unproven"]).run();
    fs::copy(place.at("app.unproven.tar.gz"), lab.place.at("bad.tar.gz")).unwrap();
    let publish = |words: &[&str]| lab.call(&[&["publish"], words, &["--level", "1"]].concat());
    publish(&["bad.tar.gz", "repo", "--app", "app"]).expect(1, &[], &["was not proven", "without --unproven"]);
    lab.archive("one");
    for (app, more) in [("App", &[][..]), ("app", &["--channel", "two words"]), ("app", &["--version", "-1"])] {
        let more: Vec<String> = more.iter().map(|word: &&str| (*word).to_owned()).collect();
        let joined = if more.is_empty() { Vec::new() } else { vec![format!("{}={}", more[0], more[1])] };
        let mut words = vec!["one.tar.gz", "repo", "--app", app];
        words.extend(joined.iter().map(String::as_str));
        publish(&words).expect(2, &[], &["is no name for"]);
    }
    publish(&["none.tar.gz", "repo", "--app", "app"]).expect(2, &[], &["cannot read none.tar.gz"]);
    fs::write(lab.place.at("text.tar.gz"), "no archive").unwrap();
    publish(&["text.tar.gz", "repo", "--app", "app"]).expect(4, &[], &["text.tar.gz"]);
    let without = relocate(lab.place.dir(), ["publish", "one.tar.gz", "repo", "--app", "app", "--level", "1"]);
    without.expect(2, &[], &["the targets must be signed", "--release-key"]);
    assert_eq!(lab.follow().edition(relocate::tuf::RoleName::Targets).version, 1);
}
