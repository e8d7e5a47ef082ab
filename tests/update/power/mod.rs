//! A power cut at any moment of an update or a rollback: the run's own calls are played again, with all that was not made durable there or
//! not. What is current is whole, what was told as done stays done, and the next run finishes.

mod disk;
mod log;

use crate::call::PROGRAM;
use crate::killed::{copy, ready};
use crate::pack::runs;
use crate::place::succeed;
use crate::repository::Repository;
use disk::{Cut, Disk};
use relocate::base::finding::Severity;
use relocate::live::{Root, Serial};
use relocate::pack::verify_dir;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// How many of the states are followed by a run that finishes.
const FINISHED: usize = 30;

/// Runs a command under strace and gives what it did to the directory.
fn recorded(repository: &Repository, arguments: &[&str]) -> Disk {
    let (app, text) = (repository.releases(), repository.place.at("strace"));
    let mut disk = Disk::of(&app);
    let traced =
        ["-f", "-y", "-xx", "-s", "10000000", "-e", &format!("trace={}", log::TRACED), "-o"].map(str::to_owned);
    let mut command = Command::new("strace");
    command.args(traced).arg(&text).arg(PROGRAM).args(arguments).current_dir(repository.place.dir());
    succeed(command.stdin(Stdio::null()));
    disk.replay(&log::read(&fs::read_to_string(&text).unwrap()));
    // What was understood of the calls is what they did.
    assert_eq!(disk.paths(), Disk::of(&app).paths());
    disk
}

/// The release that is current, which must be whole.
fn current(app: &Path) -> Serial {
    let root = Root::open(app).unwrap();
    let current = root.current().unwrap().unwrap();
    let findings = verify_dir(&root.release(current)).unwrap();
    assert!(findings.iter().all(|finding| finding.severity != Severity::Error), "{current}: {findings:?}");
    current
}

fn cleared(app: &Path) {
    succeed(Command::new("chmod").args(["-R", "u+rwX"]).arg(app));
    fs::remove_dir_all(app).unwrap();
}

/// Cuts the power after each step of a command that goes from one release to another.
fn cut(repository: &Repository, arguments: &[&str], (from, to): (u32, u32), finish: &[&str]) {
    let app = repository.releases();
    let disk = recorded(repository, arguments);
    let (mut seen, mut seed) = (BTreeSet::new(), 7_u64);
    let mut dice = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 63 == 1
    };
    let cuts = (0..=disk.len()).flat_map(|over| disk.after(over, &mut dice)).collect::<Vec<_>>();
    let is_new = |cut: &Cut| seen.insert((disk.state(cut).sum(), cut.over == disk.len()));
    let cuts: Vec<Cut> = cuts.into_iter().filter(is_new).collect();
    assert!(cuts.len() > 25, "only {} states", cuts.len());
    for (at, one) in cuts.iter().enumerate() {
        cleared(&app);
        disk.state(one).write(&app);
        let (now, over) = (current(&app), one.over);
        let may = if over == disk.len() { now == Serial(to) } else { now == Serial(from) || now == Serial(to) };
        assert!(may, "after {over} of {}: {now}", disk.len());
        if at % (cuts.len() / FINISHED + 1) == 0 {
            let ran = repository.relocate(finish).run();
            assert!(matches!(ran.code, Some(0 | 1)), "after {over}: {:?} {}{}", ran.code, ran.out, ran.err);
            assert_eq!(runs(&app), to, "after {over}: {}{}", ran.out, ran.err);
        }
    }
}

#[test]
fn a_power_cut_in_an_update_by_what_is_different() {
    let mut repository = ready(false);
    repository.add_delta(1, 2);
    repository.sign();
    cut(&repository, &["update", "app"], (1, 2), &["update", "app"]);
}

#[test]
fn a_power_cut_in_an_update_by_the_whole() {
    let repository = ready(false);
    cut(&repository, &["update", "app"], (1, 2), &["update", "app"]);
}

#[test]
fn a_power_cut_in_a_rollback() {
    let repository = ready(false);
    repository.update().expect(0, &["updated"], &[]);
    let kept = repository.place.at("kept");
    copy(&repository.releases(), &kept);
    cut(&repository, &["rollback", "app"], (2, 1), &["rollback", "app", "--to", "1"]);
}
