//! What follows from the texts that change: files that are left out, and ledgers that must say the truth about the rest.

use super::reading::{Left, Question, Reading, TextFit, sums};
use super::strip::edition;
use super::{JobError, Prepared};
use crate::base::bytes::{Edited, FileBytes, ReadAt};
use crate::base::digest::Sum;
use crate::base::finding::{Finding, Severity};
use crate::base::path::RelPath;
use crate::base::write::Store;
use crate::loader::tree::{Place, Tree};
use crate::scan::{Entry, Inventory, Kind};
use crate::text::class::{Answer, Demand};
use crate::text::ledger::{Fate, Sums};
use crate::text::pyc;
use crate::text::rewrite::{ClassChange, LEDGERS};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};

/// How much of a file is summed up at a time, in bytes.
const CHUNK: u64 = 4 << 20;

/// What is left out of the result: why, and how many bytes it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The class or option that says so.
    pub by: &'static str,
    /// Why.
    pub why: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Takes what the classes of text leave out from the inventory, with all names and symlinks of it, and the compiled files
/// of Python sources that change: they would be stale.
pub(super) fn leave_out(
    inventory: &mut Inventory,
    tree: &Tree,
    readings: &BTreeMap<RelPath, Reading>,
) -> BTreeMap<RelPath, Dropped> {
    let mut dropped = BTreeMap::new();
    for (path, reading) in readings {
        if let Some(Left::Dropped(class, why)) = &reading.left {
            dropped.insert(path.clone(), Dropped { by: class, why: why.clone(), size: size(inventory, path) });
        }
    }
    let mut more = Vec::new();
    for (path, entry) in &inventory.entries {
        let follows = match &entry.kind {
            Kind::HardLink(first) => dropped.get(first).cloned(),
            Kind::Symlink(target) => match tree.resolve(&path.parent().unwrap_or_default(), target) {
                Place::Inside(real) => dropped.get(&real).cloned(),
                _ => None,
            },
            Kind::File(_) => stale(path, readings).then(|| Dropped {
                by: "python",
                why: "compiled from a source that changed".to_owned(),
                size: size(inventory, path),
            }),
            Kind::Dir | Kind::Special(_) => None,
        };
        more.extend(follows.map(|dropped| (path.clone(), dropped)));
    }
    dropped.extend(more);
    inventory.entries.retain(|path, _| !dropped.contains_key(path));
    dropped
}

fn size(inventory: &Inventory, path: &RelPath) -> u64 {
    inventory.entries.get(path).and_then(Entry::file).map_or(0, |facts| facts.size)
}

/// Whether a file was compiled from a Python source that changes.
fn stale(path: &RelPath, readings: &BTreeMap<RelPath, Reading>) -> bool {
    let source = path.parent().and_then(|directory| {
        let (name, above) = pyc::source_name(directory.name(), path.name())?;
        Some(if above { directory.parent()?.join(&name) } else { directory.join(&name) })
    });
    source.and_then(|source| readings.get(&source)).is_some_and(|reading| reading.text.is_some())
}

/// Rewrites the ledgers, now that all other changes are known.
pub(super) fn ledgers(prepared: &mut Prepared, question: &Question<'_>, store: &Store) -> Result<(), JobError> {
    let mut rewritten = Vec::new();
    for (path, reading) in &prepared.readings {
        let (Some((which, speaks_of)), Some(entry)) = (&reading.ledger, prepared.inventory.entries.get(path)) else {
            continue;
        };
        let fates = fates(prepared, speaks_of)?;
        if fates.is_empty() {
            continue;
        }
        let bytes = match &reading.text {
            Some(fit) => store.get(fit.kept)?,
            None => fs::read(&entry.source).map_err(|error| JobError::Read { path: entry.source.clone(), error })?,
        };
        let fate = |path: &RelPath| fates.get(path).cloned().unwrap_or(Fate::Same);
        let ledger = LEDGERS[*which];
        match ledger.rewrite(&question.subject(path, entry, &bytes), &fate) {
            Answer::New(new) => {
                let places = question.text_places(path, &new.bytes);
                let kept = store.put(&new.bytes)?;
                let changes = new.changes.into_iter().map(|change| ClassChange { class: ledger.name(), change });
                let before = reading.text.iter().flat_map(|fit| fit.changes.iter().cloned());
                let changes = before.chain(changes).collect();
                let fit = TextFit { changes, sums: sums(&new.bytes), demands: Vec::new(), kept };
                rewritten.push((path.clone(), fit, places));
            }
            Answer::Refused(why) => {
                let finding =
                    Finding::at(path, Severity::Warning, "ledger-refused", format!("{}: {why}", ledger.name()));
                prepared.plan.findings.push(finding);
            }
            Answer::NotMine | Answer::Same | Answer::Dropped(_) => {}
        }
    }
    for (path, fit, places) in rewritten {
        if let Some(reading) = prepared.readings.get_mut(&path) {
            (reading.text, reading.places) = (Some(fit), places);
        }
    }
    Ok(())
}

