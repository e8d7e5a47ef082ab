//! `--strip`: what is shipped runs as before, is shorter, and everything that speaks of its bytes says the truth.

use crate::call::{PROVEN, relocate};
use crate::place::{Place, run, run_path, says_moved, tool};
use std::fs;
use std::path::Path;

/// Says where its configuration is: the prefix is a string in the program.
const WHERE: &str = "#include <stdio.h>\nint main(void) { puts(PREFIX \"/etc/app.conf\"); return 0; }\n";

/// A prefix whose programs and libraries have debug sections.
fn place() -> Place {
    let place = Place::new();
    place.library("lib/libword.so.1", &["-ggdb3"]);
    place.say("bin/say", &["-ggdb3", "-Wl,-rpath,@/lib"]);
    place.cc("bin/where", WHERE, &["-ggdb3", "-DPREFIX=\"@\""]);
    place
}

/// Adds a static program to it.
fn with_static(place: Place) -> Place {
    place.cc("bin/static", WHERE, &["-ggdb3", "-static", "-DPREFIX=\"@\""]);
    place
}

fn debug_sections(path: &Path) -> usize {
    let text = tool(&[&"readelf", &"-SW", &path]);
    String::from_utf8_lossy(&text).lines().filter(|line| line.contains(" .debug_")).count()
}

fn size(path: impl AsRef<Path>) -> u64 {
    fs::metadata(path).unwrap().len()
}

#[test]
fn a_stripped_tree_runs_and_its_record_says_what_was_saved() {
    let place = with_static(place());
    let ran = relocate(place.dir(), ["old/root", "--strip", "-o", "x.tar.gz"]).expect(
        0,
        &[PROVEN, "stripped", "4 files, "],
        &[""],
    );
    assert!(!ran.out.contains("left as they are"), "{}", ran.out);
    let new = place.unpack(place.at("x.tar.gz"));
    relocate(place.dir(), [Path::new("verify"), &new]).expect(0, &[""], &[""]);
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(new.join(".relocate/manifest.json")).unwrap()).unwrap();
    for name in ["lib/libword.so.1", "bin/say", "bin/where", "bin/static"] {
        assert!(debug_sections(&place.inside(name)) > 3 && debug_sections(&new.join(name)) == 0, "{name}");
        let saved = size(place.inside(name)) - size(new.join(name));
        let entries = manifest["entries"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["path"] == name).unwrap();
        assert_eq!(entry["changes"][0]["kind"], "strip");
        assert_eq!(entry["changes"][0]["why"], format!("its debug sections are gone, {saved} bytes"));
    }
    place.hide();
    says_moved(new.join("bin/say"));
    assert_eq!(run_path(new.join("bin/say")), "$ORIGIN/../lib");
}

#[test]
fn strings_are_found_where_they_are_once_the_debug_sections_are_gone() {
    let place = with_static(place());
    // In such a file a segment lies behind the debug sections and moves.
    let long = format!("{}:{}/lib", "/x".repeat(3000), place.root().display());
    tool(&[&"patchelf", &"--set-rpath", &long, &place.inside("bin/where")]);
    relocate(place.dir(), ["old/root", "--strip", "--dest", "/srv/app", "-o", "dest.tar.gz"]).expect(
        0,
        &[PROVEN],
        &[""],
    );
    relocate(place.dir(), ["old/root", "--strip", "-o", "x.tar.gz"]).expect(0, &[PROVEN], &[""]);
    let at = place.at("at");
    relocate(place.dir(), [Path::new("install"), Path::new("x.tar.gz"), &at]).expect(0, &[""], &[""]);
    let new = place.unpack(place.at("dest.tar.gz"));
    place.hide();
    for name in ["bin/where", "bin/static"] {
        let (code, text) = run(new.join(name));
        assert_eq!((code, text.trim_start_matches('/')), (Some(0), "srv/app/etc/app.conf\n"), "{name}");
        let (code, text) = run(at.join(name));
        let wanted = format!("{}/etc/app.conf\n", at.display());
        assert_eq!((code, text.trim_start_matches('/')), (Some(0), wanted.trim_start_matches('/')), "{name}");
        assert_eq!(debug_sections(&at.join(name)), 0);
    }
}

#[test]
fn in_place_strips_once_and_keeps_hard_links_together() {
    let place = place();
    fs::hard_link(place.inside("bin/where"), place.inside("bin/same")).unwrap();
    relocate(place.dir(), ["--in-place", "old/root", "--strip"]).expect(0, &[PROVEN, "3 files, "], &[""]);
    for name in ["lib/libword.so.1", "bin/say", "bin/where", "bin/same"] {
        assert_eq!(debug_sections(&place.inside(name)), 0, "{name}");
    }
    let same = tool(&[&"find", &place.inside("bin"), &"-samefile", &place.inside("bin/where")]);
    assert_eq!(String::from_utf8(same).unwrap().lines().count(), 2);
    let before = fs::metadata(place.inside("bin/say")).unwrap().modified().unwrap();
    relocate(place.dir(), ["--in-place", "old/root", "--strip", "--old-prefix", "/nowhere"]).expect(
        0,
        &[PROVEN, "0 files"],
        &[""],
    );
    assert_eq!(fs::metadata(place.inside("bin/say")).unwrap().modified().unwrap(), before);
    says_moved(place.inside("bin/say"));
}

