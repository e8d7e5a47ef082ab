//! A file whose dynamic string table gets a new place: what has to follow it.
//!
//! Takes the headers as they are and as the ladder's upper rungs want them, and writes all that names the old place:
//! DT_STRTAB and DT_STRSZ, the section header, addresses of moved tables, values of symbols in moved sections. Zeroes the
//! old place. Refuses where sections and dynamic section do not agree.

use super::draft::Draft;
use super::dynamic::{Dynamic, Strings};
use super::image::{Image, Sections};
use super::layout::{Entry, Section, Segment, Symbol};
use super::refusal::{PlanError, Refusal};
use super::symbols::{BATCH, Symbols};
use crate::base::bytes::Edited;
use object::elf::{
    DT_GNU_HASH, DT_HASH, DT_STRSZ, DT_STRTAB, DT_SYMTAB, DT_VERDEF, DT_VERNEED, DT_VERSYM, EM_386, EM_ARM, EM_RISCV,
    EM_S390, EM_X86_64, Machine, PT_LOAD, SHF_ALLOC, SHT_DYNSYM, SHT_STRTAB, SHT_SYMTAB,
};
use std::collections::BTreeMap;

/// A file while its string table grows.
pub(super) struct Growth<'a> {
    pub(super) image: &'a Image<'a>,
    pub(super) segments: Vec<Segment>,
    pub(super) sections: Vec<Section>,
    pub(super) entries: Vec<Entry>,
    /// The table's old place.
    pub(super) old: Strings,
    /// How long it will be, in bytes.
    pub(super) len: u64,
    /// Its section, where there are section headers.
    pub(super) section: Option<usize>,
    pub(super) draft: Draft,
    /// The new file's length in bytes.
    pub(super) size: u64,
    /// By section: its old place, for symbols that follow it.
    moved: BTreeMap<usize, Section>,
    /// File offset of the dynamic section and how many entries it has room for.
    dynamic: (u64, usize),
}

/// The largest page size the machine's kernels use, which new segments must be aligned to.
///
/// Sources: ELF processor supplements; binutils' `COMMONPAGESIZE` and `MAXPAGESIZE`. All others
/// (aarch64, ppc64, mips, loongarch, and those we do not know) get 64 KiB.
pub(super) fn page_size(machine: u16) -> u64 {
    match Machine(machine) {
        EM_386 | EM_X86_64 | EM_ARM | EM_RISCV | EM_S390 => 0x1000,
        _ => 0x10000,
    }
}

impl<'a> Growth<'a> {
    /// Begins to grow the table at `old` to `len` bytes; refuses where something else shares its bytes or where the
    /// section headers tell another story.
    pub(super) fn begin(
        image: &'a Image<'a>,
        dynamic: &Dynamic,
        old: Strings,
        entries: Vec<Entry>,
        len: u64,
    ) -> Result<Self, Refusal> {
        let sections = image.section_list().to_vec();
        let section = match image.sections {
            Sections::Absent | Sections::Damaged => None,
            Sections::Present(_) => Some(string_section(&sections, old).ok_or(Refusal::SectionHeadersDisagree)?),
        };
        Ok(Self {
            image,
            segments: image.segments.clone(),
            sections,
            entries,
            old,
            len,
            section,
            draft: Draft::default(),
            size: image.source.size(),
            moved: BTreeMap::new(),
            dynamic: (dynamic.offset, dynamic.slots),
        })
    }

    /// The page size to lay out by.
    pub(super) fn page(&self) -> u64 {
        page_size(self.image.header.machine)
    }

    /// Number and place of the LOADs, in table order.
    pub(super) fn loads(&self) -> impl Iterator<Item = (usize, &Segment)> {
        self.segments.iter().enumerate().filter(|(_, segment)| segment.kind == PT_LOAD)
    }

    /// The LOAD that the old table lies in.
    pub(super) fn holder(&self) -> Option<usize> {
        let (start, end) = (self.old.offset, self.old.offset + self.old.size);
        self.loads().find(|(_, load)| load.offset <= start && end <= load.file_end()).map(|(index, _)| index)
    }

    /// The LOAD that holds nothing but the old table, as an earlier growth or `patchelf` leaves it.
    ///
    /// Such a LOAD must not be left behind empty: `strip` then gives it an offset that no loader accepts.
    pub(super) fn lonely(&self) -> Option<usize> {
        let index = self.section.and(self.holder())?;
        let load = self.segments[index];
        let within = |offset: u64| (load.offset..load.file_end()).contains(&offset);
        let mut sections = self.sections.iter().enumerate().filter(|(_, one)| one.flags.contains(SHF_ALLOC));
        let other_section = sections.any(|(at, one)| Some(at) != self.section && one.size > 0 && within(one.offset));
        let mut segments = self.segments.iter().enumerate().filter(|(_, one)| one.filesz > 0);
        let other_segment = segments.any(|(at, one)| at != index && within(one.offset));
        (!other_section && !other_segment && load.offset > self.image.header.phoff).then_some(index)
    }

    /// Gives a section a new place.
    pub(super) fn move_section(&mut self, index: usize, addr: u64, offset: u64) {
        if let Some(section) = self.sections.get_mut(index) {
            self.moved.entry(index).or_insert(*section);
            section.addr = addr;
            section.offset = offset;
        }
    }

