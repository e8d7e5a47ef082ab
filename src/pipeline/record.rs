//! What the archive says about itself: `about.json` before it is written, `manifest.json` when every digest is known.

use super::items::Shipped;
use super::{Job, Prepared};
use crate::base::bytes::FileBytes;
use crate::base::digest::Digest;
use crate::base::finding::{Finding, Severity};
use crate::base::path::{Prefix, RelPath};
use crate::base::write::NewFile;
use crate::loader::floor::{Demand, Floor, Kind, floor};
use crate::manifest::{self, About, Change, FORMAT, Manifest};
use crate::pack::{Body, ContentError, Item};
use crate::plan::{Plan, Rewrite};
use crate::scan::{self, Entry};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;

/// How many lines of the manifest one thread makes at a time.
const LINES: usize = 256;
/// How many such runs are in memory before they are written.
const AHEAD: usize = 32;

/// The floor of some of the objects; a library of the tree demands nothing of the host.
fn floor_of(plan: &Plan, counts: &dyn Fn(&RelPath) -> bool) -> Floor {
    let sonames: BTreeSet<&[u8]> =
        plan.members.iter().map(|member| member.object.soname.as_deref().unwrap_or(member.path.name())).collect();
    let counted = plan.members.iter().filter(|member| counts(&member.path));
    floor(counted.map(|member| (&member.path, &member.object)), &|file| !sonames.contains(file))
}

/// Says which demands what was copied in has raised, and from what.
pub(super) fn raised_floor(plan: &Plan, raised: &Floor, copied: &BTreeMap<RelPath, PathBuf>) -> Vec<Finding> {
    let own = floor_of(plan, &|path| !copied.contains_key(path));
    let higher = raised.demands().filter(|(kind, demand)| {
        let before = own.demand(*kind);
        copied.contains_key(&demand.file) && before.is_none_or(|before| before.version < demand.version)
    });
    let finding = |(kind, demand): (Kind, &Demand)| {
        let before = own.demand(kind).map_or("nothing".to_owned(), |before| before.name.clone());
        let found = format!("raises the floor from {before} to {}", demand.name);
        let finding = Finding::at(&demand.file, Severity::Warning, "floor-raised", found);
        finding.help("take the copy from an older system, or build the library into the prefix")
    };
    higher.map(finding).collect()
}

/// The record that opens the archive.
pub(super) fn about(prepared: &Prepared, dest: Option<&Prefix>, proven: bool) -> About {
    About {
        format: FORMAT,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        floor: serde_json::to_value(&prepared.expected.floor).unwrap_or_default(),
        capacity: prepared.capacity(),
        at: dest.cloned(),
        old_prefixes: prepared.prefixes.clone(),
        proven,
    }
}

/// The record that closes it, in a file without a name, because it grows with the tree; `digests` are those of the bytes as
/// shipped, by item, none for what has no bytes.
pub(super) fn manifest(
    job: &Job,
    prepared: &Prepared,
    shipped: &Shipped<'_>,
    digests: &[Option<Digest>],
    about: &About,
) -> Result<FileBytes, ContentError> {
    let entry = |at: usize| {
        let (item, entry, digest) = (&shipped.items[at], shipped.entries[at], digests[at]);
        manifest::Entry {
            path: item.path.clone(),
            kind: kind(item, entry, digest, prepared.digest(&item.path)),
            mode: item.mode,
            mtime: None,
            changes: changes(job, prepared, &item.path, entry, digest),
            places: prepared.places_at(&item.path, job.dest.as_ref()),
            sums: prepared.sums_at(&item.path, job.dest.as_ref()),
        }
    };
    let count = shipped.items.len();
    let lines = |first: usize| {
        let mut lines = Vec::new();
        for at in first..count.min(first + LINES) {
            Manifest::append(at, &entry(at), &mut lines);
        }
        lines
    };
    let mut file = NewFile::scratch()?;
    file.write_all(&Manifest::opening(about))?;
    for first in (0..count).step_by(AHEAD * LINES) {
        let runs = (first..count.min(first + AHEAD * LINES)).into_par_iter().step_by(LINES);
        let made: Vec<_> = runs.map(lines).collect();
        made.iter().try_for_each(|lines| file.write_all(lines))?;
    }
    file.write_all(Manifest::CLOSING)?;
    Ok(FileBytes::new(file.file().try_clone()?)?)
}

