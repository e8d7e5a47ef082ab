//! A build that is killed with SIGKILL, at any moment, goes on when it is run again, and ends in the same bytes.

use crate::lab::{Lab, request};
use relocate::base::child::Cancel;
use relocate::build::hold::{hold, place};
use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Names the directory in which this program, started by the test below, builds.
const LAB: &str = "RELOCATE_TEST_BUILD_IN";
/// How many kills.
const KILLS: u64 = 8;

fn requests() -> Vec<relocate::build::graph::Request> {
    vec![request("www/web", &[]), request("misc/tally", &[])]
}

/// Does nothing unless it is the process that is to be killed.
#[test]
fn a_process_to_be_killed() {
    let Some(dir) = env::var_os(LAB) else { return };
    let mut lab = Lab::at(Path::new(&dir));
    let lock = place(&lab.site.prefix, &lab.site.work);
    lab.site.held = Some(hold(&lock, true, &Cancel::default(), |_| ()).unwrap());
    lab.build(&requests()).outcome();
}

fn start(dir: &Path) -> std::process::Child {
    Command::new(env::current_exe().unwrap())
        .args(["killed::a_process_to_be_killed", "--exact"])
        .env(LAB, dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_build_ends_in_the_same_bytes_when_run_again() {
    let lab = Lab::new();
    let begun = Instant::now();
    assert!(start(&lab.dir).wait().unwrap().success());
    let whole = begun.elapsed();
    let expected = lab.contents();
    lab.begin_again(false);

    // Moments that look random and are the same each time; in parts of the time a whole build takes.
    let mut moment = 12_345_u64;
    for kill in 0..KILLS {
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Between a twentieth and two thirds of it.
        let pause = whole * u32::try_from(5 + (moment >> 33) % 62).unwrap() / 100;
        let mut child = start(&lab.dir);
        thread::sleep(pause);
        child.kill().unwrap();
        child.wait().unwrap();
        eprintln!("kill {kill} after {} ms", pause.as_millis());
        if kill % 3 == 2 {
            assert!(start(&lab.dir).wait().unwrap().success());
            assert_eq!(lab.contents(), expected, "after kill {kill}");
            lab.begin_again(false);
        }
    }
    assert!(start(&lab.dir).wait().unwrap().success());
    assert_eq!(lab.contents(), expected);
}

/// The same in the moment that matters most: with everything made, a build is little but pkg_add.
#[test]
fn a_killed_pkg_add_is_put_right() {
    let lab = Lab::new();
    assert!(start(&lab.dir).wait().unwrap().success());
    let expected = lab.contents();
    for kill in 0..6 {
        lab.begin_again(true);
        let mut child = start(&lab.dir);
        let marker = lab.site.work.join("changing");
        let deadline = Instant::now() + Duration::from_secs(60);
        // After some changes, in the middle of one.
        let mut seen = 0;
        while seen <= kill / 2 && Instant::now() < deadline {
            while !marker.exists() && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(1));
            }
            seen += 1;
            if seen <= kill / 2 {
                while marker.exists() && Instant::now() < deadline {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        }
        thread::sleep(Duration::from_millis(20 * kill));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(start(&lab.dir).wait().unwrap().success());
        assert_eq!(lab.contents(), expected, "after kill {kill}");
    }
}

#[test]
fn two_builds_at_once_take_turns() {
    let lab = Lab::new();
    let (mut one, mut other) = (start(&lab.dir), start(&lab.dir));
    assert!(one.wait().unwrap().success());
    assert!(other.wait().unwrap().success());
    let again = lab.build(&requests());
    assert!(again.outcome().made.is_empty() && again.outcome().cached.is_empty());
}
