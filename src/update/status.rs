//! What a person wants to know of a directory of releases: what runs, since when, what there is, how fresh that knowledge is.
//!
//! Reads the disk alone; asks no repository and takes no lock.

use super::error::UpdateError;
use super::offered;
use super::source::Source;
use crate::client::Trust;
use crate::live::{Root, Serial};
use crate::tuf::{Freshness, Moment, RoleName, Trusted, recall};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What is known.
#[derive(Debug, Clone)]
pub struct Status {
    /// The directory, its real path.
    pub root: PathBuf,
    /// Where releases come from; none where no run was told yet.
    pub source: Option<Source>,
    /// The release that is current.
    pub current: Option<Serial>,
    /// Since when it is.
    pub since: Option<Moment>,
    /// The release that a rollback would go to.
    pub back: Option<Serial>,
    /// The releases that are here, sorted.
    pub installed: Vec<Installed>,
    /// Releases that no update takes, sorted.
    pub bad: Vec<Serial>,
    /// The newest release of the channel that is known, and its version.
    pub newest: Option<(Serial, String)>,
    /// When the repository was last found good.
    pub checked: Option<Moment>,
    /// Until when what is known of it is good.
    pub good_until: Option<Moment>,
    /// Why nothing is known of the repository.
    pub unknown: Option<String>,
}

/// A release that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its number.
    pub serial: Serial,
    /// Its version as its maker names it, where that is known.
    pub version: Option<String>,
    /// When it was installed.
    pub installed: Option<Moment>,
    /// Whether it stays whatever is collected.
    pub pinned: bool,
    /// Whether no update takes it.
    pub bad: bool,
}

/// Looks.
pub fn status(path: &Path, platform: &str, now: Moment) -> Result<Status, UpdateError> {
    let root = Root::open(path)?;
    let (state, current) = (root.state()?, root.current()?);
    let since = fs::symlink_metadata(root.link()).ok().map(|link| Moment::from_seconds(link.mtime()));
    let installed = root.installed()?.into_iter().map(|serial| {
        let known = state.releases.get(&serial);
        Installed {
            serial,
            version: known.map(|known| known.version.clone()),
            installed: known.map(|known| Moment::from_seconds(known.installed)),
            pinned: state.pinned.contains(&serial),
            bad: state.bad.contains(&serial),
        }
    });
    let source = Source::read(&root.records())?;
    let mut status = Status {
        root: root.path().to_owned(),
        current,
        since: since.filter(|_| current.is_some()),
        back: root.way_back().ok(),
        installed: installed.collect(),
        bad: state.bad.iter().copied().collect(),
        newest: None,
        checked: None,
        good_until: None,
        unknown: None,
        source,
    };
    match trusted(&root, now) {
        Ok(Some(trusted)) => status.learn(&trusted, platform),
        Ok(None) => status.unknown = Some("no repository was asked yet".to_owned()),
        Err(why) => status.unknown = Some(why),
    }
    Ok(status)
}

impl Status {
    fn learn(&mut self, trusted: &Trusted, platform: &str) {
        self.checked = trusted.kept().checked;
        self.good_until = RoleName::ALL.iter().map(|role| trusted.edition(*role).expires).min();
        let Some(source) = &self.source else { return };
        let offer = offered::offer(trusted, &source.app, platform);
        let newest = offer.releases.values().rev().find(|release| release.custom.channels.contains(&source.channel));
        self.newest = newest.map(|release| (Serial(release.custom.serial), release.custom.version.clone()));
    }
}

fn trusted(root: &Root, now: Moment) -> Result<Option<Trusted>, String> {
    let kept = Trust::at(root.records().join("trust")).read().map_err(|damaged| damaged.to_string())?;
    let Some(kept) = kept else { return Ok(None) };
    recall(&kept, now, Freshness::Waived).map(Some).map_err(|refused| refused.to_string())
}
