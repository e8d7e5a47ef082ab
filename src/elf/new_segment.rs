//! S4: a read-only LOAD of our own at the end of the file, with as many program headers as before.
//!
//! Takes a growth and gives the table's place in the new LOAD, last in the table and highest in memory. The program
//! header comes from a LOAD that would be left empty, a PT_NULL, or a PT_NOTE that says no more than PT_GNU_PROPERTY
//! does. A file that has such a LOAD already, with the table at its end, gets it made longer instead of a second one. Refuses files with appended
//! bytes, without section headers, and with LOADs out of order.

use super::growth::Growth;
use super::layout::Segment;
use super::refusal::{PlanError, Refusal};
use super::slack::Place;
use object::elf::{PF_R, PF_X, PT_GNU_PROPERTY, PT_LOAD, PT_NOTE, PT_NULL};

/// Writers round the end of the table up to a word.
const PADDING: u64 = 16;
/// Larger symbols are not worth a hole in the address space.
const LARGEST_GAP: u64 = 1 << 24;

/// Refuses files at whose end nothing may be added.
pub(super) fn check(growth: &Growth<'_>) -> Result<(), PlanError> {
    if growth.section.is_none() {
        return Err(Refusal::NoSectionHeaders.into());
    }
    match growth.image.payload(growth.page())? {
        0 => {}
        bytes => return Err(Refusal::Payload { bytes }.into()),
    }
    if growth.image.known_end() > growth.image.source.size() {
        return Err(Refusal::SegmentLayout("a section or segment ends beyond the file").into());
    }
    let mut end = 0;
    for (_, load) in growth.loads() {
        if load.vaddr < end || load.filesz > load.memsz {
            return Err(Refusal::SegmentLayout("its LOAD segments are not in order").into());
        }
        end = load.memory_end();
    }
    Ok(())
}

/// A place in the LOAD that an earlier growth made, where there is one.
pub(super) fn own(growth: &mut Growth<'_>) -> Result<Option<Place>, PlanError> {
    let Some((index, load)) = growth.loads().last().map(|(index, load)| (index, *load)) else { return Ok(None) };
    let old = growth.old;
    // `patchelf` leaves such a segment writable; that does no harm where there is no bss behind it.
    let ours = load.flags.contains(PF_R)
        && !load.flags.contains(PF_X)
        && load.filesz == load.memsz
        && growth.holder() == Some(index)
        && load.file_end() - (old.offset + old.size) < PADDING
        && load.offset > growth.image.header.phoff
        && growth
            .sections
            .iter()
            .all(|one| !one.in_file() || one.offset <= old.offset || one.offset >= load.file_end());
    if !ours {
        return Ok(None);
    }
    let before = old.offset - load.offset;
    let len = before.saturating_add(growth.len);
    if load.vaddr.checked_add(len).is_none_or(|end| end > growth.image.layout.highest() - growth.page()) {
        return Err(Refusal::AddressSpace.into());
    }
    let offset = if load.file_end() >= growth.image.known_end() {
        load.offset
    } else if alone(growth, index) {
        move_in_file(growth, index)?
    } else {
        return Ok(None);
    };
    let segment = &mut growth.segments[index];
    (segment.filesz, segment.memsz) = (len, len);
    Ok(Some((old.addr, offset + before)))
}

/// Whether nothing but what the LOAD itself holds lies in its stretch of the file.
fn alone(growth: &Growth<'_>, index: usize) -> bool {
    let (load, image) = (growth.segments[index], growth.image);
    let within = |start: u64, end: u64| start >= load.offset && end <= load.file_end();
    let apart = |start: u64, end: u64| end <= load.offset || start >= load.file_end();
    let tables = [
        (image.header.phoff, image.segments.len() as u64 * image.layout.segment_size()),
        (image.header.shoff, image.section_list().len() as u64 * image.layout.section_size()),
    ];
    let sections = growth.sections.iter().filter(|section| section.in_file());
    let segments = growth.segments.iter().filter(|segment| segment.filesz > 0);
    tables.iter().all(|(start, len)| apart(*start, start.saturating_add(*len)))
        && sections.map(|one| (one.offset, one.file_end())).all(|(from, to)| within(from, to) || apart(from, to))
        && segments.map(|one| (one.offset, one.file_end())).all(|(from, to)| within(from, to) || apart(from, to))
}

