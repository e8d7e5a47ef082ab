//! Judges a tree that is there: a directory, or the unpacked content of an archive, made by us or by anybody.

pub(super) mod left;

pub use left::Left;

use super::{JobError, contents, tree};
use crate::base::bytes::{self, FileBytes};
use crate::base::event::{Listener, Silent};
use crate::base::glob::Globs;
use crate::base::path::{Prefix, RelPath};
use crate::base::write::Scratch;
use crate::manifest::{self, About};
use crate::pack::{Limits, unpack};
use crate::plan::{self, Hints};
use crate::scan::{self, Candidate, Class, Entry, Inventory, Kind, Listing, Prune};
use crate::verify::judge::{Exhibit, Law, Verdict, What, judge};
use crate::verify::witness::testify;
use rayon::prelude::*;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What the tree is looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To judge it.
    Look,
    /// To run programs of it, which need a path it was never at.
    Run,
}

/// A tree on the disk: the one named, or a copy at a fresh path that goes away with it.
#[derive(Debug)]
pub enum Subject {
    /// The directory that was named.
    Here(PathBuf),
    /// A copy, and the scratch directory it lies in.
    Copy(PathBuf, Scratch),
}

impl Subject {
    /// Where the tree lies.
    pub fn root(&self) -> &Path {
        match self {
            Self::Here(root) | Self::Copy(root, _) => root,
        }
    }
}

/// Makes the tree at `path`, a directory or an archive, accessible as a directory.
pub fn open(path: &Path, purpose: &Purpose, listener: &dyn Listener) -> Result<Subject, JobError> {
    if path.is_dir() && *purpose == Purpose::Look {
        return Ok(Subject::Here(path.to_owned()));
    }
    let scratch = Scratch::create("relocate-check-")?;
    if *purpose == Purpose::Run && !scratch.may_execute() {
        return Err(JobError::NoExec { scratch: scratch.path().to_owned() });
    }
    let place = scratch.path().join("tree");
    if path.is_dir() {
        tree::copy(path, &place, listener)?;
        return Ok(Subject::Copy(place, scratch));
    }
    fs::create_dir(&place).map_err(|error| JobError::Read { path: place.clone(), error })?;
    let unpacked = unpack(path, &place, &Limits::default(), listener)?;
    Ok(Subject::Copy(unpacked.top.under(&place), scratch))
}

/// What a tree is checked by.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The prefixes it was built for, where the user says.
    pub old_prefixes: &'a [Prefix],
    /// Directories it was built in.
    pub build_dirs: &'a [Prefix],
    /// What is allowed and demanded.
    pub law: &'a Law,
}

/// A tree, looked at.
#[derive(Debug)]
pub struct Checked {
    /// What the judge says.
    pub verdict: Verdict,
    /// What still names an old path.
    pub left: Left,
    /// The prefixes it was built for: what its record says, else what its files say. Empty where neither does.
    pub old_prefixes: Vec<Prefix>,
    /// Its own record, where it has one.
    pub about: Option<About>,
    /// How many regular files it has.
    pub files: usize,
    /// How many bytes those have.
    pub bytes: u64,
}

/// Judges the tree at `root`.
pub fn directory(root: &Path, asked: &Asked<'_>, listener: &dyn Listener) -> Result<Checked, JobError> {
    let about = fs::read(root.join(manifest::ABOUT)).ok().and_then(|bytes| About::parse(&bytes).ok());
    let recorded = about.as_ref().map(|about| about.old_prefixes.clone()).filter(|prefixes| !prefixes.is_empty());
    let known = if asked.old_prefixes.is_empty() { recorded } else { Some(asked.old_prefixes.to_vec()) };
    let listing = Listing::new(root, &Globs::default(), &Prune::default());
    let mkconf = listing.contents(&super::mkconf_path());
    let search = |prefixes: &[Prefix]| left::Search::new(root, &mkconf, prefixes, about.as_ref(), asked);
    // What all files name is known only when all are read; what a few name is mostly the same, and if not, all are read
    // again.
    let mut old_prefixes = known.clone().unwrap_or_else(|| chosen(&listing.guess()));
    let mut sought = search(&old_prefixes);
    let look = |sought: &left::Search, listing: Listing| {
        listing.read(listener, &|path, facts, bytes| sought.look(path, facts, bytes))
    };
    let (mut inventory, mut seen) = look(&sought, listing)?;
    let named = known.unwrap_or_else(|| chosen(&scan::candidates(&inventory)));
    if named != old_prefixes {
        old_prefixes = named;
        sought = search(&old_prefixes);
        (inventory, seen) = look(&sought, Listing::new(root, &Globs::default(), &Prune::default()))?;
    }
    let (whats, seen): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
    let mut verdict = judge(&exhibits(&inventory, whats), asked.law);
    super::bundle::locate(&mut verdict.missing, &plan::Plan::default());
    let left = sought.judge(root, &inventory, seen, asked.law);
    let files = inventory.entries.values().filter_map(Entry::file);
    let (files, bytes) = (files.clone().count(), files.map(|file| file.size).sum());
    Ok(Checked { verdict, left, old_prefixes, about, files, bytes })
}

