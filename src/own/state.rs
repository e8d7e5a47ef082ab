//! `state.json`: which copy is entered and which was before, what is known of each, and when the repository was last asked.
//!
//! Changed as a whole, by whoever holds the lock; read by all. A start does nothing where it is damaged; `relocate self update`
//! begins it anew, and what was bad, gone back from and before is forgotten with it.

use super::error::OwnError;
use super::home::{self, Home};
use super::source::{as_bytes, not_newer, parsed};
use super::trial::Unwell;
use crate::base::digest::Digest;
use crate::base::write;
use crate::release::{Tool, Version};
use crate::tuf::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// The version of the form of `state.json`.
const FORMAT: u32 = 1;
/// More than it has, in bytes.
const MOST: u64 = 16 << 20;
/// After so many seconds the repository is asked again.
const DAY: i64 = 24 * 60 * 60;
/// After so many seconds a file that broke off is gone on with.
const RESUME: i64 = 10 * 60;

/// What is known of the versions here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    format: u32,
    /// The copy that is entered; none: the installed program runs.
    #[serde(default)]
    pub current: Option<Digest>,
    /// The one before it.
    #[serde(default)]
    pub previous: Option<Digest>,
    /// The copies that passed their test.
    #[serde(default)]
    pub copies: BTreeMap<Digest, Copy>,
    /// Programs that are never entered again, and why.
    #[serde(default)]
    pub bad: BTreeMap<Digest, Bad>,
    /// Programs that were gone back from, and their versions: they do not come by themselves, nor does anything older.
    #[serde(default)]
    pub left: BTreeMap<Digest, String>,
    /// When the repository was last asked, or was to be, in seconds since 1970.
    #[serde(default)]
    pub asked: Option<i64>,
    /// When what broke off was last gone on with, in seconds since 1970.
    #[serde(default)]
    pub resumed: Option<i64>,
    /// What is being fetched.
    #[serde(default)]
    pub fetching: Option<Found>,
    /// The program whose self-test did not end in time, once.
    #[serde(default)]
    pub slow: Option<Digest>,
}

/// A copy of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// Its version.
    pub version: String,
    /// What told its file from others when its digest was last found right; none where that has to be looked at.
    #[serde(default)]
    pub stamp: Option<String>,
    /// Whether processes ended on their way into it, it passed its self-test then, and none has arrived since.
    #[serde(default)]
    pub acquitted: bool,
}

/// A program that is not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bad {
    /// Its version.
    pub version: String,
    /// Why.
    pub why: String,
}

/// A version that a repository has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its version.
    pub version: String,
    /// Its sha256.
    pub sha256: Digest,
}

impl Found {
    /// What is noted of a version.
    pub(super) fn of(tool: &Tool) -> Self {
        Self { version: tool.version.to_string(), sha256: tool.file.sha256 }
    }
}

impl State {
    /// Reads it; empty before the first time.
    pub(super) fn read(home: &Home) -> Result<Self, OwnError> {
        let path = file(home);
        let bytes = match home::read(&path, MOST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(OwnError::Io { doing: "read", path, source }),
        };
        let state: Self = parsed(&path, &bytes)?;
        not_newer(&path, state.format, FORMAT)?;
        Ok(state)
    }

    /// The same; one that is damaged is begun anew, and one of a newer version is not.
    pub(super) fn read_or_begin(home: &Home) -> Result<Self, OwnError> {
        match Self::read(home) {
            Err(OwnError::Record { .. }) => Ok(Self::default()),
            read => read,
        }
    }

    /// Keeps it, durably; by whoever holds the lock.
    pub(super) fn keep(&mut self, home: &Home) -> Result<(), OwnError> {
        self.format = FORMAT;
        let path = file(home);
        Ok(write::record(&path, &as_bytes(&path, self)?)?)
    }

    /// The copy that is entered, with its version.
    pub fn current(&self) -> Option<(Digest, Version)> {
        self.copy(self.current?)
    }

    /// A copy that may be entered, with its version.
    pub(super) fn copy(&self, digest: Digest) -> Option<(Digest, Version)> {
        let copy = self.copies.get(&digest).filter(|_| !self.bad.contains_key(&digest))?;
        Some((digest, Version::parse(&copy.version)?))
    }

    /// Whether the repository is to be asked: it was not for a day, or the clock went back since.
    pub(super) fn is_due(&self, now: Moment) -> bool {
        is_over(self.asked, now, DAY)
    }

    /// Whether what broke off is to be gone on with. That is no asking: the day goes on meanwhile.
    pub(super) fn wants_more(&self, now: Moment) -> bool {
        self.fetching.is_some() && is_over(self.asked, now, RESUME) && is_over(self.resumed, now, RESUME)
    }

    /// A copy is the one that is entered from now on.
    pub(super) fn take(&mut self, digest: Digest, version: &Version) {
        self.copies.insert(digest, Copy { version: version.to_string(), stamp: None, acquitted: false });
        self.left.remove(&digest);
        self.bad.remove(&digest);
        if self.current != Some(digest) {
            self.previous = self.current.replace(digest);
        }
        self.fetching = None;
        self.slow = None;
    }

    /// A program did not pass its self-test. Gives whether it is given up: what the machine may have done is no reason, and a time
    /// that was up is one the second time.
    pub(super) fn hear(&mut self, digest: Digest, version: &Version, why: &Unwell) -> bool {
        let is_bad = why.is_of_program() || (why.is_overdue() && self.slow == Some(digest));
        if is_bad {
            self.give_up(digest, version.to_string(), why.to_string());
        } else if why.is_overdue() {
            self.slow = Some(digest);
        }
        is_bad
    }

    /// A program is never entered again; the copy before it is.
    pub(super) fn give_up(&mut self, digest: Digest, version: String, why: String) {
        self.bad.insert(digest, Bad { version, why });
        self.fetching = self.fetching.take().filter(|fetching| fetching.sha256 != digest);
        self.step_back(digest);
    }

    /// A copy is not there any more, or is not what it was.
    pub(super) fn lose(&mut self, digest: Digest) {
        self.copies.remove(&digest);
        self.step_back(digest);
    }

    fn step_back(&mut self, digest: Digest) {
        if self.previous == Some(digest) {
            self.previous = None;
        }
        if self.current == Some(digest) {
            self.current = self.previous.take();
        }
    }
}

/// Whether so many seconds went by since, or the clock went back.
fn is_over(since: Option<i64>, now: Moment, seconds: i64) -> bool {
    let since = since.map(|since| now.seconds().saturating_sub(since));
    since.is_none_or(|since| !(0..seconds).contains(&since))
}

fn file(home: &Home) -> PathBuf {
    home.path().join("state.json")
}
