//! A package that cannot be built: what is told, and that it can be had again.

use crate::lab::{Lab, Ran};
use std::fs;
use std::process::Command;

/// The package, the phase it fails in, the line that says why.
const ROWS: [(&str, &str, &str); 6] = [
    ("broken/patch", "configure", "Patching failed due to"),
    ("broken/configure", "configure", "error: "),
    ("broken/compile", "all", "error: "),
    ("broken/link", "all", "undefined reference to"),
    ("broken/install", "stage-install", "trial-that-was-not-built"),
    ("broken/plist", "stage-install", "are in the PLIST but not in "),
];

/// The package whose source archive cannot be had, and what is said of it.
const SOURCES: [(&str, &str); 3] =
    [("broken/fetch", "vanished-1.0.tar"), ("broken/checksum", "trial-1.0.tar"), ("broken/nosum", "trial-1.0.tar")];

#[test]
fn a_source_archive_that_cannot_be_had_is_told_before_anything_is_compiled() {
    let lab = Lab::new();
    for (pkgpath, file) in SOURCES {
        lab.recipe(&format!("\"{pkgpath}\", \"misc/greet\""), "");
        let ran = lab.build(&[]).expect(4, &[], &[file]);
        assert!(!ran.err.contains("== packages"), "{}", ran.all());
        assert!(!lab.archive().exists() && !lab.lock().exists());
    }
}

/// The part of the message about one package.
fn about<'a>(told: &'a str, pkgpath: &str) -> &'a str {
    let start = told.find(&format!("{pkgpath} failed in ")).unwrap_or_else(|| panic!("{pkgpath} is not told\n{told}"));
    let rest = &told[start..];
    let end = rest[1..].find("\nbroken/").or_else(|| rest[1..].find("\nnot tried")).map_or(rest.len(), |end| end + 1);
    &rest[..end]
}

#[test]
fn every_broken_package_is_told_with_phase_cause_log_and_a_command_that_fails_the_same_way() {
    let lab = Lab::new();
    let packages: Vec<_> = ROWS.iter().map(|(path, ..)| format!("\"{path}\"")).collect();
    lab.recipe(&format!("{}, \"broken/depends\", \"misc/greet\"", packages.join(", ")), "");
    let ran = lab.build(&["--keep-going"]).expect(5, &[], &["not tried: depends-trial-1.0", "greet-1.2: installed"]);
    assert!(!lab.archive().exists() && !lab.lock().exists());
    let told = ran.err.split("error: ").skip(1).collect::<Vec<_>>().join("error: ");
    for (pkgpath, phase, cause) in ROWS {
        let told = about(&told, pkgpath);
        assert!(told.starts_with(&format!("{pkgpath} failed in {phase}")), "{told}");
        assert!(told.lines().next().unwrap().contains(cause), "{pkgpath}: no '{cause}'\n{told}");
        let log = told.lines().find_map(|line| line.strip_prefix("log: ")).unwrap_or_else(|| panic!("no log\n{told}"));
        assert!(fs::read_to_string(log).unwrap().contains(cause), "{log}");
        let again = told.lines().find_map(|line| line.strip_prefix("help: run it again with: ")).unwrap();
        let again = Ran::of(Command::new("/bin/sh").args(["-c", again]).env_clear());
        assert_ne!(again.code, Some(0), "{}", again.all());
        assert!(format!("{}{}", again.out, again.err).contains(cause), "{pkgpath}: {}", again.all());
    }
    assert!(about(&told, "broken/compile").contains("depends-trial-1.0"), "{told}");

    // Fixed: what was built before is not built again.
    lab.recipe("\"misc/greet\"", "");
    let fixed = lab.build(&[]).expect(0, &["ready: "], &["greet-1.2: there already"]);
    assert!(!fixed.err.contains("-trial-1.0: building"), "{}", fixed.all());
}

#[test]
fn a_library_of_the_host_builds_and_is_not_given_away() {
    let lab = Lab::new();
    lab.recipe("\"broken/leak\"", "");
    let ran = lab.build(&[]).expect(1, &[], &["libz.so.1", "belongs into [pack] of the recipe"]);
    assert!(!lab.archive().exists(), "{}", ran.all());
    lab.recipe("\"broken/leak\"", "[pack]\nallow-lib = [\"libz.so.1\"]\n");
    lab.build(&["--quiet"]).expect(0, &[], &[]);
}
