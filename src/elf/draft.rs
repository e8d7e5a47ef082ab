//! Writes to one file, collected until they are a list of edits.
//!
//! Takes writes in any order, later ones over earlier ones; gives edits that are sorted, do not touch each other, and
//! hold no byte that is already there. Does no reading of its own but of the source it is compared with.

use super::image::ElfError;
use crate::base::bytes::{Edit, ReadAt};
use std::collections::BTreeMap;

/// Shorter runs of unchanged bytes are written again rather than split an edit.
const SHORTEST_GAP: usize = 16;

/// Collected writes; no two stretches overlap or touch.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    stretches: BTreeMap<u64, Vec<u8>>,
}

impl Draft {
    /// Adds one write; it goes over what was there.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len() as u64;
        let mut start = offset;
        let mut merged = Vec::new();
        let first = self.stretches.range(..=offset).next_back().map(|(at, held)| (*at, at + held.len() as u64));
        let from = first.filter(|(_, held_end)| *held_end >= offset).map_or(offset, |(at, _)| at);
        let touched: Vec<u64> = self.stretches.range(from..=end).map(|(at, _)| *at).collect();
        let mut behind = Vec::new();
        for at in touched {
            let Some(held) = self.stretches.remove(&at) else { continue };
            if at < offset {
                start = at;
                merged.extend_from_slice(&held[..(offset - at) as usize]);
            }
            if at + held.len() as u64 > end {
                behind = held[(end.saturating_sub(at)) as usize..].to_vec();
            }
        }
        merged.extend_from_slice(bytes);
        merged.extend(behind);
        self.stretches.insert(start, merged);
    }

    /// Writes zeros.
    pub(super) fn zero(&mut self, offset: u64, len: u64) {
        self.write(offset, &vec![0; len as usize]);
    }

    /// The writes so far, as edits to lay over the source.
    pub(super) fn edits(&self) -> Vec<Edit> {
        self.stretches.iter().map(|(at, bytes)| Edit { offset: *at, bytes: bytes.clone() }).collect()
    }

    /// The edits that change something.
    pub(super) fn finish(self, source: &dyn ReadAt) -> Result<Vec<Edit>, ElfError> {
        let mut edits = Vec::new();
        for (at, bytes) in self.stretches {
            let there = source.size().saturating_sub(at).min(bytes.len() as u64);
            let old = if there > 0 { source.range(at, there).map_err(ElfError::Read)? } else { Vec::new().into() };
            for (from, to) in changed(&old, &bytes) {
                edits.push(Edit { offset: at + from as u64, bytes: bytes[from..to].to_vec() });
            }
        }
        Ok(edits)
    }
}

/// The runs of `new` that differ from `old`; what `old` does not reach differs.
fn changed(old: &[u8], new: &[u8]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let differs = |at: usize| old.get(at) != new.get(at);
    for at in (0..new.len()).filter(|at| differs(*at)) {
        match runs.last_mut() {
            Some((_, end)) if at - *end < SHORTEST_GAP => *end = at + 1,
            _ => runs.push((at, at + 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_edits_of_a_draft_are_its_writes_in_order(
            old in prop::collection::vec(0u8..3, 0..80),
            writes in prop::collection::vec((0usize..90, prop::collection::vec(0u8..3, 1..40)), 0..8),
        ) {
            let (mut draft, mut wanted) = (Draft::default(), old.clone());
            for (at, bytes) in &writes {
                draft.write(*at as u64, bytes);
                wanted.resize(wanted.len().max(at + bytes.len()), 0);
                wanted[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            let edits = draft.finish(&old).unwrap();
            let mut new = old.clone();
            new.resize(wanted.len(), 0);
            let mut end = 0;
            for edit in &edits {
                let at = edit.offset as usize;
                prop_assert!(at >= end);
                end = at + edit.bytes.len();
                new[at..end].copy_from_slice(&edit.bytes);
            }
            prop_assert_eq!(new, wanted);
        }
    }
}
