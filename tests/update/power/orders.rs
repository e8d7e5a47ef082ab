//! What may be on a disk when the power is cut: what was made durable is there, of all else any part, in any order.
//!
//! Taken as legal: fsync(2) of a file keeps its bytes and mode, of a directory the changes of its names; syncfs(2) keeps all before it. A
//! rename is done whole or not at all, and may be there though the making of its file's first name, or that file's bytes, are not. Of bytes
//! that were written at once all may be there, none, the first block, all but the last one, or their number alone. What was not made durable was lost or kept whatever
//! happened to its neighbours, so the order in which it came to the disk is told by what of it there is.

use super::disk::{Disk, Event};
use super::state::{Change, Entry, Kept, LINKS, Node, STATE, State, led};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A power cut.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cut {
    /// How many events were over.
    pub(super) over: usize,
    /// What was kept of changes that were not durable; of those that are not listed all.
    kept: BTreeMap<usize, Kept>,
}

/// What a reader may come by: names in directories, directories with all their names, and what these lead to.
#[derive(Debug, Default)]
struct Reach {
    names: BTreeSet<Entry>,
    whole: BTreeSet<Node>,
    nodes: BTreeSet<Node>,
}

impl Reach {
    fn has(&self, change: &Change) -> bool {
        let has_name = |entry: &Entry| self.names.contains(entry) || self.whole.contains(&entry.0);
        match change {
            Change::Add(entry, _) | Change::Take(entry) => has_name(entry),
            Change::Move(from, to, _) => has_name(from) || has_name(to),
            Change::Write(node, ..) | Change::Cut(node, _) | Change::Mode(node, _) => self.nodes.contains(node),
        }
    }
}

impl Disk {
    /// The moments at which all is judged that may be there at any moment: before each event that makes something durable, and at the end.
    /// What may be there in between is there at the next of them too, with what came meanwhile lost.
    pub(super) fn moments(&self) -> Vec<usize> {
        let syncs = self.events.iter().enumerate().filter(|(_, event)| !matches!(event, Event::Change(_)));
        syncs.map(|(at, _)| at).chain([self.events.len()]).collect()
    }

    /// The changes that nothing has made durable, when so many events are over.
    pub(super) fn loose(&self, over: usize) -> Vec<(usize, &Change)> {
        let events = &self.events[..over];
        let is_loose = |at: usize, change: &Change| {
            let of = match change {
                Change::Add((dir, _), _) | Change::Take((dir, _)) => *dir,
                Change::Move(_, (to, _), _) => *to,
                Change::Write(node, ..) | Change::Cut(node, _) | Change::Mode(node, _) => *node,
            };
            let keeps = |event: &Event| match event {
                Event::Sync(node) => of == *node,
                Event::SyncAll => true,
                Event::Change(_) => false,
            };
            !events[at..].iter().any(keeps)
        };
        let changes = events.iter().enumerate().filter_map(|(at, event)| match event {
            Event::Change(change) => Some((at, change)),
            _ => None,
        });
        changes.filter(|(at, change)| is_loose(*at, change)).collect()
    }

    /// Of the loose changes those which who reads the current release can come by, whatever was kept of the others.
    pub(super) fn seen(&self, over: usize) -> Vec<(usize, &Change)> {
        let reach = self.reach(over);
        self.loose(over).into_iter().filter(|(_, change)| reach.has(change)).collect()
    }

    fn reach(&self, over: usize) -> Reach {
        let (mut reach, mut ends) = (Reach::default(), self.may_be(over, Path::new(STATE), &mut Reach::default()));
        self.may_be(over, Path::new(STATE), &mut reach);
        for link in LINKS {
            for node in self.may_be(over, Path::new(link), &mut reach) {
                ends.insert(node);
                if let Some(target) = self.begin.links.get(&node) {
                    ends.extend(self.may_be(over, &led(link, target), &mut reach));
                }
            }
        }
        let mut next: Vec<_> = ends.into_iter().collect();
        while let Some(node) = next.pop() {
            if reach.nodes.insert(node) && self.begin.dirs.contains_key(&node) {
                reach.whole.insert(node);
                next.extend(self.names(over).filter(|((dir, _), _)| *dir == node).map(|(_, child)| child));
            }
        }
        reach
    }

    /// All that a path may ever have led to so far.
    fn may_be(&self, over: usize, path: &Path, reach: &mut Reach) -> BTreeSet<Node> {
        path.iter().fold(BTreeSet::from([0]), |dirs, name| {
            let entries: BTreeSet<Entry> =
                dirs.into_iter().map(|dir| (dir, name.as_encoded_bytes().to_vec())).collect();
            let found = self.names(over).filter(|(entry, _)| entries.contains(entry)).map(|(_, node)| node).collect();
            reach.names.extend(entries);
            found
        })
    }

