//! What was the machine's doing, or somebody's Ctrl-C, does not condemn a copy: it is tried again, and given up where that fails.

use crate::lab::{Lab, notes};
use crate::programs::{Programs, script, version};
use crate::repository::Repository;
use relocate::base::digest::Digest;
use relocate::base::hold::{Hold, hold};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const WORK: [&str; 2] = ["elf", "--help"];

/// A home whose copy is entered, and its digest.
fn entered(programs: &Programs, bytes: &[u8], said: &str) -> (Lab, String) {
    let repository = Repository::with(&[(&version(1), bytes)]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    lab.call(&programs.path(0), &WORK).expect(0, &[said], &["takes the place"]);
    let digest = lab.state()["current"].as_str().unwrap().to_owned();
    (lab, digest)
}

fn marks(lab: &Lab) -> Vec<PathBuf> {
    let listed = fs::read_dir(lab.tool().join("entering")).into_iter().flatten();
    listed.map(|entry| entry.unwrap().path()).collect()
}

/// So many processes were killed on their way into a copy.
fn leave(lab: &Lab, digest: &str, count: u32) {
    for number in 0..count {
        fs::write(lab.tool().join(format!("entering/{digest}.{}.0", 90_000_000 + number)), "").unwrap();
    }
}

fn bad(lab: &Lab) -> usize {
    lab.state()["bad"].as_object().unwrap().len()
}

/// One that passes its test unless a file is there; then it does something else.
fn moody(lab: &Lab, otherwise: &str) -> Vec<u8> {
    let file = lab.place.at("mood");
    let passes = String::from_utf8(script(&version(1), "echo entered")).unwrap();
    let test = format!("[ \"$1\" = --self-test ] && [ -e '{}' ] && {{ {otherwise}; }}", file.display());
    passes.replacen("#!/bin/sh\n", &format!("#!/bin/sh\n{test}\n"), 1).into_bytes()
}

#[test]
fn starts_by_the_dozen_that_are_killed_on_their_way_do_not_condemn_a_copy() {
    let programs = Programs::all();
    let (lab, digest) = entered(&programs, &programs.bytes(1), "run-time path");
    for count in [2, 16, 3] {
        leave(&lab, &digest, count);
        lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &[]);
        assert_eq!((bad(&lab), lab.current(), marks(&lab).len()), (0, Some(version(1)), 0), "{count}");
        // It has arrived, and the next time it is tried again.
        assert_eq!(lab.state()["copies"][&digest]["acquitted"], false, "{count}");
    }
}

#[test]
fn a_copy_that_was_killed_on_its_way_is_given_up_where_its_test_fails_and_for_no_other_reason() {
    let programs = Programs::all();
    let here = Lab::new();
    let (lab, digest) = entered(&programs, &moody(&here, "exit $(cat \"$0.mood\")"), "entered");
    let code = lab.tool().join(format!("copies/{digest}/relocate.mood"));
    fs::write(here.place.at("mood"), "").unwrap();
    leave(&lab, &digest, 2);
    // The disk is full: nothing is known against it.
    fs::write(&code, "4").unwrap();
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &["is not used now: ", "exited with 4"]);
    assert_eq!((bad(&lab), lab.current(), marks(&lab).len()), (0, Some(version(1)), 2));
    fs::remove_file(here.place.at("mood")).unwrap();
    lab.call(&programs.path(0), &WORK).expect(0, &["entered"], &[]);
    assert_eq!((bad(&lab), marks(&lab).len()), (0, 0));
    lab.change(|state| state["copies"][&digest]["acquitted"] = false.into());
    fs::write(here.place.at("mood"), "").unwrap();
    leave(&lab, &digest, 2);
    fs::write(&code, "1").unwrap();
    lab.call(&programs.path(0), &WORK).expect(
        0,
        &["run-time path"],
        &["twice in a row, and its self-test exited with 1"],
    );
    assert_eq!((bad(&lab), lab.current(), marks(&lab).len()), (1, None, 0));
}

#[test]
fn nothing_is_forgotten_that_could_not_be_noted() {
    let programs = Programs::all();
    let (lab, digest) = entered(&programs, &script(&version(1), "echo entered"), "entered");
    lab.change(|state| state["copies"][&digest]["acquitted"] = true.into());
    leave(&lab, &digest, 2);
    let Hold::Ours(held) = hold(&lab.tool().join("lock"), &mut |_| false).unwrap() else { panic!("it is held") };
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &[]);
    assert_eq!((bad(&lab), marks(&lab).len()), (0, 2));
    drop(held);
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &["twice in a row, and again"]);
    assert_eq!((bad(&lab), lab.current(), marks(&lab).len()), (1, None, 0));
}

