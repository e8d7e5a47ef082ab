//! What must hold for the releases of a directory; kills at every step are in the tests of the commands.

use super::*;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A directory with these releases, each with a file that says which it is.
fn with(serials: &[u32]) -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::open(dir.path()).unwrap();
    for serial in serials {
        let place = root.release(Serial(*serial));
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("which"), serial.to_string()).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o555)).unwrap();
    }
    (dir, root)
}

fn built(held: &mut Held, serial: u32) -> Built {
    let known = Known { version: format!("1.{serial}"), installed: 1_700_000_000, hooks: None };
    held.built(Serial(serial), known, |_| Ok::<(), LiveError>(())).unwrap()
}

fn activate(held: &mut Held, serial: u32) -> Active {
    let built = built(held, serial);
    held.activate(built).unwrap()
}

#[test]
fn one_release_after_the_other_is_current_and_a_rollback_goes_back_step_by_step() {
    let (_dir, root) = with(&[1, 2, 3]);
    assert_eq!((root.current().unwrap(), root.state().unwrap()), (None, State::default()));
    let mut held = root.hold(Wait::No).unwrap();
    assert!(matches!(held.way_back(), Ok(Serial(3))));
    for serial in [1, 2, 3, 3] {
        activate(&mut held, serial);
        assert_eq!(fs::read_to_string(root.link().join("which")).unwrap(), serial.to_string());
    }
    assert_eq!(fs::read_link(root.link()).unwrap(), Path::new("r/3"));
    assert_eq!(held.way_back().unwrap(), Serial(2));
    assert_eq!(activate(&mut held, 2), Active { serial: Serial(2), before: Some(Serial(3)) });
    assert_eq!(held.way_back().unwrap(), Serial(1));
    held.mark_bad(Serial(1)).unwrap();
    assert!(matches!(held.way_back(), Err(LiveError::NoPrevious)));
    let state = root.state().unwrap();
    assert_eq!((state.highest, state.previous, state.pending), (Some(Serial(3)), Some(Serial(3)), None));
    assert_eq!(state.releases[&Serial(3)].version, "1.3");
}

#[test]
fn what_is_not_whole_never_becomes_current() {
    let (_dir, root) = with(&[1]);
    let mut held = root.hold(Wait::No).unwrap();
    let known = Known { version: "1".to_owned(), installed: 0, hooks: None };
    let refused = held.built(Serial(1), known.clone(), |_| Err(LiveError::NoPrevious));
    assert!(matches!(refused, Err(LiveError::NoPrevious)));
    let missing = held.built(Serial(7), known, |_| Ok::<(), LiveError>(())).unwrap_err();
    assert_eq!(missing.to_string(), "release 7 is not installed here");
    assert_eq!(missing.help().as_deref(), Some("there are 1"));
    assert_eq!((root.current().unwrap(), root.state().unwrap()), (None, State::default()));
}

#[test]
fn a_reader_always_finds_a_release() {
    let (_dir, root) = with(&[1, 2]);
    let mut held = root.hold(Wait::No).unwrap();
    let both = [built(&mut held, 1), built(&mut held, 2)];
    held.activate(both[0]).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut read = 0;
            while !stop.load(Ordering::Relaxed) {
                let which = fs::read_to_string(root.link().join("which")).unwrap();
                assert!(matches!(which.as_str(), "1" | "2"));
                read += 1;
            }
            read
        });
        for at in 0..100 {
            held.activate(both[at % 2]).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 100);
    });
}

