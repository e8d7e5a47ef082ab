//! The container: takes and gives its bytes, knows where each part lies, and nothing of trees.
//!
//! ```text
//! 8 bytes   "RELDELT1"
//! 8 bytes   little endian: length of the index as it stands
//! index     JSON in zstd
//! patches   of the manifest, then of files in the order of the index, then of the tool's own files in theirs
//! wholes    one zstd stream of all other files of the index, one after the other, in the same order
//! ```
//!
//! Refused: another magic or a newer format, an index larger than any real one, parts that reach beyond the end or leave bytes
//! between them.

use super::ParcelError;
use crate::base::bytes::{FileBytes, ReadAt as _};
use crate::base::digest::Digest;
use crate::base::path::RelPath;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What a container begins with.
pub(super) const MAGIC: &[u8; 8] = b"RELDELT1";
/// The number of the index's format.
pub(super) const FORMAT: u32 = 1;
/// No index is larger, in bytes, compressed or not; one of a million changed files has less.
const LARGEST_INDEX: u64 = 256 << 20;
/// What reaches over 128 MiB, as a power of two: the reader has that much memory for it.
pub(super) const WINDOW: u32 = 27;
/// An index is made once and fetched by many.
const LEVEL: i32 = 19;
/// Magic and length.
const HEAD: u64 = 16;

/// What a container says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) format: u32,
    /// The release it leads from.
    pub(super) base: u32,
    /// The release it leads to.
    pub(super) serial: u32,
    /// Digest of the base's `manifest.json`.
    pub(super) base_manifest: Digest,
    /// The new `manifest.json`.
    pub(super) manifest: Record,
    /// The files whose bytes no file of the base has, sorted by path.
    pub(super) files: Vec<Piece>,
    /// What else lies in `.relocate`, sorted by path.
    pub(super) own: Vec<Own>,
}

/// The new `manifest.json`, as a patch of the base's; as a frame of its own where one of them is too large for that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// How many bytes of the body make it.
    pub(super) bytes: u64,
    pub(super) size: u64,
    pub(super) sha256: Digest,
    pub(super) mode: u32,
    /// Seconds since 1970.
    pub(super) mtime: i64,
    /// Whether it is a patch.
    pub(super) patch: bool,
}

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Piece {
    pub(super) path: RelPath,
    /// The file of the base it is a patch of; none for one that comes whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<RelPath>,
    /// How many bytes the patch has; zero for one that comes whole.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) bytes: u64,
}

/// A file or directory of the tool's own. The manifest does not know them, so what they are stands here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Own {
    pub(super) path: RelPath,
    pub(super) mode: u32,
    /// Seconds since 1970.
    pub(super) mtime: i64,
    /// Its bytes; none for a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<OwnFile>,
}

/// The bytes of one of the tool's own files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OwnFile {
    pub(super) size: u64,
    pub(super) sha256: Digest,
    /// The file of the base it is a patch of, or the same as where the patch has no bytes; none for one that comes whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<RelPath>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) bytes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

impl Index {
    /// Writes what stands before the body.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let index = zstd::stream::encode_all(&*serde_json::to_vec(self)?, LEVEL)?;
        out.write_all(MAGIC)?;
        out.write_all(&(index.len() as u64).to_le_bytes())?;
        out.write_all(&index)
    }

    /// The lengths of all patches but that of the manifest, in their order.
    fn patches(&self) -> impl Iterator<Item = u64> {
        let own = self.own.iter().filter_map(|own| own.file.as_ref()).map(|file| file.bytes);
        self.files.iter().map(|piece| piece.bytes).chain(own)
    }

    fn wholes(&self) -> bool {
        let own = self.own.iter().filter_map(|own| own.file.as_ref());
        self.files.iter().any(|piece| piece.from.is_none()) || own.into_iter().any(|file| file.from.is_none())
    }
}

/// A stretch of the container, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// An open container, all of whose parts lie inside it.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) index: Index,
    bytes: FileBytes,
    pub(super) manifest: Stretch,
    /// One for each file of the index, empty for those that have none; those of the tool's own files behind them.
    pub(super) patches: Vec<Stretch>,
    wholes: Stretch,
}

