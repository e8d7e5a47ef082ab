//! Section numbers that change because sections before them go: in symbols, and in section headers.
//!
//! Takes which sections go; gives the symbol tables with new numbers, without the local symbols of what is gone, and sets
//! the numbers in section headers. Refuses global symbols in debug sections, headers that name sections that go, and
//! tables in which somebody counts on a symbol's number.

use super::Unstripped;
use crate::elf::image::Image;
use crate::elf::layout::Section;
use crate::elf::symbols::highest_symbol;
use object::elf::{SHF_INFO_LINK, SHN_LORESERVE, SHT_DYNSYM, SHT_NULL, SHT_REL, SHT_RELA, SHT_SYMTAB};
use std::collections::BTreeMap;

/// The new number of each section.
pub(super) struct Numbers {
    new: Vec<Option<u16>>,
    kept: u16,
}

impl Numbers {
    /// Numbers the sections that stay from 0 on.
    pub(super) fn new(gone: &[bool]) -> Self {
        let mut kept = 0u16;
        let number = |gone: &bool| {
            let number = kept;
            kept = kept.saturating_add(u16::from(!gone));
            (!gone).then_some(number)
        };
        let new = gone.iter().map(number).collect();
        Self { new, kept }
    }

    /// The new number of a section; `None` where it goes or there is none such.
    pub(super) fn of(&self, old: usize) -> Option<u16> {
        self.new.get(old).copied().flatten()
    }

    /// How many sections stay.
    pub(super) fn kept(&self) -> u16 {
        self.kept
    }
}

/// Gives the new bytes of symbol tables by section number, and sets sizes, links and counts in the section headers.
pub(super) fn renumber(
    image: &Image<'_>,
    sections: &mut [Section],
    numbers: &Numbers,
) -> Result<BTreeMap<usize, Vec<u8>>, Unstripped> {
    let mut contents = BTreeMap::new();
    for index in 0..sections.len() {
        let section = sections[index];
        // No loader reads the numbers in `.dynsym`; tools do, and rustc's metadata symbol names a section behind.
        if [SHT_SYMTAB, SHT_DYNSYM].contains(&section.kind) {
            let table = table(image, &section, numbers)?;
            if table.dropped > 0 && is_counted_on(image, sections, index)? {
                return Err(Unstripped::Section {
                    name: image.section_name(&section).unwrap_or_default(),
                    why: "is used by loaded relocations",
                });
            }
            sections[index].size = table.bytes.len() as u64;
            sections[index].info -= table.dropped;
            if table.changed {
                contents.insert(index, table.bytes);
            }
        }
    }
    for (index, section) in sections.iter_mut().enumerate() {
        if numbers.of(index).is_some() && section.kind != SHT_NULL {
            section.link = linked(section.link, numbers)?;
            if [SHT_REL, SHT_RELA].contains(&section.kind) || section.flags.contains(SHF_INFO_LINK) {
                section.info = linked(section.info, numbers)?;
            }
        }
    }
    Ok(contents)
}

fn linked(old: u32, numbers: &Numbers) -> Result<u32, Unstripped> {
    let new = numbers.of(old as usize).map(u32::from);
    new.ok_or(Unstripped::SectionHeaders("a section that stays belongs to one that goes, or to none"))
}

/// A symbol table with new numbers.
struct Table {
    bytes: Vec<u8>,
    /// Whether these are others than before.
    changed: bool,
    /// How many local symbols are gone.
    dropped: u32,
}

fn table(image: &Image<'_>, section: &Section, numbers: &Numbers) -> Result<Table, Unstripped> {
    let layout = image.layout;
    let size = layout.symbol_size();
    if section.entsize != size || !section.size.is_multiple_of(size) || u64::from(section.info) > section.size / size {
        return Err(Unstripped::SectionHeaders("a symbol table is not of whole symbols"));
    }
    let old = image.range("symbol table", section.offset, section.size)?;
    let mut table = Table { bytes: Vec::with_capacity(old.len()), changed: false, dropped: 0 };
    let at = layout.symbol_section_at() as usize;
    for (index, symbol) in old.chunks_exact(size as usize).enumerate() {
        let number = layout.half(&symbol[at..]);
        let start = table.bytes.len();
        table.bytes.extend_from_slice(symbol);
        if number >= SHN_LORESERVE {
            continue;
        }
        match numbers.of(usize::from(number)) {
            Some(number) => table.bytes[start + at..start + at + 2].copy_from_slice(&layout.half_bytes(number)),
            None if section.kind == SHT_SYMTAB && index < section.info as usize => {
                table.bytes.truncate(start);
                table.dropped += 1;
            }
            None => return Err(Unstripped::SectionHeaders("a global symbol lies in a debug section")),
        }
    }
    table.changed = table.bytes != *old;
    Ok(table)
}

/// Whether a relocation that is loaded names a symbol of this table by its number; those of static programs name none.
fn is_counted_on(image: &Image<'_>, sections: &[Section], table: usize) -> Result<bool, Unstripped> {
    let relocations =
        sections.iter().filter(|one| [SHT_REL, SHT_RELA].contains(&one.kind) && one.link as usize == table);
    for one in relocations {
        if highest_symbol(image, one.offset, one.size, one.kind == SHT_RELA)? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
