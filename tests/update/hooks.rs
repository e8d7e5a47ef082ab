//! What a release wants to be run is run, within what the machine allows; a release that is not well goes, and the one before comes
//! back and is taken into use again.

use crate::call::{Call, relocate};
use crate::pack::runs;
use crate::published::Made;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

/// A machine that follows a repository whose releases have hooks.
struct Machine(Made);

/// Writes its release, the one before and what it was asked for to a log.
const LOG: &str = r#""/bin/sh", "-c", "echo $0 $RELOCATE_SERIAL after ${RELOCATE_BEFORE:-none} >> $RELOCATE_ROOT/log""#;

impl Machine {
    fn new() -> Self {
        let new = Self(Made::new());
        fs::create_dir(new.0.0.at("app")).unwrap();
        new.allow("programs = [\"/bin/sh\"]");
        new
    }

    fn allow(&self, text: &str) {
        fs::write(self.app().join("policy.toml"), text).unwrap();
    }

    fn app(&self) -> PathBuf {
        self.0.0.at("app")
    }

    fn publish(&self, serial: u32, hooks: &str) {
        fs::write(self.0.0.at("hooks.toml"), hooks).unwrap();
        self.0.publish_with(serial, &["--hooks", "hooks.toml"]);
    }

    /// Publishes one that logs both, and is well if `health` succeeds.
    fn with(&self, serial: u32, health: &str) {
        let health = format!("[\"/bin/sh\", \"-c\", \"{health}\"]");
        self.publish(
            serial,
            &format!("activate = [[{LOG}, \"activate\"]]\nhealth = [[{LOG}, \"health\"], {health}]\nseconds = 2"),
        );
    }

    fn update(&self, more: &[&str]) -> Call {
        let begin = ["update", "app", "--from", "repo", "--root-key", "repo/tuf/1.root.json"];
        relocate(self.0.0.dir(), [&begin[..], more].concat())
    }

    fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.app().join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_release_is_taken_into_use_and_shows_that_it_is_well() {
    let machine = Machine::new();
    machine.with(1, "exit 0");
    machine.update(&[]).expect(0, &["(release 1) is current"], &[]);
    // Well at the third try.
    machine.with(
        2,
        "echo x >> $RELOCATE_ROOT/tries; test $(wc -l < $RELOCATE_ROOT/tries) = 3 -a $PWD = $RELOCATE_RELEASE",
    );
    machine.update(&[]).expect(0, &["(release 2) is current"], &[]);
    let said = ["activate 1 after none", "health 1 after none", "activate 2 after 1", "health 2 after 1"];
    assert_eq!(machine.log(), said);
    machine.update(&[]).expect(0, &["up to date"], &[]);
    assert_eq!((machine.log().len(), runs(&machine.app())), (4, 2));
    // Going back takes the other one into use.
    relocate(machine.0.0.dir(), ["rollback", "app"]).expect(0, &["release 1 (1.1) is current"], &[]);
    assert_eq!(machine.log()[4..], ["activate 1 after 2", "health 1 after 2"]);
}

#[test]
fn a_release_that_is_not_well_goes_and_the_one_before_is_taken_into_use_again() {
    let machine = Machine::new();
    machine.with(1, "exit 0");
    machine.update(&[]).expect(0, &["(release 1) is current"], &[]);
    machine.with(2, "echo out of order; test -e $RELOCATE_ROOT/repaired");
    let ran = machine.update(&[]).run();
    assert_eq!(ran.code, Some(6), "{}{}", ran.out, ran.err);
    for said in ["rolled back:", "exited with 1; it printed: out of order", "release 1 is current again"] {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
    assert_eq!(runs(&machine.app()), 1);
    let said = ["activate 2 after 1", "health 2 after 1", "activate 1 after 2"];
    assert_eq!(machine.log()[2..], said);
    machine.update(&[]).expect(0, &["as before:", "release 2 failed here before", "--retry-bad 2"], &[]);
    fs::write(machine.app().join("repaired"), "").unwrap();
    machine.update(&["--retry-bad", "2"]).expect(0, &["(release 2) is current"], &[]);
    let audit = fs::read_to_string(machine.app().join(".relocate/audit.jsonl")).unwrap();
    assert!(audit.contains(r#""action":"returned""#) && audit.contains("out of order"), "{audit}");
}

#[test]
fn the_first_release_leaves_nothing_current_if_it_is_not_well() {
    let machine = Machine::new();
    machine.with(1, "exit 3");
    let ran = machine.update(&["--json"]).run();
    assert_eq!(ran.code, Some(6), "{}{}", ran.out, ran.err);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["outcome"], "rolled back");
    assert_eq!(told["returned"], serde_json::json!({ "from": 1, "to": null }));
    assert!(told["why"].as_str().unwrap().contains("exited with 3"), "{told}");
    assert!(!machine.app().join("current").is_symlink());
    machine.update(&[]).expect(1, &[], &["release 1 failed here before"]);
    machine.update(&["--retry-bad", "1", "--no-hooks"]).expect(0, &["(release 1) is current"], &[]);
    assert_eq!(machine.log().len(), 2);
}

#[test]
fn what_hangs_is_ended_with_all_that_it_started() {
    let machine = Machine::new();
    machine.with(1, "exit 0");
    machine.update(&[]).expect(0, &["(release 1) is current"], &[]);
    let hang =
        "trap '' TERM; echo $$ > $RELOCATE_ROOT/pid; sleep 1234 & echo $! >> $RELOCATE_ROOT/pid; wait; sleep 1234";
    machine.publish(2, &format!("activate = [[\"/bin/sh\", \"-c\", \"{hang}\"]]\nseconds = 1"));
    let ran = machine.update(&[]).run();
    assert_eq!(ran.code, Some(6), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("was still running after 1 s"), "{}", ran.out);
    for pid in fs::read_to_string(machine.app().join("pid")).unwrap().lines() {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{state}");
    }
    assert_eq!(runs(&machine.app()), 1);
}

#[test]
fn a_machine_says_what_may_be_run_on_it_and_nothing_is_fetched_where_more_is_wanted() {
    let machine = Machine::new();
    machine.allow("");
    machine.with(1, "exit 0");
    let denied = ["wants '/bin/sh -c", "policy.toml' does not allow", "--no-hooks"];
    machine.update(&[]).expect(1, &[], &denied);
    assert!(!machine.app().join("r/1").exists());
    machine.publish(2, "health = [[\"bin/app\"]]");
    machine.allow("hooks = false");
    machine.update(&[]).expect(1, &[], &["wants 'bin/app' to be run"]);
    for wrong in ["hooks = 1", "hook = true", "["] {
        machine.allow(wrong);
        machine.update(&[]).expect(2, &[], &["policy.toml' cannot be used"]);
    }
    machine.allow("");
    machine.update(&[]).expect(0, &["(release 2) is current"], &[]);
}

#[test]
fn a_trial_that_was_cut_short_is_held_by_the_next_run() {
    for (well, code, current) in [(true, 0, 2), (false, 6, 1)] {
        let machine = Machine::new();
        machine.with(1, "exit 0");
        machine.update(&[]).expect(0, &["(release 1) is current"], &[]);
        let hang = "echo $$ > $RELOCATE_ROOT/pid; test -e $RELOCATE_ROOT/well && exit 0; test -e $RELOCATE_ROOT/ill && exit 1; sleep 60";
        let hooks = format!("health = [[\"/bin/sh\", \"-c\", \"{hang}\"]]\nseconds = 60");
        machine.publish(2, &if well { hooks } else { hooks.replace("seconds = 60", "seconds = 1") });
        let mut running = machine.update(&[]).0.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let since = Instant::now();
        while !machine.app().join("pid").exists() {
            assert!(since.elapsed() < Duration::from_secs(30));
            thread::sleep(Duration::from_millis(10));
        }
        running.kill().unwrap();
        running.wait().unwrap();
        fs::write(machine.app().join(if well { "well" } else { "ill" }), "").unwrap();
        let ran = machine.update(&[]).run();
        assert_eq!(ran.code, Some(code), "{}{}", ran.out, ran.err);
        assert_eq!(runs(&machine.app()), current);
    }
}

#[test]
fn going_back_stays_though_the_release_is_not_well_and_says_so() {
    let machine = Machine::new();
    machine.with(1, "test ! -e $RELOCATE_ROOT/broken");
    machine.update(&[]).expect(0, &["(release 1) is current"], &[]);
    machine.with(2, "exit 0");
    machine.update(&[]).expect(0, &["(release 2) is current"], &[]);
    fs::write(machine.app().join("broken"), "").unwrap();
    relocate(machine.0.0.dir(), ["rollback", "app"]).expect(1, &[], &["release 1 is current, but", "exited with 1"]);
    assert_eq!(runs(&machine.app()), 1);
}

#[test]
fn a_release_whose_hooks_cannot_be_run_is_not_published() {
    let machine = Machine::new();
    for (hooks, code, why) in [
        ("activate = [[\"bin/missing\"]]", 2, "'bin/missing', which is not in the archive"),
        ("health = [[\"share/data\"]]", 2, "'share/data', which is no program"),
        ("health = [[\"../bin/sh\"]]", 2, "is no program of the release"),
        ("health = \"bin/app\"", 2, "--hooks"),
        ("shell = \"x\"", 2, "unknown field"),
    ] {
        fs::write(machine.0.0.at("hooks.toml"), hooks).unwrap();
        fs::write(machine.0.0.at("new.tar.zst"), crate::pack::archive(1)).unwrap();
        let what = ["publish", "new.tar.zst", "repo", "--app", "app", "--hooks", "hooks.toml"];
        let ran = relocate(machine.0.0.dir(), [&what[..], &["--release-key", "keys/release.pem"]].concat()).run();
        assert!(ran.code == Some(code) && ran.err.contains(why), "{hooks}: {:?} {}", ran.code, ran.err);
    }
}