#[test]
fn files_that_keep_their_debug_sections_are_named() {
    let place = place();
    let mut bytes = fs::read(place.inside("bin/where")).unwrap();
    bytes.extend_from_slice(b"an archive of its own");
    place.write("bin/carrier", &bytes);
    let debug = place.inside("lib/say.debug");
    tool(&[&"objcopy", &"--only-keep-debug", &place.inside("bin/say"), &debug]);
    let report = relocate(place.dir(), ["old/root", "--strip", "--skip", "libword.so.1", "--dry-run", "--json"])
        .expect(0, &["done"], &[""])
        .json();
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["kind"] == "not-stripped");
    let found: Vec<_> =
        findings.map(|finding| (finding["path"].as_str().unwrap(), finding["found"].as_str().unwrap())).collect();
    assert_eq!(found.iter().map(|(path, _)| *path).collect::<Vec<_>>(), ["bin/carrier", "lib/say.debug"]);
    assert!(found[0].1.contains("21 bytes of it") && found[1].1.contains("split off"), "{found:?}");
    let stripped: Vec<_> =
        report["plan"]["stripped"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(stripped, ["bin/say", "bin/where"]);
    relocate(place.dir(), ["old/root", "--strip", "-o", "x.tar"]).expect(
        0,
        &["; 2 left as they are"],
        &["not-stripped"],
    );
    let new = place.unpack(place.at("x.tar"));
    assert!(fs::read(new.join("bin/carrier")).unwrap().ends_with(b"an archive of its own"));
    assert_eq!(fs::read(new.join("lib/say.debug")).unwrap(), fs::read(debug).unwrap());
}

#[test]
fn a_package_list_has_the_sums_of_stripped_files() {
    let place = place();
    let sum = |path: &Path| String::from_utf8(tool(&[&"md5sum", &path])).unwrap()[..32].to_owned();
    let files = ["bin/say", "bin/where"].map(|name| format!("{name}\n@comment MD5:{}\n", sum(&place.inside(name))));
    let list = format!("@name app-1.0\n@cwd {}\n{}", place.root().display(), files.concat());
    place.write("pkgdb/app-1.0/+CONTENTS", list);
    relocate(place.dir(), ["old/root", "--strip", "-o", "x.tar.gz"]).expect(0, &[PROVEN], &[""]);
    let new = place.unpack(place.at("x.tar.gz"));
    let list = fs::read_to_string(new.join("pkgdb/app-1.0/+CONTENTS")).unwrap();
    for name in ["bin/say", "bin/where"] {
        assert!(list.contains(&format!("{name}\n@comment MD5:{}\n", sum(&new.join(name)))), "{list}");
    }
}

#[test]
fn a_sidecar_of_a_stripped_file_is_reported() {
    let place = place();
    place.write("lib/.libword.so.1.hmac", "ab12");
    let told = ["lib/.libword.so.1.hmac: vouches for the bytes of lib/libword.so.1, which is changed"];
    relocate(place.dir(), ["old/root", "--strip", "-o", "x.tar.gz"]).expect(0, &[PROVEN], &told);
}

#[test]
fn a_large_file_is_stripped_in_pieces() {
    let place = place();
    let blob = place.at("blob");
    fs::write(&blob, vec![b'd'; 40 << 20]).unwrap();
    for name in ["bin/say", "bin/where"] {
        let file = place.inside(name);
        tool(&[&"objcopy", &"--add-section", &format!(".debug_blob={}", blob.display()), &file]);
        assert!(size(&file) > 40 << 20);
    }
    fs::remove_file(blob).unwrap();
    relocate(place.dir(), ["old/root", "--strip", "--dest", "/srv/app", "-o", "x.tar"]).expect(
        0,
        &[PROVEN, "MB less"],
        &[""],
    );
    let new = place.unpack(place.at("x.tar"));
    assert!(size(new.join("bin/say")) < 40_000 && size(new.join("bin/where")) < 40_000);
    place.hide();
    says_moved(new.join("bin/say"));
    assert!(run(new.join("bin/where")).1.ends_with("/srv/app/etc/app.conf\n"));
}

#[test]
fn the_same_tree_gives_the_same_bytes_and_without_the_option_nothing_is_stripped() {
    let place = place();
    for name in ["one.tar", "two.tar"] {
        relocate(place.dir(), ["old/root", "--strip", "--top-dir", "t", "-o", name]).expect(0, &[PROVEN], &[""]);
    }
    assert_eq!(fs::read(place.at("one.tar")).unwrap(), fs::read(place.at("two.tar")).unwrap());
    place.write("../relocate.toml", "strip = true\ntop-dir = \"t\"\n");
    relocate(place.dir(), ["old/root", "-o", "three.tar"]).expect(0, &[PROVEN, "3 files, "], &[""]);
    assert_eq!(fs::read(place.at("one.tar")).unwrap(), fs::read(place.at("three.tar")).unwrap());
    fs::remove_file(place.at("old/relocate.toml")).unwrap();
    let ran = relocate(place.dir(), ["old/root", "-o", "x.tar"]).expect(0, &[PROVEN], &[""]);
    assert!(!ran.out.contains("stripped"), "{}", ran.out);
    let new = place.unpack(place.at("x.tar"));
    assert_eq!(debug_sections(&new.join("bin/where")), debug_sections(&place.inside("bin/where")));
}
