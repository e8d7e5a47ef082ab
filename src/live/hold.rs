//! The lock of a directory of releases: one process changes it at a time.
//!
//! The kernel gives the lock back when its process ends, in any way. Programs that are started meanwhile do not inherit it.

use super::{LiveError, Root, State};
use crate::base::hold::{Hold, hold};
use crate::base::write::Parents;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What to do where another process has the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Give up at once.
    No,
    /// Wait until it is free.
    Yes,
}

/// The right to change a directory of releases, and its state.
#[derive(Debug)]
pub struct Held {
    pub(super) root: Root,
    pub(super) state: State,
    _lock: File,
}

impl Root {
    /// Takes the lock and reads the state; makes the directories we need.
    pub fn hold(&self, wait: Wait) -> Result<Held, LiveError> {
        for dir in [self.records(), self.releases()] {
            Parents::make(&dir.join("any"))?.keep();
        }
        let lock = lock(&self.records().join("lock"), wait)?;
        let state = self.state()?;
        Ok(Held { root: self.clone(), state, _lock: lock })
    }
}

impl Held {
    /// The directory.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// What is known of its releases.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Changes what is known, durably.
    pub(super) fn note(&mut self, change: impl FnOnce(&mut State)) -> Result<(), LiveError> {
        let mut state = self.state.clone();
        change(&mut state);
        if state != self.state {
            state.write(&self.root.state_file())?;
            self.state = state;
        }
        Ok(())
    }
}

fn lock(path: &Path, wait: Wait) -> Result<File, LiveError> {
    // Whoever may read a file may lock it; nobody else is to keep us waiting.
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    drop(made.map_err(LiveError::io("lock", path))?);
    match hold(path, &mut |_| wait == Wait::Yes).map_err(LiveError::io("lock", path))? {
        Hold::Ours(file) => Ok(file),
        Hold::Theirs(pid) => Err(LiveError::Busy { path: path.to_owned(), pid }),
    }
}
