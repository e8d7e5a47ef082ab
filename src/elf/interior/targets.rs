//! The addresses that must not be led to, and what was found to lead there.
//!
//! Takes the interiors of all texts, which may overlap, and cuts them into pieces that do not; keeps one reference for
//! each piece, the one to the lowest address, so that memory depends on the number of texts alone. Loads are no references
//! before all are known (`blocks`), and are kept until then.

use super::blocks::Blocks;
use super::verdict::Reference;
use std::ops::Range;

/// Something that leads into a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// The address it leads to.
    pub(super) address: u64,
    pub(super) by: Reference,
    /// The file offset where it stands.
    pub(super) at: u64,
}

/// The interiors of all texts.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// First addresses of the pieces, sorted; a piece ends at its own end, not at the next one's start.
    starts: Vec<u64>,
    ends: Vec<u64>,
    found: Vec<Option<Found>>,
    /// The lowest and one past the highest address of all.
    whole: Range<u64>,
    /// The loads near the texts.
    pub(super) blocks: Blocks,
}

impl Targets {
    /// Takes the interiors, in any order.
    pub(super) fn new(interiors: &[Range<u64>]) -> Self {
        let mut events: Vec<(u64, i64)> = Vec::with_capacity(2 * interiors.len());
        for interior in interiors.iter().filter(|interior| interior.start < interior.end) {
            events.extend([(interior.start, 1), (interior.end, -1)]);
        }
        events.sort_unstable();
        let (mut starts, mut ends, mut open) = (Vec::new(), Vec::new(), 0);
        for pair in events.windows(2) {
            open += pair[0].1;
            if open > 0 && pair[0].0 < pair[1].0 {
                starts.push(pair[0].0);
                ends.push(pair[1].0);
            }
        }
        let whole = starts.first().copied().unwrap_or(0)..ends.last().copied().unwrap_or(0);
        Self { found: vec![None; starts.len()], starts, ends, whole, blocks: Blocks::new(interiors) }
    }

    /// Whether there is nothing to look for.
    pub(super) fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The lowest and one past the highest address.
    pub(super) fn whole(&self) -> Range<u64> {
        self.whole.clone()
    }

    /// Whether an address is inside a text.
    pub(super) fn holds(&self, address: u64) -> bool {
        self.piece(address).is_some()
    }

    fn piece(&self, address: u64) -> Option<usize> {
        let after = self.starts.partition_point(|start| *start <= address);
        after.checked_sub(1).filter(|piece| address < self.ends[*piece])
    }

    /// Notes what leads to an address, if that is inside a text.
    #[inline]
    pub(super) fn note(&mut self, address: u64, by: Reference, at: u64) {
        if self.whole.contains(&address) {
            self.keep(Found { address, by, at });
        }
    }

    #[cold]
    fn keep(&mut self, new: Found) {
        let Some(piece) = self.piece(new.address) else { return };
        match &self.found[piece] {
            Some(known) if known.address <= new.address => {}
            _ => self.found[piece] = Some(new),
        }
    }

    /// What leads to the lowest address of an interior given to [`Targets::new`].
    pub(super) fn lowest(&self, interior: &Range<u64>) -> Option<Found> {
        let first = self.starts.partition_point(|start| *start < interior.start);
        let after = self.starts.partition_point(|start| *start < interior.end);
        let led_to = self.found.get(first..after).and_then(|found| found.iter().flatten().next().copied());
        led_to.into_iter().chain(self.blocks.lowest(interior)).min_by_key(|found| found.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_texts_each_get_their_lowest_reference() {
        let texts = [10..20, 15..30, 40..41, 50..50];
        let mut targets = Targets::new(&texts);
        for address in [29, 17, 30, 39, 41, 9, 18] {
            targets.note(address, Reference::Pointer, address + 1000);
        }
        let lowest: Vec<_> = texts.iter().map(|text| targets.lowest(text).map(|found| found.address)).collect();
        assert_eq!(lowest, [Some(17), Some(17), None, None]);
        targets.note(12, Reference::Symbol, 0);
        assert_eq!(targets.lowest(&texts[0]).unwrap().by, Reference::Symbol);
        assert_eq!(targets.lowest(&texts[1]).unwrap().address, 17);
    }

    #[test]
    fn no_text_is_never_led_into() {
        let mut targets = Targets::new(&[]);
        targets.note(0, Reference::Pointer, 0);
        assert!(targets.is_empty());
    }
}
