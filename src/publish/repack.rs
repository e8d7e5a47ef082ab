//! An archive that relocate made becomes the full pack of a release, without a change to one byte of its files.
//!
//! Takes a proven archive; unpacks it, holds it against its record, and packs it again: nobody may write to anything, root owns
//! everything, and all times are one, but those of sources that compiled Python files are valid by. The record inside is made
//! again and says so. The same archive gives the same pack. Refuses what was not proven, or is not what its record says.

use super::times;
use crate::base::bytes::FileBytes;
use crate::base::digest::{Digest, Digester};
use crate::base::event::Listener;
use crate::base::finding::{Finding, Severity};
use crate::base::path::{RelPath, printable};
use crate::base::write::{NewDir, NewFile, Scratch, WriteError};
use crate::manifest::{self, About, Entry, Kind, Manifest};
use crate::pack::{
    self, Body, ContentError, Contents, Format, Item, Limits, Options, PackError, RestoreError, Tree, UnpackError,
};
use crate::release::MTIME;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What a file takes on a disk is counted in blocks of so many bytes.
const BLOCK: u64 = 4096;
/// How many bytes are read at a time.
const PIECE: usize = 256 * 1024;
/// The compression of the record beside the pack.
const LEVEL: i32 = 19;

/// A release in files that go away when this is dropped.
#[derive(Debug)]
pub struct Repacked {
    /// The full pack.
    pub full: Piece,
    /// Its record, compressed.
    pub record: Piece,
    /// What the record says.
    pub manifest: Manifest,
    /// How many bytes the release takes on a disk, in whole blocks.
    pub installed_bytes: u64,
    /// How many files, directories and links it has.
    pub installed_entries: u64,
    scratch: Scratch,
}

impl Repacked {
    /// A directory for more files that go away with it.
    pub(super) fn room(&self) -> &Path {
        self.scratch.path()
    }
}

/// A file of a release that is ready to be put into the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where it is meanwhile.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Digest,
}

/// Why an archive makes no release.
#[derive(Debug)]
pub enum RepackError {
    /// It cannot be read, is hostile, or has no record.
    Archive(RestoreError),
    /// It is not what its manifest says.
    Differs {
        /// The archive.
        archive: PathBuf,
        /// What is different.
        findings: Vec<Finding>,
    },
    /// Nothing proved that it runs from any path.
    Unproven {
        /// The archive.
        archive: PathBuf,
    },
    /// A file that was unpacked could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The pack could not be written.
    Pack(PackError),
    /// Something else could not be written.
    Write(WriteError),
}

impl fmt::Display for RepackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &Path| printable(path.as_os_str().as_bytes()).into_owned();
        match self {
            Self::Archive(source) => source.fmt(f),
            Self::Differs { archive, findings } => {
                write!(f, "'{}' is not what its manifest says: {}", shown(archive), Finding::first_of(findings))
            }
            Self::Unproven { archive } => {
                write!(f, "'{}' was not proven when it was packed, and only what was is published", shown(archive))
            }
            Self::Read { path, source } => write!(f, "cannot read '{}': {source}", shown(path)),
            Self::Pack(source) => source.fmt(f),
            Self::Write(source) => source.fmt(f),
        }
    }
}

impl std::error::Error for RepackError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Archive(source) => Some(source),
            Self::Differs { .. } | Self::Unproven { .. } => None,
            Self::Read { source, .. } => Some(source),
            Self::Pack(source) => Some(source),
            Self::Write(source) => Some(source),
        }
    }
}

impl From<WriteError> for RepackError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<PackError> for RepackError {
    fn from(error: PackError) -> Self {
        Self::Pack(error)
    }
}

/// How a pack is made.
#[derive(Debug, Clone, Copy)]
pub struct Making<'a> {
    /// How much the archive may unpack to.
    pub limits: &'a Limits,
    /// The compression, 1 to 19.
    pub level: i32,
    /// How many threads compress.
    pub jobs: usize,
}

