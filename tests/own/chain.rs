//! One call may go over several versions, and never in a circle.

use crate::lab::Lab;
use crate::programs::{Programs, version};
use crate::repository::{Repository, fetched};
use std::fs;

/// What `check` of nothing says: the work that all versions do here.
const WORK: [&str; 2] = ["check", "nothing-here"];

#[test]
fn one_call_goes_over_three_versions_each_of_which_only_the_one_before_can_take() {
    let programs = Programs::all();
    let mut repository = Repository::new();
    repository.add(&version(1), &programs.bytes(1), None);
    repository.add(&version(2), &programs.bytes(2), Some(&version(1)));
    repository.add(&version(3), &programs.bytes(3), Some(&version(2)));
    repository.sign();
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    let ran = lab.call(&programs.path(0), &WORK).run();
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
    for (new, old) in [(1, 0), (2, 1), (3, 2)] {
        let line = format!("note: relocate {} takes the place of {}", version(new), version(old));
        assert!(ran.err.contains(&line), "{}", ran.err);
    }
    assert_eq!(lab.current(), Some(version(3)));
    // Two stay: the one in use and the one before.
    assert_eq!(fs::read_dir(lab.tool().join("copies")).unwrap().count(), 2);
    assert_eq!(fetched(&server), 3);
    // Nothing more is asked that day, and the newest one does the work.
    let before = server.log().len();
    let ran = lab.call(&programs.path(0), &["no-such-command"]).run();
    assert_eq!((ran.code, server.log().len()), (Some(2), before), "{}", ran.err);
    let ran = lab.call(&programs.path(0), &["publish", "--help"]).run();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(fs::read_dir(lab.tool().join("entering")).unwrap().next().is_none());
}

#[test]
fn self_update_goes_over_the_versions_too() {
    let programs = Programs::all();
    let mut repository = Repository::new();
    repository.add(&version(1), &programs.bytes(1), None);
    repository.add(&version(2), &programs.bytes(2), Some(&version(1)));
    repository.add(&version(9), &programs.bytes(9), Some(&version(2)));
    repository.sign();
    let server = repository.serve(|_, _| None);
    let lab = Lab::new();
    fs::write(lab.place.at("root.json"), repository.root()).unwrap();
    let words = ["self", "update", "--from", &server.url("repo"), "--root-key", "root.json"];
    let said = format!("updated: relocate {} is used from now on in the place of {}", version(9), version(2));
    lab.call(&programs.path(0), &words).expect(0, &[&said], &[]);
    assert_eq!(lab.current(), Some(version(9)));
    let status = lab.call(&programs.path(0), &["self", "status", "--json"]).expect(0, &[""], &[]).json();
    assert_eq!((&status["installed"], &status["runs"]), (&version(0).into(), &version(9).into()));
}

#[test]
fn what_is_far_is_told_and_what_wants_what_is_not_there_is_left() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1)), (&version(9), &programs.bytes(9))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    let ran = lab.call(&programs.path(0), &WORK).run();
    let far = format!("note: relocate {} is available; 'relocate self update' takes it", version(9));
    assert!(ran.err.contains(&far) && ran.err.contains(&format!("{} takes the place", version(1))), "{}", ran.err);
    assert_eq!(lab.current(), Some(version(1)));
    let mut repository = Repository::new();
    repository.add(&version(3), b"#!/bin/sh\n", Some(&version(2)));
    repository.sign();
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    lab.call(&programs.path(0), &["self", "update"]).expect(0, &["stays", "there is no way to that"], &[]);
    assert_eq!(lab.current(), None);
}
