//! A copy of an open file with edits: the kernel copies, and what is new is written over it.
//!
//! Between two files std's copy is copy_file_range(2), which shares blocks where the file system can (XFS, Btrfs), copies
//! within the kernel where it cannot, and gives way to reading and writing where there is no such call. Holes of a
//! sparse file may be filled. Refused: a source that is not what it was.

use super::{NewFile, WriteError};
use crate::base::bytes::{Edit, FileBytes, ReadAt};
use crate::base::digest::Mark;
use std::fmt;
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;

/// Why there is no copy.
#[derive(Debug)]
pub enum CopyError {
    /// The source is not what was decided about.
    Changed,
    /// It cannot be made.
    Write(WriteError),
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => f.write_str("changed while it was being copied"),
            Self::Write(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CopyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Changed => None,
            Self::Write(error) => Some(error),
        }
    }
}

impl NewFile {
    /// Takes all bytes of `source`, which must have this mark where one is given; then `edits` (later ones win) are written
    /// over them, and the file has `size` bytes, of which those that neither gives are zero. The file must be empty before.
    pub fn copy_with_edits(
        &self,
        source: &FileBytes,
        mark: Option<Mark>,
        edits: &[Edit],
        size: u64,
    ) -> Result<(), CopyError> {
        let write = |error| CopyError::Write(WriteError::io("write", self.path())(error));
        let copied = self.copy(source).map_err(write)?;
        let is_same = || mark.map_or(Ok(true), |mark| Ok(mark == self.mark()?));
        if copied != source.size() || !is_same().map_err(write)? {
            return Err(CopyError::Changed);
        }
        if size != copied {
            self.file().set_len(size).map_err(write)?;
        }
        edits.iter().try_for_each(|edit| self.file().write_all_at(&edit.bytes, edit.offset)).map_err(write)
    }

    /// Copies what the source had when it was opened, if it is still so long; tells how much, in bytes.
    fn copy(&self, source: &FileBytes) -> io::Result<u64> {
        let mut from = source.file();
        from.rewind()?;
        io::copy(&mut from.take(source.size()), &mut self.file())
    }

    fn mark(&self) -> io::Result<Mark> {
        Mark::read(&FileBytes::new(self.file().try_clone()?)?)
    }
}
