//! S3: room for the string table in the zero padding that is there already.
//!
//! Takes a growth and looks right behind the table, then behind each LOAD that cannot be written to. Padding counts only
//! up to the next thing in the file and the next page in memory that something else uses, only if it is zero, and never
//! at the very end of the file. Never behind a writable LOAD: bss begins there, and musl gives such gaps to malloc.

use super::growth::Growth;
use super::image::ElfError;
use super::layout::{Section, Segment};
use object::elf::{PF_W, PF_X, PT_LOAD};

/// Where the table can go: address and file offset. The LOAD is already made longer.
pub(super) type Place = (u64, u64);

/// Looks for slack; `None` where there is not enough.
pub(super) fn find(growth: &mut Growth<'_>) -> Result<Option<Place>, ElfError> {
    let holder = growth.holder();
    if let Some(index) = holder
        && let Some(place) = lengthen(growth, index)?
    {
        return Ok(Some(place));
    }
    if growth.lonely().is_some() {
        return Ok(None);
    }
    let mut candidates: Vec<usize> = growth.loads().map(|(index, _)| index).collect();
    // The segment the table is in first, then those that cannot be executed either.
    candidates.sort_by_key(|index| (Some(*index) != holder, growth.segments[*index].flags.contains(PF_X)));
    for index in candidates {
        if let Some(place) = behind(growth, index)? {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

fn contains(load: &Segment, offset: u64, len: u64) -> bool {
    load.offset <= offset && offset.saturating_add(len) <= load.file_end()
}

/// The table stays and grows into the padding behind it, inside its LOAD or over its end.
fn lengthen(growth: &mut Growth<'_>, index: usize) -> Result<Option<Place>, ElfError> {
    let (load, old) = (growth.segments[index], growth.old);
    let end = old.offset + old.size;
    let new_end = old.offset + growth.len;
    let inside = end < load.file_end();
    if (inside && growth.section.is_none()) || new_end - end > file_room(growth, end) || !zero(growth, end, new_end)? {
        return Ok(None);
    }
    if new_end > load.file_end() && !stretch(growth, index, new_end) {
        return Ok(None);
    }
    Ok(Some((old.addr, old.offset)))
}

/// A copy of the table goes right behind a LOAD.
fn behind(growth: &mut Growth<'_>, index: usize) -> Result<Option<Place>, ElfError> {
    let load = growth.segments[index];
    let (start, end) = (load.file_end(), load.file_end().saturating_add(growth.len));
    if growth.len > file_room(growth, start) || !zero(growth, start, end)? || !stretch(growth, index, end) {
        return Ok(None);
    }
    Ok(Some((load.memory_end(), start)))
}

/// Makes a LOAD reach to `end` in the file, if it is read-only and the next LOAD leaves the pages.
fn stretch(growth: &mut Growth<'_>, index: usize, end: u64) -> bool {
    let load = growth.segments[index];
    if load.flags.contains(PF_W) || load.filesz != load.memsz || load.filesz == 0 {
        return false;
    }
    let page = growth.page();
    let grown = end - load.offset;
    let floors = growth.loads().filter(|(other, next)| *other != index && next.vaddr >= load.vaddr);
    let limit = floors.map(|(_, next)| next.vaddr / page * page).min().unwrap_or(growth.image.layout.highest());
    if load.vaddr.checked_add(grown).is_none_or(|end| end > limit) {
        return false;
    }
    growth.segments[index].filesz = grown;
    growth.segments[index].memsz = grown;
    true
}

/// How many bytes from `at` on belong to nothing; 0 where something runs across or nothing follows, because bytes
/// behind everything known are somebody's payload.
fn file_room(growth: &Growth<'_>, at: u64) -> u64 {
    let mut room = None;
    for (start, end) in occupied(growth) {
        if start < at && at < end {
            return 0;
        }
        if start >= at {
            room = Some(room.map_or(start - at, |room: u64| room.min(start - at)));
        }
    }
    room.unwrap_or(0)
}

/// Everything in the file but the table itself and the LOADs that hold it.
fn occupied(growth: &Growth<'_>) -> Vec<(u64, u64)> {
    let (image, old) = (growth.image, growth.old);
    let sections = growth.sections.iter().enumerate();
    let sections = sections.filter(|(index, section)| section.in_file() && Some(*index) != growth.section);
    let segments = growth
        .segments
        .iter()
        .filter(|segment| segment.filesz > 0 && !(segment.kind == PT_LOAD && contains(segment, old.offset, old.size)));
    let mut all: Vec<(u64, u64)> = sections.map(|(_, section)| extent(section)).collect();
    all.extend(segments.map(|segment| (segment.offset, segment.file_end())));
    let headers = image.segments.len() as u64 * image.layout.segment_size();
    all.push((image.header.phoff, image.header.phoff.saturating_add(headers)));
    if image.header.shoff > 0 {
        let headers = growth.sections.len().max(1) as u64 * image.layout.section_size();
        all.push((image.header.shoff, image.header.shoff.saturating_add(headers)));
    }
    all
}

fn extent(section: &Section) -> (u64, u64) {
    (section.offset, section.file_end())
}

fn zero(growth: &Growth<'_>, start: u64, end: u64) -> Result<bool, ElfError> {
    let bytes = growth.image.range("padding", start, end - start)?;
    Ok(bytes.iter().all(|byte| *byte == 0))
}