/// What became of the paths a ledger speaks of; those that stay as they are, are not there.
fn fates(prepared: &Prepared, speaks_of: &[RelPath]) -> Result<BTreeMap<RelPath, Fate>, JobError> {
    let mut fates = BTreeMap::new();
    for path in speaks_of {
        if prepared.dropped.contains_key(path) {
            fates.insert(path.clone(), Fate::Removed);
            continue;
        }
        if let Some(target) = prepared.plan.links.get(path) {
            fates.insert(path.clone(), Fate::Link(target.clone()));
            continue;
        }
        let first = match prepared.inventory.entries.get(path).map(|entry| &entry.kind) {
            Some(Kind::HardLink(first)) => first,
            _ => path,
        };
        if let Some(fit) = prepared.readings.get(first).and_then(|reading| reading.text.as_ref()) {
            fates.insert(path.clone(), Fate::Changed(fit.sums));
        } else if prepared.fits.contains_key(first) || prepared.strip_of(first).is_some() {
            fates.insert(path.clone(), Fate::Changed(elf_sums(prepared, first)?));
        }
    }
    Ok(fates)
}

/// The sums of an ELF file with its new run-time path, without its debug sections.
fn elf_sums(prepared: &Prepared, path: &RelPath) -> Result<Sums, JobError> {
    let missing = || JobError::Bug(format!("{path} is planned and not in the inventory"));
    let source = &prepared.inventory.entries.get(path).ok_or_else(missing)?.source;
    let unreadable = |error| JobError::Read { path: source.clone(), error };
    let file = File::open(source).and_then(FileBytes::new).map_err(unreadable)?;
    let wanted = prepared.plan.rewrites.get(path).map(|rewrite| &rewrite.wanted);
    let edition = edition(&file, prepared.strip_of(path).is_some(), wanted);
    let edition = edition.map_err(|_| JobError::Changed { path: path.clone() })?;
    let edited = Edited::new(&file, &edition.edits, edition.size);
    let (mut sum, mut offset) = (Sum::default(), 0);
    while offset < edition.size {
        let piece = edited.range(offset, (edition.size - offset).min(CHUNK)).map_err(unreadable)?;
        sum.update(&piece);
        offset += piece.len() as u64;
    }
    let (md5, sha256) = sum.finish();
    Ok(Sums { size: edition.size, md5, sha256 })
}

/// What a person should know of the texts.
pub(super) fn findings(prepared: &Prepared) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, reading) in &prepared.readings {
        match &reading.left {
            Some(Left::Refused(class, why)) => {
                let finding = Finding::at(path, Severity::Warning, "text-refused", format!("{class}: {why}"));
                findings.push(
                    finding.help(
                        "it names the old prefix until 'relocate install' or 'relocate fix' writes the final path",
                    ),
                );
            }
            Some(Left::Strings(why)) => {
                let found = format!("names the old prefix in strings that must not be overwritten: {why}");
                let finding = Finding::at(path, Severity::Warning, "strings-refused", found);
                findings.push(finding.help("build it for a prefix whose last part is no plausible word, or tell it its paths by option or variable"));
            }
            Some(Left::Dropped(..)) | None => {}
        }
        let demands: BTreeSet<Demand> = reading.text.iter().flat_map(|fit| fit.demands.iter().copied()).collect();
        findings.extend(demands.into_iter().map(|demand| demanded(path, demand)));
    }
    for (path, dropped) in &prepared.dropped {
        findings.push(Finding::at(path, Severity::Note, "left-out", format!("{}: {}", dropped.by, dropped.why)));
    }
    findings
}

fn demanded(path: &RelPath, demand: Demand) -> Finding {
    let found = match demand {
        Demand::EnvSplit => {
            "needs 'env -S' for its first line: GNU coreutils 8.30 or newer, which el7, ubuntu-18.04 and busybox have not"
        }
        Demand::LongShebang => "has a first line of over 127 bytes: it needs Linux 5.1 or newer",
    };
    Finding::at(path, Severity::Warning, "shebang-demands", found)
}
