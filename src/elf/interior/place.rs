//! Where a text lies: in a table that is not the program's, in memory, or outside what is loaded.
//!
//! Takes an image and a range of the file and gives the addresses its bytes have, or the verdict where there is nothing
//! more to ask.

use super::super::dynamic::Dynamic;
use super::super::image::Image;
use super::super::layout::Segment;
use super::verdict::{Table, Uncovered, Verdict};
use object::elf::{PT_INTERP, PT_LOAD, PT_NOTE, PT_TLS, SHF_ALLOC, SHT_NOTE, SHT_STRTAB};
use std::ops::Range;

/// What is known of places before any text is looked at.
pub(super) struct Places<'a> {
    image: &'a Image<'a>,
    tables: Vec<(Range<u64>, Table)>,
    /// Split-off debugging information keeps the program headers of what it was split from, and loads nothing.
    loads_nothing: bool,
}

impl<'a> Places<'a> {
    /// Finds the tables of a file.
    pub(super) fn new(image: &'a Image<'a>, dynamic: Option<&Dynamic>, loads_nothing: bool) -> Self {
        let strings = dynamic.and_then(|dynamic| dynamic.strings);
        let mut tables: Vec<_> = strings
            .map(|strings| (strings.offset..strings.offset.saturating_add(strings.size), Table::DynamicStrings))
            .into_iter()
            .collect();
        for (kind, table) in [(PT_INTERP, Table::Interpreter), (PT_NOTE, Table::Note)] {
            let segments = image.segments.iter().filter(|segment| segment.kind == kind && !loads_nothing);
            tables.extend(segments.map(|segment| (segment.offset..segment.file_end(), table)));
        }
        for (kind, table) in [(SHT_STRTAB, Table::Names), (SHT_NOTE, Table::Note)] {
            let sections = image.section_list().iter().filter(|section| section.kind == kind);
            tables.extend(sections.map(|section| (section.offset..section.file_end(), table)));
        }
        Self { image, tables, loads_nothing }
    }

    /// The addresses of a text, once for each LOAD that has it.
    pub(super) fn addresses(&self, text: &Range<u64>) -> Result<Vec<Range<u64>>, Verdict> {
        if text.start > text.end || text.end > self.image.source.size() {
            return Err(Verdict::NotCovered(Uncovered::OutsideFile));
        }
        if let Some((_, table)) = self.tables.iter().find(|(range, _)| meet(range, text)) {
            return Err(Verdict::Table(*table));
        }
        let mut addresses = Vec::new();
        for segment in self.image.segments.iter().filter(|segment| !self.loads_nothing && touches(segment, text)) {
            match segment.kind {
                PT_LOAD if segment.offset <= text.start && text.end <= segment.file_end() => {
                    let start = segment.vaddr.wrapping_add(text.start - segment.offset);
                    addresses.push(start..start.saturating_add(text.end - text.start));
                }
                PT_LOAD => return Err(Verdict::NotCovered(Uncovered::Straddles)),
                PT_TLS => return Err(Verdict::NotCovered(Uncovered::ThreadLocal)),
                _ => {}
            }
        }
        if addresses.is_empty() { Err(self.not_loaded(text)) } else { Ok(addresses) }
    }

    fn not_loaded(&self, text: &Range<u64>) -> Verdict {
        let mut sections = self.image.section_list().iter().filter(|section| section.in_file());
        let section = sections.find(|section| {
            !section.flags.contains(SHF_ALLOC) && section.offset <= text.start && text.end <= section.file_end()
        });
        Verdict::NotLoaded { section: section.and_then(|section| self.image.section_name(section)) }
    }
}

fn touches(segment: &Segment, text: &Range<u64>) -> bool {
    meet(&(segment.offset..segment.file_end()), text)
}

fn meet(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}
