//! How large files are: drawn from what was measured in a real prefix (14,746 files, 205 of them ELF files; see `mod.rs`).
//!
//! Each table gives, for thousandths of the files, the size that so many do not exceed; between two points the logarithm is even.

use super::random::Random;

type Table = [(u32, u32); 18];

/// Texts: 5,845 files, 13.8 kB on average.
const TEXT: Table = [
    (0, 1),
    (50, 113),
    (100, 301),
    (200, 825),
    (300, 1540),
    (400, 2457),
    (500, 3484),
    (600, 5500),
    (700, 9494),
    (800, 16_568),
    (900, 34_682),
    (950, 60_869),
    (980, 106_596),
    (990, 145_031),
    (995, 211_921),
    (998, 269_900),
    (999, 344_884),
    (1000, 756_209),
];
/// Data and compiled Python files: 8,696 files, 27.2 kB on average.
const BINARY: Table = [
    (0, 4),
    (50, 312),
    (100, 496),
    (200, 1073),
    (300, 1616),
    (400, 2644),
    (500, 4432),
    (600, 7994),
    (700, 13_776),
    (800, 23_829),
    (900, 52_709),
    (950, 98_171),
    (980, 174_693),
    (990, 254_730),
    (995, 353_562),
    (998, 470_030),
    (999, 843_340),
    (1000, 39_366_218),
];
/// ELF files: 205 files, 833 kB on average.
const ELF: Table = [
    (0, 4072),
    (50, 18_856),
    (100, 27_584),
    (200, 49_368),
    (300, 67_144),
    (400, 107_104),
    (500, 142_953),
    (600, 207_840),
    (700, 345_281),
    (800, 638_336),
    (900, 2_114_656),
    (950, 2_880_016),
    (980, 6_502_249),
    (990, 14_434_376),
    (995, 19_978_976),
    (998, 25_409_073),
    (999, 25_409_073),
    (1000, 25_409_073),
];

/// The size of a text, in bytes.
pub(crate) fn text(random: &mut Random, percent: u64) -> usize {
    draw(&TEXT, random, percent)
}

/// The size of what is no text, in bytes.
pub(crate) fn binary(random: &mut Random, percent: u64) -> usize {
    draw(&BINARY, random, percent)
}

/// The sizes that ELF files are built in, in bytes, and how many of a thousand have each.
pub(crate) fn elf_classes(percent: u64) -> Vec<(usize, u32)> {
    ELF.windows(2).map(|pair| (scaled(mean(pair[0].1, pair[1].1), percent), pair[1].0 - pair[0].0)).collect()
}

fn draw(table: &Table, random: &mut Random, percent: u64) -> usize {
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = random.below(1_000_000) as f64 / 1000.0;
    let next = table.iter().position(|(point, _)| f64::from(*point) > share).unwrap_or(table.len() - 1).max(1);
    let ((low, small), (high, large)) = (table[next - 1], table[next]);
    let part = (share - f64::from(low)) / f64::from(high - low);
    let (small, large) = (f64::from(small), f64::from(large));
    scaled(small * (large / small).powf(part), percent)
}

/// What the sizes between two points have on average.
fn mean(small: u32, large: u32) -> f64 {
    let (small, large) = (f64::from(small), f64::from(large));
    if large > small { (large - small) / (large / small).ln() } else { small }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "sizes of files, not negative"
)]
fn scaled(size: f64, percent: u64) -> usize {
    (size * percent as f64 / 100.0) as usize
}
