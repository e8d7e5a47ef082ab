//! What `--bundle` and `--copy-link` bring into ROOT itself: each file, and each directory with all below it, appears in one
//! step, in the place of the symlink it is instead of.

use super::Change;
use crate::base::path::RelPath;
use crate::base::write::lay::{self, Looks};
use crate::base::write::{NewDir, NewFile, WriteError};
use crate::pipeline::JobError;
use crate::scan::{Entry, Kind};
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

impl Change<'_> {
    /// Brings in everything, directories that are needed for it first.
    pub(super) fn copy_in(&self) -> Result<(), JobError> {
        let entries = &self.prepared.inventory.entries;
        for path in self.prepared.copied.keys() {
            let parents = entries.iter().filter(|(dir, entry)| {
                path.starts_with(dir) && *dir != path && !entry.source.starts_with(&self.job.root)
            });
            for (dir, entry) in parents.filter(|(dir, _)| !self.at(dir).is_dir()) {
                lay::directory(&self.at(dir))?;
                lay::finish_directory(&self.at(dir), looks(entry))?;
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
        let new = NewDir::instead_of_symlink(&self.at(top))?;
        let at = |path: &RelPath| new.staging().join(OsStr::from_bytes(&top.way_to(path)));
        let entries = self.prepared.inventory.entries.iter();
        let below: Vec<_> = entries.filter(|(path, _)| path.starts_with(top) && *path != top).collect();
        for (path, entry) in &below {
            let place = at(path);
            match &entry.kind {
                Kind::Dir => lay::directory(&place)?,
                Kind::File(_) => lay::file(&place, looks(entry), |out| self.pour(path, entry, &place, out))?,
                Kind::HardLink(first) => lay::another_name(&at(first), &place)?,
                Kind::Symlink(target) => {
                    let target = self.prepared.plan.links.get(*path).unwrap_or(target);
                    lay::link_to(&place, target, looks(entry))?;
                }
                // The plan has a finding for each.
                Kind::Special(_) => {}
            }
        }
        for (path, entry) in below.iter().rev().filter(|(_, entry)| matches!(entry.kind, Kind::Dir)) {
            lay::finish_directory(&at(path), looks(entry))?;
        }
        lay::finish_directory(new.staging(), looks(entry))?;
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

fn looks(entry: &Entry) -> Looks {
    Looks { mode: entry.mode, mtime: entry.mtime, owner: None }
}
