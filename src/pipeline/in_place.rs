//! `--in-place`: the same plan, applied to ROOT itself, each file in one step.
//!
//! A second run finds nothing to do and writes nothing; a run that was killed is finished by the next, because the plan
//! is made from what is there. The judge then reads the tree from the disk.

use super::contents::{Shipment, StreamError};
use super::{Job, JobError, Prepared, check};
use crate::base::event::{Event, Listener, Stage};
use crate::base::path::RelPath;
use crate::base::write::{self, Beneath, Looks, NewFile, WriteError, commit_all, prepare};
use crate::scan::{Entry, Kind};
use crate::verify::judge::Verdict;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How many files are made ready before they get their names together; each holds a file descriptor.
const BATCH: usize = 256;

/// Changes ROOT as planned and judges it.
pub fn apply(job: &Job, prepared: &Prepared, listener: &dyn Listener) -> Result<Verdict, JobError> {
    let change = Change { job, prepared };
    change.copy_in()?;
    change.rewrite(listener)?;
    change.relink()?;
    change.symlinks()?;
    change.drop_privileges()?;
    check::judge_directory(&job.root, &job.exclude, &job.law)
}

struct Change<'a> {
    job: &'a Job,
    prepared: &'a Prepared,
}

impl Change<'_> {
    fn rewrite(&self, listener: &dyn Listener) -> Result<(), JobError> {
        let files: Vec<&RelPath> =
            self.prepared.fits.keys().filter(|path| !self.prepared.copied.contains_key(path)).collect();
        listener.event(&Event::Begin { stage: Stage::Write, files: files.len() as u64, bytes: 0 });
        for batch in files.chunks(BATCH) {
            let ready = batch.iter().map(|path| {
                listener.event(&Event::File { path, bytes: 0 });
                self.ready(path)
            });
            commit_all(ready.collect::<Result<Vec<_>, _>>()?)?;
        }
        listener.event(&Event::End(Stage::Write));
        Ok(())
    }

    fn entry(&self, path: &RelPath) -> Result<&Entry, JobError> {
        let entry = self.prepared.inventory.entries.get(path);
        entry.ok_or_else(|| JobError::Bug(format!("{path} is planned and not in the inventory")))
    }

    fn ready(&self, path: &RelPath) -> Result<NewFile, JobError> {
        let entry = self.entry(path)?;
        let place = self.at(path);
        let mut failed = None;
        let new = prepare(&place, |out| self.fill(path, entry, out, &mut failed));
        match (new, failed) {
            (_, Some(error)) => Err(error),
            (new, None) => Ok(new?),
        }
    }

    /// Writes a file's new bytes; a fault of the file itself is left in `failed`.
    fn fill(
        &self,
        path: &RelPath,
        entry: &Entry,
        out: &mut dyn Write,
        failed: &mut Option<JobError>,
    ) -> io::Result<()> {
        let shipment = Shipment { job: self.job, prepared: self.prepared };
        match shipment.stream(path, entry, &mut |bytes| out.write_all(bytes)) {
            Ok(_) => Ok(()),
            Err(StreamError::Sink(error)) => Err(error),
            Err(StreamError::Job(error)) => {
                *failed = Some(error);
                Err(io::Error::other("the file to copy from"))
            }
        }
    }

    /// Joins hard-link sets again whose first name was rewritten.
    fn relink(&self) -> Result<(), JobError> {
        for (path, entry) in &self.prepared.inventory.entries {
            if let Kind::HardLink(first) = &entry.kind
                && self.prepared.fits.contains_key(first)
            {
                write::relink(&self.at(first), &self.at(path))?;
            }
        }
        Ok(())
    }

    fn symlinks(&self) -> Result<(), JobError> {
        for (path, target) in &self.prepared.plan.links {
            write::replace_symlink(&self.at(path), Path::new(OsStr::from_bytes(target)))?;
        }
        Ok(())
    }

    fn drop_privileges(&self) -> Result<(), JobError> {
        for (path, mode) in &self.prepared.plan.modes {
            write::drop_privileges(&self.at(path), *mode)?;
        }
        Ok(())
    }

    /// Brings in what `--bundle` and `--copy-link` name.
    fn copy_in(&self) -> Result<(), JobError> {
        let mut root = Beneath::open(&self.job.root)?;
        let foreign = |(_, entry): &(&RelPath, &Entry)| !entry.source.starts_with(&self.job.root);
        for (path, entry) in self.prepared.inventory.entries.iter().filter(foreign) {
            let place = self.at(path);
            // A symlink that stands there is what --copy-link replaces.
            if fs::symlink_metadata(&place).is_ok_and(|found| found.is_symlink()) {
                write::remove(&place)?;
            }
            match &entry.kind {
                Kind::Dir if place.is_dir() => {}
                Kind::Dir => {
                    root.make_dir(path)?;
                    let made = root.open_dir(path)?;
                    root.finish(&made, path, entry.mode | 0o700, None)?;
                }
                Kind::File(_) => self.copy_file(path, entry, &place)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn copy_file(&self, path: &RelPath, entry: &Entry, place: &Path) -> Result<(), JobError> {
        let mut failed = None;
        let mut new = NewFile::create(place)?;
        let filled = self.fill(path, entry, &mut new, &mut failed);
        if let Some(error) = failed {
            return Err(error);
        }
        filled.map_err(WriteError::io("write", place))?;
        new.looks(Looks { mode: entry.mode, mtime: Some(entry.mtime) })?;
        Ok(new.commit()?)
    }

    fn at(&self, path: &RelPath) -> PathBuf {
        path.under(&self.job.root)
    }
}
