//! Many starts at once, as on a machine that builds: one of them looks, none waits, all do their work.

use crate::lab::Lab;
use crate::programs::{Programs, version};
use crate::repository::{Repository, fetched};
use std::process::Stdio;
use std::time::{Duration, Instant};

const WORK: [&str; 2] = ["elf", "--help"];

/// Starts so many at once; what each said on standard error.
fn at_once(lab: &Lab, programs: &Programs, count: usize) -> Vec<String> {
    let start = || {
        let mut call = lab.call(&programs.path(0), &WORK).0;
        call.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let started: Vec<_> = (0..count).map(|_| start()).collect();
    let said = started.into_iter().map(|child| {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("run-time path"));
        String::from_utf8(output.stderr).unwrap()
    });
    said.collect()
}

#[test]
fn of_many_starts_one_looks_and_says_so() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "notify");
    let said = at_once(&lab, &programs, 24);
    assert_eq!(said.iter().filter(|said| !said.is_empty()).count(), 1, "{said:?}");
    let timestamps = server.log().iter().filter(|asked| asked.target.ends_with("timestamp.json")).count();
    assert_eq!(timestamps, 1);
}

#[test]
fn of_many_starts_one_takes_the_newer_version_and_all_end_well() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1)), (&version(2), &programs.bytes(2))]);
    let server = repository.serve(|_, _| None);
    let lab = Lab::of(&repository, &server, "auto");
    for _ in 0..4 {
        at_once(&lab, &programs, 16);
        lab.tomorrow();
    }
    assert_eq!(lab.current(), Some(version(2)));
    assert!(lab.state()["bad"].as_object().unwrap().is_empty(), "{}", lab.state());
    assert_eq!(fetched(&server), 1);
    assert!(std::fs::read_dir(lab.tool().join("entering")).unwrap().next().is_none());
}

#[test]
fn nobody_waits_for_one_that_hangs() {
    let programs = Programs::all();
    let repository = Repository::with(&[(&version(1), &programs.bytes(1))]);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let lab = Lab::following(&repository, &format!("http://{}/repo", silent.local_addr().unwrap()), "auto");
    let mut call = lab.call(&programs.path(0), &WORK).0;
    let mut first = call.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while lab.state().is_null() {
        std::thread::sleep(Duration::from_millis(5));
    }
    lab.tomorrow();
    let begun = Instant::now();
    assert!(at_once(&lab, &programs, 8).iter().all(String::is_empty));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    lab.call(&programs.path(0), &["self", "update"]).expect(75, &[], &["is fetching a newer relocate"]);
    assert!(first.wait().unwrap().success());
}
