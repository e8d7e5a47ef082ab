//! Many files get their names together: one syncfs(2) for each file system takes the place of an fsync for each file, which
//! is what makes rewriting hundreds of files fast.

use super::{NewFile, WriteError, directory_of};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How many files are made ready before they get their names together; each holds a file descriptor, of which a process has
/// a thousand or so.
pub const BATCH: usize = 256;

/// Gives files their names, each one atomically, in this order; durable when this returns. All are tried; the first that
/// fails is told.
pub fn commit_all(files: Vec<NewFile>) -> Result<(), WriteError> {
    commit_each(files, |_| Ok(())).into_iter().collect()
}

/// The same, and tells of each file what became of it, in their order. `may` is asked with a file's number just before it
/// gets its name, when its bytes are durable; where it fails, the file is forgotten and the name stays what it was.
pub fn commit_each<E: From<WriteError>>(
    files: Vec<NewFile>,
    may: impl Fn(usize) -> Result<(), E>,
) -> Vec<Result<(), E>> {
    let synced = sync(&files);
    let mut name = |(at, (file, synced)): (usize, (NewFile, Result<(), WriteError>))| {
        synced?;
        may(at)?;
        let path = file.path().to_owned();
        file.name()?;
        Ok(path)
    };
    let named: Vec<Result<PathBuf, E>> = files.into_iter().zip(synced).enumerate().map(&mut name).collect();
    let mut directories = BTreeMap::new();
    let mut durable = |path: PathBuf| {
        let synced = *directories.entry(directory_of(&path).to_owned()).or_insert_with_key(|dir| sync_names(dir));
        Ok(synced.map_err(|error| WriteError::io("make durable", &path)(error.into()))?)
    };
    named.into_iter().map(|named| named.and_then(&mut durable)).collect()
}

/// Makes the bytes of all files durable. One alone does not wait for what others wrote to its file system.
fn sync(files: &[NewFile]) -> Vec<Result<(), WriteError>> {
    if let [file] = files {
        return vec![file.sync()];
    }
    let mut devices = BTreeMap::new();
    let mut sync = |file: &NewFile| {
        let device = file.file().metadata().map_err(WriteError::io("look at", file.path()))?.dev();
        let synced = *devices.entry(device).or_insert_with(|| rustix::fs::syncfs(file.file()));
        synced.map_err(|error| WriteError::io("write", file.path())(error.into()))
    };
    files.iter().map(&mut sync).collect()
}

/// Makes the names in a directory durable.
fn sync_names(dir: &Path) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::fsync(rustix::fs::open(dir, flags, Mode::empty())?)
}