/// Moves a LOAD's bytes to the end of the file; its addresses stay. Tells its new file offset.
fn move_in_file(growth: &mut Growth<'_>, index: usize) -> Result<u64, PlanError> {
    let load = growth.segments[index];
    let align = load.align.max(growth.page());
    let offset = congruent(growth.image.source.size(), load.vaddr, align).ok_or(Refusal::AddressSpace)?;
    let bytes = growth.image.range("segment to be moved", load.offset, load.filesz)?;
    growth.draft.zero(load.offset, load.filesz);
    growth.draft.write(offset, &bytes);
    growth.size = growth.size.max(offset + load.filesz);
    for segment in growth.segments.iter_mut().filter(|one| one.filesz > 0 && inside(&load, one.offset)) {
        segment.offset = segment.offset - load.offset + offset;
    }
    let inner: Vec<(usize, u64, u64)> = growth
        .sections
        .iter()
        .enumerate()
        .filter(|(_, section)| section.in_file() && inside(&load, section.offset))
        .map(|(at, section)| (at, section.addr, section.offset - load.offset + offset))
        .collect();
    for (at, addr, offset) in inner {
        growth.move_section(at, addr, offset);
    }
    Ok(offset)
}

fn inside(load: &Segment, offset: u64) -> bool {
    (load.offset..load.file_end()).contains(&offset)
}

/// The lowest offset from `at` on that is congruent to an address.
fn congruent(at: u64, vaddr: u64, align: u64) -> Option<u64> {
    let start = at.checked_next_multiple_of(align)?;
    start.checked_add(vaddr % align)
}

/// A place in a new LOAD that takes over a program header nobody needs; `None` where all are needed.
pub(super) fn instead(growth: &mut Growth<'_>) -> Result<Option<Place>, PlanError> {
    let Some(spare) = growth.lonely().or_else(|| spare(&growth.segments)) else { return Ok(None) };
    growth.segments.remove(spare);
    let len = growth.len;
    add(growth, len).map(Some)
}

fn spare(segments: &[Segment]) -> Option<usize> {
    let property = segments.iter().find(|segment| segment.kind == PT_GNU_PROPERTY);
    let same = |one: &Segment| {
        property.is_some_and(|other| (one.offset, one.vaddr, one.filesz) == (other.offset, other.vaddr, other.filesz))
    };
    let null = segments.iter().position(|segment| segment.kind == PT_NULL);
    null.or_else(|| segments.iter().position(|segment| segment.kind == PT_NOTE && same(segment)))
}

/// Adds a LOAD of `len` bytes behind everything, in the file and in memory, and tells its address and file offset.
///
/// A hole as large as the largest symbol keeps it clear of `eu-elflint`, which takes a relocation to reach as far as its
/// symbol is large and reports one that so reaches a read-only segment.
pub(super) fn add(growth: &mut Growth<'_>, len: u64) -> Result<Place, PlanError> {
    let page = growth.page();
    let top = growth.loads().map(|(_, load)| load.memory_end()).max().unwrap_or(0);
    let gap = Some(growth.largest_symbol()?).filter(|size| *size <= LARGEST_GAP).map_or(0, |size| size + 1);
    let vaddr = top.checked_add(gap).and_then(|end| end.checked_next_multiple_of(page)).ok_or(Refusal::AddressSpace)?;
    let offset = growth.image.source.size().checked_next_multiple_of(page).ok_or(Refusal::AddressSpace)?;
    let highest = growth.image.layout.highest() - page;
    let fits = |start: u64| start.checked_add(len).is_some_and(|end| end <= highest);
    if !fits(vaddr) || !fits(offset) {
        return Err(Refusal::AddressSpace.into());
    }
    let last = growth.loads().last().map_or(0, |(index, _)| index + 1);
    let load =
        Segment { kind: PT_LOAD, flags: PF_R, offset, vaddr, paddr: vaddr, filesz: len, memsz: len, align: page };
    growth.segments.insert(last, load);
    Ok((vaddr, offset))
}