/// Makes the pack of an archive, in the directory for files that do not stay.
pub fn repack(archive: &Path, making: &Making<'_>, listener: &dyn Listener) -> Result<Repacked, RepackError> {
    let options =
        Options { format: Format::TarZst, level: Some(making.level), jobs: making.jobs, top_dir: RelPath::root() };
    options.check()?;
    let scratch = Scratch::create("relocate-publish.")?;
    // Removed before the directory it lies in, whatever modes the archive gives its directories.
    let tree = NewDir::create(&scratch.path().join("tree"))?;
    let (manifest, top_dir) = unpack(archive, making.limits, tree.staging(), listener)?;
    let options = Options { top_dir, ..options };
    let manifest = released(manifest, tree.staging())?;
    let path = scratch.path().join("full.tar.zst");
    let full = write(&manifest, tree.staging(), &path, &options, listener)?;
    let record = compressed(&manifest, &scratch.path().join("manifest.json.zst"))?;
    let (installed_bytes, installed_entries) = taken(&manifest, tree.staging());
    Ok(Repacked { full, record, manifest, installed_bytes, installed_entries, scratch })
}

/// Unpacks a proven archive that is what its record says; tells the record and the directory that all of it lay in.
fn unpack(
    archive: &Path,
    limits: &Limits,
    into: &Path,
    listener: &dyn Listener,
) -> Result<(Manifest, RelPath), RepackError> {
    let begin = &mut |about: &About| -> Result<Option<PathBuf>, ContentError> {
        if !about.proven {
            return Err(RepackError::Unproven { archive: archive.to_owned() }.into());
        }
        Ok(Some(into.to_owned()))
    };
    let restored = pack::restore(archive, limits, begin, listener).map_err(told)?;
    let findings: Vec<_> =
        restored.findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect();
    if !findings.is_empty() {
        return Err(RepackError::Differs { archive: archive.to_owned(), findings });
    }
    Ok((restored.manifest, restored.top))
}

/// An error of ours that came through the reader of the archive is one of ours again.
fn told(error: RestoreError) -> RepackError {
    match error {
        RestoreError::Archive(UnpackError::Visitor(source)) => match source.downcast::<RepackError>() {
            Ok(ours) => *ours,
            Err(source) => RepackError::Archive(RestoreError::Archive(UnpackError::Visitor(source))),
        },
        RestoreError::Archive(UnpackError::Write(source)) => RepackError::Write(source),
        error => RepackError::Archive(error),
    }
}

/// The record of the release: modes that let nobody write, and the times that are not the one of all.
fn released(mut manifest: Manifest, tree: &Path) -> Result<Manifest, RepackError> {
    let kept = times::kept(&manifest, tree);
    let kept = kept.map_err(|source| RepackError::Read { path: tree.to_owned(), source })?;
    for entry in &mut manifest.entries {
        let first = if let Kind::HardLink { first } = &entry.kind { first } else { &entry.path };
        entry.mtime = kept.get(first).copied();
        entry.mode = match entry.kind {
            Kind::Dir => 0o555,
            Kind::Symlink { .. } => 0o777,
            Kind::File { .. } | Kind::HardLink { .. } => entry.mode & 0o7555,
        };
    }
    Ok(manifest)
}

fn item(entry: &Entry) -> Item {
    let body = match &entry.kind {
        Kind::Dir => Body::Dir,
        Kind::File { size, .. } => Body::File { size: *size },
        Kind::Symlink { target } => Body::Symlink(target.clone()),
        Kind::HardLink { first } => Body::HardLink(first.clone()),
    };
    let mtime = entry.mtime.unwrap_or(MTIME);
    Item { path: entry.path.clone(), mode: entry.mode, uid: 0, gid: 0, mtime, body }
}

/// The files of a tree by their place in the record.
struct Files<'a> {
    manifest: &'a Manifest,
    tree: &'a Path,
}

