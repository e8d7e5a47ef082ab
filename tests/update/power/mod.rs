//! A power cut at any moment of an update or a rollback: the run's own calls are played again, with all that was not made durable there or
//! not, in every order. What is current is whole, what was told as done stays done, and the next run finishes.
//!
//! A reader is a function of what it reads, so each state that it can see is judged once, on a disk and by the real code; that two states
//! are the same to it is seen from their sums. Loose changes that it cannot come by are found from the log, so that all orders of those that
//! remain are all orders there are; chosen states of everything together must be among the ones judged.

mod disk;
mod log;
mod orders;
mod state;

use crate::call::PROGRAM;
use crate::killed::ready;
use crate::pack::runs;
use crate::place::succeed;
use crate::repository::Repository;
use disk::{Disk, Event};
use orders::{Cut, chosen, ways};
use relocate::base::finding::Severity;
use relocate::live::{Root, Serial};
use relocate::pack::verify_dir;
use state::{Change, State};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// How many of the states are followed by a run that finishes; `RELOCATE_ROUNDS=10000` makes that all of them.
const FINISHED: usize = 70;
/// In how many ways changes may be kept so that each is tried.
const MOST: u64 = 1 << 12;

/// A command that goes from one release to another.
struct Course<'a> {
    arguments: &'a [&'a str],
    /// What may be current on the way.
    may: &'a [Option<u32>],
    /// How it ends.
    code: i32,
    current: u32,
    /// What finishes it, and how that may end; the release is the same.
    finish: &'a [&'a str],
    codes: &'a [i32],
    /// No less is tried: cuts, of them those with every order of all changes, states, of them those that a reader can tell apart.
    least: [usize; 4],
}

/// Runs a command under strace and gives what it did to the directory.
fn recorded(repository: &Repository, course: &Course<'_>) -> Disk {
    let (app, text) = (repository.releases(), repository.place.at("strace"));
    let mut disk = Disk::of(&app);
    let traced =
        ["-f", "-y", "-xx", "-s", "10000000", "-e", &format!("trace={}", log::TRACED), "-o"].map(str::to_owned);
    let mut command = Command::new("strace");
    command.args(traced).arg(&text).arg(PROGRAM).args(course.arguments).current_dir(repository.place.dir());
    let ran = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(ran.status.code(), Some(course.code), "{}", String::from_utf8_lossy(&ran.stderr));
    disk.replay(&log::read(&fs::read_to_string(&text).unwrap()));
    // What was understood of the calls is what they did.
    assert_eq!(disk.paths(), Disk::of(&app).paths());
    disk
}

/// The release that is current, which must be whole; what is remembered of releases and trusted must be readable.
fn current(repository: &Repository) -> Result<Option<Serial>, String> {
    let root = Root::open(&repository.releases()).map_err(|error| error.to_string())?;
    root.state().map_err(|error| error.to_string())?;
    let Some(current) = root.current().map_err(|error| error.to_string())? else { return Ok(None) };
    let findings = verify_dir(&root.release(current)).map_err(|error| error.to_string())?;
    if let Some(finding) = findings.iter().find(|finding| finding.severity == Severity::Error) {
        return Err(format!("{current}: {finding:?}"));
    }
    let ran = repository.relocate(["releases", "app"]).run();
    let is_known = ran.out.contains(&format!("current      release {current}")) && ran.out.contains("good until");
    if is_known && ran.code == Some(0) && ran.err.is_empty() { Ok(Some(current)) } else { Err(ran.out + &ran.err) }
}

fn cleared(app: &Path) {
    succeed(Command::new("chmod").args(["-R", "u+rwX"]).arg(app));
    fs::remove_dir_all(app).unwrap();
}

/// What was tried.
#[derive(Debug, Default, PartialEq)]
struct Tried {
    /// Moments: before the first call that changed something or made it durable, and after each.
    cuts: usize,
    /// Of them those at which every order was tried of all changes.
    complete: usize,
    /// Of the others those at which every order was tried of what a reader can come by, and of the rest chosen ones.
    as_read: usize,
    /// States that were made and judged.
    orders: usize,
    /// States that differ.
    states: usize,
    /// States that a reader can tell apart.
    read: usize,
}

