//! Lists a tree: every path once, sorted; then hard-link sets are put together. No file is opened.

use super::Globs;
use crate::base::path::RelPath;
use crate::base::write::is_partial;
use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The record of the last run, which `--in-place` leaves in a tree; it describes the tree and is no part of it.
const RECORD: &[u8] = b".relocate";

/// Whether a path is of our making: the record, or what a killed run left, which the next one clears away.
fn is_ours(path: &RelPath) -> bool {
    path.as_bytes() == RECORD || is_partial(path.name())
}

/// One path found.
pub(super) struct Found {
    pub(super) path: RelPath,
    pub(super) source: PathBuf,
    pub(super) metadata: Metadata,
    /// Size in bytes, zero for what is not read.
    pub(super) size: u64,
    /// The first name of its hard-link set, where this is not the first.
    pub(super) first: Option<RelPath>,
    /// Names of its hard-link set that lie outside the tree.
    pub(super) outside_names: u64,
}

/// What a walk found, and what it could not look at.
pub(super) type Walked = (Vec<Found>, Vec<(PathBuf, io::Error)>);

/// Lists everything below `root`, sorted by path.
pub(super) fn walk(root: &Path, exclude: &Globs) -> Walked {
    let relative =
        |path: &Path| path.strip_prefix(root).ok().and_then(|path| RelPath::new(path.as_os_str().as_bytes()));
    let wanted = |entry: &walkdir::DirEntry| {
        let path = relative(entry.path());
        path.is_none_or(|path| path.is_root() || !(is_ours(&path) || exclude.matches(&path)))
    };
    let mut found = Vec::new();
    let mut failures = Vec::new();
    for entry in WalkDir::new(root).min_depth(1).into_iter().filter_entry(wanted) {
        let read = entry.and_then(|entry| Ok((entry.metadata()?, entry.into_path())));
        match read {
            Ok((metadata, source)) => {
                let Some(path) = relative(&source) else { continue };
                let size = if metadata.is_file() { metadata.len() } else { 0 };
                found.push(Found { path, source, metadata, size, first: None, outside_names: 0 });
            }
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                failures
                    .push((path, error.into_io_error().unwrap_or_else(|| io::Error::other("a loop of directories"))));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    (found, failures)
}

/// Notes for every further name of a file which name came first, and for the first how many names are elsewhere.
pub(super) fn link_sets(found: &mut [Found]) {
    let mut sets: HashMap<(u64, u64), Vec<usize>> = HashMap::new();
    for (at, found) in found.iter().enumerate() {
        if found.metadata.is_file() && found.metadata.nlink() > 1 {
            sets.entry((found.metadata.dev(), found.metadata.ino())).or_default().push(at);
        }
    }
    for names in sets.into_values() {
        let first = found[names[0]].path.clone();
        found[names[0]].outside_names = found[names[0]].metadata.nlink().saturating_sub(names.len() as u64);
        for name in &names[1..] {
            found[*name].first = Some(first.clone());
            found[*name].size = 0;
        }
    }
}
