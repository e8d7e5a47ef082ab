//! The ladder: the least invasive way to give a file the run-time paths it shall have.
//!
//! Takes a file and the wanted state of both tags; gives edits, each rung tried only when the one before does not do:
//! nothing, in place, onto bytes that are there, slack, a new segment, a longer program header table. Refuses, with the
//! reason, what no rung is known to be safe for. A file that is as wanted needs no edit, whatever its kind.

use super::check::self_check;
use super::draft::Draft;
use super::dynamic::{Dynamic, Strings};
use super::facts::{self, RunPath, tag_of};
use super::growth::{Growth, dynamic_bytes};
use super::image::{Image, malformed};
use super::kind::{self, Found, Kind, classify};
use super::layout::{Entry, Section};
use super::references::References;
use super::refusal::{PlanError, Refusal};
use super::strings::{Place, StringTable};
use super::tags::{self, RunPaths};
use super::{longer_table, new_segment, slack};
use crate::base::bytes::{Edit, ReadAt};
use crate::loader::object::Tag;
use object::elf::{PT_LOAD, SHT_DYNAMIC, SHT_STRTAB};
use serde::Serialize;
use std::fmt;

/// How a file takes its new run-time paths, least invasive first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// S0: it is as wanted.
    Unchanged,
    /// S1: written over the old path, or only tags change.
    InPlace,
    /// S2: onto an equal string, the tail of one, or unused zeros in the string table.
    Reuse,
    /// S3: the string table grows into zero padding; the file does not.
    Slack,
    /// S4: the string table moves to a LOAD of its own at the end of the file; as many program headers as before.
    NewSegment,
    /// S5: likewise, with one program header more.
    LongerTable,
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unchanged => "S0 unchanged",
            Self::InPlace => "S1 in place",
            Self::Reuse => "S2 reuse",
            Self::Slack => "S3 slack",
            Self::NewSegment => "S4 new segment",
            Self::LongerTable => "S5 longer table",
        })
    }
}

/// What to write to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Which rung it is.
    pub rung: Rung,
    /// Sorted by offset; none overlaps another. Bytes beyond the old end that no edit gives are zero.
    pub edits: Vec<Edit>,
    /// The new file's length in bytes, never less than the old one's.
    pub size: u64,
}

/// Works out how to give a file the wanted run-time paths. The patch has passed [`self_check`].
pub fn plan(source: &dyn ReadAt, wanted: &RunPaths) -> Result<Patch, PlanError> {
    let Some(mut image) = Image::open(source)? else { return without_dynamic(source, wanted) };
    let Found::Dynamic(dynamic) = classify(&mut image)? else { return without_dynamic(source, wanted) };
    let current = facts::run_paths(&image, &dynamic)?;
    if is_as_wanted(&current, wanted) {
        return Ok(unchanged(source));
    }
    check_kind(&image, &dynamic, wanted)?;
    let patch = Edition::begin(&image, &dynamic, wanted)?.finish()?;
    self_check(source, &patch, wanted)?;
    Ok(patch)
}

/// Where a Bun program has its code, which it finds from the end of the file.
pub(super) const BUN: &[u8] = b".bun";

fn unchanged(source: &dyn ReadAt) -> Patch {
    Patch { rung: Rung::Unchanged, edits: Vec::new(), size: source.size() }
}

fn without_dynamic(source: &dyn ReadAt, wanted: &RunPaths) -> Result<Patch, PlanError> {
    if *wanted == RunPaths::default() { Ok(unchanged(source)) } else { Err(Refusal::NotDynamic.into()) }
}

/// Whether every tag is there exactly where it is wanted and says what is wanted.
pub(super) fn is_as_wanted(current: &[RunPath], wanted: &RunPaths) -> bool {
    let right = current.iter().all(|path| wanted.of(path.tag) == Some(path.value.as_slice()));
    let there = |tag| wanted.of(tag).is_none() || current.iter().any(|path| path.tag == tag);
    right && there(Tag::Rpath) && there(Tag::Runpath)
}

fn check_kind(image: &Image<'_>, dynamic: &Dynamic, wanted: &RunPaths) -> Result<(), PlanError> {
    for tag in [Tag::Rpath, Tag::Runpath] {
        if wanted.of(tag).is_some_and(|path| path.contains(&0)) {
            return Err(Refusal::NulInPath(tag).into());
        }
    }
    match kind::of_dynamic(image, dynamic)? {
        Kind::StaticPie => return Err(Refusal::StaticPie.into()),
        Kind::Loader => return Err(Refusal::Loader.into()),
        _ => {}
    }
    let bun = |section| image.section_name(section).as_deref() == Some(BUN);
    if image.section_list().iter().any(bun) { Err(Refusal::Bun.into()) } else { Ok(()) }
}

/// One edit of one file, once it is known to be needed.
struct Edition<'a> {
    image: &'a Image<'a>,
    dynamic: &'a Dynamic,
    strings: Strings,
    entries: Vec<Entry>,
    table: StringTable,
    rung: Rung,
}

