//! One gzip member out of deflate blocks that are made in parallel.
//!
//! Each block of 128 KiB is compressed with the 32 KiB before it as dictionary and ended by a sync flush, so that the
//! blocks joined are one deflate stream (RFC 1951, RFC 1952; the way of pigz). One member matters: Python's `r|gz` and
//! Ruby's GzipReader lose, in silence, all that comes after the first.
//!
//! The crate `gzp` was looked at and not taken: it too makes one member, but wants a `'static` sink and threads of its own
//! and does not check that the compressor took all of a block; zstd needs the same ordered blocks anyway, so what is left
//! to gain is these few lines.

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};
use std::io;

/// How many bytes go into one block.
pub(super) const BLOCK: usize = 128 * 1024;
/// How far back a deflate match may reach.
pub(super) const DICTIONARY: usize = 32 * 1024;

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

/// Compresses `bytes[from..]` with what stands before as dictionary.
///
/// The compressor is a new one for each block: zlib-rs, as zlib-ng, lets the bytes it held before a reset decide between
/// equally good matches (zlib-rs issue 459; seen with 0.6.8), so a used one would make the output depend on the threads.
pub(super) fn block(level: i32, bytes: &[u8], from: usize, last: bool) -> io::Result<Vec<u8>> {
    let (dictionary, mut input) = bytes.split_at(from);
    let mut compress = Compress::new(Compression::new(level.unsigned_abs()), false);
    if !dictionary.is_empty() {
        compress.set_dictionary(dictionary)?;
    }
    let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
    let mut out = Vec::with_capacity(input.len() / 2 + 64);
    loop {
        let before = compress.total_in();
        let status = compress.compress_vec(input, &mut out, flush)?;
        input = &input[(compress.total_in() - before) as usize..];
        // A flush is complete when there is room left behind it (zlib.h, deflate()).
        let complete = if last { status == Status::StreamEnd } else { out.len() < out.capacity() };
        if input.is_empty() && complete {
            return Ok(out);
        }
        out.reserve(out.capacity().max(64));
    }
}
