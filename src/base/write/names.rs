//! The other names of a hard-linked file that is replaced: made ready before the first name changes hands, so that a kill in
//! between can be finished by the next run.
//!
//! Once one name has its new bytes, nothing in a tree tells any more which others were the same file. So each other name
//! has its partial name linked to the new file first; what a kill leaves then says it, and
//! [`finish_interrupted`] finds it.

use super::new_dir::put_aside;
use super::new_file::NewFile;
use super::{
    WriteError, busy, clear, directory_of, is_partial, lock, make_partial, partial_name, rename_partial, sync,
    sync_directory,
};
use rayon::prelude::*;
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
/// a symlink its name back that was put aside for a tree, and removes every other partial file, tree and symlink. What cannot be read is left to whoever reads the tree next. Fails
/// where another run is still at it.
pub fn finish_interrupted(root: &Path) -> Result<(), WriteError> {
    let mut partials = partials(root);
    if partials.is_empty() {
        return Ok(());
    }
    for partial in &partials {
        give_back(partial).map_err(WriteError::io("give its name back to", partial))?;
    }
    partials.retain(|partial| fs::symlink_metadata(partial).is_ok());
    let whole = |entry: &walkdir::DirEntry| entry.depth() == 0 || !is_partial(entry.file_name().as_bytes());
    let walk = WalkDir::new(root).into_iter().filter_entry(whole).flatten();
    let files: Vec<_> = walk.filter_map(|entry| Some((inode(entry.path())?, entry.into_path()))).collect();
    for partial in &partials {
        let ready = inode(partial).filter(|wanted| files.iter().any(|(file, _)| file == wanted));
        let name = files.iter().find(|(_, path)| ready.is_some() && partial_name(path) == *partial);
        let done = name.map_or_else(|| clear(partial), |(_, name)| finish(partial, name));
        done.map_err(WriteError::io("clear away", partial))?;
    }
    Ok(())
}

/// Everything below a directory that has a partial name, sorted; what lies in a partial tree is not among it. All threads
/// list directories, of which nothing but the names and kinds is asked.
fn partials(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut directories) = (Vec::new(), vec![root.to_owned()]);
    while !directories.is_empty() {
        // A directory that may not be listed has nothing for us; whoever reads the tree next says so.
        let list = |directory: &PathBuf| fs::read_dir(directory).into_iter().flatten().flatten().collect::<Vec<_>>();
        let telling = |entry: &fs::DirEntry| {
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            (is_dir || is_partial(entry.file_name().as_bytes())).then(|| (entry.path(), is_dir))
        };
        let listed = directories
            .par_iter()
            .flat_map_iter(|directory| list(directory).iter().filter_map(telling).collect::<Vec<_>>());
        let (partial, below): (Vec<_>, Vec<_>) = listed
            .collect::<Vec<_>>()
            .into_iter()
            .partition(|(path, _)| path.file_name().is_some_and(|name| is_partial(name.as_bytes())));
        found.extend(partial.into_iter().map(|(path, _)| path));
        directories = below.into_iter().map(|(path, _)| path).collect();
    }
    found.sort();
    found
}

/// Gives a symlink its name back that was put aside for a tree which did not come.
fn give_back(partial: &Path) -> io::Result<()> {
    let Some(name) = put_aside(partial) else { return Ok(()) };
    let is_aside = fs::symlink_metadata(partial).is_ok_and(|found| found.is_symlink());
    if !is_aside || fs::symlink_metadata(&name).is_ok() {
        return Ok(());
    }
    fs::rename(partial, &name)?;
    sync_directory(&name)
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