impl Container {
    /// Opens a container, which may be anybody's.
    pub(super) fn open(path: &Path) -> Result<Self, ParcelError> {
        let failed = |source| ParcelError::Read { path: path.to_owned(), source };
        let bytes = File::open(path).and_then(FileBytes::new).map_err(failed)?;
        let head = bytes.range(0, HEAD.min(bytes.size())).map_err(failed)?;
        let (Some(magic), Some(len)) = (head.first_chunk::<8>(), head.last_chunk::<8>()) else {
            return Err(damaged("it is cut short"));
        };
        if magic != MAGIC {
            return Err(damaged("it is no delta"));
        }
        let len = u64::from_le_bytes(*len);
        if head.len() as u64 != HEAD || len > LARGEST_INDEX || bytes.size() - HEAD < len {
            return Err(damaged("it is cut short"));
        }
        let index = Self::index(&bytes.range(HEAD, len).map_err(failed)?)?;
        Self::lay_out(index, bytes, HEAD + len)
    }

    fn index(packed: &[u8]) -> Result<Index, ParcelError> {
        let damaged_index = |error: io::Error| damaged(format!("its index cannot be read: {error}"));
        let mut json = Vec::new();
        let decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(damaged_index)?;
        decoder.take(LARGEST_INDEX + 1).read_to_end(&mut json).map_err(damaged_index)?;
        if json.len() as u64 > LARGEST_INDEX {
            return Err(damaged("its index is larger than any real one"));
        }
        let format: FormatOnly = serde_json::from_slice(&json).map_err(|error| damaged_index(error.into()))?;
        if format.format > FORMAT {
            return Err(damaged(format!("its format is {} and this version reads up to {FORMAT}", format.format)));
        }
        serde_json::from_slice(&json).map_err(|error| damaged_index(error.into()))
    }

    /// Finds where each part lies.
    fn lay_out(index: Index, bytes: FileBytes, body: u64) -> Result<Self, ParcelError> {
        let mut next = body;
        let mut take = |len: u64| -> Result<Stretch, ParcelError> {
            let offset = next;
            next =
                offset.checked_add(len).filter(|end| *end <= bytes.size()).ok_or_else(|| damaged("it is cut short"))?;
            Ok(Stretch { offset, len })
        };
        let manifest = take(index.manifest.bytes)?;
        let patches = index.patches().map(take).collect::<Result<_, _>>()?;
        let wholes = Stretch { offset: next, len: bytes.size() - next };
        if index.wholes() != (wholes.len > 0) {
            return Err(damaged("it has more or less than its index says"));
        }
        Ok(Self { index, bytes, manifest, patches, wholes })
    }

    /// The bytes of a part.
    pub(super) fn part(&self, at: Stretch) -> Result<Vec<u8>, ParcelError> {
        let bytes = self.bytes.range(at.offset, at.len);
        bytes.map(std::borrow::Cow::into_owned).map_err(|error| damaged(format!("it cannot be read: {error}")))
    }

    /// The bytes of all whole files, one after the other.
    pub(super) fn wholes(&self) -> Result<impl Read + '_, ParcelError> {
        let Stretch { offset, len } = self.wholes;
        let part = Part { file: self.bytes.file(), offset, left: len };
        let unreadable = |error: io::Error| damaged(format!("its files cannot be read: {error}"));
        let mut decoder = zstd::stream::read::Decoder::new(part).map_err(unreadable)?;
        decoder.window_log_max(WINDOW).map_err(unreadable)?;
        Ok(decoder)
    }
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// A part of the file, read from wherever it is, so that other threads may read others meanwhile.
struct Part<'a> {
    file: &'a File,
    offset: u64,
    left: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = self.left.min(bytes.len() as u64) as usize;
        let len = self.file.read_at(&mut bytes[..most], self.offset)?;
        self.offset += len as u64;
        self.left -= len as u64;
        Ok(len)
    }
}

pub(super) fn damaged(why: impl Into<String>) -> ParcelError {
    ParcelError::Delta { why: why.into() }
}
