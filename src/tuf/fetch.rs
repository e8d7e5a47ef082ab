//! Reads one file of metadata from storage, never more than it may have.

use super::METADATA;
use super::error::Why;
use crate::base::digest::Digest;
use crate::objects::{Got, ObjectError, Objects, Presence, Wish};
use std::io::Read;
use tough::schema::Metafile;

/// The most bytes of a root, a timestamp, a snapshot: a client must set them (specification, 5.3.3, 5.4.1, 5.5.1).
pub(super) const MOST: u64 = 1 << 20;
/// The most bytes of targets: about 35,000 of them.
pub(super) const MOST_TARGETS: u64 = 10 << 20;

/// What came of a file.
pub(super) enum Fetched {
    /// There is none.
    Missing,
    /// It is as it was.
    Same,
    /// Its bytes and what tells this state of it from others.
    Bytes(Vec<u8>, Option<String>),
}

/// Reads a file of the metadata.
pub(super) fn fetch(objects: &dyn Objects, name: &str, most: u64, known: Option<&str>) -> Result<Fetched, Why> {
    let place = format!("{METADATA}/{name}");
    let object = match objects.get(&place, &Wish { known, rest: None }).map_err(Why::Unreached)? {
        Got::Missing => return Ok(Fetched::Missing),
        Got::Same => return Ok(Fetched::Same),
        Got::Bytes(object) => object,
    };
    let file = objects.shown(&place);
    let mut bytes = Vec::new();
    let read = object.reader.take(most.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|source| Why::Cut { file: file.clone(), source })?;
    if bytes.trim_ascii_start().starts_with(b"<") {
        return Err(Why::Page { file });
    }
    if bytes.len() as u64 > most {
        return Err(Why::TooLong { file, most });
    }
    Ok(Fetched::Bytes(bytes, object.state))
}

/// Reads the root of a version; `None` where there is none. A server that forbids what it does not have is taken at its word (S3
/// does where its list may not be read); one in trouble is not.
pub(super) fn fetch_root(objects: &dyn Objects, version: u64) -> Result<Option<Vec<u8>>, Why> {
    let name = format!("{version}.root.json");
    let forbidden = |error: &ObjectError| matches!(error.status, Some(403 | 404 | 410));
    // Asked first whether it is there: the answer to that, which mostly is no, is shorter.
    match objects.look(&format!("{METADATA}/{name}")) {
        Ok(Presence::Missing) => return Ok(None),
        Err(error) if forbidden(&error) => return Ok(None),
        Err(error) => return Err(Why::Unreached(error)),
        Ok(Presence::There | Presence::Unknown) => {}
    }
    match fetch(objects, &name, MOST, None) {
        Ok(Fetched::Bytes(bytes, _)) => Ok(Some(bytes)),
        Ok(Fetched::Missing | Fetched::Same) => Ok(None),
        Err(Why::Unreached(error)) if forbidden(&error) => Ok(None),
        Err(why) => Err(why),
    }
}

/// Reads a file that other metadata describes, and compares it.
pub(super) fn fetch_named(objects: &dyn Objects, name: &str, signed: &Metafile, most: u64) -> Result<Vec<u8>, Why> {
    let file = objects.shown(&format!("{METADATA}/{name}"));
    let length = signed.length.unwrap_or(most);
    if length > most {
        return Err(Why::TooLong { file, most });
    }
    match fetch(objects, name, length, None)? {
        Fetched::Missing | Fetched::Same => Err(Why::Missing { file }),
        Fetched::Bytes(bytes, _) => fits(&file, &bytes, signed).map(|()| bytes),
    }
}

/// Compares bytes with what was signed about them.
pub(super) fn fits(file: &str, bytes: &[u8], signed: &Metafile) -> Result<(), Why> {
    let found = bytes.len() as u64;
    if let Some(signed) = signed.length.filter(|length| *length != found) {
        return Err(Why::Length { file: file.to_owned(), signed, found });
    }
    let Some(hashes) = &signed.hashes else { return Ok(()) };
    let found = Digest::of(bytes);
    if hashes.sha256.as_ref() == found.bytes() {
        return Ok(());
    }
    let signed = Digest::from_hex(&data_encoding::HEXLOWER.encode(&hashes.sha256));
    let unreadable =
        || Why::Unreadable { file: file.to_owned(), why: "what was signed about it is no sha256".to_owned() };
    Err(Why::Bytes { file: file.to_owned(), signed: signed.ok_or_else(unreadable)?, found })
}
