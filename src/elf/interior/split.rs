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
use aho_corasick::Span;
use aho_corasick::packed::Searcher;
use std::collections::BTreeSet;
use std::ops::Range;

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

/// A prefix, ready to be looked for in pieces.
#[derive(Debug, Clone)]
pub struct SplitText {
    prefix: Vec<u8>,
    halves: Halves,
}

/// Finds every half piece of the prefix.
#[derive(Debug, Clone)]
enum Halves {
    /// With vector instructions, where there are few enough.
    Packed(Searcher),
    /// Byte by byte: whether one can begin with these two.
    Pairs(Vec<bool>),
}

/// More half pieces than this are not looked for with vector instructions.
const MOST_PACKED: usize = 48;

impl SplitText {
    /// Takes the prefix. One of less than nine bytes fits into one piece, and one longer than any path is none: nothing is
    /// found of either.
    pub fn new(prefix: &[u8]) -> Self {
        let is_path = prefix.len() > PIECE && prefix.len() <= LONGEST_PATH;
        let prefix = if is_path { prefix.to_vec() } else { Vec::new() };
        Self { halves: Halves::new(&prefix), prefix }
    }

    /// Finds where the prefix may have been cut into pieces; file offsets of the first piece of each text, sorted. Empty for
    /// what is no linked x86 or x86-64 file.
    pub fn find(&self, source: &dyn ReadAt) -> Result<Vec<u64>, ElfError> {
        let Some(mut image) = Image::open(source)? else { return Ok(Vec::new()) };
        if self.prefix.is_empty() {
            return Ok(Vec::new());
        }
        let dynamic = match classify(&mut image)? {
            Found::Dynamic(dynamic) => Some(dynamic),
            Found::Other(_) => None,
        };
        let mut found = self.search(&image, dynamic.as_ref())?;
        found.sort_unstable();
        Ok(first_of_each_text(&found))
    }

    fn search(&self, image: &Image<'_>, dynamic: Option<&Dynamic>) -> Result<Vec<u64>, ElfError> {
        let mut found = Vec::new();
        if Machine::of(image, dynamic).is_err() {
            return Ok(found);
        }
        let Ok(memory) = Memory::new(image, dynamic)? else { return Ok(found) };
        let margin = self.prefix.len() + BETWEEN + VECTOR;
        for stretch in &memory.instructions {
            sweep(image, stretch, margin, |piece| found.extend(self.in_code(piece)))?;
        }
        for stretch in &memory.all {
            sweep(image, stretch, margin, |piece| found.extend(self.in_vectors(piece)))?;
        }
        Ok(found)
    }

    /// Positions where a run of the prefix begins, with where in the prefix it begins and how long it is.
    fn runs<'b>(&'b self, piece: &'b Piece<'_>) -> impl Iterator<Item = (usize, usize, usize)> + 'b {
        let bytes = piece.bytes;
        self.halves.positions(piece).flat_map(move |at| {
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
                .is_some_and(|text| text.starts_with(&self.prefix))
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

impl Halves {
    fn new(prefix: &[u8]) -> Self {
        let all: BTreeSet<_> = prefix.windows(HALF).collect();
        if let Some(packed) = Some(all).filter(|all| all.len() <= MOST_PACKED).and_then(Searcher::new) {
            return Self::Packed(packed);
        }
        let mut pairs = vec![false; 1 << 16];
        for pair in prefix.windows(2) {
            pairs[pair_index(pair[0], pair[1])] = true;
        }
        Self::Pairs(pairs)
    }

    /// Positions to examine where one may begin: all where one does, and some where none does.
    fn positions<'b>(&'b self, piece: &'b Piece<'_>) -> impl Iterator<Item = usize> + 'b {
        let (bytes, Range { mut start, end }) = (piece.bytes, piece.examine.clone());
        std::iter::from_fn(move || {
            let next = match self {
                Self::Packed(packed) => {
                    let behind = (end + HALF - 1).min(bytes.len());
                    packed.find_in(bytes, Span { start: start.min(behind), end: behind })?.start()
                }
                Self::Pairs(pairs) => {
                    let may_begin = |pair: &[u8]| pairs[pair_index(pair[0], pair[1])];
                    start + bytes.get(start..)?.windows(2).take(end.saturating_sub(start)).position(may_begin)?
                }
            };
            start = next + 1;
            (next < end).then_some(next)
        })
    }
}

fn pair_index(first: u8, second: u8) -> usize {
    usize::from(u16::from_le_bytes([first, second]))
}

fn first_of_each_text(pieces: &[u64]) -> Vec<u64> {
    let is_first = |index: &usize| index.checked_sub(1).is_none_or(|before| pieces[*index] - pieces[before] >= APART);
    (0..pieces.len()).filter(is_first).map(|index| pieces[index]).collect()
}
