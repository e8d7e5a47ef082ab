//! The dynamic string table while run-time paths in it change.
//!
//! Takes the table's bytes and the offsets of all names that stay; zeroes what only an old run-time path used and finds
//! a place for a new one: in the old place, as an existing string or its tail, in a run of zeros, and last behind the
//! end. Linkers merge string tails, so a byte is free only if no name that stays runs through it. Never writes over a
//! byte that is not zero by then.

use memchr::memmem;

/// A string table being edited.
#[derive(Debug, Clone)]
pub(super) struct StringTable {
    bytes: Vec<u8>,
    /// Offsets of the names that stay; sorted, without repeats.
    kept: Vec<u64>,
    /// Offsets at which a run-time path was released, in the order released.
    released: Vec<u64>,
}

impl StringTable {
    /// Takes the table, which must end in NUL, and the offsets of the names that stay, in any order.
    pub(super) fn new(bytes: Vec<u8>, mut kept: Vec<u64>) -> Self {
        kept.sort_unstable();
        kept.dedup();
        Self { bytes, kept, released: Vec::new() }
    }

    /// The bytes as they are now.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives up the run-time path strings at these offsets: zeroes every byte of them that no name which stays uses.
    pub(super) fn release(&mut self, offsets: &[u64]) {
        let mut spans: Vec<(usize, usize)> = offsets.iter().map(|at| (*at as usize, self.end(*at as usize))).collect();
        spans.sort_unstable();
        // Of strings that share a tail the longest comes first and decides for all of them.
        spans.dedup_by_key(|span| span.1);
        for (start, end) in spans {
            let first_kept = self.first_kept(start, end);
            if self.whole(start) {
                self.bytes[start..first_kept].fill(0);
            }
        }
        self.released.extend(offsets);
    }

    /// Finds a place for a string, writes it, and tells its offset and whether it lies where an old path began.
    pub(super) fn place(&mut self, string: &[u8]) -> (u64, Place) {
        let slot = self.released.iter().copied().find(|at| self.fits(*at as usize, string.len()));
        let found = match slot {
            Some(at) => Some((at as usize, Place::Old)),
            None => self.find(string).or_else(|| self.hole(string.len())).map(|at| (at, Place::Reused)),
        };
        if let Some((at, place)) = found {
            self.bytes[at..at + string.len()].copy_from_slice(string);
            self.keep(at as u64);
            return (at as u64, place);
        }
        let (at, size) = (self.tail(), self.bytes.len());
        self.bytes.truncate(at);
        self.bytes.extend_from_slice(string);
        self.bytes.push(0);
        self.keep(at as u64);
        let place = if self.bytes.len() > size { Place::Appended } else { Place::Reused };
        self.bytes.resize(self.bytes.len().max(size), 0);
        (at as u64, place)
    }

    fn keep(&mut self, at: u64) {
        if let Err(index) = self.kept.binary_search(&at) {
            self.kept.insert(index, at);
        }
    }

    /// Where the string at `start` ends: the offset of its NUL.
    fn end(&self, start: usize) -> usize {
        memchr::memchr(0, &self.bytes[start..]).map_or(self.bytes.len(), |len| start + len)
    }

    /// The first byte of `start..end` that a name which stays uses; `end` if none does.
    fn first_kept(&self, start: usize, end: usize) -> usize {
        let string_start = memchr::memrchr(0, &self.bytes[..start]).map_or(0, |nul| nul + 1);
        let index = self.kept.partition_point(|at| *at < string_start as u64);
        self.kept.get(index).map_or(end, |at| (*at as usize).clamp(start, end))
    }

    /// Whether a string begins at `start`. Bytes before it that nothing we know of names are left alone with their tail.
    fn whole(&self, start: usize) -> bool {
        start > 0 && self.bytes[start - 1] == 0
    }

