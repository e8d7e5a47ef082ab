//! One ELF file: look, decide, act, prove, with the same engine as for a tree.
//!
//! [`Subject::open`] looks, [`Subject::decide`] fits what is asked by the ladder and has the judge read the planned bytes
//! with his own parser, [`Subject::replace`] puts the new file in the old one's place in one step, [`Subject::write_copy`]
//! beside it. Refused, with the file as it was: what is no regular file, no ELF file or a damaged one, what no rung is safe
//! for, and a file that changes meanwhile.

mod act;
mod error;
mod findings;
mod names;
mod request;

pub use act::{Ready, commit_each};
pub use error::SingleError;
pub use request::{Change, Request};

use crate::base::bytes::{Edited, FileBytes, ReadAt};
use crate::base::digest::Mark;
use crate::base::finding::Finding;
use crate::base::stamp::{Moment, Stamp};
use crate::elf::{self, Facts, Kind, Patch, Read, RunPaths, Rung};
use crate::loader::entry::{entries, starts_at_origin};
use crate::loader::libc::Libc;
use crate::loader::object::{Arch, Object, Tag};
use crate::scan::carries_capabilities;
use crate::verify::witness::{Testimony, testify};
use findings::{findings, insecure};
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// One file as it is.
#[derive(Debug)]
pub struct Subject {
    path: PathBuf,
    metadata: Metadata,
    /// What it was when it was opened.
    stamp: Stamp,
    bytes: FileBytes,
    /// What a loader sees, or what kind of file no loader reads.
    facts: Result<Box<Facts>, Kind>,
}

/// What is to be done to one file.
#[derive(Debug)]
pub struct Decision {
    /// Both tags as they shall be.
    pub wanted: RunPaths,
    /// What a person should know.
    pub findings: Vec<Finding>,
    /// How much the file grows, in bytes.
    pub added: u64,
    patch: Patch,
    /// The mark of the file's bytes, where its stamp would not tell that they changed.
    mark: Option<Mark>,
}

impl Decision {
    /// How the new path fits.
    pub fn rung(&self) -> Rung {
        self.patch.rung
    }
}

impl Subject {
    /// Opens a file; a symlink means the file it leads to.
    pub fn open(path: &Path) -> Result<Self, SingleError> {
        let path = fs::canonicalize(path).map_err(SingleError::Read)?;
        let kind = fs::metadata(&path).map_err(SingleError::Read)?;
        if !kind.is_file() {
            return Err(SingleError::NotRegular(if kind.is_dir() {
                "a directory"
            } else {
                "a device, fifo or socket"
            }));
        }
        let (file, asked) = (File::open(&path).map_err(SingleError::Read)?, Moment::now());
        let metadata = file.metadata().map_err(SingleError::Read)?;
        let stamp = Stamp::of(&metadata, asked);
        let bytes = FileBytes::new(file).map_err(SingleError::Read)?;
        let facts = match elf::read(&bytes)? {
            Read::NotElf => return Err(SingleError::NotElf),
            Read::Other(kind) => Err(kind),
            Read::Dynamic(facts) => Ok(facts),
        };
        Ok(Self { path, metadata, stamp, bytes, facts })
    }

    /// Its real path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a loader sees of it; an error that says what it is where no loader does.
    pub fn facts(&self) -> Result<&Facts, SingleError> {
        self.facts.as_deref().map_err(|kind| SingleError::NoDynamic(*kind))
    }

    /// What kind of ELF file it is.
    pub fn kind(&self) -> Kind {
        self.facts.as_deref().map_or_else(|kind| *kind, |facts| facts.kind)
    }

    /// Both tags as they are.
    pub fn run_paths(&self) -> RunPaths {
        let object = self.facts.as_ref().ok().map(|facts| &facts.object);
        RunPaths {
            rpath: object.and_then(|object| object.rpath.clone()),
            runpath: object.and_then(|object| object.runpath.clone()),
        }
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.size()
    }

