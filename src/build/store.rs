//! Where binary packages are kept by their keys, so that what was built once is not built again, here or elsewhere.

mod dir;
mod open;
mod remote;
mod weary;

pub use dir::DirStore;
pub use open::open;
pub use weary::Weary;

use crate::base::digest::Digest;
use crate::base::write::{NewFile, Parents};
use std::error::Error;
use std::fmt;
use std::path::Path;

/// A place for binary packages. What it has under a key never changes.
pub trait Store: Send + Sync {
    /// Whether it has a package of this key.
    fn has(&self, key: Digest) -> Result<bool, StoreError>;
    /// Writes the package to `into`, which appears whole or not at all; false where it has none.
    fn get(&self, key: Digest, into: &Path) -> Result<bool, StoreError>;
    /// Takes in a finished package; one that is there already is as good.
    fn put(&self, key: Digest, from: &Path) -> Result<(), StoreError>;
}

/// Why a place for packages could not be used.
#[derive(Debug)]
pub struct StoreError {
    /// What was being done, such as `read`.
    pub doing: &'static str,
    /// With which file or address.
    pub place: String,
    /// Why it failed.
    pub source: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.doing, self.place, self.source)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

type Problem = Box<dyn Error + Send + Sync>;

/// Makes the file of a package that `fill` gives the bytes of; it has its name only if that succeeds.
fn take(into: &Path, fill: impl FnOnce(&mut NewFile) -> Result<(), Problem>) -> Result<(), Problem> {
    let parents = Parents::make(into)?;
    let mut file = NewFile::create(into)?;
    fill(&mut file)?;
    rustix::fs::fchmod(file.file(), rustix::fs::Mode::from_raw_mode(0o644))?;
    file.commit()?;
    parents.keep();
    Ok(())
}
