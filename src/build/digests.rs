//! Digests of the tree's files, each read once however many packages name it.
//!
//! Gives names that mean the same on every machine: a file of the tree or of the prefix by its path there.

use crate::base::digest::Digest;
use crate::base::path::normalise_absolute;
use crate::build::site::Site;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What is known of files already.
#[derive(Debug, Default)]
pub struct Digests(Mutex<BTreeMap<PathBuf, Option<Digest>>>);

impl Digests {
    /// The digest of a file's bytes; none where it is not there or no file.
    pub fn of(&self, path: &Path) -> io::Result<Option<Digest>> {
        self.of_meaning(path, |bytes| Digest::of(&bytes))
    }

    /// The digest of what matters in a file, as `meaning` sees it; asked once for each path.
    pub fn of_meaning(&self, path: &Path, meaning: impl Fn(Vec<u8>) -> Digest) -> io::Result<Option<Digest>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let digest = match fs::read(path) {
            Ok(bytes) => Some(meaning(bytes)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => None,
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => None,
            Err(error) => return Err(error),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), digest);
        Ok(digest)
    }
}

/// The absolute path of a name that make printed in a package's directory.
pub fn absolute(site: &Site, pkgpath: &str, name: &Path) -> PathBuf {
    let joined = site.tree.join(pkgpath).join(name);
    match normalise_absolute(joined.as_os_str().as_bytes()) {
        Some(clean) => PathBuf::from(OsStr::from_bytes(&clean)),
        None => joined,
    }
}

/// What a path is called on every machine: `tree/REST`, `prefix/REST`, or the absolute path. None for what lies in the work
/// directory: it was made, and what it was made from counts.
pub fn name(site: &Site, path: &Path) -> Option<Vec<u8>> {
    if path.starts_with(&site.work) {
        return None;
    }
    for (root, called) in [(&site.tree, "tree/"), (&site.prefix, "prefix/")] {
        if let Ok(rest) = path.strip_prefix(root) {
            return Some([called.as_bytes(), rest.as_os_str().as_bytes()].concat());
        }
    }
    Some(path.as_os_str().as_bytes().to_vec())
}
