//! The same items as a directory tree instead of an archive, for `-o DIR/`.
//!
//! The tree has the same records in it, so `verify` judges it as it would the archive unpacked. It is made beside its place
//! and has no name there until [`PackedTree::publish`]. Owners are those of the items where root runs it, and the user's
//! own otherwise, as with tar.

use super::batch;
use super::write::{Records, begin, in_pieces, tell};
use super::{Body, ContentError, Digests, Item, PackError, Tree, check};
use crate::base::bytes::ReadAt;
use crate::base::digest::Digest;
use crate::base::event::{Event, Listener, Stage};
use crate::base::write::{Beneath, NewDir, WriteError};
use crate::manifest;
use crate::verify::judge::Verified;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A whole tree without a name. Dropped, it is removed.
#[derive(Debug)]
pub struct PackedTree {
    new: NewDir,
    digests: Vec<Option<Digest>>,
}

impl PackedTree {
    /// The digests of the files as they were written, one place for each item.
    pub fn digests(&self) -> &Digests {
        &self.digests
    }

    /// Where the tree is meanwhile, for reading back.
    pub fn staging(&self) -> &Path {
        self.new.staging()
    }

    /// Gives a proven tree its name, and tells it.
    pub fn publish(self, _proof: &Verified) -> Result<PathBuf, WriteError> {
        self.publish_unproven()
    }

    /// Gives a tree that was not proven its name, and tells it.
    pub fn publish_unproven(self) -> Result<PathBuf, WriteError> {
        let path = self.new.path().to_owned();
        self.new.commit()?;
        Ok(path)
    }
}

/// Writes the items and the records as a tree. `record` makes the bytes of `manifest.json`, as for an archive.
pub fn write_tree<R: ReadAt>(
    tree: &Tree<'_>,
    record: impl FnOnce(&Digests) -> Result<R, ContentError>,
    new: NewDir,
    listener: &dyn Listener,
) -> Result<PackedTree, PackError> {
    check(tree.items)?;
    begin(tree, listener);
    let beneath = Beneath::open(new.staging())?;
    let mut planter = Planter { tree, beneath };
    let mut digests = Vec::with_capacity(tree.items.len());
    for (index, item) in tree.items.iter().enumerate() {
        digests.push(planter.plant(index)?);
        tell(std::slice::from_ref(item), listener);
    }
    let bytes = record(&digests).map_err(PackError::Record)?;
    let records = Records::of(tree.items);
    let own = records.directory();
    planter.beneath.make_dir(&own.path)?;
    planter.plant_record(&records.file(manifest::ABOUT, &tree.about), &tree.about)?;
    let tools = records.tools();
    if let Some(tool) = tree.tool {
        planter.beneath.make_dir(&tools.path)?;
        planter.plant_record(&records.tool(tool), &tool)?;
    }
    if let Some(bill) = tree.contents.bill().map_err(PackError::Record)? {
        planter.plant_record(&records.file(manifest::BILL, &bill), &bill)?;
    }
    planter.plant_record(&records.file(manifest::MANIFEST, &bytes), &bytes)?;
    let own: Vec<_> = tree.tool.map(|_| tools).into_iter().chain([own]).collect();
    planter.seal(&own)?;
    listener.event(&Event::End(Stage::Write));
    Ok(PackedTree { new, digests })
}

struct Planter<'a> {
    tree: &'a Tree<'a>,
    beneath: Beneath,
}

impl Planter<'_> {
    fn plant(&mut self, index: usize) -> Result<Option<Digest>, PackError> {
        let item = &self.tree.items[index];
        match &item.body {
            Body::Dir if item.path.is_root() => {}
            Body::Dir => self.beneath.make_dir(&item.path)?,
            Body::Symlink(target) => {
                self.beneath.make_symlink(&item.path, target)?;
                let (uid, gid) = owner(item)?;
                self.beneath.give_symlink(&item.path, uid, gid)?;
            }
            Body::HardLink(first) => self.beneath.make_hard_link(&item.path, first)?,
            Body::File { .. } => {
                let mut file = self.beneath.make_file(&item.path)?;
                let place = || self.beneath.place(&item.path);
                let digest = batch::stream(self.tree, index, &mut |piece| {
                    file.write_all(piece).map_err(|error| WriteError::io("write", &place())(error).into())
                })?;
                self.finish(&file, item)?;
                return Ok(Some(digest));
            }
        }
        Ok(None)
    }

    fn plant_record(&mut self, item: &Item, bytes: &dyn ReadAt) -> Result<(), PackError> {
        let mut file = self.beneath.make_file(&item.path)?;
        let place = || self.beneath.place(&item.path);
        in_pieces(bytes, &mut |piece| {
            file.write_all(piece).map_err(|error| WriteError::io("write", &place())(error).into())
        })?;
        self.finish(&file, item)
    }

    /// The owner first: giving a file away takes set-id bits off.
    fn finish(&self, file: &File, item: &Item) -> Result<(), PackError> {
        let (uid, gid) = owner(item)?;
        self.beneath.give(file, &item.path, uid, gid)?;
        Ok(self.beneath.finish(file, &item.path, item.mode, Some(item.mtime))?)
    }

    /// Modes and times of directories, the deepest first. `own` are those of the records, the deepest first too.
    fn seal(mut self, own: &[Item]) -> Result<(), PackError> {
        let dirs = self.tree.items.iter().filter(|item| item.body == Body::Dir);
        for item in dirs.rev().chain(own).collect::<Vec<_>>() {
            let dir = self.beneath.open_dir(&item.path)?;
            self.finish(&dir, item)?;
        }
        Ok(())
    }
}

fn owner(item: &Item) -> Result<(u32, u32), PackError> {
    let ids = u32::try_from(item.uid).ok().zip(u32::try_from(item.gid).ok());
    ids.ok_or_else(|| PackError::Item { path: item.path.clone(), why: "its owner is no number of this system" })
}
