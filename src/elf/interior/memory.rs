//! What lies where once the file is loaded, as far as the search for references has to know.
//!
//! Takes an image and gives the stretches that come from the file: all of them, those with code, and those where
//! distances are kept instead of addresses. Section headers only make the search more exact: without them more is taken
//! for a reference, never less. Refuses LOADs that repeat the same bytes without end.

use super::super::dynamic::Dynamic;
use super::super::image::{ElfError, Image};
use super::super::layout::{Section, Segment};
use super::super::symbols::Symbols;
use super::spans::Spans;
use super::sweep::Stretch;
use super::verdict::Uncovered;
use object::elf::{
    DT_JMPREL, DT_PLTRELSZ, DT_REL, DT_RELA, DT_RELASZ, DT_RELR, DT_RELRSZ, DT_RELSZ, DT_STRSZ, DT_STRTAB, DT_SYMTAB,
    DT_VERSYM, PF_W, PF_X, PT_DYNAMIC, PT_GNU_EH_FRAME, PT_NOTE, SHF_ALLOC, SHF_EXECINSTR, SHT_DYNAMIC, SHT_DYNSYM,
    SHT_GNU_HASH, SHT_GNU_VERDEF, SHT_GNU_VERNEED, SHT_GNU_VERSYM, SHT_HASH, SHT_NOTE, SHT_REL, SHT_RELA, SHT_RELR,
    SHT_STRTAB,
};
use std::ops::Range;

/// The loaded file.
pub(super) struct Memory {
    /// Every LOAD's bytes from the file, in table order.
    pub(super) all: Vec<Stretch>,
    /// Without what the section headers call instructions.
    pub(super) pointers: Vec<Stretch>,
    /// Those that can be executed.
    pub(super) code: Vec<Stretch>,
    /// Those parts of them that the section headers call instructions; all of them where there are no such headers.
    pub(super) instructions: Vec<Stretch>,
    /// Read-only data: no code where the sections tell them apart, none of the loader's own tables.
    pub(super) constants: Vec<Stretch>,
    /// From the lowest to the highest read-only address.
    pub(super) extent_of_constants: Range<u64>,
    /// All addresses, whether their bytes come from the file or not.
    pub(super) loaded: Spans,
    /// Those of them where data can be.
    pub(super) data: Spans,
}

/// Real files load each byte once, or a page of it twice.
const MOST_REPEATS: u64 = 4;

impl Memory {
    /// Works out what lies where.
    pub(super) fn new(image: &Image<'_>, dynamic: Option<&Dynamic>) -> Result<Result<Self, Uncovered>, ElfError> {
        let all: Vec<_> = image.loads().map(stretch).collect();
        let bytes = image.loads().fold(0u64, |sum, load| sum.saturating_add(load.filesz));
        if bytes > image.source.size().saturating_mul(MOST_REPEATS) {
            return Ok(Err(Uncovered::Overlapping));
        }
        let code: Vec<_> = image.loads().filter(|load| load.flags.contains(PF_X)).map(stretch).collect();
        let sections = instructions(image);
        let memory = image.loads().map(|load| load.vaddr..load.memory_end()).collect();
        let loaded = Spans::new(memory);
        let instruction_sections = Spans::new(sections.clone());
        let data = loaded.without(&instruction_sections);
        let no_code = if sections.is_empty() { Spans::default() } else { data.clone() };
        let instructions = code.iter().flat_map(|whole: &Stretch| whole.without(&no_code)).collect();
        let pointers = all.iter().flat_map(|whole: &Stretch| whole.without(&instruction_sections)).collect();
        let no_constants = Spans::new([sections, loader_tables(image, dynamic)?].concat());
        // A file whose every LOAD is writable (`ld -N`) keeps its constants there.
        let writable = image.loads().all(|load| load.flags.contains(PF_W));
        let read_only = image.loads().filter(|load| writable || !load.flags.contains(PF_W)).map(stretch);
        let constants: Vec<_> = read_only.flat_map(|whole| whole.without(&no_constants)).collect();
        let lowest = constants.iter().map(|stretch| stretch.addresses.start).min().unwrap_or(0);
        let highest = constants.iter().map(|stretch| stretch.addresses.end).max().unwrap_or(0);
        Ok(Ok(Self {
            all,
            pointers,
            code,
            instructions,
            constants,
            extent_of_constants: lowest..highest,
            loaded,
            data,
        }))
    }
}

