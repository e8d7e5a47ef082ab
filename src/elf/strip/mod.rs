//! A file without its debug sections: what the loader maps, symbol tables and notes stay, everything behind moves up.
//!
//! Takes a program or library; gives edits and the shorter length, `None` where there is nothing to take away or nothing
//! would be gained. Debug sections are known by their names, as in binutils' `strip -g`. Refused, with the reason: files
//! of which not every byte behind the debug sections is accounted for, and sections that speak of others in ways not known.
//! Object files, kernel modules and archives are made for the linker and are not touched.

mod check;
mod places;
mod refusal;
mod symbols;

pub use refusal::Unstripped;

use super::draft::Draft;
use super::image::{Image, Sections};
use super::kind::{Found, Kind, classify};
use super::layout::{Section, Segment};
use super::plan::{BUN, Patch};
use crate::base::bytes::{Edit, ReadAt};
use object::elf::{
    EM_ARM, EM_RISCV, PT_LOAD, SHF_ALLOC, SHT_ARM_ATTRIBUTES, SHT_DYNSYM, SHT_GNU_ATTRIBUTES, SHT_GROUP,
    SHT_MIPS_DWARF, SHT_NOBITS, SHT_NOTE, SHT_NULL, SHT_PROGBITS, SHT_REL, SHT_RELA, SHT_STRTAB, SHT_SYMTAB,
    SHT_SYMTAB_SHNDX,
};
use places::{Moved, Places};
use std::collections::BTreeMap;
use symbols::Numbers;

/// What to write to a file so that its debug sections are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stripped {
    /// Sorted by offset; none overlaps another.
    pub edits: Vec<Edit>,
    /// The new file's length in bytes.
    pub size: u64,
    /// How many bytes shorter that is.
    pub saved: u64,
}

/// More is not held in memory at a time, in bytes. The symbol tables of the largest programs have some 100 MB.
const MOST: u64 = 256 << 20;
/// What debug sections' names begin with: DWARF, compressed DWARF, DWARF of link-time optimisation, stabs.
const BEGINNINGS: [&[u8]; 4] = [b".debug", b".zdebug", b".gnu.debuglto_", b".stab"];
/// Debug sections with names of their own: DWARF 1, gdb's index.
const NAMES: [&[u8]; 2] = [b".line", b".gdb_index"];

/// What prelink(8) wants to put back: section headers and their places.
const PRELINK: &[u8] = b".gnu.prelink_undo";

/// Works out how to take the debug sections out of a file. The edits have been checked against the file.
pub fn without_debug(source: &dyn ReadAt) -> Result<Option<Stripped>, Unstripped> {
    let Some(mut image) = Image::open(source)? else { return Ok(None) };
    match classify(&mut image)? {
        Found::Other(Kind::Relocatable | Kind::Core) => return Ok(None),
        Found::Other(Kind::Debug) => return Err(Unstripped::DebugFile),
        Found::Other(_) | Found::Dynamic(_) => {}
    }
    let gone = match &image.sections {
        Sections::Absent => return Ok(None),
        Sections::Damaged => return Err(Unstripped::SectionHeaders("they are not wholly in the file")),
        Sections::Present(sections) => debug_sections(&image, sections)?,
    };
    if !gone.contains(&true) {
        return Ok(None);
    }
    check_sections(&image, &gone)?;
    Cut::new(&image, &gone)?.finish()
}

impl Stripped {
    /// The edits of both, for the file that this one is for; `next` is a patch for the file as this one leaves it.
    pub fn followed_by(self, next: Patch, source: &dyn ReadAt) -> Vec<Edit> {
        let mut edits = self.edits;
        // What the patch adds without saying so is zero, and must not be what lay there before.
        let len = next.size.min(source.size()).saturating_sub(self.size);
        edits.extend((len > 0).then(|| Edit { offset: self.size, bytes: vec![0; len as usize] }));
        edits.extend(next.edits);
        edits
    }
}

/// By section number: whether it goes.
fn debug_sections(image: &Image<'_>, sections: &[Section]) -> Result<Vec<bool>, Unstripped> {
    let goes = |section: &Section| {
        if section.flags.contains(SHF_ALLOC) || section.kind == SHT_NULL {
            return Ok(false);
        }
        let name = image.section_name(section).ok_or(Unstripped::SectionHeaders("a section's name cannot be read"))?;
        let named = BEGINNINGS.iter().any(|start| name.starts_with(start)) || NAMES.contains(&name.as_slice());
        Ok(named && [SHT_PROGBITS, SHT_STRTAB, SHT_MIPS_DWARF].contains(&section.kind))
    };
    sections.iter().map(goes).collect()
}

/// Refuses sections that stay and are not known to bear a new number or place.
fn check_sections(image: &Image<'_>, gone: &[bool]) -> Result<(), Unstripped> {
    let sections = image.section_list();
    if image.header.shnum == 0 || gone.get(usize::from(image.header.shstrndx)).is_none_or(|gone| *gone) {
        return Err(Unstripped::SectionHeaders("they are numbered in another way"));
    }
    for (index, section) in sections.iter().enumerate() {
        if section.in_file() && section.file_end() > image.source.size() {
            return Err(Unstripped::SectionHeaders("a section ends beyond the file"));
        }
        if let Some(why) = (!gone[index]).then(|| in_the_way(image, section)).flatten() {
            let name = image.section_name(section).filter(|name| !name.is_empty());
            let name = name.unwrap_or_else(|| index.to_string().into_bytes());
            return Err(Unstripped::Section { name, why });
        }
    }
    // The gABI allows one table of each kind.
    for kind in [SHT_SYMTAB, SHT_DYNSYM] {
        if sections.iter().filter(|section| section.kind == kind).count() > 1 {
            return Err(Unstripped::SectionHeaders("there are two symbol tables of a kind"));
        }
    }
    Ok(())
}

