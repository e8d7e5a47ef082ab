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

use crate::base::write::{self, Looks, NewFile, WriteError};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
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

/// What becomes of files that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// They stay, and nothing is written.
    Nothing,
    /// They are replaced.
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
        let runs =
            fs::metadata(&draft.path).is_ok_and(|found| found.permissions().mode() & 0o111 == draft.mode & 0o111);
        runs && fs::read(&draft.path).is_ok_and(|bytes| bytes == draft.text.as_bytes())
    };
    drafts.into_iter().filter(|draft| !is_there(draft)).collect()
}

/// Writes them, each whole or not at all.
pub fn write(drafts: &[Draft], over: Over) -> Result<(), WriteError> {
    match over {
        Over::All => drafts.iter().try_for_each(|draft| write::whole(&draft.path, draft.text.as_bytes(), draft.mode)),
        Over::Nothing => {
            may_write(drafts)?;
            drafts.iter().try_for_each(write_new)
        }
    }
}

/// Writes one where nothing has that name, nor got it since somebody looked.
fn write_new(draft: &Draft) -> Result<(), WriteError> {
    let mut file = NewFile::create(&draft.path)?;
    let written = file.write_all(draft.text.as_bytes());
    written.map_err(|source| WriteError::Io { doing: "write", path: draft.path.clone(), source })?;
    file.looks(Looks { mode: draft.mode, mtime: None })?;
    if file.commit_new()? { Ok(()) } else { Err(taken(draft)) }
}

fn taken(draft: &Draft) -> WriteError {
    WriteError::Taken { path: draft.path.clone(), found: "there already" }
}

/// Fails where one of them is there already.
pub fn may_write(drafts: &[Draft]) -> Result<(), WriteError> {
    match drafts.iter().find(|draft| fs::symlink_metadata(&draft.path).is_ok()) {
        Some(draft) => Err(taken(draft)),
        None => Ok(()),
    }
}
