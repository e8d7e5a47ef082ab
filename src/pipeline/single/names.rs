//! The other names of a hard-linked file: found before it is replaced, and given the new file with it.
//!
//! Nothing tells all names of a file but a search of its whole file system. Looked at are the names the user gave and the
//! file's own directory, which is where installers put hard links; what is left over is counted.

use crate::base::write::{NewFile, OtherName, WriteError};
use std::fs::{self, Metadata};
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The other names of a file that are known.
#[derive(Debug, Default)]
pub(super) struct OtherNames {
    known: Vec<PathBuf>,
    /// How many more there are.
    pub(super) unknown: u64,
}

impl OtherNames {
    /// Looks for them; `given` are real paths of files the user named.
    pub(super) fn find(path: &Path, file: &Metadata, given: &[PathBuf]) -> Self {
        if file.nlink() < 2 {
            return Self::default();
        }
        let same = |name: &PathBuf| {
            fs::symlink_metadata(name).is_ok_and(|found| (found.dev(), found.ino()) == (file.dev(), file.ino()))
        };
        let mut known: Vec<PathBuf> = given.iter().filter(|name| same(name)).cloned().collect();
        // A directory that may not be listed has no names for us; they are counted then.
        let listed = path.parent().and_then(|directory| fs::read_dir(directory).ok()).into_iter().flatten().flatten();
        known.extend(listed.filter(|entry| entry.ino() == file.ino()).map(|entry| entry.path()).filter(same));
        known.sort();
        known.dedup();
        known.retain(|name| name != path);
        let unknown = (file.nlink() - 1).saturating_sub(known.len() as u64);
        Self { known, unknown }
    }

    /// Makes ready that they all become names of the new file.
    pub(super) fn ready(&self, new: &NewFile) -> Result<Vec<OtherName>, WriteError> {
        self.known.iter().map(|name| OtherName::ready(new, name)).collect()
    }
}
