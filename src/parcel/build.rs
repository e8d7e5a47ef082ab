//! The files of a new release are put where it is being built: shared with the base where they are the same in every respect,
//! copied where they cannot be shared, made by patches, unpacked.
//!
//! Every byte that is put there, or shared, is digested first: what was changed in the base goes no further. All threads work at
//! once, the large files first, so that reading, linking and unpacking overlap.

use super::ParcelError;
use super::base::{Base, Tee};
use super::crew::{Memory, each};
use super::form::{Container, Stretch, damaged};
use super::route::{File, Origin, Way};
use crate::base::bytes::{FileBytes, ReadAt as _};
use crate::base::digest::Digest;
use crate::base::event::{Event, Listener};
use crate::base::write::{Beneath, WriteError};
use crate::delta;
use crate::ledger;
use crate::manifest::Kind;
use rustix::io::Errno;
use std::fs;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// How much memory all patches that are applied at a time may take, in bytes.
const MEMORY: u64 = 512 << 20;
/// A file of so many bytes is a job of its own.
const LARGE: u64 = 1 << 20;
/// How many smaller ones are one together.
const RUN: usize = 64;

/// How the files of a release came, how many of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ways {
    /// Names of files of the base.
    pub linked: u64,
    /// Copies that share their blocks with the base.
    pub cloned: u64,
    /// Copies.
    pub copied: u64,
    /// Made by a patch.
    pub patched: u64,
    /// Came whole.
    pub whole: u64,
}

impl Ways {
    fn and(self, other: Self) -> Self {
        Self {
            linked: self.linked + other.linked,
            cloned: self.cloned + other.cloned,
            copied: self.copied + other.copied,
            patched: self.patched + other.patched,
            whole: self.whole + other.whole,
        }
    }
}

/// What is to be done.
pub(super) struct Build<'a> {
    pub(super) base: &'a Base<'a>,
    /// What it has besides the base; none where all comes from that.
    pub(super) container: Option<&'a Container>,
    pub(super) files: &'a [File<'a>],
    /// Where it is being built; its directories are there.
    pub(super) staging: &'a Path,
    pub(super) listener: &'a dyn Listener,
}

enum Job {
    Wholes,
    One(usize),
    Run(Range<usize>),
}

impl Build<'_> {
    fn container(&self) -> Result<&Container, ParcelError> {
        self.container.ok_or_else(|| damaged("it gives nothing"))
    }

    /// Makes all files.
    pub(super) fn files(&self) -> Result<Ways, ParcelError> {
        let shared = Shared {
            memory: Memory::of(MEMORY),
            unlinkable: AtomicBool::new(false),
            unclonable: AtomicBool::new(false),
            user: user(),
        };
        let begin = || {
            let (base, new) = (self.base.files()?, Beneath::open(self.staging)?);
            Ok(Worker { build: self, shared: &shared, base, new, buffer: Vec::new() })
        };
        let ways = each(&self.jobs(), begin, Worker::work)?;
        Ok(ways.into_iter().fold(Ways::default(), Ways::and))
    }

    fn jobs(&self) -> Vec<Job> {
        let is_whole = |file: &File<'_>| matches!(file.way, Way::Whole);
        let is_large = |file: &File<'_>| matches!(file.way, Way::Patch(..)) || file.size >= LARGE;
        let mut large: Vec<usize> =
            (0..self.files.len()).filter(|at| !is_whole(&self.files[*at]) && is_large(&self.files[*at])).collect();
        // A patch takes several times as long as a look at as many bytes.
        let effort = |file: &File<'_>| if matches!(file.way, Way::Patch(..)) { file.size * 4 } else { file.size };
        large.sort_by_key(|at| std::cmp::Reverse(effort(&self.files[*at])));
        let wholes = self.files.iter().any(is_whole).then_some(Job::Wholes);
        let runs = (0..self.files.len()).step_by(RUN).map(|at| Job::Run(at..(at + RUN).min(self.files.len())));
        wholes.into_iter().chain(large.into_iter().map(Job::One)).chain(runs).collect()
    }
}