#[test]
fn a_self_test_that_the_machine_ended_is_tried_again() {
    for (otherwise, said) in
        [("kill -KILL $$", "its self-test was ended by signal 9"), ("exit 4", "its self-test exited with 4")]
    {
        let here = Lab::new();
        fs::write(here.place.at("mood"), "").unwrap();
        let bytes = moody(&here, otherwise);
        let repository = Repository::with(&[(&version(1), &bytes)]);
        let lab = Lab::following(&repository, "memory", "auto");
        for _ in 0..3 {
            let said_now = notes(&lab.begin(&version(0), &repository)).join("\n");
            assert!(said_now.contains(said), "{said_now}");
            assert!(bad(&lab) == 0 && lab.tool().join("cache/relocate-1.tool.part").exists());
            lab.tomorrow();
        }
        fs::remove_file(here.place.at("mood")).unwrap();
        assert!(lab.begin(&version(0), &repository).enter.is_some());
    }
}

#[test]
fn a_self_test_that_does_not_end_in_time_is_bad_the_second_time() {
    for loops in ["while :; do :; done", "trap '' TERM INT; sleep 100 & while :; do wait; done"] {
        let repository = Repository::with(&[("0.2.0", format!("#!/bin/sh\n{loops}\n").as_bytes())]);
        let lab = Lab::following(&repository, "memory", "auto");
        for (count, is_kept) in [(0, true), (1, false)] {
            let said = notes(&lab.begin("0.2.0-a", &repository)).join("\n");
            assert!(said.contains("its self-test did not end within 5 seconds"), "{said}");
            let part = lab.tool().join("cache/relocate-1.tool.part");
            assert_eq!((bad(&lab), part.exists()), (count, is_kept));
            lab.tomorrow();
        }
        assert_eq!(notes(&lab.begin("0.2.0-a", &repository)), [""; 0]);
    }
}

#[test]
fn a_self_test_tells_a_full_disk_from_a_fault() {
    let (programs, lab) = (Programs::all(), Lab::new());
    let call = lab.call(&programs.path(1), &["--self-test"]).env("TMPDIR", "/no/such/directory");
    call.expect(4, &[], &["cannot write in '/no/such/directory'"]);
    lab.call(&programs.path(1), &["--self-test"]).expect(0, &["self-test passed"], &[]);
}

#[test]
fn a_copy_that_cannot_be_read_now_is_not_lost() {
    let programs = Programs::all();
    let (lab, digest) = entered(&programs, &script(&version(1), "echo entered"), "entered");
    let path = lab.tool().join(format!("copies/{digest}/relocate"));
    fs::rename(&path, path.with_extension("kept")).unwrap();
    // An error that says nothing about what is there.
    symlink("relocate", &path).unwrap();
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &["cannot be read, and is not used now"]);
    assert_eq!(lab.current(), Some(version(1)));
    fs::rename(path.with_extension("kept"), &path).unwrap();
    lab.call(&programs.path(0), &WORK).expect(0, &["entered"], &[]);
}

/// As a process that goes into a copy whose project's file is wrong, and closes nothing by itself.
#[test]
fn a_copy_arrives_whatever_else_is_wrong() {
    let programs = Programs::all();
    let (lab, digest) = entered(&programs, &programs.bytes(1), "run-time path");
    let copy = lab.tool().join(format!("copies/{digest}/relocate"));
    let begin = format!(
        "mark='{}'/{digest}.$$.0; exec 7>\"$mark\"; flock -n 7 || exit 9; \
         RELOCATE_ENTERED=$$:0:7:{digest} exec '{}' elf --help",
        lab.tool().join("entering").display(),
        copy.display()
    );
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &begin]).current_dir(lab.place.dir()).stdin(Stdio::null());
    command.env_clear().env("PATH", "/usr/bin:/bin").env("RELOCATE_HOME", "/no/such/home");
    let output = command.env("RELOCATE_WRAPPER", "/no/such/file").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(marks(&lab).is_empty());
}

#[test]
fn self_update_tells_as_json_what_it_took_where_that_cannot_go_on() {
    let programs = Programs::all();
    let mut repository = Repository::new();
    // It is gone once it was tried.
    let gone = format!("#!/bin/sh\necho 'relocate {}: self-test passed'\nrm \"$0\"\n", version(1));
    let digest: Digest = repository.add(&version(1), gone.as_bytes(), None);
    repository.add(&version(2), &programs.bytes(2), Some(&version(1)));
    repository.sign();
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "notify");
    let ran = lab.call(&programs.path(0), &["self", "update", "--json"]).expect(0, &["updated"], &[]);
    let told = ran.json();
    assert_eq!(told["sha256"], digest.to_string());
    assert!(told.to_string().contains("could not be entered"), "{told}");
}
