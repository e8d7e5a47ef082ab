//! An archive becomes a tree at its final path, all of it or nothing.
//!
//! `about.json` opens the archive and says how long a path fits, so a path that is too long is refused before anything is
//! written. The rest is unpacked beside DEST under a name of its own, held against the manifest, filled with the path, and
//! appears as DEST by a rename; whatever stops it before that leaves nothing.

use super::fits::{self, Misfit};
use crate::base::bytes::{FileBytes, ReadAt as _};
use crate::base::event::Listener;
use crate::base::finding::{Finding, Severity};
use crate::base::path::{Prefix, RelPath};
use crate::base::sums::Sums;
use crate::base::write::{NewDir, Parents, WriteError};
use crate::fill::{Fill, FillError};
use crate::ledger::{self, Ledger};
use crate::manifest::{self, About, Entry, Kind, Manifest, Whereabouts};
use crate::pack::{ContentError, Limits, RestoreError, Restored, UnpackError, Unsealed, restore};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::io::{Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The longest text that is filled, in bytes: it is in memory meanwhile, and no real one has as much.
const LONGEST_TEXT: u64 = 256 << 20;

/// What is to be installed.
#[derive(Debug, Clone)]
pub struct Install<'a> {
    /// The archive.
    pub archive: &'a Path,
    /// Where the tree is to be: this very path is written into its files.
    pub dest: &'a Prefix,
    /// Classes whose files stay as they are.
    pub leave: &'a BTreeSet<String>,
    /// How much the archive may unpack to.
    pub limits: &'a Limits,
    /// Whether to read and judge the archive and write nothing.
    pub dry_run: bool,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Installed {
    /// What the archive says about itself.
    pub about: About,
    /// How many entries it had.
    pub entries: u64,
    /// The bytes of all its files.
    pub bytes: u64,
    /// How many files have the path in them.
    pub files: usize,
    /// In how many places.
    pub places: usize,
    /// The files that were left as they are, by class.
    pub left: BTreeMap<String, Vec<RelPath>>,
}

/// Why nothing was installed.
#[derive(Debug)]
pub enum InstallError {
    /// The path does not fit.
    Misfit(Misfit),
    /// The archive cannot be read, is hostile, or has no record.
    Archive(RestoreError),
    /// It is not what its manifest says.
    Differs {
        /// The archive.
        archive: PathBuf,
        /// What is different.
        findings: Vec<Finding>,
    },
    /// Its record does not fit a file.
    Record {
        /// The file.
        path: RelPath,
        /// Why.
        source: FillError,
    },
    /// Something could not be written.
    Write(WriteError),
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misfit(source) => source.fmt(f),
            Self::Archive(source) => source.fmt(f),
            Self::Differs { archive, findings } => {
                write!(f, "'{}' is not what its manifest says: {}", archive.display(), Finding::first_of(findings))
            }
            Self::Record { path, source } => write!(f, "the record does not fit '{path}': it {source}"),
            Self::Write(source) => source.fmt(f),
        }
    }
}

impl std::error::Error for InstallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Misfit(source) => Some(source),
            Self::Differs { .. } => None,
            Self::Archive(source) => Some(source),
            Self::Record { source, .. } => Some(source),
            Self::Write(source) => Some(source),
        }
    }
}

impl From<WriteError> for InstallError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

/// The directory on its way to DEST; dropped before the parents it lies in.
struct Place {
    new: NewDir,
    parents: Parents,
}

/// Installs an archive.
pub fn archive(install: &Install<'_>, listener: &dyn Listener) -> Result<Installed, InstallError> {
    let mut place = None;
    let begin = &mut |about: &About| -> Result<Option<PathBuf>, ContentError> {
        Ok(begin(install, about)?.map(|begun| place.insert(begun).new.staging().to_owned()))
    };
    let Restored { mut findings, manifest, entries, bytes, mut tree, .. } =
        restore(install.archive, install.limits, begin, listener).map_err(told)?;
    findings.retain(|finding| finding.severity == Severity::Error);
    if !findings.is_empty() {
        return Err(InstallError::Differs { archive: install.archive.to_owned(), findings });
    }
    let filling = Filling::decide(&manifest, install.dest, install.leave)?;
    filling.write(&mut tree)?;
    let (files, places) = (filling.files, filling.places);
    let installed = Installed { about: manifest.about.clone(), entries, bytes, files, places, left: filling.left };
    tree.seal()?;
    if let Some(Place { new, parents }) = place {
        new.commit()?;
        parents.keep();
    }
    Ok(installed)
}

