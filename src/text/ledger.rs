//! A file that keeps sums of other files of the tree: a package's `+CONTENTS`, a wheel's `RECORD`.
//!
//! When those files change, what it says of them has to change too. A ledger first tells which paths it speaks of, so that
//! nobody has to sum up files that nobody asks for; then, when all other changes are known, it is rewritten.

use super::class::{Answer, Subject};
use crate::base::digest::Digest;
use crate::base::path::RelPath;

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

/// The sums of a file's new bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Its length in bytes.
    pub size: u64,
    /// MD5 (RFC 1321), which pkgsrc's package database has.
    pub md5: [u8; 16],
    /// SHA-256, which Python's wheels have.
    pub sha256: Digest,
}

/// A kind of ledger.
pub trait Ledger: Sync {
    /// Its name, for messages and the record.
    fn name(&self) -> &'static str;

    /// The paths of the tree it keeps sums of, in any order; `None` where the file is no such ledger.
    fn speaks_of(&self, file: &Subject<'_>) -> Option<Vec<RelPath>>;

    /// Rewrites it; `fate` tells what became of each path it speaks of.
    fn rewrite(&self, file: &Subject<'_>, fate: &dyn Fn(&RelPath) -> Fate) -> Answer;
}