impl Contents for Files<'_> {
    fn stream(&self, index: usize, out: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<Digest, ContentError> {
        let entry = self.manifest.entries.get(index).ok_or("it is not in the record")?;
        let mut file = File::open(entry.path.under(self.tree))?;
        let (mut digester, mut piece) = (Digester::default(), vec![0; PIECE]);
        loop {
            let len = file.read(&mut piece)?;
            let Some(bytes) = piece.get(..len).filter(|bytes| !bytes.is_empty()) else { break };
            digester.update(bytes);
            out(bytes)?;
        }
        let digest = digester.finish();
        match &entry.kind {
            Kind::File { sha256, .. } if *sha256 == digest => Ok(digest),
            _ => Err("it changed while it was packed".into()),
        }
    }

    fn bill(&self) -> Result<Option<Vec<u8>>, ContentError> {
        Ok(own(self.tree, manifest::BILL)?)
    }
}

fn write(
    manifest: &Manifest,
    tree: &Path,
    path: &Path,
    options: &Options,
    listener: &dyn Listener,
) -> Result<Piece, RepackError> {
    let items: Vec<Item> = manifest.entries.iter().map(item).collect();
    let own = |record: &str| own(tree, record);
    let about = own(manifest::ABOUT)?.unwrap_or_else(|| manifest.about.to_bytes());
    let tool = own(manifest::TOOL)?;
    let contents = Files { manifest, tree };
    let packing = Tree { items: &items, contents: &contents, about: &about, tool: tool.as_deref() };
    let record = |_: &[Option<Digest>]| -> Result<FileBytes, ContentError> {
        let mut file = NewFile::scratch()?;
        file.write_all(&manifest.to_bytes())?;
        Ok(FileBytes::new(file.file().try_clone()?)?)
    };
    let packed = pack::write(&packing, record, NewFile::scratch()?, options, listener)?;
    let (size, sha256) = (packed.size(), packed.sha256());
    let mut file = File::create(path).map_err(WriteError::io("write", path))?;
    packed.pour(&mut file)?;
    Ok(Piece { path: path.to_owned(), size, sha256 })
}

/// A record of ours in the tree, where there is one.
fn own(tree: &Path, record: &str) -> Result<Option<Vec<u8>>, RepackError> {
    let path = tree.join(record);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RepackError::Read { path, source }),
    }
}

fn compressed(manifest: &Manifest, path: &Path) -> Result<Piece, RepackError> {
    let written = WriteError::io("write", path);
    let bytes = zstd::encode_all(manifest.to_bytes().as_slice(), LEVEL);
    let bytes = match bytes.and_then(|bytes| fs::write(path, &bytes).map(|()| bytes)) {
        Ok(bytes) => bytes,
        Err(error) => return Err(written(error).into()),
    };
    Ok(Piece { path: path.to_owned(), size: bytes.len() as u64, sha256: Digest::of(&bytes) })
}

/// Bytes on a disk, and entries, with those of our own records.
fn taken(record: &Manifest, tree: &Path) -> (u64, u64) {
    let blocks = |size: u64| size.div_ceil(BLOCK).saturating_mul(BLOCK);
    let bytes = record.entries.iter().map(|entry| match &entry.kind {
        Kind::File { size, .. } => blocks(*size),
        Kind::Dir => BLOCK,
        // Those of less than 60 bytes need no block on most file systems.
        Kind::Symlink { .. } | Kind::HardLink { .. } => 0,
    });
    // Of our own: what was unpacked, which is not in the record, and the record as it will be.
    let own = WalkDir::new(tree.join(manifest::DIRECTORY)).into_iter().flatten();
    let own = own.filter(|entry| !entry.path().ends_with(manifest::MANIFEST)).filter_map(|entry| entry.metadata().ok());
    let own: Vec<u64> = own.map(|found| if found.is_file() { blocks(found.len()) } else { BLOCK }).collect();
    let ours = blocks(record.to_bytes().len() as u64) + own.iter().sum::<u64>();
    (bytes.fold(ours, u64::saturating_add), (record.entries.len() + own.len() + 1) as u64)
}
