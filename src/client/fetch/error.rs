//! Why a file did not come, and what to do about it.

use crate::base::digest::Digest;
use crate::objects::ObjectError;
use std::fmt;

/// Why a file did not come.
#[derive(Debug)]
pub enum FetchError {
    /// The storage gave no answer, or said no.
    Unreached(ObjectError),
    /// It does not have the file.
    Missing {
        /// The file.
        place: String,
    },
    /// It broke off, again and again.
    Cut {
        /// The file.
        place: String,
        /// After how many bytes.
        done: u64,
        /// Of how many.
        of: u64,
        /// Why.
        why: String,
    },
    /// What came is not what was signed, twice.
    Wrong {
        /// The file.
        place: String,
        /// In what way.
        why: Wrong,
    },
}

/// In what way a file is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// A web page came in its place.
    Page,
    /// It has another length.
    Length {
        /// What was signed, in bytes.
        signed: u64,
        /// What the storage says; none where it went on after the signed length.
        found: Option<u64>,
    },
    /// It holds other bytes.
    Bytes {
        /// What was signed.
        signed: Digest,
        /// What came.
        found: Digest,
    },
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached(error) => write!(f, "{error}"),
            Self::Missing { place } => write!(f, "{place} is signed, and the repository does not have it"),
            Self::Cut { place, done, of, why } => write!(f, "{place} broke off at byte {done} of {of}: {why}"),
            Self::Wrong { place, why } => match why {
                Wrong::Page => write!(f, "a web page came in the place of {place}"),
                Wrong::Length { signed, found: Some(found) } => {
                    write!(f, "{place} has {found} bytes, and {signed} were signed")
                }
                Wrong::Length { signed, found: None } => {
                    write!(f, "{place} goes on after the {signed} bytes that were signed")
                }
                Wrong::Bytes { signed, found } => {
                    write!(f, "{place} is not what was signed: sha256 {found} instead of {signed}, twice")
                }
            },
        }
    }
}

impl std::error::Error for FetchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Unreached(error) = self { Some(error) } else { None }
    }
}

impl FetchError {
    /// Whether it is this file that is at fault, so that another one may serve.
    pub fn is_of_file(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Wrong { .. })
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unreached(_) | Self::Cut { .. } => "run it again: it goes on where it broke off",
            Self::Missing { .. } => "tell the publisher that the repository is not whole",
            Self::Wrong { why: Wrong::Page, .. } => {
                "a gateway or a proxy may want you to log in first: open the address in a browser"
            }
            Self::Wrong { .. } => {
                "something on the way or on the server changed it: try again, then tell the publisher"
            }
        }
    }
}
