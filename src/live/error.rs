//! What can go wrong with the releases of a directory, and what to do about it.

use super::Serial;
use crate::base::write::WriteError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why something was not done. What was current still is.
#[derive(Debug)]
pub enum LiveError {
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
    /// Another process is changing this directory, and we were not to wait.
    Busy {
        /// The lock's file.
        path: PathBuf,
        /// The process, where it is known.
        pid: Option<u32>,
    },
    /// `current` leads to something that is no release.
    Link {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// The state is not what we wrote.
    State {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such release here.
    Missing {
        /// The release.
        serial: Serial,
        /// Those that are here.
        installed: Vec<Serial>,
    },
    /// A release cannot go, because it is current or a process runs from it.
    InUse {
        /// The release.
        serial: Serial,
    },
    /// There is no release to go back to.
    NoPrevious,
    /// No release is current.
    NoCurrent,
}

impl LiveError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    /// What to do about it, where we know.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Io { .. } | Self::NoPrevious | Self::NoCurrent => None,
            Self::Write(error) => error.help(),
            Self::Busy { .. } => Some("wait for it with --wait, or try again".to_owned()),
            Self::Link { path, .. } => {
                Some(format!("move '{}' away if nothing needs it; 'current' is ours here", path.display()))
            }
            Self::State { path, .. } => Some(format!(
                "remove '{}': what is installed and current stays, only which releases were bad or pinned is forgotten",
                path.display()
            )),
            Self::InUse { .. } => Some("end what runs from it, and try again".to_owned()),
            Self::Missing { installed, .. } if installed.is_empty() => None,
            Self::Missing { installed, .. } => {
                let names: Vec<String> = installed.iter().map(ToString::to_string).collect();
                Some(format!("there are {}", names.join(", ")))
            }
        }
    }
}

impl fmt::Display for LiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, source } => write!(f, "cannot {doing} '{}': {source}", path.display()),
            Self::Write(error) => error.fmt(f),
            Self::Busy { path, pid } => {
                let who = pid.map_or_else(String::new, |pid| format!(", process {pid}"));
                write!(f, "another update is at work here{who} (lock '{}')", path.display())
            }
            Self::Link { path, target } => {
                write!(f, "'{}' leads to '{}', which is no release", path.display(), target.display())
            }
            Self::State { path, why } => write!(f, "'{}' cannot be used: {why}", path.display()),
            Self::Missing { serial, .. } => write!(f, "release {serial} is not installed here"),
            Self::InUse { serial } => write!(f, "release {serial} is in use and cannot be removed"),
            Self::NoPrevious => f.write_str("there is no earlier release to go back to"),
            Self::NoCurrent => f.write_str("no release is current here"),
        }
    }
}

impl std::error::Error for LiveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Write(source) => Some(source),
            _ => None,
        }
    }
}

impl From<WriteError> for LiveError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}