/// What all threads share.
struct Shared {
    memory: Memory,
    /// Whether no file of the base can get a name here: it lies on another file system, or this one has no links.
    unlinkable: AtomicBool,
    /// Whether blocks cannot be shared here.
    unclonable: AtomicBool,
    user: u32,
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

struct Worker<'a> {
    build: &'a Build<'a>,
    shared: &'a Shared,
    base: Beneath,
    new: Beneath,
    buffer: Vec<u8>,
}

impl Worker<'_> {
    fn work(&mut self, job: &Job) -> Result<Ways, ParcelError> {
        let build = self.build;
        match job {
            Job::Wholes => self.wholes(),
            Job::One(at) => self.one(&build.files[*at]),
            Job::Run(range) => {
                build.files[range.clone()].iter().try_fold(Ways::default(), |ways, file| match file.way {
                    Way::Same(_) if file.size < LARGE => Ok(ways.and(self.one(file)?)),
                    _ => Ok(ways),
                })
            }
        }
    }

    fn one(&mut self, file: &File<'_>) -> Result<Ways, ParcelError> {
        let ways = match file.way {
            Way::Same(origin) => self.take(file, origin)?,
            Way::Patch(origin, at) => self.patch(file, origin, at)?,
            Way::Whole => Ways::default(),
        };
        self.build.listener.event(&Event::File { path: file.path, bytes: file.size });
        Ok(ways)
    }

    /// Takes a file of the base: by another name, or as a copy.
    fn take(&mut self, file: &File<'_>, origin: Origin<'_>) -> Result<Ways, ParcelError> {
        let (source, looks) = self.open(origin)?;
        let pristine = origin.entry.is_none_or(|entry| !ledger::depends(entry));
        if pristine && looks.len() != file.size {
            let found = format!("has {} bytes and had {}", looks.len(), file.size);
            return Err(ParcelError::base(origin.path, found));
        }
        let same = looks.mode() & 0o7777 == file.mode && (looks.mtime(), looks.mtime_nsec()) == (file.mtime, 0);
        let ours = looks.uid() == self.shared.user;
        if pristine && !file.fresh && same && ours && !self.shared.unlinkable.load(Ordering::Relaxed) {
            self.digest(&source, file, origin)?;
            if self.link(file, origin, &looks)? {
                return Ok(Ways { linked: 1, ..Ways::default() });
            }
        }
        self.copy(file, origin, source, pristine)
    }

    fn open(&mut self, origin: Origin<'_>) -> Result<(fs::File, fs::Metadata), ParcelError> {
        let opened = self.base.open_file(origin.path).and_then(|file| file.metadata().map(|looks| (file, looks)));
        match opened {
            Ok((file, looks)) if looks.is_file() => Ok((file, looks)),
            Ok(_) => Err(ParcelError::base(origin.path, "is no file")),
            Err(error) => Err(ParcelError::base(origin.path, format!("cannot be read: {error}"))),
        }
    }

    /// Reads an open file to its end; its bytes must be those that were packed.
    fn digest(&mut self, mut source: &fs::File, file: &File<'_>, origin: Origin<'_>) -> Result<(), ParcelError> {
        self.buffer.resize(256 << 10, 0);
        let mut tee = Tee::to(None);
        let read = loop {
            match source.read(&mut self.buffer) {
                Ok(len) => {
                    tee.write_all(&self.buffer[..len]).unwrap_or_default();
                    // Less than was asked for: a regular file ends there.
                    if len < self.buffer.len() {
                        break Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        read.map_err(|error| ParcelError::base(origin.path, format!("cannot be read: {error}")))?;
        if tee.finish() == (file.size, file.sha256) { Ok(()) } else { Err(changed(origin)) }
    }

    /// Gives a file of the base a name here; says whether it could.
    fn link(&mut self, file: &File<'_>, origin: Origin<'_>, looks: &fs::Metadata) -> Result<bool, ParcelError> {
        match self.new.link_from(file.path, &mut self.base, origin.path) {
            Ok(()) => {}
            Err(error) => match Errno::from_io_error(&error) {
                // Too many names, or one that this user may not give (fs.protected_hardlinks of proc_sys_fs(5)).
                Some(Errno::MLINK | Errno::PERM) => return Ok(false),
                Some(Errno::XDEV | Errno::OPNOTSUPP | Errno::NOSYS) => {
                    self.shared.unlinkable.store(true, Ordering::Relaxed);
                    return Ok(false);
                }
                Some(Errno::NOENT) => return Err(changed(origin)),
                _ => return Err(WriteError::io("make the hard link", &self.new.place(file.path))(error).into()),
            },
        }
        // What was read may have given its name to another file meanwhile.
        let found = self.new.look(file.path).map_err(WriteError::io("look at", &self.new.place(file.path)))?;
        if (found.st_dev, found.st_ino) == (looks.dev(), looks.ino()) { Ok(true) } else { Err(changed(origin)) }
    }

    /// Lets a new file have the blocks of an open one; says whether it could.
    fn clone_blocks(&self, out: &fs::File, source: &fs::File) -> bool {
        if self.shared.unclonable.load(Ordering::Relaxed) {
            return false;
        }
        let cloned = rustix::fs::ioctl_ficlone(out, source);
        let never = matches!(cloned, Err(Errno::OPNOTSUPP | Errno::XDEV | Errno::NOTTY | Errno::NOSYS));
        self.shared.unclonable.fetch_or(never, Ordering::Relaxed);
        cloned.is_ok()
    }

    fn copy(
        &mut self,
        file: &File<'_>,
        origin: Origin<'_>,
        source: fs::File,
        pristine: bool,
    ) -> Result<Ways, ParcelError> {
        let mut out = self.new.make_file(file.path)?;
        let place = self.new.place(file.path);
        let cloned = pristine && self.clone_blocks(&out, &source);
        if cloned {
            self.digest(&out, file, origin)?;
        } else {
            let source = FileBytes::new(source).map_err(|error| unreadable(origin, &error))?;
            let mut out = Out { file: &mut out, failed: false };
            let mut tee = Tee::to(Some(&mut out));
            let poured = rewound(&source).and_then(|()| self.build.base.pour(origin.entry, &source, &mut tee));
            let came = tee.finish();
            match poured {
                Ok(true) if came == (file.size, file.sha256) => {}
                Ok(_) => return Err(changed(origin)),
                Err(error) if out.failed => return Err(WriteError::io("write", &place)(error).into()),
                Err(error) => return Err(unreadable(origin, &error)),
            }
        }
        self.new.finish(&out, file.path, file.mode, Some(file.mtime))?;
        let ways = Ways::default();
        Ok(if cloned { Ways { cloned: 1, ..ways } } else { Ways { copied: 1, ..ways } })
    }

    /// Makes a file from one of the base.
    fn patch(&mut self, file: &File<'_>, origin: Origin<'_>, at: Stretch) -> Result<Ways, ParcelError> {
        let (source, looks) = self.open(origin)?;
        let old = match origin.entry.map(|entry| &entry.kind) {
            Some(Kind::File { size, sha256, .. }) => Some((*size, *sha256)),
            _ => None,
        };
        if old.is_none() && looks.len() > delta::LARGEST {
            return Err(changed(origin));
        }
        let need = old.map_or(looks.len(), |(size, _)| size).saturating_add(file.size).saturating_add(at.len);
        let new = self.shared.memory.with(need, || self.patched(file, origin, at, source, old))?;
        self.write(file, &new)?;
        Ok(Ways { patched: 1, ..Ways::default() })
    }

    fn patched(
        &self,
        file: &File<'_>,
        origin: Origin<'_>,
        at: Stretch,
        source: fs::File,
        old: Option<(u64, Digest)>,
    ) -> Result<Vec<u8>, ParcelError> {
        let source = FileBytes::new(source).map_err(|error| unreadable(origin, &error))?;
        let (mut bytes, most) = (Vec::new(), old.map_or(source.size(), |(size, _)| size));
        let mut bounded = Bounded { bytes: &mut bytes, most };
        let poured = self.build.base.pour(origin.entry, &source, &mut bounded);
        let poured = poured.map_err(|error| unreadable(origin, &error))?;
        if !poured || old.is_some_and(|(_, sha256)| Digest::of(&bytes) != sha256) {
            return Err(changed(origin));
        }
        let wrong = |error: &dyn std::fmt::Display| damaged(format!("'{}': {error}", file.path));
        let new = delta::apply(&bytes, &self.build.container()?.part(at)?, file.size).map_err(|error| wrong(&error))?;
        match (Digest::of(&new) == file.sha256, old) {
            (true, _) => Ok(new),
            (false, Some(_)) => Err(wrong(&"it is another file than the manifest says")),
            // Of the tool's own files nobody knows what they were.
            (false, None) => Err(changed(origin)),
        }
    }

    fn write(&mut self, file: &File<'_>, bytes: &[u8]) -> Result<(), ParcelError> {
        let mut out = self.new.make_file(file.path)?;
        out.write_all(bytes).map_err(WriteError::io("write", &self.new.place(file.path)))?;
        Ok(self.new.finish(&out, file.path, file.mode, Some(file.mtime))?)
    }

    /// Unpacks all files that come whole.
    fn wholes(&mut self) -> Result<Ways, ParcelError> {
        let build = self.build;
        let mut stream = build.container()?.wholes()?;
        let mut ways = Ways::default();
        for file in build.files.iter().filter(|file| matches!(file.way, Way::Whole)) {
            let mut out = self.new.make_file(file.path)?;
            let place = self.new.place(file.path);
            let mut sink = Out { file: &mut out, failed: false };
            let mut tee = Tee::to(Some(&mut sink));
            let copied = io::copy(&mut (&mut stream).take(file.size), &mut tee);
            let came = tee.finish();
            match copied {
                Ok(_) if came == (file.size, file.sha256) => {}
                Ok(_) => return Err(damaged(format!("'{}' is another file than the manifest says", file.path))),
                Err(error) if sink.failed => return Err(WriteError::io("write", &place)(error).into()),
                Err(error) => return Err(damaged(format!("'{}': {error}", file.path))),
            }
            self.new.finish(&out, file.path, file.mode, Some(file.mtime))?;
            build.listener.event(&Event::File { path: file.path, bytes: file.size });
            ways.whole += 1;
        }
        match stream.read(&mut [0]) {
            Ok(0) => Ok(ways),
            Ok(_) => Err(damaged("it has more files than its index says")),
            Err(error) => Err(damaged(format!("its files cannot be read: {error}"))),
        }
    }
}

fn changed(origin: Origin<'_>) -> ParcelError {
    ParcelError::base(origin.path, "was changed since it was installed")
}

fn unreadable(origin: Origin<'_>, error: &io::Error) -> ParcelError {
    ParcelError::base(origin.path, format!("cannot be read: {error}"))
}

/// What was read to its end is read again.
fn rewound(source: &FileBytes) -> io::Result<()> {
    io::Seek::rewind(&mut source.file())
}

/// A file that is written, which remembers that it was the one that failed.
struct Out<'a> {
    file: &'a mut fs::File,
    failed: bool,
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).inspect_err(|error| self.failed = error.kind() != io::ErrorKind::Interrupted)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Memory for so many bytes and no more: a file that was grown meanwhile is an error.
struct Bounded<'a> {
    bytes: &'a mut Vec<u8>,
    most: u64,
}

impl Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() as u64 + bytes.len() as u64 > self.most {
            return Err(io::Error::other("it has more bytes than it had"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
