//! Byte sources that are asked for ranges, so that a 5 GB file needs no 5 GB of memory.
//!
//! A source has a fixed length and answers any range inside it. It is never a memory map: a mapped file that is
//! cut short by somebody else kills the process with SIGBUS (mmap(2)). Offsets are `u64` everywhere; on the 64-bit
//! hosts this tool runs on they fit `usize` too.

use rustix::fs::{Mode, OFlags};
use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A source of bytes with a known length, read by offset.
pub trait ReadAt {
    /// Tells the length in bytes.
    fn size(&self) -> u64;

    /// Returns exactly `len` bytes from `offset`.
    ///
    /// Fails with [`io::ErrorKind::UnexpectedEof`] where the range does not lie wholly inside the source, and with the
    /// operating system's error where reading fails. Asks for no memory before the range is known to be inside.
    fn range(&self, offset: u64, len: u64) -> io::Result<Cow<'_, [u8]>>;
}

fn outside(offset: u64, len: u64, size: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("{len} bytes at offset {offset} lie outside the file's {size} bytes"),
    )
}

fn end_of(offset: u64, len: u64, size: u64) -> io::Result<u64> {
    offset.checked_add(len).filter(|end| *end <= size).ok_or_else(|| outside(offset, len, size))
}

impl ReadAt for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn range(&self, offset: u64, len: u64) -> io::Result<Cow<'_, [u8]>> {
        let end = end_of(offset, len, self.size())?;
        Ok(Cow::Borrowed(&self[offset as usize..end as usize]))
    }
}

impl ReadAt for &[u8] {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn range(&self, offset: u64, len: u64) -> io::Result<Cow<'_, [u8]>> {
        (**self).range(offset, len)
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn range(&self, offset: u64, len: u64) -> io::Result<Cow<'_, [u8]>> {
        self.as_slice().range(offset, len)
    }
}

/// An open file with the length it had when it was opened.
#[derive(Debug)]
pub struct FileBytes {
    file: File,
    size: u64,
}

impl FileBytes {
    /// Takes an open file and notes its length in bytes.
    pub fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl ReadAt for FileBytes {
    fn size(&self) -> u64 {
        self.size
    }

    fn range(&self, offset: u64, len: u64) -> io::Result<Cow<'_, [u8]>> {
        end_of(offset, len, self.size)?;
        let mut bytes = vec![0; len as usize];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(Cow::Owned(bytes))
    }
}

/// Opens a file for reading. As [`File::open`], with one system call where that makes two on some C libraries.
pub fn open(path: &Path) -> io::Result<File> {
    Ok(File::from(rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?))
}

/// Memory that nobody uses at the moment. Files are read into it one after the other, by all threads: fresh memory for each
/// costs more than the reading, because the kernel clears it and all threads stop when it is given back.
static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// How many bytes each piece has. A larger file, of which there are few, gets memory of its own: pieces as long as the
/// largest file would stay in every thread's hands.
const KEPT: usize = 1 << 20;
/// How many pieces of memory are kept at most.
const MOST_KEPT: usize = 16;

/// Memory for the time of one file.
struct Lent(Vec<u8>);

impl Lent {
    /// At least `len` bytes; what they are is what was there before.
    fn of(len: usize) -> Self {
        if len > KEPT {
            return Self(vec![0; len]);
        }
        let memory = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // What is never written to costs nothing.
        Self(memory.unwrap_or_else(|| vec![0; KEPT]))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.len() == KEPT && spare.len() < MOST_KEPT {
            spare.push(std::mem::take(&mut self.0));
        }
    }
}

/// An open file that is to be held whole, and the length it should have.
pub struct WholeFile<'a> {
    file: &'a File,
    size: u64,
}

impl<'a> WholeFile<'a> {
    /// Takes an open file, which is read from its start, and its length in bytes.
    pub fn new(file: &'a File, size: u64) -> Self {
        Self { file, size }
    }

    /// Shows all bytes, which may be written over. Fails where there are more or fewer than there should be, and where
    /// reading fails.
    pub fn read<R>(&self, show: impl FnOnce(&mut [u8]) -> R) -> io::Result<R> {
        let len = self.size as usize;
        // One byte more than there should be, so that the end is seen by the same call.
        let mut memory = Lent::of(len + 1);
        self.fill(&mut memory.0[..=len])?;
        Ok(show(&mut memory.0[..len]))
    }

