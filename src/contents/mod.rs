//! What is in a tree: takes a directory and gives the packages of its package database and the wheels that lie in it, with their
//! versions, options, licences, sizes and why each is there. [`sbom`] says the same in CycloneDX, [`vulnerable`] compares it
//! with the list that pkgsrc publishes. A database entry that cannot be read is a finding, and the others are still told.

mod database;
mod package;
pub mod sbom;
pub mod vulnerable;
mod wheel;

pub use package::{Kind, Package, Why};

use crate::base::finding::Finding;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// What a tree holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Packages and wheels, sorted by name, then version.
    pub packages: Vec<Package>,
    /// What could not be read, or does not fit together.
    pub findings: Vec<Finding>,
    /// Every file and symlink of the tree.
    pub files: u64,
    /// Their sizes, in bytes.
    pub bytes: u64,
    /// Files that no package or wheel claims, without the package database itself.
    pub unowned: u64,
}

/// Why a tree cannot be looked at.
#[derive(Debug)]
pub struct ContentsError {
    /// What could not be read.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl fmt::Display for ContentsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for ContentsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// The files of packages with these full names, their database entries among them, without what another package claims too,
/// and the directories that hold nothing else; relative to `root`.
pub fn files_of(root: &Path, full_names: &BTreeSet<String>) -> Result<BTreeSet<PathBuf>, ContentsError> {
    let sizes = sizes(root)?;
    let (mut theirs, mut others) = (BTreeSet::new(), BTreeSet::new());
    for listing in sizes.keys().filter(|path| path.file_name().is_some_and(|name| name == database::LISTING)) {
        let Ok((package, files)) = database::read(root, listing, &sizes) else { continue };
        if full_names.contains(&package.full_name()) {
            let entry = listing.parent().unwrap_or(Path::new(""));
            theirs.extend(sizes.keys().filter(|path| path.starts_with(entry)).cloned());
            theirs.extend(files.into_iter().filter(|file| sizes.contains_key(file)));
        } else {
            others.extend(files);
        }
    }
    let mut theirs: BTreeSet<PathBuf> = theirs.difference(&others).cloned().collect();
    theirs.extend(emptied(root, &theirs));
    Ok(theirs)
}

/// Directories that hold files of `gone`, and nothing besides.
fn emptied(root: &Path, gone: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let (mut emptied, mut lost, mut kept) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    // What lies in a directory comes before it.
    for entry in WalkDir::new(root).min_depth(1).contents_first(true).into_iter().filter_map(Result::ok) {
        let Ok(path) = entry.path().strip_prefix(root) else { continue };
        let is_dir = entry.file_type().is_dir();
        let is_gone = if is_dir { lost.contains(path) && !kept.contains(path) } else { gone.contains(path) };
        let above = path.parent().unwrap_or(Path::new("")).to_owned();
        if is_gone {
            lost.insert(above);
            emptied.extend(is_dir.then(|| path.to_owned()));
        } else {
            kept.insert(above);
        }
    }
    emptied
}

/// The directory of our own records in a tree; it is part of nobody's software.
const OURS: &str = ".relocate";

/// The sizes of a tree's files and symlinks in bytes, by path below its root.
type Sizes = BTreeMap<PathBuf, u64>;

impl Contents {
    /// Looks at every path below `root`. A package database is any directory whose entries hold a `+CONTENTS`: its place
    /// moved from `var/db/pkg` to `pkgdb`, and a recipe may put it anywhere.
    pub fn read(root: &Path) -> Result<Self, ContentsError> {
        Ok(Self::of(root, &sizes(root)?))
    }

    /// The same for a tree whose files and symlinks are known: their sizes in bytes, by path below `root`.
    pub fn of(root: &Path, sizes: &BTreeMap<PathBuf, u64>) -> Self {
        let mut found = Self { files: sizes.len() as u64, bytes: sizes.values().sum(), ..Self::default() };
        let mut owned: BTreeSet<PathBuf> = BTreeSet::new();
        for listing in sizes.keys().filter(|path| path.file_name().is_some_and(|name| name == database::LISTING)) {
            found.add(database::read(root, listing, sizes), &mut owned);
        }
        // What pkgsrc made of a Python distribution is listed once, as the package.
        let of_packages = owned.clone();
        for metadata in sizes.keys().filter(|path| wheel::is_metadata(path) && !of_packages.contains(*path)) {
            found.add(wheel::read(root, metadata, sizes), &mut owned);
        }
        found.unowned = sizes.keys().filter(|path| !owned.contains(*path) && !database::is_part(path)).count() as u64;
        package::explain(&mut found.packages, &mut found.findings);
        found.packages.sort_by(|a, b| (&a.name, &a.version, &a.place).cmp(&(&b.name, &b.version, &b.place)));
        found.findings.sort();
        found
    }

    fn add(&mut self, read: Result<(Package, BTreeSet<PathBuf>), Box<Finding>>, owned: &mut BTreeSet<PathBuf>) {
        match read {
            Ok((package, files)) => {
                owned.extend(files);
                self.packages.push(package);
            }
            Err(finding) => self.findings.push(*finding),
        }
    }

    /// The package of this full name, such as `nginx-1.4.7nb5`.
    pub fn package(&self, full_name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.full_name() == full_name)
    }
}

fn sizes(root: &Path) -> Result<Sizes, ContentsError> {
    let mut sizes = Sizes::new();
    let is_ours = |entry: &DirEntry| entry.depth() == 1 && entry.file_name() == OURS;
    for entry in WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(|entry| !is_ours(entry)) {
        let told = |error: walkdir::Error| {
            let path = error.path().unwrap_or(root).to_owned();
            ContentsError { path, error: error.into() }
        };
        let entry = entry.map_err(told)?;
        if entry.depth() == 0 || entry.file_type().is_dir() {
            continue;
        }
        let size = entry.metadata().map_err(told)?.len();
        if let Ok(path) = entry.path().strip_prefix(root) {
            sizes.insert(path.to_owned(), size);
        }
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests;