impl<'a> Edition<'a> {
    /// Works out the new entries and string table, not yet where the table lies.
    fn begin(image: &'a Image<'a>, dynamic: &'a Dynamic, wanted: &RunPaths) -> Result<Self, PlanError> {
        let strings = dynamic.strings.ok_or(Refusal::NoStringTable)?;
        if shared(image, strings) {
            return Err(Refusal::SharedStringTable.into());
        }
        let bytes = image.range("dynamic string table", strings.offset, strings.size)?.into_owned();
        if bytes.last() != Some(&0) {
            return Err(malformed("dynamic string table without a NUL at its end", strings.offset, strings.size).into());
        }
        let slots = slots(image, dynamic);
        let entries = tags::rewrite(&dynamic.entries, slots, wanted, image.layout, image.header.machine)?;
        let references = References::collect(image, dynamic)?;
        let mut edition =
            Self { image, dynamic, strings, entries, table: StringTable::new(bytes, Vec::new()), rung: Rung::InPlace };
        edition.place_strings(references, wanted);
        Ok(edition)
    }

    /// Gives up the old strings and finds places for the new ones.
    fn place_strings(&mut self, references: References, wanted: &RunPaths) {
        let bytes = self.table.bytes().to_vec();
        let ends_right = |tag: Tag, at: u64| {
            let string = bytes.get(at as usize..).unwrap_or_default();
            let end = memchr::memchr(0, string).unwrap_or(string.len());
            at > 0 && wanted.of(tag) == Some(&string[..end])
        };
        let mut kept = references.others;
        let mut pending: Vec<(usize, Tag)> = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            match tag_of(entry.tag) {
                Some(tag) if ends_right(tag, entry.value) => kept.push(entry.value),
                Some(tag) => pending.push((index, tag)),
                None => {}
            }
        }
        let released: Vec<u64> = references.run_paths.iter().map(|(_, at)| *at).collect();
        self.table = StringTable::new(bytes, kept);
        self.table.release(&released);
        // The longest first, so that a shorter one may be its tail.
        pending.sort_by_key(|(_, tag)| std::cmp::Reverse(wanted.of(*tag).map_or(0, <[u8]>::len)));
        let mut placed: Vec<(&[u8], u64)> = Vec::new();
        for (index, tag) in pending {
            let string = wanted.of(tag).unwrap_or_default();
            let known = placed.iter().find(|(other, _)| *other == string).map(|(_, at)| *at);
            let at = known.unwrap_or_else(|| self.place(string));
            placed.push((string, at));
            self.entries[index].value = at;
        }
    }

    fn place(&mut self, string: &[u8]) -> u64 {
        let (at, place) = self.table.place(string);
        if place == Place::Reused {
            self.rung = self.rung.max(Rung::Reuse);
        }
        at
    }

    /// Finds the table a place and writes everything down.
    fn finish(self) -> Result<Patch, PlanError> {
        let len = self.table.bytes().len() as u64;
        if len == self.strings.size {
            return self.finish_in_place();
        }
        let image = self.image;
        let mut growth = Growth::begin(image, self.dynamic, self.strings, self.entries, len)?;
        let (rung, (addr, offset)) = climb(&mut growth)?;
        let (draft, size) = growth.commit(self.table.bytes(), addr, offset)?;
        Ok(Patch { rung, edits: draft.finish(image.source)?, size })
    }

    fn finish_in_place(self) -> Result<Patch, PlanError> {
        let mut draft = Draft::default();
        draft.write(self.strings.offset, self.table.bytes());
        let bytes = dynamic_bytes(self.image, &self.entries, self.dynamic.slots).ok_or(Refusal::AddressSpace)?;
        draft.write(self.dynamic.offset, &bytes);
        let source = self.image.source;
        Ok(Patch { rung: self.rung, edits: draft.finish(source)?, size: source.size() })
    }
}

/// Tries the rungs on which the table grows.
fn climb(growth: &mut Growth<'_>) -> Result<(Rung, slack::Place), PlanError> {
    if let Some(place) = slack::find(growth)? {
        return Ok((Rung::Slack, place));
    }
    new_segment::check(growth)?;
    if let Some(place) = new_segment::own(growth)? {
        return Ok((Rung::NewSegment, place));
    }
    if let Some(place) = new_segment::instead(growth)? {
        return Ok((Rung::NewSegment, place));
    }
    Ok((Rung::LongerTable, longer_table::place(growth)?))
}

/// How many dynamic entries fit: `strip` keeps only what the section header says.
fn slots(image: &Image<'_>, dynamic: &Dynamic) -> usize {
    let sections = image.section_list().iter().filter(|one| one.kind == SHT_DYNAMIC && one.offset == dynamic.offset);
    let by_header = sections.map(|one| (one.size / image.layout.entry_size()) as usize).max();
    by_header.map_or(dynamic.slots, |slots| slots.clamp(dynamic.entries.len(), dynamic.slots))
}

/// Whether anything but its own section and the LOADs lies over the string table.
fn shared(image: &Image<'_>, strings: Strings) -> bool {
    let end = strings.offset + strings.size;
    let over = |start: u64, stop: u64| start < end && strings.offset < stop;
    let own = |one: &Section| one.kind == SHT_STRTAB && one.addr == strings.addr;
    let sections = image.section_list().iter().filter(|one| one.in_file() && !own(one));
    let names = image.section_list().get(usize::from(image.header.shstrndx)).filter(|one| one.in_file());
    let segments = image.segments.iter().filter(|one| one.kind != PT_LOAD && one.filesz > 0);
    let tables = [
        (0, image.layout.header_size()),
        (image.header.phoff, image.segments.len() as u64 * image.layout.segment_size()),
        (image.header.shoff, image.section_list().len() as u64 * image.layout.section_size()),
    ];
    sections.chain(names).any(|one| over(one.offset, one.file_end()))
        || segments.map(|one| (one.offset, one.file_end())).any(|(start, stop)| over(start, stop))
        || tables.iter().any(|(start, len)| over(*start, start.saturating_add(*len)))
}
