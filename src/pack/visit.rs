//! Somebody's archive, entry by entry, without writing anything.
//!
//! Takes GNU, pax and ustar archives made by any program, in gzip, zstd, bzip2, xz or plain; gives [`Item`]s with their bytes. The
//! input is hostile: what [`Refusal`] lists is refused with the entry's name, a damaged or cut archive with the reason, and
//! bytes after its end too.

use super::guard::{Guard, Limits, RATIO_FROM, Refusal, Stated, StatedKind};
use super::source::{self, Exhausted, Meter};
use super::{ContentError, Item, pax};
use crate::base::path::printable;
use crate::base::write::WriteError;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tar::EntryType;

/// How many bytes the headers of one entry may have: names, link targets and pax records are far shorter.
const HEADERS: u64 = 1 << 20;

/// Two blocks of zeros end an archive. tar-rs stops at the first, or where the file does.
const END: u64 = 512;

/// One entry of an archive, in the archive's order.
pub struct Entry<'a> {
    /// What it is; its path includes the archive's top directory, if it has one.
    pub item: Item,
    /// The bytes of a file, nothing for the rest. What is not read is passed over.
    pub bytes: &'a mut dyn Read,
}

/// What an archive held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visited {
    /// How many entries.
    pub entries: u64,
    /// The bytes of all files.
    pub bytes: u64,
}

/// Why an archive is not unpacked.
#[derive(Debug)]
pub enum UnpackError {
    /// It could not be opened or read.
    Read {
        /// The archive.
        archive: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is another kind of file.
    Kind {
        /// The archive.
        archive: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// It is damaged, cut short, or no tar.
    Damaged {
        /// The archive.
        archive: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// An entry is not what may be unpacked.
    Entry {
        /// The archive.
        archive: PathBuf,
        /// The entry's name as it stands there.
        name: Vec<u8>,
        /// Why.
        why: Refusal,
    },
    /// It unpacks to far more than an honest archive.
    Bomb {
        /// The archive.
        archive: PathBuf,
        /// How many times its own bytes are allowed.
        ratio: u64,
    },
    /// Who looked at the entries said no.
    Visitor(ContentError),
    /// A file could not be written.
    Write(WriteError),
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |archive: &Path| printable(archive.as_os_str().as_bytes()).into_owned();
        match self {
            Self::Read { archive, source } => write!(f, "cannot read '{}': {source}", shown(archive)),
            Self::Kind { archive, found } => {
                write!(
                    f,
                    "cannot unpack '{}': it is {found}; tar, alone or in gzip, zstd, bzip2 or xz, is read",
                    shown(archive)
                )
            }
            Self::Damaged { archive, source } => {
                write!(f, "cannot unpack '{}': it is damaged or no tar: {source}", shown(archive))
            }
            Self::Entry { archive, name, why } => {
                write!(f, "cannot unpack '{}': entry '{}': {why}", shown(archive), printable(name))
            }
            Self::Bomb { archive, ratio } => {
                write!(f, "cannot unpack '{}': it grows to more than {ratio} times its size", shown(archive))
            }
            Self::Visitor(source) => write!(f, "{source}"),
            Self::Write(source) => write!(f, "{source}"),
        }
    }
}

impl std::error::Error for UnpackError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } | Self::Damaged { source, .. } => Some(source),
            Self::Visitor(source) => Some(source.as_ref()),
            Self::Write(source) => Some(source),
            Self::Kind { .. } | Self::Entry { .. } | Self::Bomb { .. } => None,
        }
    }
}

