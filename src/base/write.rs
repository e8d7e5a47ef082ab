//! The only way a file, or a directory tree, gets a name: written aside, made durable, then named in one step.
//!
//! [`NewFile`] is a file without a name beside the place it is for, [`replace()`] puts a new file in the place of one of a
//! tree with its owner, mode and attributes, [`OtherName`] is a further name of such a file, [`NewDir`] is a tree that appears by a
//! rename. A process that is killed, a full disk or an error leaves the old state. Where the file system has no
//! O_TMPFILE the file has the name `.NAME.relocate-partial` meanwhile; it is removed on failure and, after a kill, by the
//! next run that writes NAME. Refused: writing over anything that is not a regular file.

mod append;
mod beneath;
mod copied;
mod names;
mod new_dir;
mod new_file;
mod parents;
mod replace;
mod scratch;
mod seal;
mod store;
mod together;

pub use append::append_line;
pub use beneath::Beneath;
pub use copied::CopyError;
pub use names::{OtherName, finish_interrupted};
pub use new_dir::NewDir;
pub use new_file::{NewFile, fresh, record, secret, whole};
pub use parents::Parents;
pub use replace::{drop_privileges, may_replace, prepare, replace, replace_symlink};
pub use scratch::Scratch;
pub use seal::seal;
pub use store::{Kept, Store};
pub use together::{BATCH, commit_all, commit_each};

use crate::base::digest::Digest;
use crate::base::path::printable;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::fs::{Timespec, Timestamps, UTIME_OMIT};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a file or directory looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looks {
    /// Permission bits (07777).
    pub mode: u32,
    /// Modification time in seconds since 1970; none leaves it.
    pub mtime: Option<i64>,
}

impl Looks {
    fn give(self, file: &File) -> io::Result<()> {
        rustix::fs::fchmod(file, Mode::from_raw_mode(self.mode))?;
        let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let time = self.mtime.map_or(omit, |tv_sec| Timespec { tv_sec, tv_nsec: 0 });
        Ok(rustix::fs::futimens(file, &Timestamps { last_access: omit, last_modification: time })?)
    }
}

/// Why nothing was written under the name; the old state is there unharmed.
#[derive(Debug)]
pub enum WriteError {
    /// The operating system said no.
    Io {
        /// What was being done, such as `write` or `rename`.
        doing: &'static str,
        /// The file as the caller named it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The name is taken by something that is not to be replaced.
    Taken {
        /// The name.
        path: PathBuf,
        /// What is there, such as `a directory`.
        found: &'static str,
    },
    /// The new file cannot have the old one's owner.
    Owner {
        /// The file to be replaced.
        path: PathBuf,
        /// Its user.
        uid: u32,
        /// Its group.
        gid: u32,
        /// What the system said.
        source: io::Error,
    },
    /// The new file cannot have one of the old one's extended attributes.
    Attribute {
        /// The file to be replaced.
        path: PathBuf,
        /// The attribute, such as `security.capability`.
        name: Vec<u8>,
        /// What the system said.
        source: io::Error,
    },
}

impl WriteError {
    /// Makes a function that adds what was being done and to which file.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    /// The file it is about, as the caller named it.
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. }
            | Self::Taken { path, .. }
            | Self::Owner { path, .. }
            | Self::Attribute { path, .. } => path,
        }
    }

    /// What to do about it, where we know.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Io { source, path, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    let dir = shown(directory_of(path));
                    Some(format!("run as a user who may write in '{dir}', or make that directory writable"))
                }
                io::ErrorKind::StorageFull => Some("make room on that file system, or name another place".to_owned()),
                io::ErrorKind::ReadOnlyFilesystem => Some("name a place on a writable file system".to_owned()),
                _ => None,
            },
            Self::Taken { .. } => Some("remove it or choose another name".to_owned()),
            Self::Owner { .. } | Self::Attribute { .. } => Some("run as root or as the file's owner".to_owned()),
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = shown(self.path());
        match self {
            Self::Io { doing, source, .. } => write!(f, "cannot {doing} '{file}': {source}"),
            Self::Taken { found, .. } => write!(f, "cannot write '{file}': it is {found}"),
            Self::Owner { uid, gid, source, .. } => {
                write!(f, "cannot replace '{file}': its owner {uid}:{gid} cannot be kept: {source}")
            }
            Self::Attribute { name, source, .. } => {
                let name = printable(name);
                write!(f, "cannot replace '{file}': its attribute {name} cannot be kept: {source}")
            }
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::Owner { source, .. } | Self::Attribute { source, .. } => Some(source),
            Self::Taken { .. } => None,
        }
    }
}

fn shown(path: &Path) -> std::borrow::Cow<'_, str> {
    printable(path.as_os_str().as_bytes())
}

/// The directory that holds `path`; `.` for a bare name.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// Makes renames and links in the directory of `path` durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    sync(directory_of(path))
}

