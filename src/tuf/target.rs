//! Targets: what a repository holds, by name, length and digest; and how one is read.
//!
//! Names are flat, so that no client asks for another address than we do and no name leads out. What is read is never longer
//! than was signed, and its end is an error where the digest differs: whoever reads to the end has the right bytes.

use super::TARGETS;
use crate::base::digest::{Digest, Digester};
use crate::objects::{Got, ObjectError, Objects, Wish};
use serde_json::{Map, Value};
use std::fmt;
use std::io::{self, Read};

/// The longest name: with the digest before it, it is still the name of a file.
const LONGEST_NAME: usize = 180;

/// A file of a repository, as its metadata has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    name: String,
    length: u64,
    digest: Digest,
    custom: Map<String, Value>,
}

impl Target {
    /// Takes the name, the length in bytes, the sha256, and what else is to be signed about it. `None` where the name is not of
    /// letters, digits, `.`, `_` and `-`, begins with a dot, or is too long.
    pub fn new(name: &str, length: u64, digest: Digest, custom: Map<String, Value>) -> Option<Self> {
        let is_flat = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let fits = !name.is_empty() && !name.starts_with('.') && name.len() <= LONGEST_NAME;
        (is_flat && fits).then(|| Self { name: name.to_owned(), length, digest, custom })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The sha256 of its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What else was signed about it.
    pub fn custom(&self) -> &Map<String, Value> {
        &self.custom
    }

    /// Where it is in the repository: `t/SHA256.NAME`.
    pub fn place(&self) -> String {
        format!("{TARGETS}/{}.{}", self.digest, self.name)
    }
}

/// Why a target was not what was signed.
#[derive(Debug)]
pub enum TargetError {
    /// It could not be asked for.
    Unreached(ObjectError),
    /// The repository does not have it.
    Missing {
        /// Where it should be.
        place: String,
    },
    /// It is longer or shorter.
    Length {
        /// Where it is.
        place: String,
        /// What was signed, in bytes.
        signed: u64,
        /// What came; where it is longer, as much as was looked at.
        found: u64,
    },
    /// It holds other bytes.
    Bytes {
        /// Where it is.
        place: String,
        /// What was signed.
        signed: Digest,
        /// What came.
        found: Digest,
    },
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached(error) => write!(f, "{error}"),
            Self::Missing { place } => write!(f, "{place} is signed, and the repository does not have it"),
            Self::Length { place, signed, found } if found > signed => {
                write!(f, "{place} has more than the {signed} bytes that were signed; nothing of it is used")
            }
            Self::Length { place, signed, found } => {
                write!(f, "{place} ends after {found} of {signed} bytes; nothing of it is used")
            }
            Self::Bytes { place, signed, found } => {
                write!(f, "{place} is not what was signed: sha256 {found} instead of {signed}; nothing of it is used")
            }
        }
    }
}

impl std::error::Error for TargetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Unreached(error) = self { Some(error) } else { None }
    }
}

/// The bytes of a target on their way. Only what was read to the end without an error is what was signed.
pub struct ReadTarget {
    inner: Box<dyn Read + Send>,
    place: String,
    signed: (u64, Digest),
    taken: u64,
    digester: Digester,
    ended: bool,
}

/// Begins to read a target.
pub fn open_target(objects: &dyn Objects, target: &Target) -> Result<ReadTarget, TargetError> {
    let place = target.place();
    match objects.get(&place, &Wish::default()).map_err(TargetError::Unreached)? {
        // Nothing was said to be known.
        Got::Missing | Got::Same => Err(TargetError::Missing { place: objects.shown(&place) }),
        Got::Bytes(object) => Ok(ReadTarget {
            inner: object.reader,
            place: objects.shown(&place),
            signed: (target.length, target.digest),
            taken: 0,
            digester: Digester::default(),
            ended: false,
        }),
    }
}

impl ReadTarget {
    /// The verdict over all that was signed.
    fn judged(&self) -> Result<(), TargetError> {
        let (signed, found) = (self.signed.1, self.digester.clone().finish());
        if found == signed { Ok(()) } else { Err(TargetError::Bytes { place: self.place.clone(), signed, found }) }
    }

    fn length(&self, found: u64) -> TargetError {
        TargetError::Length { place: self.place.clone(), signed: self.signed.0, found }
    }
}

impl Read for ReadTarget {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let wrong = |error: TargetError| io::Error::new(io::ErrorKind::InvalidData, error);
        let left = self.signed.0 - self.taken;
        if left == 0 {
            // One byte more is looked for, so that a longer file is told from the right one.
            if self.inner.read(&mut [0])? > 0 {
                return Err(wrong(self.length(self.signed.0.saturating_add(1))));
            }
            self.judged().map_err(wrong)?;
            self.ended = true;
            return Ok(0);
        }
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.inner.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(wrong(self.length(self.taken)));
        }
        self.taken += read as u64;
        self.digester.update(&buffer[..read]);
        if self.taken == self.signed.0 {
            // Before the last bytes are given away: some read exactly as much as they want.
            self.judged().map_err(wrong)?;
        }
        Ok(read)
    }
}
