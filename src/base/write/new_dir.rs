//! A directory tree that appears under its name in one step.

use super::{Looks, PARTIAL_END, WriteError, is_at, lock, make_partial, partial_name, sync_directory};
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
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
        match rustix::fs::renameat_with(CWD, &self.staging, CWD, &self.path, RenameFlags::EXCHANGE) {
            Ok(()) => fs::remove_file(&self.staging),
            // Kernels before 3.15, and file systems that cannot.
            Err(Errno::NOSYS | Errno::INVAL) => by_way_of_aside(&self.staging, &self.path),
            Err(error) => Err(error.into()),
        }
    }
}

/// Puts a tree in the place of a symlink in two steps. A kill between them leaves the symlink under a name of which
/// [`super::finish_interrupted`] knows whose it is.
pub(super) fn by_way_of_aside(staging: &Path, path: &Path) -> io::Result<()> {
    let aside = aside_of(path).ok_or(Errno::NAMETOOLONG)?;
    fs::rename(path, &aside)?;
    sync_directory(path)?;
    if let Err(error) = fs::rename(staging, path) {
        fs::rename(&aside, path)?;
        return Err(error);
    }
    // Else it might come back in the place of the tree, after a power cut.
    sync_directory(path)?;
    fs::remove_file(&aside)
}

/// Where the symlink of a name is meanwhile; none where the name is too long to be read back from it.
fn aside_of(path: &Path) -> Option<PathBuf> {
    let aside = partial_name(&partial_name(path));
    (put_aside(&aside).as_deref() == Some(path)).then_some(aside)
}

/// The name whose symlink was put aside under a partial name.
pub(super) fn put_aside(partial: &Path) -> Option<PathBuf> {
    let name = whole_name(whole_name(partial.file_name()?.as_bytes())?)?;
    Some(partial.with_file_name(OsStr::from_bytes(name)))
}

/// What a partial name stands for, where it is not cut.
fn whole_name(partial: &[u8]) -> Option<&[u8]> {
    partial.strip_prefix(b".")?.strip_suffix(PARTIAL_END)
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
        // Another run may have cleared it away between the creation and the lock, and made its own.
        match File::open(&name) {
            Ok(dir) if lock(&dir) && is_at(&dir, &name)? => return Ok((name, dir)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
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
