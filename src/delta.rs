//! From one file to the next: takes the bytes of both and gives a patch, takes the old ones and a patch and gives the new.
//!
//! A patch is a zstd frame that was made with the old bytes as its prefix (RFC 8878; `zstd --patch-from` of the command makes and reads
//! the same). Whoever applies one must compare the digest of what comes out: with other old bytes than it was made with, a
//! patch gives wrong ones and may say nothing. Refused: files too large to be held, and a patch that would give more bytes than it should.

use std::fmt;
use std::io::{self, Read, Write};
use zstd::stream::{read, write};

/// No file with more bytes is patched: both are held in memory.
pub const LARGEST: u64 = 64 << 20;
/// Patches are made once and fetched by many.
const LEVEL: i32 = 19;
/// What reaches over both files, the smallest and the largest, as a power of two.
const WINDOW: std::ops::RangeInclusive<u32> = 10..=27;

/// Why there is no patch, or no file from it.
#[derive(Debug)]
pub enum DeltaError {
    /// One of the files has too many bytes.
    TooLarge {
        /// How many.
        size: u64,
    },
    /// The patch is damaged, or for other bytes.
    Damaged(io::Error),
    /// What comes out is longer or shorter than it should be.
    Size {
        /// What was wanted, in bytes.
        wanted: u64,
        /// What came at least.
        came: u64,
    },
}

impl fmt::Display for DeltaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { size } => write!(f, "a file of {size} bytes is not patched; {LARGEST} are the most"),
            Self::Damaged(error) => write!(f, "the patch is damaged: {error}"),
            Self::Size { wanted, came } => write!(f, "the patch gives {came} bytes and should give {wanted}"),
        }
    }
}

impl std::error::Error for DeltaError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Damaged(source) => Some(source),
            Self::TooLarge { .. } | Self::Size { .. } => None,
        }
    }
}

/// Makes a patch that leads from `old` to `new`. The same bytes give the same patch.
pub fn patch(old: &[u8], new: &[u8]) -> Result<Vec<u8>, DeltaError> {
    for bytes in [old, new] {
        fits(bytes.len() as u64)?;
    }
    made(old, new).map_err(DeltaError::Damaged)
}

fn fits(size: u64) -> Result<(), DeltaError> {
    if size > LARGEST { Err(DeltaError::TooLarge { size }) } else { Ok(()) }
}

fn made(old: &[u8], new: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = write::Encoder::with_ref_prefix(Vec::new(), LEVEL, old)?;
    // All of the old file is to be in reach from the end of the new one.
    let reach = (old.len() + new.len()).next_power_of_two().trailing_zeros();
    encoder.window_log(reach.clamp(*WINDOW.start(), *WINDOW.end()))?;
    encoder.long_distance_matching(true)?;
    encoder.set_pledged_src_size(Some(new.len() as u64))?;
    encoder.write_all(new)?;
    encoder.finish()
}

/// Makes the new bytes, `size` of them, from the old ones and a patch, which may be anybody's.
pub fn apply(old: &[u8], patch: &[u8], size: u64) -> Result<Vec<u8>, DeltaError> {
    fits(size)?;
    let mut decoder = read::Decoder::with_ref_prefix(patch, old).map_err(DeltaError::Damaged)?;
    decoder.window_log_max(*WINDOW.end()).map_err(DeltaError::Damaged)?;
    let mut new = Vec::with_capacity(size as usize);
    decoder.take(size + 1).read_to_end(&mut new).map_err(DeltaError::Damaged)?;
    let came = new.len() as u64;
    if came == size { Ok(new) } else { Err(DeltaError::Size { wanted: size, came }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes as programs have them: mostly not compressible by themselves.
    fn noise(len: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn a_large_file_with_little_changed_makes_a_small_patch() {
        let old = noise(9 << 20, 1);
        let mut new = old.clone();
        new[100] ^= 1;
        new.drain(5_000_000..5_000_100);
        new.splice(8 << 20..8 << 20, noise(300, 2));
        let patch = patch(&old, &new).unwrap();
        assert!(patch.len() < 2_000, "{}", patch.len());
        assert!(apply(&old, &patch, new.len() as u64).unwrap() == new);
    }

    #[test]
    fn what_comes_out_is_as_long_as_it_should_be_or_nothing() {
        let (old, new) = (noise(5_000, 1), noise(6_000, 2));
        let patch = patch(&old, &new).unwrap();
        for size in [0, 1, 5_999, 6_001, LARGEST] {
            assert!(matches!(apply(&old, &patch, size), Err(DeltaError::Size { .. })), "{size}");
        }
        assert!(matches!(apply(&old, &patch, LARGEST + 1), Err(DeltaError::TooLarge { .. })));
        assert!(matches!(apply(&old, b"no patch", 10), Err(DeltaError::Damaged(_))));
        assert!(apply(&old, b"", 10).is_err());
    }

    #[test]
    fn a_bomb_is_cut_at_the_size_it_should_have() {
        let bomb = zstd::stream::encode_all(io::repeat(0).take(1 << 28), 19).unwrap();
        assert!(bomb.len() < 100_000);
        assert!(matches!(apply(b"", &bomb, 1_000), Err(DeltaError::Size { came: 1_001, .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_patch_leads_from_any_file_to_any_other(
            old in proptest::collection::vec(any::<u8>(), 0..3_000),
            new in proptest::collection::vec(any::<u8>(), 0..3_000),
        ) {
            let made = patch(&old, &new).unwrap();
            prop_assert_eq!(apply(&old, &made, new.len() as u64).unwrap(), new);
        }

        #[test]
        fn a_damaged_patch_or_another_base_ends_in_an_error_or_in_as_many_bytes(
            at in any::<prop::sample::Index>(),
            flip in 1..=255u8,
            cut in any::<prop::sample::Index>(),
        ) {
            let (old, new) = (noise(3_000, 1), [noise(2_900, 1), noise(50, 4)].concat());
            let good = patch(&old, &new).unwrap();
            let mut bad = good.clone();
            bad[at.index(good.len())] ^= flip;
            for (old, patch) in [(&old, &bad[..]), (&old, &good[..cut.index(good.len())]), (&new, &good[..])] {
                if let Ok(bytes) = apply(old, patch, new.len() as u64) {
                    prop_assert_eq!(bytes.len(), new.len());
                }
            }
        }
    }
}
