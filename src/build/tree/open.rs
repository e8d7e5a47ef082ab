//! From a source to a tree on disk: in place, unpacked or copied; made once, found again by its digest.

use super::digest::{digest_of, digest_of_file};
use super::overlay::lay;
use super::{BOOTSTRAP, Base, Source, Tree, TreeError};
use crate::base::digest::{Digest, Digester};
use crate::base::event::Listener;
use crate::base::path::RelPath;
use crate::base::write::{NewDir, record, remove, remove_tree};
use crate::pack::{Limits, unpack};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// Stands beside `tree/` once that is whole.
#[derive(Debug, Serialize, Deserialize)]
struct Finished {
    digest: Digest,
    /// The directory inside `tree/` that is the tree.
    top: RelPath,
}

impl Tree {
    /// Makes the tree ready, in `work` where it has to be made. What a killed run left there is removed and made again.
    pub fn open(source: &Source, work: &Path, listener: &dyn Listener) -> Result<Self, TreeError> {
        let digest = whole_digest(source, work)?;
        let path = match &source.base {
            Base::Directory(path) if source.overlays.is_empty() => {
                fs::canonicalize(path).map_err(TreeError::read(path))?
            }
            _ => match found(work, digest) {
                Some(top) => top.under(&work.join("tree")),
                None => make(source, digest, work, listener)?.under(&work.join("tree")),
            },
        };
        must_be_pkgsrc(&path)?;
        Ok(Self { path, digest })
    }
}

fn must_be_pkgsrc(path: &Path) -> Result<(), TreeError> {
    fs::read_dir(path).map_err(TreeError::read(path))?;
    match [BOOTSTRAP, "mk/bsd.pkg.mk"].into_iter().find(|file| !path.join(file).is_file()) {
        None => Ok(()),
        Some(lacks) => Err(TreeError::NotPkgsrc { path: path.to_owned(), lacks }),
    }
}

fn whole_digest(source: &Source, work: &Path) -> Result<Digest, TreeError> {
    let base = match &source.base {
        Base::Archive(path) => digest_of_file(path)?,
        Base::Directory(path) => {
            must_be_pkgsrc(path)?;
            digest_of(path, Some(&work.join("tree.index")))?
        }
    };
    if source.overlays.is_empty() {
        return Ok(base);
    }
    let mut whole = Digester::default();
    whole.update(&base.bytes());
    for overlay in &source.overlays {
        whole.update(&digest_of(overlay, None)?.bytes());
    }
    Ok(whole.finish())
}

/// The finished tree of this digest, where there is one.
fn found(work: &Path, digest: Digest) -> Option<RelPath> {
    let bytes = fs::read(work.join("tree.json")).ok()?;
    // What cannot be read was written by another version: the tree is made again.
    let finished: Finished = serde_json::from_slice(&bytes).ok()?;
    let there = finished.top.under(&work.join("tree")).join(BOOTSTRAP).is_file();
    (finished.digest == digest && there).then_some(finished.top)
}

fn make(source: &Source, digest: Digest, work: &Path, listener: &dyn Listener) -> Result<RelPath, TreeError> {
    let (place, marker) = (work.join("tree"), work.join("tree.json"));
    fs::create_dir_all(work).map_err(TreeError::read(work))?;
    // The marker goes first: a tree without one is never taken for whole.
    remove(&marker).map_err(TreeError::Write)?;
    remove_tree(&place).map_err(TreeError::Write)?;
    let new = NewDir::create(&place).map_err(TreeError::Write)?;
    let top = match &source.base {
        Base::Archive(path) => {
            unpack(path, new.staging(), &Limits::default(), listener).map_err(TreeError::Unpack)?.top
        }
        Base::Directory(path) => {
            lay(path, new.staging(), listener)?;
            RelPath::root()
        }
    };
    let root = top.under(new.staging());
    // Before the overlays: they could supply what the archive lacks, and the tree would be half of one.
    must_be_pkgsrc(&root)?;
    for overlay in &source.overlays {
        lay(overlay, &root, listener)?;
    }
    new.commit().map_err(TreeError::Write)?;
    let finished = Finished { digest, top };
    let bytes = serde_json::to_vec(&finished).map_err(|error| TreeError::read(&marker)(error.into()))?;
    record(&marker, &bytes).map_err(TreeError::Write)?;
    Ok(finished.top)
}
