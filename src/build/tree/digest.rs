//! The digest of a tree in a directory: sha256 over its sorted names, kinds and contents.
//!
//! Left out is what is no part of a tree but is found in one: `CVS` and `.git`, `work` and `work.*` directories of builds,
//! and `distfiles` and `packages` at its top. Of a mode only the owner's execute bit counts, because two checkouts of one
//! tree differ in the rest by the umask. An index of sizes and times makes the second run fast: a file is read again where
//! any of them changed, or where it changed so shortly before the index was written that the clock could not tell.

use super::TreeError;
use crate::base::digest::{Digest, Digester};
use crate::base::path::RelPath;
use crate::base::write::record;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use walkdir::{DirEntry, WalkDir};

/// A file or symlink of a tree.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) path: RelPath,
    pub(super) metadata: Metadata,
}

/// What a file looked like when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    ino: u64,
    mtime: (i64, i64),
    ctime: (i64, i64),
}

type Index = HashMap<RelPath, (Stamp, Digest)>;

/// The digest of the directory at `root`. With an index file, contents that did not change are not read again.
pub fn digest_of(root: &Path, index: Option<&Path>) -> Result<Digest, TreeError> {
    let leaves = leaves(root)?;
    let known = index.map(read_index).unwrap_or_default();
    let digests: Vec<Digest> = leaves.par_iter().map(|leaf| contents(root, leaf, &known)).collect::<Result<_, _>>()?;
    let mut whole = Digester::default();
    for (leaf, digest) in leaves.iter().zip(&digests) {
        whole.update(&[kind(&leaf.metadata)]);
        whole.update(leaf.path.as_bytes());
        whole.update(b"\0");
        whole.update(&digest.bytes());
    }
    if let Some(index) = index {
        let seen = leaves.into_iter().zip(digests);
        let entries: Vec<_> = seen.map(|(leaf, digest)| (leaf.path, stamp(&leaf.metadata), digest)).collect();
        // A work directory that cannot be written costs time here and is reported where it matters.
        if let Ok(bytes) = serde_json::to_vec(&entries) {
            let _ = index.parent().map(fs::create_dir_all);
            let _ = record(index, &bytes);
        }
    }
    Ok(whole.finish())
}

/// The sha256 of a file, as sha256sum(1) gives it.
pub fn digest_of_file(path: &Path) -> Result<Digest, TreeError> {
    let read = || {
        let mut file = File::open(path)?;
        let mut whole = Digester::default();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(whole.finish()),
                len => whole.update(&buffer[..len]),
            }
        }
    };
    read().map_err(TreeError::read(path))
}

/// All files and symlinks that count, sorted by path.
pub(super) fn leaves(root: &Path) -> Result<Vec<Leaf>, TreeError> {
    // The tree itself may be reached by a symlink; below it none is followed.
    let real = fs::canonicalize(root).map_err(TreeError::read(root))?;
    let mut leaves = Vec::new();
    for entry in WalkDir::new(&real).into_iter().filter_entry(counts) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(root).to_owned();
            let source = error.into_io_error().unwrap_or_else(|| io::Error::other("its directories form a loop"));
            TreeError::Read { path, source }
        })?;
        let metadata = entry.metadata().map_err(|error| TreeError::read(entry.path())(error.into()))?;
        let inside = entry.path().strip_prefix(&real).ok().and_then(|path| RelPath::new(path.as_os_str().as_bytes()));
        if let Some(path) = inside.filter(|_| metadata.is_file() || metadata.is_symlink()) {
            leaves.push(Leaf { path, metadata });
        }
    }
    leaves.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(leaves)
}

fn counts(entry: &DirEntry) -> bool {
    if entry.depth() == 0 || !entry.file_type().is_dir() {
        return true;
    }
    let name = entry.file_name().as_bytes();
    let built = name == b"work" || name.starts_with(b"work.");
    let fetched = entry.depth() == 1 && (name == b"distfiles" || name == b"packages");
    !(built || fetched || name == b"CVS" || name == b".git")
}

fn kind(metadata: &Metadata) -> u8 {
    match (metadata.is_symlink(), metadata.mode() & 0o100 != 0) {
        (true, _) => b'l',
        (false, true) => b'x',
        (false, false) => b'f',
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    Stamp {
        size: metadata.len(),
        ino: metadata.ino(),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        ctime: (metadata.ctime(), metadata.ctime_nsec()),
    }
}

fn contents(root: &Path, leaf: &Leaf, known: &Index) -> Result<Digest, TreeError> {
    let path = leaf.path.under(root);
    if leaf.metadata.is_symlink() {
        let target = fs::read_link(&path).map_err(TreeError::read(&path))?;
        return Ok(Digest::of(&target.into_os_string().into_vec()));
    }
    match known.get(&leaf.path) {
        Some((seen, digest)) if *seen == stamp(&leaf.metadata) => Ok(*digest),
        _ => digest_of_file(&path),
    }
}

/// What an earlier run saw; nothing where the index is missing or damaged.
fn read_index(path: &Path) -> Index {
    let Ok(written) = fs::symlink_metadata(path).map(|metadata| metadata.mtime()) else { return Index::new() };
    let entries: Vec<(RelPath, Stamp, Digest)> =
        fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let certain = entries.into_iter().filter(|(_, stamp, _)| stamp.ctime.0 + 1 < written);
    certain.map(|(path, stamp, digest)| (path, (stamp, digest))).collect()
}
