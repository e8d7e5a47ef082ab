//! The files to try: takes a directory, gives every dynamic ELF file below it once, sorted by path.
//!
//! Symlinks are not followed, and of several hard links the first in the order of paths stands for all. Files that
//! cannot be read, or not as ELF, are named and not tried.

use relocate::base::bytes::FileBytes;
use relocate::elf::{Read, read};
use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What lies below a directory.
pub(crate) struct Found {
    /// Files with a dynamic section, sorted.
    pub(crate) dynamic: Vec<PathBuf>,
    /// ELF files without one: object files, static programs, split-off debug information.
    pub(crate) others: usize,
    /// Files that could not be read, with the reason.
    pub(crate) unreadable: Vec<String>,
}

/// Lists the files below `dir`.
pub(crate) fn below(dir: &Path) -> Found {
    let mut found = Found { dynamic: Vec::new(), others: 0, unreadable: Vec::new() };
    let mut seen = BTreeSet::new();
    for entry in WalkDir::new(dir).sort_by_file_name() {
        let looked = entry.and_then(|entry| Ok((entry.metadata()?, entry.into_path())));
        match looked {
            Err(error) => found.unreadable.push(error.to_string()),
            Ok((metadata, path)) if metadata.is_file() && seen.insert((metadata.dev(), metadata.ino())) => {
                found.sort_in(path);
            }
            Ok(_) => {}
        }
    }
    found.dynamic.sort();
    found
}

impl Found {
    fn sort_in(&mut self, path: PathBuf) {
        match File::open(&path).and_then(FileBytes::new).map(|bytes| read(&bytes)) {
            Ok(Ok(Read::Dynamic(_))) => self.dynamic.push(path),
            Ok(Ok(Read::Other(_))) => self.others += 1,
            Ok(Ok(Read::NotElf)) => {}
            Ok(Err(error)) => self.unreadable.push(format!("{}: {error}", path.display())),
            Err(error) => self.unreadable.push(format!("{}: {error}", path.display())),
        }
    }
}
