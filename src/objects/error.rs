//! Why a file could not be read or written, and where.

use crate::web::WebError;
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
    /// Whether it may work a moment later: the server is in trouble, or the way to it is.
    pub fn is_passing(&self) -> bool {
        let of_the_way = || self.source.downcast_ref::<WebError>().is_some_and(|error| error.reason.is_passing());
        self.status.map_or_else(of_the_way, |status| matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 520..=530))
    }

    pub(super) fn new(doing: &'static str, place: String, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { doing, place, status: None, source: source.into() }
    }
}