fn kind(item: &Item, entry: &Entry, digest: Option<Digest>, before: Option<Digest>) -> manifest::Kind {
    let before = entry.file().and(before);
    match &item.body {
        Body::Dir => manifest::Kind::Dir,
        Body::Symlink(target) => manifest::Kind::Symlink { target: target.clone() },
        Body::HardLink(first) => manifest::Kind::HardLink { first: first.clone() },
        Body::File { size } => {
            let sha256 = digest.or(before).unwrap_or_else(|| Digest::of(b""));
            manifest::Kind::File { size: *size, sha256, sha256_before: before.filter(|before| *before != sha256) }
        }
    }
}

fn changes(job: &Job, prepared: &Prepared, path: &RelPath, entry: &Entry, digest: Option<Digest>) -> Vec<Change> {
    let mut changes = Vec::new();
    if let Some(strip) = prepared.strip_of(path) {
        let why = format!("its debug sections are gone, {} bytes", strip.saved);
        changes.push(Change { kind: "strip".to_owned(), from: Vec::new(), to: Vec::new(), why });
    }
    if let (Some(rewrite), Some(facts)) = (prepared.plan.rewrites.get(path), entry.elf()) {
        let from = facts.object.run_path().map(|(_, path)| path.to_vec()).unwrap_or_default();
        let to = rewrite.wanted.runpath.clone().or_else(|| rewrite.wanted.rpath.clone()).unwrap_or_default();
        changes.push(Change { kind: "runpath".to_owned(), from, to, why: why(rewrite) });
    } else if let Some(fit) = prepared.readings.get(path).and_then(|reading| reading.text.as_ref()) {
        changes.extend(fit.changes.iter().map(|made| Change {
            kind: made.class.to_owned(),
            from: made.change.from.clone(),
            to: made.change.to.clone(),
            why: made.change.why.to_owned(),
        }));
    } else if job.source_date_epoch.is_some()
        && is_pyc(entry)
        && prepared.digest(path).is_some_and(|before| Some(before) != digest)
    {
        let why = format!("its source's time is clamped to {}", job.source_date_epoch.unwrap_or_default());
        changes.push(Change { kind: "pyc-time".to_owned(), from: Vec::new(), to: Vec::new(), why });
    }
    if let (Some(to), scan::Kind::Symlink(from)) = (prepared.plan.links.get(path), &entry.kind) {
        let why = "absolute and inside the prefix".to_owned();
        changes.push(Change { kind: "symlink".to_owned(), from: from.clone(), to: to.clone(), why });
    }
    if let Some(mode) = prepared.plan.modes.get(path) {
        let text = |mode: u32| format!("{mode:04o}").into_bytes();
        let why = "the loader ignores $ORIGIN in privileged programs".to_owned();
        changes.push(Change { kind: "mode".to_owned(), from: text(entry.mode), to: text(*mode), why });
    }
    if let Some(source) = prepared.copied.get(path) {
        let from = source.as_os_str().as_encoded_bytes().to_vec();
        changes.push(Change {
            kind: "copied-in".to_owned(),
            from,
            to: Vec::new(),
            why: "the tree needs it".to_owned(),
        });
    }
    changes
}

fn is_pyc(entry: &Entry) -> bool {
    entry.file().is_some_and(|facts| matches!(facts.class, scan::Class::Pyc(_)))
}

fn why(rewrite: &Rewrite) -> String {
    let said: Vec<_> =
        rewrite.reasons.iter().map(|reason| format!("{} {}: {}", reason.what, reason.entry, reason.why)).collect();
    said.join("; ")
}
