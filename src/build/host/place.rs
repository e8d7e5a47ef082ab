//! Whether there is room, and whether what comes out at the end can be written.

use super::error;
use crate::base::finding::{Finding, Severity};
use crate::base::write::may_make;
use std::path::{Path, PathBuf};

/// Room that a directory is expected to need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The directory; need not be there yet.
    pub directory: PathBuf,
    /// How many bytes, an estimate.
    pub bytes: u64,
}

/// Compares what is free with what is needed. An estimate is only that: a warning.
pub fn room(room: &Room) -> Option<Finding> {
    let there = nearest_there(&room.directory)?;
    let free = rustix::fs::statvfs(there).map(|facts| facts.f_bavail.saturating_mul(facts.f_frsize)).ok()?;
    let mib = |bytes: u64| bytes >> 20;
    let found = format!(
        "'{}' has {} MiB free, and about {} MiB are needed",
        room.directory.display(),
        mib(free),
        mib(room.bytes)
    );
    let finding = Finding::of_tree(Severity::Warning, "disk-space", found);
    (free < room.bytes).then(|| finding.help("make room there, or name another directory"))
}

/// Looks whether a file of this name can be written at the end.
pub fn writable(path: &Path) -> Option<Finding> {
    if path.is_dir() {
        let found = format!("the result cannot be written: {} is a directory", path.display());
        return Some(error("output", found).help("name another file"));
    }
    let problem = may_make(path).err()?;
    let finding = error("output", format!("the result cannot be written: {problem}"));
    Some(finding.help(problem.help().unwrap_or_else(|| "name another file".to_owned())))
}

/// The directory itself, or the nearest one above it that is there.
pub(in crate::build) fn nearest_there(path: &Path) -> Option<&Path> {
    path.ancestors().find(|dir| dir.symlink_metadata().is_ok())
}
