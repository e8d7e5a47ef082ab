//! What an update is told, and what it tells when it is done.

use super::error::UpdateError;
use super::source::Typed;
use super::trial::Failed;
use crate::base::child::Cancel;
use crate::base::event::Listener;
use crate::client::RootKey;
use crate::live::{Serial, Wait};
use crate::objects::Objects;
use crate::preflight::Machine;
use crate::release::{Never, Way};
use crate::tuf::{Freshness, Moment};
use std::path::{Path, PathBuf};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// The newest release is to be current.
    Update,
    /// Whether there is a newer one. Keeps nothing but what is trusted.
    Check,
    /// What would be done. Writes nothing at all.
    DryRun,
}

/// Opens the place that a repository is at.
pub type Open<'a> = dyn Fn(&str, Option<&Path>) -> Result<Box<dyn Objects>, UpdateError> + 'a;

/// An update as it is wanted.
pub struct Wish<'a> {
    /// The directory of releases, absolute; made where it is not there.
    pub root: &'a Path,
    /// What to do.
    pub task: Task,
    /// What was typed of where releases come from.
    pub typed: Typed,
    /// Whether the repository that was typed is for this run alone.
    pub once: bool,
    /// How trust begins, the first time.
    pub root_key: Option<&'a RootKey>,
    /// Whether the metadata must be fresh.
    pub freshness: Freshness,
    /// What to do where another update is at work.
    pub wait: Wait,
    /// Whether what releases want to be run is run.
    pub hooks: bool,
    /// A release that may come again though it turned out bad.
    pub retry: Option<Serial>,
    /// What runs here, such as `x86_64-linux`.
    pub platform: &'a str,
    /// The machine, which says how releases are labelled and what would stop them.
    pub machine: &'a Machine,
    /// The version of this program.
    pub tool: &'a str,
    /// Opens the repository, with the certificates that alone are believed.
    pub open: &'a Open<'a>,
    /// Tells the time.
    pub clock: &'a dyn Fn() -> Moment,
    /// Is told what is wrong and was let pass.
    pub warn: &'a dyn Fn(String),
    /// Is told how far it is.
    pub listener: &'a dyn Listener,
    /// Stops what is being fetched.
    pub cancel: &'a Cancel,
}

/// A release in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its number.
    pub serial: u32,
    /// Its version as its maker names it.
    pub version: String,
    /// How it comes, or came.
    pub way: Way,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The newest release is current.
    Nothing,
    /// There is another one, which is not to come.
    Stays(Never),
    /// There is a newer one.
    Available(Summary),
    /// A newer one is current now.
    Updated {
        /// Which.
        release: Summary,
        /// Releases that were removed.
        gone: Vec<Serial>,
        /// Releases that would have been, and that a process runs from.
        leased: Vec<Serial>,
    },
    /// A newer one was current and was not well.
    Returned {
        /// Which; where an earlier run had made it current, only its number is known.
        serial: Serial,
        /// The one that is current again; none where there was none before.
        to: Option<Serial>,
        /// What failed.
        failed: Failed,
    },
}

/// What was found and done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The directory of releases, its real path.
    pub root: PathBuf,
    /// The application.
    pub app: String,
    /// The channel.
    pub channel: String,
    /// The release that was current before.
    pub before: Option<Serial>,
    /// What came of it.
    pub outcome: Outcome,
}
