//! Why a file could not be read or written, and where.

use std::error::Error;
use std::fmt;

/// A request to the storage that failed.
#[derive(Debug)]
pub struct ObjectError {
    /// What was being done, such as `read` or `write`.
    pub doing: &'static str,
    /// The file, as a person may see it.
    pub place: String,
    /// What the server said, where it said no.
    pub status: Option<u16>,
    /// Why.
    pub source: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.doing, self.place, self.source)
    }
}

impl Error for ObjectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}

impl ObjectError {
    pub(super) fn new(doing: &'static str, place: String, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { doing, place, status: None, source: source.into() }
    }
}
