//! What a person does: follows, looks, updates, goes back; and what a program reads of it.

use crate::lab::{Lab, notes};
use crate::programs::{Programs, script, version};
use crate::repository::Repository;
use relocate::base::digest::Digest;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn lab_with_root(repository: &Repository) -> Lab {
    let lab = Lab::new();
    fs::write(lab.place.at("root.json"), repository.root()).unwrap();
    lab
}

#[test]
fn a_repository_is_followed_once_it_was_named_with_its_root() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &script(&version(1), "echo entered"))]);
    let server = repository.serve(|_, _| None);
    let lab = lab_with_root(&repository);
    let call = |words: &[&str]| lab.call(&programs.path(0), words);
    call(&["self", "update"]).expect(2, &[], &["nothing says where newer versions", "--from"]);
    call(&["self", "policy"]).expect(2, &[], &["nothing says where"]);
    call(&["self", "rollback"]).expect(1, &[], &["there is nothing to go back to"]);
    assert!(!lab.home().exists());
    let from = server.url("repo");
    call(&["self", "update", "--from", &from]).expect(2, &[], &["nothing is trusted here yet", "--root-key"]);
    let other = "0".repeat(64);
    call(&["self", "update", "--from", &from, "--root-key", &other]).expect(1, &[], &["sha256"]);
    assert!(!lab.tool().join("source.json").exists());
    let sum = Digest::of(&repository.root()).to_string();
    let words = ["self", "update", "--from", &from, "--root-key", &sum, "--check"];
    call(&words).expect(100, &["available: relocate", &version(1)], &[]);
    assert_eq!(lab.current(), None);
    assert_eq!(fs::metadata(lab.tool()).unwrap().permissions().mode() & 0o777, 0o700);
    call(&["self", "update", "--root-key", &other]).expect(2, &[], &["trust began here with the root"]);
    let done = call(&["self", "update", "--json"]).expect(0, &[""], &[]).json();
    assert_eq!(
        (&done["outcome"], &done["version"], &done["before"]),
        (&"updated".into(), &version(1).into(), &version(0).into())
    );
    call(&["elf", "--help"]).expect(0, &["entered"], &[]);
    call(&["self", "update", "--channel", "none"]).run();
    let status = call(&["self", "status", "--json"]).expect(0, &[""], &[]).json();
    assert_eq!((&status["runs"], &status["policy"]), (&version(1).into(), &"notify".into()));
    assert_eq!(status["copies"][0]["current"], true);
    assert!(status["good_until"].is_string() && status["checked"].is_string() && status["expired"] == false);
    let audit = fs::read_to_string(lab.tool().join("audit.jsonl")).unwrap();
    assert!(audit.contains("\"action\":\"taken\"") && audit.contains(&version(1)), "{audit}");
}

