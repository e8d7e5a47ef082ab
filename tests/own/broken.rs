//! Copies that do not pass, crash, loop, are for another machine or are changed on the disk: never entered again, and the old one runs.

use crate::lab::{Lab, notes};
use crate::programs::{Programs, rude, script, version};
use crate::repository::{Repository, day};
use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

const WORK: [&str; 2] = ["elf", "--help"];

/// An ELF header for a machine that this is not.
fn foreign() -> Vec<u8> {
    let mut bytes = fs::read("/proc/self/exe").unwrap()[..4096].to_vec();
    bytes[18] = 243;
    bytes
}

#[test]
fn what_does_not_pass_its_own_test_is_bad_for_ever_and_the_old_one_runs() {
    let fails = |text: &str| format!("#!/bin/sh\n{text}\n").into_bytes();
    for (bytes, why) in [
        (fails("exit 1"), "its self-test exited with 1"),
        (fails("echo no crypto >&2; exit 3"), "exited with 3; it printed: no crypto"),
        (fails("kill -SEGV $$"), "its self-test was ended by signal 11"),
        (fails("exit 0"), "its self-test did not say that it passed"),
        (rude("0.3.0", ""), "it says to be 0.3.0, and was published as 0.2.0"),
        (foreign(), "it is no program for this machine"),
        (b"\x7fELF".to_vec(), "it is no program for this machine"),
    ] {
        let repository = Repository::with(&[("0.2.0", &bytes)]);
        let lab = Lab::following(&repository, "memory", "auto");
        let begun = lab.begin("0.2.0-rc.1", &repository);
        let said = notes(&begun);
        assert!(begun.enter.is_none() && said.len() == 1, "{said:?}");
        assert!(said[0].contains("relocate 0.2.0 is not used: ") && said[0].contains(why), "{said:?}");
        assert_eq!(lab.state()["bad"].as_object().unwrap().len(), 1);
        assert!(fs::read_dir(lab.tool().join("copies")).unwrap().next().is_none());
        // It is not fetched again, whatever day it is; what comes after it is.
        lab.tomorrow();
        assert_eq!(notes(&lab.begin("0.2.0-rc.1", &repository)), [""; 0]);
        assert!(!lab.tool().join("cache/relocate-1.tool.part").exists());
        let mut repository = repository;
        repository.add("0.2.1", &script("0.2.1", ""), None);
        repository.sign();
        lab.tomorrow();
        let begun = lab.begin("0.2.0-rc.1", &repository);
        assert_eq!(notes(&begun), ["note: relocate 0.2.1 takes the place of 0.2.0-rc.1"]);
        assert!(begun.enter.is_some());
    }
}

/// A copy that passes its test, and ends before it has arrived.
#[test]
fn a_copy_that_crashes_at_once_and_again_after_it_was_tried_is_not_entered_any_more() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &rude(&version(1), "kill -SEGV $$"))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    // Twice in a row, it is tried, and twice more.
    for _ in 0..4 {
        assert_eq!(lab.call(&programs.path(0), &WORK).run().code, None);
    }
    let ran = lab.call(&programs.path(0), &WORK).expect(
        0,
        &["run-time path"],
        &["ended before it had started to work, twice"],
    );
    assert_eq!(ran.err.lines().count(), 1);
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &[]);
    lab.tomorrow();
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &[]);
    lab.call(&programs.path(0), &["self", "status"]).expect(0, &["bad ", "twice in a row"], &[]);
    // Whoever asks for it gets it all the same.
    lab.call(&programs.path(0), &["self", "update"]).expect(0, &["stays", "--retry-bad"], &[]);
    lab.call(&programs.path(0), &["self", "update", "--retry-bad"]).expect(0, &["updated"], &[]);
    assert_eq!(lab.call(&programs.path(0), &WORK).run().code, None);
}

#[test]
fn a_copy_that_hangs_before_it_has_arrived_and_is_killed_is_given_up_as_one_that_crashes() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &rude(&version(1), "while :; do :; done"))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    for _ in 0..4 {
        let mut call = lab.call(&programs.path(0), &WORK).0;
        let mut child = call.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while !fs::read_to_string(format!("/proc/{}/comm", child.id())).is_ok_and(|name| name == "relocate\n") {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is never entered");
            thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &["twice in a row"]);
}

