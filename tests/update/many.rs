//! One update and rollback after the other, most of them killed at some moment: what is current is whole, what was gone back from
//! is not forgotten, and the disk does not fill. `RELOCATE_ROUNDS=1000` makes more of them than the suite has time for.

use crate::call::PROGRAM;
use crate::place::succeed;
use crate::repository::Repository;
use relocate::base::finding::Severity;
use relocate::live::{Root, Serial};
use relocate::pack::verify_dir;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use walkdir::WalkDir;

/// How long a run takes that nobody kills, about, in microseconds.
const WHOLE_RUN: u64 = 120_000;

/// The same numbers in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Runs a command and kills it after a while; whether it came to its end, and was well.
fn run(dir: &Path, arguments: &[&str], after: Option<Duration>) -> bool {
    let mut command = Command::new(PROGRAM);
    let mut child =
        command.args(arguments).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    if let Some(after) = after {
        thread::sleep(after);
        // One that has ended already is not there to be killed.
        let _ = child.kill();
    }
    child.wait().unwrap().success()
}

/// What is current, compared byte by byte and run.
fn look(root: &Root) -> Serial {
    let current = root.current().unwrap().unwrap();
    let place = root.release(current);
    let findings = verify_dir(&place).unwrap();
    assert!(findings.iter().all(|finding| finding.severity != Severity::Error), "{current}: {findings:?}");
    let said = String::from_utf8(succeed(&mut Command::new(place.join("bin/where")))).unwrap();
    assert!(said.trim_end().ends_with(place.to_str().unwrap().trim_start_matches('/')), "{said}");
    current
}

#[test]
fn whatever_is_killed_the_current_release_is_whole_and_nothing_is_forgotten() {
    let rounds = std::env::var("RELOCATE_ROUNDS").map_or(40, |text| text.parse().unwrap());
    let mut repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    let (app, dir) = (repository.releases(), repository.place.dir().to_owned());
    let root = Root::open(&app).unwrap();
    let (mut dice, mut newest, mut bad, mut killed) = (Dice(42), 1, BTreeSet::new(), 0);
    for round in 0..rounds {
        if dice.roll(3) == 0 {
            newest += 1;
            repository.add_as(newest, newest % crate::pack::RELEASES + 1);
            repository.sign();
        }
        let before = look(&root);
        let after = (dice.roll(4) > 0).then(|| Duration::from_micros(dice.roll(WHOLE_RUN)));
        let goes_back = dice.roll(4) == 0;
        let done = run(&dir, if goes_back { &["rollback", "app"] } else { &["update", "app"] }, after);
        killed += u32::from(!done);
        let now = look(&root);
        if goes_back && now < before {
            bad.insert(before);
        }
        assert!(goes_back || now >= before, "round {round}: an update went from {before} to {now}");
        let state = root.state().unwrap();
        assert!(bad.is_subset(&state.bad), "round {round}: {bad:?} {:?}", state.bad);
        assert!(goes_back || !bad.contains(&now) || now == before, "round {round}: {now} came again");
        let releases = root.installed().unwrap().len();
        // Three newest, the current one, the one before, and one that a killed run did not collect.
        assert!(releases <= 6, "round {round}: {releases} releases");
    }
    println!(
        "rounds: {rounds}, killed before their end: {killed}, releases published: {newest}, gone back from: {}",
        bad.len()
    );
    // Enough of them came to an end, and enough did not.
    assert!(killed > rounds / 10 && killed < rounds, "{killed} of {rounds}");
    repository.add_as(newest + 1, 1);
    repository.sign();
    assert!(run(&dir, &["update", "app"], None));
    assert_eq!(look(&root), Serial(newest + 1));
    let ours = WalkDir::new(app.join(".relocate")).into_iter().map(|entry| entry.unwrap().metadata().unwrap().len());
    let (ours, entries) = (ours.sum::<u64>(), fs::read_dir(app.join("r")).unwrap().count());
    // A line of the log for each round, and two copies of a list that names every release there ever was.
    let most = 100_000 + 300 * u64::from(rounds) + 1_500 * u64::from(newest);
    assert!(ours < most && entries <= 5, "{ours} bytes, {entries} releases");
}
