//! `--strip`: programs and libraries without their debug sections, and both edits of a file together: first these go, then
//! the run-time path is fitted into what is left.
//!
//! Nothing is kept of the edits: they are computed again from the same bytes wherever they are needed.

use super::{Prepared, Reading};
use crate::base::bytes::{Edit, Edited, ReadAt};
use crate::base::finding::{Finding, Severity};
use crate::base::path::RelPath;
use crate::elf::{self, PlanError, RunPaths, Rung, Stripped};
use crate::scan::Class;
use serde::Serialize;

/// What is gained by taking the debug sections out of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Strip {
    /// Its size without them, in bytes.
    pub size: u64,
    /// How much shorter that is, in bytes.
    pub saved: u64,
}

/// Why a file keeps its debug sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept(pub String);

/// Takes the debug sections out of a file that the scan found to be a program or library; what becomes of it is noted in
/// its reading.
pub(super) fn strip(class: &Class, bytes: &dyn ReadAt, reading: &mut Reading) -> Option<Stripped> {
    if !matches!(class, Class::Elf(_)) {
        return None;
    }
    match elf::without_debug(bytes) {
        Ok(None) => None,
        Ok(Some(stripped)) => {
            reading.strip = Some(Ok(Strip { size: stripped.size, saved: stripped.saved }));
            Some(stripped)
        }
        Err(why) => {
            reading.strip = Some(Err(Kept(why.to_string())));
            None
        }
    }
}

/// All edits of one ELF file.
pub(super) struct Edition {
    pub(super) edits: Vec<Edit>,
    /// Its size afterwards, in bytes.
    pub(super) size: u64,
    /// How its run-time path fits.
    pub(super) rung: Rung,
    /// How much it grows for that, in bytes.
    pub(super) added: u64,
}

/// Computes the edits: without debug sections where `strip` says so, with the wanted run-time paths where there are any.
/// The error says why that cannot be.
pub(super) fn edition(source: &dyn ReadAt, strip: bool, wanted: Option<&RunPaths>) -> Result<Edition, String> {
    let stripped = if strip { elf::without_debug(source).map_err(|why| why.to_string())? } else { None };
    let stripped = stripped.unwrap_or(Stripped { edits: Vec::new(), size: source.size(), saved: 0 });
    let Some(wanted) = wanted else {
        return Ok(Edition { edits: stripped.edits, size: stripped.size, rung: Rung::Unchanged, added: 0 });
    };
    let view = Edited::new(source, &stripped.edits, stripped.size);
    let patch = elf::plan(if strip { &view } else { source }, wanted).map_err(|error| match error {
        PlanError::Refused(refusal) => refusal.to_string(),
        PlanError::Elf(error) => error.to_string(),
    })?;
    let (size, rung) = (patch.size, patch.rung);
    let added = size.saturating_sub(stripped.size);
    Ok(Edition { edits: stripped.followed_by(patch, source), size, rung, added })
}

/// What a person should know of files that keep their debug sections.
pub(super) fn findings(prepared: &Prepared) -> Vec<Finding> {
    let kept =
        prepared.readings.iter().filter_map(|(path, reading)| Some((path, reading.strip.as_ref()?.as_ref().err()?)));
    let finding = |(path, Kept(why)): (&RelPath, &Kept)| {
        Finding::at(path, Severity::Note, "not-stripped", format!("keeps its debug sections: {why}"))
    };
    kept.map(finding).collect()
}

impl Prepared {
    /// Files that lose their debug sections, and what is gained.
    pub fn stripped(&self) -> impl Iterator<Item = (&RelPath, &Strip)> {
        let entries = &self.inventory.entries;
        let stripped =
            self.readings.iter().filter_map(|(path, reading)| Some((path, reading.strip.as_ref()?.as_ref().ok()?)));
        stripped.filter(|(path, _)| entries.contains_key(path))
    }

    /// What is gained by stripping one file, where it is stripped.
    pub(super) fn strip_of(&self, path: &RelPath) -> Option<&Strip> {
        self.readings.get(path)?.strip.as_ref()?.as_ref().ok()
    }
}
