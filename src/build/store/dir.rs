//! Packages in a directory that processes, and machines over a network file system, may share: `ab/abcdef....tgz`.
//!
//! A package gets its name when it is whole and durable; two who put the same one at once do no harm.

use super::{Store, StoreError};
use crate::base::digest::Digest;
use crate::base::write::{NewFile, Parents};
use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A directory of packages.
#[derive(Debug, Clone)]
pub struct DirStore {
    root: PathBuf,
}

impl DirStore {
    /// Takes a directory, which is made when the first package comes.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where the package of a key is, or would be.
    pub fn place(&self, key: Digest) -> PathBuf {
        let name = key.to_string();
        self.root.join(&name[..2]).join(format!("{name}.tgz"))
    }

    /// Forgets a package that turned out to be damaged.
    pub fn forget(&self, key: Digest) -> Result<(), StoreError> {
        let place = self.place(key);
        crate::base::write::remove(&place).map_err(failed("remove", &place))
    }
}

impl Store for DirStore {
    fn has(&self, key: Digest) -> Result<bool, StoreError> {
        let place = self.place(key);
        place.try_exists().map_err(failed("look for", &place))
    }

    fn get(&self, key: Digest, into: &Path) -> Result<bool, StoreError> {
        let place = self.place(key);
        match File::open(&place) {
            Ok(file) => copy(file, into).map_err(failed("copy", &place)).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed("open", &place)(error)),
        }
    }

    fn put(&self, key: Digest, from: &Path) -> Result<(), StoreError> {
        let place = self.place(key);
        let file = File::open(from).map_err(failed("open", from))?;
        match fs::symlink_metadata(&place) {
            Ok(_) => Ok(()),
            Err(_) => copy(file, &place).map_err(failed("write", &place)),
        }
    }
}

fn copy(mut from: File, into: &Path) -> Result<(), Box<dyn Error + Send + Sync>> {
    let parents = Parents::make(into)?;
    let mut file = NewFile::create(into)?;
    io::copy(&mut from, &mut file)?;
    rustix::fs::fchmod(file.file(), rustix::fs::Mode::from_raw_mode(0o644))?;
    file.commit()?;
    parents.keep();
    Ok(())
}

fn failed<E: Into<Box<dyn Error + Send + Sync>>>(doing: &'static str, place: &Path) -> impl Fn(E) -> StoreError {
    let place = place.display().to_string();
    move |error| StoreError { doing, place: place.clone(), source: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

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
