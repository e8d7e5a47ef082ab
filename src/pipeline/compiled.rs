//! Compiled Python files of sources that name the path of the tree: their strings get it too, and their headers the size
//! that the source then has, so that Python takes them for fresh and they say the same.
//!
//! Only a file that is fresh now, and in which it is sure where its strings begin, can follow; any other is left out of the
//! result, because with a path of the same length Python would take its old strings for those of the source.

use super::JobError;
use super::reading::{self, Reading};
use super::texts::Dropped;
use crate::base::digest::Mark;
use crate::base::path::{Prefix, RelPath};
use crate::base::sums::SumForm;
use crate::manifest::{How, Places, Sum};
use crate::scan::{Class, Entry, Inventory, Kind};
use crate::text::pyc;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// What becomes of one compiled file.
enum Compiled {
    /// It follows its source.
    Follows(Vec<Places>, Option<Sum>),
    /// It cannot.
    Lost,
}

/// Notes in the readings where compiled files name a prefix, and leaves out those that cannot follow their sources.
pub(super) fn follow(
    inventory: &mut Inventory,
    prefixes: &[Prefix],
    readings: &mut BTreeMap<RelPath, Reading>,
    dest: Option<&Prefix>,
) -> Result<BTreeMap<RelPath, Dropped>, JobError> {
    let mut dropped = BTreeMap::new();
    let mut lost = note(inventory, prefixes, readings)?;
    let unfit = |reading: &Reading| {
        let mut places = reading.places.iter().filter(|places| places.class == pyc::CLASS);
        let holds = |places: &Places, dest: &Prefix| {
            let room = prefixes.get(places.prefix).map_or(0, |prefix| prefix.as_bytes().len());
            dest.as_bytes().len() <= room && dest.as_bytes().is_ascii()
        };
        dest.is_some_and(|dest| places.any(|places| !holds(places, dest)))
    };
    lost.extend(readings.iter().filter(|(_, reading)| unfit(reading)).map(|(path, _)| path.clone()));
    drop_all(inventory, &mut dropped, &lost);
    for path in lost {
        if let Some(reading) = readings.get_mut(&path) {
            (reading.places, reading.sums) = (Vec::new(), Vec::new());
        }
    }
    Ok(dropped)
}

/// Leaves out files with all their names.
fn drop_all(inventory: &mut Inventory, dropped: &mut BTreeMap<RelPath, Dropped>, lost: &BTreeSet<RelPath>) {
    let is_name = |(name, entry): &(&RelPath, &Entry)| {
        lost.contains(*name) || matches!(&entry.kind, Kind::HardLink(first) if lost.contains(first))
    };
    let names: Vec<RelPath> = inventory.entries.iter().filter(is_name).map(|(name, _)| name.clone()).collect();
    for name in names {
        let size = inventory.entries.remove(&name).as_ref().and_then(Entry::file).map_or(0, |facts| facts.size);
        let why = "compiled from a source that gets its path later".to_owned();
        dropped.insert(name, Dropped { by: "python", why, size });
    }
}

/// Notes in the readings where compiled files name a prefix; gives those that cannot follow their sources.
pub(super) fn note(
    inventory: &Inventory,
    prefixes: &[Prefix],
    readings: &mut BTreeMap<RelPath, Reading>,
) -> Result<BTreeSet<RelPath>, JobError> {
    let mut lost = BTreeSet::new();
    let mut follows = Vec::new();
    if readings.is_empty() {
        return Ok(lost);
    }
    for (path, entry) in &inventory.entries {
        let Some(source) = pyc::source(path) else { continue };
        // A symlink's text has its places where it leads; Python compiles by the name it opens.
        let moves = readings.get(&source).is_some_and(|reading| !reading.places.is_empty());
        let (true, Some(_), Some(source_entry)) = (moves, entry.file(), inventory.entries.get(&source)) else {
            continue;
        };
        let at = inventory.source(path);
        let bytes = fs::read(&at).map_err(|error| JobError::Read { path: at.to_path_buf(), error })?;
        if entry.file().is_some_and(|facts| reading::differs(facts, readings.get(path), Mark::of(&bytes))) {
            return Err(JobError::Changed { path: path.clone() });
        }
        match compiled(entry, &bytes, (&source, source_entry), prefixes) {
            Some(Compiled::Follows(places, sum)) => follows.push((path.clone(), places, sum)),
            Some(Compiled::Lost) => drop(lost.insert(path.clone())),
            None => {}
        }
    }
    for (path, places, sum) in follows {
        let reading = readings.entry(path).or_default();
        (reading.places, reading.sums) = (places, sum.into_iter().collect());
    }
    Ok(lost)
}

/// None for what Python did not compile.
fn compiled(
    entry: &Entry,
    bytes: &[u8],
    (source, source_entry): (&RelPath, &Entry),
    prefixes: &[Prefix],
) -> Option<Compiled> {
    let Class::Pyc(stamp) = entry.file()?.class else {
        let found = if pyc::is_checked(bytes)? { None } else { pyc::places(bytes, prefixes) };
        // Python never compares it: a path that does not fit is refused, as for other data.
        return Some(found.map_or(Compiled::Lost, |found| Compiled::Follows(places("data", found), None)));
    };
    let sized = pyc::source_size(bytes).and_then(|at| {
        let text = bytes.get(at as usize..at as usize + 4)?.to_vec();
        Some(Sum { at, form: SumForm::SourceSize, of: source.clone(), text })
    });
    let size = (source_entry.file()?.size & u64::from(u32::MAX)) as u32;
    // Python keeps the time modulo 2^32.
    let fresh = i64::from(stamp.mtime) == source_entry.mtime & i64::from(u32::MAX);
    let sized = sized.filter(|sum| fresh && sum.text == size.to_le_bytes());
    let Some((sum, found)) = sized.zip(pyc::places(bytes, prefixes)) else { return Some(Compiled::Lost) };
    Some(Compiled::Follows(places(pyc::CLASS, found), Some(sum)))
}

fn places(class: &str, found: Vec<(usize, u64)>) -> Vec<Places> {
    let mut groups: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for (prefix, offset) in found {
        groups.entry(prefix).or_default().push(offset);
    }
    let group = |(prefix, at)| Places { how: How::Padded, class: class.to_owned(), prefix, at };
    groups.into_iter().map(group).collect()
}
