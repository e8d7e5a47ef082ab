//! Where everything behind the first debug section goes: as far up as its alignment lets it, in the order it has.
//!
//! Takes the sections with their new sizes; gives new offsets of sections and segments, and which bytes move. A LOAD that
//! lies behind, as growing a file leaves it, moves whole and keeps its remainder by the page. Refuses files in which
//! anything overlaps there, or in which bytes lie between that nothing accounts for.

use super::{Unstripped, is_mapped};
use crate::elf::growth::page_size;
use crate::elf::image::{Image, is_zero};
use crate::elf::layout::{Section, Segment};
use object::elf::{PT_LOAD, SHF_ALLOC, SHT_NOBITS, SHT_NULL};
use std::collections::HashSet;

/// Bytes that move up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) len: u64,
}

/// Where everything is afterwards.
pub(super) struct Places {
    /// Nothing before that moves, and no debug section lies there.
    pub(super) start: u64,
    /// One past the last byte that moved, and of the table of section headers.
    pub(super) end: u64,
    /// Where that table goes.
    pub(super) table: u64,
    /// By old number, those that go as well.
    pub(super) sections: Vec<Section>,
    pub(super) segments: Vec<Segment>,
    pub(super) phoff: u64,
    /// Sorted; a symbol table that became shorter has its new length.
    pub(super) moved: Vec<Moved>,
}

/// What lies in a stretch of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Gone,
    Section(usize),
    Load(usize),
}

/// A stretch of the file that moves as one.
struct Stretch {
    start: u64,
    end: u64,
    what: What,
}

/// Finds the places; `table` is the new length of the table of section headers, `most` how many bytes may be behind the
/// start. `sections` have their new sizes, the image the old ones.
pub(super) fn find(
    image: &Image<'_>,
    sections: Vec<Section>,
    gone: &[bool],
    table: u64,
    most: u64,
) -> Result<Places, Unstripped> {
    let start = start(image, gone)?;
    if start < image.layout.header_size() {
        return Err(Unstripped::SegmentLayout("its debug sections share bytes with something else"));
    }
    let stretches = stretches(image, gone, start)?;
    check_gaps(image, &stretches, start)?;
    let mut places = Places {
        start,
        end: start,
        table: start,
        sections,
        segments: image.segments.clone(),
        phoff: image.header.phoff,
        moved: Vec::new(),
    };
    places.pack(image, &stretches);
    places.place_table(table, image.layout.word_size());
    let bytes = places.end - start;
    if bytes > most {
        return Err(Unstripped::TooLong { bytes, most });
    }
    places.follow(image)?;
    Ok(places)
}

/// Where the first debug section or the table of section headers begins, or the zeros that lie right before it.
fn start(image: &Image<'_>, gone: &[bool]) -> Result<u64, Unstripped> {
    let (header, layout, sections) = (image.header, image.layout, image.section_list());
    let removed = sections.iter().zip(gone).filter(|(section, gone)| **gone && section.in_file());
    let removed = removed.map(|(section, _)| section.offset);
    // Go's linker puts the table into the first LOAD, gold puts it before compressed sections.
    let loaded = |offset: u64| image.loads().any(|load| load.offset <= offset && offset < load.file_end());
    let table = Some(header.shoff).filter(|offset| !loaded(*offset));
    let first = removed.chain(table).min().unwrap_or(image.source.size());
    let headers = header.phoff.saturating_add(image.segments.len() as u64 * layout.segment_size());
    let in_sections = sections.iter().filter(|section| section.in_file()).map(Section::file_end);
    let in_segments = image.segments.iter().filter(|segment| segment.filesz > 0).map(Segment::file_end);
    let known = in_sections.chain(in_segments).chain([layout.header_size(), headers]);
    let known = known.filter(|end| *end <= first).max().unwrap_or(0);
    Ok(if is_zero(image.source, known, first - known)? { known } else { first })
}

/// Everything that lies behind `start`, sorted, without the table of section headers.
fn stretches(image: &Image<'_>, gone: &[bool], start: u64) -> Result<Vec<Stretch>, Unstripped> {
    let loads = image.segments.iter().enumerate().filter(|(_, one)| is_mapped(one) && one.file_end() > start);
    let loads =
        loads.map(|(index, load)| Stretch { start: load.offset, end: load.file_end(), what: What::Load(index) });
    let loads = apart(loads.collect(), start)?;
    let mut stretches = Vec::new();
    let sections = image.section_list().iter().enumerate().filter(|(_, one)| one.in_file() && one.file_end() > start);
    for (index, section) in sections {
        let what = if gone[index] { What::Gone } else { What::Section(index) };
        let at = loads.partition_point(|load| load.end < section.file_end());
        let in_load = loads.get(at).is_some_and(|load| load.start <= section.offset);
        if gone[index] || !in_load {
            if section.flags.contains(SHF_ALLOC) {
                return Err(Unstripped::SegmentLayout("a section that is loaded lies in no LOAD segment"));
            }
            stretches.push(Stretch { start: section.offset, end: section.file_end(), what });
        }
    }
    stretches.extend(loads);
    apart(stretches, start)
}

