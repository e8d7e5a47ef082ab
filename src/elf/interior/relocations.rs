//! Where relocations and symbols lead.
//!
//! Takes an image and notes every address that a dynamic relocation makes (its addend, wherever that stands, with its
//! symbol's value) and every symbol's value. Place and kind of the relocation do not matter: one too many makes us more
//! careful. Refuses tables that lie outside the file; relocations against symbols of other files lead nowhere here.
//! Sources: gABI chapter 4 "Relocation" and "Symbol Table"; the RELR proposal of the gABI list for DT_RELR.

use super::super::dynamic::Dynamic;
use super::super::image::{ElfError, Image, malformed};
use super::super::layout::Section;
use super::super::symbols::{BATCH, Symbols};
use super::super::window::Window;
use super::targets::Targets;
use super::verdict::Reference;
use object::elf::{
    DT_JMPREL, DT_PLTREL, DT_PLTRELSZ, DT_REL, DT_RELA, DT_RELASZ, DT_RELR, DT_RELRSZ, DT_RELSZ, DynamicTag, SHF_TLS,
    SHN_LORESERVE, SHT_SYMTAB,
};

/// Notes all of them.
pub(super) fn note(image: &Image<'_>, dynamic: Option<&Dynamic>, targets: &mut Targets) -> Result<(), ElfError> {
    if let Some(dynamic) = dynamic {
        let symbols = Symbols::find(image, dynamic)?;
        let mut relocations = Relocations { image, symbols, words: Window::new(image.source), targets };
        relocations.tables(dynamic)?;
        relocations.relative_places(dynamic)?;
        if let Some(Symbols { offset, count }) = symbols {
            note_symbols(image, offset, count, targets)?;
        }
    }
    for table in image.section_list().iter().filter(|section| section.kind == SHT_SYMTAB) {
        note_symbols(image, table.offset, table.size / image.layout.symbol_size(), targets)?;
    }
    Ok(())
}

struct Relocations<'a, 'b> {
    image: &'a Image<'a>,
    symbols: Option<Symbols>,
    words: Window<'a>,
    targets: &'b mut Targets,
}

impl Relocations<'_, '_> {
    fn tables(&mut self, dynamic: &Dynamic) -> Result<(), ElfError> {
        let plt_has_addends = dynamic.value(DT_PLTREL) == u64::try_from(DT_RELA.0).ok();
        let tables = [(DT_REL, DT_RELSZ, false), (DT_RELA, DT_RELASZ, true), (DT_JMPREL, DT_PLTRELSZ, plt_has_addends)];
        for (tag, size, addends) in tables {
            if let Some((offset, size)) = self.table(dynamic, tag, size)? {
                self.table_at(offset, size, addends)?;
            }
        }
        Ok(())
    }

    /// File offset and length of the table that two tags describe.
    fn table(&self, dynamic: &Dynamic, tag: DynamicTag, size: DynamicTag) -> Result<Option<(u64, u64)>, ElfError> {
        let (Some(addr), Some(size)) = (dynamic.value(tag), dynamic.value(size)) else { return Ok(None) };
        if size == 0 {
            return Ok(None);
        }
        let at = dynamic.offset_of_tag(self.image, tag);
        match self.image.offset_of(addr) {
            Some((offset, room)) if size <= room => Ok(Some((offset, size))),
            _ => Err(malformed("a table of relocations goes beyond its segment", at, addr)),
        }
    }

    fn table_at(&mut self, offset: u64, size: u64, addends: bool) -> Result<(), ElfError> {
        let (layout, word) = (self.image.layout, self.image.layout.word_size() as usize);
        let each = if addends { 3 * word } else { 2 * word };
        let (mut at, end) = (offset, offset + size / each as u64 * each as u64);
        while at < end {
            let bytes = self.image.range("relocations", at, (end - at).min(BATCH * each as u64))?;
            for (index, one) in bytes.chunks_exact(each).enumerate() {
                let (place, info) = (layout.word(one), layout.word(&one[word..]));
                let addend = if addends { Some(layout.word(&one[2 * word..])) } else { self.in_place(place)? };
                let symbol = if word == 8 { info >> 32 } else { info >> 8 };
                let stands = at + (index * each) as u64;
                if let (Some(addend), Some(value)) = (addend, self.value(symbol)?) {
                    let sum = value.wrapping_add(addend) & layout.highest();
                    self.targets.note(sum, Reference::Relocation, stands);
                }
            }
            at += bytes.len() as u64;
        }
        Ok(())
    }

