//! A directory for work that goes away with its owner.

use super::WriteError;
use rustix::fs::StatVfsMountFlags;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory in TMPDIR, else /tmp, that is removed with all it holds when this is dropped.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// Makes one; its name begins with `name`.
    pub fn create(name: &str) -> Result<Self, WriteError> {
        let made = tempfile::Builder::new().prefix(name).tempdir();
        made.map(Self).map_err(WriteError::io("make a directory in", &std::env::temp_dir()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Whether programs in it may be executed; a `noexec` mount forbids it (mount(8)).
    pub fn may_execute(&self) -> bool {
        // A file system that cannot be asked is not one that forbids.
        rustix::fs::statvfs(self.path()).map_or(true, |found| !found.f_flag.contains(StatVfsMountFlags::NOEXEC))
    }

    /// Leaves it where it is, for people to look at.
    pub fn keep(self) -> PathBuf {
        self.0.keep()
    }
}
