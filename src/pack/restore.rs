//! An archive of ours becomes a tree again and is held against its own record, in one reading.
//!
//! Its first entry must be `about.json`, which tells the directory that everything lies in; that directory is left out of
//! the names. Everything [`visit`] refuses is refused. Every byte written is digested on the way, so that at the end the
//! manifest says whether the tree is what was packed. Until [`Unsealed::seal`] all directories can be written in.

use super::compare::judge::{Fact, Facts, Modes, What, extra, judge};
use super::compare::{LARGEST_RECORD, inside, top_of};
use super::guard::Limits;
use super::unpack::{Maker, written};
use super::visit::{Entry, UnpackError, visit};
use super::{Body, ContentError, Item};
use crate::base::digest::Digester;
use crate::base::event::{Event, Listener, Stage};
use crate::base::finding::{Finding, Severity};
use crate::base::path::{RelPath, printable};
use crate::base::write::WriteError;
use crate::manifest::{self, About, Manifest, ManifestError};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Why an archive is not restored.
#[derive(Debug)]
pub enum RestoreError {
    /// It cannot be read, is hostile, or the caller said no; see [`UnpackError`].
    Archive(UnpackError),
    /// It does not begin with a record.
    NoRecord {
        /// The archive.
        archive: PathBuf,
    },
    /// It has no manifest.
    NoManifest {
        /// The archive.
        archive: PathBuf,
    },
    /// A record cannot be used.
    Record(ManifestError),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |archive: &Path| printable(archive.as_os_str().as_bytes()).into_owned();
        match self {
            Self::Archive(source) => source.fmt(f),
            Self::NoRecord { archive } => {
                write!(f, "'{}' does not begin with {}, so relocate did not make it", shown(archive), manifest::ABOUT)
            }
            Self::NoManifest { archive } => write!(f, "'{}' has no {}", shown(archive), manifest::MANIFEST),
            Self::Record(source) => source.fmt(f),
        }
    }
}

impl std::error::Error for RestoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Archive(source) => Some(source),
            Self::NoRecord { .. } | Self::NoManifest { .. } => None,
            Self::Record(source) => Some(source),
        }
    }
}

/// What an archive held, and the tree it became.
pub struct Restored {
    /// How it compares with its record, sorted; an [`Severity::Error`] means that it is not what was packed.
    pub findings: Vec<Finding>,
    /// The directory that all of it lay in; the empty path for none.
    pub top: RelPath,
    /// Its record.
    pub manifest: Manifest,
    /// How many entries it had.
    pub entries: u64,
    /// The bytes of all its files.
    pub bytes: u64,
    /// The tree, where it was written.
    pub tree: Unsealed,
}

/// A tree all of whose files are there, and whose directories can still be written in.
pub struct Unsealed(Option<Maker>);

/// Reads the archive. `begin` is told what `about.json` says before anything else is read, and names the empty directory
/// that the tree goes into, or none to have the archive judged only; its error comes back as [`UnpackError::Visitor`].
pub fn restore(
    archive: &Path,
    limits: &Limits,
    begin: &mut dyn FnMut(&About) -> Result<Option<PathBuf>, ContentError>,
    listener: &dyn Listener,
) -> Result<Restored, RestoreError> {
    let mut reader = Reader { archive, begin, begun: None, facts: Facts::new(), outside: Vec::new(), last: None };
    listener.event(&Event::Begin { stage: Stage::Write, files: 0, bytes: 0 });
    let visited = visit(archive, limits, &mut |entry| {
        let (path, bytes) = reader.take(entry)?;
        listener.event(&Event::File { path: &path, bytes });
        Ok(())
    });
    listener.event(&Event::End(Stage::Write));
    let visited = visited.map_err(told)?;
    reader.end(visited.entries, visited.bytes)
}

/// An error of ours that came through the visitor is one of ours again.
fn told(error: UnpackError) -> RestoreError {
    match error {
        UnpackError::Visitor(source) => match source.downcast::<RestoreError>() {
            Ok(ours) => *ours,
            Err(source) => RestoreError::Archive(written(UnpackError::Visitor(source))),
        },
        error => RestoreError::Archive(error),
    }
}

