//! Killed before each of its changes to the disk: the old version or the new one runs, and the next start finishes.

use crate::call::Call;
use crate::lab::Lab;
use crate::place::tool;
use crate::programs::{Programs, script, version};
use crate::repository::Repository;
use crate::step::{Went, kill_at};
use std::fs;

/// Kills what `make` starts before each change; `wanted` is what runs in the end.
fn each_step(make: impl Fn(&Lab) -> Call, policy: &str, begun: bool, wanted: &str) {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &script(&version(1), "echo one"))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, policy);
    let mut repository = repository;
    if begun {
        lab.call(&programs.path(0), &["self", "update"]).expect(0, &["updated"], &[]);
        repository.add(&version(2), &script(&version(2), "echo two"), None);
        repository.sign();
        lab.tomorrow();
    }
    tool(&[&"cp", &"-a", &lab.home(), &lab.place.at("kept")]);
    let mut point = 0;
    loop {
        let went = kill_at(&make(&lab), point);
        // Nothing is asked here: what was there before the kill or after it, and nothing else.
        let source = lab.tool().join("source.json");
        fs::write(&source, fs::read_to_string(&source).unwrap().replace("auto", "off").replace("notify", "off"))
            .unwrap();
        let ran = lab.call(&programs.path(0), &["elf", "--help"]).run();
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{point}");
        let said = if ran.out.contains("run-time path") { "old\n".to_owned() } else { ran.out };
        assert!(["old\n", "one\n", "two\n"].contains(&said.as_str()), "{point}: {said}");
        lab.follow(&server.url("repo"), policy);
        if let Went::Ended(code) = went {
            assert!(code == 0 || code == 1, "{code}");
            break;
        }
        lab.tomorrow();
        let ran = make(&lab).run();
        assert!(
            ran.code == Some(0) || (ran.code == Some(1) && ran.err.contains("nothing to go back to")),
            "{point}: {}",
            ran.err
        );
        let ran = lab.call(&programs.path(0), &["elf", "--help"]).run();
        assert!(ran.out.contains(wanted), "{point}: {}{}", ran.out, ran.err);
        assert!(lab.state()["bad"].as_object().unwrap().is_empty(), "{point}");
        fs::remove_dir_all(lab.home()).unwrap();
        tool(&[&"cp", &"-a", &lab.place.at("kept"), &lab.home()]);
        point += 1;
    }
    assert!(point > 5, "{point}");
}

#[test]
fn a_start_that_takes_a_newer_version_is_killed_at_each_step() {
    let programs = Programs::all();
    each_step(|lab| lab.call(&programs.path(0), &["elf", "--help"]), "auto", false, "one");
}

#[test]
fn self_update_is_killed_at_each_step() {
    let programs = Programs::all();
    // What stands for a version can do nothing but be entered; one that is as new as it does the rest.
    each_step(|lab| lab.call(&programs.path(1), &["self", "update", "-q"]), "notify", true, "two");
}

#[test]
fn self_rollback_is_killed_at_each_step() {
    let programs = Programs::all();
    let start = |lab: &Lab| lab.call(&programs.path(0), &["self", "rollback", "-q"]);
    each_step(start, "notify", true, "run-time path");
}
