//! Two builds of one prefix at once.

use crate::lab::{Lab, Ran};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

/// Starts a build and waits until it has the prefix.
fn at_work(lab: &Lab) -> Child {
    let child = lab.start(&[]);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !lab.prefix.join("bin/bmake").exists() {
        assert!(Instant::now() < deadline, "no bootstrap in a minute");
        thread::sleep(Duration::from_millis(10));
    }
    child
}

#[test]
fn the_second_build_of_a_prefix_waits_or_ends_with_75() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "");
    let first = at_work(&lab);
    let pid = first.id().to_string();
    let refused = lab.build(&["--no-wait"]);
    let waited = lab.build(&[]);
    Ran::wait(first).expect(0, &["ready: "], &[]);
    refused.expect(75, &[], &[&format!("process {pid}"), "help: wait for it, or run without --no-wait"]);
    waited.expect(0, &["ready: "], &[&format!("waiting for process {pid}"), "greet-1.2: there already"]);
}