struct Begun {
    top: RelPath,
    about: About,
    tree: Option<Maker>,
    manifest: Option<Vec<u8>>,
}

struct Reader<'a> {
    archive: &'a Path,
    begin: &'a mut dyn FnMut(&About) -> Result<Option<PathBuf>, ContentError>,
    begun: Option<Begun>,
    facts: Facts,
    outside: Vec<Finding>,
    last: Option<RelPath>,
}

impl Reader<'_> {
    /// Takes one entry and gives its path in the tree.
    fn take(&mut self, entry: Entry<'_>) -> Result<(RelPath, u64), ContentError> {
        let Entry { mut item, bytes } = entry;
        let Some(begun) = &mut self.begun else { return self.take_about(item, bytes) };
        let Some(path) = inside(&begun.top, &item.path) else {
            self.outside.push(extra(&item.path));
            return Ok((item.path, 0));
        };
        item.path = path;
        if let Body::HardLink(first) = &mut item.body {
            *first = inside(&begun.top, first).ok_or("a hard link leads out of the archive's directory")?;
        }
        let mut tap = Tap::new(bytes, is(&item.path, manifest::MANIFEST));
        let len = make(begun.tree.as_mut(), &item, &mut tap)?;
        begun.manifest = tap.kept.take().or(begun.manifest.take());
        self.last = Some(item.path.clone());
        let path = item.path.clone();
        self.facts.insert(path.clone(), fact(item, tap));
        Ok((path, len))
    }

    /// The first entry decides where everything goes.
    fn take_about(&mut self, mut item: Item, bytes: &mut dyn Read) -> Result<(RelPath, u64), ContentError> {
        let no_record = || RestoreError::NoRecord { archive: self.archive.to_owned() };
        let top = top_of(&item.path).filter(|_| matches!(item.body, Body::File { .. })).ok_or_else(no_record)?;
        let mut text = Vec::new();
        Tap::new(bytes, true).read_to_end(&mut text)?;
        let about = About::parse(&text).map_err(RestoreError::Record)?;
        let tree = (self.begin)(&about)?.map(|into| Maker::open(&into)).transpose()?;
        item.path = inside(&top, &item.path).unwrap_or_default();
        let begun = self.begun.insert(Begun { top, about, tree, manifest: None });
        let mut text = text.as_slice();
        let mut tap = Tap::new(&mut text, false);
        let len = make(begun.tree.as_mut(), &item, &mut tap)?;
        let path = item.path.clone();
        self.facts.insert(path.clone(), fact(item, tap));
        Ok((path, len))
    }

    /// Holds everything against the manifest.
    fn end(self, entries: u64, bytes: u64) -> Result<Restored, RestoreError> {
        let Some(begun) = self.begun else {
            return Err(RestoreError::NoRecord { archive: self.archive.to_owned() });
        };
        let record = begun.manifest.ok_or_else(|| RestoreError::NoManifest { archive: self.archive.to_owned() })?;
        let manifest = Manifest::parse(&record).map_err(RestoreError::Record)?;
        let mut findings = self.outside;
        let tree_error = |kind, found| Finding::of_tree(Severity::Error, kind, found);
        if !self.last.is_some_and(|last| is(&last, manifest::MANIFEST)) {
            findings.push(tree_error("record-misplaced", "the manifest is not the last entry"));
        }
        if begun.about != manifest.about {
            findings.push(tree_error("about-changed", "about.json does not say what the manifest says"));
        }
        // A tree may have this one; an archive that brings it would say where it is before it is anywhere.
        findings.extend(self.facts.keys().filter(|path| is(path, manifest::PLACE)).map(extra));
        findings.extend(judge(&manifest, self.facts, Modes::Exact));
        findings.sort();
        Ok(Restored { findings, top: begun.top, manifest, entries, bytes, tree: Unsealed(begun.tree) })
    }
}

impl Unsealed {
    /// Begins a tree in an empty directory, for who has its files from elsewhere than an archive.
    pub fn begin(into: &Path) -> Result<Self, WriteError> {
        Ok(Self(Some(Maker::open(into)?)))
    }

