//! The finished tree with fresh eyes, before it gets its name: every path of the manifest is there and nothing else, each as what
//! it should be. What bytes the files have was seen when they were put there.

use super::ParcelError;
use super::form::Index;
use super::route::File;
use crate::base::path::RelPath;
use crate::base::write::WriteError;
use crate::install::Filling;
use crate::manifest::{self, Entry, Kind, Manifest};
use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use walkdir::{DirEntry, WalkDir};

/// What a path should be.
enum Wanted<'a> {
    Dir,
    /// Its size, where that does not depend on the path of the tree.
    File(&'a File<'a>, Option<u64>),
    Symlink(&'a [u8]),
    /// A file that is known to another one by its number, or a record that was just written.
    OtherFile,
}

/// Holds a tree against what it should be.
pub(super) fn tree(manifest: &Manifest, files: &[File<'_>], index: &Index, staging: &Path) -> Result<(), ParcelError> {
    let mut wanted = wanted(manifest, files, index);
    for found in WalkDir::new(staging) {
        let found = found.map_err(|error| {
            let path = error.path().unwrap_or(staging).to_owned();
            WriteError::io("look at", &path)(error.into())
        })?;
        let rest = found.path().strip_prefix(staging).unwrap_or(Path::new(""));
        let path = RelPath::new(rest.as_os_str().as_bytes()).unwrap_or_default();
        let Some(wanted) = wanted.remove(&path) else { return Err(differs(&path, "is not in the manifest")) };
        if !holds(&found, &wanted).map_err(WriteError::io("look at", found.path()))? {
            return Err(differs(&path, "is not what the manifest says"));
        }
    }
    wanted.into_keys().min().map_or(Ok(()), |path| Err(differs(&path, "is gone")))
}

fn differs(path: &RelPath, found: &str) -> ParcelError {
    ParcelError::Differs { path: path.clone(), found: found.to_owned() }
}

fn wanted<'a>(manifest: &'a Manifest, files: &'a [File<'a>], index: &'a Index) -> HashMap<RelPath, Wanted<'a>> {
    let mut wanted = HashMap::with_capacity(manifest.entries.len() + 64);
    let filled = Filling::touched(manifest);
    let mut put = |path: &RelPath, what: Wanted<'a>| {
        let mut above = path.parent();
        while let Some(dir) = above {
            above = dir.parent();
            if wanted.insert(dir, Wanted::Dir).is_some() {
                break;
            }
        }
        wanted.insert(path.clone(), what);
    };
    for Entry { path, kind, .. } in &manifest.entries {
        match kind {
            Kind::Dir => put(path, Wanted::Dir),
            Kind::Symlink { target } => put(path, Wanted::Symlink(target)),
            Kind::HardLink { .. } => put(path, Wanted::OtherFile),
            Kind::File { .. } => {}
        }
    }
    for file in files {
        put(file.path, Wanted::File(file, (!filled.contains(file.path)).then_some(file.size)));
    }
    for own in index.own.iter().filter(|own| own.file.is_none()) {
        put(&own.path, Wanted::Dir);
    }
    for record in [manifest::MANIFEST, manifest::PLACE] {
        put(&RelPath::new(record.as_bytes()).unwrap_or_default(), Wanted::OtherFile);
    }
    wanted
}

fn holds(found: &DirEntry, wanted: &Wanted<'_>) -> io::Result<bool> {
    let is = found.file_type();
    Ok(match wanted {
        Wanted::Dir => is.is_dir(),
        Wanted::OtherFile => is.is_file(),
        Wanted::Symlink(target) => is.is_symlink() && fs::read_link(found.path())?.as_os_str().as_bytes() == *target,
        Wanted::File(file, size) => is.is_file() && looks(&found.metadata()?, file, *size),
    })
}

fn looks(found: &Metadata, file: &File<'_>, size: Option<u64>) -> bool {
    let as_long = size.is_none_or(|size| size == found.len());
    as_long && found.mode() & 0o7777 == file.mode && (found.mtime(), found.mtime_nsec()) == (file.mtime, 0)
}
