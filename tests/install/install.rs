//! `relocate install`: what it makes, and what it refuses before anything is there.

use crate::call::relocate;
use crate::packed::{Made, runs_at, settled};
use crate::place::{is_root, names, succeed, tool};
use crate::state::{bytes, content};
use relocate::base::digest::Digest;
use relocate::manifest::{How, Kind};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

const CLEAN: &str = "every byte is as its manifest says";

#[test]
fn programs_scripts_and_configuration_run_from_where_they_are_put() {
    let made = Made::new();
    for ending in ["tar", "tar.gz", "tar.zst"] {
        let archive = format!("app.{ending}");
        made.pack_as(&archive, "app", |_| {});
        let dest = made.place.at(format!("srv.{ending}"));
        let said = format!("installed to {}", dest.display());
        relocate(made.place.dir(), ["install", &archive, dest.to_str().unwrap()]).expect(
            0,
            &[&said, "9 places in 5 files", "room"],
            &[],
        );
        runs_at(&dest, &dest);
        relocate(made.place.dir(), ["verify", dest.to_str().unwrap()]).expect(0, &[CLEAN], &[]);
    }
}

#[test]
fn modes_times_links_and_records_are_those_of_the_archive() {
    let made = Made::new();
    made.pack();
    relocate(made.place.dir(), ["install", "app.tar.gz", "srv"]).expect(0, &["installed to"], &[]);
    let dest = made.place.at("srv");
    let of = |name: &str| fs::metadata(dest.join(name)).unwrap();
    assert_eq!(of("etc").mode() & 0o7777, 0o750);
    assert_eq!(of("share/doc/README").mode() & 0o7777, 0o444);
    for name in ["bin", "bin/reads", "etc/app.conf"] {
        assert_eq!((of(name).mtime(), of(name).mtime_nsec()), (1_580_702_706, 0), "{name}");
    }
    assert_eq!((of("bin/reads").ino(), of("bin/reads").nlink()), (of("bin/same").ino(), 2));
    assert_eq!(fs::read_link(dest.join("bin/link")).unwrap().to_str(), Some("reads"));
    let place: serde_json::Value =
        serde_json::from_slice(&fs::read(dest.join(".relocate/place.json")).unwrap()).unwrap();
    assert_eq!(place["at"], dest.to_str().unwrap());
    assert_eq!(names(&dest.join(".relocate")), ["about.json", "manifest.json", "place.json"]);
    assert_eq!(made.place.beside(), ["app.tar.gz", "app.tar.gz.sha256", "srv", "taken away"]);
}

/// What tar and `fix` make of the archive is what `install` makes of it, and a tree at the very path it was built for is the
/// one that was packed.
#[test]
fn install_does_what_tar_and_fix_do() {
    let made = Made::new();
    made.pack();
    let dir = made.place.dir();
    relocate(dir, ["install", "app.tar.gz", "one"]).expect(0, &["installed to"], &[]);
    let one = settled(&made.place.at("one"));
    fs::rename(made.place.at("one"), made.place.at("first")).unwrap();
    fs::create_dir(made.place.at("one")).unwrap();
    tool(&[&"tar", &"xpf", &made.place.at("app.tar.gz"), &"-C", &made.place.at("one"), &"--strip-components=1"]);
    relocate(dir, ["fix", "one"]).expect(0, &["it is at", "(built for it)"], &[]);
    if is_root() {
        assert_eq!(one, settled(&made.place.at("one")));
    }
    let prefix = made.prefix.display().into_owned();
    relocate(dir, ["install", "app.tar.gz", &prefix]).expect(0, &["installed to"], &[]);
    let mut there = bytes(std::path::Path::new(&prefix));
    there.retain(|path, _| !path.starts_with(".relocate"));
    assert_eq!(
        there,
        bytes(&made.place.at("taken away").join(made.inside("").strip_prefix(made.place.at("built")).unwrap()))
    );
}

#[test]
fn an_archive_without_a_top_directory_is_the_tree_itself() {
    let made = Made::new();
    made.pack_as("app.tar", "", |_| {});
    relocate(made.place.dir(), ["install", "app.tar", "a/b/srv"]).expect(0, &["installed to"], &[]);
    runs_at(&made.place.at("a/b/srv"), &made.place.at("a/b/srv"));
}

#[test]
fn a_place_that_is_taken_is_left_alone() {
    let made = Made::new();
    made.pack();
    fs::create_dir(made.place.at("srv")).unwrap();
    fs::write(made.place.at("srv/mine"), "mine").unwrap();
    fs::create_dir(made.place.at("empty")).unwrap();
    fs::write(made.place.at("file"), "mine").unwrap();
    std::os::unix::fs::symlink("empty", made.place.at("link")).unwrap();
    let before = content(made.place.dir());
    let rows = [("srv", "a directory that is not empty"), ("file", "no directory"), ("link", "no directory")];
    for (dest, found) in rows {
        let told = [found, "help: remove it or choose another name"];
        relocate(made.place.dir(), ["install", "app.tar.gz", dest]).expect(4, &[], &told);
    }
    assert_eq!(content(made.place.dir()), before);
    relocate(made.place.dir(), ["install", "app.tar.gz", "empty/"]).expect(0, &["installed to"], &[]);
    runs_at(&made.place.at("empty"), &made.place.at("empty"));
}

