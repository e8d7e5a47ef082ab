//! Ledgers say the truth about the files they speak of: what is left out of the result is left out of them, sums are those
//! of the bytes that are shipped, and the record says where the sums stand of files that will get the path of the tree.

use super::contents::{Shipment, StreamError};
use super::reading::{Question, Reading, TextFit};
use super::{Job, JobError, Prepared};
use crate::base::bytes::FileBytes;
use crate::base::finding::{Finding, Severity};
use crate::base::path::RelPath;
use crate::base::sums::{Summing, Sums};
use crate::base::write::Store;
use crate::manifest::{Places, Sum};
use crate::scan::{Entry, Inventory, Kind};
use crate::text::class::{Answer, New};
use crate::text::ledger::{Fate, Stated};
use crate::text::rewrite::{ClassChange, LEDGERS};
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What becomes of one ledger.
struct Rewritten {
    path: RelPath,
    /// Its new bytes and where they name a prefix, where they are others.
    new: Option<(TextFit, Vec<Places>)>,
    sums: Vec<Sum>,
}

/// Rewrites the ledgers, now that all other changes are known.
pub(super) fn rewrite(job: &Job, prepared: &mut Prepared, question: &Question<'_>) -> Result<(), JobError> {
    // A package's list has the sum of a wheel's, which comes first.
    for which in 0..LEDGERS.len() {
        let shipped = Shipped { job, prepared, known: Mutex::default() };
        let ledgers: Vec<_> = prepared.readings.iter().filter(|(_, reading)| is(reading, which)).collect();
        shipped.sum_up(ledgers.iter().filter_map(|(_, reading)| reading.ledger.as_ref()).flat_map(|(_, of)| of))?;
        let one = |(path, reading): (&RelPath, &Reading)| {
            let Some(((_, speaks_of), entry)) = reading.ledger.as_ref().zip(prepared.inventory.entries.get(path))
            else {
                return Ok(None);
            };
            let mut findings = Vec::new();
            let rewritten = shipped.ledger(question, (path, entry), (which, speaks_of), &mut findings)?;
            Ok(Some((rewritten, findings)))
        };
        let done = ledgers.into_par_iter().map(one).collect::<Result<Vec<_>, JobError>>()?;
        let (rewritten, findings): (Vec<_>, Vec<_>) = done.into_iter().flatten().unzip();
        let findings = findings.into_iter().flatten();
        prepared.plan.findings.extend(findings);
        for Rewritten { path, new, sums } in rewritten {
            let Some(reading) = prepared.readings.get_mut(&path) else { continue };
            reading.sums = sums;
            if let Some((fit, places)) = new {
                (reading.text, reading.places) = (Some(Box::new(fit)), places);
            }
        }
    }
    Ok(())
}

/// The sums in the ledgers of a tree to which nothing is done, of files that name the path of the tree.
pub(super) fn look(
    inventory: &Inventory,
    question: &Question<'_>,
    readings: &mut BTreeMap<RelPath, Reading>,
) -> Result<(), JobError> {
    let sums_of = |path: &RelPath, _: &Entry| {
        let source = inventory.source(path);
        let sums = File::open(&source).and_then(FileBytes::new).and_then(|source| Sums::read(&source));
        sums.map_err(|error| JobError::Read { path: source.to_path_buf(), error })
    };
    for (which, ledger) in LEDGERS.iter().enumerate() {
        let mut found = Vec::new();
        for path in readings.iter().filter(|(_, reading)| is(reading, which)).map(|(path, _)| path) {
            let Some(entry) = inventory.entries.get(path) else { continue };
            let bytes = read(&inventory.source(path))?;
            let stated = ledger.sums(&question.subject(path, entry, &bytes));
            found.push((path.clone(), depending(inventory, readings, &stated, &bytes, &sums_of)?));
        }
        for (path, sums) in found {
            if let Some(reading) = readings.get_mut(&path) {
                reading.sums = sums;
            }
        }
    }
    Ok(())
}

fn is(reading: &Reading, which: usize) -> bool {
    reading.ledger.as_ref().is_some_and(|(kind, _)| *kind == which)
}

fn read(source: &Path) -> Result<Vec<u8>, JobError> {
    fs::read(source).map_err(|error| JobError::Read { path: source.to_owned(), error })
}

/// The first name of a file.
fn first<'b>(inventory: &'b Inventory, path: &'b RelPath) -> &'b RelPath {
    match inventory.entries.get(path).map(|entry| &entry.kind) {
        Some(Kind::HardLink(first)) => first,
        _ => path,
    }
}

/// Of the sums of a ledger, those that are right and of files that depend on the path of the tree.
fn depending(
    inventory: &Inventory,
    readings: &BTreeMap<RelPath, Reading>,
    stated: &[Stated],
    bytes: &[u8],
    sums_of: &dyn Fn(&RelPath, &Entry) -> Result<Sums, JobError>,
) -> Result<Vec<Sum>, JobError> {
    let mut sums: Vec<Sum> = Vec::new();
    for Stated { at, form, of } in stated {
        let of = first(inventory, of);
        let depends = |reading: &&Reading| !reading.places.is_empty() || !reading.sums.is_empty();
        let (Some(entry), Some(_)) = (inventory.entries.get(of), readings.get(of).filter(depends)) else { continue };
        let text = bytes.get(at.clone()).unwrap_or_default();
        if form.spell(&sums_of(of, entry)?) == text {
            sums.push(Sum { at: at.start as u64, form: *form, of: of.clone(), text: text.to_vec() });
        }
    }
    Ok(sums)
}