/// Sorts stretches, which must not share bytes with each other or with what lies before `start`.
fn apart(mut stretches: Vec<Stretch>, start: u64) -> Result<Vec<Stretch>, Unstripped> {
    stretches.sort_by_key(|one| (one.start, one.end));
    let mut end = start;
    for one in &stretches {
        if one.start < end {
            return Err(Unstripped::SegmentLayout("its debug sections share bytes with something else"));
        }
        end = one.end;
    }
    Ok(stretches)
}

/// Between what is known there may be zeros for alignment and the table of section headers, nothing else.
fn check_gaps(image: &Image<'_>, stretches: &[Stretch], start: u64) -> Result<(), Unstripped> {
    let page = page_size(image.header.machine);
    let bytes = image.payload(page)?;
    if bytes > 0 {
        return Err(Unstripped::Payload { bytes });
    }
    let table = image.header.shoff;
    let table_end = table.saturating_add(image.section_list().len() as u64 * image.layout.section_size());
    let mut known: Vec<(u64, u64)> = stretches.iter().map(|one| (one.start, one.end)).collect();
    known.extend((table_end > start).then_some((table, table_end)));
    known.sort_unstable();
    let mut end = start;
    for (from, to) in known {
        let known = from <= end || is_zero(image.source, end, from - end)? || is_old_table(image, end, from)?;
        if !known {
            return Err(Unstripped::Payload { bytes: from - end });
        }
        end = end.max(to);
    }
    Ok(())
}

/// Whether a gap holds a table of section headers that is not in use any more, and else zeros: `patchelf` leaves it behind
/// where it makes a file longer.
fn is_old_table(image: &Image<'_>, start: u64, end: u64) -> Result<bool, Unstripped> {
    let layout = image.layout;
    let table = start.next_multiple_of(layout.word_size());
    if table >= end || !is_zero(image.source, start, table - start)? {
        return Ok(false);
    }
    let longest = image.section_list().len() as u64 * layout.section_size();
    let bytes = image.range("what lies between sections", table, (end - table).min(longest))?;
    let names: HashSet<_> = image.section_list().iter().map(|one| (one.name, one.kind.0)).collect();
    let headers = layout.sections(&bytes);
    let old = headers.iter().take_while(|one| names.contains(&(one.name, one.kind.0))).count() as u64;
    let behind = table + old * layout.section_size();
    let is_table = old > 1 && headers[0].kind == SHT_NULL && headers[1].kind != SHT_NULL;
    Ok(is_table && is_zero(image.source, behind, end - behind)?)
}

impl Places {
    /// Gives each stretch that stays the first place that keeps its remainder.
    fn pack(&mut self, image: &Image<'_>, stretches: &[Stretch]) {
        let page = page_size(image.header.machine);
        for Stretch { start, end, what } in stretches {
            let (align, len) = match what {
                What::Gone => continue,
                What::Section(index) => (self.sections[*index].align, self.sections[*index].size),
                What::Load(index) => (image.segments[*index].align.max(page), end - start),
            };
            // Never behind its old place, because nothing before it became longer.
            let align = align.max(1);
            let to = start - start.saturating_sub(self.end) / align * align;
            self.moved.push(Moved { from: *start, to, len });
            self.end = to + len;
        }
    }

    /// Puts the table of section headers into the first hole that is large enough, as a LOAD leaves it before it, else last.
    fn place_table(&mut self, len: u64, align: u64) {
        let mut free = self.start;
        for Moved { to, len: held, .. } in &self.moved {
            if free.next_multiple_of(align) + len <= *to {
                break;
            }
            free = to + held;
        }
        self.table = free.next_multiple_of(align);
        self.end = self.end.max(self.table + len);
    }

    /// Where bytes that moved are now; `None` where not all of them moved together.
    fn now(&self, offset: u64, len: u64) -> Option<u64> {
        let end = offset.checked_add(len)?;
        let at = self.moved.partition_point(|one| one.from.saturating_add(one.len) < end);
        let held = self.moved.get(at).filter(|one| one.from <= offset);
        held.map(|one| offset - one.from + one.to)
    }

    /// Lets headers follow the bytes.
    fn follow(&mut self, image: &Image<'_>) -> Result<(), Unstripped> {
        let elsewhere = || Unstripped::SegmentLayout("a segment lies across its debug sections");
        let table = image.segments.len() as u64 * image.layout.segment_size();
        if self.phoff.saturating_add(table) > self.start && table > 0 {
            self.phoff = self.now(self.phoff, table).ok_or_else(elsewhere)?;
        }
        for index in 0..self.segments.len() {
            let segment = self.segments[index];
            let behind = if segment.filesz > 0 { segment.file_end() > self.start } else { segment.offset > self.start };
            if !behind {
                continue;
            }
            match self.now(segment.offset, segment.filesz) {
                Some(offset) => self.segments[index].offset = offset,
                // A loader maps the page at such an offset even where the segment has no bytes in the file.
                None if segment.filesz > 0 || segment.kind == PT_LOAD => return Err(elsewhere()),
                None => {}
            }
        }
        for index in 0..self.sections.len() {
            let section = self.sections[index];
            if section.offset > self.start || (section.in_file() && section.offset == self.start) {
                let len = if section.kind == SHT_NOBITS { 0 } else { section.size };
                // What has no bytes may lie anywhere in the file.
                self.sections[index].offset = self.now(section.offset, len).unwrap_or(self.start);
            }
        }
        Ok(())
    }
}
