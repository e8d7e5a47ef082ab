//! What follows from the texts that change: files that are left out, and what a person should know.

use super::Prepared;
use super::reading::{Left, Reading};
use crate::base::finding::{Finding, Severity};
use crate::base::path::RelPath;
use crate::loader::tree::{Place, Tree};
use crate::scan::{Entry, Inventory, Kind};
use crate::text::class::Demand;
use crate::text::pyc;
use std::collections::{BTreeMap, BTreeSet};

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
    if readings.is_empty() {
        return dropped;
    }
    for (path, reading) in readings {
        if let Some(Left::Dropped(class, why)) = reading.left.as_deref() {
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
    pyc::source(path).and_then(|source| readings.get(&source)).is_some_and(|reading| reading.text.is_some())
}

/// What a person should know of the texts.
pub(super) fn findings(prepared: &Prepared) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, reading) in &prepared.readings {
        match reading.left.as_deref() {
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
