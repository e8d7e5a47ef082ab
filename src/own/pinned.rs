//! What a project pins besides the program: the repository that newer ones come from, in its `relocatew.properties`.

use super::error::OwnError;
use super::home;
use super::source::{CHANNEL, Policy};
use crate::client::RootKey;
use crate::wrapper::Properties;
use rustix::process::geteuid;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// More than such a file has, in bytes.
const MOST: u64 = 1 << 20;

/// What a project pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The file that says it.
    pub file: PathBuf,
    /// The repository: an address, or the absolute path of a directory.
    pub from: String,
    /// How trust begins.
    pub root_key: RootKey,
    /// The channel.
    pub channel: String,
    /// What is done of its own accord.
    pub policy: Policy,
}

impl Pinned {
    /// Reads it; none where the project pins a program and no repository, and for root where it is not root's: who owns it would
    /// have programs run as root. What is relative lies beside the file.
    pub(super) fn read(file: &Path) -> Result<Option<Self>, OwnError> {
        let wrong = |why: String| OwnError::Pinned { path: file.to_owned(), why };
        let io = |source| OwnError::Io { doing: "read", path: file.to_owned(), source };
        let open = home::open(file).map_err(io)?;
        if geteuid().is_root() && open.metadata().map_err(io)?.uid() != 0 {
            return Ok(None);
        }
        let read = home::read_open(open, MOST).map_err(io)?;
        let properties = Properties::parse(&read).map_err(|error| wrong(error.to_string()))?;
        let Some(repository) = properties.repository else { return Ok(None) };
        let root_key = properties.root_key.ok_or_else(|| wrong("it names a repository and no root-key".to_owned()))?;
        let root_key = beside(file, &root_key).filter(|path| path.exists()).unwrap_or_else(|| root_key.into());
        if root_key.exists() && !root_key.is_file() {
            return Err(wrong("root-key names no regular file".to_owned()));
        }
        let from = if repository.contains("://") { Some(repository) } else { text(beside(file, &repository)) };
        let policy = properties.policy.as_deref().map_or(Some(Policy::default()), Policy::named);
        Ok(Some(Self {
            file: file.to_owned(),
            from: from.ok_or_else(|| wrong("the path of the repository is no text".to_owned()))?,
            root_key: RootKey::read(&root_key)?,
            channel: properties.channel.unwrap_or_else(|| CHANNEL.to_owned()),
            policy: policy.ok_or_else(|| wrong("policy must be notify, auto or off".to_owned()))?,
        }))
    }
}

fn beside(file: &Path, path: &str) -> Option<PathBuf> {
    Some(file.parent()?.join(path))
}

fn text(path: Option<PathBuf>) -> Option<String> {
    path?.into_os_string().into_string().ok()
}
