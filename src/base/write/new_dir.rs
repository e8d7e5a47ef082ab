//! A directory tree that appears under its name in one step.

use super::{Looks, WriteError, lock, make_partial, sync_directory};
use rustix::fs::{CWD, RenameFlags};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// A tree on its way to a name: a directory `.NAME.relocate-partial` beside it. Dropped without [`NewDir::commit`], it is
/// removed with all it holds; after a kill the next run for NAME removes it.
#[derive(Debug)]
pub struct NewDir {
    path: PathBuf,
    staging: PathBuf,
    /// Holds the lock that tells other runs the staging directory is in use.
    lock: File,
    /// Whether it comes in the place of a symlink.
    instead: bool,
    committed: bool,
}

impl NewDir {
    /// Begins a tree for `path`, which must not be there or be an empty directory.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        Self::begin(path, refuse_taken)
    }

    /// Begins a tree in the place of the symlink that is at `path`; where there is none, the same as [`NewDir::create`].
    pub fn instead_of_symlink(path: &Path) -> Result<Self, WriteError> {
        Self::begin(path, |path| if is_symlink(path) { Ok(()) } else { refuse_taken(path) })
    }

    fn begin(path: &Path, refuse: impl FnOnce(&Path) -> Result<(), WriteError>) -> Result<Self, WriteError> {
        // `out/` and `out` are the same place; a trailing slash would hide the name.
        let path: PathBuf = path.components().collect();
        refuse(&path)?;
        let (staging, lock) = staging(&path).map_err(WriteError::io("write", &path))?;
        let instead = is_symlink(&path);
        Ok(Self { path, staging, lock, instead, committed: false })
    }

    /// The name it is for.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where to put the files meanwhile; mode 0700 until [`NewDir::commit`] or the caller sets another.
    pub fn staging(&self) -> &Path {
        &self.staging
    }

    /// Gives the directory of the tree its mode and time.
    pub fn looks(&mut self, looks: Looks) -> Result<(), WriteError> {
        looks.give(&self.lock).map_err(WriteError::io("set the mode of", &self.path))
    }

    /// Gives the tree its name; durable when this returns.
    pub fn commit(mut self) -> Result<(), WriteError> {
        rustix::fs::syncfs(&self.lock).map_err(|error| WriteError::io("write", &self.path)(error.into()))?;
        if !(self.instead && is_symlink(&self.path)) {
            refuse_taken(&self.path)?;
        }
        self.name().map_err(WriteError::io("rename a finished tree to", &self.path))?;
        self.committed = true;
        sync_directory(&self.path).map_err(WriteError::io("make durable", &self.path))
    }
}

impl NewDir {
    /// The rename; a symlink changes places with the tree, because rename(2) puts no directory over it.
    fn name(&self) -> io::Result<()> {
        if !self.instead || !is_symlink(&self.path) {
            return fs::rename(&self.staging, &self.path);
        }
        rustix::fs::renameat_with(CWD, &self.staging, CWD, &self.path, RenameFlags::EXCHANGE)?;
        fs::remove_file(&self.staging)
    }
}

impl Drop for NewDir {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing better can be done in a drop; the next run for the same name clears what is left.
            let _ = remove_tree(&self.staging);
        }
    }
}

fn is_symlink(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

fn refuse_taken(path: &Path) -> Result<(), WriteError> {
    let found = match fs::symlink_metadata(path) {
        Err(_) => return Ok(()),
        Ok(found) if !found.is_dir() => "no directory",
        Ok(_) => match fs::read_dir(path).map(|mut entries| entries.next().is_some()) {
            Ok(false) => return Ok(()),
            Ok(true) => "a directory that is not empty",
            Err(source) => return Err(WriteError::io("read", path)(source)),
        },
    };
    Err(WriteError::Taken { path: path.to_owned(), found })
}

fn staging(path: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        let (name, ()) = make_partial(path, |partial| DirBuilder::new().mode(0o700).create(partial))?;
        let dir = File::open(&name)?;
        // Another run may have cleared it away between the creation and the lock.
        if lock(&dir) && fs::symlink_metadata(&name).is_ok() {
            return Ok((name, dir));
        }
    }
}

/// Removes a tree even where its directories may not be written or read by their modes.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    // WalkDir opens a directory after it was yielded, so the mode is opened up in time.
    for entry in WalkDir::new(path).into_iter().flatten() {
        if entry.file_type().is_dir() {
            // A failure here shows as a failure to remove, which is reported.
            let _ = fs::set_permissions(entry.path(), Permissions::from_mode(0o700));
        }
    }
    fs::remove_dir_all(path)
}