    /// Makes a directory, and those above it, and notes what it is to be when the tree is sealed: its mode and time (seconds
    /// since 1970).
    pub fn make_dir(&mut self, path: &RelPath, mode: u32, mtime: i64) -> Result<(), WriteError> {
        self.0.as_mut().map_or(Ok(()), |tree| tree.make_dir(path, (mode, mtime)))
    }

    /// Makes the directories that a path lies in, as far as they are not there.
    pub fn make_above(&mut self, path: &RelPath) -> Result<(), WriteError> {
        let (Some(tree), Some(above)) = (&mut self.0, path.parent()) else { return Ok(()) };
        tree.make_dirs(&above)
    }

    /// Opens a file for reading and writing, whatever its mode, which [`Unsealed::close`] gives it again. None where nothing
    /// was written.
    pub fn open(&mut self, path: &RelPath) -> Result<Option<File>, WriteError> {
        self.0.as_mut().map(|tree| tree.beneath.reopen_file(path)).transpose()
    }

    /// Gives a file that was changed its mode and time (whole seconds since 1970).
    pub fn close(&self, file: &File, path: &RelPath, mode: u32, mtime: i64) -> Result<(), WriteError> {
        self.0.as_ref().map_or(Ok(()), |tree| tree.beneath.finish(file, path, mode, Some(mtime)))
    }

    /// Adds a small file, mode 0644.
    pub fn add(&mut self, path: &RelPath, bytes: &[u8]) -> Result<(), WriteError> {
        let Some(tree) = &mut self.0 else { return Ok(()) };
        let mut file = tree.beneath.make_file(path)?;
        file.write_all(bytes).map_err(WriteError::io("write", &tree.beneath.place(path)))?;
        tree.beneath.finish(&file, path, 0o644, None)
    }

    /// Gives the directories their modes and times.
    pub fn seal(self) -> Result<(), WriteError> {
        let Some(mut tree) = self.0 else { return Ok(()) };
        // What the top directory gets where the archive does not name it.
        let top = RelPath::root();
        let dir = tree.beneath.open_dir(&top)?;
        tree.beneath.finish(&dir, &top, 0o755, None)?;
        tree.seal()
    }
}

fn is(path: &RelPath, record: &str) -> bool {
    path.as_bytes() == record.as_bytes()
}

/// Writes one entry, or only reads it; gives the bytes of a file.
fn make(tree: Option<&mut Maker>, item: &Item, tap: &mut Tap<'_>) -> Result<u64, ContentError> {
    match tree {
        Some(tree) if item.path.is_root() && item.body != Body::Dir => {
            Err(format!("'{}' is no directory", tree.beneath.place(&item.path).display()).into())
        }
        Some(tree) => tree.make(item, tap),
        None => Ok(io::copy(tap, &mut io::sink())?),
    }
}

fn fact(item: Item, tap: Tap<'_>) -> Fact {
    let what = match item.body {
        Body::Dir => What::Dir,
        Body::Symlink(target) => What::Symlink(target),
        Body::HardLink(first) => What::HardLink(first),
        Body::File { size } => What::File { size, sha256: Ok(tap.digester.finish()) },
    };
    Fact { mode: item.mode, what }
}

/// Bytes on their way, digested, and kept where they are a record.
struct Tap<'a> {
    inner: &'a mut dyn Read,
    digester: Digester,
    kept: Option<Vec<u8>>,
    given: u64,
}

impl<'a> Tap<'a> {
    fn new(inner: &'a mut dyn Read, keep: bool) -> Self {
        Self { inner, digester: Digester::default(), kept: keep.then(Vec::new), given: 0 }
    }
}

impl Read for Tap<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(bytes)?;
        self.given += len as u64;
        self.digester.update(&bytes[..len]);
        if let Some(kept) = &mut self.kept {
            if self.given > LARGEST_RECORD {
                return Err(io::Error::other("a record is larger than any real one"));
            }
            kept.extend_from_slice(&bytes[..len]);
        }
        Ok(len)
    }
}
