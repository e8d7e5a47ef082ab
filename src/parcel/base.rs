//! The installed release that a new one is built from: its record, and the bytes of its files as they were packed, wherever it
//! stands.

use super::ParcelError;
use super::form::{Container, damaged};
use crate::base::bytes::{FileBytes, ReadAt as _};
use crate::base::digest::{Digest, Digester};
use crate::base::path::{Prefix, RelPath};
use crate::base::write::Beneath;
use crate::delta;
use crate::fill::{Fill, Standing};
use crate::ledger::{self, Ledger};
use crate::manifest::{self, Entry, Kind, Manifest, Whereabouts};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// A record that is larger is not read into memory, in bytes.
const LARGEST_RECORD: u64 = 1 << 30;
/// How much of a file is copied at once.
const PIECE: usize = 128 << 10;

/// An installed release.
pub(super) struct Base<'a> {
    path: &'a Path,
    pub(super) manifest: Manifest,
    record: Vec<u8>,
    /// Where it is said to stand.
    standing: Vec<Prefix>,
}

impl<'a> Base<'a> {
    /// Opens a release whose record must have this digest.
    pub(super) fn open(path: &'a Path, sha256: Digest) -> Result<Self, ParcelError> {
        let base = Self::read(path)?;
        if Digest::of(&base.record) == sha256 {
            return Ok(base);
        }
        let found = "its manifest is not the one that the delta was made for";
        Err(ParcelError::Base { path: None, found: found.to_owned() })
    }

    /// Opens a release with the record that it has.
    pub(super) fn read(path: &'a Path) -> Result<Self, ParcelError> {
        let unreadable = |error: &dyn std::fmt::Display| ParcelError::Base { path: None, found: error.to_string() };
        let mut beneath = Beneath::open(path).map_err(|error| unreadable(&error))?;
        let mut read = |name: &str| {
            let path = RelPath::new(name.as_bytes()).unwrap_or_default();
            whole(&mut beneath, &path).map_err(|error| ParcelError::base(&path, format!("cannot be read: {error}")))
        };
        let record = read(manifest::MANIFEST)?;
        let manifest = Manifest::parse(&record).map_err(|error| unreadable(&error))?;
        // Without that record it was unpacked and nothing was written into it, which its bytes will show.
        let has_place = path.join(manifest::PLACE).exists();
        let place = has_place.then(|| read(manifest::PLACE)).transpose()?;
        let place = place.map(|bytes| Whereabouts::parse(&bytes)).transpose().map_err(|error| unreadable(&error))?;
        let standing = place.iter().flat_map(Whereabouts::paths).cloned().collect();
        Ok(Self { path, manifest, record, standing })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.path
    }

    /// A handle on its files.
    pub(super) fn files(&self) -> Result<Beneath, ParcelError> {
        Ok(Beneath::open(self.path)?)
    }

    /// The bytes of the new release's record, which are those that were meant.
    pub(super) fn next_record(&self, container: &Container) -> Result<Vec<u8>, ParcelError> {
        let wanted = &container.index.manifest;
        let part = container.part(container.manifest)?;
        let unpacked = if wanted.patch {
            delta::apply(&self.record, &part, wanted.size).map_err(|error| error.to_string())
        } else {
            unpack(&part, wanted.size).map_err(|error| error.to_string())
        };
        let record = unpacked.map_err(|error| damaged(format!("its manifest: {error}")))?;
        if Digest::of(&record) == wanted.sha256 { Ok(record) } else { Err(damaged("its manifest is another")) }
    }

    /// Writes the bytes that a file had when it was packed, as far as `known` tells; says whether it stands as the record knows it.
    /// The error is that of reading or of `out`.
    pub(super) fn pour(&self, known: Option<&Entry>, source: &FileBytes, out: &mut dyn Write) -> io::Result<bool> {
        let Some(entry) = known.filter(|entry| ledger::depends(entry)) else {
            copy(source.file(), out)?;
            return Ok(true);
        };
        let Kind::File { size, .. } = entry.kind else { return Ok(false) };
        let about = &self.manifest.about;
        let (at, candidates) = (about.at.as_ref(), self.candidates());
        if entry.sums.is_empty() {
            let Ok(fill) = Fill::new(&entry.places, about) else { return Ok(false) };
            let Some(found) = fill.standing(source, size, &candidates)? else { return Ok(false) };
            return Ok(fill.size(size, found) == Ok(source.size()) && fill.pour(source, found, at, out)?.is_ok());
        }
        let Ok(ledger) = Ledger::new(entry, about) else { return Ok(false) };
        if source.size() > ledger::LONGEST {
            return Ok(false);
        }
        let bytes = source.range(0, source.size())?;
        let packed = ledger.find(&bytes, &candidates).and_then(|found| ledger.as_packed(&found, at, |_, _| true).ok());
        packed.map_or(Ok(false), |packed| out.write_all(&packed).map(|()| true))
    }

    fn candidates(&self) -> Vec<Standing<'_>> {
        self.standing.iter().map(Some).chain([self.manifest.about.at.as_ref(), None]).collect()
    }
}

/// A record, which must be a file.
fn whole(beneath: &mut Beneath, path: &RelPath) -> io::Result<Vec<u8>> {
    let file = beneath.open_file(path)?;
    let looks = file.metadata()?;
    if !looks.is_file() || looks.len() > LARGEST_RECORD {
        return Err(io::Error::other("it is no record"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_RECORD).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unpack(packed: &[u8], size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    zstd::stream::read::Decoder::with_buffer(packed)?.take(size.min(LARGEST_RECORD) + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Copies a file from its start.
fn copy(mut file: &File, out: &mut dyn Write) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => out.write_all(&buffer[..len])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Bytes on their way, digested and counted.
pub(super) struct Tee<'a> {
    out: Option<&'a mut dyn Write>,
    digester: Digester,
    size: u64,
}

impl<'a> Tee<'a> {
    /// Hands everything on to `out`, if there is one.
    pub(super) fn to(out: Option<&'a mut dyn Write>) -> Self {
        Self { out, digester: Digester::default(), size: 0 }
    }

    /// Size and digest of all bytes.
    pub(super) fn finish(self) -> (u64, Digest) {
        (self.size, self.digester.finish())
    }
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.out.as_mut().map_or(Ok(bytes.len()), |out| out.write(bytes))?;
        self.digester.update(&bytes[..len]);
        self.size += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
