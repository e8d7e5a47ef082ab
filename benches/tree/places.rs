//! Where files lie: directories of all depths, as many as a real prefix has for as many files, 19 files in each.

use super::Wanted;
use super::random::Random;

/// Of a thousand files, how many lie below so many directories, from 1 on (measured, see `mod.rs`).
const DEPTHS: [u64; 10] = [6, 36, 297, 280, 171, 100, 74, 31, 5, 0];
const FILES_PER_DIRECTORY: u64 = 19;
/// What the top is called in real prefixes.
const TOPS: [&str; 4] = ["lib", "share", "include", "libexec"];

/// The directories of a tree; a path follows from numbers alone, so nothing is kept.
pub(crate) struct Places {
    counts: Vec<u64>,
}

impl Places {
    /// As many as the files asked for need.
    pub(crate) fn new(wanted: &Wanted) -> Places {
        let deepest = wanted.depth.clamp(3, DEPTHS.len() as u64) as usize;
        let count = |depth: usize| (wanted.files * DEPTHS[depth] / 1000).div_ceil(FILES_PER_DIRECTORY).max(1);
        Places { counts: (1..deepest).map(count).collect() }
    }

    /// A directory, each depth as often as it should be.
    pub(crate) fn any(&self, random: &mut Random) -> String {
        let total: u64 = DEPTHS[1..=self.counts.len()].iter().sum();
        let mut share = random.below(total);
        let mut level = 0;
        while level + 1 < self.counts.len() && share >= DEPTHS[level + 1] {
            share -= DEPTHS[level + 1];
            level += 1;
        }
        self.path(level, random.below(self.counts[level]))
    }

    /// The directory of this number at this level; its parent is one of the level above.
    fn path(&self, level: usize, number: u64) -> String {
        let mut names = vec![format!("d{number}")];
        let mut number = number;
        for level in (0..level).rev() {
            number %= self.counts[level];
            names.push(format!("d{number}"));
        }
        names.push(TOPS[(number % 4) as usize].to_owned());
        names.reverse();
        names.join("/")
    }
}
