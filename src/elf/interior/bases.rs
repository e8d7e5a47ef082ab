//! Addresses at which a relative look-up table could start.
//!
//! Takes addresses in any order and gives them sorted, each once, if they are not too many to keep.

use super::verdict::Uncovered;

/// Some hundred thousand in the largest programs; eight bytes each.
const MOST: usize = 1 << 22;

/// A set of addresses.
#[derive(Debug, Default)]
pub(super) struct Bases {
    kept: Vec<u64>,
    too_many: bool,
}

impl Bases {
    /// Adds an address that is a multiple of four.
    #[inline]
    pub(super) fn add(&mut self, address: u64) {
        if address.is_multiple_of(4) && !self.too_many {
            self.kept.push(address);
            if self.kept.len() == MOST {
                self.tidy();
                self.too_many = self.kept.len() > MOST / 2;
            }
        }
    }

    fn tidy(&mut self) {
        self.kept.sort_unstable();
        self.kept.dedup();
    }

    /// All of them in order.
    pub(super) fn sorted(mut self) -> Result<Vec<u64>, Uncovered> {
        self.tidy();
        if self.too_many { Err(Uncovered::TooManyTables) } else { Ok(self.kept) }
    }
}
