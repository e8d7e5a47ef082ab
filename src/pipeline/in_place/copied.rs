//! What `--bundle` and `--copy-link` bring into ROOT itself: each file, and each directory with all below it, appears in one
//! step, in the place of the symlink it is instead of.

use super::Change;
use crate::base::path::RelPath;
use crate::base::write::{Beneath, Looks, NewDir, NewFile, WriteError};
use crate::pipeline::JobError;
use crate::scan::{Entry, Kind};
use std::io::Write;
use std::path::Path;

impl Change<'_> {
    /// Brings in everything, directories that are needed for it first.
    pub(super) fn copy_in(&self) -> Result<(), JobError> {
        let entries = &self.prepared.inventory.entries;
        let mut root = Beneath::open(&self.job.root)?;
        for path in self.prepared.copied.keys() {
            let parents =
                entries.iter().filter(|(dir, _)| path.starts_with(dir) && *dir != path && !self.lies_in_root(dir));
            for (dir, entry) in parents.filter(|(dir, _)| !self.at(dir).is_dir()) {
                root.make_dir(dir)?;
                finish_dir(&mut root, dir, entry)?;
            }
            let entry = self.entry(path)?;
            match &entry.kind {
                Kind::Dir => self.copy_tree(path, entry)?,
                _ => self.copy_file(path, entry)?,
            }
        }
        Ok(())
    }

    fn copy_file(&self, path: &RelPath, entry: &Entry) -> Result<(), JobError> {
        let place = self.at(path);
        let mut new = NewFile::instead_of_symlink(&place)?;
        self.pour(path, entry, &place, &mut new)?;
        new.looks(looks(entry))?;
        Ok(new.commit()?)
    }

    fn copy_tree(&self, top: &RelPath, entry: &Entry) -> Result<(), JobError> {
        let mut new = NewDir::instead_of_symlink(&self.at(top))?;
        let mut staging = Beneath::open(new.staging())?;
        let inside = |path: &RelPath| RelPath::new(&top.way_to(path)).unwrap_or_default();
        let entries = self.prepared.inventory.entries.iter();
        let below: Vec<_> = entries.filter(|(path, _)| path.starts_with(top) && *path != top).collect();
        for (path, entry) in &below {
            let place = inside(path);
            match &entry.kind {
                Kind::Dir => staging.make_dir(&place)?,
                Kind::File(_) => {
                    let mut file = staging.make_file(&place)?;
                    self.pour(path, entry, &staging.place(&place), &mut file)?;
                    staging.finish(&file, &place, entry.mode, Some(entry.mtime))?;
                }
                Kind::HardLink(first) => staging.make_hard_link(&place, &inside(first))?,
                Kind::Symlink(target) => {
                    staging.make_symlink(&place, self.prepared.plan.links.get(*path).unwrap_or(target))?;
                }
                // The plan has a finding for each.
                Kind::Special(_) => {}
            }
        }
        for (path, entry) in below.iter().rev().filter(|(_, entry)| matches!(entry.kind, Kind::Dir)) {
            finish_dir(&mut staging, &inside(path), entry)?;
        }
        new.looks(looks(entry))?;
        Ok(new.commit()?)
    }

    /// Writes a file's new bytes.
    fn pour(&self, path: &RelPath, entry: &Entry, place: &Path, out: &mut dyn Write) -> Result<(), JobError> {
        let mut failed = None;
        let filled = self.fill(path, entry, out, &mut failed);
        failed.map_or(Ok(()), Err)?;
        Ok(filled.map_err(WriteError::io("write", place))?)
    }
}

fn finish_dir(tree: &mut Beneath, path: &RelPath, entry: &Entry) -> Result<(), WriteError> {
    let dir = tree.open_dir(path)?;
    tree.finish(&dir, path, entry.mode, Some(entry.mtime))
}

fn looks(entry: &Entry) -> Looks {
    Looks { mode: entry.mode, mtime: Some(entry.mtime) }
}
