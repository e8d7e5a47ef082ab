//! A pkgsrc tree to build from: a directory where it lies, or an archive unpacked, with overlays laid over it.
//!
//! A directory without overlays is used in place and never written to; it may be read-only. Anything else is made once in
//! the work directory, under its name only when it is whole, and found again by its digest. An overlay needs a copy, not
//! links into the source: bootstrap copies files by `cp -r` and writes over some of the copies, which would go through a
//! link into somebody's tree. Refuses what is no pkgsrc tree, by the file it lacks.

pub mod digest;
mod era;
mod licence;
mod makefile;
mod open;
mod options;
mod overlay;
mod packages;
mod variables;

pub use era::Era;
pub use licence::ACCEPTING;
pub use options::{Options, OptionsError};
pub use packages::nearest_pkgpath;
pub use variables::Unread;

use crate::base::digest::Digest;
use crate::base::path::printable;
use crate::base::write::WriteError;
use crate::pack::UnpackError;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where a tree comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The tree itself.
    pub base: Base,
    /// Directories laid over it, in this order. A package directory with a Makefile takes the whole place of the tree's, so
    /// that no patch for another version stays; everything else is laid over file by file.
    pub overlays: Vec<PathBuf>,
}

/// The tree without its overlays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// A directory, used where it lies.
    Directory(PathBuf),
    /// A tar, alone or in gzip, bzip2, xz or zstd.
    Archive(PathBuf),
}

/// A tree that is ready to be used.
#[derive(Debug, Clone)]
pub struct Tree {
    path: PathBuf,
    digest: Digest,
}

/// Why there is no tree.
#[derive(Debug)]
pub enum TreeError {
    /// It has none of what every pkgsrc tree has.
    NotPkgsrc {
        /// The directory.
        path: PathBuf,
        /// The file or directory it lacks.
        lacks: &'static str,
    },
    /// Something could not be read.
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The archive cannot be unpacked.
    Unpack(UnpackError),
    /// The work directory cannot be written.
    Write(WriteError),
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPkgsrc { path, lacks } => write!(f, "'{}' is no pkgsrc tree: it has no {lacks}", shown(path)),
            Self::Read { path, source } => write!(f, "cannot read '{}': {source}", shown(path)),
            Self::Unpack(source) => write!(f, "{source}"),
            Self::Write(source) => write!(f, "{source}"),
        }
    }
}

impl std::error::Error for TreeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotPkgsrc { .. } => None,
            Self::Read { source, .. } => Some(source),
            Self::Unpack(source) => Some(source),
            Self::Write(source) => Some(source),
        }
    }
}

impl TreeError {
    /// What to do about it, where we know.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NotPkgsrc { .. } => {
                Some("name the directory that holds bootstrap/ and mk/, often called pkgsrc".to_owned())
            }
            Self::Read { .. } => None,
            Self::Unpack(_) => Some("fetch it again, or check its sha256 against the publisher's".to_owned()),
            Self::Write(source) => source.help(),
        }
    }

    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }
}

impl Tree {
    /// Where it is: the directory that holds `bootstrap` and `mk`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is made of. For an archive without overlays the sha256 of the archive; otherwise see [`digest`].
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bootstrap script.
    pub fn bootstrap_script(&self) -> PathBuf {
        self.path.join(BOOTSTRAP)
    }
}

const BOOTSTRAP: &str = "bootstrap/bootstrap";

fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_bytes()).into_owned()
}

#[cfg(test)]
mod tests;