/// The states of one command's disk, judged.
struct Judge<'a> {
    repository: &'a Repository,
    disk: &'a Disk,
    may: BTreeSet<Option<Serial>>,
    /// What was current, by what a reader sees.
    judged: BTreeMap<u64, Result<Option<Serial>, String>>,
    wrong: Vec<String>,
    sums: BTreeSet<u64>,
    /// One cut for each state.
    cuts: Vec<Cut>,
    tried: Tried,
}

impl Judge<'_> {
    fn judge(&mut self, cut: &Cut, state: &State) {
        // One is enough.
        if self.wrong.len() > 1 {
            return;
        }
        self.tried.orders += 1;
        if self.sums.insert(state.sum()) {
            self.cuts.push(cut.clone());
        }
        let app = self.repository.releases();
        let now = self.judged.entry(state.seen()).or_insert_with(|| {
            cleared(&app);
            state.write(&app);
            current(self.repository)
        });
        if !now.as_ref().is_ok_and(|now| self.may.contains(now)) {
            self.wrong.push(format!("{now:?} after {cut:?}"));
        }
    }

    /// Judges what may be there at the last of so many cuts, and with that what may be there at the others.
    fn moment(&mut self, over: usize, cuts: usize, dice: &mut impl FnMut(usize) -> usize) {
        let (loose, seen) = (self.disk.loose(over), self.disk.seen(over));
        if !self.wrong.is_empty() {
            return;
        }
        if ways(&seen) > MOST {
            self.wrong.push(format!("after {over} {} changes can be read that are not durable", seen.len()));
            return self.choose(over, &seen, dice);
        }
        self.disk.each(over, &seen, &mut |cut, state| self.judge(cut, state));
        let known = self.judged.len();
        if ways(&loose) <= MOST {
            self.tried.complete += cuts;
            self.disk.each(over, &loose, &mut |cut, state| self.judge(cut, state));
        } else {
            // At the first of them no more was loose than can be tried.
            let first = over + 1 - cuts;
            let few = (first..over).take_while(|over| ways(&self.disk.loose(*over)) <= MOST).last();
            let complete = few.map_or(0, |few| few + 1 - first);
            self.tried.complete += complete;
            self.tried.as_read += cuts - complete;
            if let Some(few) = few {
                self.disk.each(few, &self.disk.loose(few), &mut |cut, state| self.judge(cut, state));
            }
            self.choose(over, &loose, dice);
        }
        // Or a reader comes by more than was thought.
        assert_eq!(self.judged.len(), known, "after {over}");
    }

    fn choose(&mut self, over: usize, loose: &[(usize, &Change)], dice: &mut impl FnMut(usize) -> usize) {
        for cut in chosen(over, loose, dice) {
            self.judge(&cut, &self.disk.state(&cut));
        }
    }
}

/// Cuts the power after each step of a command.
fn cut(repository: &Repository, course: &Course<'_>) -> Tried {
    let disk = recorded(repository, course);
    let (tried, cuts, wrong) = judged(repository, course, &disk);
    assert_eq!(wrong, [] as [String; 0]);
    let numbers = [tried.cuts, tried.complete, tried.states, tried.read];
    assert!(numbers.iter().zip(course.least).all(|(number, least)| *number >= least), "{tried:?}");
    assert_eq!(tried.complete + tried.as_read, tried.cuts);
    let finished = std::env::var("RELOCATE_ROUNDS").map_or(FINISHED, |text| text.parse().unwrap());
    for cut in cuts.iter().step_by(cuts.len().div_ceil(finished)) {
        finish(repository, course, &disk, cut);
    }
    tried
}

