//! An installed release, or any tree that relocate installed, once more at another path, for who wants to add to it.
//!
//! Takes the tree and that path; gives a tree in the making beside it, all of whose files are there: shared with the first where
//! they do not depend on the path, else with the new path written into them. Every byte was digested on the way, so a base that was
//! edited is refused. Nobody may write to its files. Times are those that the files of the base have, which compiled Python files are valid by.

use super::ParcelError;
use super::assemble::links;
use super::base::Base;
use super::build::{Build, Ways};
use super::route::{File, Origin, Way};
use crate::base::digest::Digest;
use crate::base::event::{Event, Listener, Stage};
use crate::base::path::{Prefix, RelPath};
use crate::base::write::{NewDir, WriteError};
use crate::install::Filling;
use crate::manifest::{self, Entry, Kind, Manifest};
use crate::pack::{Limits, Unsealed, admit};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use walkdir::WalkDir;

/// A tree that has all files of its base and no name yet.
#[derive(Debug)]
pub struct Elsewhere {
    /// It; dropped, it is gone.
    pub new: NewDir,
    /// The base's record, but that nobody may write to anything.
    pub manifest: Manifest,
    /// How its files came.
    pub ways: Ways,
}

/// Makes it for the path `dest`, beside that. Its directories may still be written to, and `.relocate/manifest.json` is not there.
pub fn elsewhere(
    base: &Path,
    dest: &Prefix,
    limits: &Limits,
    listener: &dyn Listener,
) -> Result<Elsewhere, ParcelError> {
    let base = Base::read(base)?;
    let mut manifest = base.manifest.clone();
    manifest.entries.iter_mut().filter(|entry| !matches!(entry.kind, Kind::Symlink { .. })).for_each(sealed);
    let admitted = admit(&manifest, limits).map_err(ParcelError::Refused)?;
    let filling = Filling::decide(&manifest, dest, &BTreeSet::new())?;
    let own = Own::of(&base)?;
    let files = files(&base, &manifest, &own)?;

    let new = NewDir::create(Path::new(OsStr::from_bytes(dest.as_bytes())))?;
    let mut tree = Unsealed::begin(new.staging())?;
    for entry in manifest.entries.iter().filter(|entry| entry.kind == Kind::Dir) {
        tree.make_above(&entry.path.join(b"any"))?;
    }
    for path in manifest.entries.iter().map(|entry| &entry.path).chain(files.iter().map(|file| file.path)) {
        tree.make_above(path)?;
    }
    tree.make_above(&RelPath::new(manifest::PLACE.as_bytes()).unwrap_or_default())?;
    listener.event(&Event::Begin { stage: Stage::Write, files: files.len() as u64, bytes: admitted.bytes });
    let build = Build { base: &base, container: None, files: &files, staging: new.staging(), listener };
    let ways = build.files()?;
    links(&manifest, new.staging())?;
    filling.write(&mut tree)?;
    listener.event(&Event::End(Stage::Write));
    tree.seal()?;
    Ok(Elsewhere { new, manifest, ways })
}

/// Nobody is to write to it. What somebody may write to in the base is therefore not shared with it.
fn sealed(entry: &mut Entry) {
    entry.mode &= 0o7555;
}

/// Files of the base with the one way they come by.
fn files<'m>(base: &Base<'_>, manifest: &'m Manifest, own: &'m [Own]) -> Result<Vec<File<'m>>, ParcelError> {
    let fresh = Filling::touched(manifest);
    let mut files = Vec::with_capacity(manifest.entries.len());
    for entry in &manifest.entries {
        let Kind::File { size, sha256, .. } = entry.kind else { continue };
        let path = &entry.path;
        let looks = fs::symlink_metadata(path.under(base.path()));
        let looks = looks.map_err(|error| ParcelError::base(path, format!("cannot be looked at: {error}")))?;
        let way = Way::Same(Origin { path, entry: Some(entry) });
        let (mode, mtime) = (entry.mode, looks.mtime());
        files.push(File { path, size, sha256, mode, mtime, fresh: fresh.contains(path), way });
    }
    files.extend(own.iter().map(|own| {
        let way = Way::Same(Origin { path: &own.path, entry: None });
        let Own { path, size, sha256, mode, mtime } = own;
        File { path, size: *size, sha256: *sha256, mode: *mode, mtime: *mtime, fresh: false, way }
    }));
    Ok(files)
}

/// A file of the tool's own in the base.
struct Own {
    path: RelPath,
    size: u64,
    sha256: Digest,
    mode: u32,
    mtime: i64,
}

impl Own {
    /// All of them but the records of this very tree.
    fn of(base: &Base<'_>) -> Result<Vec<Self>, ParcelError> {
        let mut found = Vec::new();
        for entry in WalkDir::new(base.path().join(manifest::DIRECTORY)).sort_by_file_name() {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(base.path()).to_owned();
                WriteError::io("look at", &path)(error.into())
            })?;
            let rest = entry.path().strip_prefix(base.path()).unwrap_or(Path::new(""));
            let path = RelPath::new(rest.as_os_str().as_bytes()).unwrap_or_default();
            let made_here = [manifest::MANIFEST, manifest::PLACE, manifest::ABOUT];
            if !entry.file_type().is_file() || made_here.iter().any(|name| path.as_bytes() == name.as_bytes()) {
                continue;
            }
            let unreadable =
                |error: &dyn std::fmt::Display| ParcelError::base(&path, format!("cannot be read: {error}"));
            let looks = entry.metadata().map_err(|error| unreadable(&error))?;
            let sha256 = fs::read(entry.path()).map(|bytes| Digest::of(&bytes)).map_err(|error| unreadable(&error))?;
            let (size, mode, mtime) = (looks.len(), looks.mode() & 0o555, looks.mtime());
            found.push(Self { path, size, sha256, mode, mtime });
        }
        Ok(found)
    }
}
