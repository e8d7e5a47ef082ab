//! Bytes that are made early and wanted later, kept in a file without a name, so that memory does not grow with them.

use super::{NewFile, WriteError};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Keeps runs of bytes; gone when dropped.
#[derive(Debug)]
pub struct Store {
    file: NewFile,
    end: AtomicU64,
}

/// Where a run of bytes is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    offset: u64,
    len: u64,
}

impl Kept {
    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.len
    }
}

impl Store {
    /// Makes an empty store in the directory for temporary files.
    pub fn create() -> Result<Self, WriteError> {
        Ok(Self { file: NewFile::scratch()?, end: AtomicU64::new(0) })
    }

    /// Keeps bytes; from any thread.
    pub fn put(&self, bytes: &[u8]) -> Result<Kept, WriteError> {
        let len = bytes.len() as u64;
        let offset = self.end.fetch_add(len, Ordering::Relaxed);
        let place: &Path = self.file.path();
        self.file.file().write_all_at(bytes, offset).map_err(WriteError::io("write", place))?;
        Ok(Kept { offset, len })
    }

    /// Gives them back.
    pub fn get(&self, kept: Kept) -> Result<Vec<u8>, WriteError> {
        let mut bytes = vec![0; kept.len as usize];
        self.file.file().read_exact_at(&mut bytes, kept.offset).map_err(WriteError::io("read", self.file.path()))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_comes_back() {
        let store = Store::create().unwrap();
        let (first, second) = (store.put(b"one").unwrap(), store.put(b"").unwrap());
        let third = store.put(b"three").unwrap();
        assert_eq!(store.get(third).unwrap(), b"three");
        assert_eq!(store.get(second).unwrap(), b"");
        assert_eq!((store.get(first).unwrap().as_slice(), third.size()), (&b"one"[..], 5));
    }
}
