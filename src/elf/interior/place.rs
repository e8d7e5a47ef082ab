//! Where a text lies: in a table that is not the program's, in memory, or outside what is loaded.
//!
//! Takes an image and a range of the file and gives the addresses its bytes have, or the verdict where there is nothing
//! more to ask.

use super::super::dynamic::Dynamic;
use super::super::image::Image;
use super::super::layout::Segment;
use super::spans::Spans;
use super::verdict::{Table, Uncovered, Verdict};
use object::elf::{PT_INTERP, PT_LOAD, PT_NOTE, PT_TLS, SHF_ALLOC, SHT_NOTE, SHT_STRTAB};
use std::ops::Range;

/// What is known of places before any text is looked at.
pub(super) struct Places<'a> {
    image: &'a Image<'a>,
    /// File offsets.
    tables: [(Table, Spans); 4],
    /// Split-off debugging information keeps the program headers of what it was split from, and loads nothing.
    loads_nothing: bool,
}

impl<'a> Places<'a> {
    /// Finds the tables of a file.
    pub(super) fn new(image: &'a Image<'a>, dynamic: Option<&Dynamic>, loads_nothing: bool) -> Self {
        let of_segments = |kind| {
            let segments = image.segments.iter().filter(move |segment| segment.kind == kind && !loads_nothing);
            segments.map(|segment| segment.offset..segment.file_end()).collect::<Vec<_>>()
        };
        let of_sections = |kind| {
            let sections = image.section_list().iter().filter(move |section| section.kind == kind);
            sections.map(|section| section.offset..section.file_end()).collect::<Vec<_>>()
        };
        let strings = dynamic.and_then(|dynamic| dynamic.strings);
        let strings = strings.map(|strings| strings.offset..strings.offset.saturating_add(strings.size));
        let tables = [
            (Table::DynamicStrings, Spans::new(strings.into_iter().collect())),
            (Table::Interpreter, Spans::new(of_segments(PT_INTERP))),
            (Table::Names, Spans::new(of_sections(SHT_STRTAB))),
            (Table::Note, Spans::new([of_segments(PT_NOTE), of_sections(SHT_NOTE)].concat())),
        ];
        Self { image, tables, loads_nothing }
    }

    /// The addresses of a text, once for each LOAD that has it.
    pub(super) fn addresses(&self, text: &Range<u64>) -> Result<Vec<Range<u64>>, Verdict> {
        if text.start > text.end || text.end > self.image.source.size() {
            return Err(Verdict::NotCovered(Uncovered::OutsideFile));
        }
        if let Some((table, _)) = self.tables.iter().find(|(_, spans)| spans.meet(text)) {
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
    segment.offset < text.end && text.start < segment.file_end()
}