#[test]
fn a_dry_run_reads_everything_and_writes_nothing() {
    let made = Made::new();
    made.pack();
    let before = content(made.place.dir());
    let out = ["would install to", "9 places in 5 files"];
    relocate(made.place.dir(), ["install", "--dry-run", "app.tar.gz", "new/srv"]).expect(0, &out, &[]);
    let long = format!("/srv/{}", "x".repeat(200));
    relocate(made.place.dir(), ["install", "--dry-run", "app.tar.gz", &long]).expect(
        3,
        &[],
        &["is too long: it has 205"],
    );
    assert_eq!(content(made.place.dir()), before);
}

#[test]
fn the_report_as_json_says_the_same() {
    let made = Made::new();
    made.pack();
    let ran = relocate(made.place.dir(), ["install", "--json", "app.tar.gz", "srv"]).expect(0, &["{"], &[]);
    let json = ran.json();
    assert_eq!(json["dest"], made.place.at("srv").to_str().unwrap());
    assert_eq!((&json["files"], &json["places"], &json["result"]), (&5.into(), &9.into(), &"done".into()));
    let ran = relocate(made.place.dir(), ["install", "--json", "app.tar.gz", "srv"]).expect(4, &["{"], &["error"]);
    assert_eq!(ran.json()["error"]["help"], "remove it or choose another name");
    relocate(made.place.dir(), ["install", "--quiet", "app.tar.gz", "srv2"]).expect(0, &[], &[]);
}

/// What is done to a record.
type Change = fn(&mut relocate::manifest::Manifest);

/// The record is checked byte by byte while unpacking; what does not fit it gets no name.
#[test]
fn an_archive_that_is_not_what_its_record_says_is_not_installed() {
    let made = Made::new();
    let changes: [(&str, i32, &str, Change); 6] = [
        ("digest", 1, "share/word: its sha256 is", |manifest| {
            let entry = manifest.entries.iter_mut().find(|entry| entry.path.as_bytes() == b"share/word").unwrap();
            entry.kind = Kind::File { size: 6, sha256: Digest::of(b"else"), sha256_before: None };
        }),
        ("extra", 1, "share/word: it is not in the manifest", |manifest| {
            manifest.entries.retain(|entry| entry.path.as_bytes() != b"share/word");
        }),
        ("mode", 1, "bin/calls: its mode is 0755 and was 4755", |manifest| {
            manifest.entries.iter_mut().find(|entry| entry.path.as_bytes() == b"bin/calls").unwrap().mode = 0o4755;
        }),
        ("about", 1, "about.json does not say what the manifest says", |manifest| manifest.about.capacity = Some(4000)),
        ("places", 4, "the record does not fit 'lib/data.bin': it does not have", |manifest| {
            let entry = manifest.entries.iter_mut().find(|entry| entry.path.as_bytes() == b"lib/data.bin").unwrap();
            entry.places[0].at = vec![3];
        }),
        ("huge", 4, "the record does not fit 'lib/data.bin': it has a record that contradicts itself", |manifest| {
            let entry = manifest.entries.iter_mut().find(|entry| entry.path.as_bytes() == b"lib/data.bin").unwrap();
            entry.places[0].at = vec![u64::MAX];
            entry.places[0].how = How::Text;
        }),
    ];
    for (name, code, told, change) in changes {
        let archive = format!("{name}.tar.gz");
        made.pack_as(&archive, "app", change);
        relocate(made.place.dir(), ["install", &archive, "deep/srv"]).expect(code, &[], &[told]);
        assert!(!made.place.at("deep").exists(), "{name}");
    }
}

#[test]
fn a_newer_record_says_which_version_reads_it() {
    let made = Made::new();
    let archive = made.pack_as("app.tar", "app", |_| {});
    let mut bytes = fs::read(&archive).unwrap();
    let at = memchr::memmem::find(&bytes, b"\"format\": 1").unwrap();
    bytes[at + 10] = b'7';
    fs::write(&archive, bytes).unwrap();
    let told = ["about.json: its format is 7 and this version reads up to", "use relocate 0.1.0 or newer"];
    relocate(made.place.dir(), ["install", "app.tar", "srv"]).expect(4, &[], &told);
    assert!(!made.place.at("srv").exists());
}

#[test]
fn somebody_elses_archive_names_the_way_to_take_it() {
    let made = Made::new();
    made.pack();
    succeed(Command::new("tar").args(["cf", "else.tar", "taken away"]).current_dir(made.place.dir()));
    let told = ["does not begin with .relocate/about.json", "tar xf else.tar", "relocate fix DIR --old-prefix"];
    relocate(made.place.dir(), ["install", "else.tar", "srv"]).expect(4, &[], &told);
    assert!(!made.place.at("srv").exists());
    relocate(made.place.dir(), ["install", "no-such.tar", "srv"]).expect(2, &[], &["cannot read no-such.tar"]);
    relocate(made.place.dir(), ["install", "else.tar", "/"]).expect(2, &[], &["/ is no place for a tree"]);
}
