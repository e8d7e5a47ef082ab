//! A program that is run from the current release stays with it.

use crate::call::PROGRAM;
use crate::pack::runs;
use crate::place::names;
use crate::repository::Repository;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

#[test]
fn a_program_of_the_current_release_runs_by_its_real_path() {
    let repository = Repository::with(&[1]);
    repository.relocate(["exec", "app", "where"]).expect(4, &[], &["app"]);
    repository.first().expect(0, &["updated"], &[]);
    let real = fs::canonicalize(repository.releases()).unwrap().join("r/1");
    let said = String::from_utf8(repository.relocate(["exec", "app", "where"]).expect_bytes()).unwrap();
    assert!(said.starts_with("1 ") && said.trim().ends_with(real.to_str().unwrap()), "{said}");
    repository.relocate(["exec", "app", "bin/app", "0", "--help"]).expect(0, &["release 1"], &[]);
    repository.relocate(["exec", "app", "nothing"]).expect(1, &[], &["release 1 has no program 'nothing'"]);
    for outside in ["../../../bin/sh", "/bin/sh"] {
        repository.relocate(["exec", "app", outside]).expect(1, &[], &["has no program"]);
    }
}

#[test]
fn a_release_that_a_process_runs_from_stays_until_that_ends() {
    let mut repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    let app = repository.releases();
    let mut running = Command::new(PROGRAM);
    running.arg("exec").arg(&app).args(["app", "60"]).stdout(Stdio::piped()).process_group(0);
    running.env("RELOCATE_WRAPPER", "/x/relocatew.properties").env("RELOCATE_ENTERED", "1:0:5:x");
    let mut running = running.spawn().unwrap();
    let mut said = [0; 10];
    running.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(&said, b"release 1\n");
    // What relocate was told of itself is not for what it runs.
    let told = fs::read(format!("/proc/{}/environ", running.id())).unwrap();
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains("PATH=") && !told.contains("RELOCATE_WRAPPER") && !told.contains("RELOCATE_ENTERED"));
    repository.release(2);
    repository.relocate(["update", "app", "--keep", "1"]).expect(0, &["updated"], &[]);
    repository.release(3);
    repository.update().expect(0, &["updated", "still running, removed later: release 1"], &[]);
    assert_eq!((runs(&app), names(&app.join("r"))), (3, ["1", "2", "3"].map(str::to_owned).to_vec()));
    // Its child, sleep, holds the lease until it ends as well.
    killpg(Pid::from_raw(running.id().cast_signed()), Signal::SIGKILL).unwrap();
    running.wait().unwrap();
    repository.release(4);
    repository.update().expect(0, &["removed: releases 1, 2"], &[]);
    assert_eq!(names(&app.join("r")), ["3", "4"]);
}

/// A service may run as a user who may change nothing of what it runs.
#[test]
fn a_user_who_may_not_write_there_runs_a_release_and_holds_it() {
    if !crate::place::is_root() {
        return;
    }
    let mut repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    repository.relocate(["exec", "app", "app"]).by_user().expect(0, &["release 1"], &[]);
    repository.release(2);
    repository.update().expect(0, &["updated"], &[]);
    repository.relocate(["exec", "app", "app"]).by_user().expect(0, &["release 2"], &[]);
    repository.relocate(["releases", "app"]).by_user().expect(0, &["current      release 2"], &[]);
    repository.relocate(["verify", "app"]).by_user().expect(0, &["every byte"], &[]);
}
