//! One zstd frame out of a block that is compressed alone.
//!
//! With a checksum. A reader can begin at any frame, and frames can be made in parallel (RFC 8878).

use super::bench::Bench;
use std::io;
use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, compress_bound};

/// Compresses a block into the first of what `bench` has made.
pub(super) fn frame(bench: &mut Bench, level: i32, bytes: &[u8]) -> io::Result<()> {
    let compressor = match &mut bench.zstd {
        Some(compressor) => compressor,
        None => bench.zstd.insert(compressor(level)?),
    };
    let [out, other] = &mut bench.made;
    out.clear();
    other.clear();
    out.reserve(compress_bound(bytes.len()));
    compressor.compress_to_buffer(bytes, out)?;
    Ok(())
}

fn compressor(level: i32) -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(level)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    Ok(compressor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_before_does_not_show() {
        let words = |seed: u32, count: u32| -> Vec<u8> {
            let word = |at: u32| format!("{} ", at.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 19);
            (0..count).flat_map(|at| word(at).into_bytes()).collect()
        };
        let (one, other) = (words(1, 60_000), words(2, 50_000));
        for level in 1..=19 {
            let made = |before: &[&[u8]]| {
                let mut bench = Bench::default();
                for bytes in before {
                    frame(&mut bench, level, bytes).unwrap();
                }
                frame(&mut bench, level, &one).unwrap();
                bench.made
            };
            assert_eq!(made(&[]), made(&[&other, b"", &one[..100], &one, &other]), "{level}");
        }
    }
}
