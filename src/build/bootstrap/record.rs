//! What the work directory remembers of a bootstrap: which prefix it made, from what, and whether it came to its end.

use super::{BootstrapError, Request};
use crate::base::digest::Digest;
use crate::base::write::{WriteError, record, remove};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How far a bootstrap came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It may have been killed: what is there is half of a prefix.
    Begun,
    /// The prefix is whole.
    Finished,
}

/// Stands in the work directory as `bootstrap.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) state: State,
    /// The digest of the fields.
    pub(super) key: Digest,
    /// Everything the prefix depends on, by name.
    pub(super) fields: BTreeMap<String, String>,
    /// Device and inode of the prefix: another directory of the same name is not ours.
    pub(super) inode: Option<(u64, u64)>,
}

fn path(work: &Path) -> PathBuf {
    work.join("bootstrap.json")
}

/// What an earlier run wrote; none where there is nothing that can be read.
pub(super) fn read(work: &Path) -> Option<Record> {
    serde_json::from_slice(&fs::read(path(work)).ok()?).ok()
}

/// The inode of a directory itself, not of what a symlink leads to.
pub(super) fn inode(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_dir).map(|found| (found.dev(), found.ino()))
}

/// Makes the prefix's directory and writes down that it is ours, before anything is put into it.
pub(super) fn begin(request: &Request<'_>, new: &Record) -> Result<(), BootstrapError> {
    let prefix = request.prefix_path();
    let io = |source| BootstrapError::Write(WriteError::io("make the directory", &prefix)(source));
    fs::create_dir_all(&prefix).map_err(io)?;
    write(request, &Record { state: State::Begun, inode: inode(&prefix), ..new.clone() })
}

/// Writes down that the prefix is whole.
pub(super) fn finish(request: &Request<'_>, new: &Record) -> Result<(), BootstrapError> {
    write(request, &Record { state: State::Finished, inode: inode(&request.prefix_path()), ..new.clone() })
}

fn write(request: &Request<'_>, new: &Record) -> Result<(), BootstrapError> {
    let path = path(request.work);
    let bytes = serde_json::to_vec_pretty(new).map_err(|error| WriteError::io("write", &path)(error.into()));
    bytes.and_then(|bytes| record(&path, &bytes)).map_err(BootstrapError::Write)
}

/// Removes the record.
pub(super) fn forget(request: &Request<'_>) -> Result<(), BootstrapError> {
    remove(&path(request.work)).map_err(BootstrapError::Write)
}

/// What a bootstrap of ours left and nobody needs: its work directory, and what lies in a prefix that was not finished. The
/// prefix's own directory stays: it may be all that its user was given.
pub(super) fn leftovers(request: &Request<'_>) -> Vec<PathBuf> {
    let Some(old) = read(request.work) else { return Vec::new() };
    let mut left = vec![request.workdir()];
    let prefix = request.prefix_path();
    if old.state == State::Begun && old.inode.is_some() && old.inode == inode(&prefix) {
        left.extend(fs::read_dir(&prefix).into_iter().flatten().flatten().map(|entry| entry.path()));
    }
    left.sort();
    left.retain(|path| path.symlink_metadata().is_ok());
    left
}
