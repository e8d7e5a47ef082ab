//! The script and the file by which a project pins its version of this program: `relocatew` and `relocatew.properties`.
//!
//! The script is part of the program and written as it is; [`Properties`] is what it reads. [`ask`] says what a URL serves, so that
//! nothing is pinned that nobody could fetch; [`renewed`] leads the URLs of an old version to a new one. Files are written by
//! [`write()`], each in one step, and never over others unless that is wanted.

mod ask;
pub mod properties;
mod urls;

pub use ask::{AskError, Served, ask};
pub use properties::{BadProperties, Properties};
pub use urls::{Renewed, renewed};

use crate::base::write::{self, WriteError};
use std::fs;
use std::path::{Path, PathBuf};

/// The script, as this version has it.
pub const SCRIPT: &str = include_str!("relocatew");
/// What the script is called.
pub const SCRIPT_NAME: &str = "relocatew";
/// What the file beside it is called.
pub const PROPERTIES_NAME: &str = "relocatew.properties";

/// One of the two files, as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Where.
    pub path: PathBuf,
    /// Its bytes.
    pub text: String,
    /// Its permission bits.
    pub mode: u32,
}

/// What of a directory is there already, and what not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Nothing that is there is touched.
    Nothing,
    /// It is replaced.
    All,
}

/// Both files of a project, the properties first: a run of the script finds them.
pub fn drafts(dir: &Path, properties: String) -> [Draft; 2] {
    [
        Draft { path: dir.join(PROPERTIES_NAME), text: properties, mode: 0o644 },
        Draft { path: dir.join(SCRIPT_NAME), text: SCRIPT.to_owned(), mode: 0o755 },
    ]
}

/// Those of them that differ from what is there.
pub fn changes(drafts: impl IntoIterator<Item = Draft>) -> Vec<Draft> {
    let is_there = |draft: &Draft| {
        use std::os::unix::fs::PermissionsExt as _;
        let runs =
            fs::metadata(&draft.path).is_ok_and(|found| found.permissions().mode() & 0o111 == draft.mode & 0o111);
        runs && fs::read(&draft.path).is_ok_and(|bytes| bytes == draft.text.as_bytes())
    };
    drafts.into_iter().filter(|draft| !is_there(draft)).collect()
}

/// Writes them, each whole or not at all.
pub fn write(drafts: &[Draft], over: Over) -> Result<(), WriteError> {
    if over == Over::Nothing {
        may_write(drafts)?;
    }
    drafts.iter().try_for_each(|draft| write::whole(&draft.path, draft.text.as_bytes(), draft.mode))
}

/// Fails where one of them is there already.
pub fn may_write(drafts: &[Draft]) -> Result<(), WriteError> {
    match drafts.iter().find(|draft| fs::symlink_metadata(&draft.path).is_ok()) {
        Some(draft) => Err(WriteError::Taken { path: draft.path.clone(), found: "there already" }),
        None => Ok(()),
    }
}
