//! Which prefix a tree was built for, as far as the tree itself can tell.
//!
//! A run-time path `/home/ourapp/root/lib` in a tree that has a `lib` speaks for `/home/ourapp/root`; a shebang and an
//! absolute symlink speak likewise. Each way of cutting such a path in two whose second part exists in the tree is a
//! voice for its first part.

use super::{Class, Inventory, Kind};
use crate::base::path::{Prefix, RelPath, normalise_absolute, parts};
use crate::elf;
use crate::loader::entry::entries;
use crate::loader::libc::Libc;
use serde::Serialize;
use std::collections::BTreeMap;

/// A prefix the tree may have been built for, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The path.
    pub prefix: Prefix,
    /// Files with an absolute run-time path below it that exists in the tree.
    pub run_paths: usize,
    /// Scripts whose interpreter lies below it and exists in the tree.
    pub shebangs: usize,
    /// Absolute symlinks below it whose target exists in the tree.
    pub symlinks: usize,
}

impl Candidate {
    /// All voices together.
    pub fn voices(&self) -> usize {
        self.run_paths + self.shebangs + self.symlinks
    }
}

/// Collects candidates: most voices first, then by path.
pub fn candidates(inventory: &Inventory) -> Vec<Candidate> {
    let known = |path: &RelPath| inventory.entries.contains_key(path);
    counted(inventory.entries.values().flat_map(|entry| voices(&known, &entry.kind)))
}

/// Counts voices: most first, then by path.
pub(super) fn counted(voices: impl IntoIterator<Item = (Prefix, Voice)>) -> Vec<Candidate> {
    let mut found: BTreeMap<Prefix, Candidate> = BTreeMap::new();
    for (prefix, voice) in voices {
        let none = Candidate { prefix: prefix.clone(), run_paths: 0, shebangs: 0, symlinks: 0 };
        let candidate = found.entry(prefix).or_insert(none);
        match voice {
            Voice::RunPath => candidate.run_paths += 1,
            Voice::Shebang => candidate.shebangs += 1,
            Voice::Symlink => candidate.symlinks += 1,
        }
    }
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by_key(|candidate| (std::cmp::Reverse(candidate.voices()), candidate.prefix.clone()));
    found
}

/// What one path speaks for a prefix with.
#[derive(Clone, Copy)]
pub(super) enum Voice {
    RunPath,
    Shebang,
    Symlink,
}

/// The prefixes one entry speaks for, each once; `known` tells which paths the tree has.
pub(super) fn voices(known: &dyn Fn(&RelPath) -> bool, kind: &Kind) -> Vec<(Prefix, Voice)> {
    let (paths, voice): (Vec<&[u8]>, _) = match kind {
        Kind::Symlink(target) => (vec![target], Voice::Symlink),
        Kind::File(file) => match &file.class {
            Class::Script(interpreter) => (vec![interpreter], Voice::Shebang),
            Class::Elf(elf::Read::Dynamic(facts)) => {
                let libc = Libc::of(&facts.object).map_or(Libc::Glibc, |(libc, _)| libc);
                (facts.run_paths.iter().flat_map(|path| entries(&path.value, libc)).collect(), Voice::RunPath)
            }
            _ => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    let mut prefixes: Vec<_> = paths.into_iter().flat_map(|path| cuts(known, path)).collect();
    prefixes.sort();
    prefixes.dedup();
    prefixes.into_iter().map(|prefix| (prefix, voice)).collect()
}

/// Every way to cut an absolute path in two so that the second part exists in the tree.
fn cuts(known: &dyn Fn(&RelPath) -> bool, path: &[u8]) -> Vec<Prefix> {
    let Some(clean) = normalise_absolute(path) else { return Vec::new() };
    let parts: Vec<_> = parts(&clean).collect();
    let cut = |at: usize| {
        let inside = RelPath::new(&parts[at..].join(&b'/'))?;
        let prefix = Prefix::new(&[b"/", parts[..at].join(&b'/').as_slice()].concat())?;
        known(&inside).then_some(prefix)
    };
    (1..parts.len()).filter_map(cut).collect()
}