    fn fill(&self, buffer: &mut [u8]) -> io::Result<()> {
        let len = self.size as usize;
        let mut filled = 0;
        while filled <= len {
            match self.file.read_at(&mut buffer[filled..], filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if filled == len {
                break;
            }
        }
        if filled == len { Ok(()) } else { Err(io::Error::other("it changed while it was read")) }
    }
}

/// One stretch of bytes to be written over, or beyond the end of, a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// File offset of the first byte.
    pub offset: u64,
    /// The new bytes.
    pub bytes: Vec<u8>,
}

/// Lays edits (any order, later ones win) over `bytes`, which are those from `offset` on; what lies outside them is left.
pub fn lay(edits: &[Edit], offset: u64, bytes: &mut [u8]) {
    let end = offset.saturating_add(bytes.len() as u64);
    for edit in edits {
        let edit_end = edit.offset.saturating_add(edit.bytes.len() as u64);
        let (low, high) = (edit.offset.max(offset), edit_end.min(end));
        if low < high {
            bytes[(low - offset) as usize..(high - offset) as usize]
                .copy_from_slice(&edit.bytes[(low - edit.offset) as usize..(high - edit.offset) as usize]);
        }
    }
}

/// A source seen through a list of edits, as the file will be once they are applied.
pub struct Edited<'a> {
    source: &'a dyn ReadAt,
    edits: &'a [Edit],
    size: u64,
}

impl<'a> Edited<'a> {
    /// Lays `edits` (any order, later ones win) over `source`; `size` is the length in bytes afterwards, and bytes that
    /// neither the source nor an edit gives are zero.
    pub fn new(source: &'a dyn ReadAt, edits: &'a [Edit], size: u64) -> Self {
        Self { source, edits, size }
    }
}

impl ReadAt for Edited<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn range(&self, offset: u64, len: u64) -> io::Result<Cow<'_, [u8]>> {
        let end = end_of(offset, len, self.size)?;
        let from_source = self.source.size().clamp(offset, end) - offset;
        let mut bytes = match self.source.range(offset.min(self.source.size()), from_source)? {
            Cow::Owned(bytes) => bytes,
            Cow::Borrowed(part) => {
                let mut bytes = Vec::with_capacity(len as usize);
                bytes.extend_from_slice(part);
                bytes
            }
        };
        bytes.resize(len as usize, 0);
        lay(self.edits, offset, &mut bytes);
        Ok(Cow::Owned(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_range_past_the_end_is_an_error_not_a_panic() {
        let bytes = vec![1u8, 2, 3];
        for (offset, len) in [(0, 4), (4, 0), (u64::MAX, 1), (1, u64::MAX)] {
            let error = bytes.range(offset, len).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
        assert_eq!(&*bytes.range(3, 0).unwrap(), b"");
    }

    #[test]
    fn a_file_of_another_size_than_expected_is_refused() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let read = |size| WholeFile::new(&file, size).read(|bytes| bytes.to_vec());
        assert_eq!(read(10).unwrap(), b"0123456789");
        assert!(read(9).is_err() && read(11).is_err() && read(0).is_err());
        // What an earlier and longer file left in the memory is not shown.
        assert_eq!(WholeFile::new(&tempfile::tempfile().unwrap(), 0).read(|bytes| bytes.len()).unwrap(), 0);
        let nested = WholeFile::new(&file, 10).read(|outer| read(10).unwrap() == outer);
        assert!(nested.unwrap());
    }

    #[test]
    fn edits_show_through_at_every_window() {
        let source = b"0123456789".to_vec();
        let edits = [Edit { offset: 2, bytes: b"ab".to_vec() }, Edit { offset: 9, bytes: b"XYZ".to_vec() }];
        let edited = Edited::new(&source, &edits, 14);
        let whole = b"01ab45678XYZ\0\0";
        for start in 0..whole.len() {
            for end in start..=whole.len() {
                let seen = edited.range(start as u64, (end - start) as u64).unwrap();
                assert_eq!(&*seen, &whole[start..end]);
            }
        }
    }
}
