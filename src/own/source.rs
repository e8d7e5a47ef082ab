//! Where newer versions come from, as it was told once (`source.json`) or as a project pins it, and what is done of their own accord.

use super::error::OwnError;
use super::home::{self, Home};
use super::pinned::Pinned;
use crate::base::digest::Digest;
use crate::base::write::{self, WriteError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The version of the form of `source.json`.
const FORMAT: u32 = 1;
/// More than it has, in bytes.
const MOST: u64 = 1 << 20;
/// The channel of who names none.
pub const CHANNEL: &str = "stable";

/// What is done when a newer version may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// It is told, once a day.
    #[default]
    Notify,
    /// It is fetched and entered, where it is near the one in use; else it is told.
    Auto,
    /// Nothing: nobody is asked.
    Off,
}

impl Policy {
    /// All of them, by their names.
    pub const ALL: [(&'static str, Self); 3] = [("notify", Self::Notify), ("auto", Self::Auto), ("off", Self::Off)];

    /// The policy of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, policy)| *policy)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, policy)| policy == self).map_or("", |(name, _)| *name);
        f.write_str(name)
    }
}

/// Where newer versions come from, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    format: u32,
    /// The repository: an address, or the absolute path of a directory.
    pub from: String,
    /// The channel.
    pub channel: String,
    /// What is done of its own accord.
    #[serde(default)]
    pub policy: Policy,
    /// The sha256 of the root that trust began with, where it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_key: Option<Digest>,
    /// Certificates that alone are believed, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// What was typed of it; what was not is as it was.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    /// The repository: an address, or the absolute path of a directory.
    pub from: Option<String>,
    /// The channel.
    pub channel: Option<String>,
    /// Certificates that alone are believed, absolute.
    pub ca_file: Option<PathBuf>,
}

impl Source {
    pub(super) fn new(from: String, root_key: Option<Digest>) -> Self {
        let channel = CHANNEL.to_owned();
        Self { format: FORMAT, from, channel, policy: Policy::default(), root_key, ca_file: None }
    }

    pub(super) fn of(pinned: &Pinned) -> Self {
        let (from, root_key) = (pinned.from.clone(), Some(pinned.root_key.sum()));
        Self { channel: pinned.channel.clone(), policy: pinned.policy, ..Self::new(from, root_key) }
    }

    /// Whether something says where versions come from, whatever it is.
    pub(super) fn is_there(home: &Home) -> bool {
        file(home).exists()
    }

    /// Reads it; none before the first time.
    pub(super) fn read(home: &Home) -> Result<Option<Self>, OwnError> {
        let path = file(home);
        let bytes = match home::read(&path, MOST) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(source) => return Err(OwnError::Io { doing: "read", path, source }),
        };
        let source: Self = parsed(&path, &bytes)?;
        not_newer(&path, source.format, FORMAT)?;
        Ok(Some(source))
    }

    /// Keeps it, durably; for its owner alone, as it may have a password.
    pub(super) fn keep_in(&self, home: &Home) -> Result<(), OwnError> {
        if Self::read(home).is_ok_and(|old| old.as_ref() == Some(self)) {
            return Ok(());
        }
        let path = file(home);
        Ok(write::whole(&path, &as_bytes(&path, self)?, 0o600)?)
    }

    /// With what was typed in its place.
    pub(super) fn with(mut self, typed: &Typed) -> Self {
        self.from = typed.from.clone().unwrap_or(self.from);
        self.channel = typed.channel.clone().unwrap_or(self.channel);
        self.ca_file = typed.ca_file.clone().or(self.ca_file);
        self
    }
}

fn file(home: &Home) -> PathBuf {
    home.path().join("source.json")
}

pub(super) fn parsed<T: serde::de::DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, OwnError> {
    serde_json::from_slice(bytes).map_err(|error| OwnError::Record { path: path.to_owned(), why: error.to_string() })
}

pub(super) fn not_newer(path: &Path, format: u32, known: u32) -> Result<(), OwnError> {
    if format <= known {
        return Ok(());
    }
    Err(OwnError::Newer { path: path.to_owned(), format, known })
}

pub(super) fn as_bytes<T: Serialize>(path: &Path, value: &T) -> Result<Vec<u8>, WriteError> {
    let io = |error: serde_json::Error| WriteError::Io { doing: "write", path: path.to_owned(), source: error.into() };
    let mut bytes = serde_json::to_vec_pretty(value).map_err(io)?;
    bytes.push(b'\n');
    Ok(bytes)
}
