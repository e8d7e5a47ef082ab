//! Homes that are read-only, full, somebody else's, open to all, or none: the present version runs.

use crate::lab::{Lab, notes};
use crate::place::{USER, chmod, is_root};
use crate::programs::{Programs, script, version};
use crate::repository::Repository;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

const WORK: [&str; 2] = ["elf", "--help"];

#[test]
fn a_home_that_cannot_be_written_is_one_warning_and_a_copy_in_it_is_entered() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    lab.give();
    lab.call(&programs.path(0), &WORK).by_user().expect(0, &["run-time path"], &["takes the place"]);
    for dir in ["", "copies", "entering", "trust", "cache"] {
        chmod(lab.tool().join(dir), 0o555);
    }
    for _ in 0..2 {
        let ran = lab.call(&programs.path(0), &["self", "status", "--json"]).by_user().run();
        assert_eq!(ran.json()["runs"], version(1).as_str());
        lab.call(&programs.path(0), &WORK).by_user().expect(0, &["run-time path"], &[]);
    }
    chmod(lab.tool(), 0o755);
    lab.change(|state| state["asked"] = 0.into());
    chmod(lab.tool(), 0o555);
    let before = server.log().len();
    let ran = lab.call(&programs.path(0), &WORK).by_user().expect(0, &["run-time path"], &["warning: could not look"]);
    assert_eq!((ran.err.lines().count(), server.log().len()), (1, before), "{}", ran.err);
    lab.follow(&server.url("repo"), "off");
    chmod(lab.tool(), 0o555);
    lab.give();
    lab.call(&programs.path(0), &WORK).by_user().expect(0, &["run-time path"], &[]);
}

#[test]
fn a_home_that_others_can_write_in_is_not_believed() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &script(&version(1), "echo evil"))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    lab.call(&programs.path(0), &WORK).expect(0, &["evil"], &["takes the place"]);
    for mode in [0o777, 0o770, 0o1777] {
        chmod(lab.tool(), mode);
        lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &["others can write in it"]);
        lab.call(&programs.path(0), &["self", "update"]).expect(4, &[], &["others can write in it"]);
    }
    chmod(lab.tool(), 0o755);
    lab.call(&programs.path(0), &WORK).expect(0, &["evil"], &[]);
}

#[test]
fn root_with_the_home_of_somebody_else_leaves_it_alone() {
    if !is_root() {
        // An ordinary user cannot have it so; what they have is another user's home that they may read.
        return;
    }
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &script(&version(1), "echo evil"))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    lab.give();
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &[]);
    assert!(server.log().is_empty() && lab.state().is_null());
    lab.call(&programs.path(0), &["self", "update"]).expect(4, &[], &["belongs to another user"]);
    // Nor is one begun there.
    let lab = Lab::new();
    fs::write(lab.place.at("root.json"), repository.root()).unwrap();
    lab.give();
    let words = ["self", "update", "--from", &server.url("repo"), "--root-key", "root.json"];
    lab.call(&programs.path(0), &words).expect(4, &[], &["in a directory of another user"]);
    assert!(!lab.home().exists());
    // Its owner may.
    lab.call(&programs.path(0), &words).by_user().expect(0, &["updated"], &[]);
    assert_eq!(fs::metadata(lab.tool()).unwrap().uid(), USER);
}

#[test]
fn a_program_with_more_rights_than_who_starts_it_looks_at_no_home() {
    if !is_root() {
        return;
    }
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &script(&version(1), "echo evil"))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    let program = lab.place.at("relocate");
    fs::copy(programs.path(0), &program).unwrap();
    chmod(&program, 0o4755);
    let mut call = lab.call(&program, &WORK);
    call.0.uid(USER).gid(USER);
    // Nor at a project's file.
    call.env("RELOCATE_WRAPPER", "/no/such/file").expect(0, &["run-time path"], &[]);
    assert!(server.log().is_empty() && lab.state().is_null());
}

#[test]
fn a_disk_that_is_full_from_any_write_on_harms_nothing() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &script(&version(1), "echo entered"))]);
    let server = repository.serve(|_, _| None);
    let calls =
        "write,pwrite64,copy_file_range,fsync,ftruncate,mkdir,symlink,symlinkat,link,linkat,rename,renameat,renameat2";
    let mut failures = 0;
    for point in (1..).step_by(3) {
        let lab = Lab::of(&repository, &server, "auto");
        let inject = format!("inject={calls}:error=ENOSPC:when={point}+");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &inject]);
        strace.arg(programs.path(0)).args(["check", "nothing-here"]).current_dir(lab.place.dir());
        strace.env_clear().env("PATH", "/usr/bin:/bin").env("RELOCATE_HOME", lab.home());
        let output = strace.output().unwrap_or_else(|error| panic!("strace: {error}"));
        // What it does then is its own affair where it cannot write to standard error either.
        assert!(matches!(output.status.code(), Some(0 | 2)), "{point}: {output:?}");
        lab.tomorrow();
        let ran = lab.call(&programs.path(0), &["check", "nothing-here"]).run();
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), "entered\n"), "{point}: {}", ran.err);
        assert!(lab.state()["bad"].as_object().unwrap().is_empty(), "{point}: {}", lab.state());
        if output.stdout == b"entered\n" && point > 20 {
            break;
        }
        failures += 1;
    }
    assert!(failures > 5, "{failures}");
}

#[test]
fn a_home_that_is_no_directory_is_as_good_as_none() {
    let lab = Lab::new();
    fs::write(lab.home(), "a file").unwrap();
    let repository = Repository::new();
    assert!(notes(&lab.begin("0.1.0", &repository)).is_empty());
    let programs = Programs::all();
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &[]);
}

#[test]
fn a_home_that_follows_nothing_is_not_spoken_of() {
    let (programs, lab) = (Programs::all(), Lab::new());
    fs::create_dir_all(lab.tool()).unwrap();
    chmod(lab.tool(), 0o777);
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &[]);
    // Nor is one that cannot be looked at, as that of root for who has its HOME.
    chmod(lab.home(), 0o700);
    lab.call(&programs.path(0), &WORK).by_user().expect(0, &["run-time path"], &[]);
}