/// What `about.json` alone decides, before anything is written.
fn begin(install: &Install<'_>, about: &About) -> Result<Option<Place>, InstallError> {
    let len = install.dest.as_bytes().len() as u64;
    // A class that is no kind of text may be what has so little room, and is left then.
    let may_be_left = install.leave.iter().any(|class| crate::text::kind::Kind::named(class).is_none());
    if let Some(capacity) = about.capacity.filter(|capacity| *capacity < len && !may_be_left) {
        let misfit = Misfit { to: install.dest.clone(), files: Vec::new(), capacity: Some(capacity) };
        return Err(InstallError::Misfit(misfit));
    }
    if install.dry_run {
        return Ok(None);
    }
    let dest = Path::new(OsStr::from_bytes(install.dest.as_bytes()));
    let parents = Parents::make(dest)?;
    Ok(Some(Place { new: NewDir::create(dest)?, parents }))
}

/// An error of ours that came through the reader of the archive is one of ours again.
fn told(error: RestoreError) -> InstallError {
    match error {
        RestoreError::Archive(UnpackError::Visitor(source)) => match source.downcast::<InstallError>() {
            Ok(ours) => *ours,
            Err(source) => InstallError::Archive(RestoreError::Archive(UnpackError::Visitor(source))),
        },
        RestoreError::Archive(UnpackError::Write(source)) => InstallError::Write(source),
        error => InstallError::Archive(error),
    }
}

/// What a tree gets at its path, all of it checked before anything is written.
pub struct Filling<'m> {
    /// How many files have the path in them.
    pub files: usize,
    /// In how many places.
    pub places: usize,
    /// The files that are left as they are, by class.
    pub left: BTreeMap<String, Vec<RelPath>>,
    manifest: &'m Manifest,
    dest: &'m Prefix,
    todo: Vec<(&'m Entry, Fill<'m>)>,
}

impl<'m> Filling<'m> {
    /// Decides which files get the path `dest`; the classes in `leave` do not.
    pub fn decide(manifest: &'m Manifest, dest: &'m Prefix, leave: &BTreeSet<String>) -> Result<Self, InstallError> {
        let about = &manifest.about;
        let depending = manifest.entries.iter().filter(|entry| !entry.places.is_empty());
        let (left, filled): (Vec<_>, Vec<_>) = depending.partition(|entry| fits::is_left(entry, leave, about, dest));
        fits::check(filled.iter().copied(), about, dest).map_err(InstallError::Misfit)?;
        let mut filling = Self { files: 0, places: 0, left: BTreeMap::new(), manifest, dest, todo: Vec::new() };
        for entry in left {
            for group in &entry.places {
                filling.left.entry(group.class.clone()).or_default().push(entry.path.clone());
            }
        }
        for entry in filled {
            let wrong = |source| InstallError::Record { path: entry.path.clone(), source };
            let fill = Fill::new(&entry.places, about).map_err(wrong)?;
            if !matches!(entry.kind, Kind::File { .. }) {
                return Err(wrong(FillError::Record));
            }
            filling.files += 1;
            filling.places += fill.places();
            if about.at.as_ref() != Some(dest) {
                filling.todo.push((entry, fill));
            }
        }
        Ok(filling)
    }

