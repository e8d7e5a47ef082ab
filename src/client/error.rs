//! Why a repository could not be followed, or a file of it did not come.

use super::fetch::FetchError;
use super::trust::Damaged;
use crate::base::write::WriteError;
use crate::tuf::Why;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why nothing came of it.
#[derive(Debug)]
pub enum ClientError {
    /// The operating system said no.
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something could not be written.
    Write(WriteError),
    /// Nobody said how trust begins.
    NoRootKey,
    /// The root that was named is none.
    RootKey(Why),
    /// The repository cannot be trusted, or what was trusted is of no use.
    Trust(Why),
    /// What was trusted is damaged on the disk, and there is nothing to take in its place.
    Damaged(Damaged),
    /// A file did not come.
    Fetch(FetchError),
}

impl ClientError {
    /// What to do about it, where we know.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Io { .. } => return None,
            Self::Write(error) => return error.help(),
            Self::NoRootKey => {
                "name the publisher's root.json, or the sha256 of its 1.root.json, with --root-key; get it by a way you trust"
            }
            Self::RootKey(_) => "get the root.json, or its sha256, from the publisher again",
            Self::Trust(why) => return why.help().map(str::to_owned),
            Self::Damaged(damaged) => {
                return Some(format!(
                    "move '{}' away and run it with the publisher's --root-key again",
                    damaged.path.parent().unwrap_or(&damaged.path).display()
                ));
            }
            Self::Fetch(error) => error.help(),
        };
        Some(text.to_owned())
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, source } => write!(f, "cannot {doing} '{}': {source}", path.display()),
            Self::Write(error) => error.fmt(f),
            Self::NoRootKey => f.write_str("nothing is trusted here yet"),
            Self::RootKey(why) => write!(f, "the root that --root-key names cannot be used: {why}"),
            Self::Trust(why) => why.fmt(f),
            Self::Damaged(damaged) => damaged.fmt(f),
            Self::Fetch(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Write(source) => Some(source),
            Self::RootKey(source) | Self::Trust(source) => Some(source),
            Self::Damaged(source) => Some(source),
            Self::Fetch(source) => Some(source),
            Self::NoRootKey => None,
        }
    }
}

impl From<WriteError> for ClientError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}
