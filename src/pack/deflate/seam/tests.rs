//! Streams of several compressors, joined and read again by zlib-rs.

use super::*;
use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress};
use libdeflater::{CompressionLvl, Compressor};
use proptest::prelude::*;
use std::io::Read;

fn libdeflate(level: i32, bytes: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
    let mut out = vec![0; compressor.deflate_compress_bound(bytes.len())];
    let len = compressor.deflate_compress(bytes, &mut out).unwrap();
    out.truncate(len);
    out
}

fn zlib(level: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 2 + 1000);
    Compress::new(Compression::new(level), false).compress_vec(bytes, &mut out, FlushCompress::Finish).unwrap();
    out
}

fn inflated(stream: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut decoder = DeflateDecoder::new(stream);
    decoder.read_to_end(&mut out).unwrap();
    assert_eq!(decoder.total_in(), stream.len() as u64);
    out
}

/// Words, so that there are matches, with noise between them, so that there are long codes.
fn plausible(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut bytes = Vec::new();
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        match state % 7 {
            0 => bytes.extend_from_slice(&state.to_le_bytes()),
            1 => bytes.extend(std::iter::repeat_n((state >> 8) as u8, (state >> 16) as usize % 700)),
            _ => bytes.extend_from_slice(format!("word{} ", state >> 8 & 0xff).as_bytes()),
        }
    }
    bytes.truncate(len);
    bytes
}

/// The stream that is left when an end is opened, with an empty block as its end.
fn reopened(mut stream: Vec<u8>, len: usize) -> Vec<u8> {
    open_end(&mut stream, len as u64).unwrap();
    stream.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    stream
}

#[test]
fn streams_joined_are_one_stream() {
    for (first, second) in [(0, 1), (1, 0), (10, 3_000_000), (100_000, 100_000), (2_000_000, 7)] {
        let (one, two) = (plausible(first, 3), plausible(second, 4));
        for level in [0, 1, 5, 9, 12] {
            let (mut a, mut b) = (libdeflate(level, &one), libdeflate(level, &two));
            open_ends([(&mut a, first as u64), (&mut b, second as u64)]).unwrap();
            let mut apart = libdeflate(level, &one);
            open_end(&mut apart, first as u64).unwrap();
            assert_eq!(a, apart, "{level} {first} {second}");
            let whole = [a, b, libdeflate(level, b"end")].concat();
            assert_eq!(inflated(&whole), [&one[..], &two, b"end"].concat(), "{level} {first} {second}");
        }
    }
}

#[test]
fn bytes_that_cannot_be_compressed_are_stored_and_joined() {
    let mut state = 1u64;
    let noise: Vec<u8> = (0..300_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        })
        .collect();
    assert_eq!(inflated(&reopened(libdeflate(5, &noise), noise.len())), noise);
}

#[test]
fn what_is_not_the_stream_of_these_bytes_is_refused() {
    let bytes = plausible(50_000, 9);
    let stream = libdeflate(5, &bytes);
    let refused = |bytes: &[u8], len| open_end(&mut bytes.to_vec(), len).unwrap_err();
    assert_eq!(refused(&stream, 49_999), SeamError::Length(50_000));
    assert_eq!(refused(&[&stream[..], b"more"].concat(), 50_000), SeamError::Rest(4));
    assert_eq!(refused(&stream[..stream.len() - 1], 50_000), SeamError::Cut);
    assert_eq!(refused(&[], 0), SeamError::Block);
    assert_eq!(refused(&[7], 0), SeamError::Block);
    assert_eq!(refused(&[1, 5, 0, 0, 0], 5), SeamError::Block);
    assert_eq!(refused(&[1, 5, 0, 0xfa, 0xff, 1, 2], 5), SeamError::Cut);
}

proptest! {
    #[test]
    fn any_bytes_of_any_compressor(bytes in prop::collection::vec(any::<u8>(), 0..3000), level in 0..10i32, repeat in 1..40usize) {
        let bytes = bytes.repeat(repeat);
        for stream in [libdeflate(level, &bytes), zlib(level.unsigned_abs(), &bytes)] {
            prop_assert_eq!(inflated(&reopened(stream, bytes.len())), &bytes[..]);
        }
    }

    #[test]
    fn no_bytes_bring_it_down(mut bytes in prop::collection::vec(any::<u8>(), 0..400), mut other in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = open_ends([(&mut bytes, 9), (&mut other, 9)]);
    }

    #[test]
    fn a_damaged_stream_is_refused_or_joined_and_never_a_panic(seed in any::<u64>(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut stream = libdeflate(6, &plausible(20_000, seed));
        let at = at.index(stream.len());
        stream[at] ^= 1u8 << bit;
        let _ = open_end(&mut stream, 20_000);
    }
}