    /// The files that [`Filling::write`] opens: those that get the path, those that keep sums, and those that are summed up. It
    /// changes them in place, so none of them may have a name outside the tree.
    pub fn touched(manifest: &'m Manifest) -> BTreeSet<&'m RelPath> {
        let depending = manifest.entries.iter().filter(|entry| ledger::depends(entry));
        depending.flat_map(|entry| entry.sums.iter().map(|sum| &sum.of).chain([&entry.path])).collect()
    }

    /// Writes the path into a tree all of whose files are as the archive had them, and the record of where it is.
    pub fn write(&self, tree: &mut Unsealed) -> Result<(), InstallError> {
        for (entry, fill) in &self.todo {
            write(tree, &self.manifest.about, entry, fill, self.dest)?;
        }
        ledgers(tree, self.manifest, self.dest)?;
        let record = RelPath::new(manifest::PLACE.as_bytes()).unwrap_or_default();
        Ok(tree.add(&record, &Whereabouts::at(Some(self.dest)).to_bytes())?)
    }
}

/// Writes the path into one file, in place: no name leads to it yet, and its other names are to have it too.
fn write(tree: &mut Unsealed, about: &About, entry: &Entry, fill: &Fill<'_>, to: &Prefix) -> Result<(), InstallError> {
    let wrong = |source| InstallError::Record { path: entry.path.clone(), source };
    let Some(mut file) = tree.open(&entry.path)? else { return Ok(()) };
    let failed = |doing| failed(doing, entry, to);
    let looks = file.metadata().map_err(failed("look at"))?;
    let base = about.at.as_ref();
    let source = file.try_clone().and_then(FileBytes::new).map_err(failed("read"))?;
    if fill.is_padded() {
        fill.stands_at(&source, base).map_err(failed("read"))?.map_err(wrong)?;
        for edit in fill.spelt(Some(to)) {
            let (offset, bytes) = edit.map_err(wrong)?;
            file.write_all_at(&bytes, offset).map_err(failed("write"))?;
        }
    } else if looks.len() > LONGEST_TEXT {
        return Err(wrong(FillError::Record));
    } else {
        let mut bytes = Vec::new();
        fill.pour(&source, base, Some(to), &mut bytes).map_err(failed("read"))?.map_err(wrong)?;
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&bytes)).map_err(failed("write"))?;
    }
    Ok(tree.close(&file, &entry.path, entry.mode, looks.mtime())?)
}

/// Writes the sums of filled files into the files that keep them.
fn ledgers(tree: &mut Unsealed, manifest: &Manifest, to: &Prefix) -> Result<(), InstallError> {
    let mut known: BTreeMap<&RelPath, Sums> = BTreeMap::new();
    for entry in ledger::in_rounds(manifest.entries.iter()).into_iter().flatten() {
        for sum in &entry.sums {
            let of = manifest.entry(&sum.of).filter(|of| matches!(of.kind, Kind::File { .. }) && of.path != entry.path);
            if let Some(of) = of.filter(|of| !known.contains_key(&of.path)) {
                known.extend(sums(tree, of, to)?.map(|sums| (&of.path, sums)));
            }
        }
        sum_up(tree, &manifest.about, entry, &known, to)?;
    }
    Ok(())
}

/// The sums of one file as it is; none where nothing is written.
fn sums(tree: &mut Unsealed, entry: &Entry, to: &Prefix) -> Result<Option<Sums>, InstallError> {
    let Some(file) = tree.open(&entry.path)? else { return Ok(None) };
    let failed = failed("read", entry, to);
    let mtime = file.metadata().map_err(&failed)?.mtime();
    let source = file.try_clone().and_then(FileBytes::new).map_err(&failed)?;
    let sums = Sums::read(&source).map_err(&failed)?;
    tree.close(&file, &entry.path, entry.mode, mtime)?;
    Ok(Some(sums))
}

fn sum_up(
    tree: &mut Unsealed,
    about: &About,
    entry: &Entry,
    known: &BTreeMap<&RelPath, Sums>,
    to: &Prefix,
) -> Result<(), InstallError> {
    let wrong = |source| InstallError::Record { path: entry.path.clone(), source };
    let ledger = Ledger::new(entry, about).map_err(wrong)?;
    let Some(mut file) = tree.open(&entry.path)? else { return Ok(()) };
    let looks = file.metadata().map_err(failed("look at", entry, to))?;
    if looks.len() > ledger::LONGEST {
        return Err(wrong(FillError::Record));
    }
    let source = file.try_clone().and_then(FileBytes::new).map_err(failed("read", entry, to))?;
    let bytes = source.range(0, source.size()).map_err(failed("read", entry, to))?;
    // One that was left, by its class, is where the archive had it.
    let found = ledger.find(&bytes, &[Some(to), about.at.as_ref(), None]).ok_or_else(|| wrong(FillError::Record))?;
    let is_left = !entry.places.is_empty() && found.at != Some(to);
    let new = ledger.write(&found, found.at, is_left, |of| known.get(of).copied()).map_err(wrong)?;
    if *new != *bytes {
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&new));
        written.map_err(failed("write", entry, to))?;
    }
    Ok(tree.close(&file, &entry.path, entry.mode, looks.mtime())?)
}

/// Says what failed, by the path the file will have.
fn failed<'e>(doing: &'static str, entry: &'e Entry, to: &'e Prefix) -> impl Fn(std::io::Error) -> InstallError + 'e {
    move |source| {
        let place = entry.path.under(Path::new(OsStr::from_bytes(to.as_bytes())));
        InstallError::Write(WriteError::io(doing, &place)(source))
    }
}
