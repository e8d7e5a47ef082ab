//! What a tree is at one moment, to be compared with another: everything a file system tells, or only what a copy keeps.

use relocate::base::digest::Digest;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Path in the tree -> all that is known of it, as text.
pub(crate) type State = BTreeMap<PathBuf, String>;

/// Everything: inode and times of change too, so that a write that changed nothing shows.
pub(crate) fn exact(root: &Path) -> State {
    each(root, |path, metadata| {
        let times = (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec());
        format!("{} inode {} times {times:?}", kept(path, metadata), metadata.ino())
    })
}

/// What the content is: type, mode, owner, bytes or target, number of names; of files the time too.
pub(crate) fn content(root: &Path) -> State {
    each(root, |path, metadata| {
        let time = if metadata.is_file() { (metadata.mtime(), metadata.mtime_nsec()) } else { (0, 0) };
        format!("{} time {time:?}", kept(path, metadata))
    })
}

/// Bytes and targets alone.
pub(crate) fn bytes(root: &Path) -> State {
    each(root, body)
}

fn each(root: &Path, tell: impl Fn(&Path, &fs::Metadata) -> String) -> State {
    let entries = WalkDir::new(root).into_iter().map(Result::unwrap);
    entries
        .map(|entry| {
            let metadata = fs::symlink_metadata(entry.path()).unwrap();
            (entry.path().strip_prefix(root).unwrap().to_owned(), tell(entry.path(), &metadata))
        })
        .collect()
}

fn kept(path: &Path, metadata: &fs::Metadata) -> String {
    let (mode, owner) = (metadata.mode(), (metadata.uid(), metadata.gid()));
    let names = if metadata.is_file() { metadata.nlink() } else { 0 };
    format!("{mode:o} owner {owner:?} names {names} {}", body(path, metadata))
}

fn body(path: &Path, metadata: &fs::Metadata) -> String {
    if metadata.is_symlink() {
        return format!("-> {}", fs::read_link(path).unwrap().display());
    }
    if metadata.is_file() {
        return format!("{} bytes {}", metadata.len(), Digest::of(&fs::read(path).unwrap()));
    }
    format!("type {:o}", metadata.mode() >> 12)
}

/// Whether the bytes of a file hold a text.
pub(crate) fn holds(path: &Path, text: impl AsRef<Path>) -> bool {
    let needle = text.as_ref().as_os_str().as_bytes();
    memchr::memmem::find(&fs::read(path).unwrap(), needle).is_some()
}
