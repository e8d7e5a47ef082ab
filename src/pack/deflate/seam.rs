//! A whole deflate stream becomes the beginning of a longer one.
//!
//! Takes a stream that a compressor ended, and how many bytes it stands for; clears the bit that calls its last block the
//! last, and ends it at a byte bound. Deflate says nowhere how long a block is (RFC 1951, 3.2.3), so every code is read to
//! find the last block's header; nothing is unpacked. Refuses what is no deflate stream, what stands for another number of
//! bytes, and bytes after its end.

mod codes;

use codes::Codes;
use std::fmt;

/// Why a stream is not joined to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pack) enum SeamError {
    /// It ends before its last block does.
    Cut,
    /// A block of a kind that there is not, or a stored block whose lengths disagree.
    Block,
    /// Code lengths that make no code.
    Code,
    /// A code that no symbol has.
    Symbol,
    /// It stands for this many bytes and not for those that went in.
    Length(u64),
    /// This many bytes come after its end.
    Rest(usize),
}

impl fmt::Display for SeamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => write!(f, "the compressed block is cut short"),
            Self::Block => write!(f, "the compressed block has a part of a kind that there is not"),
            Self::Code => write!(f, "the compressed block has lengths that make no code"),
            Self::Symbol => write!(f, "the compressed block has a code that means nothing"),
            Self::Length(len) => write!(f, "the compressed block stands for {len} bytes, not for what went in"),
            Self::Rest(len) => write!(f, "the compressed block has {len} bytes after its end"),
        }
    }
}

impl std::error::Error for SeamError {}

/// What a sync flush ends with: the lengths of an empty stored block.
const EMPTY: [u8; 4] = [0, 0, 0xff, 0xff];

/// Makes of two streams, each with the number of bytes it stands for, such that more blocks can follow.
///
/// Two at a time, because reading one is waiting for the memory: the next code begins where the one before ends.
pub(super) fn open_ends(streams: [(&mut Vec<u8>, u64); 2]) -> Result<(), SeamError> {
    let [(first, first_len), (second, second_len)] = streams;
    for stream in [&mut *first, &mut *second] {
        stream.extend_from_slice(&[0; BEHIND]);
    }
    let (mut one, mut other) = (Reader::new(first)?, Reader::new(second)?);
    while one.begin()? && other.begin()? {
        one.beside(&mut other)?;
    }
    let (one, other) = (one.end(first_len)?, other.end(second_len)?);
    join(first, &one);
    join(second, &other);
    Ok(())
}

/// The same for one stream.
pub(super) fn open_end(stream: &mut Vec<u8>, len: u64) -> Result<(), SeamError> {
    stream.extend_from_slice(&[0; BEHIND]);
    let seam = Reader::new(stream)?.end(len)?;
    join(stream, &seam);
    Ok(())
}

/// Ends a stream that has [`BEHIND`] zeros behind it at a byte bound, as a block that is not the last.
fn join(stream: &mut Vec<u8>, Seam { last, end }: &Seam) {
    stream[last / 8] &= !(1 << (last % 8));
    // An empty stored block: three bits that are zero, zeros to the next byte, and its lengths.
    if end % 8 != 0 {
        stream[end / 8] &= (1 << (end % 8)) - 1;
    }
    stream.truncate((end + 3).div_ceil(8));
    stream.extend_from_slice(&EMPTY);
}

/// Two places in a stream, in bits from its begin.
struct Seam {
    /// The bit that says that the last block is the last.
    last: usize,
    /// Where the stream ends.
    end: usize,
}

/// Reads one stream, block by block and code by code.
struct Reader<'a> {
    bits: Bits<'a>,
    codes: Codes,
    /// Whether codes are being read.
    inside: bool,
    /// Where the newest block says whether it is the last, and whether it is.
    last: (usize, bool),
    /// The bytes that all codes so far stand for.
    given: u64,
}

impl<'a> Reader<'a> {
    /// A stream with [`BEHIND`] zeros behind it.
    fn new(stream: &'a [u8]) -> Result<Self, SeamError> {
        Ok(Self { bits: Bits::new(stream), codes: Codes::fixed()?, inside: false, last: (0, false), given: 0 })
    }

    /// Goes on to where codes are read; tells whether there are more, or the stream is at its end.
    fn begin(&mut self) -> Result<bool, SeamError> {
        while !self.inside && !self.last.1 {
            let at = self.bits.position();
            self.last = (at, self.bits.take(1)? == 1);
            match self.bits.take(2)? {
                0 => self.given += stored(&mut self.bits)?,
                1 => (self.codes, self.inside) = (Codes::fixed()?, true),
                2 => (self.codes, self.inside) = (codes::read(&mut self.bits)?, true),
                _ => return Err(SeamError::Block),
            }
        }
        Ok(self.inside)
    }