    /// Whether a string of `len` bytes and its NUL can be written at `at` without changing any name.
    fn fits(&self, at: usize, len: usize) -> bool {
        let end = at + len;
        let used = self.kept.partition_point(|kept| *kept < at as u64);
        self.whole(at)
            && end < self.bytes.len()
            && self.bytes[at..=end].iter().all(|byte| *byte == 0)
            && self.kept.get(used).is_none_or(|kept| *kept >= end as u64)
    }

    /// The string itself or a longer one that ends in it.
    fn find(&self, string: &[u8]) -> Option<usize> {
        let mut wanted = string.to_vec();
        wanted.push(0);
        memmem::find(&self.bytes, &wanted)
    }

    /// A run of zeros between two strings, with a NUL to spare on either side.
    fn hole(&self, len: usize) -> Option<usize> {
        let zeros = vec![0; len + 2];
        let finder = memmem::Finder::new(&zeros);
        let mut from = 0;
        while let Some(at) = finder.find(&self.bytes[from..]) {
            let start = from + at + 1;
            if self.fits(start, len) {
                return Some(start);
            }
            // Only a name in between can be the reason; go on behind it.
            let next = self.kept.partition_point(|kept| *kept < start as u64);
            from = self.kept.get(next).map_or(start, |kept| (*kept as usize).max(start));
        }
        None
    }

    /// Where a string can be put behind the last one: the first of the unused zeros at the end of the table, if any.
    fn tail(&self) -> usize {
        let last = self.bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 2);
        let kept = self.kept.last().map_or(0, |at| *at as usize + 1);
        last.max(kept).min(self.bytes.len())
    }
}

/// Where a new string went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Where an old run-time path began.
    Old,
    /// Onto an equal string or a run of zeros.
    Reused,
    /// Behind the end: the table is longer now.
    Appended,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes: &[u8], kept: &[u64]) -> StringTable {
        StringTable::new(bytes.to_vec(), kept.to_vec())
    }

    #[test]
    fn a_tail_that_is_a_symbol_survives_its_path() {
        let mut strings = table(b"\0/home/root/lib\0libc.so.6\0", &[0, 12, 16]);
        strings.release(&[1]);
        assert_eq!(strings.bytes(), b"\0\0\0\0\0\0\0\0\0\0\0\0lib\0libc.so.6\0");
        assert_eq!(strings.place(b"$ORIGIN/.."), (1, Place::Old));
        assert_eq!(strings.bytes(), b"\0$ORIGIN/..\0lib\0libc.so.6\0");
    }

    #[test]
    fn a_path_that_is_the_tail_of_another_string_stays() {
        let mut strings = table(b"\0x/opt/lib\0", &[0, 1]);
        strings.release(&[2]);
        assert_eq!(strings.place(b"$O"), (11, Place::Appended));
        assert_eq!(strings.bytes(), b"\0x/opt/lib\0$O\0");
    }

    #[test]
    fn a_path_behind_bytes_nobody_names_stays() {
        let mut strings = table(b"\0x/opt/lib\0", &[0]);
        strings.release(&[2]);
        assert_eq!(strings.bytes(), b"\0x/opt/lib\0");
    }

    #[test]
    fn two_paths_that_share_a_tail_go_together() {
        let mut strings = table(b"\0/opt/a/lib\0f\0", &[0, 12]);
        strings.release(&[8, 1]);
        assert_eq!(strings.bytes(), b"\0\0\0\0\0\0\0\0\0\0\0\0f\0");
    }

    #[test]
    fn an_empty_name_inside_the_zeros_is_not_written_over() {
        let mut strings = table(b"\0abc\0\0\0\0\0\0\0\0def\0", &[0, 1, 8, 12]);
        assert_eq!(strings.place(b"12"), (5, Place::Reused));
        assert_eq!(strings.place(b"3456"), (16, Place::Appended));
    }

    #[test]
    fn an_old_last_string_makes_way_for_a_longer_one() {
        let mut strings = table(b"\0abc\0/old\0", &[0, 1]);
        strings.release(&[5]);
        assert_eq!(strings.place(b"/longer"), (5, Place::Appended));
        assert_eq!(strings.bytes(), b"\0abc\0/longer\0");
    }
}
