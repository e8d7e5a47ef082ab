//! Numbers drawn from a seed: Steele, Lea and Flood's SplitMix64, which is short, fast, and good enough to fill files.

/// A source of numbers.
pub(crate) struct Random(u64);

impl Random {
    /// One for each file: it depends on the seed and on what it is for, not on what was drawn before.
    pub(crate) fn of(seed: u64, purpose: &[u64]) -> Random {
        let mut random = Random(seed);
        for word in purpose {
            random.0 = random.next().wrapping_add(*word);
        }
        random.next();
        random
    }

    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is small beside 2^64 and not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Appends `size` bytes that nothing compresses.
    pub(crate) fn fill(&mut self, size: usize, out: &mut Vec<u8>) {
        let end = out.len() + size;
        while out.len() < end {
            out.extend_from_slice(&self.next().to_le_bytes());
        }
        out.truncate(end);
    }
}
