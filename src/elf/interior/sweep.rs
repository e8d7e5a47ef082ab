//! Walks through loaded bytes piece by piece, so that a large file needs little memory.
//!
//! Takes a stretch of addresses that one LOAD fills from the file and gives pieces of it with their neighbours: each
//! position is examined in exactly one piece, and the bytes shortly before and after it are there to be looked at.

use super::super::image::{ElfError, Image};
use super::machine::Machine;
use std::ops::Range;

/// A stretch of loaded bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Its addresses.
    pub(super) addresses: Range<u64>,
    /// File offset of its first byte.
    pub(super) offset: u64,
}

/// Some bytes of a stretch.
pub(super) struct Piece<'b> {
    /// The bytes, neighbours included.
    pub(super) bytes: &'b [u8],
    /// Indices of those to examine.
    pub(super) examine: Range<usize>,
    /// Address of the first of all bytes.
    address: u64,
    /// File offset of the first of all bytes.
    offset: u64,
}

impl Piece<'_> {
    /// The address of a byte.
    #[inline]
    pub(super) fn address(&self, at: usize) -> u64 {
        self.address.wrapping_add(at as u64)
    }

    /// The file offset of a byte.
    #[inline]
    pub(super) fn offset(&self, at: usize) -> u64 {
        self.offset + at as u64
    }

    /// Four bytes, little-endian; `None` beyond the end of the stretch.
    #[inline]
    pub(super) fn quad(&self, at: usize) -> Option<u32> {
        self.bytes.get(at..).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// Eight bytes, little-endian; `None` beyond the end of the stretch.
    #[inline]
    pub(super) fn double(&self, at: usize) -> Option<u64> {
        self.bytes.get(at..).and_then(<[u8]>::first_chunk).map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// An address of the machine; `None` beyond the end of the stretch.
    #[inline]
    pub(super) fn word(&self, at: usize, machine: &Machine) -> Option<u64> {
        if machine.word == 8 { self.double(at) } else { self.quad(at).map(u64::from) }
    }

    /// The indices to examine whose address is a multiple of `step`, a power of two.
    pub(super) fn aligned(&self, step: usize) -> impl Iterator<Item = usize> + use<> {
        let first = self.examine.start;
        let skip = (self.address(first).wrapping_neg() & (step as u64 - 1)) as usize;
        (first + skip..self.examine.end).step_by(step)
    }
}

const STEP: u64 = 1 << 20;
/// Neighbours enough for an instruction or a number.
pub(super) const NEIGHBOURS: usize = 16;

/// Calls `examine` with each piece of a stretch in order, and with so many neighbours before and after as there are.
pub(super) fn sweep(
    image: &Image<'_>,
    stretch: &Stretch,
    neighbours: usize,
    mut examine: impl FnMut(&Piece<'_>),
) -> Result<(), ElfError> {
    let neighbours = neighbours as u64;
    let len = stretch.addresses.end.saturating_sub(stretch.addresses.start);
    let mut done = 0;
    while done < len {
        let next = len.min(done + STEP);
        let (first, last) = (done.saturating_sub(neighbours), len.min(next + neighbours));
        let bytes = image.range("segment", stretch.offset.saturating_add(first), last - first)?;
        examine(&Piece {
            bytes: &bytes,
            examine: (done - first) as usize..(next - first) as usize,
            address: stretch.addresses.start + first,
            offset: stretch.offset + first,
        });
        done = next;
    }
    Ok(())
}
