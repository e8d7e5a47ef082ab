//! Where the releases of a directory come from, as the first run was told: `R/.relocate/source.json`.

use super::error::UpdateError;
use crate::base::digest::Digest;
use crate::base::write::{self, WriteError};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The version of the form of `source.json`.
const FORMAT: u32 = 1;
/// The file's name in the directory of our records.
const NAME: &str = "source.json";
/// The channel of who names none.
pub const CHANNEL: &str = "stable";
/// How many releases stay of who does not say.
pub const KEEP: usize = 3;

/// Where releases come from, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    format: u32,
    /// The repository: an address, or the absolute path of a directory.
    pub from: String,
    /// The application.
    pub app: String,
    /// The channel.
    pub channel: String,
    /// The sha256 of the root that trust began with, where this run was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_key: Option<Digest>,
    /// Certificates that alone are believed, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// How many releases stay.
    pub keep: usize,
}

/// What was typed of it; what was not is as it was.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    /// The repository: an address, or the absolute path of a directory.
    pub from: Option<String>,
    /// The application.
    pub app: Option<String>,
    /// The channel.
    pub channel: Option<String>,
    /// Certificates that alone are believed, absolute.
    pub ca_file: Option<PathBuf>,
    /// How many releases stay.
    pub keep: Option<usize>,
}

impl Source {
    pub(super) fn new(from: String, app: String, root_key: Option<Digest>) -> Self {
        Self { format: FORMAT, from, app, channel: CHANNEL.to_owned(), root_key, ca_file: None, keep: KEEP }
    }

    /// Reads it from the directory of our records; none before the first run.
    pub fn read(records: &Path) -> Result<Option<Self>, UpdateError> {
        let path = records.join(NAME);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(UpdateError::Io { doing: "read", path, source }),
        };
        let wrong = |why: String| UpdateError::Settings { path: path.clone(), why };
        let source: Self = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if source.format > FORMAT {
            let format = source.format;
            return Err(wrong(format!("a newer version wrote it (format {format}, this one knows {FORMAT})")));
        }
        Ok(Some(source))
    }

    /// Keeps it, durably; for its owner alone where it has a password.
    pub(super) fn keep_in(&self, records: &Path) -> Result<(), UpdateError> {
        let path = records.join(NAME);
        if Self::read(records).is_ok_and(|old| old.as_ref() == Some(self)) {
            return Ok(());
        }
        let io = |error: serde_json::Error| WriteError::Io { doing: "write", path: path.clone(), source: error.into() };
        let mut bytes = serde_json::to_vec_pretty(self).map_err(io)?;
        bytes.push(b'\n');
        let has_password = self.from.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
        Ok(write::whole(&path, &bytes, if has_password { 0o600 } else { 0o644 })?)
    }

    /// With what was typed in its place. Another application is for another directory.
    pub(super) fn with(mut self, typed: &Typed) -> Result<Self, UpdateError> {
        if let Some(app) = typed.app.as_ref().filter(|app| **app != self.app) {
            return Err(UpdateError::OtherApp { here: self.app, typed: app.clone() });
        }
        self.from = typed.from.clone().unwrap_or(self.from);
        self.channel = typed.channel.clone().unwrap_or(self.channel);
        self.ca_file = typed.ca_file.clone().or(self.ca_file);
        self.keep = typed.keep.unwrap_or(self.keep);
        Ok(self)
    }
}
