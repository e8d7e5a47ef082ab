//! Somebody's archive becomes a tree on disk.
//!
//! Everything [`visit`] refuses is refused here; what is left is made below one directory with no symlink ever followed
//! ([`Beneath`]). Modes are those of the archive, whatever the umask; owners are not set; times are, in whole seconds.
//! Directories get their modes last, so that one without write permission can be filled. On failure what was made so far
//! stays: unpack into a [`NewDir`](crate::base::write::NewDir) to have all or nothing.

use super::guard::Limits;
use super::visit::{UnpackError, visit};
use super::{Body, ContentError, Item};
use crate::base::event::{Event, Listener, Stage};
use crate::base::path::RelPath;
use crate::base::write::{Beneath, WriteError};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The directory that all of it lies in: the archive's one top directory, or the place itself where it has several
    /// names at the top.
    pub top: RelPath,
    /// How many entries.
    pub entries: u64,
    /// The bytes of all files.
    pub bytes: u64,
}

/// Unpacks `archive` into the directory `into`, which must be there and be empty.
pub fn unpack(archive: &Path, into: &Path, limits: &Limits, listener: &dyn Listener) -> Result<Unpacked, UnpackError> {
    must_be_empty(into).map_err(UnpackError::Write)?;
    listener.event(&Event::Begin { stage: Stage::Check, files: 0, bytes: 0 });
    let mut maker = Maker::open(into).map_err(UnpackError::Write)?;
    let mut names = BTreeSet::new();
    let visited = visit(archive, limits, &mut |entry| {
        let bytes = maker.make(&entry.item, entry.bytes)?;
        names.extend(entry.item.path.parts().next().map(<[u8]>::to_vec));
        listener.event(&Event::File { path: &entry.item.path, bytes });
        Ok(())
    })
    .map_err(written)?;
    let top = maker.top(&names);
    maker.seal().map_err(UnpackError::Write)?;
    listener.event(&Event::End(Stage::Check));
    Ok(Unpacked { top, entries: visited.entries, bytes: visited.bytes })
}

/// A write error that came through the visitor is a write error again.
pub(super) fn written(error: UnpackError) -> UnpackError {
    match error {
        UnpackError::Visitor(source) => match source.downcast::<WriteError>() {
            Ok(write) => UnpackError::Write(*write),
            Err(source) => UnpackError::Visitor(source),
        },
        error => error,
    }
}

fn must_be_empty(into: &Path) -> Result<(), WriteError> {
    let mut entries = fs::read_dir(into).map_err(WriteError::io("read", into))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(WriteError::Taken { path: into.to_owned(), found: "a directory that is not empty" }),
    }
}

/// Makes entries below one directory.
pub(super) struct Maker {
    pub(super) beneath: Beneath,
    /// Every directory made, with the mode and time it is to have; none where the archive does not say.
    dirs: BTreeMap<RelPath, Option<(u32, i64)>>,
}

impl Maker {
    /// Begins in the directory `into`.
    pub(super) fn open(into: &Path) -> Result<Self, WriteError> {
        Ok(Self { beneath: Beneath::open(into)?, dirs: BTreeMap::from([(RelPath::root(), None)]) })
    }

    /// Makes one entry, and the directories it lies in. No name comes twice, so one that is there already is another one to
    /// a file system that does not tell them apart: upper and lower case, or two spellings of a letter.
    pub(super) fn make(&mut self, item: &Item, bytes: &mut dyn io::Read) -> Result<u64, ContentError> {
        self.make_new(item, bytes).map_err(|error| match error.downcast_ref::<WriteError>() {
            Some(WriteError::Io { source, path, doing }) if source.kind() == io::ErrorKind::AlreadyExists => {
                let why = "this file system takes its name for that of another entry, such as one in upper case";
                WriteError::io(doing, path)(io::Error::new(io::ErrorKind::AlreadyExists, why)).into()
            }
            _ => error,
        })
    }

    fn make_new(&mut self, item: &Item, bytes: &mut dyn io::Read) -> Result<u64, ContentError> {
        let Item { path, mode, mtime, body, .. } = item;
        if let Some(parent) = path.parent() {
            self.make_dirs(&parent)?;
        }
        match body {
            Body::Dir => self.make_dir(path, (*mode, *mtime))?,
            Body::Symlink(target) => self.beneath.make_symlink(path, target)?,
            Body::HardLink(first) => self.beneath.make_hard_link(path, first)?,
            Body::File { size } => {
                let mut file = self.beneath.make_file(path)?;
                copy(bytes, &mut file, || self.beneath.place(path))?;
                self.beneath.finish(&file, path, *mode, Some(*mtime))?;
                return Ok(*size);
            }
        }
        Ok(0)
    }

    /// Makes a directory and notes its mode and time.
    pub(super) fn make_dir(&mut self, path: &RelPath, said: (u32, i64)) -> Result<(), WriteError> {
        self.make_dirs(path)?;
        self.dirs.insert(path.clone(), Some(said));
        Ok(())
    }

    /// Makes a directory and those above it that no entry named so far.
    pub(super) fn make_dirs(&mut self, path: &RelPath) -> Result<(), WriteError> {
        if self.dirs.contains_key(path) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.make_dirs(&parent)?;
        }
        self.beneath.make_dir(path)?;
        self.dirs.insert(path.clone(), None);
        Ok(())
    }

    fn top(&self, names: &BTreeSet<Vec<u8>>) -> RelPath {
        let only = (names.len() == 1).then(|| names.first().map(|name| RelPath::root().join(name))).flatten();
        only.filter(|only| self.dirs.contains_key(only)).unwrap_or_default()
    }

    /// Gives the directories their modes and times. What lies deeper first: a directory's time is set when nothing more is made in it.
    pub(super) fn seal(mut self) -> Result<(), WriteError> {
        for (path, said) in std::mem::take(&mut self.dirs).into_iter().rev() {
            // A directory that only its contents told of gets the mode that mkdir(1) would give, and no time.
            let (mode, mtime) = match said {
                Some((mode, mtime)) => (mode, Some(mtime)),
                None if path.is_root() => continue,
                None => (0o755, None),
            };
            let dir = self.beneath.open_dir(&path)?;
            self.beneath.finish(&dir, &path, mode, mtime)?;
        }
        Ok(())
    }
}

/// Copies the bytes, telling a failure to read (which the visitor knows more of) from one to write.
fn copy(from: &mut dyn io::Read, to: &mut fs::File, place: impl Fn() -> PathBuf) -> Result<(), ContentError> {
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let len = from.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..len]).map_err(|error| WriteError::io("write", &place())(error))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file system that folds case does with `NAME` after `name`.
    #[test]
    fn a_name_that_is_there_already_is_no_way_to_another_file() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("tree")).unwrap();
        std::os::unix::fs::symlink("/tmp", place.path().join("tree/name")).unwrap();
        let mut maker = Maker::open(&place.path().join("tree")).unwrap();
        for (path, body) in [("name", Body::File { size: 0 }), ("name", Body::Dir), ("name/below", Body::Dir)] {
            let path = RelPath::new(path.as_bytes()).unwrap();
            let item = Item { path, mode: 0o755, uid: 0, gid: 0, mtime: 0, body };
            let error = maker.make(&item, &mut io::empty()).unwrap_err().to_string();
            assert!(error.contains("tree/name'") && error.contains("for that of another entry"), "{error}");
        }
        assert!(fs::read_dir("/tmp").unwrap().all(|entry| entry.unwrap().file_name() != "below"));
    }
}
