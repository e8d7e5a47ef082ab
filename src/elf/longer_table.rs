//! S5: a LOAD of our own with a program header table that is one entry longer, in place.
//!
//! Takes a growth, moves the run of sections right behind the table into the new LOAD, and gives the string table's
//! place behind them. The table itself never moves: `strip` breaks files where it did. Only sections that nothing but
//! headers and dynamic entries point to may move, notes of one segment only together. Refuses everything else by name.

use super::growth::Growth;
use super::image::malformed;
use super::layout::{Section, Segment};
use super::new_segment;
use super::refusal::{PlanError, Refusal};
use super::slack::Place;
use object::elf::{
    EM_MIPS, PT_GNU_PROPERTY, PT_INTERP, PT_LOAD, PT_NOTE, PT_PHDR, SHF_ALLOC, SHT_DYNSYM, SHT_GNU_HASH,
    SHT_GNU_VERDEF, SHT_GNU_VERNEED, SHT_GNU_VERSYM, SHT_HASH, SHT_NOTE, SHT_PROGBITS,
};

/// Sections that move: their numbers by offset, and the stretch of the file they span.
struct Run {
    sections: Vec<usize>,
    start: u64,
    end: u64,
}

/// Makes the program header table one entry longer and finds the string table a place in the LOAD it describes.
pub(super) fn place(growth: &mut Growth<'_>) -> Result<Place, PlanError> {
    let (header, layout) = (growth.image.header, growth.image.layout);
    if header.machine == EM_MIPS.0 {
        return Err(Refusal::SegmentLayout("on MIPS what follows the program headers cannot be moved").into());
    }
    let table_end = header.phoff + growth.segments.len() as u64 * layout.segment_size();
    let needed = table_end + layout.segment_size();
    let run = find_run(growth, table_end, needed)?;
    check_segments(growth, &run, table_end, needed)?;
    // The moved sections keep their distance from each other and their alignment.
    let align =
        run.sections.iter().map(|index| growth.sections[*index].align).max().unwrap_or(1).clamp(1, growth.page());
    let lead = run.start % align;
    let block = run.end - run.start;
    let head = lead + block;
    let len = head.checked_add(growth.len).ok_or(Refusal::AddressSpace)?;
    let (vaddr, offset) = new_segment::add(growth, len)?;
    move_run(growth, &run, vaddr + lead, offset + lead)?;
    for segment in growth.segments.iter_mut().filter(|segment| segment.kind == PT_PHDR) {
        for size in [&mut segment.filesz, &mut segment.memsz] {
            *size = size.checked_add(layout.segment_size()).ok_or(Refusal::AddressSpace)?;
        }
    }
    Ok((vaddr + head, offset + head))
}

/// The sections that lie in the way of the longer table, and those that must go with them.
fn find_run(growth: &Growth<'_>, table_end: u64, needed: u64) -> Result<Run, Refusal> {
    let mut behind: Vec<usize> = (0..growth.sections.len())
        .filter(|index| growth.sections[*index].in_file() && growth.sections[*index].file_end() > table_end)
        .collect();
    behind.sort_by_key(|index| growth.sections[*index].offset);
    let mut run = Run { sections: Vec::new(), start: needed, end: needed };
    let mut reach = needed;
    for index in behind {
        let section = growth.sections[index];
        if section.offset >= reach {
            break;
        }
        if Some(index) != growth.section {
            if section.offset < table_end || !movable(growth, index) {
                return Err(in_the_way(growth, index));
            }
            if run.sections.is_empty() {
                run.start = section.offset;
            }
            run.sections.push(index);
            run.end = section.file_end().max(run.end);
        }
        reach = reach.max(group_end(growth, &section));
    }
    if run.sections.is_empty() {
        run.end = run.start;
    } else {
        run.end = run.sections.iter().map(|index| growth.sections[*index].file_end()).max().unwrap_or(run.start);
    }
    Ok(run)
}

fn in_the_way(growth: &Growth<'_>, index: usize) -> Refusal {
    let name = growth.image.section_name(&growth.sections[index]);
    Refusal::InTheWay { section: name.unwrap_or_else(|| format!("section {index}").into_bytes()) }
}

