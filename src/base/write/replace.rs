//! A file of a tree gets new bytes and keeps everything else: owner, mode, extended attributes, times.
//!
//! Order matters: chown(2) clears set-id bits and capabilities, writing clears capabilities, so the bytes come first, then
//! owner, attributes (setting `user.*` takes the right to write, which the mode may not give), mode, times. The name
//! changes hands by rename(2), so a running program keeps its old file and there is no ETXTBSY.

use super::new_file::NewFile;
use super::{WriteError, directory_of, make_partial, rename_partial, sync_directory};
use rustix::fs::{Access, AtFlags, CWD, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Puts a file with the bytes that `fill` writes in the place of the regular file `path`, and keeps the old one's owner,
/// mode, extended attributes (`security.capability` included) and times to the nanosecond. Other names of a hard-linked
/// file keep the old bytes; see [`OtherName`](super::OtherName).
///
/// Fails, with the old file unharmed, where `path` is no regular file, `fill` fails, or anything cannot be kept.
pub fn replace(path: &Path, fill: impl FnOnce(&mut NewFile) -> io::Result<()>) -> Result<(), WriteError> {
    prepare(path, fill)?.commit()
}

/// The same as [`replace`] without the commit, for [`commit_all`](super::commit_all).
pub fn prepare(path: &Path, fill: impl FnOnce(&mut NewFile) -> io::Result<()>) -> Result<NewFile, WriteError> {
    let old = fs::symlink_metadata(path).map_err(WriteError::io("look at", path))?;
    if !old.is_file() {
        let found = if old.is_symlink() { "a symlink" } else { "no regular file" };
        return Err(WriteError::Taken { path: path.to_owned(), found });
    }
    let mut new = NewFile::create(path)?;
    fill(&mut new).map_err(WriteError::io("write", path))?;
    keep_owner(new.file(), &old, path)?;
    keep_attributes(new.file(), path)?;
    rustix::fs::fchmod(new.file(), Mode::from_raw_mode(old.mode() & 0o7777))
        .map_err(|error| WriteError::io("set the mode of", path)(error.into()))?;
    rustix::fs::futimens(new.file(), &times(&old))
        .map_err(|error| WriteError::io("set the time of", path)(error.into()))?;
    Ok(new)
}

/// Whether [`prepare`] and the commit after it can be expected to succeed: the directory can be written in, and the new file
/// can have the old one's owner. Changes nothing.
pub fn may_replace(path: &Path) -> Result<(), WriteError> {
    let old = fs::symlink_metadata(path).map_err(WriteError::io("look at", path))?;
    may_write_in(directory_of(path)).map_err(WriteError::io("replace", path))?;
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    let own_group = || {
        let inherited =
            fs::metadata(directory_of(path)).is_ok_and(|dir| dir.mode() & 0o2000 != 0 && dir.gid() == old.gid());
        let member = |groups: Vec<Gid>| groups.iter().any(|group| group.as_raw() == old.gid());
        group.as_raw() == old.gid() || inherited || rustix::process::getgroups().is_ok_and(member)
    };
    if user.is_root() || (user.as_raw() == old.uid() && own_group()) {
        return Ok(());
    }
    let source = io::ErrorKind::PermissionDenied.into();
    Err(WriteError::Owner { path: path.to_owned(), uid: old.uid(), gid: old.gid(), source })
}

/// Whether names can be made and removed in a directory.
pub(super) fn may_write_in(dir: &Path) -> io::Result<()> {
    Ok(rustix::fs::accessat(CWD, dir, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?)
}

/// Takes setuid, setgid and file capabilities from a file; `mode` is what it keeps.
pub fn drop_privileges(path: &Path, mode: u32) -> Result<(), WriteError> {
    let io = WriteError::io;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(io("set the mode of", path))?;
    // An ordinary user may not take what is not there either: EPERM instead of ENODATA.
    let there = rustix::fs::lgetxattr_query(path, "security.capability");
    if matches!(there, Err(Errno::NODATA | Errno::NOTSUP)) {
        return Ok(());
    }
    rustix::fs::lremovexattr(path, "security.capability")
        .map_err(|error| io("take the capabilities from", path)(error.into()))
}

/// Gives the symlink `name` another target, in one step.
pub fn replace_symlink(name: &Path, target: &Path) -> Result<(), WriteError> {
    let io = WriteError::io;
    let make = |partial: &Path| std::os::unix::fs::symlink(target, partial);
    let (partial, ()) = make_partial(name, make).map_err(io("replace the symlink", name))?;
    rename_partial(&partial, name).map_err(io("replace the symlink", name))?;
    sync_directory(name).map_err(io("make durable", name))
}

/// A chown that would change nothing is not made: it could only fail.
fn keep_owner(new: &File, old: &Metadata, path: &Path) -> Result<(), WriteError> {
    let (uid, gid) = (old.uid(), old.gid());
    let now = new.metadata().map_err(WriteError::io("look at", path))?;
    if (now.uid(), now.gid()) == (uid, gid) {
        return Ok(());
    }
    rustix::fs::fchown(new, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(|error| WriteError::Owner {
        path: path.to_owned(),
        uid,
        gid,
        source: error.into(),
    })
}

fn keep_attributes(new: &File, path: &Path) -> Result<(), WriteError> {
    for name in attribute_names(path).map_err(WriteError::io("list the attributes of", path))? {
        let kept = keep_attribute(new, path, &name);
        kept.map_err(|source| WriteError::Attribute { path: path.to_owned(), name, source })?;
    }
    Ok(())
}

/// A value that is there already is left: a security module gives new files their label itself and may forbid the rest.
fn keep_attribute(new: &File, path: &Path, name: &[u8]) -> io::Result<()> {
    let value = whole(|buffer| rustix::fs::lgetxattr(path, name, buffer))?;
    if whole(|buffer| rustix::fs::fgetxattr(new, name, buffer)).is_ok_and(|found| found == value) {
        return Ok(());
    }
    Ok(rustix::fs::fsetxattr(new, name, &value, XattrFlags::empty())?)
}

/// The names of the extended attributes of `path`, none on a file system that has no such thing.
fn attribute_names(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    match whole(|buffer| rustix::fs::llistxattr(path, buffer)) {
        Ok(list) => Ok(list.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect()),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Reads into as much as most have, else into the largest buffer the kernel ever needs (XATTR_SIZE_MAX and XATTR_LIST_MAX
/// are 64 KiB).
fn whole(read: impl Fn(&mut [u8]) -> rustix::io::Result<usize>) -> io::Result<Vec<u8>> {
    let mut little = [0; 1024];
    match read(&mut little) {
        Err(Errno::RANGE) => {
            let mut buffer = vec![0; 64 * 1024];
            let len = read(&mut buffer)?;
            buffer.truncate(len);
            Ok(buffer)
        }
        len => Ok(little[..len?].to_vec()),
    }
}

fn times(old: &Metadata) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: old.atime(), tv_nsec: old.atime_nsec() },
        last_modification: Timespec { tv_sec: old.mtime(), tv_nsec: old.mtime_nsec() },
    }
}
