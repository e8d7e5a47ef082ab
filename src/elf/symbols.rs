//! The dynamic symbol table: where it lies and how many symbols it has.
//!
//! Nothing in the dynamic section says the number. Takes the largest of what the section header, the two hash tables
//! and (only where there is no section header to ask) the relocations imply; a number too small would hide a name that
//! shares bytes with a run-time path. Sources: gABI chapter 5 "Hash Table"; binutils' `.gnu.hash` layout.

use super::dynamic::Dynamic;
use super::image::{ElfError, Image, malformed};
use super::layout::Symbol;
use super::window::Window;
use object::elf::{
    DT_GNU_HASH, DT_HASH, DT_JMPREL, DT_PLTREL, DT_PLTRELSZ, DT_REL, DT_RELA, DT_RELASZ, DT_RELSZ, DT_SYMTAB,
    DynamicTag, EM_ALPHA, EM_MIPS, EM_S390, SHT_DYNSYM,
};

/// How many symbols there are; not in `object`'s constants as a plain tag.
const DT_MIPS_SYMTABNO: DynamicTag = DynamicTag(0x7000_0011);
/// Symbols or relocations read in one go.
pub(super) const BATCH: u64 = 1 << 16;

/// The dynamic symbol table of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Symbols {
    /// File offset of symbol 0.
    pub(super) offset: u64,
    /// Number of symbols, the null symbol included.
    pub(super) count: u64,
}

impl Symbols {
    /// Finds the table; `None` where there is no DT_SYMTAB.
    pub(super) fn find(image: &Image<'_>, dynamic: &Dynamic) -> Result<Option<Self>, ElfError> {
        let Some(addr) = dynamic.value(DT_SYMTAB) else { return Ok(None) };
        let at = dynamic.offset_of_tag(image, DT_SYMTAB);
        let (offset, room) =
            image.offset_of(addr).ok_or_else(|| malformed("DT_SYMTAB points outside every segment", at, addr))?;
        let count = count(image, dynamic, addr)?;
        if count > room / image.layout.symbol_size() {
            return Err(malformed("more dynamic symbols than the segment holds", offset, count));
        }
        Ok(Some(Self { offset, count }))
    }

    /// All symbols in table order, some thousands at a time.
    pub(super) fn batches<'a>(self, image: &'a Image<'_>) -> impl Iterator<Item = Result<Vec<Symbol>, ElfError>> + 'a {
        let size = image.layout.symbol_size();
        (0..self.count).step_by(BATCH as usize).map(move |start| {
            let len = (self.count - start).min(BATCH) * size;
            let bytes = image.range("dynamic symbols", self.offset.saturating_add(start * size), len)?;
            Ok(image.layout.symbols(&bytes))
        })
    }
}

fn count(image: &Image<'_>, dynamic: &Dynamic, addr: u64) -> Result<u64, ElfError> {
    let header = image.section_list().iter().find(|section| section.kind == SHT_DYNSYM && section.addr == addr);
    let by_header = header.map(|section| section.size / image.layout.symbol_size());
    let by_hash = by_hash(image, dynamic)?.max(by_gnu_hash(image, dynamic)?);
    let mips = image.header.machine == EM_MIPS.0;
    let by_tag = if mips { dynamic.value(DT_MIPS_SYMTABNO) } else { None };
    let known = by_hash.max(by_header).max(by_tag).unwrap_or(0);
    if by_header.is_some() || by_tag.is_some() {
        return Ok(known);
    }
    // A `.gnu.hash` without exported symbols says nothing about the imported ones.
    Ok(known.max(by_relocations(image, dynamic)?))
}

/// DT_HASH: the second word is the number of symbols.
fn by_hash(image: &Image<'_>, dynamic: &Dynamic) -> Result<Option<u64>, ElfError> {
    let Some(offset) = dynamic.value(DT_HASH).and_then(|addr| image.offset_of(addr)) else { return Ok(None) };
    // The only two ABIs whose hash words are 64 bits wide (glibc's sysdeps: s390-64 and alpha).
    let machine = image.header.machine;
    let wide = machine == EM_ALPHA.0 || (machine == EM_S390.0 && image.layout.word_size() == 8);
    let size = if wide { 8 } else { 4 };
    let bytes = image.range("DT_HASH", offset.0, 2 * size)?;
    let chain = &bytes[size as usize..];
    Ok(Some(if wide { image.layout.word(chain) } else { u64::from(image.layout.quad(chain)) }))
}

/// DT_GNU_HASH: the last symbol of the last chain, plus one.
fn by_gnu_hash(image: &Image<'_>, dynamic: &Dynamic) -> Result<Option<u64>, ElfError> {
    let Some((offset, _)) = dynamic.value(DT_GNU_HASH).and_then(|addr| image.offset_of(addr)) else {
        return Ok(None);
    };
    let layout = image.layout;
    let header = image.range("DT_GNU_HASH", offset, 16)?;
    let field = |at: usize| u64::from(layout.quad(&header[at..]));
    let (buckets, base, blooms) = (field(0), field(4), field(8));
    let buckets_at = offset + 16 + blooms * layout.word_size();
    let table = image.range("buckets of DT_GNU_HASH", buckets_at, buckets * 4)?;
    let last = table.chunks_exact(4).map(|bucket| u64::from(layout.quad(bucket))).max().unwrap_or(0);
    if last < base {
        return Ok(Some(base));
    }
    let chains_at = buckets_at + buckets * 4;
    let mut window = Window::new(image.source);
    let mut symbol = last;
    loop {
        let hash = layout.quad(window.bytes("chains of DT_GNU_HASH", chains_at + (symbol - base) * 4, 4)?);
        symbol += 1;
        if hash & 1 == 1 {
            return Ok(Some(symbol));
        }
    }
}

/// The highest symbol number any relocation names, plus one.
fn by_relocations(image: &Image<'_>, dynamic: &Dynamic) -> Result<u64, ElfError> {
    let plt_has_addends = dynamic.value(DT_PLTREL) == Some(u64::try_from(DT_RELA.0).unwrap_or(0));
    let tables = [(DT_REL, DT_RELSZ, false), (DT_RELA, DT_RELASZ, true), (DT_JMPREL, DT_PLTRELSZ, plt_has_addends)];
    let mut highest = 0;
    for (tag, size, addends) in tables {
        if let (Some(addr), Some(size)) = (dynamic.value(tag), dynamic.value(size))
            && let Some((offset, _)) = image.offset_of(addr)
        {
            highest = highest.max(highest_symbol(image, offset, size, addends)?);
        }
    }
    Ok(highest + 1)
}

/// The highest symbol number that the relocations in a stretch of the file name.
pub(super) fn highest_symbol(image: &Image<'_>, offset: u64, size: u64, addends: bool) -> Result<u64, ElfError> {
    let word = image.layout.word_size();
    let each = if addends { 3 * word } else { 2 * word };
    let (mut at, end) = (offset, offset.saturating_add(size / each * each));
    let mut highest = 0;
    while at < end {
        let bytes = image.range("relocations", at, (end - at).min(BATCH * each))?;
        let infos = bytes.chunks_exact(each as usize).map(|one| image.layout.word(&one[word as usize..]));
        let symbols = infos.map(|info| if word == 8 { info >> 32 } else { info >> 8 });
        highest = highest.max(symbols.max().unwrap_or(0));
        at += bytes.len() as u64;
    }
    Ok(highest)
}
