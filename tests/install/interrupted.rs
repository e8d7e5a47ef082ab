//! Runs that are cut short: by a kill before any of their changes, by a full disk, by a limit. What is there then is the old
//! state or one that the next run finishes, for the same path or another.

use crate::call::{Call, relocate};
use crate::packed::{Made, runs_at, settled};
use crate::place::{is_root, succeed, tool};
use crate::state::State;
use crate::step::{Went, kill_at};
use std::fs;
use std::process::Command;

fn install(made: &Made, dest: &str) -> Call {
    relocate(made.place.dir(), ["install", "app.tar.gz", dest])
}

fn remove(made: &Made, name: &str) {
    tool(&[&"rm", &"-rf", &made.place.at(name)]);
}

#[test]
fn a_killed_install_leaves_no_tree_and_the_next_makes_it_whole() {
    let made = Made::new();
    made.pack();
    install(&made, "srv/app").expect(0, &["installed to"], &[]);
    let wanted = settled(&made.place.at("srv/app"));
    let mut points = 0;
    loop {
        remove(&made, "srv");
        let went = kill_at(&install(&made, "srv/app"), points);
        let dest = made.place.at("srv/app");
        if dest.exists() {
            assert_eq!(settled(&dest), wanted, "killed before change {points}");
            remove(&made, "srv/app");
        }
        install(&made, "srv/app").expect(0, &["installed to"], &[]);
        assert_eq!(settled(&dest), wanted, "killed before change {points}");
        assert_eq!(crate::place::names(&made.place.at("srv")), ["app"], "killed before change {points}");
        if went == Went::Ended(0) {
            break;
        }
        points += 1;
    }
    assert!(points > 40, "{points}");
    runs_at(&made.place.at("srv/app"), &made.place.at("srv/app"));
}

/// A tree moved from `one`, and what it is at `two` and at `third/place`.
struct Moves {
    made: Made,
    at_two: State,
    at_third: State,
}

impl Moves {
    fn new() -> Self {
        let made = Made::new();
        made.pack();
        let at = |dest: &str| {
            install(&made, dest).expect(0, &["installed to"], &[]);
            let state = settled(&made.place.at(dest));
            remove(&made, dest);
            state
        };
        let (at_two, at_third) = (at("two"), at("third/place"));
        install(&made, "one").expect(0, &["installed to"], &[]);
        Self { made, at_two, at_third }
    }

    /// A fresh copy of the tree that was at `one`, now at `two`.
    fn fresh(&self) {
        remove(&self.made, "two");
        tool(&[&"cp", &"-a", &self.made.place.at("one"), &self.made.place.at("two")]);
    }

    fn fix(&self, name: &str) -> Call {
        relocate(self.made.place.dir(), ["fix", name])
    }
}

#[test]
fn a_killed_fix_is_finished_by_the_next() {
    let moves = Moves::new();
    let two = moves.made.place.at("two");
    let (mut points, mut seen_moving) = (0, false);
    loop {
        moves.fresh();
        let went = kill_at(&moves.fix("two"), points);
        let moving = fs::read_to_string(two.join(".relocate/place.json")).unwrap().contains("moving_to");
        let verified = relocate(moves.made.place.dir(), ["verify", "two"]).run();
        assert_eq!(
            verified.err.contains("that was cut short"),
            moving,
            "killed before change {points}: {}",
            verified.err
        );
        seen_moving |= moving;
        let ran = moves.fix("two").run();
        assert_eq!(ran.code, Some(0), "killed before change {points}: {}", ran.err);
        assert_eq!(settled(&two), moves.at_two, "killed before change {points}");
        moves.fix("two").expect(0, &["already at"], &[]);
        if went == Went::Ended(0) {
            break;
        }
        points += 1;
    }
    assert!(points > 30 && seen_moving, "{points}");
    runs_at(&two, &two);
}

#[test]
fn a_tree_that_is_moved_on_after_a_kill_arrives_whole() {
    let moves = Moves::new();
    let third = moves.made.place.at("third/place");
    let mut points = 0;
    loop {
        moves.fresh();
        let went = kill_at(&moves.fix("two"), points);
        remove(&moves.made, "third");
        fs::create_dir(moves.made.place.at("third")).unwrap();
        fs::rename(moves.made.place.at("two"), &third).unwrap();
        // And this one is killed too, somewhere.
        kill_at(&moves.fix("third/place"), 3 + points % 20);
        moves.fix("third/place").run();
        assert_eq!(settled(&third), moves.at_third, "killed before change {points}");
        if went == Went::Ended(0) {
            break;
        }
        points += 1;
    }
    runs_at(&third, &third);
}

#[test]
fn a_kill_at_any_time_is_finished_by_the_next() {
    let moves = Moves::new();
    for delay in 0..10 {
        moves.fresh();
        let mut child = moves.fix("two").0.stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2 * delay));
        child.kill().unwrap();
        child.wait().unwrap();
        moves.fix("two").run();
        assert_eq!(settled(&moves.made.place.at("two")), moves.at_two, "killed after {} ms", 2 * delay);
    }
}

/// Root fills a small file system of its own; an ordinary user is stopped by a limit on the size of files.
#[test]
fn a_full_disk_leaves_nothing_of_an_install_and_the_old_files_of_a_move() {
    let moves = Moves::new();
    let made = &moves.made;
    let dir = made.place.dir();
    if is_root() && Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success()) {
        fs::create_dir(made.place.at("disk")).unwrap();
        let script = "mount -t tmpfs -o size=40k tmpfs disk; \"$0\" install app.tar.gz disk/new/srv 2>told && exit 99; \
                      [ $? = 4 ] || exit 98; ls -A disk >left; umount disk; mount -t tmpfs -o size=120k tmpfs disk; \
                      cp -a one disk/two; dd if=/dev/zero of=disk/rest bs=4k 2>/dev/null || :; truncate -s -12K disk/rest; \
                      \"$0\" fix disk/two --at \"$1\" 2>>told && exit 97; [ $? = 4 ] || exit 96; \
                      find disk -name '*partial*' >>left; rm disk/rest; \"$0\" fix disk/two --at \"$1\"; cp -a disk/two two";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-ec", script, crate::call::PROGRAM]).arg(made.place.at("two")).current_dir(dir);
        succeed(&mut command);
        let told = fs::read_to_string(made.place.at("told")).unwrap();
        assert_eq!(told.matches("No space left on device").count(), 2, "{told}");
        assert!(told.contains("finishes what was begun"), "{told}");
        assert_eq!(fs::read_to_string(made.place.at("left")).unwrap(), "");
    } else {
        moves.fresh();
        for (command, told) in [("install app.tar.gz new/srv", "cannot write"), ("fix two", "cannot write")] {
            let limited = format!("trap '' XFSZ; ulimit -f 8; exec \"$0\" {command}");
            let mut shell = Command::new("sh");
            shell.args(["-c", &limited, crate::call::PROGRAM]).current_dir(dir);
            Call(shell).expect(4, &[], &[told, "File too large"]);
        }
        assert!(!made.place.at("new").exists());
        moves.fix("two").expect(0, &["it is at"], &[]);
    }
    assert_eq!(settled(&made.place.at("two")), moves.at_two);
}