    /// What stands at the place of a relocation; `None` where that is not in the file.
    fn in_place(&mut self, place: u64) -> Result<Option<u64>, ElfError> {
        let size = self.image.layout.word_size();
        match self.image.offset_of(place) {
            Some((offset, room)) if room >= size => {
                Ok(Some(self.image.layout.word(self.words.bytes("a relocated word", offset, size)?)))
            }
            _ => Ok(None),
        }
    }

    /// A symbol's value; 0 for no symbol, `None` for one that is not defined here.
    fn value(&mut self, symbol: u64) -> Result<Option<u64>, ElfError> {
        let (layout, size) = (self.image.layout, self.image.layout.symbol_size());
        let Some(symbols) = self.symbols.filter(|symbols| symbol > 0 && symbol < symbols.count) else {
            return Ok((symbol == 0).then_some(0));
        };
        let bytes = self.words.bytes("a relocation's symbol", symbols.offset + symbol * size, size)?;
        Ok(layout.symbols(bytes).first().filter(|symbol| symbol.section != 0).map(|symbol| symbol.value))
    }

    /// DT_RELR: an even word is a place, an odd one says by its bits which of the words behind the last place are places.
    fn relative_places(&mut self, dynamic: &Dynamic) -> Result<(), ElfError> {
        let Some((offset, size)) = self.table(dynamic, DT_RELR, DT_RELRSZ)? else { return Ok(()) };
        let (layout, word) = (self.image.layout, self.image.layout.word_size());
        let (mut at, end) = (offset, offset + size / word * word);
        let mut next = 0u64;
        while at < end {
            let bytes = self.image.range("DT_RELR", at, (end - at).min(BATCH * word))?;
            for entry in bytes.chunks_exact(word as usize).map(|bytes| layout.word(bytes)) {
                if entry & 1 == 0 {
                    self.relative_place(entry)?;
                    next = entry.wrapping_add(word);
                    continue;
                }
                for bit in (1..8 * word).filter(|bit| entry >> bit & 1 == 1) {
                    self.relative_place(next.wrapping_add((bit - 1) * word))?;
                }
                next = next.wrapping_add((8 * word - 1) * word);
            }
            at += bytes.len() as u64;
        }
        Ok(())
    }

    fn relative_place(&mut self, place: u64) -> Result<(), ElfError> {
        if let (Some(address), Some((offset, _))) = (self.in_place(place)?, self.image.offset_of(place)) {
            self.targets.note(address, Reference::Relocation, offset);
        }
        Ok(())
    }
}

/// Notes the values of a symbol table, but not of symbols that are no addresses.
fn note_symbols(image: &Image<'_>, offset: u64, count: u64, targets: &mut Targets) -> Result<(), ElfError> {
    let size = image.layout.symbol_size();
    let thread_local = |section: u16| {
        image.section_list().get(usize::from(section)).is_some_and(|section: &Section| section.flags.contains(SHF_TLS))
    };
    for start in (0..count).step_by(BATCH as usize) {
        let at = offset.saturating_add(start * size);
        let bytes = image.range("symbols", at, (count - start).min(BATCH) * size)?;
        for (index, symbol) in image.layout.symbols(&bytes).into_iter().enumerate() {
            if symbol.section != 0 && symbol.section < SHN_LORESERVE && !thread_local(symbol.section) {
                targets.note(symbol.value, Reference::Symbol, at + index as u64 * size);
            }
        }
    }
    Ok(())
}
