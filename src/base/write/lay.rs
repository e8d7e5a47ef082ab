//! Lays out a tree inside a [`NewDir`](super::NewDir), path by path; nobody sees it before the whole has its name, so
//! nothing here is atomic or durable by itself.
//!
//! Directories are made writable first and get their modes and times last ([`finish_directory`]), children before
//! parents: a directory without w cannot be filled, and filling it changes its time.

use super::WriteError;
use rustix::fs::{AtFlags, CWD, Gid, Mode, Timespec, Timestamps, Uid};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::Path;

/// What a file or directory looks like from outside.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    /// Permission bits (07777).
    pub mode: u32,
    /// Modification time in seconds since 1970.
    pub mtime: i64,
    /// User and group; none leaves them to the process.
    pub owner: Option<(u32, u32)>,
}

/// Makes a directory, writable for now.
pub fn directory(path: &Path) -> Result<(), WriteError> {
    DirBuilder::new().mode(0o700).create(path).map_err(WriteError::io("make the directory", path))
}

/// Gives a filled directory its looks.
pub fn finish_directory(path: &Path, looks: Looks) -> Result<(), WriteError> {
    let dir = File::open(path).map_err(WriteError::io("open", path))?;
    dress(&dir, looks).map_err(WriteError::io("set the mode and time of", path))
}

/// Makes a file with the bytes that `fill` writes; an error of `fill` comes through as it is.
pub fn file<E: From<WriteError>>(
    path: &Path,
    looks: Looks,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut out = BufWriter::with_capacity(1 << 16, created.map_err(WriteError::io("make", path))?);
    fill(&mut out)?;
    let file = out.into_inner().map_err(|error| WriteError::io("write", path)(error.into_error()))?;
    dress(&file, looks).map_err(WriteError::io("set the mode and time of", path))?;
    Ok(())
}

/// Makes a symlink.
pub fn link_to(path: &Path, target: &[u8], looks: Looks) -> Result<(), WriteError> {
    symlink(std::ffi::OsStr::from_bytes(target), path).map_err(WriteError::io("make the symlink", path))?;
    let set = || -> rustix::io::Result<()> {
        if let Some((uid, gid)) = looks.owner {
            let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            rustix::fs::chownat(CWD, path, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        rustix::fs::utimensat(CWD, path, &times(looks.mtime), AtFlags::SYMLINK_NOFOLLOW)
    };
    set().map_err(|error| WriteError::io("set the time of", path)(error.into()))
}

/// Makes a further name of a file.
pub fn another_name(first: &Path, path: &Path) -> Result<(), WriteError> {
    fs::hard_link(first, path).map_err(WriteError::io("link", path))
}

pub(super) fn dress(file: &File, looks: Looks) -> io::Result<()> {
    if let Some((uid, gid)) = looks.owner {
        rustix::fs::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    rustix::fs::fchmod(file, Mode::from_raw_mode(looks.mode))?;
    Ok(rustix::fs::futimens(file, &times(looks.mtime))?)
}

fn times(mtime: i64) -> Timestamps {
    let time = Timespec { tv_sec: mtime, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}
