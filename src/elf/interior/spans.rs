//! Sets of addresses as sorted ranges.
//!
//! Takes ranges in any order, overlapping or empty, and gives them sorted and merged; answers whether an address is in
//! one of them, and what is left when others are taken away.

use std::ops::Range;

/// Sorted ranges that neither overlap nor touch, none of them empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Spans(Vec<Range<u64>>);

impl Spans {
    /// Sorts and merges.
    pub(super) fn new(mut ranges: Vec<Range<u64>>) -> Self {
        ranges.retain(|range| range.start < range.end);
        ranges.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    /// The range that holds an address.
    pub(super) fn around(&self, address: u64) -> Option<&Range<u64>> {
        let after = self.0.partition_point(|range| range.start <= address);
        self.0[..after].last().filter(|range| address < range.end)
    }

    /// Whether an address is in one of the ranges.
    pub(super) fn holds(&self, address: u64) -> bool {
        self.around(address).is_some()
    }

    /// Whether a range has an address in common with one of the ranges.
    pub(super) fn meet(&self, other: &Range<u64>) -> bool {
        let after = self.0.partition_point(|range| range.end <= other.start);
        other.start < other.end && self.0.get(after).is_some_and(|range| range.start < other.end)
    }

    /// What is left of these ranges without others.
    pub(super) fn without(&self, others: &Self) -> Self {
        let mut left = Vec::new();
        for range in &self.0 {
            let mut start = range.start;
            let first = others.0.partition_point(|hole| hole.end <= range.start);
            for hole in others.0[first..].iter().take_while(|hole| hole.start < range.end) {
                left.push(start..hole.start);
                start = hole.end;
            }
            left.push(start..range.end);
        }
        Self::new(left)
    }

    /// The ranges in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Range<u64>> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spans() -> impl Strategy<Value = Vec<Range<u64>>> {
        proptest::collection::vec((0u64..60, 0u64..20).prop_map(|(start, len)| start..start + len), 0..8)
    }

    proptest! {
        #[test]
        fn an_address_is_left_where_it_was_in_the_first_and_not_in_the_second(first in spans(), second in spans()) {
            let (one, other) = (Spans::new(first.clone()), Spans::new(second.clone()));
            let left = one.without(&other);
            let meet = (0..100).any(|address| one.holds(address) && other.holds(address));
            prop_assert_eq!(other.iter().any(|range| one.meet(range)), meet);
            for address in 0..100 {
                let in_any = |ranges: &[Range<u64>]| ranges.iter().any(|range| range.contains(&address));
                prop_assert_eq!(left.holds(address), in_any(&first) && !in_any(&second));
            }
            prop_assert!(left.0.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
