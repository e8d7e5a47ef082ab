//! Copies of a whole text in blocks, which need no address of its middle but for the load itself.
//!
//! Compilers copy a constant array with a load of 16 bytes from its start, one from 16 bytes behind that, and so on. Each
//! reads from the middle of the text and together they read all of it, so they go on to do so when it is overwritten.
//! A load of a few bytes from the middle alone may read another, shorter text that the linker stored as the tail.
//!
//! Takes the loads that the code seems to have and tells for a text whether one of them may be of that second sort. None
//! is, if wherever the code loads a part of the text it loads all of it nearby: block after block without a gap, only the
//! last one overlapping the one before it, each as often as the others. And the blocks must be of one array: constants
//! for vector registers, which other code shares, can follow each other and look like a text. They begin at multiples of
//! their size, never overlap, are never loaded to a general register, and nobody takes their address.

use super::immediate::Load;
use super::spans::Spans;
use super::targets::Found;
use super::verdict::Reference;
use std::ops::Range;

/// How far around a text loads are of interest, in bytes: a text may be the middle of an array.
pub(super) const AROUND: u64 = 512;
/// How far apart in the code, in bytes, two loads of one copy can be.
const APART: u64 = 128;
/// Loads around the texts of one file; real programs have some dozen.
const MOST: usize = 1 << 20;

/// A load with its place.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// What it reads.
    address: u64,
    load: Load,
    /// The file offset of its displacement.
    at: u64,
}

impl Block {
    fn end(&self) -> u64 {
        self.address.saturating_add(self.load.width)
    }
}

/// The loads near the texts of a file.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    near: Spans,
    /// Sorted by address once settled.
    loads: Vec<Block>,
    /// The addresses near texts that something makes without loading from there; sorted once settled.
    arrays: Vec<u64>,
    too_many: bool,
}

fn around(text: &Range<u64>) -> Range<u64> {
    text.start.saturating_sub(AROUND)..text.end.saturating_add(AROUND)
}

impl Blocks {
    /// Takes the addresses of the texts' interiors, in any order.
    pub(super) fn new(interiors: &[Range<u64>]) -> Self {
        Self { near: Spans::new(interiors.iter().map(around).collect()), ..Self::default() }
    }

    /// Adds a load, if it is near a text.
    pub(super) fn add(&mut self, address: u64, load: Load, at: u64) {
        if !self.near.holds(address) || self.too_many {
            return;
        }
        self.too_many = self.loads.len() == MOST;
        self.loads.push(Block { address, load, at });
    }

    /// Ends the search; `bases` are the addresses that operands and pointers make.
    pub(super) fn settle(&mut self, bases: &[u64]) {
        self.loads.sort_unstable_by_key(|block| (block.address, block.load.width, block.at));
        self.arrays = bases.iter().copied().filter(|base| self.near.holds(*base)).collect();
    }

    /// The lowest load from inside a text, given its addresses without the first, unless all belong to copies of the whole.
    pub(super) fn lowest(&self, interior: &Range<u64>) -> Option<Found> {
        let first = self.loads.partition_point(|block| block.address < interior.start);
        let lowest = self.loads.get(first).filter(|block| block.address < interior.end)?;
        let found = Found { address: lowest.address, by: Reference::RipRelative, at: lowest.at };
        let text = interior.start - 1..interior.end;
        (self.too_many || !self.are_copies(&text)).then_some(found)
    }

    /// Whether each stretch of code that loads a part of a text loads all of it.
    fn are_copies(&self, text: &Range<u64>) -> bool {
        let around = around(&(text.start + 1..text.end));
        let first = self.loads.partition_point(|block| block.address < around.start);
        let last = self.loads.partition_point(|block| block.address < around.end);
        let mut blocks = self.loads[first..last].to_vec();
        blocks.sort_by_key(|block| block.at);
        let mut stretches = blocks.chunk_by(|one, next| next.at - one.at <= APART);
        stretches.all(|stretch| self.is_copy(stretch, text))
    }

    /// Whether loads near each other copy all of a text, or nothing of it.
    fn is_copy(&self, stretch: &[Block], text: &Range<u64>) -> bool {
        let mut blocks = stretch.to_vec();
        blocks.sort_by_key(|block| (block.address, block.load.width));
        let mut tiles: Vec<Tile> = Vec::new();
        for block in &blocks {
            match tiles.last_mut() {
                Some(last) if last.block.address == block.address && last.block.load == block.load => last.times += 1,
                _ => tiles.push(Tile { block: *block, times: 1 }),
            }
        }
        let mut runs = tiles.chunk_by(|one, next| next.block.address <= one.block.end());
        let touches = |tile: &Tile| tile.block.address < text.end && text.start < tile.block.end();
        let Some(run) = runs.find(|run| run.iter().any(touches)) else { return true };
        covers(run, text) && (is_of_array(run) || self.arrays.binary_search(&run[0].block.address).is_ok())
    }
}

/// Equal loads.
#[derive(Debug, Clone, Copy)]
struct Tile {
    block: Block,
    times: usize,
}

fn overlap(pair: &[Tile]) -> bool {
    pair[1].block.address < pair[0].block.end()
}

/// Whether tiles without a gap, sorted, cover a text as the blocks of a copy do.
fn covers(run: &[Tile], text: &Range<u64>) -> bool {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return false };
    let only_last = run.windows(2).position(overlap).is_none_or(|at| at + 2 == run.len());
    let grows = run.windows(2).all(|pair| pair[0].block.end() < pair[1].block.end());
    let as_often = run.iter().all(|tile| tile.times == first.times);
    first.block.address <= text.start && text.end <= last.block.end() && only_last && grows && as_often
}

/// Whether the tiles can be no constants for vector registers.
fn is_of_array(run: &[Tile]) -> bool {
    run.windows(2).any(overlap)
        || run.iter().any(|Tile { block, .. }| block.load.general || !block.address.is_multiple_of(block.load.width))
}
