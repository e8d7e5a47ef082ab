//! The self-check: a patched file, read again, says what it said before and has the wanted run-time paths.
//!
//! Takes the old bytes, a patch and the wish; reads the patched file through the edits as if it lay on disk. Refuses a
//! patch that changes any other dynamic string, symbol name or version, any section it has no business in, or that
//! leaves segments a loader would not map.

use super::dynamic::{self, Dynamic};
use super::facts::{Facts, RunPath, facts, run_paths};
use super::growth::page_size;
use super::image::{ElfError, Image};
use super::kind::{Found, classify};
use super::layout::{Section, Segment};
use super::plan::{Patch, is_as_wanted};
use super::references::References;
use super::tags::RunPaths;
use crate::base::bytes::{Edited, ReadAt};
use object::elf::{PT_LOAD, SHF_ALLOC, SHT_DYNAMIC, SHT_DYNSYM, SHT_STRTAB, SHT_SYMTAB};

/// Checks a patch against the file it is for and the paths it shall give it.
pub fn self_check(source: &dyn ReadAt, patch: &Patch, wanted: &RunPaths) -> Result<(), ElfError> {
    check_edits(source, patch)?;
    let edited = Edited::new(source, &patch.edits, patch.size);
    let (Some(mut before), Some(mut after)) = (Image::open(source)?, Image::open(&edited)?) else {
        return no_dynamic(patch, wanted);
    };
    let (Found::Dynamic(old), Found::Dynamic(new)) = (classify(&mut before)?, classify(&mut after)?) else {
        return no_dynamic(patch, wanted);
    };
    if patch.edits.is_empty() && patch.size == source.size() {
        // Nothing else can have changed, and a file that is right may be damaged where nobody has to look.
        return check_run_paths(&run_paths(&before, &old)?, wanted);
    }
    check_facts(facts(&before, &old)?, facts(&after, &new)?, wanted)?;
    check_strings(&before, &old, &after, &new)?;
    if before.segments != after.segments {
        check_segments(&before, &after)?;
    }
    check_sections(&before, &after, patch)
}

fn unfaithful(what: &'static str, at: u64) -> ElfError {
    ElfError::Unfaithful { what, at }
}

fn require(holds: bool, what: &'static str, at: u64) -> Result<(), ElfError> {
    if holds { Ok(()) } else { Err(unfaithful(what, at)) }
}

fn no_dynamic(patch: &Patch, wanted: &RunPaths) -> Result<(), ElfError> {
    let untouched = patch.edits.is_empty() && *wanted == RunPaths::default();
    require(untouched, "a file without a dynamic section was edited", 0)
}

fn check_edits(source: &dyn ReadAt, patch: &Patch) -> Result<(), ElfError> {
    require(patch.size >= source.size(), "the file became shorter", patch.size)?;
    let mut end = 0;
    for edit in &patch.edits {
        require(edit.offset >= end, "edits are out of order", edit.offset)?;
        end = edit.offset.saturating_add(edit.bytes.len() as u64);
        require(end <= patch.size, "an edit goes beyond the end", edit.offset)?;
    }
    Ok(())
}

fn check_run_paths(found: &[RunPath], wanted: &RunPaths) -> Result<(), ElfError> {
    require(is_as_wanted(found, wanted), "the run-time paths are not as wanted", 0)
}

/// All facts but the run-time paths stay; those are as wanted.
fn check_facts(old: Facts, new: Facts, wanted: &RunPaths) -> Result<(), ElfError> {
    check_run_paths(&new.run_paths, wanted)?;
    let (mut old, mut new) = (old.object, new.object);
    for object in [&mut old, &mut new] {
        (object.rpath, object.runpath) = (None, None);
    }
    require(old == new, "a fact of the file changed", 0)
}

