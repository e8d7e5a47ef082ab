//! A sorted list of items and their bytes become one archive that old extractors read; and back, from anybody's archive.
//!
//! Takes [`Item`]s, a [`Contents`] that gives the bytes, and the two records; gives a [`Packed`] file that has no name yet.
//! Knows nothing of ELF: whoever rewrites files does it inside [`Contents`]. The same items and bytes give the same archive
//! for any number of jobs. Memory is bounded by the jobs, whatever the sizes of the files. Refuses items that are not
//! sorted and bytes that are not as many as was said.

mod admit;
mod batch;
mod bench;
mod compare;
mod crew;
mod deflate;
mod frame;
mod guard;
mod header;
mod large;
mod packed;
mod pax;
mod restore;
mod settling;
mod source;
mod squeeze;
mod tree;
mod unpack;
mod visit;
mod write;

pub use admit::{Inadmissible, admit};
pub use compare::{CompareError, verify_archive, verify_dir};
pub use guard::{Limits, Refusal};
pub use packed::{Archive, Packed, copied, digest_beside};
pub use restore::{RestoreError, Restored, Unsealed, restore};
pub use tree::{PackedTree, write_tree};
pub use unpack::{Unpacked, unpack};
pub use visit::{Entry, UnpackError, Visited, visit, visit_bytes};
pub use write::write;

use crate::base::digest::Digest;
use crate::base::path::RelPath;
use crate::base::write::WriteError;
use crate::manifest;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;

/// One path of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its path in the tree.
    pub path: RelPath,
    /// The permission bits, 07777 at most.
    pub mode: u32,
    /// The user that owns it.
    pub uid: u64,
    /// The group that owns it.
    pub gid: u64,
    /// Seconds since 1970; older times are negative.
    pub mtime: i64,
    /// What it is.
    pub body: Body,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A directory.
    Dir,
    /// A regular file; [`Contents`] gives its bytes.
    File {
        /// Length in bytes.
        size: u64,
    },
    /// A symbolic link with this target.
    Symlink(Vec<u8>),
    /// A further name of the file item with this path, which must stand before it.
    HardLink(RelPath),
}

/// Why bytes could not be had; comes through whole in [`PackError::Content`].
pub type ContentError = Box<dyn std::error::Error + Send + Sync>;

/// Gives the bytes of items.
pub trait Contents: Sync {
    /// Gives all bytes of the file item `index` to `out`, in order and in pieces of any size, exactly as many as its
    /// [`Body::File`] says, and tells their digest: whoever had to digest them to know that they are the right ones has
    /// it already. Called once for each file item, from any thread, several at a time; returns at once with an error of
    /// `out`.
    fn stream(&self, index: usize, out: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<Digest, ContentError>;

    /// The bytes of the bill of materials, where the tree holds packages. Asked for once, on any thread while items are streamed.
    fn bill(&self) -> Result<Option<Vec<u8>>, ContentError> {
        Ok(None)
    }
}

/// What goes into an archive.
#[derive(Clone, Copy)]
pub struct Tree<'a> {
    /// The items, sorted by path, each path once, none below `.relocate`.
    pub items: &'a [Item],
    /// Their bytes.
    pub contents: &'a dyn Contents,
    /// The bytes of `.relocate/about.json`, the first entry.
    pub about: &'a [u8],
    /// The bytes of the tool that finishes the tree on the target, where it is carried.
    pub tool: Option<&'a [u8]>,
}

/// The digests of the bytes written, one place for each item; none for what is no file.
pub type Digests = [Option<Digest>];

/// The kind of archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// GNU tar, not compressed.
    Tar,
    /// GNU tar in one gzip member.
    TarGz,
    /// GNU tar in zstd frames of 2 MiB each, longer ones at high levels.
    TarZst,
}

impl Format {
    /// Reads the format off a file name, and the name without it: `ourapp-1.0.tar.gz` is `ourapp-1.0` and gzip. None for
    /// another ending, or where nothing stands before it.
    pub fn from_name(name: &OsStr) -> Option<(Self, &OsStr)> {
        let endings =
            [(".tar", Self::Tar), (".tar.gz", Self::TarGz), (".tgz", Self::TarGz), (".tar.zst", Self::TarZst)];
        endings.into_iter().find_map(|(ending, format)| {
            let stem = name.as_bytes().strip_suffix(ending.as_bytes())?;
            (!stem.is_empty()).then(|| (format, OsStr::from_bytes(stem)))
        })
    }

    /// The levels that may be asked for, and the one taken where none is: the fastest with which the archive is smaller than what is
    /// used today. For gzip that is 4 of libdeflate (0.98 of pigz at its 6), for zstd 2 (0.93 of `tar c | zstd -3`); 0.96 and 0.88 with
    /// 5 and 3, on 500 MB of programs. Members are in the order of paths, which is worth 4 and 12 % of it.
    fn levels(self) -> (std::ops::RangeInclusive<i32>, i32) {
        match self {
            Self::Tar => (0..=0, 0),
            Self::TarGz => (1..=9, 4),
            Self::TarZst => (1..=19, 2),
        }
    }
}