#[test]
fn a_second_process_waits_or_is_told_whom_it_would_wait_for() {
    let (_dir, root) = with(&[1]);
    let held = root.hold(Wait::No).unwrap();
    let busy = root.hold(Wait::No).unwrap_err();
    let text = busy.to_string();
    assert!(text.starts_with(&format!("another update is at work here, process {}", std::process::id())), "{text}");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| root.hold(Wait::Yes).map(drop));
        thread::sleep(std::time::Duration::from_millis(150));
        assert!(!waiting.is_finished());
        drop(held);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn what_a_kill_left_is_finished_or_forgotten() {
    let (_dir, root) = with(&[1, 2]);
    let mut held = root.hold(Wait::No).unwrap();
    activate(&mut held, 1);
    for (flipped, settled_to) in [(false, 1), (true, 2)] {
        held.note(|state| state.pending = Some((Some(Serial(1)), Serial(2)))).unwrap();
        if flipped {
            crate::base::write::replace_symlink(&root.link(), Path::new("r/2")).unwrap();
        }
        drop(held);
        held = root.hold(Wait::No).unwrap();
        let settled = held.settle().unwrap();
        let (finished, forgotten) = if flipped { (Some(Serial(2)), None) } else { (None, Some(Serial(2))) };
        assert_eq!((settled.finished, settled.forgotten), (finished, forgotten));
        assert_eq!(root.current().unwrap(), Some(Serial(settled_to)));
        assert_eq!(held.state().highest, Some(Serial(settled_to)));
        assert_eq!(held.settle().unwrap(), Settled::default());
    }
    let trash = root.releases().join(".trash-9");
    fs::create_dir_all(trash.join("deep")).unwrap();
    fs::set_permissions(trash.join("deep"), fs::Permissions::from_mode(0o555)).unwrap();
    fs::create_dir(root.releases().join(".3.relocate-partial")).unwrap();
    symlink("r/1", root.path().join(".current.relocate-partial")).unwrap();
    assert_eq!(held.settle().unwrap().removed.len(), 2);
    // The next flip clears its own.
    activate(&mut held, 1);
    activate(&mut held, 2);
    assert!(!root.path().join(".current.relocate-partial").is_symlink());
    assert_eq!((root.installed().unwrap(), root.current().unwrap()), (vec![Serial(1), Serial(2)], Some(Serial(2))));
}

#[test]
fn what_runs_is_pinned_or_may_be_gone_back_to_is_not_collected() {
    let (_dir, root) = with(&[1, 2, 3, 4, 5, 6, 7]);
    let mut held = root.hold(Wait::No).unwrap();
    activate(&mut held, 2);
    let lease = lease(&root).unwrap();
    assert_eq!(lease.serial, Serial(2));
    activate(&mut held, 5);
    activate(&mut held, 4);
    held.pin(Serial(3), true).unwrap();
    assert!(matches!(held.pin(Serial(9), true), Err(LiveError::Missing { .. })));
    let collected = held.collect(1).unwrap();
    assert_eq!(collected, Collected { gone: vec![Serial(1), Serial(6)], leased: vec![Serial(2)] });
    assert_eq!(root.installed().unwrap(), [2, 3, 4, 5, 7].map(Serial));
    drop(lease);
    held.pin(Serial(3), false).unwrap();
    assert_eq!(held.collect(0).unwrap().gone, [2, 3, 7].map(Serial));
    assert_eq!(fs::read_to_string(root.link().join("which")).unwrap(), "4");
    assert_eq!(held.state().releases.keys().copied().collect::<Vec<_>>(), [4, 5].map(Serial));
}

#[test]
fn a_link_or_a_state_that_is_not_ours_is_told() {
    let (_dir, root) = with(&[1]);
    symlink("/etc", root.link()).unwrap();
    let error = root.current().unwrap_err();
    assert!(error.to_string().ends_with("leads to '/etc', which is no release") && error.help().is_some());
    for name in ["01", "+1", "-1", "1 ", "99999999999", "x", ""] {
        assert_eq!(Serial::parse(name), None, "{name}");
    }
    drop(root.hold(Wait::No).unwrap());
    for text in ["{", "{\"format\": 2}", "[]"] {
        fs::write(root.state_file(), text).unwrap();
        assert!(matches!(root.hold(Wait::No), Err(LiveError::State { .. })), "{text}");
    }
}