impl Stretch {
    /// What is left of it.
    fn without(&self, holes: &Spans) -> Vec<Self> {
        let left = Spans::new(vec![self.addresses.clone()]).without(holes);
        let part = |left: &Range<u64>| Self {
            addresses: left.clone(),
            offset: self.offset.saturating_add(left.start - self.addresses.start),
        };
        left.iter().map(part).collect()
    }
}

fn stretch(load: &Segment) -> Stretch {
    Stretch { addresses: load.vaddr..load.vaddr.saturating_add(load.filesz), offset: load.offset }
}

/// The sections that hold instructions.
fn instructions(image: &Image<'_>) -> Vec<Range<u64>> {
    let sections = image.section_list().iter();
    sections.filter(|section| section.flags.contains(SHF_EXECINSTR)).map(addresses).collect()
}

fn addresses(section: &Section) -> Range<u64> {
    section.addr..section.addr.saturating_add(section.size)
}

/// What only the loader and the unwinder read. It is full of addresses and sizes, and by chance some of those, taken for
/// distances, lead anywhere.
fn loader_tables(image: &Image<'_>, dynamic: Option<&Dynamic>) -> Result<Vec<Range<u64>>, ElfError> {
    let of_segments = image
        .segments
        .iter()
        .filter(|segment| [PT_DYNAMIC, PT_GNU_EH_FRAME, PT_NOTE].contains(&segment.kind) && segment.filesz > 0);
    let mut tables: Vec<_> = of_segments.map(|segment| segment.vaddr..segment.memory_end()).collect();
    let headers = image.segments.len() as u64 * image.layout.segment_size();
    for (offset, len) in [(0, image.layout.header_size()), (image.header.phoff, headers)] {
        if let Some(load) = image.loads().find(|load| load.offset <= offset && offset < load.file_end()) {
            let start = load.vaddr.saturating_add(offset - load.offset);
            tables.push(start..start.saturating_add(len));
        }
    }
    let kinds = [
        SHT_DYNAMIC,
        SHT_DYNSYM,
        SHT_GNU_HASH,
        SHT_GNU_VERDEF,
        SHT_GNU_VERNEED,
        SHT_GNU_VERSYM,
        SHT_HASH,
        SHT_NOTE,
        SHT_REL,
        SHT_RELA,
        SHT_RELR,
        SHT_STRTAB,
    ];
    let sections = image.section_list().iter();
    let of_kind = sections.filter(|section| kinds.contains(&section.kind) && section.flags.contains(SHF_ALLOC));
    tables.extend(of_kind.map(addresses));
    let Some(dynamic) = dynamic else { return Ok(tables) };
    let mut add = |start: Option<u64>, len: Option<u64>| {
        if let (Some(start), Some(len)) = (start, len) {
            tables.push(start..start.saturating_add(len));
        }
    };
    let pairs = [
        (DT_STRTAB, DT_STRSZ),
        (DT_RELA, DT_RELASZ),
        (DT_REL, DT_RELSZ),
        (DT_JMPREL, DT_PLTRELSZ),
        (DT_RELR, DT_RELRSZ),
    ];
    for (start, len) in pairs {
        add(dynamic.value(start), dynamic.value(len));
    }
    if let Some(symbols) = Symbols::find(image, dynamic)? {
        add(dynamic.value(DT_SYMTAB), symbols.count.checked_mul(image.layout.symbol_size()));
        add(dynamic.value(DT_VERSYM), symbols.count.checked_mul(2));
    }
    Ok(tables)
}
