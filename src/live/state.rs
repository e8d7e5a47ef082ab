//! What is not seen on the disk: the highest release there ever was, the one before, those that turned out bad or are to stay.

use super::{LiveError, Serial};
use crate::base::write;
use crate::release::Hooks;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

/// The version of the form of `state.json`.
const FORMAT: u32 = 1;

/// What is known of the releases of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    format: u32,
    /// The highest release that was ever current: nothing older comes by an update.
    pub highest: Option<Serial>,
    /// The release that was current before.
    pub previous: Option<Serial>,
    /// A change of the link that was begun: from, to.
    pub pending: Option<(Option<Serial>, Serial)>,
    /// A release that became current and has not shown yet that it is well: the one before, and it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<(Option<Serial>, Serial)>,
    /// A release that was not well, and the one before it, which is to be current and in use again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returning: Option<(Serial, Option<Serial>)>,
    /// Releases that failed once they were current; no update takes them again.
    #[serde(default)]
    pub bad: BTreeSet<Serial>,
    /// Releases that stay, whatever is collected.
    #[serde(default)]
    pub pinned: BTreeSet<Serial>,
    /// What a person wants to know of each release.
    #[serde(default)]
    pub releases: BTreeMap<Serial, Known>,
}

/// What is known of one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The version as its maker names it.
    pub version: String,
    /// When it was installed, in seconds since 1970.
    pub installed: i64,
    /// What is run when it becomes current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            format: FORMAT,
            highest: None,
            previous: None,
            pending: None,
            trial: None,
            returning: None,
            bad: BTreeSet::new(),
            pinned: BTreeSet::new(),
            releases: BTreeMap::new(),
        }
    }
}

impl State {
    /// Reads it; one that is not there is empty.
    pub(super) fn read(path: &Path) -> Result<Self, LiveError> {
        let wrong = |why: String| LiveError::State { path: path.to_owned(), why };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(LiveError::io("read", path)(error)),
        };
        let state: Self = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if state.format > FORMAT {
            return Err(wrong(format!("a newer version wrote it (format {}, this one knows {FORMAT})", state.format)));
        }
        Ok(state)
    }

    /// Writes it whole and durably.
    pub(super) fn write(&self, path: &Path) -> Result<(), LiveError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| LiveError::io("write", path)(error.into()))?;
        bytes.push(b'\n');
        Ok(write::record(path, &bytes)?)
    }
}
