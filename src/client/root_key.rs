//! How trust begins: with a root that a person was given, or with its sha256, which can be read out over the phone.

use super::error::ClientError;
use crate::base::digest::Digest;
use crate::objects::{Got, Objects, Wish};
use crate::tuf::{Kept, METADATA, Why};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// More than any root has, in bytes.
const MOST: u64 = 1 << 20;

/// What somebody was given by a way they trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootKey {
    /// A root, of any version.
    Root(Vec<u8>),
    /// The sha256 of the first one.
    Sum(Digest),
}

impl RootKey {
    /// Understands what was typed: the path of a file, or 64 hexadecimal digits.
    pub fn read(typed: &Path) -> Result<Self, ClientError> {
        let sum = typed.to_str().and_then(|text| Digest::from_hex(&text.to_ascii_lowercase()));
        if let Some(sum) = sum.filter(|_| !typed.exists()) {
            return Ok(Self::Sum(sum));
        }
        let mut bytes = Vec::new();
        let read = File::open(typed).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes));
        read.map_err(|source| ClientError::Io { doing: "read", path: typed.to_owned(), source })?;
        if bytes.len() as u64 > MOST {
            return Err(ClientError::Trust(Why::TooLong { file: typed.display().to_string(), most: MOST }));
        }
        Ok(Self::Root(bytes))
    }

    /// The sha256 of the root.
    pub fn sum(&self) -> Digest {
        match self {
            Self::Root(bytes) => Digest::of(bytes),
            Self::Sum(sum) => *sum,
        }
    }

    /// The memory of somebody who knows that root and nothing else.
    pub fn begin(&self, objects: &dyn Objects) -> Result<Kept, ClientError> {
        match self {
            Self::Root(bytes) => Ok(Kept::begin(bytes.clone())),
            Self::Sum(sum) => fetch(objects, *sum).map(Kept::begin).map_err(ClientError::Trust),
        }
    }
}

fn fetch(objects: &dyn Objects, signed: Digest) -> Result<Vec<u8>, Why> {
    let name = format!("{METADATA}/1.root.json");
    let file = objects.shown(&name);
    let object = match objects.get(&name, &Wish::default()).map_err(Why::Unreached)? {
        Got::Missing | Got::Same => return Err(Why::Missing { file }),
        Got::Bytes(object) => object,
    };
    let mut bytes = Vec::new();
    let read = object.reader.take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|source| Why::Cut { file: file.clone(), source })?;
    if bytes.trim_ascii_start().starts_with(b"<") {
        return Err(Why::Page { file });
    }
    if bytes.len() as u64 > MOST {
        return Err(Why::TooLong { file, most: MOST });
    }
    let found = Digest::of(&bytes);
    if found == signed { Ok(bytes) } else { Err(Why::Bytes { file, signed, found }) }
}
