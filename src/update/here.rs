//! What a directory of releases has, as the choice of the next one is made by it.

use super::error::UpdateError;
use crate::live::{Root, Serial};
use crate::release::Have;
use std::collections::BTreeSet;

/// What this directory has.
pub(super) struct Here {
    /// The release that is current.
    pub(super) current: Option<u32>,
    highest: Option<u32>,
    /// Those that are installed, and of use.
    pub(super) installed: Vec<u32>,
    bad: BTreeSet<u32>,
    path: u64,
}

impl Here {
    /// Looks; a release to be tried again counts as good.
    pub(super) fn of(root: &Root, retry: Option<Serial>) -> Result<Self, UpdateError> {
        let (state, current) = (root.state()?, root.current()?);
        let path = root.release(Serial(0)).as_os_str().len() as u64 - 1;
        Ok(Self {
            current: current.map(|serial| serial.0),
            highest: state.highest.max(current).map(|serial| serial.0),
            installed: root.installed()?.into_iter().map(|serial| serial.0).collect(),
            bad: state.bad.iter().filter(|serial| Some(**serial) != retry).map(|serial| serial.0).collect(),
            path,
        })
    }

    /// The same, as a choice is made by it.
    pub(super) fn have(&self) -> Have<'_> {
        Have {
            current: self.current,
            highest: self.highest,
            installed: &self.installed,
            bad: Some(&self.bad),
            path: self.path,
        }
    }
}
