//! Text that a compiler cut into pieces: immediates of instructions, and constants for vector registers.
//!
//! Takes a file and a prefix and gives the places where a piece of the prefix stands without the rest of it. A copy of a
//! short path into a buffer, or a comparison with one, is often compiled to moves of 4, 8 or 16 bytes, and no search for
//! the whole finds those. They are reported and never written to: the pieces are not all found, nor is their order known.
//! x86 and x86-64 only; other machines build constants from smaller parts.

use super::super::dynamic::Dynamic;
use super::super::image::{ElfError, Image};
use super::super::kind::{Found, classify};
use super::machine::Machine;
use super::memory::Memory;
use super::sweep::{Piece, sweep};
use crate::base::bytes::ReadAt;

/// Bytes of the shortest piece that says enough on its own.
const PIECE: usize = 8;
/// Bytes of a piece that says enough if the next one follows soon.
const HALF: usize = 4;
/// How many bytes may lie between two such pieces: an opcode, a ModRM and a SIB byte, and a displacement, twice.
const BETWEEN: usize = 12;
/// Bytes of a vector register, and the alignment of its constants.
const VECTOR: usize = 16;
/// PATH_MAX.
const LONGEST_PATH: usize = 4096;
/// Pieces nearer than this belong to one text.
const APART: u64 = 64;

/// Finds where a prefix may have been cut into pieces; file offsets of the first piece of each text, sorted.
///
/// Empty for what is no linked x86 or x86-64 file, for a prefix of less than nine bytes, which fits into one piece, and for
/// one longer than any path.
pub fn split_constants(source: &dyn ReadAt, prefix: &[u8]) -> Result<Vec<u64>, ElfError> {
    let Some(mut image) = Image::open(source)? else { return Ok(Vec::new()) };
    if prefix.len() <= PIECE || prefix.len() > LONGEST_PATH {
        return Ok(Vec::new());
    }
    let dynamic = match classify(&mut image)? {
        Found::Dynamic(dynamic) => Some(dynamic),
        Found::Other(_) => None,
    };
    let mut found = search(&image, dynamic.as_ref(), prefix)?;
    found.sort_unstable();
    Ok(first_of_each_text(&found))
}

fn first_of_each_text(pieces: &[u64]) -> Vec<u64> {
    let is_first = |index: &usize| index.checked_sub(1).is_none_or(|before| pieces[*index] - pieces[before] >= APART);
    (0..pieces.len()).filter(is_first).map(|index| pieces[index]).collect()
}

fn search(image: &Image<'_>, dynamic: Option<&Dynamic>, prefix: &[u8]) -> Result<Vec<u64>, ElfError> {
    let mut found = Vec::new();
    if Machine::of(image, dynamic).is_err() {
        return Ok(found);
    }
    let Ok(memory) = Memory::new(image, dynamic)? else { return Ok(found) };
    let pieces = Pieces::new(prefix);
    let margin = prefix.len() + BETWEEN + VECTOR;
    for stretch in &memory.instructions {
        sweep(image, stretch, margin, |piece| found.extend(pieces.in_code(piece)))?;
    }
    for stretch in &memory.all {
        sweep(image, stretch, margin, |piece| found.extend(pieces.in_vectors(piece)))?;
    }
    Ok(found)
}

/// The prefix, ready to be looked for in pieces.
struct Pieces<'a> {
    prefix: &'a [u8],
    /// Whether a piece can begin with these two bytes.
    begins: Vec<bool>,
}

impl<'a> Pieces<'a> {
    fn new(prefix: &'a [u8]) -> Self {
        let mut begins = vec![false; 1 << 16];
        for pair in prefix.windows(2) {
            begins[pair_index(pair[0], pair[1])] = true;
        }
        Self { prefix, begins }
    }

    /// Positions where a run of the prefix begins, with where in the prefix it begins and how long it is.
    fn runs<'b>(&'b self, piece: &'b Piece<'_>) -> impl Iterator<Item = (usize, usize, usize)> + 'b {
        let bytes = piece.bytes;
        let may_begin =
            move |at: &usize| bytes.get(*at..at + 2).is_some_and(|pair| self.begins[pair_index(pair[0], pair[1])]);
        piece.examine.clone().filter(may_begin).flat_map(move |at| {
            let starts = (0..=self.prefix.len() - HALF).filter(move |from| {
                let continues = *from > 0 && at > 0 && bytes[at - 1] == self.prefix[from - 1];
                bytes[at] == self.prefix[*from] && !continues
            });
            starts.map(move |from| {
                let len = bytes[at..].iter().zip(&self.prefix[from..]).take_while(|(one, other)| one == other).count();
                (at, from, len)
            })
        })
    }

    fn in_code<'b>(&'b self, piece: &'b Piece<'_>) -> impl Iterator<Item = u64> + 'b {
        let is_piece = |(at, from, len): &(usize, usize, usize)| {
            !self.is_in_whole(piece, *at)
                && (*len >= PIECE || (*len >= HALF && self.goes_on(piece, *at + HALF, *from + HALF)))
        };
        self.runs(piece).filter(is_piece).map(|(at, _, _)| piece.offset(at))
    }

    /// Whether a position is in an occurrence of the whole prefix, which is no piece of one.
    fn is_in_whole(&self, piece: &Piece<'_>, at: usize) -> bool {
        (0..self.prefix.len()).any(|into| {
            at.checked_sub(into)
                .and_then(|start| piece.bytes.get(start..))
                .is_some_and(|text| text.starts_with(self.prefix))
        })
    }

    /// Whether the next half piece of the prefix follows soon, but not at once.
    fn goes_on(&self, piece: &Piece<'_>, at: usize, from: usize) -> bool {
        let Some(next) = self.prefix.get(from..from + HALF) else { return false };
        let end = piece.bytes.len().min(at + BETWEEN + HALF);
        piece.bytes.get(at + 1..end).is_some_and(|behind| behind.windows(HALF).any(|window| window == next))
    }

    /// A constant for a vector register holds what falls into one aligned piece of the text: it ends in the middle of the
    /// prefix where the piece ends, or begins there where it begins.
    fn in_vectors<'b>(&'b self, piece: &'b Piece<'_>) -> impl Iterator<Item = u64> + 'b {
        let at_border = |at: usize| piece.address(at).is_multiple_of(VECTOR as u64);
        let is_piece = move |(at, from, len): &(usize, usize, usize)| {
            // Each end is the prefix's own or a border: a word of it alone, such as "relocate", is none of its pieces.
            let begins = *from == 0 || at_border(*at);
            let ends = from + len == self.prefix.len() || at_border(at + len);
            (PIECE..=VECTOR).contains(len) && begins && ends && !self.is_in_whole(piece, *at)
        };
        self.runs(piece).filter(is_piece).map(|(at, _, _)| piece.offset(at))
    }
}

fn pair_index(first: u8, second: u8) -> usize {
    usize::from(u16::from_le_bytes([first, second]))
}
