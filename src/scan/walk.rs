//! Lists a tree: every path once, sorted; then hard-link sets are put together. No file is opened.
//!
//! All directories of one depth are listed side by side, each relative to its own descriptor, so that the kernel looks up
//! one name for each path and not the whole way to it.

use super::Globs;
use crate::base::path::RelPath;
use crate::base::stamp::{Moment, Stamp};
use crate::base::write::is_partial;
use rayon::prelude::*;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};

/// The record of the last run, which `--in-place` leaves in a tree; it describes the tree and is no part of it.
const RECORD: &[u8] = b".relocate";
/// How much of a directory is listed with one call, in bytes.
const LISTING: usize = 16 << 10;

/// Whether a path is of our making: the record, or what a killed run left, which the next one clears away.
fn is_ours(path: &RelPath) -> bool {
    path.as_bytes() == RECORD || is_partial(path.name())
}

/// What the file system says of a path; symlinks are not followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) kind: FileType,
    /// Permission, setuid, setgid and sticky bits (07777).
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whole seconds since 1970, rounded down.
    pub(super) mtime: i64,
    /// How many names it has.
    pub(super) names: u64,
    /// Device and inode number.
    pub(super) id: (u64, u64),
    /// Size in bytes.
    pub(super) size: u64,
    /// What changes with it.
    pub(super) stamp: Stamp,
}

/// One path found.
pub(super) struct Found {
    pub(super) path: RelPath,
    pub(super) facts: Facts,
    /// Size in bytes, zero for what is not read.
    pub(super) size: u64,
    /// The first name of its hard-link set, where this is not the first.
    pub(super) first: Option<RelPath>,
    /// Names of its hard-link set that lie outside the tree.
    pub(super) outside_names: u32,
}

/// What a walk found, and what it could not look at.
pub(super) type Walked = (Vec<Found>, Vec<(PathBuf, io::Error)>);

/// Lists everything below `root`, sorted by path.
pub(super) fn walk(root: &Path, exclude: &Globs) -> Walked {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let mut directories = vec![RelPath::root()];
    while !directories.is_empty() {
        let listed: Vec<Walked> = directories.par_iter().map(|directory| list(root, directory, exclude)).collect();
        directories.clear();
        for (entries, failed) in listed {
            let below = entries.iter().filter(|found| found.facts.kind == FileType::Directory);
            directories.extend(below.map(|found| found.path.clone()));
            found.extend(entries);
            failures.extend(failed);
        }
    }
    found.par_sort_unstable_by(|a, b| a.path.cmp(&b.path));
    (found, failures)
}

/// Lists one directory; what cannot be looked at is noted, and the rest of it is listed all the same.
fn list(root: &Path, directory: &RelPath, exclude: &Globs) -> Walked {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let (at, asked) = (directory.under(root), Moment::now());
    // ROOT itself may be a symlink. A directory that became one since it was listed is not followed.
    let follow = if directory.is_root() { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | follow;
    let open = match rustix::fs::open(&at, flags, Mode::empty()) {
        Ok(open) => open,
        Err(error) => return (found, vec![(at, error.into())]),
    };
    let mut buffer = [MaybeUninit::uninit(); LISTING];
    let mut entries = RawDir::new(&open, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                failures.push((at, error.into()));
                break;
            }
        };
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let path = directory.join(name.to_bytes());
        if is_ours(&path) || exclude.matches(&path) {
            continue;
        }
        match rustix::fs::statat(&open, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let facts = Facts::of(&stat, asked);
                let size = if facts.kind == FileType::RegularFile { facts.size } else { 0 };
                found.push(Found { path, facts, size, first: None, outside_names: 0 });
            }
            Err(error) => failures.push((path.under(root), error.into())),
        }
    }
    (found, failures)
}

impl Facts {
    fn of(stat: &rustix::fs::Stat, asked: Moment) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode),
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            mtime: stat.st_mtime,
            names: stat.st_nlink,
            id: (stat.st_dev, stat.st_ino),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            stamp: Stamp::of_stat(stat, asked),
        }
    }
}

/// Notes for every further name of a file which name came first, and for the first how many names are elsewhere.
pub(super) fn link_sets(found: &mut [Found]) {
    let mut sets: HashMap<(u64, u64), Vec<usize>> = HashMap::new();
    for (at, found) in found.iter().enumerate() {
        if found.facts.kind == FileType::RegularFile && found.facts.names > 1 {
            sets.entry(found.facts.id).or_default().push(at);
        }
    }
    for names in sets.into_values() {
        let first = found[names[0]].path.clone();
        let outside = found[names[0]].facts.names.saturating_sub(names.len() as u64);
        found[names[0]].outside_names = u32::try_from(outside).unwrap_or(u32::MAX);
        for name in &names[1..] {
            found[*name].first = Some(first.clone());
            found[*name].size = 0;
        }
    }
}