/// Judges all there may be at each moment; gives one cut for each state, and what is wrong.
fn judged(repository: &Repository, course: &Course<'_>, disk: &Disk) -> (Tried, Vec<Cut>, Vec<String>) {
    let mut seed = 7_u64;
    let mut dice = |sides: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % sides
    };
    let (may, tried) = (course.may.iter().map(|may| may.map(Serial)).collect(), Tried::default());
    let (judged, sums) = (BTreeMap::new(), BTreeSet::new());
    let mut judge = Judge { repository, disk, may, judged, sums, cuts: Vec::new(), wrong: Vec::new(), tried };
    let mut before = 0;
    for over in disk.moments() {
        if over == disk.events.len() {
            // It was told that it is done.
            judge.may = BTreeSet::from([Some(Serial(course.current))]);
        }
        judge.moment(over, over + 1 - before, &mut dice);
        before = over + 1;
    }
    let Judge { cuts, judged, tried, wrong, .. } = judge;
    let tried = Tried { cuts: disk.events.len() + 1, states: cuts.len(), read: judged.len(), ..tried };
    (tried, cuts, wrong)
}

/// The next run after a power cut.
fn finish(repository: &Repository, course: &Course<'_>, disk: &Disk, cut: &Cut) {
    let app = repository.releases();
    cleared(&app);
    disk.state(cut).write(&app);
    let ran = repository.relocate(course.finish).run();
    assert!(course.codes.iter().any(|code| ran.code == Some(*code)), "{cut:?}: {:?} {}{}", ran.code, ran.out, ran.err);
    assert_eq!(runs(&app), course.current, "{cut:?}: {}{}", ran.out, ran.err);
}

/// From release 1 to 2.
const UPDATE: Course<'_> = Course {
    arguments: &["update", "app"],
    may: &[Some(1), Some(2)],
    code: 0,
    current: 2,
    finish: &["update", "app"],
    codes: &[0],
    least: [95, 65, 1500, 60],
};

#[test]
fn a_power_cut_in_an_update_by_what_is_different() {
    let mut repository = ready(false);
    repository.add_delta(1, 2);
    repository.sign();
    println!("{:?}", cut(&repository, &UPDATE));
}

#[test]
fn a_power_cut_in_an_update_by_the_whole() {
    println!("{:?}", cut(&ready(false), &UPDATE));
}

#[test]
fn a_power_cut_in_the_first_update() {
    let repository = Repository::with(&[1]);
    fs::create_dir(repository.releases()).unwrap();
    let first = &["update", "app", "--from", "repo", "--root-key", "root.json"];
    println!(
        "{:?}",
        cut(&repository, &Course { arguments: first, may: &[None, Some(1)], current: 1, finish: first, ..UPDATE })
    );
}

#[test]
fn a_power_cut_in_an_update_to_a_release_that_is_not_well() {
    let mut repository = ready(false);
    // No program: it cannot be started.
    repository.say(2, "hooks", &serde_json::json!({ "activate": [["share/data"]] }));
    repository.sign();
    println!("{:?}", cut(&repository, &Course { code: 6, current: 1, codes: &[0, 6], ..UPDATE }));
}

#[test]
fn a_power_cut_in_a_rollback() {
    let repository = ready(false);
    repository.update().expect(0, &["updated"], &[]);
    let (arguments, finish) = (&["rollback", "app"], &["rollback", "app", "--to", "1"]);
    println!(
        "{:?}",
        cut(&repository, &Course { arguments, current: 1, finish, codes: &[0, 1], least: [25, 25, 40, 5], ..UPDATE })
    );
}

/// What the test is worth: the first thing that was not made durable and should have been is found.
#[test]
fn each_kind_of_call_that_makes_something_durable_is_needed() {
    let repository = ready(false);
    let disk = recorded(&repository, &UPDATE);
    let kinds: [fn(&Disk, &Event) -> bool; 3] = [
        |_, event| matches!(event, Event::SyncAll),
        |disk, event| matches!(event, Event::Sync(node) if disk.begin.files.contains_key(node)),
        |disk, event| matches!(event, Event::Sync(node) if disk.begin.dirs.contains_key(node)),
    ];
    for kind in kinds {
        let mut without = disk.clone();
        without.events.retain(|event| !kind(&disk, event));
        assert!(without.events.len() < disk.events.len());
        let (_, _, wrong) = judged(&repository, &UPDATE, &without);
        // A state, and not only the number of changes that are loose.
        assert!(wrong.iter().any(|wrong| wrong.starts_with("Err")), "{wrong:?}");
    }
}
