//! Bytes that are made early and wanted later, kept in a file without a name, so that memory does not grow with them.

use super::{NewFile, WriteError};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

/// Keeps runs of bytes; gone when dropped. Nothing is made before there is something to keep.
#[derive(Debug, Default)]
pub struct Store {
    kept: Mutex<Option<(NewFile, u64)>>,
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
    /// Keeps bytes, in the directory for temporary files; from any thread.
    pub fn put(&self, bytes: &[u8]) -> Result<Kept, WriteError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, end) = match &mut *kept {
            Some(kept) => kept,
            None => kept.insert((NewFile::scratch()?, 0)),
        };
        let at = Kept { offset: *end, len: bytes.len() as u64 };
        file.file().write_all_at(bytes, at.offset).map_err(WriteError::io("write", file.path()))?;
        *end += at.len;
        Ok(at)
    }

    /// Gives them back; nothing for what was never kept.
    pub fn get(&self, at: Kept) -> Result<Vec<u8>, WriteError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((file, _)) = &*kept else { return Ok(Vec::new()) };
        let mut bytes = vec![0; at.len as usize];
        file.file().read_exact_at(&mut bytes, at.offset).map_err(WriteError::io("read", file.path()))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_comes_back() {
        let store = Store::default();
        let (first, second) = (store.put(b"one").unwrap(), store.put(b"").unwrap());
        let third = store.put(b"three").unwrap();
        assert_eq!(store.get(third).unwrap(), b"three");
        assert_eq!(store.get(second).unwrap(), b"");
        assert_eq!((store.get(first).unwrap().as_slice(), third.size()), (&b"one"[..], 5));
    }
}