/// The files as they will be shipped.
struct Shipped<'a> {
    job: &'a Job,
    prepared: &'a Prepared,
    known: Mutex<BTreeMap<RelPath, Sums>>,
}

impl Shipped<'_> {
    fn ledger(
        &self,
        question: &Question<'_>,
        (path, entry): (&RelPath, &Entry),
        (which, speaks_of): (usize, &[RelPath]),
        findings: &mut Vec<Finding>,
    ) -> Result<Rewritten, JobError> {
        let ledger = LEDGERS[which];
        let text = self.prepared.readings.get(path).and_then(|reading| reading.text.as_deref());
        let mut bytes = match text {
            Some(fit) => question.store.get(fit.kept)?,
            None => read(&self.prepared.inventory.source(path))?,
        };
        let fates = self.fates(speaks_of)?;
        let fate = |path: &RelPath| fates.get(path).cloned().unwrap_or(Fate::Same);
        let answer =
            if fates.is_empty() { Answer::Same } else { ledger.rewrite(&question.subject(path, entry, &bytes), &fate) };
        let mut new = None;
        match answer {
            Answer::New(made) => {
                bytes.clone_from(&made.bytes);
                let places = question.text_places(path, &bytes);
                new = Some((fit(text, made, ledger.name(), question.store)?, places));
            }
            Answer::Refused(why) => {
                let why = format!("{}: {why}", ledger.name());
                findings.push(Finding::at(path, Severity::Warning, "ledger-refused", why));
            }
            Answer::NotMine | Answer::Same | Answer::Dropped(_) => {}
        }
        let stated = ledger.sums(&question.subject(path, entry, &bytes));
        let Prepared { inventory, readings, .. } = self.prepared;
        let sums = depending(inventory, readings, &stated, &bytes, &|path, entry| self.sums(path, entry))?;
        Ok(Rewritten { path: path.clone(), new, sums })
    }

    /// Takes the sums of all files that change and that a ledger speaks of, the largest first: taken ledger by ledger, those of one large
    /// file would keep one thread while others have nothing left to do.
    fn sum_up<'b>(&self, spoken_of: impl Iterator<Item = &'b RelPath>) -> Result<(), JobError> {
        let Prepared { dropped, plan, inventory, .. } = self.prepared;
        let mut changing: BTreeMap<&RelPath, &Entry> = BTreeMap::new();
        for path in spoken_of.filter(|path| !dropped.contains_key(*path) && !plan.links.contains_key(*path)) {
            let first = first(inventory, path);
            let entry = inventory.entries.get_key_value(first);
            changing.extend(entry.filter(|(_, entry)| self.prepared.changes(self.job, first, entry)));
        }
        let mut changing: Vec<_> = changing.into_iter().collect();
        changing.sort_by_key(|(_, entry)| Reverse(entry.file().map(|facts| facts.size)));
        changing.into_par_iter().try_for_each(|(path, entry)| self.sums(path, entry).map(drop))
    }

    /// What became of the paths a ledger speaks of; those that stay as they are, are not there.
    fn fates(&self, speaks_of: &[RelPath]) -> Result<BTreeMap<RelPath, Fate>, JobError> {
        let Prepared { dropped, plan, inventory, .. } = self.prepared;
        let mut fates = BTreeMap::new();
        for path in speaks_of {
            let fate = if dropped.contains_key(path) {
                Fate::Removed
            } else if let Some(target) = plan.links.get(path) {
                Fate::Link(target.clone())
            } else {
                let first = first(inventory, path);
                match inventory.entries.get(first).filter(|entry| self.prepared.changes(self.job, first, entry)) {
                    Some(entry) => Fate::Changed(self.sums(first, entry)?),
                    None => continue,
                }
            };
            fates.insert(path.clone(), fate);
        }
        Ok(fates)
    }

    /// The sums of a file's bytes as they will be shipped.
    fn sums(&self, path: &RelPath, entry: &Entry) -> Result<Sums, JobError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sums) = known().get(path) {
            return Ok(*sums);
        }
        let mut summing = Summing::default();
        let shipment = Shipment { job: self.job, prepared: self.prepared, search: None };
        let streamed = shipment.stream(path, entry, &mut |bytes| summing.write_all(bytes));
        streamed.map_err(|error| match error {
            StreamError::Job(error) => error,
            StreamError::Sink(error) => JobError::Bug(error.to_string()),
        })?;
        let sums = summing.finish();
        known().insert(path.clone(), sums);
        Ok(sums)
    }
}

/// A ledger that changes, after what changed in it before.
fn fit(before: Option<&TextFit>, new: New, class: &'static str, store: &Store) -> Result<TextFit, JobError> {
    let changes = new.changes.into_iter().map(|change| ClassChange { class, change });
    let before = before.into_iter().flat_map(|fit| fit.changes.iter().cloned());
    let kept = store.put(&new.bytes)?;
    Ok(TextFit { changes: before.chain(changes).collect(), sums: Sums::of(&new.bytes), demands: Vec::new(), kept })
}
