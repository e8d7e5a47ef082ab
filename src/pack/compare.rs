//! `relocate verify`: is a tree or an archive still what its manifest says, byte for byte?
//!
//! Compared are the set of paths, types, lengths, digests and link targets. Modes: in an archive exactly. In a tree the
//! owner's bits exactly, the others may only be fewer, because tar run by an ordinary user takes the umask off and drops
//! set-id bits; the set-group-ID bit of a directory may also be more, because it is inherited. Not compared: owners and
//! times, and the modes of symlinks. Where a file of a tree names the path of the tree in the places that the manifest
//! knows, it is compared as it was in the archive, so an installed tree verifies wherever it is; a sum of such a file must be
//! that of the file as it is. A hard link that became a file of its own with the same bytes is a note. The manifest
//! cannot vouch for itself: compare the archive's sha256 with the published one for that.

pub(super) mod judge;
mod moved;

use self::judge::{Fact, Facts, Modes, What, extra, judge};
use self::moved::Moved;
use super::guard::Limits;
use super::visit::{Entry as ArchiveEntry, UnpackError, visit};
use super::{Body, ContentError};
use crate::base::digest::{Digest, Digester};
use crate::base::finding::{Finding, Severity};
use crate::base::path::{RelPath, printable};
use crate::manifest::{self, About, Manifest, ManifestError, Whereabouts};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Why nothing could be compared.
#[derive(Debug)]
pub enum CompareError {
    /// The tree or archive has no record.
    NoRecord {
        /// The tree or archive.
        path: PathBuf,
        /// The record that is missing.
        record: &'static str,
    },
    /// A record cannot be used.
    Record(ManifestError),
    /// The tree could not be read.
    Read {
        /// Which directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The archive could not be read.
    Archive(UnpackError),
}

impl fmt::Display for CompareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &Path| printable(path.as_os_str().as_bytes()).into_owned();
        match self {
            Self::NoRecord { path, record } => {
                write!(f, "cannot verify '{}': it has no {record}, so relocate did not make it", shown(path))
            }
            Self::Record(source) => write!(f, "{source}"),
            Self::Read { path, source } => write!(f, "cannot read '{}': {source}", shown(path)),
            Self::Archive(source) => write!(f, "{source}"),
        }
    }
}

impl std::error::Error for CompareError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoRecord { .. } => None,
            Self::Record(source) => Some(source),
            Self::Read { source, .. } => Some(source),
            Self::Archive(source) => Some(source),
        }
    }
}

/// A record larger than this is not read into memory; a million entries have about 200 MiB.
pub(super) const LARGEST_RECORD: u64 = 1 << 30;

/// Compares an archive with the manifest in it. The findings are sorted; an [`Severity::Error`] means it is not the same.
pub fn verify_archive(path: &Path, limits: &Limits) -> Result<Vec<Finding>, CompareError> {
    let mut records = Records::new();
    let (mut facts, mut outside, mut top, mut last) = (Facts::new(), Vec::new(), None, RelPath::root());
    visit(path, limits, &mut |entry| {
        // Without a top directory there is no record either, which is told at the end.
        let top = top.get_or_insert_with(|| top_of(&entry.item.path).unwrap_or_default());
        let Some(place) = inside(top, &entry.item.path) else {
            outside.push(extra(&entry.item.path));
            return Ok(());
        };
        let (fact, bytes) = archive_fact(entry, top, is_record(&place).then(Vec::new))?;
        records.extend(bytes.map(|bytes| (place.clone(), bytes)));
        facts.insert(place.clone(), fact);
        last = place;
        Ok(())
    })
    .map_err(CompareError::Archive)?;
    let (about, manifest) = read_records(path, &records)?;
    let mut findings = judge(&manifest, facts, Modes::Exact);
    findings.extend(about_changed(&about, &manifest));
    if last.as_bytes() != manifest::MANIFEST.as_bytes() {
        findings.push(Finding::of_tree(Severity::Error, "record-misplaced", "the manifest is not the last entry"));
    }
    findings.append(&mut outside);
    findings.sort();
    Ok(findings)
}

