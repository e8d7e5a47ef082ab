//! Why there is no delta, or no release from one; and whether the whole release would help.

use crate::base::path::{RelPath, printable};
use crate::base::write::WriteError;
use crate::install::{InstallError, Misfit};
use crate::manifest::ManifestError;
use crate::pack::Inadmissible;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Why there is no delta, or no release from one.
#[derive(Debug)]
pub enum ParcelError {
    /// The installed release is not what it was: something in it was changed, removed, or cannot be read.
    Base {
        /// Where in it; none where it is about all of it.
        path: Option<RelPath>,
        /// What was found.
        found: String,
    },
    /// The delta is damaged, hostile, or for another base.
    Delta {
        /// What is wrong with it.
        why: String,
    },
    /// The record of the new release cannot be used.
    Manifest(ManifestError),
    /// The new release has what no release may have.
    Refused(Inadmissible),
    /// The new release cannot be at its path.
    Misfit(Misfit),
    /// The path could not be written into it.
    Install(InstallError),
    /// A file could not be read: the delta, or a tree that one is made of.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A tree that a delta is to be made of is not what its manifest says.
    Tree {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// A delta could not be made.
    Make(io::Error),
    /// Something could not be written.
    Write(WriteError),
    /// What was built is not what it should be: somebody else was at work in the same place.
    Differs {
        /// Where in it.
        path: RelPath,
        /// What was found.
        found: String,
    },
}

impl ParcelError {
    /// Whether the same release as a whole may be installed where this failed: the fault is the base's or the delta's, not the
    /// place's.
    pub fn whole_may_help(&self) -> bool {
        match self {
            Self::Base { .. } | Self::Delta { .. } | Self::Manifest(_) => true,
            Self::Refused(_)
            | Self::Misfit(_)
            | Self::Install(_)
            | Self::Read { .. }
            | Self::Tree { .. }
            | Self::Make(_)
            | Self::Write(_)
            | Self::Differs { .. } => false,
        }
    }

    pub(super) fn base(path: &RelPath, found: impl Into<String>) -> Self {
        Self::Base { path: Some(path.clone()), found: found.into() }
    }
}

impl fmt::Display for ParcelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base { path: Some(path), found } => {
                write!(f, "the installed release is not what it was: '{path}' {found}")
            }
            Self::Base { path: None, found } => write!(f, "the installed release is not what it was: {found}"),
            Self::Delta { why } => write!(f, "the delta cannot be used: {why}"),
            Self::Manifest(source) => source.fmt(f),
            Self::Refused(source) => source.fmt(f),
            Self::Misfit(source) => source.fmt(f),
            Self::Install(source) => source.fmt(f),
            Self::Read { path, source } => {
                write!(f, "cannot read '{}': {source}", printable(path.as_os_str().as_bytes()))
            }
            Self::Tree { path, found } => {
                write!(f, "cannot make a delta: '{}' {found}", printable(path.as_os_str().as_bytes()))
            }
            Self::Make(source) => write!(f, "cannot make a delta: {source}"),
            Self::Write(source) => source.fmt(f),
            Self::Differs { path, found } => write!(f, "'{path}' {found}: another process writes in the same place"),
        }
    }
}

impl std::error::Error for ParcelError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Base { .. } | Self::Delta { .. } | Self::Tree { .. } | Self::Differs { .. } => None,
            Self::Manifest(source) => Some(source),
            Self::Refused(source) => Some(source),
            Self::Misfit(source) => Some(source),
            Self::Install(source) => Some(source),
            Self::Read { source, .. } | Self::Make(source) => Some(source),
            Self::Write(source) => Some(source),
        }
    }
}

impl From<WriteError> for ParcelError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<InstallError> for ParcelError {
    fn from(error: InstallError) -> Self {
        match error {
            InstallError::Misfit(misfit) => Self::Misfit(misfit),
            InstallError::Write(error) => Self::Write(error),
            error => Self::Install(error),
        }
    }
}