/// Every name but the run-time paths is the same, byte for byte.
fn check_strings(before: &Image<'_>, old: &Dynamic, after: &Image<'_>, new: &Dynamic) -> Result<(), ElfError> {
    let (Some(from), Some(to)) = (old.strings, new.strings) else {
        return require(old.strings == new.strings, "the dynamic string table is gone", 0);
    };
    let mut names = References::collect(before, old)?.others;
    require(names == References::collect(after, new)?.others, "a name points elsewhere", 0)?;
    names.sort_unstable();
    names.dedup();
    let from = before.range("old string table", from.offset, from.size)?;
    let to = after.range("new string table", to.offset, to.size)?;
    let mut compared = 0;
    // A name inside one that was compared is its tail and needs no second look.
    for at in names {
        if at >= compared {
            let (old_name, new_name) = (string_at(&from, at), string_at(&to, at));
            require(old_name.is_some() && old_name == new_name, "a name in the dynamic string table changed", at)?;
            compared = at + old_name.map_or(0, <[u8]>::len) as u64 + 1;
        }
    }
    Ok(())
}

fn string_at(table: &[u8], at: u64) -> Option<&[u8]> {
    let rest = table.get(at as usize..)?;
    memchr::memchr(0, rest).map(|end| &rest[..end])
}

/// The LOADs can be mapped: in order, apart, congruent, inside the file.
fn check_segments(before: &Image<'_>, after: &Image<'_>) -> Result<(), ElfError> {
    let page = page_size(after.header.machine);
    let kept: Vec<&Segment> = before.loads().collect();
    let mut end = 0;
    for load in after.loads() {
        let at = load.vaddr;
        // A new or longer segment keeps clear of other pages; old ones may be linked for smaller pages than ours.
        let start = if kept.contains(&load) { at } else { at / page * page };
        require(start >= end, "LOAD segments overlap or are out of order", at)?;
        require(load.filesz <= load.memsz, "a LOAD segment has more bytes in the file than in memory", at)?;
        let congruent = load.align < 2 || load.vaddr.wrapping_sub(load.offset) % load.align == 0;
        require(congruent, "a LOAD segment is not congruent", at)?;
        require(load.file_end() <= after.source.size(), "a LOAD segment ends beyond the file", at)?;
        end = load.memory_end();
    }
    for segment in after.segments.iter().filter(|segment| segment.kind != PT_LOAD && segment.filesz > 0) {
        let mapped = after.offset_of(segment.vaddr).map(|(offset, _)| offset);
        let same = before.segments.contains(segment);
        require(same || mapped == Some(segment.offset), "a segment is not where its address says", segment.vaddr)?;
    }
    require(dynamic::segment(before)? == dynamic::segment(after)?, "the dynamic section moved", 0)
}

/// Sections keep their number, kind and bytes; those that moved lie where their address says.
fn check_sections(before: &Image<'_>, after: &Image<'_>, patch: &Patch) -> Result<(), ElfError> {
    let (old, new) = (before.section_list(), after.section_list());
    require(old.len() == new.len(), "the number of sections changed", new.len() as u64)?;
    for (index, (from, to)) in (0u64..).zip(old.iter().zip(new)) {
        require((from.kind, from.flags, from.name) == (to.kind, to.flags, to.name), "a section changed", index)?;
        let own = [SHT_DYNAMIC, SHT_SYMTAB, SHT_DYNSYM].contains(&from.kind)
            || (from.kind == SHT_STRTAB && from.flags.contains(SHF_ALLOC));
        if from == to {
            let free = own || !from.in_file() || !touched(from, patch);
            require(free, "a section was written to", index)?;
            continue;
        }
        if to.flags.contains(SHF_ALLOC) {
            let mapped = after.offset_of(to.addr).map(|(offset, _)| offset);
            require(mapped == Some(to.offset), "a section is not where its address says", index)?;
        }
        if !own {
            let bytes = before.range("section before", from.offset, from.size)?;
            require(bytes == after.range("section after", to.offset, to.size)?, "a moved section changed", index)?;
        }
    }
    Ok(())
}

fn touched(section: &Section, patch: &Patch) -> bool {
    let first = patch.edits.partition_point(|edit| edit.offset + edit.bytes.len() as u64 <= section.offset);
    patch.edits.get(first).is_some_and(|edit| edit.offset < section.file_end())
}
