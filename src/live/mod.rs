//! Releases of one application side by side in one directory, one of which is current.
//!
//! ```text
//! R/r/42/        a release, installed for this very path, never changed
//! R/current      -> r/42, changed by one rename
//! R/shared/      what outlives releases; not ours
//! R/.relocate/   state.json, lock, leases/
//! ```
//!
//! Takes installed trees and makes them current; nothing here knows where they come from. What is on the disk counts: the state
//! says what is not seen there (which release was before, which turned out bad), and where both disagree the link is right. A
//! process that was killed at any moment leaves the old release current or the new one, and the next one that holds R
//! finishes what it began ([`Held::settle`]). Refused: a second process that would change R at the same time.

mod activate;
mod collect;
mod error;
mod hold;
mod settle;
mod state;

pub use activate::{Active, Built};
pub use collect::{Collected, Lease, lease};
pub use error::LiveError;
pub use hold::{Held, Wait};
pub use settle::Settled;
pub use state::{Known, State};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The number of a release, which orders all of an application. Its directory is named by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Serial(pub u32);

impl Serial {
    /// Reads the name of a release's directory; `None` for any other spelling of a number too.
    pub fn parse(name: &str) -> Option<Self> {
        let serial = Self(name.parse().ok()?);
        (serial.to_string() == name).then_some(serial)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A directory with releases.
#[derive(Debug, Clone)]
pub struct Root {
    path: PathBuf,
}

impl Root {
    /// Takes a directory by its real path, which is what gets written into files of releases.
    pub fn open(path: &Path) -> Result<Self, LiveError> {
        let real = fs::canonicalize(path).map_err(LiveError::io("open", path))?;
        let found = fs::metadata(&real).map_err(LiveError::io("open", path))?;
        if !found.is_dir() {
            return Err(LiveError::io("open", path)(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { path: real })
    }

    /// A directory that is not there yet, and would be at this absolute path.
    pub fn planned(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Whether a directory is one with releases, as far as its looks tell.
    pub fn is_at(path: &Path) -> bool {
        let is_link = fs::symlink_metadata(path.join("current")).is_ok_and(|found| found.is_symlink());
        path.join("r").is_dir() && (is_link || path.join(".relocate/state.json").is_file())
    }

    /// Its real path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a release is, or would be.
    pub fn release(&self, serial: Serial) -> PathBuf {
        self.releases().join(serial.to_string())
    }

    /// The link to the current release.
    pub fn link(&self) -> PathBuf {
        self.path.join("current")
    }

    fn releases(&self) -> PathBuf {
        self.path.join("r")
    }

    /// Where our own records of it are.
    pub fn records(&self) -> PathBuf {
        self.path.join(".relocate")
    }

    fn state_file(&self) -> PathBuf {
        self.records().join("state.json")
    }

    /// The current release; none before the first. An error where the link leads elsewhere: somebody else made it.
    pub fn current(&self) -> Result<Option<Serial>, LiveError> {
        let link = self.link();
        match fs::read_link(&link) {
            Ok(target) => {
                let serial = target.strip_prefix("r").ok().and_then(Path::to_str).and_then(Serial::parse);
                serial.map(Some).ok_or(LiveError::Link { path: link, target })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            // Something that is no link.
            Err(error) => Err(LiveError::io("read the link", &link)(error)),
        }
    }

    /// The releases that are installed, sorted.
    pub fn installed(&self) -> Result<Vec<Serial>, LiveError> {
        let dir = self.releases();
        let listed = match fs::read_dir(&dir) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(LiveError::io("list", &dir)(error)),
        };
        let mut found = Vec::new();
        for entry in listed {
            let entry = entry.map_err(LiveError::io("list", &dir))?;
            found.extend(entry.file_name().to_str().and_then(Serial::parse));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// What is known of releases; nothing before the first.
    pub fn state(&self) -> Result<State, LiveError> {
        State::read(&self.state_file())
    }
}

#[cfg(test)]
mod tests;