    /// Writes everything out; `table` is the string table's new contents, `offset` and `addr` its new place.
    pub(super) fn commit(mut self, table: &[u8], addr: u64, offset: u64) -> Result<(Draft, u64), PlanError> {
        if offset != self.old.offset {
            self.draft.zero(self.old.offset, self.old.size);
        }
        self.draft.write(offset, table);
        self.size = self.size.max(offset.saturating_add(table.len() as u64));
        if let Some(index) = self.section {
            self.move_section(index, addr, offset);
            self.sections[index].size = table.len() as u64;
        }
        self.point(addr, table.len() as u64);
        self.move_symbols()?;
        self.write_headers()?;
        Ok((self.draft, self.size))
    }

    /// Points the dynamic entries at the tables' new places.
    fn point(&mut self, addr: u64, len: u64) {
        let tables = [DT_HASH, DT_GNU_HASH, DT_SYMTAB, DT_VERSYM, DT_VERNEED, DT_VERDEF];
        for entry in &mut self.entries {
            if entry.tag == DT_STRTAB {
                entry.value = addr;
            } else if entry.tag == DT_STRSZ {
                entry.value = len;
            } else if tables.contains(&entry.tag) {
                let mut moved = self.moved.iter().filter(|(index, _)| Some(**index) != self.section);
                if let Some((index, _)) = moved.find(|(_, old)| old.addr == entry.value) {
                    entry.value = self.sections[*index].addr;
                }
            }
        }
    }

    /// Symbols that name a place in a moved section follow it, in `.symtab` and `.dynsym`.
    fn move_symbols(&mut self) -> Result<(), PlanError> {
        let (layout, size) = (self.image.layout, self.image.layout.symbol_size());
        // The gABI allows one table of each kind.
        let first = |kind| self.sections.iter().find(|section| section.kind == kind).copied();
        let tables: Vec<Section> = [SHT_SYMTAB, SHT_DYNSYM].into_iter().filter_map(first).collect();
        for table in tables {
            let edits = self.draft.edits();
            let view = Edited::new(self.image.source, &edits, self.size);
            let count = table.size / size;
            for start in (0..count).step_by(BATCH as usize) {
                let at = table.offset.saturating_add(start * size);
                let bytes = super::image::range(&view, "symbols", at, (count - start).min(BATCH) * size)?;
                for (symbol, entry) in layout.symbols(&bytes).iter().zip(0u64..) {
                    if let Some(value) = self.followed(symbol) {
                        let value = layout.word_bytes(value).ok_or(Refusal::AddressSpace)?;
                        self.draft.write(at + entry * size + layout.symbol_value_at(), &value);
                    }
                }
            }
        }
        Ok(())
    }

    /// The size of the largest dynamic symbol, in bytes.
    pub(super) fn largest_symbol(&self) -> Result<u64, PlanError> {
        let Some(table) = self.sections.iter().find(|section| section.kind == SHT_DYNSYM) else { return Ok(0) };
        let symbols = Symbols { offset: table.offset, count: table.size / self.image.layout.symbol_size() };
        let mut largest = 0;
        for batch in symbols.batches(self.image) {
            largest = batch?.iter().map(|symbol| symbol.size).max().unwrap_or(0).max(largest);
        }
        Ok(largest)
    }

    fn followed(&self, symbol: &Symbol) -> Option<u64> {
        let index = usize::from(symbol.section);
        let old = self.moved.get(&index)?;
        // `__ehdr_start` and its like are filed under a section they do not lie in.
        let into = symbol.value.checked_sub(old.addr).filter(|into| *into <= old.size)?;
        let new = self.sections[index].addr.checked_add(into)?;
        (new != symbol.value).then_some(new)
    }

    fn write_headers(&mut self) -> Result<(), Refusal> {
        let (layout, header) = (self.image.layout, self.image.header);
        let mut bytes = Vec::new();
        for segment in &self.segments {
            bytes.extend(layout.segment_bytes(segment).ok_or(Refusal::AddressSpace)?);
        }
        self.draft.write(header.phoff, &bytes);
        let count = u16::try_from(self.segments.len()).map_err(|_| Refusal::AddressSpace)?;
        self.draft.write(layout.phnum_at(), &layout.half_bytes(count));
        for (index, section) in self.sections.iter().enumerate() {
            if self.moved.contains_key(&index) {
                let bytes = layout.section_bytes(section).ok_or(Refusal::AddressSpace)?;
                self.draft.write(header.shoff + index as u64 * layout.section_size(), &bytes);
            }
        }
        let bytes = dynamic_bytes(self.image, &self.entries, self.dynamic.1).ok_or(Refusal::AddressSpace)?;
        self.draft.write(self.dynamic.0, &bytes);
        Ok(())
    }
}

/// The bytes of a dynamic section with `slots` entries, DT_NULL behind the given ones.
pub(super) fn dynamic_bytes(image: &Image<'_>, entries: &[Entry], slots: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend(image.layout.entry_bytes(entry)?);
    }
    bytes.resize((slots as u64 * image.layout.entry_size()) as usize, 0);
    Some(bytes)
}

/// The section that says what the dynamic section says of the string table.
fn string_section(sections: &[Section], strings: Strings) -> Option<usize> {
    sections.iter().position(|section| {
        section.kind == SHT_STRTAB
            && (section.addr, section.offset, section.size) == (strings.addr, strings.offset, strings.size)
    })
}
