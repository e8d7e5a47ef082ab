//! ELF files of which only some bytes change: the kernel copies them and the edits are written over that, so that most of
//! their bytes are never looked at.
//!
//! Takes a file whose stamp tells that it is the one that was planned for; one that changed too short a time before it was
//! found is read whole and compared, as texts are. Refuses a file that is not what it was when it was found.

use super::Change;
use crate::base::bytes::{FileBytes, open};
use crate::base::path::RelPath;
use crate::base::stamp::{Moment, Stamp};
use crate::base::write::{CopyError, NewFile, prepare};
use crate::pipeline::JobError;
use crate::pipeline::strip::edition;
use crate::scan::{Class, Entry};
use std::fs;
use std::io;
use std::path::Path;

/// Why an edited copy was not made.
enum Failed {
    Job(JobError),
    Copy(CopyError),
}

impl Change<'_> {
    /// A file's stamp, if that is enough to know the file by and nothing but edits are to be made to it. One that lost a
    /// privilege has another by now.
    pub(super) fn only_edits(&self, path: &RelPath, entry: &Entry) -> Option<Stamp> {
        let is_text = self.prepared.readings.get(path).is_some_and(|reading| reading.text.is_some());
        entry.file().filter(|facts| matches!(facts.class, Class::Elf(_)) && !is_text)?;
        let stamp = self.prepared.inventory.stamps.get(path).copied();
        stamp.filter(|stamp| stamp.tells() && !self.prepared.plan.modes.contains_key(path))
    }

    /// Makes the new file ready; `stamp` is that of the file that was planned for.
    pub(super) fn edited(&self, path: &RelPath, stamp: &Stamp) -> Result<NewFile, JobError> {
        let place = self.at(path);
        let mut done = Ok(());
        let new = prepare(&place, |new| {
            done = self.copy(path, new, stamp);
            done.as_ref().map(drop).map_err(|_| io::Error::other("the file to copy from"))
        });
        match done {
            Err(Failed::Job(error)) => Err(error),
            Err(Failed::Copy(CopyError::Changed)) => Err(JobError::Changed { path: path.clone() }),
            Err(Failed::Copy(CopyError::Write(error))) => Err(error.into()),
            Ok(()) => Ok(new?),
        }
    }

    fn copy(&self, path: &RelPath, new: &NewFile, stamp: &Stamp) -> Result<(), Failed> {
        let place = self.prepared.inventory.source(path);
        let unreadable = |error| Failed::Job(JobError::Read { path: place.to_path_buf(), error });
        let source = open(&place).and_then(FileBytes::new).map_err(unreadable)?;
        let strip = self.prepared.strip_of(path).is_some();
        let wanted = self.prepared.plan.rewrites.get(path).map(|rewrite| &rewrite.wanted);
        let edition = edition(&source, strip, wanted).map_err(|why| {
            // What it was planned for fits; so it is another file now, or the fault is ours.
            let ours = || JobError::Bug(format!("{path}: {why}, though it fitted before"));
            Failed::Job(if is_still(&place, stamp) { ours() } else { JobError::Changed { path: path.clone() } })
        })?;
        new.copy_with_edits(&source, None, &edition.edits, edition.size).map_err(Failed::Copy)?;
        // Of the file that was read, by whatever name, and of what has the name now.
        let now = source.file().metadata().map_err(unreadable)?;
        let same = stamp.is_that_of(&Stamp::of(&now, Moment::now())) && is_still(&place, stamp);
        if same { Ok(()) } else { Err(Failed::Job(JobError::Changed { path: path.clone() })) }
    }
}

fn is_still(place: &Path, stamp: &Stamp) -> bool {
    fs::symlink_metadata(place).is_ok_and(|now| stamp.is_that_of(&Stamp::of(&now, Moment::now())))
}
