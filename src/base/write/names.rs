//! The other names of a hard-linked file that is replaced: made ready before the first name changes hands, so that a kill in
//! between can be finished by the next run.
//!
//! Once one name has its new bytes, nothing in a tree tells any more which others were the same file. So each other name
//! has its partial name linked to the new file first; what a kill leaves then says it, and
//! [`finish_interrupted`] finds it.

use super::new_file::NewFile;
use super::{
    WriteError, busy, clear, directory_of, is_partial, lock, make_partial, partial_name, rename_partial, sync,
    sync_directory,
};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tempfile::TempPath;
use walkdir::WalkDir;

/// A further name for a new file, not yet in the place of the old one. Dropped without
/// [`OtherName::commit_all`], it is gone.
#[derive(Debug)]
pub struct OtherName {
    partial: TempPath,
    name: PathBuf,
}

impl OtherName {
    /// Makes ready that `name` becomes a hard link to `new`.
    pub fn ready(new: &NewFile, name: &Path) -> Result<Self, WriteError> {
        let (partial, ()) = make_partial(name, |partial| new.link(partial)).map_err(WriteError::io("link", name))?;
        // Locked, so that another run leaves the name alone.
        lock(new.file());
        let partial = TempPath::try_from_path(partial).map_err(WriteError::io("link", name))?;
        Ok(Self { partial, name: name.to_owned() })
    }

    /// Puts the names in the place of what files they are now; durable when this returns. The new files must have their own
    /// names. Stops at the first that fails.
    pub fn commit_all(others: impl IntoIterator<Item = Self>) -> Result<(), WriteError> {
        let mut directories = BTreeSet::new();
        for Self { partial, name } in others {
            partial.persist(&name).map_err(|error| WriteError::io("link", &name)(error.error))?;
            directories.insert(directory_of(&name).to_owned());
        }
        let durable = |dir: PathBuf| sync(&dir).map_err(WriteError::io("make durable", &dir));
        directories.into_iter().try_for_each(durable)
    }
}

/// Finishes what a killed run left below `root`: gives the names that were made ready for a file which has its own, and
/// removes every other partial file, tree and symlink. What cannot be read is left to whoever reads the tree next. Fails
/// where another run is still at it.
pub fn finish_interrupted(root: &Path) -> Result<(), WriteError> {
    let (mut paths, mut partials) = (Vec::new(), Vec::new());
    let mut walk = WalkDir::new(root).min_depth(1).into_iter();
    while let Some(entry) = walk.next() {
        let Ok(entry) = entry else { continue };
        if is_partial(entry.file_name().as_bytes()) {
            if entry.file_type().is_dir() {
                walk.skip_current_dir();
            }
            partials.push(entry.into_path());
        } else if entry.file_type().is_file() {
            paths.push(entry.into_path());
        }
    }
    if partials.is_empty() {
        return Ok(());
    }
    let files: Vec<_> = paths.into_iter().filter_map(|path| Some((inode(&path)?, path))).collect();
    for partial in &partials {
        let ready = inode(partial).filter(|wanted| files.iter().any(|(file, _)| file == wanted));
        let name = files.iter().find(|(_, path)| ready.is_some() && partial_name(path) == *partial);
        let done = name.map_or_else(|| clear(partial), |(_, name)| finish(partial, name));
        done.map_err(WriteError::io("clear away", partial))?;
    }
    Ok(())
}

/// Which file a path is, where it is a regular file.
fn inode(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file).map(|found| (found.dev(), found.ino()))
}

fn finish(partial: &Path, name: &Path) -> io::Result<()> {
    let file = File::open(partial)?;
    if !lock(&file) {
        return Err(busy(partial));
    }
    // rename(2) between two names of one file does nothing and would leave the partial name behind.
    if inode(partial) == inode(name) {
        return fs::remove_file(partial);
    }
    rename_partial(partial, name)?;
    sync_directory(name)
}
