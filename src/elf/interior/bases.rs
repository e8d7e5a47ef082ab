//! Addresses at which a relative look-up table could start.
//!
//! Takes addresses in any order and gives them sorted, each once, if they are not too many to keep; those that code is
//! seen to use as such a table once more.

use super::verdict::Uncovered;

/// Some hundred thousand in the largest programs; eight bytes each.
const MOST: usize = 1 << 22;

/// A set of addresses.
#[derive(Debug, Default)]
pub(super) struct Bases {
    kept: Vec<u64>,
    used: Vec<u64>,
    too_many: bool,
}

/// All addresses of a file.
#[derive(Debug)]
pub(super) struct Sorted {
    /// Each once.
    pub(super) all: Vec<u64>,
    /// Those of them to which code adds a distance that it read there.
    pub(super) used: Vec<u64>,
}

impl Bases {
    /// Adds an address that is a multiple of four.
    #[inline]
    pub(super) fn add(&mut self, address: u64) {
        if address.is_multiple_of(4) && !self.too_many {
            self.kept.push(address);
            if self.kept.len() == MOST {
                self.tidy();
                self.used.sort_unstable();
                self.used.dedup();
                self.too_many = self.kept.len() > MOST / 2;
            }
        }
    }

    /// Adds an address that is a multiple of four, and that code is seen to use as that of a table.
    pub(super) fn add_used(&mut self, address: u64) {
        self.add(address);
        if address.is_multiple_of(4) && !self.too_many {
            self.used.push(address);
        }
    }

    fn tidy(&mut self) {
        self.kept.sort_unstable();
        self.kept.dedup();
    }

    /// All of them in order.
    pub(super) fn sorted(mut self) -> Result<Sorted, Uncovered> {
        self.tidy();
        self.used.sort_unstable();
        self.used.dedup();
        if self.too_many { Err(Uncovered::TooManyTables) } else { Ok(Sorted { all: self.kept, used: self.used }) }
    }
}
