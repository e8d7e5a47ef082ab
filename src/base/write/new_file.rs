//! A file that has no name until it is whole.

use super::{Looks, WriteError, directory_of, is_at, lock, make_partial, rename_partial, sync_directory};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempPath};

/// The mode of a file that nobody says another of, before the process's mask.
const OPEN: u32 = 0o666;

/// A file on its way to a name. Dropped without [`NewFile::commit`], nothing of it stays.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    body: Body,
}

#[derive(Debug)]
enum Body {
    /// O_TMPFILE: the kernel itself forgets it when the process ends in any way.
    Unnamed(File),
    /// A dot-name beside the final one, for file systems without O_TMPFILE (NFS, older overlayfs).
    Partial(NamedTempFile),
}

impl NewFile {
    /// Begins a file for `path`, on the same file system. A symlink at `path` is followed to the regular file it names.
    ///
    /// Fails where the directory is not there or cannot be written, and where `path` is there and no regular file.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let path = destination(path)?;
        let body = unnamed(&path, OPEN).or_else(|_| partial(&path, OPEN)).map_err(WriteError::io("write", &path))?;
        Ok(Self { path, body })
    }

    /// Begins a file for `path` itself, in the place of the symlink that is there.
    pub fn instead_of_symlink(path: &Path) -> Result<Self, WriteError> {
        if !fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
            return Self::create(path);
        }
        let body = unnamed(path, OPEN).or_else(|_| partial(path, OPEN)).map_err(WriteError::io("write", path))?;
        Ok(Self { path: path.to_owned(), body })
    }

    /// Begins a file that is never named, in the directory for temporary files (TMPDIR, else /tmp). Where nothing can be written
    /// there, as where a TMPDIR of another place was passed on, /tmp and /var/tmp are tried; the first failure is told.
    pub fn scratch() -> Result<Self, WriteError> {
        let wanted = std::env::temp_dir();
        let path = wanted.join("relocate");
        let usual = [Path::new("/tmp"), Path::new("/var/tmp")];
        let made = tempfile::tempfile_in(&wanted).or_else(|first| {
            let mut others = usual.into_iter().filter(|dir| *dir != wanted);
            others.find_map(|dir| tempfile::tempfile_in(dir).ok()).ok_or(first)
        });
        Ok(Self { body: Body::Unnamed(made.map_err(WriteError::io("write", &path))?), path })
    }

    /// Begins a file for `path` with a visible temporary name, as on a file system without O_TMPFILE.
    #[cfg(test)]
    pub(crate) fn create_partial(path: &Path) -> Result<Self, WriteError> {
        let path = destination(path)?;
        let body = partial(&path, OPEN).map_err(WriteError::io("write", &path))?;
        Ok(Self { path, body })
    }

    /// The name it is for.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file, for reading and writing.
    pub fn file(&self) -> &File {
        match &self.body {
            Body::Unnamed(file) => file,
            Body::Partial(named) => named.as_file(),
        }
    }

    /// Gives the file a further name, which must not be there.
    pub(super) fn link(&self, name: &Path) -> io::Result<()> {
        match &self.body {
            Body::Unnamed(file) => link_unnamed(file, name),
            Body::Partial(named) => fs::hard_link(named.path(), name),
        }
    }

    /// Gives the file its mode and time; writing comes before it.
    pub fn looks(&mut self, looks: Looks) -> Result<(), WriteError> {
        looks.give(self.file()).map_err(WriteError::io("set the mode and time of", &self.path))
    }

    /// Makes the bytes durable, so that [`NewFile::commit`] has little left that can fail.
    pub fn sync(&self) -> Result<(), WriteError> {
        self.file().sync_all().map_err(WriteError::io("write", &self.path))
    }

    /// Gives the file its name, in the place of an older file; durable when this returns.
    pub fn commit(self) -> Result<(), WriteError> {
        self.sync()?;
        let path = self.path.clone();
        self.name()?;
        sync_directory(&path).map_err(WriteError::io("make durable", &path))
    }

    /// Gives the file its name where nothing has it; false where something does. Of many who try at once, one succeeds.
    pub fn commit_new(self) -> Result<bool, WriteError> {
        self.sync()?;
        match self.link(&self.path) {
            Ok(()) => sync_directory(&self.path).map_err(WriteError::io("make durable", &self.path)).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(WriteError::io("name a finished file", &self.path)(error)),
        }
    }

    /// The rename alone; the bytes must be durable already.
    pub(super) fn name(self) -> Result<(), WriteError> {
        let path = self.path;
        match self.body {
            Body::Unnamed(file) => name_unnamed(&file, &path),
            Body::Partial(named) => named.persist(&path).map(drop).map_err(|error| error.error),
        }
        .map_err(WriteError::io("rename a finished file to", &path))
    }
}

