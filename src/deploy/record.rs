//! The record of a finished release: what the base's record says, and what was added, digested. From then on it is verified as any other.

use super::error::DeployError;
use crate::base::bytes::FileBytes;
use crate::base::digest::Digest;
use crate::base::path::RelPath;
use crate::base::write;
use crate::manifest::{self, Entry, Kind, Manifest};
use crate::pack::{Inadmissible, Limits, Refusal, admit};
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use walkdir::WalkDir;

/// Writes it into a release, whose base's record this is; what was added lies in `areas` alone.
pub(super) fn write(release: &Path, mut manifest: Manifest, areas: &[&RelPath]) -> Result<(), DeployError> {
    let added = added(release, &manifest, areas)?;
    manifest.entries.extend(added);
    manifest.entries.sort_by(|one, other| one.path.cmp(&other.path));
    // The base was proven; what was added was not.
    manifest.about.proven = false;
    admit(&manifest, &Limits::default()).map_err(DeployError::Inadmissible)?;
    let records = release.join(manifest::DIRECTORY);
    fs::create_dir_all(&records).map_err(DeployError::io("make the directory", &records))?;
    write::record(&release.join(manifest::ABOUT), &manifest.about.to_bytes())?;
    Ok(write::record(&release.join(manifest::MANIFEST), &manifest.to_bytes())?)
}

/// What the base does not have, sorted as it is found.
fn added(release: &Path, base: &Manifest, areas: &[&RelPath]) -> Result<Vec<Entry>, DeployError> {
    // Directories of the base that only what lies in them tells of.
    let implied: BTreeSet<RelPath> = base.entries.iter().filter_map(|entry| entry.path.parent()).collect();
    let is_way = |path: &RelPath| areas.iter().any(|area| area.starts_with(path));
    let (mut found, mut firsts) = (Vec::new(), HashMap::new());
    for entry in WalkDir::new(release).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(release).to_owned();
            DeployError::Io { doing: "look at", path, source: error.into() }
        })?;
        let rest = entry.path().strip_prefix(release).unwrap_or(Path::new(""));
        let path = RelPath::new(rest.as_os_str().as_bytes()).unwrap_or_default();
        if path.parts().next() == Some(manifest::DIRECTORY.as_bytes()) || base.entry(&path).is_some() {
            continue;
        }
        let is_dir = entry.file_type().is_dir();
        if is_dir && implied.iter().any(|known| known.starts_with(&path)) {
            continue;
        }
        if !(areas.iter().any(|area| path.starts_with(area)) || is_dir && is_way(&path)) {
            return Err(DeployError::Outside { path });
        }
        let looks = entry.metadata().map_err(|error| DeployError::io("look at", entry.path())(error.into()))?;
        found.push(one(entry.path(), path, &looks, &mut firsts)?);
    }
    Ok(found)
}

/// One path, with the mode that it has when nobody may write to it any more.
fn one(
    at: &Path,
    path: RelPath,
    looks: &Metadata,
    firsts: &mut HashMap<(u64, u64), RelPath>,
) -> Result<Entry, DeployError> {
    let is = looks.file_type();
    let kind = if is.is_dir() {
        Kind::Dir
    } else if is.is_symlink() {
        let target = fs::read_link(at).map_err(DeployError::io("read the link", at))?;
        Kind::Symlink { target: target.as_os_str().as_bytes().to_vec() }
    } else if let Some(first) = firsts.get(&(looks.dev(), looks.ino())).filter(|_| is.is_file()) {
        Kind::HardLink { first: first.clone() }
    } else if is.is_file() {
        if looks.nlink() > 1 {
            firsts.insert((looks.dev(), looks.ino()), path.clone());
        }
        let bytes = File::open(at).and_then(FileBytes::new).map_err(DeployError::io("read", at))?;
        let sha256 = Digest::read(&bytes).map_err(DeployError::io("read", at))?;
        Kind::File { size: looks.len(), sha256, sha256_before: None }
    } else {
        let found = if is.is_fifo() { "a named pipe" } else { "a socket or device" };
        return Err(DeployError::Inadmissible(Inadmissible { path, why: Refusal::Kind(found) }));
    };
    let mode = if is.is_symlink() { 0o777 } else { looks.mode() & 0o7555 };
    Ok(Entry { path, kind, mode, mtime: None, changes: Vec::new(), places: Vec::new(), sums: Vec::new() })
}
