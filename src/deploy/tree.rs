//! A release in the making: what the base has, and the commit in its place.

use super::error::DeployError;
use crate::base::event::Listener;
use crate::base::path::{Prefix, RelPath};
use crate::base::write::{NewDir, WriteError};
use crate::live::{self, Lease, Root};
use crate::manifest::{About, DIRECTORY, FORMAT, Kind, Manifest};
use crate::pack::{Inadmissible, Limits, Refusal, unpack};
use crate::parcel::{Elsewhere, elsewhere};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where a base is, and the right to read it until this is dropped.
pub(super) struct Base {
    /// The tree.
    pub(super) path: PathBuf,
    _lease: Option<Lease>,
}

impl Base {
    /// A directory of releases means its current one, which stays as long as it is needed.
    pub(super) fn at(path: &Path) -> Result<Self, DeployError> {
        if !Root::is_at(path) {
            return Ok(Self { path: path.to_owned(), _lease: None });
        }
        let root = Root::open(path)?;
        let lease = live::lease(&root)?;
        Ok(Self { path: root.release(lease.serial), _lease: Some(lease) })
    }
}

/// A tree beside its place, and what the base's record says.
pub(super) struct Draft {
    pub(super) new: NewDir,
    pub(super) manifest: Manifest,
}

/// Makes it for the path `dest`, with what the tar `commit` has at `into`.
pub(super) fn draft(
    base: Option<&Base>,
    dest: &Prefix,
    commit: &Path,
    into: &RelPath,
    tool: &str,
    listener: &dyn Listener,
) -> Result<Draft, DeployError> {
    let limits = Limits::default();
    let draft = match base {
        Some(base) => {
            let Elsewhere { new, manifest, .. } = elsewhere(&base.path, dest, &limits, listener)?;
            Draft { new, manifest }
        }
        None => Draft { new: NewDir::create(Path::new(OsStr::from_bytes(dest.as_bytes())))?, manifest: empty(tool) },
    };
    is_free(&draft.manifest, into)?;
    let place = into.under(draft.new.staging());
    fs::create_dir_all(&place).map_err(WriteError::io("make the directory", &place))?;
    unpack(commit, &place, &limits, listener).map_err(DeployError::Unpack)?;
    let ours = RelPath::root().join(DIRECTORY.as_bytes());
    if into.is_root() && fs::symlink_metadata(ours.under(&place)).is_ok() {
        return Err(DeployError::Inadmissible(Inadmissible { path: ours, why: Refusal::BadName }));
    }
    Ok(draft)
}

/// The record of a release that has no base.
fn empty(tool: &str) -> Manifest {
    let about = About {
        format: FORMAT,
        tool: tool.to_owned(),
        old_prefixes: Vec::new(),
        floor: serde_json::Value::Null,
        capacity: None,
        at: None,
        proven: false,
    };
    Manifest { about, entries: Vec::new() }
}

/// Refuses a place that the base has, or to which the way leads through something else than directories.
pub(super) fn is_free(manifest: &Manifest, into: &RelPath) -> Result<(), DeployError> {
    let taken = |path: &RelPath| Err(DeployError::Taken { path: path.clone() });
    if let Some(entry) = manifest.entries.iter().find(|entry| entry.path.starts_with(into) && !entry.path.is_root()) {
        return taken(&entry.path);
    }
    let mut above = into.parent();
    while let Some(path) = above {
        if manifest.entry(&path).is_some_and(|entry| entry.kind != Kind::Dir) {
            return taken(&path);
        }
        above = path.parent();
    }
    Ok(())
}
