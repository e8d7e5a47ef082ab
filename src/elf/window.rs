//! Many small reads that lie near each other, with few reads of the source.
//!
//! Takes a byte source and keeps the last few KiB read; gives records and NUL-terminated strings. Refuses ranges outside
//! the file and strings that do not end inside their table.

use super::image::{ElfError, inside, malformed, range};
use crate::base::bytes::ReadAt;
use std::borrow::Cow;

/// Reads many small records that lie near each other with few reads of the source.
pub(super) struct Window<'a> {
    source: &'a dyn ReadAt,
    offset: u64,
    bytes: Cow<'a, [u8]>,
    /// Bytes of strings given out so far.
    given: u64,
}

/// All names of a file together are shorter; a file whose every name is the same long string is not worth the memory.
const MOST_NAMES: u64 = 1 << 26;

impl<'a> Window<'a> {
    const STEP: u64 = 4096;

    pub(super) fn new(source: &'a dyn ReadAt) -> Self {
        Self { source, offset: 0, bytes: Cow::Borrowed(&[]), given: 0 }
    }

    /// Returns `len` bytes from `offset`; `what` names them in errors.
    pub(super) fn bytes(&mut self, what: &'static str, offset: u64, len: u64) -> Result<&[u8], ElfError> {
        let held = offset.checked_sub(self.offset).filter(|into| inside(*into, len, self.bytes.len() as u64));
        let into = if let Some(into) = held {
            into
        } else {
            let ahead = self.source.size().saturating_sub(offset).min(Self::STEP);
            self.bytes = range(self.source, what, offset, len.max(ahead))?;
            self.offset = offset;
            0
        };
        Ok(&self.bytes[into as usize..(into + len) as usize])
    }

    /// Returns the string at `offset` without its NUL, which must come before `end`.
    pub(super) fn string(&mut self, what: &'static str, offset: u64, end: u64) -> Result<Vec<u8>, ElfError> {
        let mut string = Vec::new();
        let mut at = offset;
        while at < end {
            let len = (end - at).min(256);
            let piece = self.bytes(what, at, len)?;
            if let Some(nul) = memchr::memchr(0, piece) {
                string.extend_from_slice(&piece[..nul]);
                return Ok(string);
            }
            string.extend_from_slice(piece);
            at += len;
            self.given += len;
            if self.given > MOST_NAMES {
                return Err(malformed("its names add up to more than 64 MiB", offset, self.given));
            }
        }
        Err(malformed("a string has no end inside its table", offset, end))
    }
}
