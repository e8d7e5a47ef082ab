//! Puts a decided change on the disk: in the place of the file, in one step, or as a copy.
//!
//! The file is read again while it is written, and compared with what was decided about; nothing is named where it differs.

use super::names::OtherNames;
use super::{CHUNK, Decision, SingleError, Subject};
use crate::base::bytes::{Edited, ReadAt};
use crate::base::digest::Digester;
use crate::base::finding::{Finding, Severity};
use crate::base::write::{self, NewFile, OtherName, WriteError};
use crate::elf::Rung;
use std::fs::{self, Metadata, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

impl Subject {
    /// Replaces the file, where it changes. `given` are the real paths of all files the user named: those that are names
    /// of this one get the new file too.
    pub fn replace(&self, decision: &Decision, given: &[PathBuf]) -> Result<(), SingleError> {
        if decision.rung() == Rung::Unchanged {
            return Ok(());
        }
        let others = OtherNames::find(&self.path, &self.metadata, given);
        let mut poured = Ok(());
        let new = write::prepare(&self.path, |out| {
            poured = self.pour(decision, &self.path, out);
            poured.as_ref().map(drop).map_err(|error| io::Error::other(error.to_string()))
        });
        poured?;
        let new = new?;
        self.check_unmoved()?;
        let ready = others.ready(&new)?;
        new.commit()?;
        Ok(ready.into_iter().try_for_each(OtherName::commit)?)
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
        let mut new = NewFile::create(output)?;
        self.pour(decision, output, &mut new)?;
        let mode = Permissions::from_mode(self.metadata.mode() & 0o777);
        new.file().set_permissions(mode).map_err(WriteError::io("set the mode of", output))?;
        Ok(new.commit()?)
    }

    /// Whether `output` is a name of this very file.
    pub fn is(&self, output: &Path) -> bool {
        fs::metadata(output).is_ok_and(|found| (found.dev(), found.ino()) == (self.metadata.dev(), self.metadata.ino()))
    }

    /// Hands on the new bytes for `place`.
    fn pour(&self, decision: &Decision, place: &Path, out: &mut dyn Write) -> Result<(), SingleError> {
        let (patch, size) = (&decision.patch, self.size());
        let edited = Edited::new(&self.bytes, &patch.edits, patch.size);
        let mut digester = Digester::default();
        let mut offset = 0;
        while offset < patch.size {
            let length = (patch.size - offset).min(CHUNK);
            let old = size.clamp(offset, offset + length) - offset;
            digester.update(&self.bytes.range(offset.min(size), old).map_err(|_| SingleError::Changed)?);
            let bytes = edited.range(offset, length).map_err(|_| SingleError::Changed)?;
            out.write_all(&bytes).map_err(WriteError::io("write", place))?;
            offset += length;
        }
        let changed = decision.digest.is_some_and(|digest| digest != digester.finish());
        if changed { Err(SingleError::Changed) } else { Ok(()) }
    }

    /// Nobody put another file in its place, or wrote to it, since it was opened.
    fn check_unmoved(&self) -> Result<(), SingleError> {
        let state = |metadata: &Metadata| {
            (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec())
        };
        let now = fs::symlink_metadata(&self.path).map_err(SingleError::Read)?;
        if state(&now) == state(&self.metadata) { Ok(()) } else { Err(SingleError::Changed) }
    }
}

fn split(unknown: u64) -> Finding {
    let found = format!("has {unknown} more hard-linked name(s) elsewhere, which keep the old file");
    let finding = Finding::of_tree(Severity::Warning, "hard-link-split", found);
    finding.help("name all of them in one run; find DIR -samefile FILE lists them")
}
