//! Old releases go, and those that somebody runs, wants to keep or may go back to stay.
//!
//! A lease is a shared lock on a file beside the releases, held by the process that runs a program of one (it stays across
//! exec); the kernel gives it back when that process ends.

use super::settle::TRASH;
use super::{Held, LiveError, Root, Serial};
use crate::base::write;
use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How long the lock of a lease is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// What became of the releases that were not wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collected {
    /// Those that are gone.
    pub gone: Vec<Serial>,
    /// Those that a process runs from.
    pub leased: Vec<Serial>,
}

/// The right to run from a release: it stays as long as this does.
#[derive(Debug)]
pub struct Lease {
    /// The lock; whoever inherits the descriptor holds it too.
    pub file: File,
    /// The release.
    pub serial: Serial,
}

impl Lease {
    /// Lets a program that this process becomes hold it too.
    pub fn inherit(&self) -> Result<(), LiveError> {
        let done = fcntl_setfd(&self.file, FdFlags::empty());
        done.map_err(|error| LiveError::io("hand on the lock of", Path::new(&self.serial.to_string()))(error.into()))
    }
}

/// Leases the current release. Needs no right to change anything but the lease's own file.
pub fn lease(root: &Root) -> Result<Lease, LiveError> {
    loop {
        let Some(serial) = root.current()? else {
            return Err(LiveError::NoCurrent);
        };
        let file = open(root, serial)?;
        share(&file, &root.records().join("leases").join(serial.to_string()))?;
        // It may have been collected before the lock was ours; then another one is current.
        if root.release(serial).is_dir() {
            return Ok(Lease { file, serial });
        }
    }
}

/// Locks it along with all who run from that release. Whoever removes one holds it for as long as that takes; anybody who may read it
/// could hold it for ever, and is not waited for so long.
fn share(file: &File, path: &Path) -> Result<(), LiveError> {
    let mut left = PATIENCE;
    loop {
        match flock(file, FlockOperation::NonBlockingLockShared) {
            Err(Errno::WOULDBLOCK) if left.is_zero() => {
                return Err(LiveError::Busy { path: path.to_owned(), pid: None });
            }
            Err(Errno::WOULDBLOCK) => thread::sleep(PAUSE),
            done => return done.map_err(|error| LiveError::io("lock", path)(error.into())),
        }
        left = left.saturating_sub(PAUSE);
    }
}

pub(super) fn open(root: &Root, serial: Serial) -> Result<File, LiveError> {
    let dir = root.records().join("leases");
    match fs::create_dir(&dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(LiveError::io("make the directory", &dir)(error));
        }
        _ => {}
    }
    let path = dir.join(serial.to_string());
    // For reading alone where it is there: a user who may not write here may run all the same.
    let found = File::open(&path);
    let found = found.or_else(|_| OpenOptions::new().read(true).append(true).create(true).open(&path));
    found.map_err(LiveError::io("open", &path))
}

impl Held {
    /// Removes releases, but for the current one, the one before, the pinned, the `keep` newest and those that run.
    pub fn collect(&mut self, keep: usize) -> Result<Collected, LiveError> {
        let (current, installed) = (self.root.current()?, self.root.installed()?);
        let newest = installed.iter().rev().take(keep).copied();
        let stay: BTreeSet<Serial> =
            newest.chain(current).chain(self.state.previous).chain(self.state.pinned.iter().copied()).collect();
        let mut collected = Collected::default();
        for serial in installed.into_iter().filter(|serial| !stay.contains(serial)) {
            let file = open(&self.root, serial)?;
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
                collected.leased.push(serial);
                continue;
            }
            self.remove(serial)?;
            collected.gone.push(serial);
        }
        let gone = &collected.gone;
        self.note(|state| state.releases.retain(|serial, _| !gone.contains(serial)))?;
        Ok(collected)
    }

    /// Removes one release that is no good, so that it can come anew. Not the current one, nor one that somebody runs.
    pub fn discard(&mut self, serial: Serial) -> Result<(), LiveError> {
        let file = open(&self.root, serial)?;
        let is_leased = flock(&file, FlockOperation::NonBlockingLockExclusive).is_err();
        if is_leased || self.root.current()? == Some(serial) {
            return Err(LiveError::InUse { serial });
        }
        self.remove(serial)?;
        self.note(|state| _ = state.releases.remove(&serial))
    }

    /// First the name goes, so that nothing half removed is ever taken for a release.
    fn remove(&self, serial: Serial) -> Result<(), LiveError> {
        let (place, trash) = (self.root.release(serial), self.root.releases().join(format!("{TRASH}{serial}")));
        fs::rename(&place, &trash).map_err(LiveError::io("remove", &place))?;
        write::remove_tree(&trash)?;
        write::remove(&self.root.records().join("leases").join(serial.to_string()))?;
        Ok(())
    }
}