    /// Reads the codes of a block to its end.
    fn alone(&mut self) -> Result<(), SeamError> {
        let mut bits = self.bits;
        while !step(&mut bits, &self.codes, &mut self.given)? {}
        (self.bits, self.inside) = (bits, false);
        Ok(())
    }

    /// Reads codes of two blocks until one is at its end.
    fn beside(&mut self, other: &mut Self) -> Result<(), SeamError> {
        let (mut mine, mut others) = (self.bits, other.bits);
        while self.inside && other.inside {
            self.inside = !step(&mut mine, &self.codes, &mut self.given)?;
            other.inside = !step(&mut others, &other.codes, &mut other.given)?;
        }
        (self.bits, other.bits) = (mine, others);
        Ok(())
    }

    /// Reads to the end.
    fn end(&mut self, len: u64) -> Result<Seam, SeamError> {
        while self.begin()? {
            self.alone()?;
        }
        let end = self.bits.position();
        match (self.bits.bytes.len() - BEHIND).checked_sub(end.div_ceil(8)) {
            None => Err(SeamError::Cut),
            Some(0) if self.given == len => Ok(Seam { last: self.last.0, end }),
            Some(0) => Err(SeamError::Length(self.given)),
            Some(rest) => Err(SeamError::Rest(rest)),
        }
    }
}

/// Reads one literal, or a length and its distance, and counts what they stand for; tells whether the block is at its end.
///
/// What follows a literal is read as a distance that has no bits: whether a literal or a length comes next is as good
/// as chance, and a branch that cannot be foreseen costs more than the look into the table.
#[expect(clippy::inline_always, reason = "a call, with its state in memory, takes twice the time")]
#[inline(always)]
fn step(bits: &mut Bits<'_>, codes: &Codes, given: &mut u64) -> Result<bool, SeamError> {
    // 48 bits at most: 15 and 5 for a length, 15 and 13 for a distance.
    bits.fill()?;
    let code = codes.literals.at(bits.held)?;
    bits.consume(code.bits());
    *given += code.base() + bits.peek(code.extra());
    bits.consume(code.extra());
    if code.is_end() {
        return Ok(true);
    }
    let distance = codes.distances.after(code, bits.held)?;
    bits.consume(distance.bits() + distance.extra());
    Ok(false)
}

fn stored(bits: &mut Bits<'_>) -> Result<u64, SeamError> {
    bits.align();
    let (len, check) = (bits.take(16)?, bits.take(16)?);
    if len ^ check != 0xffff {
        return Err(SeamError::Block);
    }
    bits.skip_bytes(len as usize);
    Ok(len)
}

/// How many zeros stand behind a stream that is read: eight bytes may be held already when the next eight are asked for.
const BEHIND: usize = 16;

/// A stream read bit by bit, the lowest bit of each byte first. It may be read into the zeros behind it; who reads looks
/// at the end where it came to.
#[derive(Clone, Copy)]
struct Bits<'a> {
    /// The stream and [`BEHIND`] zeros.
    bytes: &'a [u8],
    /// The next byte that is not held.
    next: usize,
    /// The bits that come next, the first lowest.
    held: u64,
    /// How many of them may be consumed; what is above is there in part, and read again.
    count: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0, held: 0, count: 0 }
    }

    /// How many bits were consumed.
    fn position(&self) -> usize {
        self.next * 8 - self.count as usize
    }

    /// Has at least 56 bits held.
    #[inline]
    fn fill(&mut self) -> Result<(), SeamError> {
        let eight = self.bytes.get(self.next..).and_then(<[u8]>::first_chunk::<8>).ok_or(SeamError::Cut)?;
        self.held |= u64::from_le_bytes(*eight) << self.count;
        let taken = (63 - self.count) / 8;
        self.next += taken as usize;
        self.count += 8 * taken;
        Ok(())
    }

    #[inline]
    fn peek(&self, bits: u32) -> u64 {
        self.held & ((1 << bits) - 1)
    }

    /// Passes over bits that [`Bits::fill`] has had held.
    #[inline]
    fn consume(&mut self, bits: u32) {
        self.count -= bits;
        self.held >>= bits;
    }

    /// Reads a number of up to 16 bits.
    fn take(&mut self, bits: u32) -> Result<u64, SeamError> {
        self.fill()?;
        let number = self.peek(bits);
        self.consume(bits);
        Ok(number)
    }

    fn align(&mut self) {
        self.consume(self.count % 8);
    }

    /// Passes over whole bytes; only at a byte bound.
    fn skip_bytes(&mut self, len: usize) {
        (self.next, self.held, self.count) = (self.position() / 8 + len, 0, 0);
    }
}

#[cfg(test)]
mod tests;
