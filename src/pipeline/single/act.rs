//! Puts a decided change on the disk: in the place of the file, in one step, or as a copy.
//!
//! [`Subject::ready`] makes the new file, [`commit_each`] gives many of them their names together. No name changes hands
//! where the file is not the one that was decided about, by its stamp and, where that does not tell, by its bytes.

use super::names::OtherNames;
use super::{Decision, SingleError, Subject};
use crate::base::finding::{Finding, Severity};
use crate::base::stamp::{Moment, Stamp};
use crate::base::write::{self, CopyError, NewFile, OtherName, WriteError};
use crate::elf::Rung;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file whose new bytes are written and not yet under its name. Dropped, nothing of them stays.
#[derive(Debug)]
pub struct Ready {
    path: PathBuf,
    stamp: Stamp,
    new: NewFile,
    others: Vec<OtherName>,
}

/// Gives files that are ready their names, each in one step, and tells of each what became of it, in their order.
pub fn commit_each(ready: Vec<Ready>) -> Vec<Result<(), SingleError>> {
    let (mut news, mut rests) = (Vec::new(), Vec::new());
    for Ready { path, stamp, new, others } in ready {
        news.push(new);
        rests.push((path, stamp, others));
    }
    let named = write::commit_each(news, |at| check_unmoved(&rests[at].0, &rests[at].1));
    let finish = |(named, (_, _, others)): (Result<(), SingleError>, (_, _, Vec<OtherName>))| {
        named?;
        Ok(OtherName::commit_all(others)?)
    };
    named.into_iter().zip(rests).map(finish).collect()
}

/// Nobody put another file in the place of one, or wrote to it, since its stamp was taken.
fn check_unmoved(path: &Path, stamp: &Stamp) -> Result<(), SingleError> {
    let now = fs::symlink_metadata(path).map_err(SingleError::Read)?;
    if stamp.is_that_of(&Stamp::of(&now, Moment::now())) { Ok(()) } else { Err(SingleError::Changed) }
}

impl Subject {
    /// Writes the new file beside the old one; none where the file is as wanted. `given` are the real paths of all files the
    /// user named: those that are names of this one will get the new file too.
    pub fn ready(&self, decision: &Decision, given: &[PathBuf]) -> Result<Option<Ready>, SingleError> {
        if decision.rung() == Rung::Unchanged {
            return Ok(None);
        }
        let others = OtherNames::find(&self.path, &self.metadata, given);
        let mut filled = Ok(());
        let new = write::prepare(&self.path, |new| {
            filled = self.fill(decision, new);
            filled.as_ref().map_err(|error| std::io::Error::other(error.to_string())).copied()
        });
        filled?;
        let new = new?;
        check_unmoved(&self.path, &self.stamp)?;
        let others = others.ready(&new)?;
        Ok(Some(Ready { path: self.path.clone(), stamp: self.stamp, new, others }))
    }

    /// Replaces the file, where it changes; `given` as for [`Subject::ready`].
    pub fn replace(&self, decision: &Decision, given: &[PathBuf]) -> Result<(), SingleError> {
        commit_each(self.ready(decision, given)?.into_iter().collect()).into_iter().collect()
    }

    /// A finding where the file has names that [`Subject::replace`] would not find, so that they keep the old file.
    pub fn split(&self, decision: &Decision, given: &[PathBuf]) -> Option<Finding> {
        let changes = decision.rung() != Rung::Unchanged;
        let unknown = OtherNames::find(&self.path, &self.metadata, given).unknown;
        (changes && unknown > 0).then(|| split(unknown))
    }

    /// Writes the result to another file, a new one or in the place of an old one; it has this one's permissions, but no
    /// setuid, setgid, capabilities or times.
    pub fn write_copy(&self, decision: &Decision, output: &Path) -> Result<(), SingleError> {
        let new = NewFile::create(output)?;
        self.fill(decision, &new)?;
        let mode = Permissions::from_mode(self.metadata.mode() & 0o777);
        new.file().set_permissions(mode).map_err(WriteError::io("set the mode of", output))?;
        Ok(new.commit()?)
    }

    /// Whether `output` is a name of this very file.
    pub fn is(&self, output: &Path) -> bool {
        fs::metadata(output).is_ok_and(|found| (found.dev(), found.ino()) == (self.metadata.dev(), self.metadata.ino()))
    }

    /// Gives a new file the new bytes.
    fn fill(&self, decision: &Decision, new: &NewFile) -> Result<(), SingleError> {
        let patch = &decision.patch;
        new.copy_with_edits(&self.bytes, decision.mark, &patch.edits, patch.size).map_err(|error| match error {
            CopyError::Changed => SingleError::Changed,
            CopyError::Write(error) => SingleError::Write(error),
        })?;
        let now = self.bytes.file().metadata().map_err(SingleError::Read)?;
        if self.stamp.is_that_of(&Stamp::of(&now, Moment::now())) { Ok(()) } else { Err(SingleError::Changed) }
    }
}

fn split(unknown: u64) -> Finding {
    let found = format!("has {unknown} more hard-linked name(s) elsewhere, which keep the old file");
    let finding = Finding::of_tree(Severity::Warning, "hard-link-split", found);
    finding.help("name all of them in one run; find DIR -samefile FILE lists them")
}
