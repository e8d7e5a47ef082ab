//! `--in-place`: the same plan, applied to ROOT itself, each file in one step.
//!
//! A second run finds nothing to do and writes nothing; a run that was killed is finished by the next, because the plan
//! is made from what is there. The judge then reads the tree from the disk.

mod copied;
mod edited;

use super::contents::{Shipment, StreamError};
use super::{Job, JobError, Prepared, check};
use crate::base::event::{Event, Listener, Stage};
use crate::base::path::RelPath;
use crate::base::write::{self, BATCH, NewFile, OtherName, commit_all, prepare};
use crate::scan::{Entry, Kind};
use crate::verify::judge::Verdict;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Finishes what a killed run left half done and no plan could see, such as further names of hard-linked files. To be
/// called before ROOT is looked at.
pub fn resume(root: &Path) -> Result<(), JobError> {
    Ok(write::finish_interrupted(root)?)
}

/// Changes ROOT as planned and judges it.
pub fn apply(job: &Job, prepared: &Prepared, listener: &dyn Listener) -> Result<Verdict, JobError> {
    let change = Change { job, prepared };
    change.copy_in()?;
    // First, because a program that has its new run-time path already gives the next run no reason to do it.
    change.drop_privileges()?;
    change.leave_out()?;
    change.rewrite(listener)?;
    change.symlinks()?;
    if job.elf_only {
        return check::judge_programs(&job.root, &job.law, &prepared.inventory);
    }
    check::judge_directory(&job.root, &job.exclude, &job.law, &prepared.inventory)
}

struct Change<'a> {
    job: &'a Job,
    prepared: &'a Prepared,
}

impl Change<'_> {
    fn rewrite(&self, listener: &dyn Listener) -> Result<(), JobError> {
        // Texts first: run-time paths tell a next run, after a kill, which prefix is the old one.
        let texts = self.prepared.readings.iter().filter(|(_, reading)| reading.text.is_some()).map(|(path, _)| path);
        let programs: BTreeSet<&RelPath> =
            self.prepared.fits.keys().chain(self.prepared.stripped().map(|(path, _)| path)).collect();
        let files: Vec<&RelPath> = texts.chain(programs).filter(|path| self.is_own(path)).collect();
        let sets = self.link_sets();
        listener.event(&Event::Begin { stage: Stage::Write, files: files.len() as u64, bytes: 0 });
        for batch in files.chunks(BATCH) {
            let ready = batch.par_iter().map(|path| {
                listener.event(&Event::File { path, bytes: 0 });
                self.ready(path)
            });
            // All are tried, so that which error is told does not depend on the threads.
            let ready = ready.collect::<Vec<_>>().into_iter().collect::<Result<Vec<_>, _>>()?;
            let mut others = Vec::new();
            for (path, new) in batch.iter().zip(&ready) {
                for name in sets.get(path).into_iter().flatten() {
                    others.push(OtherName::ready(new, &self.at(name))?);
                }
            }
            commit_all(ready)?;
            OtherName::commit_all(others)?;
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
        if let Some(stamp) = self.only_edits(path, entry) {
            return self.edited(path, &stamp);
        }
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
        let shipment = Shipment { job: self.job, prepared: self.prepared, search: None };
        match shipment.stream(path, entry, &mut |bytes| out.write_all(bytes)) {
            Ok(_) => Ok(()),
            Err(StreamError::Sink(error)) => Err(error),
            Err(StreamError::Job(error)) => {
                *failed = Some(error);
                Err(io::Error::other("the file to copy from"))
            }
        }
    }

    /// The further names of hard-linked files, by the first.
    fn link_sets(&self) -> BTreeMap<&RelPath, Vec<&RelPath>> {
        let mut sets: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, entry) in &self.prepared.inventory.entries {
            if let Kind::HardLink(first) = &entry.kind {
                sets.entry(first).or_default().push(name);
            }
        }
        sets
    }

    /// Whether a path was there before, as opposed to brought in.
    fn is_own(&self, path: &RelPath) -> bool {
        self.prepared.inventory.entries.contains_key(path) && self.lies_in_root(path)
    }

    fn lies_in_root(&self, path: &RelPath) -> bool {
        self.prepared.inventory.source(path).starts_with(&self.job.root)
    }

    fn symlinks(&self) -> Result<(), JobError> {
        for (path, target) in self.prepared.plan.links.iter().filter(|(path, _)| self.is_own(path)) {
            write::replace_symlink(&self.at(path), Path::new(OsStr::from_bytes(target)))?;
        }
        Ok(())
    }

    fn leave_out(&self) -> Result<(), JobError> {
        for path in self.prepared.dropped.keys() {
            write::remove(&self.at(path))?;
        }
        Ok(())
    }

    fn drop_privileges(&self) -> Result<(), JobError> {
        for (path, mode) in &self.prepared.plan.modes {
            write::drop_privileges(&self.at(path), *mode)?;
        }
        Ok(())
    }

    fn at(&self, path: &RelPath) -> PathBuf {
        path.under(&self.job.root)
    }
}
