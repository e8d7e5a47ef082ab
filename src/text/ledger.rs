//! A file that keeps sums of other files of the tree: a package's `+CONTENTS`, a wheel's `RECORD`.
//!
//! When those files change, what it says of them has to change too. A ledger first tells which paths it speaks of, so that
//! nobody has to sum up files that nobody asks for; then, when all other changes are known, it is rewritten.

use super::class::{Answer, Subject};
use crate::base::path::RelPath;
use crate::base::sums::{SumForm, Sums};
use std::ops::Range;

/// What became of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Its bytes, or its target, are what they were.
    Same,
    /// A file with other bytes.
    Changed(Sums),
    /// A symlink with another target.
    Link(Vec<u8>),
    /// It is not in the result.
    Removed,
}

/// A sum that stands in a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// Where in the ledger.
    pub at: Range<usize>,
    /// How it is written.
    pub form: SumForm,
    /// The file whose sum it is.
    pub of: RelPath,
}

/// A kind of ledger.
pub trait Ledger: Sync {
    /// Its name, for messages and the record.
    fn name(&self) -> &'static str;

    /// The paths of the tree it keeps sums of, in any order; `None` where the file is no such ledger.
    fn speaks_of(&self, file: &Subject<'_>) -> Option<Vec<RelPath>>;

    /// Whether a file of this name can be such a ledger.
    fn may_be(&self, path: &RelPath) -> bool;

    /// The sums it keeps, sorted by where they stand; none where the file is no such ledger.
    fn sums(&self, file: &Subject<'_>) -> Vec<Stated>;

    /// Rewrites it; `fate` tells what became of each path it speaks of.
    fn rewrite(&self, file: &Subject<'_>, fate: &dyn Fn(&RelPath) -> Fate) -> Answer;
}
