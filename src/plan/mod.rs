//! [`Inventory`] and policy -> [`Plan`]: what to change, complete before the first byte is written. Pure.
//!
//! The plan says what each run-time path and symlink shall become, what is copied in, which modes change, and what is
//! wrong with the tree. How a new run-time path fits into its file is the next step (`elf::plan`), per file.

mod members;
mod prefix;
mod runpath;
mod shadow;
mod sidecar;
mod supply;
mod symlink;

pub use members::{libc, members, tree};
pub use prefix::{Ambiguous, Hints, PrefixChoice, choose};

use crate::base::finding::{Finding, Severity};
use crate::base::glob::Globs;
use crate::base::path::{Prefix, RelPath, parts};
use crate::elf::RunPaths;
use crate::loader::closure::{Closure, Member};
use crate::loader::libc::Libc;
use crate::loader::object::{Arch, Tag};
use crate::loader::tree::{Place, Tree};
use crate::scan::{Inventory, Kind};
use serde::Serialize;
use std::collections::BTreeMap;

/// What the user wants, beyond the plain job.
pub struct Policy<'a> {
    /// The prefixes the tree was built for, and ROOT's own path: absolute paths below them mean the tree.
    pub prefixes: Vec<Prefix>,
    /// The tag every run-time path shall have; none keeps each.
    pub tag: Option<Tag>,
    /// Files left as they are.
    pub skip: &'a Globs,
    /// Drops setuid, setgid and capabilities where they stand in the way.
    pub drop_setuid: bool,
    /// Tells whether a file loses its debug sections.
    pub is_stripped: &'a (dyn Fn(&RelPath) -> bool + Sync),
    /// Which C library's rules hold.
    pub libc: Libc,
    /// Tells whether the host supplies a library to an object of that architecture.
    pub is_system: &'a (dyn Fn(&[u8], Arch) -> bool + Sync),
}

/// One change and its reason, for the manifest and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// A stable word: `converted`, `dropped`, `added`.
    pub what: &'static str,
    /// The entry concerned, as text for messages.
    pub entry: String,
    /// Why.
    pub why: String,
}

/// What becomes of one ELF file's run-time paths.
#[derive(Debug, Clone)]
pub struct Rewrite {
    /// Both tags as they shall be.
    pub wanted: RunPaths,
    /// Entry by entry, why.
    pub reasons: Vec<Reason>,
}

/// Everything that is to change.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// ELF files whose run-time paths change, sorted.
    pub rewrites: BTreeMap<RelPath, Rewrite>,
    /// Symlinks whose target changes, with the new target, sorted.
    pub links: BTreeMap<RelPath, Vec<u8>>,
    /// Files whose mode changes, with the new mode.
    pub modes: BTreeMap<RelPath, u32>,
    /// Files that had to be changed and must not be, with the reason; `--skip` leaves them as they are.
    pub refused: BTreeMap<RelPath, String>,
    /// Directories outside the tree that a file's run-time path named, per file.
    pub outside: BTreeMap<RelPath, Vec<Vec<u8>>>,
    /// What a person should know.
    pub findings: Vec<Finding>,
    /// Which needed libraries the tree will find, on paper.
    pub closure: Closure,
    /// The objects the closure speaks of, by index.
    pub members: Vec<Member>,
}

/// Decides everything; `members` are those of the inventory, and `tree` is its tree.
pub fn decide(inventory: &Inventory, tree: &Tree, mut members: Vec<Member>, policy: &Policy<'_>) -> Plan {
    let mut plan = Plan::default();
    symlink::plan(inventory, tree, &mut plan);
    runpath::plan(inventory, tree, &mut members, policy, &mut plan);
    supply::plan(tree, &mut members, policy, &mut plan);
    shadow::warn(inventory, tree, &members, policy, &mut plan);
    plan.members = members;
    sidecar::plan(inventory, tree, policy, &mut plan);
    oddities(inventory, policy, &mut plan);
    privileges(inventory, policy, &mut plan);
    plan.findings.sort();
    plan
}

/// The way from `directory` to what is written as a path from the top of the tree. A directory before a `..` may be a
/// symlink, so a path with `..` becomes what it resolves to; where it leads nowhere, it stays a way that leads nowhere.
fn way(tree: &Tree, directory: &RelPath, written: &[u8]) -> Vec<u8> {
    if let Some(plain) = RelPath::new(written) {
        return directory.way_to(&plain);
    }
    if let Place::Inside(path) = tree.resolve(&RelPath::root(), written) {
        return directory.way_to(&path);
    }
    let top = directory.way_to(&RelPath::root());
    parts(&top).chain(parts(written)).collect::<Vec<_>>().join(&b'/')
}

/// Notes what a person should know of single files, whatever their run-time paths.
fn oddities(inventory: &Inventory, policy: &Policy<'_>, plan: &mut Plan) {
    for (path, entry) in &inventory.entries {
        match &entry.kind {
            Kind::Special(what) => {
                let found = format!("is a {what}, which an archive of software does not carry; left out");
                plan.findings.push(Finding::at(path, Severity::Warning, "special-file", found));
            }
            Kind::File(file) => {
                if file.outside_names > 0 {
                    let found = format!(
                        "has {} more hard-linked name(s) outside the tree; the copy is a file of its own",
                        file.outside_names
                    );
                    plan.findings.push(Finding::at(path, Severity::Note, "hard-link-outside", found));
                }
                if file.capabilities {
                    let found = "has file capabilities, which an archive does not carry";
                    let finding = Finding::at(path, Severity::Note, "capabilities", found);
                    plan.findings.push(finding.help("set them again with setcap where it is unpacked"));
                }
                if let Some(interp) = entry.elf().and_then(|facts| facts.object.interp.as_deref()) {
                    interpreter(path, interp, policy, plan);
                }
            }
            _ => {}
        }
    }
}

/// A program whose loader lies inside the prefix cannot start from another path: the kernel knows no `$ORIGIN`.
fn interpreter(path: &RelPath, interp: &[u8], policy: &Policy<'_>, plan: &mut Plan) {
    if policy.prefixes.iter().any(|prefix| prefix.strip(interp).is_some()) && !policy.skip.matches(path) {
        let found =
            format!("asks the kernel for the loader {}, inside the prefix", crate::base::path::printable(interp));
        let finding = Finding::at(path, Severity::Error, "interp-inside-prefix", found);
        plan.findings.push(
            finding.help("link it with the system's loader (no --dynamic-linker), or leave it out with --exclude"),
        );
    }
}

/// A privileged program ignores `$ORIGIN` (ld.so(8)), so a rewritten one would not start.
fn privileges(inventory: &Inventory, policy: &Policy<'_>, plan: &mut Plan) {
    for path in plan.rewrites.keys().cloned().collect::<Vec<_>>() {
        let Some(entry) = inventory.entries.get(&path) else { continue };
        let (Some(facts), Some(file)) = (entry.elf(), entry.file()) else { continue };
        let privileged = entry.mode & 0o6000 != 0 || file.capabilities;
        if !privileged || !facts.object.is_program() {
            continue;
        }
        let what = if file.capabilities { "file capabilities" } else { "setuid or setgid" };
        if policy.drop_setuid {
            plan.modes.insert(path.clone(), entry.mode & !0o6000);
            let found = format!("lost its {what}, because the loader ignores $ORIGIN in privileged programs");
            plan.findings.push(Finding::at(&path, Severity::Warning, "setuid-dropped", found));
        } else {
            let why = format!(
                "has {what}, and the loader ignores $ORIGIN in privileged programs; --drop-setuid takes the privilege away"
            );
            plan.refused.insert(path, why);
        }
    }
}