#[test]
fn a_copy_that_once_did_not_arrive_is_well_when_it_does() {
    let programs = Programs::all();
    // Crashes while there is a file.
    let lab = Lab::new();
    let file = lab.place.at("crash");
    let crashes = format!("[ -e '{}' ] && kill -SEGV $$", file.display());
    let work = script(&version(1), "echo entered");
    let work = String::from_utf8(work).unwrap().replacen("IFS=", &format!("{crashes}\nIFS="), 1);
    let repository = Repository::with(&[(&version(1), work.as_bytes())]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    for _ in 0..3 {
        fs::write(&file, "").unwrap();
        assert_eq!(lab.call(&programs.path(0), &WORK).run().code, None);
        fs::remove_file(&file).unwrap();
        let ran = lab.call(&programs.path(0), &WORK).run();
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), "entered\n"), "{}", ran.err);
        // A real program would have taken away the marks of those before it, too.
        fs::remove_dir_all(lab.tool().join("entering")).unwrap();
    }
    assert_eq!(lab.current(), Some(version(1)));
}

#[test]
fn a_real_copy_takes_away_its_mark_and_those_of_copies_that_did_not_arrive() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &["takes the place"]);
    let digest = lab.state()["current"].as_str().unwrap().to_owned();
    fs::write(lab.tool().join(format!("entering/{digest}.99999999.0")), "").unwrap();
    lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &[]);
    assert!(fs::read_dir(lab.tool().join("entering")).unwrap().next().is_none());
    // Nothing of it is left open for what it starts.
    let ran = lab.call(&programs.path(0), &["--help"]).run();
    assert_eq!(ran.code, Some(0));
}

#[test]
fn a_copy_that_was_changed_or_is_gone_is_not_entered_and_comes_again() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1)), (&version(2), &programs.bytes(2))]);
    let server = repository.serve(|_, _| None);
    for harm in 0..4 {
        let lab = Lab::of(&repository, &server, "auto");
        lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &["takes the place"]);
        thread::sleep(Duration::from_millis(60));
        lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &[]);
        let digest = lab.state()["current"].as_str().unwrap().to_owned();
        assert!(lab.state()["copies"][&digest]["stamp"].is_string());
        let path = lab.tool().join(format!("copies/{digest}/relocate"));
        match harm {
            0 => fs::remove_file(&path).unwrap(),
            1 => fs::write(&path, "#!/bin/sh\necho evil\n").unwrap(),
            2 => fs::write(&path, programs.bytes(3)).unwrap(),
            _ => {
                // A bit, in place: the time of the change tells.
                use std::io::{Seek, SeekFrom, Write};
                let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
                file.seek(SeekFrom::End(-1)).unwrap();
                file.write_all(b"\x07").unwrap();
            }
        }
        let ran =
            lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &["is not what it was, and not used"]);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert_eq!(lab.current(), None);
        lab.tomorrow();
        lab.call(&programs.path(0), &WORK).expect(0, &["run-time path"], &["takes the place"]);
        assert_eq!(lab.current(), Some(version(2)));
    }
}

#[test]
fn a_copy_that_cannot_be_started_for_the_machines_sake_is_kept_and_tried_again() {
    let repository = Repository::with(&[("0.2.0", &script("0.2.0", ""))]);
    let lab = Lab::following(&repository, "memory", "auto");
    // Its interpreter is missing: that is ENOENT, and may be there tomorrow.
    let missing = String::from_utf8(script("0.2.0", "")).unwrap().replace("/bin/sh", "/tmp/no/such/sh");
    let repository = Repository::with(&[("0.2.0", missing.as_bytes())]);
    let begun = lab.begin("0.2.0-a", &repository);
    let said = notes(&begun).join("\n");
    assert!(said.contains("it cannot be started here") && said.lines().count() == 1, "{said}");
    assert!(lab.state()["bad"].as_object().unwrap().is_empty());
    assert!(lab.tool().join("cache/relocate-1.tool.part").exists());
}

#[test]
fn a_clock_of_1970_or_of_ten_years_ahead_is_told_and_does_not_stop_looking_for_ever() {
    let repository = Repository::with(&[("0.2.0", &script("0.2.0", ""))]);
    let lab = Lab::following(&repository, "memory", "notify");
    let at = |now| {
        let files = repository.files.clone();
        let begun = lab.begin_with("0.2.0-a", now, move || Ok(Box::new(crate::repository::Memory(files.clone()))));
        notes(&begun).join("\n")
    };
    let available = "note: relocate 0.2.0 is available; 'relocate self update' takes it";
    assert!(at(relocate::tuf::Moment::from_seconds(100)).contains("the clock"), "1970");
    assert_eq!(at(day(0)), available);
    assert_eq!(at(day(0)), "");
    let said = at(day(3650));
    assert!(said.starts_with("warning: ") && said.lines().count() == 1, "{said}");
    assert_eq!(at(day(3650)), "");
    // Back in the present: it is asked at once.
    assert_eq!(at(day(0)), available);
    assert!(at(day(-1)).contains("available"));
    assert_eq!(at(day(0)), available);
    assert_eq!(at(day(0)), "");
    assert_eq!(at(day(1)), available);
}
