//! Which version a signed repository has, and where: what a project pins is what was signed, whoever serves it.
//!
//! Nothing is remembered of the repository but what the project's file says, so an old list that is still good may be believed; what
//! is pinned never goes back for that unless the version is named.

use super::Found;
use crate::base::digest::Digest;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::pack::Usage;
use crate::cli::repo::now;
use crate::cli::update::{absolute, failure, open, platform};
use crate::client::{ClientError, RootKey, files};
use crate::release::{Tool, Version, tools};
use crate::tuf::{Freshness, Refused, SignedRoot, Target, follow};
use crate::update::UpdateError;
use crate::wrapper::properties::{file_url, is_url};
use std::path::Path;

/// The channel that is followed where nobody says another.
pub(super) const CHANNEL: &str = "stable";

/// A repository as a project names it.
pub(super) struct Repository<'a> {
    pub(super) from: &'a str,
    pub(super) root_key: &'a RootKey,
    pub(super) channel: &'a str,
}

impl Repository<'_> {
    /// The newest version of the channel, or the one that is wanted. It can be fetched from the mirrors, each a URL that ends with
    /// `/`, and from the repository itself.
    pub(super) fn find(&self, wanted: Option<&str>, mirrors: &[String]) -> Result<Found, Failure> {
        let tool = self.tool(wanted)?;
        let file = &tool.file;
        // The name was signed with the rest, and could be a target's before.
        let target = Target::new(&file.name, file.length, file.sha256, serde_json::Map::new());
        let target = target.ok_or_else(|| Failure::new(Exit::No, format!("'{}' is no name of a file", file.name)))?;
        let bases = mirrors.iter().cloned().chain(self.base(mirrors.is_empty())?);
        Ok(Found {
            version: tool.version.to_string(),
            sha256: file.sha256,
            size: Some(file.length),
            urls: bases.map(|base| format!("{base}{}", target.place())).collect(),
            warnings: Vec::new(),
        })
    }

    fn tool(&self, wanted: Option<&str>) -> Result<Tool, Failure> {
        let Self { from, root_key, channel } = self;
        let objects = open(from, None).map_err(|error| failure(&error))?;
        let client = |error: ClientError| failure(&UpdateError::from(error));
        let kept = root_key.begin(&*objects).map_err(client)?;
        let trusted = follow(&*objects, &kept, now(), Freshness::Required);
        let trusted = trusted.map_err(|Refused { why, .. }| client(ClientError::Trust(why)))?;
        let platform = platform();
        let all = tools(files(&trusted), &platform);
        let found = match wanted {
            Some(wanted) => {
                all.iter().rfind(|tool| tool.version.to_string() == wanted && !tool.file.custom.channels.is_empty())
            }
            None => all.iter().rfind(|tool| tool.file.custom.channels.contains(*channel)),
        };
        found.cloned().ok_or_else(|| {
            let missing = match wanted {
                Some(wanted) => format!("{from} has no relocate {} for {platform}", wanted.escape_debug()),
                None => format!("the channel {channel} of {from} has no relocate for {platform}"),
            };
            let versions: Vec<_> = all.iter().map(|tool| tool.version.to_string()).collect();
            let help = if versions.is_empty() {
                "'relocate self publish' adds one".to_owned()
            } else {
                format!("there are {}", versions.join(", "))
            };
            Failure::new(Exit::No, missing).help(Some(help))
        })
    }

    /// Where the script finds the repository; it needs to where there is nothing else.
    fn base(&self, is_needed: bool) -> Result<Option<String>, Failure> {
        let slashed = |text: &str| format!("{}/", text.trim_end_matches('/'));
        let url = match self.from.split_once("://") {
            Some(_) => Some(slashed(self.from)).filter(|url| is_url(url)),
            None => absolute(Path::new(self.from))?.to_str().and_then(file_url).map(|url| slashed(&url)),
        };
        if url.is_none() && is_needed {
            let help = "name the address that serves it to a web client, ending with '/', with --url";
            let message = format!("the script cannot fetch from {}", self.from.escape_debug());
            return Err(Usage(message, Some(help.to_owned())).into());
        }
        Ok(url)
    }
}

/// What the properties say of how trust begins: the sha256 of a first root, else the path of a root in the project.
pub(super) fn root_key_text(typed: &Path, dir: &Path) -> Result<String, Failure> {
    let bytes = match RootKey::read(typed).map_err(|error| failure(&UpdateError::from(error)))? {
        RootKey::Sum(sum) => return Ok(sum.to_string()),
        RootKey::Root(bytes) => bytes,
    };
    let place = typed.to_string_lossy();
    let root = SignedRoot::read(&place, &bytes);
    let root = root.map_err(|why| failure(&UpdateError::from(ClientError::RootKey(why))))?;
    if root.edition().version == 1 {
        return Ok(Digest::of(&bytes).to_string());
    }
    let inside = absolute(typed)?.strip_prefix(dir).ok().and_then(Path::to_str).map(str::to_owned);
    inside.ok_or_else(|| {
        let help = "copy it into the project, or name the sha256 of the repository's 1.root.json";
        Usage(format!("--root-key {place}: a later root must be a file of the project"), Some(help.to_owned())).into()
    })
}

/// How trust begins, as the properties of a project say.
pub(super) fn root_key(text: &str, dir: &Path) -> Result<RootKey, Failure> {
    match Digest::from_hex(text) {
        Some(sum) => Ok(RootKey::Sum(sum)),
        None => RootKey::read(&dir.join(text)).map_err(|error| failure(&UpdateError::from(error))),
    }
}

/// Refuses to go back where nobody named the version.
pub(super) fn must_be_newer(pinned: &str, found: &str, channel: &str) -> Result<(), Failure> {
    let goes_back = Version::parse(pinned).zip(Version::parse(found)).is_some_and(|(pinned, found)| found < pinned);
    if !goes_back {
        return Ok(());
    }
    let message = format!("{pinned} is pinned, and the channel {channel} has {found}");
    Err(Failure::new(Exit::No, message).help(Some(format!("to go back, say 'relocate wrapper bump {found}'"))))
}
