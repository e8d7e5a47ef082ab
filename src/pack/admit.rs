//! A record whose entries come without an archive, held against the same rules.

use super::guard::{Guard, Limits, Refusal, Stated, StatedKind};
use super::visit::Visited;
use crate::base::path::RelPath;
use crate::manifest::{self, Kind, Manifest};
use std::fmt;

/// Why a record is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inadmissible {
    /// The entry.
    pub path: RelPath,
    /// Why it is refused.
    pub why: Refusal,
}

impl fmt::Display for Inadmissible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is refused: {}", self.path, self.why)
    }
}

impl std::error::Error for Inadmissible {}

/// Refuses a record that has what no archive may have; gives what all entries come to. The names of the tool's own records are
/// not for entries.
pub fn admit(manifest: &Manifest, limits: &Limits) -> Result<Visited, Inadmissible> {
    let mut guard = Guard::default();
    for entry in &manifest.entries {
        let refused = |why| Inadmissible { path: entry.path.clone(), why };
        if entry.path.parts().next() == Some(manifest::DIRECTORY.as_bytes()) {
            return Err(refused(Refusal::BadName));
        }
        let name = if entry.path.is_root() { b"." } else { entry.path.as_bytes() };
        let (kind, size) = match &entry.kind {
            Kind::Dir => (StatedKind::Dir, 0),
            Kind::File { size, .. } => (StatedKind::File, *size),
            Kind::Symlink { target } => (StatedKind::Symlink(target), 0),
            Kind::HardLink { first } => (StatedKind::HardLink(first.as_bytes()), 0),
        };
        guard.admit(&Stated { name, kind, mode: entry.mode, size }, limits).map_err(refused)?;
    }
    let (entries, bytes) = guard.total();
    Ok(Visited { entries, bytes })
}
