//! The lock of a directory of releases: one process changes it at a time.
//!
//! The kernel gives the lock back when its process ends, in any way. Programs that are started meanwhile do not inherit it.

use super::{LiveError, Root, State};
use crate::base::write::Parents;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How long between two tries.
const PAUSE: Duration = Duration::from_millis(100);

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
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = file.map_err(LiveError::io("lock", path))?;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(rustix::io::Errno::WOULDBLOCK) if wait == Wait::Yes => thread::sleep(PAUSE),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(LiveError::Busy { path: path.to_owned(), pid: pid(path) });
            }
            Err(error) => return Err(LiveError::io("lock", path)(error.into())),
        }
    }
    // For people and for the message above; the lock itself is the kernel's.
    let said = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    said.map_err(LiveError::io("write", path))?;
    Ok(file)
}

/// The process that wrote its number last.
fn pid(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