/// Makes renames and links in a directory durable.
fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The name that a file for `path` has while it is not whole: `.NAME.relocate-partial`, always the same one, so that the
/// next run finds it without reading the directory. A Linux file name has at most 255 bytes, so a long one is cut and
/// told from others by its digest.
fn partial_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or(OsStr::new("out")).as_bytes();
    let short = match name.get(..LONGEST_NAME) {
        Some(start) => [start, &Digest::of(name).to_string().as_bytes()[..16]].concat(),
        None => name.to_vec(),
    };
    directory_of(path).join(OsString::from_vec([b".", short.as_slice(), PARTIAL_END].concat()))
}

const LONGEST_NAME: usize = 200;
const PARTIAL_END: &[u8] = b".relocate-partial";

/// Removes a file, durably; one that is not there is no error.
pub fn remove(path: &Path) -> Result<(), WriteError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(WriteError::io("remove", path)(error)),
        Ok(()) => sync_directory(path).map_err(WriteError::io("make durable", path)),
    }
}

/// Removes a tree with all it holds, whatever the modes of its directories; one that is not there is no error. A symlink of
/// that name is removed itself.
pub fn remove_tree(path: &Path) -> Result<(), WriteError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => new_dir::remove_tree(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    gone(removed).map_err(WriteError::io("remove", path))
}

/// Makes all that is on the file system of a directory durable; one call for a tree is quicker than one for each of its files.
pub fn sync_tree(dir: &Path) -> Result<(), WriteError> {
    let synced = File::open(dir).and_then(|dir| Ok(rustix::fs::syncfs(dir)?));
    synced.map_err(WriteError::io("make durable", dir))
}

/// Keeps other runs out of a directory as long as the handle lives. Needs no right to write there; a symlink is not followed.
pub fn hold(dir: &Path) -> Result<File, WriteError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = rustix::fs::open(dir, flags, Mode::empty()).map(File::from);
    let open = open.map_err(|error| WriteError::io("open", dir)(error.into()))?;
    if lock(&open) {
        return Ok(open);
    }
    let busy = io::Error::new(io::ErrorKind::ResourceBusy, "another process is at work on this tree");
    Err(WriteError::io("lock", dir)(busy))
}

/// Whether a file of this name can be made in its directory. Changes nothing.
pub fn may_make(path: &Path) -> Result<(), WriteError> {
    replace::may_write_in(directory_of(path)).map_err(WriteError::io("write", path))
}

/// Whether a file of this name is what a killed run left, or what a running one is writing.
pub fn is_partial(name: &[u8]) -> bool {
    name.first() == Some(&b'.') && name.ends_with(PARTIAL_END)
}

/// Makes the partial name of `path` with `make`, which must not replace anything; removes first what a killed run left.
fn make_partial<R>(path: &Path, mut make: impl FnMut(&Path) -> io::Result<R>) -> io::Result<(PathBuf, R)> {
    let partial = partial_name(path);
    loop {
        match make(&partial) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => clear(&partial)?,
            other => return Ok((partial, other?)),
        }
    }
}

/// Renames a partial name to `path`, or removes it where that fails.
fn rename_partial(partial: &Path, path: &Path) -> io::Result<()> {
    // The rename's own failure is what the caller must hear of.
    fs::rename(partial, path).inspect_err(|_| drop(fs::remove_file(partial)))
}

/// Removes a partial file or tree that no live process holds the lock of.
fn clear(partial: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(partial, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        // A symlink, which cannot be opened or locked; whoever makes one renames it at once.
        Err(rustix::io::Errno::LOOP) => return gone(fs::remove_file(partial)),
        Err(error) => return Err(error.into()),
    };
    // A commit of another run holds the lock for some microseconds only; a writer holds it until it is done.
    if !(0..50).any(|_| lock(&file) || rest()) {
        return Err(busy(partial));
    }
    // While the lock was waited for it may have got its name, and another writer this one.
    if !is_at(&file, partial)? {
        return Ok(());
    }
    let is_dir = file.metadata()?.is_dir();
    gone(if is_dir { new_dir::remove_tree(partial) } else { fs::remove_file(partial) })
}

fn busy(partial: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, format!("another process is writing it as '{}'", shown(partial)))
}

/// Whether an open file is what has a name now.
fn is_at(file: &File, name: &Path) -> io::Result<bool> {
    let (ours, found) = (file.metadata()?, fs::symlink_metadata(name));
    Ok(found.is_ok_and(|found| (found.dev(), found.ino()) == (ours.dev(), ours.ino())))
}

/// What is not there any more needs no removing.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Waits a little and says that the lock was not had.
fn rest() -> bool {
    std::thread::sleep(Duration::from_millis(20));
    false
}

/// Tries to lock a partial file or directory. Its writer holds the lock until it has its name.
fn lock(file: &File) -> bool {
    rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
}
