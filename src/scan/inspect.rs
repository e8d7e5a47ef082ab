//! Looks at one file: what it is inside, what the loader sees of it.

use super::walk::Found;
use super::{Class, Entry, FileFacts, Kind};
use crate::base::bytes::{FileBytes, ReadAt, open};
use crate::base::path::RelPath;
use crate::elf;
use crate::text::pyc::stamp;
use crate::text::shebang::shebang;
use rustix::fs::FileType;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// How much of a file tells what it is, in bytes; in most ELF files that is all the loader would look at.
pub(super) const HEAD: u64 = 64 << 10;
/// How much is read of a file at first, in bytes: enough for what is no ELF file.
const START: u64 = 4 << 10;

/// Turns a path that was found at `source` into an entry, and regular files into facts with `read`; the error names the
/// source.
pub(super) fn entry<T>(
    found: Found,
    source: PathBuf,
    read: impl FnOnce(&Found, &Path) -> io::Result<(FileFacts, T)>,
) -> Result<(RelPath, Entry, Option<T>), (PathBuf, io::Error)> {
    let (kind, seen) = match kind(&found, &source, read) {
        Ok(known) => known,
        Err(error) => return Err((source, error)),
    };
    let Found { path, facts, .. } = found;
    let entry = Entry { kind, mode: facts.mode, uid: facts.uid, gid: facts.gid, mtime: facts.mtime };
    Ok((path, entry, seen))
}

fn kind<T>(
    found: &Found,
    source: &Path,
    read: impl FnOnce(&Found, &Path) -> io::Result<(FileFacts, T)>,
) -> io::Result<(Kind, Option<T>)> {
    if let Some(first) = &found.first {
        return Ok((Kind::HardLink(first.clone()), None));
    }
    let kind = match found.facts.kind {
        FileType::Directory => Kind::Dir,
        FileType::Symlink => Kind::Symlink(fs::read_link(source)?.as_os_str().as_bytes().to_vec()),
        FileType::RegularFile => {
            let (mut facts, seen) = read(found, source)?;
            facts.outside_names = found.outside_names;
            return Ok((Kind::File(facts), Some(seen)));
        }
        FileType::Fifo => Kind::Special("fifo"),
        FileType::Socket => Kind::Special("socket"),
        FileType::BlockDevice => Kind::Special("block device"),
        FileType::CharacterDevice => Kind::Special("character device"),
        FileType::Unknown => Kind::Special("special file"),
    };
    Ok((kind, None))
}

thread_local! {
    /// What the first bytes of ELF files are read into, one after the other: fresh memory for each costs more than the reading.
    static FIRST: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Reads of a regular file what tells its facts; symlinks are followed.
pub fn inspect(path: &Path) -> io::Result<FileFacts> {
    let file = FileBytes::new(open(path)?)?;
    let mut start = [0; START as usize];
    let start = first(&file, &mut start)?;
    if file.size() <= START {
        return Ok(facts(path, start, &start));
    }
    if !start.starts_with(b"#!") && !start.starts_with(b"\x7fELF") {
        return Ok(facts(path, start, &file));
    }
    let mut buffer = FIRST.take();
    buffer.resize(HEAD as usize, 0);
    let found = first(&file, &mut buffer).map(|head| facts(path, head, &Headed { head, file: &file }));
    FIRST.set(buffer);
    found
}

/// As much of a file as fits, from its start.
fn first<'b>(file: &FileBytes, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    let len = file.size().min(buffer.len() as u64) as usize;
    file.file().read_exact_at(&mut buffer[..len], 0)?;
    Ok(&buffer[..len])
}

/// A file whose first bytes are known already; most that is looked at in an ELF file is among them.
struct Headed<'a> {
    head: &'a [u8],
    file: &'a FileBytes,
}

impl ReadAt for Headed<'_> {
    fn size(&self) -> u64 {
        self.file.size()
    }

    fn range(&self, offset: u64, len: u64) -> io::Result<Cow<'_, [u8]>> {
        self.head.range(offset, len).or_else(|_| self.file.range(offset, len))
    }
}

/// The facts of a file whose first bytes are `head`, of which no more than [`HEAD`] are looked at.
pub(super) fn facts(path: &Path, head: &[u8], whole: &dyn ReadAt) -> FileFacts {
    let class = classify(path, head.get(..HEAD as usize).unwrap_or(head), whole);
    let capabilities = matches!(class, Class::Elf(_)) && carries_capabilities(path);
    FileFacts { size: whole.size(), class, outside_names: 0, capabilities, mark: None }
}

fn classify(path: &Path, head: &[u8], whole: &dyn ReadAt) -> Class {
    if path.extension().is_some_and(|extension| extension == "pyc") {
        return stamp(head).map_or(Class::Plain, Class::Pyc);
    }
    if head.starts_with(b"#!") {
        return shebang(head).map_or(Class::Plain, |shebang| Class::Script(Box::new(shebang.interpreter.to_vec())));
    }
    if !head.starts_with(b"\x7fELF") {
        return Class::Plain;
    }
    match elf::read(whole) {
        Ok(elf::Read::NotElf) => Class::Plain,
        Ok(read) => Class::Elf(read),
        Err(error) => Class::BadElf(Box::new(error.to_string())),
    }
}

/// Tells whether a file carries capabilities (capabilities(7)); where that cannot be asked it carries none.
pub fn carries_capabilities(path: &Path) -> bool {
    // With an empty buffer, rustix's lgetxattr gives 0 for every attribute; this one asks for the size.
    rustix::fs::lgetxattr_query(path, "security.capability").is_ok_and(|size| size > 0)
}