/// Why a section that stays is in the way.
fn in_the_way(image: &Image<'_>, section: &Section) -> Option<&'static str> {
    if [SHT_GROUP, SHT_SYMTAB_SHNDX].contains(&section.kind) {
        return Some("holds numbers of sections");
    }
    if section.flags.contains(SHF_ALLOC) {
        return (section.kind == SHT_SYMTAB).then_some("is a symbol table that is loaded");
    }
    match section.kind {
        SHT_NULL | SHT_NOTE | SHT_STRTAB | SHT_SYMTAB | SHT_GNU_ATTRIBUTES | SHT_NOBITS => None,
        SHT_ARM_ATTRIBUTES if [EM_ARM.0, EM_RISCV.0].contains(&image.header.machine) => None,
        SHT_REL | SHT_RELA => Some("has relocations that the linker kept (--emit-relocs)"),
        // Compilers and linkers name theirs with a dot; what has none was put there for a program to find.
        SHT_PROGBITS => {
            let name = image.section_name(section).unwrap_or_default();
            let own = !name.starts_with(b".") || [BUN, PRELINK].contains(&name.as_slice());
            own.then_some("may be looked for by its place in the file")
        }
        _ => Some("is of a kind that may hold numbers of sections"),
    }
}

/// One file while its debug sections are taken out.
struct Cut<'a> {
    image: &'a Image<'a>,
    numbers: Numbers,
    /// By section number: new bytes.
    contents: BTreeMap<usize, Vec<u8>>,
    places: Places,
}

impl<'a> Cut<'a> {
    /// Works out what moves where.
    fn new(image: &'a Image<'a>, gone: &[bool]) -> Result<Self, Unstripped> {
        let mut sections = image.section_list().to_vec();
        let numbers = Numbers::new(gone);
        let tables = sections.iter().filter(|section| [SHT_SYMTAB, SHT_DYNSYM].contains(&section.kind));
        let bytes = tables.map(|section| section.size).fold(0, u64::saturating_add);
        if bytes > MOST {
            return Err(Unstripped::TooLong { bytes, most: MOST });
        }
        let contents = symbols::renumber(image, &mut sections, &numbers)?;
        let table = u64::from(numbers.kept()) * image.layout.section_size();
        let places = places::find(image, sections, gone, table, MOST)?;
        Ok(Self { image, numbers, contents, places })
    }

    fn finish(self) -> Result<Option<Stripped>, Unstripped> {
        let (source, size) = (self.image.source, self.places.end);
        if size >= source.size() {
            return Ok(None);
        }
        let stripped = Stripped { edits: self.write()?, size, saved: source.size() - size };
        check::check(self.image, &stripped, &self.numbers, &self.places.moved)?;
        Ok(Some(stripped))
    }

    fn write(&self) -> Result<Vec<Edit>, Unstripped> {
        let (image, layout, places) = (self.image, self.image.layout, &self.places);
        let mut pen =
            Pen { head: Draft::default(), start: places.start, tail: vec![0; (places.end - places.start) as usize] };
        for Moved { from, to, len } in &places.moved {
            pen.write(*to, &image.range("bytes to be moved", *from, *len)?);
        }
        for (index, bytes) in &self.contents {
            pen.write(places.sections[*index].offset, bytes);
        }
        let too_wide = || Unstripped::SectionHeaders("a number is too large for its field");
        if places.segments != image.segments {
            let bytes: Option<Vec<_>> = places.segments.iter().map(|one| layout.segment_bytes(one)).collect();
            pen.write(places.phoff, &bytes.ok_or_else(too_wide)?.concat());
        }
        let kept = places.sections.iter().enumerate().filter(|(index, _)| self.numbers.of(*index).is_some());
        let bytes: Option<Vec<_>> = kept.map(|(_, section)| layout.section_bytes(section)).collect();
        pen.write(places.table, &bytes.ok_or_else(too_wide)?.concat());
        pen.write(layout.phoff_at(), &layout.word_bytes(places.phoff).ok_or_else(too_wide)?);
        pen.write(layout.shoff_at(), &layout.word_bytes(places.table).ok_or_else(too_wide)?);
        pen.write(layout.shnum_at(), &layout.half_bytes(self.numbers.kept()));
        let names = self.numbers.of(usize::from(image.header.shstrndx)).ok_or_else(too_wide)?;
        pen.write(layout.shstrndx_at(), &layout.half_bytes(names));
        Ok(pen.finish())
    }
}

/// Writes to a file: single fields before the first debug section, everything from there on.
struct Pen {
    head: Draft,
    start: u64,
    tail: Vec<u8>,
}

impl Pen {
    /// Writes what lies wholly before the start, or wholly behind it and before the end.
    fn write(&mut self, offset: u64, bytes: &[u8]) {
        match offset.checked_sub(self.start) {
            None => self.head.write(offset, bytes),
            Some(at) => self.tail[at as usize..][..bytes.len()].copy_from_slice(bytes),
        }
    }

    fn finish(self) -> Vec<Edit> {
        let mut edits = self.head.edits();
        edits.push(Edit { offset: self.start, bytes: self.tail });
        edits
    }
}

/// Whether a segment is mapped from the file.
fn is_mapped(segment: &Segment) -> bool {
    segment.kind == PT_LOAD && segment.filesz > 0
}
