//! Killed before each of its changes to the file system, an update or a rollback leaves the old release current or the new one,
//! and the next run finishes; whoever looks meanwhile never finds nothing; two at once do not mix.

use crate::call::{Call, PROGRAM};
use crate::pack::runs;
use crate::place::{Place, is_root, names};
use crate::repository::Repository;
use crate::step::{Went, kill_at};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// The directory of releases as the ordinary user may change it, where the tests run as root.
fn owned(repository: &Repository, user: bool) {
    if user {
        repository.place.give_to_user();
    }
}

fn by(call: Call, user: bool) -> Call {
    if user { call.by_user().env("HOME", "/nonexistent") } else { call }
}

/// A directory in which release 1 is current, and 2 is available.
pub(crate) fn ready(user: bool) -> Repository {
    let mut repository = Repository::with(&[1]);
    owned(&repository, user);
    by(repository.first(), user).expect(0, &["updated"], &[]);
    repository.release(2);
    owned(&repository, user);
    repository
}

pub(crate) fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    crate::place::succeed(Command::new("cp").arg("-a").arg(from).arg(to));
}

/// Kills `make`'s call before each change it makes, looks, and lets the next run finish. The whole suite also runs as an ordinary
/// user.
fn each_step(make: impl Fn(&Repository) -> Call, wanted: u32, more: impl Fn(&mut Repository)) {
    let mut repository = ready(false);
    more(&mut repository);
    let app = repository.releases();
    // Files know their path, so the copy waits aside and comes back to it.
    let kept = repository.place.at("kept");
    copy(&app, &kept);
    let before = runs(&app);
    let mut point = 0;
    while kill_at(&make(&repository), point) == Went::Killed {
        let now = runs(&app);
        assert!(now == before || now == wanted, "{point}: {now}");
        let ran = make(&repository).run();
        // A rollback that had been done already finds nothing to go back to.
        let is_done = now == wanted && ran.code == Some(1);
        assert!(ran.code == Some(0) || is_done, "{point}: {:?} {}{}", ran.code, ran.out, ran.err);
        assert_eq!(runs(&app), wanted, "{point}");
        let left: Vec<_> = names(&app.join("r")).into_iter().filter(|name| name.starts_with('.')).collect();
        assert_eq!(left, Vec::<String>::new(), "{point}");
        crate::place::succeed(Command::new("chmod").args(["-R", "u+rwX"]).arg(&app));
        copy(&kept, &app);
        point += 1;
    }
    assert_eq!(runs(&app), wanted);
    assert!(point > 10, "only {point} steps were seen");
}

#[test]
fn an_update_killed_at_any_step_leaves_a_whole_release_and_the_next_one_finishes() {
    each_step(Repository::update, 2, |_| ());
}

#[test]
fn an_update_by_what_is_different_killed_at_any_step_leaves_a_whole_release_too() {
    each_step(Repository::update, 2, |repository| {
        repository.add_delta(1, 2);
        repository.sign();
    });
}

#[test]
fn a_rollback_killed_at_any_step_leaves_a_whole_release_and_the_next_one_finishes() {
    let rollback = |repository: &Repository| repository.relocate(["rollback", "app"]);
    each_step(rollback, 1, |repository| {
        repository.update().expect(0, &["updated"], &[]);
    });
}

#[test]
fn after_a_rollback_that_was_killed_no_update_brings_the_release_back() {
    let repository = ready(false);
    repository.update().expect(0, &["updated"], &[]);
    let mut point = 0;
    while kill_at(&repository.relocate(["rollback", "app"]), point) == Went::Killed {
        let now = runs(&repository.releases());
        if now == 1 {
            repository.update().expect(0, &["stays"], &[]);
            assert_eq!(runs(&repository.releases()), 1);
            return;
        }
        point += 1;
    }
    assert_eq!(runs(&repository.releases()), 1);
}

