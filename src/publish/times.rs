//! Which files of a release keep the time they had: Python takes what it compiled for valid by the time of its source.
//!
//! Everything else gets one time. Where a compiled file is valid, its source keeps the time that is written in there. Where it is
//! not, and the one time would make it valid by chance, the source keeps its own.

use crate::base::path::RelPath;
use crate::manifest::{Entry, Kind, Manifest};
use crate::release::MTIME;
use crate::text::pyc;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// More than the head of any compiled file.
const HEAD: u64 = 16;
/// So many symlinks are followed from a source to its file, as the kernel does (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// The times of the files of an unpacked tree that are not [`MTIME`], by path; of a file with several names by its first.
pub(super) fn kept(manifest: &Manifest, tree: &Path) -> io::Result<BTreeMap<RelPath, i64>> {
    let mut kept = BTreeMap::new();
    for entry in &manifest.entries {
        let Some(named) = source(&entry.path) else { continue };
        let Some(source) = file_of(manifest, &named) else { continue };
        let compiled = match &entry.kind {
            Kind::File { .. } => &entry.path,
            Kind::HardLink { first } => first,
            Kind::Dir | Kind::Symlink { .. } => continue,
        };
        let head = head(&compiled.under(tree))?;
        let Some(stamp) = pyc::stamp(&head) else { continue };
        let looks = fs::symlink_metadata(source.under(tree))?;
        let is_now = is_valid(&head, stamp.mtime, looks.mtime(), looks.len());
        let would_be = is_valid(&head, stamp.mtime, MTIME, looks.len());
        if is_now != would_be {
            kept.insert(source.clone(), looks.mtime());
        }
    }
    Ok(kept)
}

/// The source of what Python compiled; Python 2 ends the names of optimised files in `.pyo`.
fn source(compiled: &RelPath) -> Option<RelPath> {
    match compiled.as_bytes().strip_suffix(b".pyo") {
        Some(stem) => pyc::source(&RelPath::new(&[stem, b".pyc"].concat())?),
        None => pyc::source(compiled),
    }
}

/// Python keeps time and size modulo 2^32 (CPython, `Lib/importlib/_bootstrap_external.py`).
fn is_valid(head: &[u8], stamp: u32, mtime: i64, size: u64) -> bool {
    let low = u64::from(u32::MAX);
    let said = pyc::source_size(head).map(|at| {
        let at = at as usize;
        head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes)
    });
    let fits = said.is_none_or(|said| said.map(u64::from) == Some(size & low));
    fits && u64::from(stamp) == mtime.cast_unsigned() & low
}

/// The entry that has the bytes of a name: the first name of a hard link, what a symlink inside the tree leads to.
fn file_of<'m>(manifest: &'m Manifest, name: &RelPath) -> Option<&'m RelPath> {
    let mut name = name.clone();
    for _ in 0..MOST_LINKS {
        let Entry { path, kind, .. } = manifest.entry(&name)?;
        match kind {
            Kind::File { .. } => return Some(path),
            Kind::HardLink { first } => name = first.clone(),
            Kind::Symlink { target } if !target.starts_with(b"/") => {
                name = led(path.parent()?, target)?;
            }
            Kind::Dir | Kind::Symlink { .. } => return None,
        }
    }
    None
}

/// Where a relative target leads from a directory, by its text: what Python compiled lies beside real directories.
fn led(from: RelPath, target: &[u8]) -> Option<RelPath> {
    target.split(|byte| *byte == b'/').try_fold(from, |at, part| match part {
        b"" | b"." => Some(at),
        b".." => at.parent(),
        part => Some(at.join(part)),
    })
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}
