//! Is there room for a release? Asked before anything is fetched, so that no update ends at a full disk that could be foreseen.

use super::error::UpdateError;
use std::fmt;
use std::path::{Path, PathBuf};

/// What is about to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Need {
    /// In bytes.
    pub(super) bytes: u64,
    /// Files, directories and links.
    pub(super) entries: u64,
}

/// What a file system lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// Where.
    pub path: PathBuf,
    /// `bytes` or `inodes`.
    pub what: What,
    /// How many are free.
    pub free: u64,
    /// How many are needed.
    pub need: u64,
}

/// What can be short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Room for bytes.
    Bytes,
    /// Room for files.
    Inodes,
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            What::Bytes => "bytes",
            What::Inodes => "inodes",
        };
        let (path, free, need) = (self.path.display(), self.free, self.need);
        let missing = need.saturating_sub(free);
        write!(f, "the file system of '{path}' has {free} {what} free, and {need} are needed: {missing} are missing")
    }
}

/// Room for what a file system takes for itself: a block for each entry is rounded up.
const BLOCK: u64 = 4096;

impl Need {
    /// What it takes on the disk, with what is fetched meanwhile.
    pub(super) fn of(installed_bytes: u64, entries: u64, fetched: u64) -> Self {
        let rounding = entries.saturating_mul(BLOCK / 2);
        Self { bytes: installed_bytes.saturating_add(rounding).saturating_add(fetched), entries }
    }

    /// Whether there is room for it.
    pub(super) fn check(self, dir: &Path) -> Result<(), UpdateError> {
        let found = rustix::fs::statvfs(dir).map_err(|error| UpdateError::Io {
            doing: "ask for the free space of",
            path: dir.to_owned(),
            source: error.into(),
        })?;
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        // Some file systems make inodes as they are needed, and say 0.
        let inodes = (found.f_files > 0).then_some(found.f_favail);
        self.short(dir, free, inodes).map_or(Ok(()), |short| Err(UpdateError::Room(short)))
    }

    fn short(self, dir: &Path, free: u64, inodes: Option<u64>) -> Option<Short> {
        let short = |what, free, need| Short { path: dir.to_owned(), what, free, need };
        if free < self.bytes {
            return Some(short(What::Bytes, free, self.bytes));
        }
        let inodes = inodes.filter(|inodes| *inodes < self.entries)?;
        Some(short(What::Inodes, inodes, self.entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_in_numbers() {
        let need = Need::of(1_000_000, 10, 500_000);
        let told = |free, inodes| need.short(Path::new("/r"), free, inodes).map(|short| short.to_string());
        assert_eq!(told(2_000_000, Some(10)), None);
        assert_eq!(told(2_000_000, None), None);
        assert_eq!(
            told(1_000_000, None).unwrap(),
            "the file system of '/r' has 1000000 bytes free, and 1520480 are needed: 520480 are missing"
        );
        assert!(told(2_000_000, Some(4)).unwrap().ends_with("has 4 inodes free, and 10 are needed: 6 are missing"));
        assert!(Need::of(u64::MAX, u64::MAX, 1).short(Path::new("/r"), u64::MAX - 1, None).is_some());
    }

    #[test]
    fn a_real_file_system_is_asked() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Need::of(1, 1, 1).check(dir.path()).is_ok());
        assert!(matches!(Need::of(u64::MAX, 1, 0).check(dir.path()), Err(UpdateError::Room(_))));
    }
}