#[test]
fn an_update_to_a_release_that_is_not_well_killed_at_any_step_ends_at_the_one_before() {
    let mut repository = ready(false);
    // No program: it cannot be started.
    repository.say(2, "hooks", &serde_json::json!({ "activate": [["share/data"]] }));
    repository.sign();
    let (app, kept) = (repository.releases(), repository.place.at("kept"));
    copy(&app, &kept);
    let mut point = 0;
    while kill_at(&repository.update(), point) == Went::Killed {
        assert!(matches!(runs(&app), 1 | 2), "{point}");
        let ran = repository.update().run();
        // It may have gone back before it was killed.
        assert!(matches!(ran.code, Some(0 | 6)), "{point}: {:?} {}{}", ran.code, ran.out, ran.err);
        let state = fs::read_to_string(app.join(".relocate/state.json")).unwrap();
        let state: serde_json::Value = serde_json::from_str(&state).unwrap();
        assert_eq!((runs(&app), &state["bad"]), (1, &serde_json::json!([2])), "{point}");
        assert!(state["trial"].is_null() && state["pending"].is_null(), "{point}: {state}");
        crate::place::succeed(Command::new("chmod").args(["-R", "u+rwX"]).arg(&app));
        copy(&kept, &app);
        point += 1;
    }
    assert!(point > 15 && runs(&app) == 1, "only {point} steps were seen");
}

/// The first run, with nothing there yet.
#[test]
fn the_first_update_killed_at_any_step_leaves_nothing_or_a_whole_release() {
    let repository = Repository::with(&[1]);
    let app = repository.releases();
    let mut point = 0;
    while kill_at(&repository.first(), point) == Went::Killed {
        if app.join("current").exists() {
            assert_eq!(runs(&app), 1, "{point}");
        }
        let ran = repository.first().run();
        assert_eq!((ran.code, runs(&app)), (Some(0), 1), "{point}: {}{}", ran.out, ran.err);
        crate::place::succeed(Command::new("chmod").args(["-R", "u+rwX"]).arg(&app));
        fs::remove_dir_all(&app).unwrap();
        point += 1;
    }
    assert!(point > 10);
}

#[test]
fn who_looks_while_releases_change_always_finds_one() {
    let repository = ready(false);
    repository.update().expect(0, &["updated"], &[]);
    let (app, done) = (repository.releases(), AtomicBool::new(false));
    thread::scope(|scope| {
        let look = scope.spawn(|| {
            let mut looks = 0_u64;
            while !done.load(Ordering::Relaxed) {
                let said = fs::read(app.join("current/bin/app")).unwrap();
                assert!(said.starts_with(b"#!/bin/sh\necho release "));
                looks += 1;
            }
            looks
        });
        for _ in 0..10 {
            repository.relocate(["rollback", "app", "--to", "1"]).expect(0, &["release 1"], &[]);
            repository.relocate(["rollback", "app", "--to", "2"]).expect(0, &["release 2"], &[]);
        }
        done.store(true, Ordering::Relaxed);
        assert!(look.join().unwrap() > 100);
    });
}

#[test]
fn of_two_updates_at_once_one_waits_or_says_that_it_is_busy() {
    let repository = ready(false);
    let start = |wait: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(["update", "app"]).args(wait).current_dir(repository.place.dir());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(|_| start(&["--wait"])).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(runs(&repository.releases()), 2);
    let lock = fs::File::open(repository.releases().join(".relocate/lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    for command in [&["update", "app"][..], &["rollback", "app"], &["pin", "app", "1"]] {
        repository.relocate(command).expect(75, &[], &["another update is at work here", "--wait"]);
    }
}

/// Nothing of this may need more rights than to write in one directory.
#[test]
fn an_ordinary_user_updates_goes_back_and_runs() {
    let repository = ready(true);
    let app = repository.releases();
    by(repository.update(), true).expect(0, &["updated"], &[]);
    by(repository.relocate(["rollback", "app"]), true).expect(0, &["release 1"], &[]);
    by(repository.relocate(["exec", "app", "app"]), true).expect(0, &["release 1"], &[]);
    by(repository.relocate(["update", "app", "--retry-bad", "2", "--keep", "1"]), true).expect(0, &["updated"], &[]);
    assert_eq!(runs(&app), 2);
    let place = Place::new();
    crate::place::chmod(place.dir(), 0o555);
    if is_root() {
        let denied = ["update", place.at("app").to_str().unwrap(), "--from", "repo", "--root-key", "root.json"]
            .map(str::to_owned);
        by(repository.relocate(denied), true).expect(
            4,
            &[],
            &["cannot make the directory", "make that directory writable"],
        );
    }
}
