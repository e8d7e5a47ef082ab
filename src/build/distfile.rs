//! Source archives: which ones the packages need, and the fetching of them before anything is compiled.
//!
//! [`needed`] asks the tree for names and sites, and each package's distinfo for sums. [`fetch`] leaves what is there and right,
//! and gets the rest side by side; a file has its name only when its sums are right. [`archive`] gets one file, such as the
//! tree itself. Refused: a file without a known sum, and two packages that want different files under one name.

mod address;
mod download;
mod fetch;
mod hosts;
mod needed;
mod part;
mod report;
mod sums;

pub use fetch::{Event, FetchOptions, Fetched, Listener, Mirror, Present, archive, fetch, present};
pub use needed::{NeededError, needed};
pub use report::{FetchError, Missing, Tried};
pub use sums::{Algorithm, Wrong};

use std::path::{Path, PathBuf};

/// A sum that a file must have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checksum {
    /// How it is made.
    pub algorithm: Algorithm,
    /// In small hexadecimal digits.
    pub hash: String,
}

/// A source archive that packages need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distfile {
    /// Its name.
    pub name: String,
    /// Where it belongs below the directory of source archives; empty for that itself.
    pub subdir: String,
    /// Its size in bytes; none where nobody recorded it.
    pub size: Option<u64>,
    /// Its sums, sorted.
    pub checksums: Vec<Checksum>,
    /// Whole addresses that the tree names, in its order, none twice.
    pub urls: Vec<String>,
    /// Names of the packages that need it, sorted.
    pub needed_by: Vec<String>,
}

impl Distfile {
    /// Its path below the directory of source archives: `SUBDIR/NAME`, or `NAME`.
    pub fn path(&self) -> String {
        if self.subdir.is_empty() { self.name.clone() } else { format!("{}/{}", self.subdir, self.name) }
    }

    /// Where it is, or belongs.
    pub fn place(&self, distdir: &Path) -> PathBuf {
        distdir.join(self.path())
    }
}
