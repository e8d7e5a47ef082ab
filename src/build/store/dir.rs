//! Packages in a directory that processes, and machines over a network file system, may share: `ab/abcdef....tgz`.
//!
//! A package gets its name when it is whole and durable; two who put the same one at once do no harm.

use super::{Store, StoreError, take};
use crate::base::digest::Digest;
use crate::objects::{Directory, Got, ObjectError, Objects, Presence, When, Wish};
use crate::web::Content;
use std::io;
use std::path::{Path, PathBuf};

/// A directory of packages.
#[derive(Debug, Clone)]
pub struct DirStore(Directory);

impl DirStore {
    /// Takes a directory, which is made when the first package comes.
    pub fn new(root: &Path) -> Self {
        Self(Directory::new(root))
    }

    pub(super) fn of(directory: Directory) -> Self {
        Self(directory)
    }

    /// Where the package of a key is, or would be.
    pub fn place(&self, key: Digest) -> PathBuf {
        self.0.place(&name(key))
    }

    /// Forgets a package that turned out to be damaged.
    pub fn forget(&self, key: Digest) -> Result<(), StoreError> {
        Ok(self.0.remove(&name(key))?)
    }
}

fn name(key: Digest) -> String {
    let name = key.to_string();
    format!("{}/{name}.tgz", &name[..2])
}

impl Store for DirStore {
    fn has(&self, key: Digest) -> Result<bool, StoreError> {
        Ok(self.0.look(&name(key))? == Presence::There)
    }

    fn get(&self, key: Digest, into: &Path) -> Result<bool, StoreError> {
        let Got::Bytes(object) = self.0.get(&name(key), &Wish::default())? else { return Ok(false) };
        let copied = take(into, |file| {
            io::copy(&mut { object.reader }, file)?;
            Ok(())
        });
        let failed = |source| StoreError { doing: "copy", place: self.0.shown(&name(key)), source };
        copied.map_err(failed).map(|()| true)
    }

    /// A package that is there already stays.
    fn put(&self, key: Digest, from: &Path) -> Result<(), StoreError> {
        self.0.put(&name(key), Content::File(from), When::New)?;
        Ok(())
    }
}

impl From<ObjectError> for StoreError {
    fn from(error: ObjectError) -> Self {
        Self { doing: error.doing, place: error.place, source: error.source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_package_comes_back_as_it_was_put() {
        let dir = tempfile::tempdir().unwrap();
        let (store, key) = (DirStore::new(&dir.path().join("packages")), Digest::of(b"key"));
        let (from, into) = (dir.path().join("from.tgz"), dir.path().join("x/into.tgz"));
        fs::write(&from, b"package").unwrap();
        assert!(!store.has(key).unwrap());
        assert!(!store.get(key, &into).unwrap());
        store.put(key, &from).unwrap();
        store.put(key, &from).unwrap();
        assert!(store.has(key).unwrap() && store.get(key, &into).unwrap());
        assert_eq!(fs::read(into).unwrap(), b"package");
        store.forget(key).unwrap();
        assert!(!store.has(key).unwrap());
    }
}
