//! A release becomes the current one: by one rename, noted before and after.

use super::collect::open as lease_file;
use super::{Held, Known, LiveError, Root, Serial};
use crate::base::write;
use std::path::Path;

/// A release that is installed whole and was compared with its manifest. Only such a one can become current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Built {
    serial: Serial,
}

/// A release that is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Active {
    /// The release.
    pub serial: Serial,
    /// The one that was current before.
    pub before: Option<Serial>,
}

impl Held {
    /// Takes note of a tree that lies in the place of a release; `verify` must find nothing wrong with it.
    pub fn built<E: From<LiveError>>(
        &mut self,
        serial: Serial,
        known: Known,
        verify: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<Built, E> {
        let place = self.root.release(serial);
        if !place.is_dir() {
            return Err(LiveError::Missing { serial, installed: self.root.installed()? }.into());
        }
        verify(&place)?;
        // A user who may not write here leases it by this file, which must be there for that.
        drop(lease_file(&self.root, serial)?);
        self.note(|state| _ = state.releases.insert(serial, known))?;
        Ok(Built { serial })
    }

    /// Makes a release current. Where it is already, nothing changes.
    pub fn activate(&mut self, built: Built) -> Result<Active, LiveError> {
        let (serial, before) = (built.serial, self.root.current()?);
        if before == Some(serial) {
            return Ok(Active { serial, before });
        }
        self.note(|state| {
            let hooks = state.releases.get(&serial).and_then(|known| known.hooks.as_ref());
            state.trial = hooks.filter(|hooks| !hooks.is_empty()).map(|_| (before, serial));
            state.pending = Some((before, serial));
            state.returning = None;
        })?;
        write::replace_symlink(&self.root.link(), &Path::new("r").join(serial.to_string()))?;
        self.done(before, serial)?;
        Ok(Active { serial, before })
    }

    /// Notes that the current release has shown that it is well.
    pub fn passed(&mut self) -> Result<(), LiveError> {
        self.note(|state| state.trial = None)
    }

    /// Takes back the release that is on trial, or goes on with that: it is bad, and the one before is current again, without another
    /// trial. Where there was none before, none is. Gives that one; [`Held::returned`] says that it is in use again.
    pub fn retreat(&mut self) -> Result<Option<Serial>, LiveError> {
        if let Some((before, serial)) = self.state.trial {
            let before = before.filter(|before| self.root.release(*before).is_dir());
            self.note(|state| {
                state.bad.insert(serial);
                state.trial = None;
                state.returning = Some((serial, before));
            })?;
        }
        let current = self.root.current()?;
        let Some((_, before)) = self.state.returning else { return Ok(current) };
        match before {
            _ if current == before => {}
            Some(before) => write::replace_symlink(&self.root.link(), &Path::new("r").join(before.to_string()))?,
            None => write::remove(&self.root.link())?,
        }
        Ok(before)
    }

    /// Notes that the release that was gone back to is in use again.
    pub fn returned(&mut self) -> Result<(), LiveError> {
        self.note(|state| state.returning = None)
    }

    /// Notes that a change of the link that was begun is done. Where it was for the release before, that one is bad or was not
    /// wanted, and the way forward from it stays open.
    pub(super) fn done(&mut self, from: Option<Serial>, to: Serial) -> Result<(), LiveError> {
        self.note(|state| {
            state.pending = None;
            state.previous = from.or(state.previous);
            state.highest = state.highest.max(Some(to));
        })
    }

    /// Marks a release as one that no update takes again.
    pub fn mark_bad(&mut self, serial: Serial) -> Result<(), LiveError> {
        self.note(|state| _ = state.bad.insert(serial))
    }

    /// Lets a release come again that turned out bad.
    pub fn forgive(&mut self, serial: Serial) -> Result<(), LiveError> {
        self.note(|state| _ = state.bad.remove(&serial))
    }

    /// Keeps a release whatever is collected, or lets it go.
    pub fn pin(&mut self, serial: Serial, pinned: bool) -> Result<(), LiveError> {
        let installed = self.root.installed()?;
        if pinned && !installed.contains(&serial) {
            return Err(LiveError::Missing { serial, installed });
        }
        self.note(|state| {
            if pinned {
                state.pinned.insert(serial)
            } else {
                state.pinned.remove(&serial)
            };
        })
    }

    /// The release that a rollback goes to.
    pub fn way_back(&self) -> Result<Serial, LiveError> {
        self.root.way_back()
    }
}

impl Root {
    /// The release that a rollback goes to, an older one that is not bad: the one that was current before, else the newest. So a
    /// rollback after a rollback goes further back.
    pub fn way_back(&self) -> Result<Serial, LiveError> {
        let (state, current, installed) = (self.state()?, self.current()?, self.installed()?);
        let good = |serial: &Serial| {
            current.is_none_or(|current| *serial < current) && installed.contains(serial) && !state.bad.contains(serial)
        };
        let newest = || installed.iter().rev().copied().find(good);
        state.previous.filter(good).or_else(newest).ok_or(LiveError::NoPrevious)
    }
}
