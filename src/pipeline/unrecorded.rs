//! A tree that relocate did not make gets a record, so that it can be moved: where its files name the prefix they were built
//! for, as they are now.
//!
//! Nothing is rewritten. What only a rewrite makes right, run-time paths and symlinks that name the prefix, is told of.

use super::JobError;
use super::around::Around;
use super::compiled;
use super::ledgers;
use super::reading::{self, Digests, Left, Question, Reading};
use crate::base::event::Listener;
use crate::base::finding::{Finding, Severity};
use crate::base::glob::Globs;
use crate::base::path::{Prefix, RelPath, printable};
use crate::base::write::{self, Parents, Store};
use crate::manifest::{self, About, FORMAT, How, Manifest};
use crate::plan;
use crate::scan::{self, Entry, Inventory, Kind};
use crate::text::occurrence::Names;
use crate::text::pyc;
use crate::text::rewrite;
use std::collections::BTreeMap;
use std::path::Path;

/// What a tree without a record is.
#[derive(Debug)]
pub struct Unrecorded {
    /// The record it lacks.
    pub manifest: Manifest,
    /// What a person should know, sorted.
    pub findings: Vec<Finding>,
}

/// Reads the tree at `root`, which was built for `old_prefixes`, the main one first.
pub fn look(root: &Path, old_prefixes: &[Prefix], listener: &dyn Listener) -> Result<Unrecorded, JobError> {
    let inventory = scan::scan(root, &Globs::default(), listener)?;
    let tree = plan::tree(&inventory, old_prefixes.to_vec());
    let (skip, without, store) = (Globs::default(), rewrite::classes(), Store::default());
    let question = Question {
        prefixes: old_prefixes,
        names: Names::new(old_prefixes),
        around: Around::new(&inventory, &tree),
        skip: &skip,
        without: &without,
        strip: false,
        store: &store,
        digests: Digests::All,
    };
    let mut readings = BTreeMap::new();
    reading::read_all(&inventory, &question, &mut readings, listener)?;
    // What cannot follow is removed when its source is moved.
    compiled::note(&inventory, old_prefixes, &mut readings)?;
    ledgers::look(&inventory, &question, &mut readings)?;
    let mut findings: Vec<_> = readings.iter().filter_map(left).collect();
    findings.extend(inventory.entries.iter().filter_map(|(path, entry)| needs_rewriting(path, entry, old_prefixes)));
    findings.sort();
    Ok(Unrecorded { manifest: record(&inventory, &readings, old_prefixes), findings })
}

/// Writes the record into the tree; the manifest last, because with it the tree has a record.
pub fn write(root: &Path, manifest: &Manifest) -> Result<(), JobError> {
    let about = root.join(manifest::ABOUT);
    let directory = Parents::make(&about)?;
    write::record(&about, &manifest.about.to_bytes())?;
    write::record(&root.join(manifest::MANIFEST), &manifest.to_bytes())?;
    directory.keep();
    Ok(())
}

fn record(inventory: &Inventory, readings: &BTreeMap<RelPath, Reading>, old_prefixes: &[Prefix]) -> Manifest {
    let padded = readings
        .values()
        .flat_map(|reading| &reading.places)
        .filter(|places| places.how == How::Padded && places.class != pyc::CLASS);
    let room = padded.filter_map(|places| old_prefixes.get(places.prefix)).map(|prefix| prefix.as_bytes().len() as u64);
    let about = About {
        format: FORMAT,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        old_prefixes: old_prefixes.to_vec(),
        floor: serde_json::Value::Null,
        capacity: room.min(),
        at: None,
        proven: false,
    };
    let entry = |(path, entry): (&RelPath, &Entry)| {
        let reading = readings.get(path);
        Some(manifest::Entry {
            path: path.clone(),
            kind: kind(&entry.kind, reading)?,
            mode: entry.mode,
            mtime: None,
            changes: Vec::new(),
            places: reading.map(|reading| reading.places.clone()).unwrap_or_default(),
            sums: reading.map(|reading| reading.sums.clone()).unwrap_or_default(),
        })
    };
    Manifest { about, entries: inventory.entries.iter().filter_map(entry).collect() }
}

/// None for what no record has: pipes, sockets, devices.
fn kind(kind: &Kind, reading: Option<&Reading>) -> Option<manifest::Kind> {
    Some(match kind {
        Kind::Dir => manifest::Kind::Dir,
        Kind::Symlink(target) => manifest::Kind::Symlink { target: target.clone() },
        Kind::HardLink(first) => manifest::Kind::HardLink { first: first.clone() },
        Kind::File(facts) => {
            let sha256 = *reading?.digest.as_deref()?;
            manifest::Kind::File { size: facts.size, sha256, sha256_before: None }
        }
        Kind::Special(_) => return None,
    })
}

fn left((path, reading): (&RelPath, &Reading)) -> Option<Finding> {
    let Some(Left::Strings(why)) = reading.left.as_deref() else { return None };
    let found = format!("names the old prefix in strings that must not be overwritten: {why}");
    Some(Finding::at(path, Severity::Warning, "strings-refused", found))
}

/// Run-time paths and symlinks that lead to the old prefix.
fn needs_rewriting(path: &RelPath, entry: &Entry, old_prefixes: &[Prefix]) -> Option<Finding> {
    let inside = |absolute: &[u8]| old_prefixes.iter().any(|prefix| prefix.rest(absolute).is_some());
    let (kind, named) = match &entry.kind {
        Kind::Symlink(target) if inside(target) => ("symlink-absolute", target.as_slice()),
        _ => {
            let entries = entry.elf()?.run_paths.iter().flat_map(|path| path.value.split(|byte| *byte == b':'));
            ("runpath-absolute", entries.into_iter().find(|entry| inside(entry))?)
        }
    };
    let found = format!("leads to {}, which this does not change", printable(named));
    let finding = Finding::at(path, Severity::Error, kind, found);
    Some(finding.help("run 'relocate pack --in-place DIR' first: it makes run-time paths and symlinks relative"))
}
