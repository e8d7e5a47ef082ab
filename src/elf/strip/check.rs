//! The self-check: a stripped file, read again, is loaded as before and has every section that was to stay.
//!
//! Takes the file and the edits and reads the result through them as if it lay on disk. Refuses, as a fault of ours, any
//! other byte in what a loader maps than headers and numbers of sections, and any other section.

use super::places::Moved;
use super::symbols::Numbers;
use super::{Stripped, Unstripped};
use crate::base::bytes::Edited;
use crate::elf::image::{ElfError, Image, range};
use crate::elf::layout::{Section, Segment};
use object::elf::{SHT_DYNSYM, SHT_SYMTAB};

/// How much is compared at a time, in bytes.
const PIECE: u64 = 1 << 20;

/// Checks the edits against the file they are for.
pub(super) fn check(
    before: &Image<'_>,
    stripped: &Stripped,
    numbers: &Numbers,
    moved: &[Moved],
) -> Result<(), Unstripped> {
    let view = Edited::new(before.source, &stripped.edits, stripped.size);
    let mut after = Image::open(&view)?.ok_or_else(|| unfaithful("the file header is gone", 0))?;
    after.load()?;
    check_sections(before, &after, numbers)?;
    require(before.segments.len() == after.segments.len(), "the number of segments changed", 0)?;
    for (old, new) in before.segments.iter().zip(&after.segments) {
        require(Segment { offset: old.offset, ..*new } == *old, "a segment changed", old.vaddr)?;
        require(new.offset <= old.offset, "a segment moved down", old.vaddr)?;
        if super::is_mapped(old) {
            let align = old.align.max(1);
            require(old.offset % align == new.offset % align, "a LOAD segment is not congruent", old.vaddr)?;
            require(new.file_end() <= stripped.size, "a LOAD segment ends beyond the file", old.vaddr)?;
        }
    }
    let start = stripped.edits.last().map_or(stripped.size, |tail| tail.offset);
    compare(before, &after, Moved { from: 0, to: 0, len: start })?;
    moved.iter().try_for_each(|moved| compare(before, &after, *moved))?;
    Ok(())
}

fn unfaithful(what: &'static str, at: u64) -> ElfError {
    ElfError::Unfaithful { what, at }
}

fn require(holds: bool, what: &'static str, at: u64) -> Result<(), ElfError> {
    if holds { Ok(()) } else { Err(unfaithful(what, at)) }
}

fn check_sections(before: &Image<'_>, after: &Image<'_>, numbers: &Numbers) -> Result<(), Unstripped> {
    let old = before.section_list();
    let new = after.section_list();
    require(new.len() == usize::from(numbers.kept()), "the number of sections changed", new.len() as u64)?;
    let kept = old.iter().enumerate().filter(|(index, _)| numbers.of(*index).is_some());
    for ((index, old), new) in kept.zip(new) {
        let at = index as u64;
        let table = old.kind == SHT_SYMTAB;
        let same = |section: &Section| {
            let size = if table { 0 } else { section.size };
            (section.name, section.kind, section.flags, section.addr, size, section.align, section.entsize)
        };
        require(same(old) == same(new), "a section changed", at)?;
        require(before.section_name(old) == after.section_name(new), "a section's name changed", at)?;
        require(new.file_end() <= after.source.size() || !new.in_file(), "a section ends beyond the file", at)?;
    }
    Ok(())
}

/// Compares one stretch in both files, but for headers and symbols.
fn compare(before: &Image<'_>, after: &Image<'_>, Moved { from, to, len }: Moved) -> Result<(), ElfError> {
    let layout = before.layout;
    let headers =
        [(0, layout.header_size()), (before.header.phoff, before.segments.len() as u64 * layout.segment_size())];
    let symbols = before.section_list().iter().filter(|section| [SHT_SYMTAB, SHT_DYNSYM].contains(&section.kind));
    let free: Vec<_> = headers.into_iter().chain(symbols.map(|section| (section.offset, section.size))).collect();
    let is_free = |at: u64| free.iter().any(|(start, len)| at >= *start && at - start < *len);
    let mut done = 0;
    while done < len {
        let step = (len - done).min(PIECE);
        let was = range(before.source, "bytes before", from + done, step)?;
        let is = range(after.source, "bytes after", to + done, step)?;
        if was != is {
            let mut other = (from + done..).zip(was.iter().zip(is.iter())).filter(|(_, (was, is))| was != is);
            if let Some((at, _)) = other.find(|(at, _)| !is_free(*at)) {
                return Err(unfaithful("a byte that is loaded or kept changed", at));
            }
        }
        done += step;
    }
    Ok(())
}
