//! The dynamic table and its strings.
//!
//! The table is read where the loader reads it: at PT_DYNAMIC's address, up to DT_NULL. Strings must lie wholly inside
//! DT_STRTAB's DT_STRSZ bytes; a loader would take one beyond, but other tools do not.

use super::WitnessError;
use super::image::Image;
use crate::loader::object::Tag;
use goblin::elf::ProgramHeader;
use goblin::elf::dynamic::{self as dt, Dyn};
use goblin::elf::program_header::PT_DYNAMIC;
use std::cell::Cell;

/// Libraries this one is a filter for (gABI calls it OS-specific; Solaris and GNU agree on the number).
pub(super) const DT_FILTER: u64 = 0x7fff_ffff;
/// The same, where the named library need not be there.
pub(super) const DT_AUXILIARY: u64 = 0x7fff_fffd;

/// Honest tables have some thirty entries and one more for each needed library.
const ENTRIES_MAX: u64 = 1 << 16;
/// The bytes of all strings together; a limit on memory, for thousands of entries may name one long string.
const STRINGS_MAX: u64 = 16 << 20;
/// How many bytes of the table are read at a time; holds 256 entries of 64-bit files.
const STEP: u64 = 4096;

/// The entries before DT_NULL, in file order.
pub(super) struct Dynamic {
    entries: Vec<Dyn>,
    strings_at: u64,
    strings_size: u64,
    strings_read: Cell<u64>,
}

impl Dynamic {
    /// Reads the table; `None` where there is no PT_DYNAMIC. The last one counts, as in glibc.
    pub(super) fn read(image: &Image<'_>) -> Result<Option<Self>, WitnessError> {
        let Some(segment) = image.segments.iter().rfind(|segment| segment.p_type == PT_DYNAMIC) else {
            return Ok(None);
        };
        let entries = entries(image, segment.p_vaddr)?;
        let mut dynamic = Self { entries, strings_at: 0, strings_size: 0, strings_read: Cell::new(0) };
        dynamic.strings_at = dynamic.last(dt::DT_STRTAB).ok_or(WitnessError::Missing("DT_STRTAB"))?;
        dynamic.strings_size = dynamic.last(dt::DT_STRSZ).ok_or(WitnessError::Missing("DT_STRSZ"))?;
        Ok(Some(dynamic))
    }

    /// The value of a tag; the last one counts, as in glibc (`elf_get_dynamic_info`).
    pub(super) fn last(&self, tag: u64) -> Option<u64> {
        self.entries.iter().rfind(|entry| entry.d_tag == tag).map(|entry| entry.d_val)
    }

    /// The string at an offset into the string table.
    pub(super) fn string(&self, image: &Image<'_>, what: &'static str, offset: u64) -> Result<Vec<u8>, WitnessError> {
        let limit = self.strings_size.checked_sub(offset).filter(|limit| *limit > 0);
        let limit = limit.ok_or(WitnessError::StringOutside(what, offset, self.strings_size))?;
        let address = self.strings_at.checked_add(offset);
        let address = address.ok_or(WitnessError::StringOutside(what, offset, self.strings_size))?;
        let string = image.string(what, address, limit)?;
        self.strings_read.set(self.strings_read.get().saturating_add(string.len() as u64));
        match self.strings_read.get() {
            read if read > STRINGS_MAX => Err(WitnessError::TooLarge("strings' bytes", read, STRINGS_MAX)),
            _ => Ok(string),
        }
    }

    /// The strings of all entries with one of `tags`, in file order.
    pub(super) fn strings(
        &self,
        image: &Image<'_>,
        what: &'static str,
        tags: &[u64],
    ) -> Result<Vec<Vec<u8>>, WitnessError> {
        let entries = self.entries.iter().filter(|entry| tags.contains(&entry.d_tag));
        entries.map(|entry| self.string(image, what, entry.d_val)).collect()
    }

    /// The string of the last entry with a tag.
    pub(super) fn last_string(
        &self,
        image: &Image<'_>,
        what: &'static str,
        tag: u64,
    ) -> Result<Option<Vec<u8>>, WitnessError> {
        self.last(tag).map(|offset| self.string(image, what, offset)).transpose()
    }

    /// Every DT_RPATH and DT_RUNPATH, in file order.
    pub(super) fn run_paths(&self, image: &Image<'_>) -> Result<Vec<(Tag, Vec<u8>)>, WitnessError> {
        let tagged = self.entries.iter().filter_map(|entry| match entry.d_tag {
            dt::DT_RPATH => Some((Tag::Rpath, "DT_RPATH", entry.d_val)),
            dt::DT_RUNPATH => Some((Tag::Runpath, "DT_RUNPATH", entry.d_val)),
            _ => None,
        });
        tagged.map(|(tag, what, offset)| Ok((tag, self.string(image, what, offset)?))).collect()
    }
}

/// Reads piece by piece up to DT_NULL. The segment's own size is not asked: the loader does not either.
fn entries(image: &Image<'_>, table: u64) -> Result<Vec<Dyn>, WitnessError> {
    const WHAT: &str = "dynamic table";
    let entry = Dyn::size(image.ctx().container) as u64;
    let limit = image.left(table).min(ENTRIES_MAX * entry);
    if limit < entry {
        return Err(WitnessError::Unmapped(WHAT, table, entry));
    }
    let mut entries = Vec::new();
    let mut done = 0;
    while limit - done >= entry {
        let len = (limit - done).min(STEP) / entry * entry;
        let bytes = image.at(WHAT, table.saturating_add(done), len)?;
        for found in parse(image, &bytes) {
            if found.d_tag == dt::DT_NULL {
                return Ok(entries);
            }
            entries.push(found);
        }
        done += len;
    }
    Err(WitnessError::Endless(WHAT, table, limit))
}

/// Goblin's parser of dynamic entries wants a PT_DYNAMIC; it gets one that covers exactly these bytes.
fn parse(image: &Image<'_>, bytes: &[u8]) -> Vec<Dyn> {
    let mut here = ProgramHeader::new();
    here.p_type = PT_DYNAMIC;
    here.p_offset = 0;
    here.p_filesz = bytes.len() as u64;
    match dt::Dynamic::parse(bytes, &[here], image.ctx()) {
        Ok(Some(dynamic)) => dynamic.dyns,
        // Its only complaint is about a segment outside the bytes.
        Ok(None) | Err(_) => Vec::new(),
    }
}
