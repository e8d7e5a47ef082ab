//! Releases as a repository offers them: takes the signed list of its files, gives which release is next and by which way.
//!
//! Every file of the list says what it is ([`Custom`]): the manifest of a release, the whole of it, what leads to it from an older
//! one, or the tool itself. Pure. What does not fit together is not offered, and is said to be so; what a newer version of the
//! tool put there under kinds unknown here is passed over.

mod choose;
mod hooks;
mod name;
mod tool;
mod version;

pub use choose::{Choice, Have, Never, Way, choose};
pub use hooks::{Argv, BadHooks, Hooks, Program};
pub use name::{Name, Part, is_app};
pub use tool::{TOOL, Tool, tools};
pub use version::Version;

use crate::base::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The modification time of what a release holds, in seconds since 1970: 2000-01-01. One time for all, so that a file that is the same
/// in two releases is the same in every respect and can be shared; a time of 0 upsets some programs.
pub const MTIME: i64 = 946_684_800;

/// What the signed list says of one file besides its length and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custom {
    /// The application.
    pub app: String,
    /// The release, which orders all of an application.
    pub serial: u32,
    /// The version as its maker names it.
    pub version: String,
    /// Who is to have it: names such as `stable` or `canary`. None: nobody any more.
    #[serde(default)]
    pub channels: BTreeSet<String>,
    /// What it runs on, such as `x86_64-linux`.
    pub platform: String,
    /// What the file is.
    pub kind: Kind,
    /// The release that a delta leads from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_serial: Option<u32>,
    /// How long the path of a release may be, in bytes; none where nothing limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u64>,
    /// How many bytes it takes on the disk.
    #[serde(default)]
    pub installed_bytes: u64,
    /// How many files, directories and links it has.
    #[serde(default)]
    pub installed_entries: u64,
    /// The oldest version of the tool that can install it, such as `0.1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_tool: Option<String>,
    /// What is run when it becomes current; said of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
}

/// What a file of a repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The manifest of a release, compressed.
    Manifest,
    /// The whole of a release, an archive.
    Full,
    /// What leads to a release from an older one.
    Delta,
    /// The tool itself.
    Tool,
    /// Of a kind that is not known here.
    #[serde(other)]
    Unknown,
}

/// One file of the signed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name in the list.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// Its digest.
    pub sha256: Digest,
    /// What it is.
    pub custom: Custom,
}

/// One release with all its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// What its manifest's entry says.
    pub custom: Custom,
    /// Its manifest.
    pub manifest: File,
    /// The whole of it.
    pub full: File,
    /// What leads to it from others, by their serials.
    pub deltas: BTreeMap<u32, File>,
}

/// What a repository offers of one application on one platform.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// The releases, by serial.
    pub releases: BTreeMap<u32, Release>,
    /// What was passed over because it does not fit together.
    pub passed_over: Vec<String>,
}

impl Offer {
    /// Puts the files of an application together. Those of others are left out.
    pub fn of(files: impl IntoIterator<Item = File>, app: &str, platform: &str) -> Self {
        let mut parts: BTreeMap<u32, Parts> = BTreeMap::new();
        let mut offer = Self::default();
        for file in files {
            let custom = &file.custom;
            let is_of_release = matches!(custom.kind, Kind::Manifest | Kind::Full | Kind::Delta);
            if custom.app != app || custom.platform != platform || !is_of_release {
                continue;
            }
            let parts = parts.entry(custom.serial).or_default();
            let twice = match (custom.kind, custom.base_serial) {
                (Kind::Manifest, _) => parts.manifest.replace(file),
                (Kind::Full, _) => parts.full.replace(file),
                (Kind::Delta, Some(base)) => parts.deltas.insert(base, file),
                (Kind::Delta, None) => Some(file),
                (Kind::Tool | Kind::Unknown, _) => continue,
            };
            offer.passed_over.extend(twice.map(|file| format!("{}: there is another of its kind", file.name)));
        }
        for (serial, parts) in parts {
            match parts.release() {
                Ok(release) => drop(offer.releases.insert(serial, release)),
                Err(why) => offer.passed_over.push(format!("release {serial}: {why}")),
            }
        }
        offer
    }
}

/// The files of a release as they come.
#[derive(Default)]
struct Parts {
    manifest: Option<File>,
    full: Option<File>,
    deltas: BTreeMap<u32, File>,
}

impl Parts {
    fn release(self) -> Result<Release, Misfit> {
        let manifest = self.manifest.ok_or(Misfit("it has no manifest"))?;
        let full = self.full.ok_or(Misfit("it is not there as a whole"))?;
        if manifest.custom.version != full.custom.version || manifest.custom.channels != full.custom.channels {
            return Err(Misfit("its files say different things of it"));
        }
        // A delta from itself or from something newer would lead in a circle.
        let deltas = self.deltas.into_iter().filter(|(base, _)| *base < manifest.custom.serial).collect();
        Ok(Release { custom: manifest.custom.clone(), manifest, full, deltas })
    }
}

/// Why files make no release.
struct Misfit(&'static str);

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests;