/// Whether nothing but headers and dynamic entries points into a section.
fn movable(growth: &Growth<'_>, index: usize) -> bool {
    let section = &growth.sections[index];
    let interp = growth
        .segments
        .iter()
        .any(|segment| segment.kind == PT_INTERP && (segment.offset, segment.filesz) == (section.offset, section.size));
    let kinds = [SHT_NOTE, SHT_GNU_HASH, SHT_HASH, SHT_DYNSYM, SHT_GNU_VERSYM, SHT_GNU_VERNEED, SHT_GNU_VERDEF];
    section.flags.contains(SHF_ALLOC) && (kinds.contains(&section.kind) || (section.kind == SHT_PROGBITS && interp))
}

fn is_group(segment: &Segment) -> bool {
    segment.filesz > 0 && [PT_NOTE, PT_GNU_PROPERTY, PT_INTERP].contains(&segment.kind)
}

/// Where the note segment that a section lies in ends; such a segment is moved whole.
fn group_end(growth: &Growth<'_>, section: &Section) -> u64 {
    let groups = growth.segments.iter().filter(|segment| is_group(segment));
    let ends = groups.filter(|segment| segment.offset < section.file_end() && section.offset < segment.file_end());
    ends.map(Segment::file_end).max().unwrap_or(0)
}

/// The longer table and the moved run must lie in one LOAD, and no segment may be cut.
fn check_segments(growth: &Growth<'_>, run: &Run, table_end: u64, needed: u64) -> Result<(), Refusal> {
    let phoff = growth.image.header.phoff;
    let holds = |segment: &Segment, end: u64| segment.offset <= phoff && end <= segment.file_end();
    let loads: Vec<&Segment> = growth.loads().map(|(_, load)| load).filter(|load| holds(load, table_end)).collect();
    let [load] = loads[..] else {
        return Err(Refusal::SegmentLayout("its program headers do not lie in one LOAD segment"));
    };
    if !holds(load, needed.max(run.end)) {
        return Err(Refusal::SegmentLayout("its first LOAD segment ends too early for another program header"));
    }
    for segment in growth.segments.iter().filter(|segment| segment.filesz > 0) {
        let (start, end) = (segment.offset, segment.file_end());
        let touched = start < needed.max(run.end) && end > table_end;
        let whole = run.start <= start && end <= run.end && is_group(segment);
        let outside = start >= needed && (start >= run.end || end <= run.start);
        if touched && !whole && !outside && segment.kind != PT_LOAD {
            return Err(Refusal::SegmentLayout("a segment behind the program headers would be cut"));
        }
    }
    let addressed = run.sections.iter().all(|index| {
        let section = &growth.sections[*index];
        section.offset.checked_sub(load.offset).and_then(|into| into.checked_add(load.vaddr)) == Some(section.addr)
    });
    if addressed { Ok(()) } else { Err(Refusal::SectionHeadersDisagree) }
}

fn move_run(growth: &mut Growth<'_>, run: &Run, addr: u64, offset: u64) -> Result<(), PlanError> {
    for index in run.sections.clone() {
        let section = growth.sections[index];
        let into = section.offset - run.start;
        let bytes = growth.image.range("section to be moved", section.offset, section.size)?;
        // Code may read a note where it was linked, without a relocation to find it by; the old bytes do no harm.
        if section.kind != SHT_NOTE {
            growth.draft.zero(section.offset, section.size);
        }
        growth.draft.write(offset + into, &bytes);
        growth.move_section(index, addr + into, offset + into);
    }
    let table = growth.image.header.phoff;
    for segment in growth.segments.iter_mut().filter(|segment| is_group(segment)) {
        if run.start <= segment.offset && segment.file_end() <= run.end {
            let into = segment.offset - run.start;
            let up = (addr + into)
                .checked_sub(segment.vaddr)
                .ok_or_else(|| malformed("a note lies above every LOAD", table, segment.vaddr))?;
            segment.paddr = segment.paddr.checked_add(up).ok_or(Refusal::AddressSpace)?;
            (segment.offset, segment.vaddr) = (offset + into, addr + into);
        }
    }
    Ok(())
}
