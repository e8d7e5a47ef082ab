//! What gets into the archive and what does not: links, packages that only the build needed, their bill.

use crate::lab::{Lab, Ran};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn links_are_made_and_go_away_with_their_line() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "[links]\n\"bin/hello\" = \"greet\"\n\"share/names/salute\" = \"../../bin/greet\"\n");
    lab.build(&["--quiet"]).expect(0, &[], &[]);
    let place = lab.install("with");
    assert_eq!(fs::read_link(place.join("bin/hello")).unwrap(), PathBuf::from("greet"));
    Ran::of(&mut Command::new(place.join("share/names/salute"))).expect(0, &[], &[]);

    // One leads elsewhere now, one is gone, one would take a program's name.
    lab.recipe("\"misc/greet\"", "[links]\n\"bin/hello\" = \"../bin/greet\"\n");
    lab.build(&["--quiet"]).expect(0, &[], &[]);
    let place = lab.install("changed");
    assert_eq!(fs::read_link(place.join("bin/hello")).unwrap(), PathBuf::from("../bin/greet"));
    assert!(fs::symlink_metadata(place.join("share/names")).is_err(), "what the link lay in is still there");
    let archive = lab.digest();

    lab.recipe("\"misc/greet\"", "[links]\n\"bin/greet\" = \"hello\"\n");
    lab.build(&["--quiet"]).expect(2, &[], &["the link bin/greet cannot be made", "help: take it out of [links]"]);
    assert_eq!(lab.digest(), archive);
    assert!(fs::symlink_metadata(lab.prefix.join("bin/greet")).unwrap().is_file());
}

/// Names of the packages in the archive's own bill, sorted.
fn billed(tree: &Path) -> Vec<String> {
    let bill = fs::read_dir(tree.join(".relocate")).unwrap().filter_map(Result::ok).map(|entry| entry.path());
    let bill = bill.into_iter().find(|path| path.to_string_lossy().contains("cdx")).unwrap();
    let bill: Value = serde_json::from_slice(&fs::read(bill).unwrap()).unwrap();
    let name = |component: &Value| component["name"].as_str().unwrap().to_owned();
    let mut names: Vec<_> = bill["components"].as_array().unwrap().iter().map(name).collect();
    names.sort();
    names
}

#[test]
fn packages_that_only_the_build_needed_are_neither_packed_nor_billed() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "");
    lab.build(&["--quiet"]).expect(0, &[], &[]);
    let all = lab.install("all");
    assert!(all.join("bin/bmake").exists() && all.join("bin/digest").exists());
    let names = billed(&all);
    assert!(names.contains(&"digest".to_owned()) && names.contains(&"bmake".to_owned()), "{names:?}");

    lab.recipe("\"misc/greet\"", "[keep]\nrequested-only = true\n\n[smoke]\ncommands = [\"bin/greet world\"]\n");
    lab.build(&["--quiet"]).expect(0, &[], &[]);
    let requested = lab.install("requested");
    assert!(!requested.join("bin/bmake").exists() && !requested.join("bin/digest").exists());
    assert!(requested.join("lib/libgreet.so").exists());
    assert_eq!(billed(&requested), ["greet", "libgreet"]);
    let packages = fs::read_dir(requested.join("var/db/pkg")).unwrap().filter_map(Result::ok);
    let mut packages: Vec<_> = packages.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name()).collect();
    packages.sort();
    assert_eq!(packages, ["greet-1.2", "libgreet-1.4"], "directories of packages that are not there");

    // The prefix keeps them: the next build finds its tools.
    assert!(lab.prefix.join("bin/bmake").exists());
    let again = lab.build(&[]).expect(0, &[], &["there already"]);
    assert!(!again.err.contains(": building"), "{}", again.all());
}