    /// All names there ever were so far, and of what.
    fn names(&self, over: usize) -> impl Iterator<Item = (Entry, Node)> {
        let first = self
            .begin
            .dirs
            .iter()
            .flat_map(|(dir, names)| names.iter().map(|(name, node)| ((*dir, name.clone()), *node)));
        let later = self.events[..over].iter().filter_map(|event| match event {
            Event::Change(Change::Add(entry, node) | Change::Move(_, entry, node)) => Some((entry.clone(), *node)),
            _ => None,
        });
        first.chain(later)
    }

    /// What is there after a power cut.
    pub(super) fn state(&self, cut: &Cut) -> State {
        let mut state = self.begin.clone();
        for (at, event) in self.events[..cut.over].iter().enumerate() {
            if let Event::Change(change) = event {
                state.keep(change, cut.kept.get(&at).copied().unwrap_or(Kept::All));
            }
        }
        state
    }

    /// Shows all states there may be, however much of each of some loose changes was kept, and of the others all.
    pub(super) fn each(&self, over: usize, free: &[(usize, &Change)], see: &mut dyn FnMut(&Cut, &State)) {
        let mut cut = Cut { over, kept: BTreeMap::new() };
        let free: BTreeSet<usize> = free.iter().map(|(at, _)| *at).collect();
        self.branch(0, &self.begin.clone(), &mut cut, &free, see);
    }

    fn branch(
        &self,
        from: usize,
        state: &State,
        cut: &mut Cut,
        free: &BTreeSet<usize>,
        see: &mut dyn FnMut(&Cut, &State),
    ) {
        let mut state = state.clone();
        for (at, event) in self.events[..cut.over].iter().enumerate().skip(from) {
            let Event::Change(change) = event else { continue };
            if !free.contains(&at) {
                state.apply(change);
                continue;
            }
            for kept in change.ways() {
                let mut other = state.clone();
                other.keep(change, *kept);
                cut.kept.insert(at, *kept);
                self.branch(at + 1, &other, cut, free, see);
            }
            cut.kept.remove(&at);
            return;
        }
        see(cut, &state);
    }
}

/// In how many ways these changes may be kept; the largest number there is where that is not enough.
pub(super) fn ways(changes: &[(usize, &Change)]) -> u64 {
    changes.iter().fold(1, |ways, (_, change)| ways.saturating_mul(change.ways().len() as u64))
}

/// Chosen ways of keeping loose changes: all and none, each prefix, each change lost alone, kept alone or kept in part, each pair lost, all of
/// one directory or file lost or kept alone, all bytes lost, cut or zeros under names that are there, and random ones.
pub(super) fn chosen(over: usize, loose: &[(usize, &Change)], dice: &mut impl FnMut(usize) -> usize) -> Vec<Cut> {
    let mut all = Vec::new();
    let mut push = |way: &mut dyn FnMut(usize, &Change) -> Kept| {
        let kept = loose.iter().enumerate().map(|(number, (at, change))| (*at, way(number, change)));
        all.push(Cut { over, kept: kept.filter(|(_, kept)| *kept != Kept::All).collect() });
    };
    let when = |is_kept: bool| if is_kept { Kept::All } else { Kept::None };
    for end in 0..=loose.len() {
        push(&mut |number, _| when(number < end));
    }
    for (one, (_, change)) in loose.iter().enumerate() {
        push(&mut |number, _| when(number == one));
        for way in &change.ways()[1..] {
            push(&mut |number, _| if number == one { *way } else { Kept::All });
        }
        for other in 0..one {
            push(&mut |number, _| when(number != one && number != other));
        }
    }
    for owner in loose.iter().map(|(_, change)| owner(change)).collect::<BTreeSet<_>>() {
        push(&mut |_, change| when(owner != self::owner(change)));
        push(&mut |_, change| when(owner == self::owner(change)));
    }
    for bytes in [Kept::None, Kept::Length, Kept::Blocks, Kept::First] {
        push(&mut |_, change| {
            if change.ways().contains(&bytes) && change.ways().len() > 2 { bytes } else { Kept::All }
        });
    }
    for _ in 0..RANDOM {
        push(&mut |_, change| change.ways()[dice(change.ways().len())]);
    }
    all
}

const RANDOM: usize = 500;

/// The directory or file that a change is of.
fn owner(change: &Change) -> Node {
    match change {
        Change::Add((dir, _), _) | Change::Take((dir, _)) | Change::Move(_, (dir, _), _) => *dir,
        Change::Write(node, ..) | Change::Cut(node, _) | Change::Mode(node, _) => *node,
    }
}