/// Writes a whole file of a few bytes, with a mode.
pub fn whole(path: &Path, bytes: &[u8], mode: u32) -> Result<(), WriteError> {
    let mut file = NewFile::create(path)?;
    file.write_all(bytes).map_err(WriteError::io("write", path))?;
    let set = rustix::fs::fchmod(file.file(), Mode::from_raw_mode(mode));
    set.map_err(|error| WriteError::io("set the mode of", path)(error.into()))?;
    file.commit()
}

/// Writes a whole record of ours, mode 0644, in the place of what is there; what a symlink of that name leads to is left alone.
pub fn record(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let mut file = NewFile::instead_of_symlink(path)?;
    file.write_all(bytes).map_err(WriteError::io("write", path))?;
    file.looks(Looks { mode: 0o644, mtime: None })?;
    file.commit()
}

/// Writes a whole file of a few bytes, mode 0644, where nothing has that name: not even a symlink that leads nowhere.
pub fn fresh(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    unless_taken(path, bytes, 0o644)
}

/// The same for what nobody but its owner may read, mode 0600; it never had another one.
pub fn secret(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    unless_taken(path, bytes, 0o600)
}

fn unless_taken(path: &Path, bytes: &[u8], mode: u32) -> Result<(), WriteError> {
    let taken = || WriteError::Taken { path: path.to_owned(), found: "there already" };
    if fs::symlink_metadata(path).is_ok() {
        return Err(taken());
    }
    // Whoever may open it now may read it when it is whole.
    let body = unnamed(path, mode).or_else(|_| partial(path, mode)).map_err(WriteError::io("write", path))?;
    let mut file = NewFile { path: path.to_owned(), body };
    file.write_all(bytes).map_err(WriteError::io("write", path))?;
    file.looks(Looks { mode, mtime: None })?;
    if file.commit_new()? { Ok(()) } else { Err(taken()) }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for NewFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.file().read(bytes)
    }
}

impl Seek for NewFile {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file().seek(to)
    }
}

/// Where a file for `path` goes; refuses to put one in the place of a device, a pipe or a directory.
fn destination(path: &Path) -> Result<PathBuf, WriteError> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(path.to_owned()) };
    if found.is_file() {
        return Ok(path.to_owned());
    }
    if found.is_symlink() {
        let target = fs::canonicalize(path).map_err(WriteError::io("follow the symlink", path))?;
        return destination(&target);
    }
    let what = if found.is_dir() { "a directory" } else { "a device, pipe or socket" };
    Err(WriteError::Taken { path: path.to_owned(), found: what })
}

fn unnamed(path: &Path, mode: u32) -> io::Result<Body> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(directory_of(path), flags, Mode::from_raw_mode(mode))?);
    // Without /proc it could never be given a name, so that is found out now and not at the end.
    fs::symlink_metadata(through_proc(&file))?;
    Ok(Body::Unnamed(file))
}

fn partial(path: &Path, mode: u32) -> io::Result<Body> {
    loop {
        let (name, file) = make_partial(path, |partial| {
            fs::OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(partial)
        })?;
        // Another run may have cleared it away between the creation and the lock, and made its own.
        if lock(&file) && is_at(&file, &name)? {
            return Ok(Body::Partial(NamedTempFile::from_parts(file, TempPath::try_from_path(name)?)));
        }
    }
}

fn through_proc(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

fn link_unnamed(file: &File, name: &Path) -> io::Result<()> {
    Ok(rustix::fs::linkat(CWD, through_proc(file).as_str(), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

/// Links an unnamed file to `path`. linkat(2) replaces nothing, so an older file there needs a link beside it and a rename.
fn name_unnamed(file: &File, path: &Path) -> io::Result<()> {
    let link = |name: &Path| link_unnamed(file, name);
    match link(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Locked, so that another run leaves the name alone.
            lock(file);
            let (partial, ()) = make_partial(path, link)?;
            rename_partial(&partial, path)
        }
        other => other,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