/// Shows every entry of the archive at `path` to `take`, in order.
pub fn visit(
    path: &Path,
    limits: &Limits,
    take: &mut dyn FnMut(Entry<'_>) -> Result<(), ContentError>,
) -> Result<Visited, UnpackError> {
    let file = File::open(path).map_err(|source| UnpackError::Read { archive: path.to_owned(), source })?;
    visit_bytes(path, file, limits, take)
}

/// The same for an archive that is somewhere else, such as in a file without a name; `path` is for messages.
pub fn visit_bytes(
    path: &Path,
    raw: impl Read,
    limits: &Limits,
    take: &mut dyn FnMut(Entry<'_>) -> Result<(), ContentError>,
) -> Result<Visited, UnpackError> {
    let meter = Rc::new(Meter::default());
    let opened = source::open(raw, &meter).map_err(|source| UnpackError::Read { archive: path.to_owned(), source })?;
    let stream = opened.map_err(|found| UnpackError::Kind { archive: path.to_owned(), found })?;
    let mut visitor = Visitor { archive: path, meter, limits, guard: Guard::default() };
    visitor.all(stream, take)?;
    let (entries, bytes) = visitor.guard.total();
    Ok(Visited { entries, bytes })
}

type Source<'a> = Box<dyn Read + 'a>;

struct Visitor<'a> {
    archive: &'a Path,
    meter: Rc<Meter>,
    limits: &'a Limits,
    guard: Guard,
}

impl Visitor<'_> {
    fn all(
        &mut self,
        stream: Source<'_>,
        take: &mut dyn FnMut(Entry<'_>) -> Result<(), ContentError>,
    ) -> Result<(), UnpackError> {
        let mut archive = tar::Archive::new(stream);
        let mut entries = archive.entries().map_err(|error| self.damaged(error))?;
        loop {
            self.meter.allowance.set(HEADERS);
            let before = self.meter.given.get();
            let Some(entry) = entries.next() else {
                if self.meter.given.get() - before < END {
                    return Err(self.cut());
                }
                break;
            };
            self.one(entry.map_err(|error| self.damaged(error))?, take)?;
        }
        self.nothing_after(archive.into_inner())
    }

    fn cut(&self) -> UnpackError {
        self.damaged(io::Error::new(io::ErrorKind::UnexpectedEof, "its end is missing"))
    }

    fn one(
        &mut self,
        mut entry: tar::Entry<'_, Source<'_>>,
        take: &mut dyn FnMut(Entry<'_>) -> Result<(), ContentError>,
    ) -> Result<(), UnpackError> {
        let name = entry.path_bytes().into_owned();
        let refuse = |why| UnpackError::Entry { archive: self.archive.to_owned(), name: name.clone(), why };
        let size = entry.size();
        self.meter.allowance.set(size.saturating_add(HEADERS));
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            return pax::only_a_comment(&mut entry).map_err(refuse);
        }
        let pax_time = pax::time(&mut entry).map_err(refuse)?;
        let header = entry.header().clone();
        let number = |value: io::Result<u64>| value.map_err(|error| self.damaged(error));
        let mode = header.mode().map_err(|error| self.damaged(error))? & 0o7777;
        let (uid, gid) = (number(header.uid())?, number(header.gid())?);
        // Negative times are two's complement, which tar-rs gives as a large unsigned number.
        let mtime = pax_time.unwrap_or(number(header.mtime())?.cast_signed());
        let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
        let stated = Stated { name: &name, kind: kind(header.entry_type(), &name, size, &target), mode, size };
        let (path, body) = self.guard.admit(&stated, self.limits).map_err(refuse)?;
        let item = Item { path, mode, uid, gid, mtime, body };
        let mut bytes = Exact { inner: &mut entry, meter: &self.meter, ratio: self.limits.ratio, failed: None };
        let taken = take(Entry { item, bytes: &mut bytes });
        // What was not read is passed over here, so that it too is counted and its checksum seen.
        let rest = io::copy(&mut bytes, &mut io::sink());
        match (bytes.failed.take(), taken) {
            (Some(failed), _) => Err(self.told(failed)),
            (None, Err(said_no)) => Err(UnpackError::Visitor(said_no)),
            (None, Ok(())) => rest.map(drop).map_err(|error| self.damaged(error)),
        }
    }

    /// The second zero block must follow, and only zeros after it: another reader might go on there. Reading to the end
    /// also has the compressor's checksums seen.
    fn nothing_after(&self, mut stream: Source<'_>) -> Result<(), UnpackError> {
        let mut buffer = vec![0; 64 * 1024];
        let before = self.meter.given.get();
        loop {
            self.meter.allowance.set(buffer.len() as u64);
            let len = match stream.read(&mut buffer) {
                Ok(0) if self.meter.given.get() - before < END => return Err(self.cut()),
                Ok(0) => return Ok(()),
                Ok(len) => len,
                Err(error) => return Err(self.damaged(error)),
            };
            if buffer[..len].iter().any(|byte| *byte != 0) {
                return Err(self.damaged(io::Error::other("there are bytes after its end")));
            }
            if is_bomb(&self.meter, self.limits.ratio) {
                return Err(self.told(Failed::Bomb));
            }
        }
    }

    fn told(&self, failed: Failed) -> UnpackError {
        match failed {
            Failed::Bomb => UnpackError::Bomb { archive: self.archive.to_owned(), ratio: self.limits.ratio },
            Failed::Damaged(source) => self.damaged(source),
        }
    }

    fn damaged(&self, source: io::Error) -> UnpackError {
        UnpackError::Damaged { archive: self.archive.to_owned(), source: inner(source) }
    }
}

/// tar-rs wraps some errors in a sentence of its own; ours says enough.
fn inner(error: io::Error) -> io::Error {
    let exhausted = std::error::Error::source(&error).is_some_and(|source| source.to_string() == Exhausted.to_string());
    if exhausted { io::Error::other(Exhausted) } else { error }
}

fn is_bomb(meter: &Meter, ratio: u64) -> bool {
    meter.given.get() > RATIO_FROM && meter.given.get() / ratio.max(1) > meter.taken.get()
}

enum Failed {
    Bomb,
    Damaged(io::Error),
}

/// The bytes of one entry; remembers why they came to an end too early.
struct Exact<'a, 'b, R: Read> {
    inner: &'a mut tar::Entry<'b, R>,
    meter: &'a Meter,
    ratio: u64,
    failed: Option<Failed>,
}

impl<R: Read> Read for Exact<'_, '_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if is_bomb(self.meter, self.ratio) {
            self.failed = Some(Failed::Bomb);
        }
        if self.failed.is_some() {
            return Err(io::Error::other("the archive cannot be read further"));
        }
        self.inner.read(bytes).map_err(|error| {
            let copy = io::Error::new(error.kind(), error.to_string());
            self.failed = Some(Failed::Damaged(error));
            copy
        })
    }
}

fn kind<'a>(stated: EntryType, name: &[u8], size: u64, target: &'a [u8]) -> StatedKind<'a> {
    match stated {
        // Before there was a type for directories, a slash at the end said it.
        EntryType::Regular if name.ends_with(b"/") && size == 0 => StatedKind::Dir,
        EntryType::Regular if name.ends_with(b"/") => StatedKind::Other("a file whose name ends in a slash"),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => StatedKind::File,
        EntryType::Directory => StatedKind::Dir,
        EntryType::Symlink => StatedKind::Symlink(target),
        EntryType::Link => StatedKind::HardLink(target),
        EntryType::Char => StatedKind::Other("a character device"),
        EntryType::Block => StatedKind::Other("a block device"),
        EntryType::Fifo => StatedKind::Other("a named pipe"),
        _ => StatedKind::Other("an entry of a kind that is not known"),
    }
}
