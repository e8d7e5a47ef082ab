//! Which listed files each package was without when it had been added: its own scripts, or those of another package, remove them,
//! so that they are no damage. Kept in `absent.json` of the work directory; the package database does not say it.

use super::Package;
use crate::base::write::{self, WriteError};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Files by package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Absences(BTreeMap<String, BTreeSet<PathBuf>>);

impl Absences {
    /// Reads them; a file that is not there or not of ours is as good as none: what is absent then is added again.
    pub(super) fn read(work: &Path) -> Self {
        fs::read(path(work)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Whether a package lacks nothing but what it lacked before.
    pub(super) fn explain(&self, name: &str, package: &Package) -> bool {
        let known = self.0.get(name);
        package.absent.iter().all(|path| known.is_some_and(|known| known.contains(path)))
    }

    /// Notes what a package lacks now.
    pub(super) fn note(&mut self, name: &str, package: &Package) {
        if package.absent.is_empty() {
            self.0.remove(name);
        } else {
            self.0.insert(name.to_owned(), package.absent.iter().cloned().collect());
        }
    }

    /// Writes them down, where they differ from what is there.
    pub(super) fn keep(&self, work: &Path) -> Result<(), WriteError> {
        if *self == Self::read(work) {
            return Ok(());
        }
        write::record(&path(work), &serde_json::to_vec_pretty(self).unwrap_or_default())
    }
}

fn path(work: &Path) -> PathBuf {
    work.join("absent.json")
}
