//! How long packages took in earlier runs, kept in `state.json` of the work directory. Only ever shown: nothing depends on it.

use crate::base::write::{self, WriteError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Seconds by package name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Estimates {
    seconds: BTreeMap<String, u64>,
    #[serde(skip)]
    path: PathBuf,
}

impl Estimates {
    /// Reads them; a file that is not there or not of ours is as good as none.
    pub fn read(work: &Path) -> Self {
        let path = work.join("state.json");
        let known: Option<Self> = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { path, ..known.unwrap_or_default() }
    }

    /// How many seconds a package took the last time, in this version or else in the last one known.
    pub fn of(&self, pkgname: &str) -> Option<u64> {
        let base = |name: &str| name.rsplit_once('-').map(|(base, _)| base.to_owned());
        let alike = || self.seconds.iter().rev().find(|(name, _)| base(name) == base(pkgname));
        self.seconds.get(pkgname).or_else(|| alike().map(|(_, seconds)| seconds)).copied()
    }

    /// Notes how long a package took.
    pub fn note(&mut self, pkgname: &str, seconds: u64) -> Result<(), WriteError> {
        self.seconds.insert(pkgname.to_owned(), seconds);
        let bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        write::record(&self.path, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_known_the_next_time() {
        let dir = tempfile::tempdir().unwrap();
        let mut estimates = Estimates::read(dir.path());
        assert_eq!(estimates.of("a-1"), None);
        estimates.note("a-1", 12).unwrap();
        assert_eq!(Estimates::read(dir.path()).of("a-1"), Some(12));
        // A new version takes about as long as the old one; another package does not.
        assert_eq!((estimates.of("a-2"), estimates.of("a-b-2"), estimates.of("b-1")), (Some(12), None, None));
        fs::write(dir.path().join("state.json"), "[").unwrap();
        assert_eq!(Estimates::read(dir.path()).of("a-1"), None);
    }
}
