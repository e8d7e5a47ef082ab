//! What a process left that was killed, or lost power, is finished or cleared away.

use super::{Held, LiveError, Serial};
use crate::base::write;
use std::fs;
use std::path::PathBuf;

/// What was found and done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    /// The link had been changed to this release, and that had not been noted.
    pub finished: Option<Serial>,
    /// The link was about to be changed to this release, and was not.
    pub forgotten: Option<Serial>,
    /// Directories and files of releases that never came to be, or were being removed.
    pub removed: Vec<PathBuf>,
}

/// What the directory of a release that goes is called until it is gone.
pub(super) const TRASH: &str = ".trash-";

impl Held {
    /// Brings state and disk together. To be called before anything else is done.
    pub fn settle(&mut self) -> Result<Settled, LiveError> {
        let mut settled = Settled::default();
        if let Some((from, to)) = self.state.pending {
            if self.root.current()? == Some(to) {
                self.done(from, to)?;
                settled.finished = Some(to);
            } else {
                self.note(|state| state.pending = None)?;
                settled.forgotten = Some(to);
            }
        }
        if let Some((_, serial)) = self.state.trial
            && self.root.current()? != Some(serial)
        {
            self.passed()?;
        }
        settled.removed = self.clear()?;
        let installed = self.root.installed()?;
        self.note(|state| {
            state.releases.retain(|serial, _| installed.contains(serial));
            state.pinned.retain(|serial| installed.contains(serial));
        })?;
        Ok(settled)
    }

    /// Removes what has no name that counts. We hold the lock, so nobody is still at it.
    fn clear(&self) -> Result<Vec<PathBuf>, LiveError> {
        let dir = self.root.releases();
        let mut removed = Vec::new();
        for entry in fs::read_dir(&dir).map_err(LiveError::io("list", &dir))? {
            let entry = entry.map_err(LiveError::io("list", &dir))?;
            let name = entry.file_name();
            let is_trash = name.to_str().is_some_and(|name| name.starts_with(TRASH));
            if is_trash || write::is_partial(name.as_encoded_bytes()) {
                write::remove_tree(&entry.path())?;
                removed.push(entry.path());
            }
        }
        removed.sort();
        Ok(removed)
    }
}