/// Compares the tree at `path`, which has `.relocate` in it, with its manifest. The findings are sorted.
pub fn verify_dir(path: &Path) -> Result<Vec<Finding>, CompareError> {
    let failed = |source| CompareError::Read { path: path.to_owned(), source };
    let root = fs::canonicalize(path).map_err(failed)?;
    let mut records = Records::new();
    for record in [manifest::ABOUT, manifest::MANIFEST, manifest::PLACE] {
        match fs::read(root.join(record)) {
            Ok(bytes) => records.extend(RelPath::new(record.as_bytes()).map(|record| (record, bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(CompareError::Read { path: root.join(record), source }),
        }
    }
    let (about, manifest) = read_records(path, &records)?;
    let place = RelPath::new(manifest::PLACE.as_bytes()).and_then(|place| records.get(&place));
    let whereabouts = place.map(|bytes| Whereabouts::parse(bytes)).transpose().map_err(CompareError::Record)?;
    let facts = dir_facts(&root, &Moved::new(&root, &manifest, whereabouts.as_ref()))?;
    let mut findings = judge(&manifest, facts, Modes::AfterUmask);
    findings.extend(about_changed(&about, &manifest));
    findings.extend(whereabouts.as_ref().and_then(move_unfinished));
    findings.sort();
    Ok(findings)
}

fn move_unfinished(whereabouts: &Whereabouts) -> Option<Finding> {
    let to = whereabouts.moving_to.last()?;
    let found = format!("it was being moved to '{to}' and that was cut short");
    Some(Finding::of_tree(Severity::Error, "move-unfinished", found).help("run 'relocate fix' on it"))
}

fn about_changed(about: &About, manifest: &Manifest) -> Option<Finding> {
    let found = "about.json does not say what the manifest says";
    (*about != manifest.about).then(|| Finding::of_tree(Severity::Error, "about-changed", found))
}

/// The bytes of the two records, by their path in the tree.
type Records = BTreeMap<RelPath, Vec<u8>>;

fn is_record(path: &RelPath) -> bool {
    [manifest::ABOUT, manifest::MANIFEST].iter().any(|record| path.as_bytes() == record.as_bytes())
}

fn read_records(path: &Path, records: &Records) -> Result<(About, Manifest), CompareError> {
    let bytes = |record: &'static str| {
        let found = RelPath::new(record.as_bytes()).and_then(|place| records.get(&place));
        found.ok_or_else(|| CompareError::NoRecord { path: path.to_owned(), record })
    };
    let about = About::parse(bytes(manifest::ABOUT)?).map_err(CompareError::Record)?;
    let manifest = Manifest::parse(bytes(manifest::MANIFEST)?).map_err(CompareError::Record)?;
    Ok((about, manifest))
}

/// The first entry is `about.json`, and what stands before that is the top directory, or nothing.
pub(super) fn top_of(first: &RelPath) -> Option<RelPath> {
    let top = first.as_bytes().strip_suffix(manifest::ABOUT.as_bytes())?;
    (top.is_empty() || top.ends_with(b"/")).then(|| RelPath::new(top)).flatten()
}

/// The path in the tree of what lies below the top directory.
pub(super) fn inside(top: &RelPath, path: &RelPath) -> Option<RelPath> {
    if !path.starts_with(top) {
        return None;
    }
    let rest = path.as_bytes().get(top.as_bytes().len()..)?;
    RelPath::new(rest.strip_prefix(b"/").unwrap_or(rest))
}

fn archive_fact(
    entry: ArchiveEntry<'_>,
    top: &RelPath,
    mut keep: Option<Vec<u8>>,
) -> Result<(Fact, Option<Vec<u8>>), ContentError> {
    let what = match entry.item.body {
        Body::Dir => What::Dir,
        Body::Symlink(target) => What::Symlink(target),
        Body::HardLink(first) => What::HardLink(inside(top, &first).unwrap_or(first)),
        Body::File { size } if keep.is_some() && size > LARGEST_RECORD => {
            return Err(format!("cannot read {}: it has {size} bytes", entry.item.path).into());
        }
        Body::File { size } => What::File { size, sha256: Ok(digest(entry.bytes, keep.as_mut())?) },
    };
    Ok((Fact { mode: entry.item.mode, what }, keep))
}

fn digest(from: &mut dyn Read, mut keep: Option<&mut Vec<u8>>) -> io::Result<Digest> {
    let mut digester = Digester::default();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let len = from.read(&mut buffer)?;
        if len == 0 {
            return Ok(digester.finish());
        }
        digester.update(&buffer[..len]);
        if let Some(kept) = &mut keep {
            kept.extend_from_slice(&buffer[..len]);
        }
    }
}

fn dir_facts(root: &Path, moved: &Moved<'_>) -> Result<Facts, CompareError> {
    let mut paths = Vec::new();
    for entry in WalkDir::new(root) {
        let entry = entry.map_err(|error| CompareError::Read {
            path: error.path().unwrap_or(root).to_owned(),
            source: error.into(),
        })?;
        let rest = entry.path().strip_prefix(root).unwrap_or(Path::new(""));
        paths.extend(RelPath::new(rest.as_os_str().as_bytes()));
    }
    let facts = paths.into_par_iter().map(|path| {
        let fact = dir_fact(root, &path, moved)?;
        Ok((path, fact))
    });
    facts.collect()
}

fn dir_fact(root: &Path, path: &RelPath, moved: &Moved<'_>) -> Result<Fact, CompareError> {
    let place = path.under(root);
    let failed = |source| CompareError::Read { path: place.clone(), source };
    let about = fs::symlink_metadata(&place).map_err(failed)?;
    let what = if about.is_dir() {
        What::Dir
    } else if about.is_symlink() {
        What::Symlink(fs::read_link(&place).map_err(failed)?.into_os_string().as_bytes().to_vec())
    } else if about.is_file() {
        match File::open(&place).and_then(|file| file_digest(path, file, about.len(), moved)) {
            Ok((size, sha256)) => What::File { size, sha256: Ok(sha256) },
            Err(error) => What::File { size: about.len(), sha256: Err(error.to_string()) },
        }
    } else {
        What::Other
    };
    Ok(Fact { mode: about.mode() & 0o7777, what })
}

/// Size and digest, as packed where the file depends on the path of the tree.
fn file_digest(path: &RelPath, mut file: File, size: u64, moved: &Moved<'_>) -> io::Result<(u64, Digest)> {
    match moved.as_packed(path, &file)? {
        Some(packed) => Ok(packed),
        None => Ok((size, digest(&mut file, None)?)),
    }
}