#[test]
fn what_was_gone_back_from_does_not_come_by_itself() {
    let programs = Programs::all();
    let mut repository =
        Repository::with(&[(&version(1), &script(&version(1), "echo one")), (&version(2), &programs.bytes(2))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    let call = |words: &[&str]| lab.call(&programs.path(0), words);
    call(&["elf", "--help"]).expect(0, &["run-time path"], &["takes the place"]);
    assert_eq!(lab.current(), Some(version(2)));
    let said = format!("relocate {} runs again; {} does not come again by itself", version(0), version(2));
    call(&["self", "rollback"]).expect(0, &[&said], &[]);
    for _ in 0..2 {
        lab.tomorrow();
        // Nor does the older one, which was never here.
        call(&["elf", "--help"]).expect(0, &["run-time path"], &[]);
        assert_eq!(lab.current(), None);
    }
    let status = call(&["self", "status", "--json"]).expect(0, &[""], &[]).json();
    assert_eq!((&status["left"][0]["version"], &status["available"]), (&version(2).into(), &serde_json::Value::Null));
    call(&["self", "update"]).expect(0, &["as before", "gone back from"], &[]);
    repository.add(&version(3), &programs.bytes(3), None);
    repository.sign();
    lab.tomorrow();
    call(&["elf", "--help"]).expect(0, &["run-time path"], &[&format!("{} takes the place", version(3))]);
    call(&["self", "rollback"]).expect(0, &["runs again"], &[]);
    call(&["self", "update", "--retry-bad"]).expect(0, &["updated"], &[]);
    assert_eq!(lab.current(), Some(version(3)));
}

#[test]
fn a_rollback_goes_to_the_copy_before_and_then_to_the_installed_program() {
    let repository = Repository::with(&[("0.2.1", &script("0.2.1", "echo one"))]);
    let lab = Lab::following(&repository, "memory", "auto");
    let programs = Programs::all();
    assert_eq!(notes(&lab.begin("0.2.0", &repository)).len(), 1);
    let mut repository = repository;
    repository.add("0.2.2", &script("0.2.2", "echo two"), None);
    repository.sign();
    lab.tomorrow();
    let begun = lab.begin("0.2.1", &repository);
    assert_eq!((notes(&begun).len(), lab.current().as_deref()), (1, Some("0.2.2")));
    lab.call(&programs.path(0), &["self", "rollback"]).expect(0, &["relocate 0.2.1 runs again; 0.2.2 does not"], &[]);
    assert_eq!(lab.current().as_deref(), Some("0.2.1"));
    lab.call(&programs.path(0), &["self", "rollback"]).expect(0, &["runs again; 0.2.1 does not"], &[]);
    assert_eq!(lab.current(), None);
    lab.call(&programs.path(0), &["self", "rollback"]).expect(1, &[], &["there is nothing to go back to"]);
    assert_eq!(fs::read_dir(lab.tool().join("copies")).unwrap().count(), 0);
}

#[test]
fn a_line_is_not_told_where_a_program_reads_and_told_elsewhere() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &script(&version(1), ""))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "notify");
    let starts = |words: &[&str]| {
        lab.tomorrow();
        lab.call(&programs.path(0), words).run()
    };
    let ran = starts(&["elf", "--json", "no-such-file"]);
    assert!(ran.err.starts_with("note: relocate") && ran.json()["exit"].is_number(), "{}", ran.err);
    let ran = starts(&["nowhere/", "-o", "-", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert!(ran.out.is_empty() && json["exit"].is_number());
    assert!(!starts(&["elf", "-q", "no-such-file"]).err.contains("available"));
}

#[test]
fn an_installed_program_that_is_newer_than_the_copy_does_the_work() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &script(&version(1), "echo one"))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    lab.call(&programs.path(0), &["elf", "--help"]).expect(0, &["one"], &["takes the place"]);
    lab.call(&programs.path(2), &["elf", "--help"]).expect(0, &["run-time path"], &[]);
    lab.call(&programs.path(1), &["elf", "--help"]).expect(0, &["run-time path"], &[]);
    lab.call(&programs.path(0), &["elf", "--help"]).expect(0, &["one"], &[]);
}

#[test]
fn records_of_a_newer_version_or_damaged_ones_are_told_and_left() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &script(&version(1), "echo one"))]);
    let server = repository.serve(|_, _| None);
    for (file, text) in [
        ("state.json", "{\"format\": 99}"),
        ("state.json", "{"),
        ("state.json", ""),
        ("source.json", "{\"format\": 99, \"from\": \"x\", \"channel\": \"y\"}"),
        ("source.json", "[]"),
    ] {
        let lab = Lab::of(&repository, &server, "auto");
        fs::write(lab.tool().join(file), text).unwrap();
        let ran = lab.call(&programs.path(0), &["elf", "--help"]).expect(0, &["run-time path"], &["cannot be used"]);
        assert_eq!(ran.err.lines().count(), 1);
        assert_eq!(fs::read_to_string(lab.tool().join(file)).unwrap(), text);
    }
}
