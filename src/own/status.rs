//! What is in use, what there is, and what is known of the repository. Asks nobody and changes nothing.

use super::choose::Wish;
use super::copies;
use super::error::OwnError;
use super::look::remembered;
use super::source::Source;
use super::state::{Bad, State};
use super::update::Own;
use crate::base::digest::Digest;
use crate::client::files;
use crate::release::{Version, tools};
use crate::tuf::{Freshness, Moment, RoleName};
use std::path::PathBuf;

/// One copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneCopy {
    /// Its version.
    pub version: String,
    /// The sha256 of its program.
    pub sha256: Digest,
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is the one that is entered.
    pub is_current: bool,
    /// Whether it is the one that is gone back to.
    pub is_previous: bool,
}

/// What is known.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Where versions are kept; none where nothing says so.
    pub home: Option<PathBuf>,
    /// The project's file that says what is followed, where one does.
    pub project: Option<PathBuf>,
    /// Where versions come from; none where nothing is followed.
    pub source: Option<Source>,
    /// The copies that are here.
    pub copies: Vec<OneCopy>,
    /// The version that runs when the program is started: that of a copy, or none for the installed one.
    pub runs: Option<Version>,
    /// Those that are never entered again.
    pub bad: Vec<(Digest, Bad)>,
    /// Those that were gone back from.
    pub left: Vec<(Digest, String)>,
    /// When the repository was last asked.
    pub asked: Option<Moment>,
    /// When it was last found good.
    pub checked: Option<Moment>,
    /// Until when what is known of it is good.
    pub good_until: Option<Moment>,
    /// The newest version that may come, where it is newer than what runs.
    pub available: Option<Version>,
    /// What is being fetched.
    pub fetching: Option<String>,
    /// Why nothing is known of the repository.
    pub unknown: Option<String>,
}

impl Own<'_> {
    /// Looks.
    pub fn status(&self) -> Result<Status, OwnError> {
        let (home, pinned) = match self.place() {
            Ok(place) => place,
            Err(OwnError::NoHome) => return Ok(Status::default()),
            Err(error) => return Err(error),
        };
        let mut status = Status {
            home: Some(home.path().to_owned()),
            project: pinned.as_ref().map(|pinned| pinned.file.clone()),
            ..Status::default()
        };
        status.source = match &pinned {
            Some(pinned) => Some(Source::of(pinned)),
            None => Source::read(&home)?,
        };
        if !home.is_ours()? {
            return Ok(status);
        }
        let state = State::read(&home)?;
        let copy = |(digest, copy): (&Digest, &super::state::Copy)| OneCopy {
            version: copy.version.clone(),
            sha256: *digest,
            path: copies::program(&home, *digest),
            is_current: state.current == Some(*digest),
            is_previous: state.previous == Some(*digest),
        };
        status.copies = state.copies.iter().map(copy).collect();
        status.runs = state.current().map(|(_, version)| version).filter(|version| version > self.version);
        status.bad = state.bad.iter().map(|(digest, bad)| (*digest, bad.clone())).collect();
        status.left = state.left.iter().map(|(digest, version)| (*digest, version.clone())).collect();
        status.asked = state.asked.map(Moment::from_seconds);
        status.fetching = state.fetching.as_ref().map(|fetching| fetching.version.clone());
        match remembered(&home, self.now, Freshness::Waived) {
            Ok(Some(trusted)) => {
                status.checked = trusted.kept().checked;
                status.good_until = RoleName::ALL.iter().map(|role| trusted.edition(*role).expires).min();
                let tools = tools(files(&trusted), self.platform);
                let version = status.runs.as_ref().unwrap_or(self.version);
                let channel = status.source.as_ref().map_or("", |source| source.channel.as_str());
                let wish = Wish { tools: &tools, channel, version, state: &state, again: false };
                status.available = wish.newest().map(|tool| tool.version.clone());
            }
            Ok(None) => status.unknown = Some("no repository was asked yet".to_owned()),
            Err(error) => status.unknown = Some(error.to_string()),
        }
        Ok(status)
    }
}