/// The prefixes that are plausible, all of them.
fn chosen(candidates: &[Candidate]) -> Vec<Prefix> {
    match plan::choose(&Hints::default(), candidates) {
        Ok(choice) => choice.prefixes,
        Err(ambiguous) => ambiguous.candidates.into_iter().map(|candidate| candidate.prefix).collect(),
    }
}

/// What the judge sees of each path; `whats` are those of the regular files, in the order of paths.
fn exhibits(inventory: &Inventory, whats: Vec<What>) -> Vec<Exhibit> {
    let mut whats = whats.into_iter();
    let exhibit = |(path, entry): (&RelPath, &Entry)| {
        let read = entry.file().and_then(|_| whats.next());
        let what = read.unwrap_or_else(|| contents::shown(entry, None));
        Exhibit { path: path.clone(), mode: entry.mode, what }
    };
    inventory.entries.iter().map(exhibit).collect()
}

/// Judges the tree at `root` as it is on the disk now. What was no ELF file when it was read for `before`, and has not
/// changed since, is not opened again.
pub(super) fn judge_directory(
    root: &Path,
    exclude: &Globs,
    law: &Law,
    before: &Inventory,
) -> Result<Verdict, JobError> {
    let inventory = Listing::new(root, exclude, &Prune::default()).inspect_since(before, &Silent)?;
    let files: Vec<_> = inventory.entries.iter().filter(|(_, entry)| entry.file().is_some()).collect();
    let what = |(path, entry)| what(&inventory, path, entry);
    let whats = files.into_par_iter().map(what).collect::<Result<_, _>>()?;
    Ok(judge(&exhibits(&inventory, whats), law))
}

/// Judges the tree that was read for `before` by what its ELF files, their further names and its symlinks are on the disk
/// now; all else is taken to be what it was.
pub(super) fn judge_programs(root: &Path, law: &Law, before: &Inventory) -> Result<Verdict, JobError> {
    let stat = |path: &RelPath| {
        let place = path.under(root);
        fs::symlink_metadata(&place).map_err(|error| JobError::Read { path: place, error })
    };
    let exhibit = |(path, entry): (&RelPath, &Entry)| {
        let what = match &entry.kind {
            Kind::Symlink(_) => target(path.under(root))?,
            Kind::HardLink(first) if stat(path)?.ino() != stat(first)?.ino() => read(&before.source(path))?,
            _ => what(before, path, entry)?,
        };
        let is_elf = matches!(what, What::Dynamic(..) | What::Unreadable(_));
        let mode = if is_elf { stat(path)?.mode() & 0o7777 } else { entry.mode };
        Ok(Exhibit { path: path.clone(), mode, what })
    };
    let exhibits: Result<Vec<_>, JobError> = before.entries.par_iter().map(exhibit).collect();
    Ok(judge(&exhibits?, law))
}

/// A symlink as the judge sees it.
fn target(place: PathBuf) -> Result<What, JobError> {
    match fs::read_link(&place) {
        Ok(target) => Ok(What::Symlink(target.into_os_string().into_vec())),
        Err(error) => Err(JobError::Read { path: place, error }),
    }
}

/// What the judge sees of a regular file; ELF files are read again with the judge's own parser.
fn what(inventory: &Inventory, path: &RelPath, entry: &Entry) -> Result<What, JobError> {
    match entry.file().map(|file| &file.class) {
        Some(Class::Elf(_) | Class::BadElf(_)) => read(&inventory.source(path)),
        _ => Ok(contents::shown(entry, None)),
    }
}

/// What the judge's own parser makes of a file.
pub(super) fn read(source: &Path) -> Result<What, JobError> {
    let unreadable = |error| JobError::Read { path: source.to_owned(), error };
    let file = bytes::open(source).and_then(FileBytes::new).map_err(unreadable)?;
    Ok(What::from(testify(&file)))
}