/// How the archive is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its kind.
    pub format: Format,
    /// The compression level, where the default is not wanted: 1 to 9 for gzip, 1 to 19 for zstd.
    pub level: Option<i32>,
    /// How many threads compress; 0 means 1. Changes the time and the memory, never the bytes.
    pub jobs: usize,
    /// The directory every entry lies in; the empty path for none.
    pub top_dir: RelPath,
}

impl Options {
    /// Whether there is such a level of compression.
    pub fn check(&self) -> Result<(), PackError> {
        self.level().map(drop)
    }

    fn level(&self) -> Result<i32, PackError> {
        let (range, default) = self.format.levels();
        match self.level {
            None => Ok(default),
            Some(level) if range.contains(&level) => Ok(level),
            Some(level) => Err(PackError::Level { level, lowest: *range.start(), highest: *range.end() }),
        }
    }
}

/// Why there is no archive.
#[derive(Debug)]
pub enum PackError {
    /// The bytes of a file could not be had.
    Content {
        /// Which file.
        path: RelPath,
        /// Why.
        source: ContentError,
    },
    /// A file gave more or fewer bytes than was said: it changed since it was looked at.
    Size {
        /// Which file.
        path: RelPath,
        /// How many bytes were said.
        said: u64,
        /// How many came, as far as they were taken.
        came: u64,
    },
    /// An item cannot stand in the list where it is.
    Item {
        /// Which item.
        path: RelPath,
        /// Why not.
        why: &'static str,
    },
    /// The record could not be made.
    Record(ContentError),
    /// No such compression level.
    Level {
        /// What was asked for.
        level: i32,
        /// The lowest there is.
        lowest: i32,
        /// The highest there is.
        highest: i32,
    },
    /// The archive could not be written to its file.
    Write(WriteError),
    /// The archive could not be written to a pipe.
    Sink(io::Error),
    /// A thread could not be started, or the compressor had no memory.
    Compress(io::Error),
}

impl PackError {
    /// Whether the reader of a pipe went away.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Sink(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content { path, source } => write!(f, "cannot pack '{path}': {source}"),
            Self::Size { path, said, came } if came > said => {
                write!(f, "cannot pack '{path}': it has more than the {said} bytes it had; it changed meanwhile")
            }
            Self::Size { path, said, came } => {
                write!(f, "cannot pack '{path}': it has {came} bytes and had {said}; it changed meanwhile")
            }
            Self::Item { path, why } => write!(f, "cannot pack '{path}': {why}"),
            Self::Record(source) => write!(f, "cannot make the manifest: {source}"),
            Self::Level { level, lowest, highest } if lowest == highest => {
                write!(f, "a .tar is not compressed and takes no level {level}")
            }
            Self::Level { level, lowest, highest } => {
                write!(f, "there is no level {level}; this format has {lowest} to {highest}")
            }
            Self::Write(source) => write!(f, "{source}"),
            Self::Sink(source) => write!(f, "cannot write the archive: {source}"),
            Self::Compress(source) => write!(f, "cannot compress: {source}"),
        }
    }
}

impl std::error::Error for PackError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Content { source, .. } | Self::Record(source) => Some(source.as_ref()),
            Self::Sink(source) | Self::Compress(source) => Some(source),
            Self::Write(source) => Some(source),
            Self::Size { .. } | Self::Item { .. } | Self::Level { .. } => None,
        }
    }
}

impl From<WriteError> for PackError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

/// Checks what [`Tree::items`] promises.
fn check(items: &[Item]) -> Result<(), PackError> {
    // The items before this one are sorted.
    let is_file = |before: &[Item], path: &RelPath| {
        let found = before.binary_search_by(|item| item.path.cmp(path));
        found.is_ok_and(|at| matches!(before[at].body, Body::File { .. }))
    };
    let mut last: Option<&RelPath> = None;
    for (at, Item { path, body, .. }) in items.iter().enumerate() {
        let wrong = |why| Err(PackError::Item { path: path.clone(), why });
        if last.is_some_and(|last| last >= path) {
            return wrong("it is not in its sorted place, or there twice");
        }
        if path.parts().next() == Some(manifest::DIRECTORY.as_bytes()) {
            return wrong("the name .relocate is for the archive's own records");
        }
        match body {
            Body::HardLink(first) if !is_file(&items[..at], first) => {
                return wrong("its first name does not stand before it");
            }
            Body::Dir | Body::File { .. } | Body::Symlink(_) | Body::HardLink(_) => {}
        }
        last = Some(path);
    }
    Ok(())
}
