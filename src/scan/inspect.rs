//! Looks at one file: what it is inside, what the loader sees of it.

use super::walk::Found;
use super::{Class, Entry, FileFacts, Kind};
use crate::base::bytes::{FileBytes, ReadAt};
use crate::base::event::{Event, Listener};
use crate::base::path::RelPath;
use crate::elf;
use crate::text::pyc::stamp;
use crate::text::shebang::shebang;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// How much is read at once, in bytes; in most ELF files that is all the loader would look at.
const HEAD: u64 = 64 << 10;

/// Turns a path that was found into an entry; the error names the path.
pub(super) fn entry(found: Found, listener: &dyn Listener) -> Result<(RelPath, Entry), (PathBuf, io::Error)> {
    let metadata = &found.metadata;
    let kind = kind(&found).map_err(|error| (found.source.clone(), error))?;
    listener.event(&Event::File { path: &found.path, bytes: found.size });
    let entry = Entry {
        kind,
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        mtime: metadata.mtime(),
        source: found.source,
    };
    Ok((found.path, entry))
}

fn kind(found: &Found) -> io::Result<Kind> {
    let file_type = found.metadata.file_type();
    if let Some(first) = &found.first {
        return Ok(Kind::HardLink(first.clone()));
    }
    if file_type.is_dir() {
        return Ok(Kind::Dir);
    }
    if file_type.is_symlink() {
        return Ok(Kind::Symlink(fs::read_link(&found.source)?.as_os_str().as_bytes().to_vec()));
    }
    if file_type.is_file() {
        let mut facts = inspect(&found.source)?;
        facts.outside_names = found.outside_names;
        return Ok(Kind::File(Box::new(facts)));
    }
    let special = [
        (file_type.is_fifo(), "fifo"),
        (file_type.is_socket(), "socket"),
        (file_type.is_block_device(), "block device"),
        (file_type.is_char_device(), "character device"),
    ];
    let name = special.into_iter().find_map(|(is, name)| is.then_some(name)).unwrap_or("special file");
    Ok(Kind::Special(name))
}

/// Reads of a regular file what tells its facts; symlinks are followed.
pub fn inspect(path: &Path) -> io::Result<FileFacts> {
    let file = FileBytes::new(File::open(path)?)?;
    let head = file.range(0, file.size().min(HEAD))?.into_owned();
    let whole: &dyn ReadAt = if head.len() as u64 == file.size() { &head } else { &file };
    let class = classify(path, &head, whole);
    let capabilities = matches!(class, Class::Elf(_)) && carries_capabilities(path);
    Ok(FileFacts { size: file.size(), class, outside_names: 0, capabilities })
}

fn classify(path: &Path, head: &[u8], whole: &dyn ReadAt) -> Class {
    if path.extension().is_some_and(|extension| extension == "pyc") {
        return stamp(head).map_or(Class::Plain, Class::Pyc);
    }
    if head.starts_with(b"#!") {
        return shebang(head).map_or(Class::Plain, |shebang| Class::Script(shebang.interpreter.to_vec()));
    }
    if !head.starts_with(b"\x7fELF") {
        return Class::Plain;
    }
    match elf::read(whole) {
        Ok(elf::Read::NotElf) => Class::Plain,
        Ok(read) => Class::Elf(read),
        Err(error) => Class::BadElf(error.to_string()),
    }
}

/// Tells whether a file carries capabilities (capabilities(7)); where that cannot be asked it carries none.
pub fn carries_capabilities(path: &Path) -> bool {
    // With an empty buffer, rustix's lgetxattr gives 0 for every attribute; this one asks for the size.
    rustix::fs::lgetxattr_query(path, "security.capability").is_ok_and(|size| size > 0)
}
