//! What the main job says of everything but run-time paths that names the prefix: texts that changed, what was left out,
//! and what waits for the final path.

use super::paste;
use super::report::{bytes, count};
use super::summary::Written;
use crate::pipeline::{Job, Prepared};
use crate::text::kind::Kind;
use std::collections::BTreeMap;
use std::ffi::OsStr;

/// What became of texts, and of what else names the prefix; none where there is nothing to tell.
pub(super) fn texts(job: &Job, prepared: &Prepared) -> Option<String> {
    if job.elf_only { Some(not_looked_at(job, prepared)) } else { rewritten(prepared) }
}

/// That nothing was looked at, what tells what there is, and what changes it: with the prefix, which nothing but the texts
/// may name any more.
fn not_looked_at(job: &Job, prepared: &Prepared) -> String {
    let prefixes = &prepared.choice.prefixes;
    let options: Vec<_> = prefixes.iter().map(|prefix| ("--old-prefix", prefix.to_string())).collect();
    let line =
        |words: &[&OsStr]| paste::command(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), &options);
    let named = prefixes.first().map_or_else(|| "an old path".to_owned(), ToString::to_string);
    let check = line(&["relocate".as_ref(), "check".as_ref(), job.root.as_ref()]);
    let rest = line(&["relocate".as_ref(), "pack".as_ref(), job.root.as_ref(), "--in-place".as_ref()]);
    format!("not looked at; what else names {named} is told by\n  {check}\nand changed by\n  {rest}")
}

/// Texts rewritten and files left out, by class; none where nothing was.
fn rewritten(prepared: &Prepared) -> Option<String> {
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    let fits = prepared.readings.values().filter_map(|reading| reading.text.as_ref());
    for fit in fits.clone() {
        let mut of_file: Vec<_> = fit.changes.iter().map(|change| change.class).collect();
        of_file.dedup();
        for class in of_file {
            *classes.entry(class).or_default() += 1;
        }
    }
    let mut dropped: BTreeMap<&str, usize> = BTreeMap::new();
    for left in prepared.dropped.values() {
        *dropped.entry(left.by).or_default() += 1;
    }
    let mut said = Vec::new();
    if fits.clone().next().is_some() {
        said.push(format!("{} rewritten ({})", fits.count(), list(&classes)));
    }
    if !dropped.is_empty() {
        said.push(format!("{} left out ({})", prepared.dropped.len(), list(&dropped)));
    }
    (!said.is_empty()).then(|| said.join("; "))
}

fn list(classes: &BTreeMap<&str, usize>) -> String {
    classes.iter().map(|(class, number)| format!("{number} {class}")).collect::<Vec<_>>().join(", ")
}

/// What was left out to make the tree smaller, by word; none where nothing was.
pub(super) fn pruned(prepared: &Prepared) -> Option<String> {
    let pruned = &prepared.inventory.pruned;
    let mut words: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for gone in pruned.iter().filter(|gone| gone.size > 0) {
        let (files, size) = words.entry(&gone.by).or_default();
        (*files, *size) = (*files + 1, *size + gone.size);
    }
    let list = words.iter().map(|(word, (files, size))| format!("{word}: {}, {}", count(*files, "file"), bytes(*size)));
    (!pruned.is_empty()).then(|| list.collect::<Vec<_>>().join("\n"))
}

/// How many files lose their debug sections, what that saves, and how many keep theirs.
pub(super) fn stripped(prepared: &Prepared) -> String {
    let (files, saved) = prepared.stripped().fold((0, 0), |(files, sum), (_, strip)| (files + 1, sum + strip.saved));
    let kept = prepared.readings.values().filter(|reading| matches!(reading.strip, Some(Err(_)))).count();
    let kept = if kept == 0 { String::new() } else { format!("; {kept} left as they are") };
    format!("{}, {} less{kept}", count(files, "file"), bytes(saved))
}

/// How many files name the path of the tree, what becomes of them, and the command for the target.
pub(super) fn places(job: &Job, prepared: &Prepared, written: Option<&Written>) -> Option<String> {
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut files, mut places, mut for_people) = (0, 0, 0);
    for reading in prepared.readings.values().filter(|reading| !reading.places.is_empty()) {
        let class = reading.places[0].class.as_str();
        if Kind::named(class).is_some_and(Kind::is_for_people) {
            for_people += 1;
            continue;
        }
        *classes.entry(class).or_default() += 1;
        files += 1;
        places += reading.places.iter().map(|places| places.at.len()).sum::<usize>();
    }
    if files + for_people == 0 {
        return None;
    }
    let mut lines = vec![match files {
        0 => format!("named by {} only", count(for_people, "document")),
        _ => format!("named {} in {} ({})", count(places, "time"), count(files, "file"), list(&classes)),
    }];
    if let Some(capacity) = prepared.capacity() {
        lines.push(format!("room for a path of {capacity} bytes{}", if capacity < SHORT { LONGER } else { "" }));
    }
    match (&job.dest, written) {
        (Some(dest), _) => lines.push(format!("written for {dest}: the target needs tar alone")),
        (None, Some(Written::InPlace)) => {}
        (None, _) if files == 0 => {}
        (None, _) => lines.push(command(job)),
    }
    Some(lines.join("\n"))
}

/// Whether something waits for the final path.
pub(super) fn wants_final_path(job: &Job, prepared: &Prepared, written: Option<&Written>) -> bool {
    job.dest.is_none() && prepared.wants_final_path() && !matches!(written, Some(Written::InPlace))
}

/// Under this many bytes a path has little room: `/home/somebody/software/name-1.0` has 33.
const SHORT: u64 = 40;
const LONGER: &str = "; for more, build at a longer path whose last part is no plausible word";

/// What to run on the target.
fn command(job: &Job) -> String {
    if job.tool.is_some() {
        return "after tar, run in the unpacked tree: .relocate/bin/relocate fix .".to_owned();
    }
    "on the target: 'relocate install', or after tar 'relocate fix' (the result carries no tool of its own)".to_owned()
}