    /// Works out what to do. `copy` says that the result goes elsewhere, without privileges.
    pub fn decide(&self, request: &Request, copy: bool) -> Result<Decision, SingleError> {
        // What has no run-time path is as wanted where none is wanted.
        if request.is_idle() || (request.change == Change::Remove && self.facts.is_err()) {
            return Ok(self.as_it_is());
        }
        let facts = self.facts()?;
        let object = &facts.object;
        let wanted = request.wanted(object, &|directory, name| holds(directory, name, object.arch));
        // Before the first byte is read that decides anything.
        let mark = if self.stamp.tells() { None } else { Some(Mark::read(&self.bytes).map_err(SingleError::Read)?) };
        let patch = elf::plan(&self.bytes, &wanted)?;
        if patch.rung == Rung::Unchanged {
            return Ok(Decision { findings: insecure(&wanted), wanted, ..self.as_it_is() });
        }
        if !copy {
            self.check_privileges(object, &wanted)?;
        }
        self.cross_examine(&patch, &wanted)?;
        let findings = findings(object, &wanted);
        let added = patch.size.saturating_sub(self.size());
        Ok(Decision { wanted, findings, added, patch, mark })
    }

    fn as_it_is(&self) -> Decision {
        let patch = Patch { rung: Rung::Unchanged, edits: Vec::new(), size: self.size() };
        Decision { wanted: self.run_paths(), findings: Vec::new(), patch, added: 0, mark: None }
    }

    fn check_privileges(&self, object: &Object, wanted: &RunPaths) -> Result<(), SingleError> {
        let path = wanted.runpath.as_ref().or(wanted.rpath.as_ref());
        if !object.is_program() || !path.is_some_and(|path| is_relative(path)) {
            return Ok(());
        }
        if self.metadata.mode() & 0o6000 != 0 {
            return Err(SingleError::Privileged("setuid or setgid"));
        }
        if carries_capabilities(&self.path) {
            return Err(SingleError::Privileged("file capabilities"));
        }
        Ok(())
    }

    /// The judge reads the file before and after with a parser of his own: the paths are as wanted and nothing else is new.
    fn cross_examine(&self, patch: &Patch, wanted: &RunPaths) -> Result<(), SingleError> {
        let before = testify(&self.bytes).map_err(SingleError::Doubtful)?;
        let after = testify(&Edited::new(&self.bytes, &patch.edits, patch.size));
        let after = after.map_err(|error| SingleError::Bug(format!("the new bytes cannot be read: {error}")))?;
        let (Testimony::Dynamic { object: mut old, .. }, Testimony::Dynamic { object: mut new, run_paths }) =
            (before, after)
        else {
            return Err(SingleError::Bug("the judge sees no dynamic file".to_owned()));
        };
        let right = run_paths.iter().all(|(tag, path)| wanted.of(*tag) == Some(path.as_slice()));
        let there = |tag| wanted.of(tag).is_none() || run_paths.iter().any(|(found, _)| *found == tag);
        if !(right && there(Tag::Rpath) && there(Tag::Runpath)) {
            return Err(SingleError::Bug("the judge does not see the wanted run-time path".to_owned()));
        }
        for object in [&mut old, &mut new] {
            (object.rpath, object.runpath) = (None, None);
        }
        if old == new { Ok(()) } else { Err(SingleError::Bug("the judge sees another fact changed".to_owned())) }
    }
}

/// Whether a library of that name and architecture lies in a directory.
fn holds(directory: &[u8], name: &[u8], arch: Arch) -> bool {
    let path = Path::new(OsStr::from_bytes(directory)).join(OsStr::from_bytes(name));
    if !fs::metadata(&path).is_ok_and(|found| found.is_file()) {
        return false;
    }
    let read = File::open(&path).and_then(FileBytes::new).ok().and_then(|bytes| elf::read(&bytes).ok());
    matches!(read, Some(Read::Dynamic(facts)) if facts.object.arch == arch)
}
/// Whether a run-time path has an entry that begins with `$ORIGIN`.
fn is_relative(path: &[u8]) -> bool {
    entries(path, Libc::Glibc).any(|entry| starts_at_origin(entry, Libc::Glibc))
}
