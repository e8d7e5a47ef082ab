//! Directories that a new name needs above it, and that go away again where it does not come.

use super::{WriteError, directory_of, sync_directory};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The directories that were made, the outermost first. Dropped without [`Parents::keep`], those still empty are removed.
#[derive(Debug, Default)]
pub struct Parents(Vec<PathBuf>);

impl Parents {
    /// Makes the directories that `path` lies in and that are not there, as `mkdir -p` would.
    pub fn make(path: &Path) -> Result<Self, WriteError> {
        let mut missing = Vec::new();
        let mut dir = directory_of(path);
        while fs::symlink_metadata(dir).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            missing.push(dir);
            dir = directory_of(dir);
        }
        let mut made = Self::default();
        for dir in missing.into_iter().rev() {
            match fs::create_dir(dir) {
                Ok(()) => made.0.push(dir.to_owned()),
                // Somebody else needs it too.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(WriteError::io("make the directory", dir)(error)),
            }
            sync_directory(dir).map_err(WriteError::io("make durable", dir))?;
        }
        Ok(made)
    }

    /// Leaves them where they are.
    pub fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Parents {
    fn drop(&mut self) {
        for dir in self.0.iter().rev() {
            // One that somebody put something into stays, and so do those above it.
            let _ = fs::remove_dir(dir);
        }
    }
}
