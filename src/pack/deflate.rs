//! One gzip member out of deflate blocks that are made in parallel.
//!
//! Each block of 1 MiB is compressed alone, as a stream of its own; the bit that ends the stream is cleared and the blocks
//! are joined at byte bounds by an empty stored block, as a sync flush does it, so that all is one deflate stream (RFC 1951,
//! RFC 1952). One member matters: Python's `r|gz` and Ruby's GzipReader lose, in silence, all that comes after the first.
//!
//! Without a memory of the block before, 1 MiB blocks are 0.1 % larger than 2 MiB ones; libdeflate gives that back many times.

mod seam;

use super::bench::Bench;
use crc32fast::Hasher;
use libdeflater::{CompressionLvl, Compressor};
use std::io;

/// How many bytes go into one block.
const BLOCK: usize = 1024 * 1024;
/// How many bytes are compressed at a time: two blocks.
pub(super) const PAIR: usize = 2 * BLOCK;

/// The header: no name, no time, made on Unix.
pub(super) fn header(level: i32) -> [u8; 10] {
    let effort = match level {
        9 => 2,
        1 => 4,
        _ => 0,
    };
    [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, effort, 3]
}

/// The trailer, from the sum over all blocks.
pub(super) fn trailer(sum: &Hasher, len: u64) -> [u8; 8] {
    let mut trailer = [0; 8];
    trailer[..4].copy_from_slice(&sum.clone().finalize().to_le_bytes());
    // The length modulo 2^32, as RFC 1952 has it.
    trailer[4..].copy_from_slice(&(len as u32).to_le_bytes());
    trailer
}

/// Compresses up to two blocks, so that more can follow where they are not the last. libdeflate begins each stream with empty
/// tables.
pub(super) fn blocks(bench: &mut Bench, level: i32, bytes: &[u8], last: bool) -> io::Result<()> {
    let (first, second) = bytes.split_at(BLOCK.min(bytes.len()));
    let compressor = match &mut bench.deflate {
        Some(compressor) => compressor,
        None => bench.deflate.insert(compressor(level)?),
    };
    let [one, other] = &mut bench.made;
    stream(compressor, first, one)?;
    other.clear();
    if !second.is_empty() {
        stream(compressor, second, other)?;
    }
    let (len, second_len) = (first.len() as u64, second.len() as u64);
    let open = match (second.is_empty(), last) {
        (true, true) => Ok(()),
        (true, false) | (false, true) => seam::open_end(one, len),
        (false, false) => seam::open_ends([(one, len), (other, second_len)]),
    };
    open.map_err(io::Error::other)
}

fn compressor(level: i32) -> io::Result<Compressor> {
    let level = CompressionLvl::new(level).map_err(|_| io::Error::other("there is no such level"))?;
    Ok(Compressor::new(level))
}

/// Compresses one block into a stream of its own.
fn stream(compressor: &mut Compressor, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    out.resize(compressor.deflate_compress_bound(bytes.len()), 0);
    let len = compressor.deflate_compress(bytes, out).map_err(io::Error::other)?;
    out.truncate(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_before_does_not_show() {
        let words = |seed: u32| -> Vec<u8> {
            let word = |at: u32| format!("{} ", at.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 19);
            (0..600_000).flat_map(|at| word(at).into_bytes()).collect()
        };
        let (one, other) = (words(1), words(2));
        for level in 1..=9 {
            let made = |before: &[&[u8]]| {
                let mut bench = Bench::default();
                for bytes in before {
                    blocks(&mut bench, level, bytes, false).unwrap();
                }
                blocks(&mut bench, level, &one[..PAIR], false).unwrap();
                bench.made
            };
            assert_eq!(made(&[]), made(&[&other[..PAIR], &other[..100]]), "{level}");
        }
    }
}
