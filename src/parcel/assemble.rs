//! An installed release and a container become the next release at its final path, all of it or nothing.
//!
//! Everything is decided before anything is written: the index is held against both manifests, the path against the room there
//! is. Then the tree is built beside its place, filled with its path, held against the manifest, made durable and
//! read-only, and appears by a rename; whatever stops it before that leaves nothing.

use super::ParcelError;
use super::base::Base;
use super::build::{Build, Ways};
use super::check;
use super::form::{Container, damaged};
use super::route;
use crate::base::event::{Event, Listener, Stage};
use crate::base::path::{Prefix, RelPath};
use crate::base::write::{Beneath, NewDir, WriteError};
use crate::install::Filling;
use crate::manifest::{self, About, Kind, Manifest};
use crate::pack::{Inadmissible, Limits, Refusal, Unsealed, admit};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What is to be assembled.
#[derive(Debug, Clone)]
pub struct Assemble<'a> {
    /// The container, whose own digest was checked.
    pub delta: &'a Path,
    /// The installed release that it leads from, by its number.
    pub base: (&'a Path, u32),
    /// The path of the new release, written into its files, by its number.
    pub dest: (&'a Prefix, u32),
    /// How much the new release may have.
    pub limits: &'a Limits,
}

/// What was assembled.
#[derive(Debug, Clone)]
pub struct Assembled {
    /// What the release says about itself.
    pub about: About,
    /// How many entries it has.
    pub entries: u64,
    /// The bytes of all its files.
    pub bytes: u64,
    /// How many files have the path in them.
    pub files: usize,
    /// In how many places.
    pub places: usize,
    /// How its files came.
    pub ways: Ways,
}

/// Assembles a release.
pub fn assemble(assemble: &Assemble<'_>, listener: &dyn Listener) -> Result<Assembled, ParcelError> {
    let container = Container::open(assemble.delta)?;
    let (index, (base_path, base_serial), (dest, serial)) = (&container.index, assemble.base, assemble.dest);
    if (index.base, index.serial) != (base_serial, serial) {
        return Err(damaged(format!("it leads from release {} to release {}", index.base, index.serial)));
    }
    let base = Base::open(base_path, index.base_manifest)?;
    let record = base.next_record(&container)?;
    let manifest = Manifest::parse(&record).map_err(ParcelError::Manifest)?;
    let admitted = admit(&manifest, assemble.limits).map_err(ParcelError::Refused)?;
    let files = route::files(&base.manifest, &manifest, &container)?;
    within(&files, assemble.limits)?;
    let directories = route::directories(&manifest, &index.own)?;
    let filling = Filling::decide(&manifest, dest, &BTreeSet::new())?;

    let new = NewDir::create(Path::new(OsStr::from_bytes(dest.as_bytes())))?;
    let mut tree = Unsealed::begin(new.staging())?;
    for (path, mode, mtime) in directories {
        tree.make_dir(path, mode, mtime)?;
    }
    for path in manifest.entries.iter().map(|entry| &entry.path).chain(files.iter().map(|file| file.path)) {
        tree.make_above(path)?;
    }
    listener.event(&Event::Begin { stage: Stage::Write, files: files.len() as u64, bytes: admitted.bytes });
    let build = Build { base: &base, container: Some(&container), files: &files, staging: new.staging(), listener };
    let ways = build.files()?;
    links(&manifest, new.staging())?;
    records(&manifest, &record, &container, new.staging())?;
    filling.write(&mut tree)?;
    listener.event(&Event::End(Stage::Write));
    check::tree(&manifest, &files, &container.index, new.staging())?;
    tree.seal()?;
    new.commit()?;
    let (places, about) = (filling.places, manifest.about.clone());
    Ok(Assembled { about, entries: admitted.entries, bytes: admitted.bytes, files: filling.files, places, ways })
}

/// Refuses a release that is larger than it may be, with the tool's own files.
fn within(files: &[route::File<'_>], limits: &Limits) -> Result<(), ParcelError> {
    let mut bytes = 0u64;
    for file in files {
        bytes = bytes.saturating_add(file.size);
        if bytes > limits.bytes {
            let why = Refusal::TooMany("bytes", limits.bytes);
            return Err(ParcelError::Refused(Inadmissible { path: file.path.clone(), why }));
        }
    }
    Ok(())
}

/// Makes what is no file of its own.
pub(super) fn links(manifest: &Manifest, staging: &Path) -> Result<(), ParcelError> {
    let mut beneath = Beneath::open(staging)?;
    for entry in &manifest.entries {
        match &entry.kind {
            Kind::Symlink { target } => beneath.make_symlink(&entry.path, target)?,
            Kind::HardLink { first } => beneath.make_hard_link(&entry.path, first)?,
            Kind::Dir | Kind::File { .. } => {}
        }
    }
    Ok(())
}

/// Writes the manifest.
fn records(manifest: &Manifest, record: &[u8], container: &Container, staging: &Path) -> Result<(), ParcelError> {
    let mut beneath = Beneath::open(staging)?;
    let path = RelPath::new(manifest::MANIFEST.as_bytes()).unwrap_or_default();
    let mut file = beneath.make_file(&path)?;
    file.write_all(record).map_err(WriteError::io("write", &beneath.place(&path)))?;
    let looks = &container.index.manifest;
    beneath.finish(&file, &path, looks.mode & 0o777, Some(looks.mtime))?;
    about(manifest, &mut beneath)
}

/// The record that opens an archive says the same as the manifest.
fn about(manifest: &Manifest, beneath: &mut Beneath) -> Result<(), ParcelError> {
    let path = RelPath::new(manifest::ABOUT.as_bytes()).unwrap_or_default();
    let mut bytes = Vec::new();
    let read = beneath.open_file(&path).and_then(|mut file| file.read_to_end(&mut bytes));
    read.map_err(|_| damaged(format!("it has no {}", manifest::ABOUT)))?;
    let about = About::parse(&bytes).map_err(ParcelError::Manifest)?;
    if about == manifest.about { Ok(()) } else { Err(damaged("about.json does not say what the manifest says")) }
}
