//! Files, directories and links made below one directory and never outside it, whoever chose the names.
//!
//! Every step of a path is opened from the one before with O_NOFOLLOW, so a symlink in the way is an error, whether an
//! archive put it there or another process did meanwhile. Nothing is ever replaced.

use super::WriteError;
use crate::base::path::RelPath;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_OMIT, Uid};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A directory that a tree is made in.
#[derive(Debug)]
pub struct Beneath {
    path: PathBuf,
    root: OwnedFd,
    /// The directory last worked in and those above it, the outermost first: files of one directory come one after another, and the
    /// next directory is mostly beside it.
    way: Vec<(RelPath, OwnedFd)>,
    /// Whether this process may give files away.
    owners: bool,
}

/// How many directories are held open: every process may have 1024 files open, and a tree may be deeper.
const HELD: usize = 32;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Beneath {
    /// Opens the directory; it may be reached by symlinks itself.
    pub fn open(path: &Path) -> Result<Self, WriteError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty());
        let root = root.map_err(|error| WriteError::io("open", path)(error.into()))?;
        Ok(Self { path: path.to_owned(), root, way: Vec::new(), owners: rustix::process::geteuid().is_root() })
    }

    /// Where a path of the tree is on disk, for messages.
    pub fn place(&self, path: &RelPath) -> PathBuf {
        path.under(&self.path)
    }

    /// Makes a directory, mode 0700 until [`Beneath::finish`]. Its parent must be there.
    pub fn make_dir(&mut self, path: &RelPath) -> Result<(), WriteError> {
        self.inside("make the directory", path, |parent, name| {
            rustix::fs::mkdirat(parent, name, Mode::RWXU).map_err(io::Error::from)
        })
    }

    /// Makes an empty file, mode 0600 until [`Beneath::finish`], open for reading and writing. Its parent must be there.
    pub fn make_file(&mut self, path: &RelPath) -> Result<File, WriteError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.inside("write", path, |parent, name| {
            Ok(File::from(rustix::fs::openat(parent, name, flags, Mode::RUSR | Mode::WUSR)?))
        })
    }

    /// Opens a file that was made here for reading and writing; its mode is 0600 until [`Beneath::finish`].
    pub fn reopen_file(&mut self, path: &RelPath) -> Result<File, WriteError> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.inside("write", path, |parent, name| {
            let found = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if !FileType::from_raw_mode(found.st_mode).is_file() {
                return Err(io::Error::other("it is no regular file"));
            }
            let mode = Mode::RUSR | Mode::WUSR;
            if Mode::from_raw_mode(found.st_mode) & mode != mode {
                rustix::fs::chmodat(parent, name, mode, AtFlags::empty())?;
            }
            Ok(File::from(rustix::fs::openat(parent, name, flags, Mode::empty())?))
        })
    }

    /// Opens a file for reading, without waiting where it is a pipe; what it is, is for the caller to see. The error is the
    /// system's.
    pub fn open_file(&mut self, path: &RelPath) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let parent = self.enter(&path.parent().unwrap_or_default())?;
        Ok(File::from(rustix::fs::openat(parent, OsStr::from_bytes(path.name()), flags, Mode::empty())?))
    }

    /// Makes a further name here for a file of another tree; a symlink there is not followed. The error is the system's.
    pub fn link_from(&mut self, path: &RelPath, other: &mut Self, first: &RelPath) -> io::Result<()> {
        let from = other.enter(&first.parent().unwrap_or_default())?;
        let parent = self.enter(&path.parent().unwrap_or_default())?;
        let (old, new) = (OsStr::from_bytes(first.name()), OsStr::from_bytes(path.name()));
        Ok(rustix::fs::linkat(from, old, parent, new, AtFlags::empty())?)
    }

    /// What is there under a name, a symlink itself. The error is the system's.
    pub fn look(&mut self, path: &RelPath) -> io::Result<Stat> {
        let parent = self.enter(&path.parent().unwrap_or_default())?;
        Ok(rustix::fs::statat(parent, OsStr::from_bytes(path.name()), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Gives a file or directory its mode (07777 at most) and, if there is one, its time (whole seconds since
    /// 1970).
    pub fn finish(&self, file: &File, path: &RelPath, mode: u32, mtime: Option<i64>) -> Result<(), WriteError> {
        let done = rustix::fs::fchmod(file, Mode::from_raw_mode(mode))
            .and_then(|()| rustix::fs::futimens(file, &modified(mtime)));
        done.map_err(|error| WriteError::io("set mode and time of", &self.place(path))(error.into()))
    }

    /// Makes a symlink; its target is not looked at.
    pub fn make_symlink(&mut self, path: &RelPath, target: &[u8]) -> Result<(), WriteError> {
        self.inside("make the symlink", path, |parent, name| {
            Ok(rustix::fs::symlinkat(OsStr::from_bytes(target), parent, name)?)
        })
    }

    /// Makes a further name for the file `first` of this tree; a symlink there is not followed.
    pub fn make_hard_link(&mut self, path: &RelPath, first: &RelPath) -> Result<(), WriteError> {
        let from = self.parent(first).map_err(WriteError::io("link to", &self.place(first)))?;
        self.inside("make the hard link", path, |parent, name| {
            Ok(rustix::fs::linkat(from, OsStr::from_bytes(first.name()), parent, name, AtFlags::empty())?)
        })
    }

    /// Opens a directory of the tree, for [`Beneath::finish`] when all it holds is there, what it holds first.
    pub fn open_dir(&mut self, path: &RelPath) -> Result<File, WriteError> {
        let opened = match path.parent() {
            None => self.root.try_clone(),
            // What is held of the directory itself is let go: its mode is about to change.
            Some(above) => self.enter(&above).and_then(|above| open_in(above, path.name())),
        };
        opened.map(File::from).map_err(WriteError::io("open", &self.place(path)))
    }

    /// Gives a file or directory to another owner, where root runs this; others keep what they make, as with tar(1). Takes
    /// set-id bits off, so it comes before [`Beneath::finish`].
    pub fn give(&self, file: &File, path: &RelPath, uid: u32, gid: u32) -> Result<(), WriteError> {
        if !self.owners {
            return Ok(());
        }
        let done = rustix::fs::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        done.map_err(|error| WriteError::io("set the owner of", &self.place(path))(error.into()))
    }

    /// The same for a symlink.
    pub fn give_symlink(&mut self, path: &RelPath, uid: u32, gid: u32) -> Result<(), WriteError> {
        if !self.owners {
            return Ok(());
        }
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        self.inside("set the owner of", path, |parent, name| {
            Ok(rustix::fs::chownat(parent, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?)
        })
    }

    fn inside<T>(
        &mut self,
        doing: &'static str,
        path: &RelPath,
        make: impl FnOnce(&OwnedFd, &OsStr) -> io::Result<T>,
    ) -> Result<T, WriteError> {
        let dir = path.parent().unwrap_or_default();
        let made = self.enter(&dir).and_then(|parent| make(parent, OsStr::from_bytes(path.name())));
        made.map_err(|error| WriteError::io(doing, &self.place(path))(error))
    }

    fn enter(&mut self, dir: &RelPath) -> io::Result<&OwnedFd> {
        while self.way.last().is_some_and(|(open, _)| !dir.starts_with(open)) {
            self.way.pop();
        }
        if self.way.last().is_none_or(|(open, _)| open != dir) {
            self.go(dir)?;
        }
        Ok(self.way.last().map_or(&self.root, |(_, open)| open))
    }

    /// Opens what is missing of the way to a directory.
    fn go(&mut self, dir: &RelPath) -> io::Result<()> {
        let mut at = self.way.last().map(|(open, _)| open.clone()).unwrap_or_default();
        for part in dir.parts().skip(at.depth()) {
            let open = open_in(self.way.last().map_or(&self.root, |(_, open)| open), part)?;
            at = at.join(part);
            if self.way.len() == HELD {
                self.way.pop();
            }
            self.way.push((at.clone(), open));
        }
        Ok(())
    }

    fn parent(&self, path: &RelPath) -> io::Result<OwnedFd> {
        self.directory(&path.parent().unwrap_or_default())
    }

    fn directory(&self, path: &RelPath) -> io::Result<OwnedFd> {
        let mut dir = self.root.try_clone()?;
        for part in path.parts() {
            dir = open_in(&dir, part)?;
        }
        Ok(dir)
    }
}

fn open_in(above: &OwnedFd, name: &[u8]) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(above, OsStr::from_bytes(name), DIRECTORY, Mode::empty())?)
}

fn modified(mtime: Option<i64>) -> Timestamps {
    let as_it_is = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let said = mtime.map(|tv_sec| Timespec { tv_sec, tv_nsec: 0 });
    Timestamps { last_access: as_it_is, last_modification: said.unwrap_or(as_it_is) }
}
