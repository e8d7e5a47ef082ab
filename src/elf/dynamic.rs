//! The dynamic section: its entries and the string table they point into.
//!
//! Takes an image's PT_DYNAMIC, found by its address as the loader does, and gives the entries before the first
//! DT_NULL with the number of slots in all. Refuses a section without an end, one whose address and file offset name
//! different bytes, and string offsets that lie outside the table.

use super::image::{ElfError, Image, malformed};
use super::layout::{Entry, Segment};
use super::window::Window;
use object::elf::{DT_NULL, DT_STRSZ, DT_STRTAB, DynamicTag, PT_DYNAMIC};

/// A dynamic section is some hundred bytes; the longest seen has a few thousand entries.
const LONGEST: u64 = 1 << 20;

/// The dynamic section of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dynamic {
    /// File offset of the first entry.
    pub(super) offset: u64,
    /// Entries before the first DT_NULL, in file order.
    pub(super) entries: Vec<Entry>,
    /// How many entries fit, from the first to the last DT_NULL in a row.
    pub(super) slots: usize,
    /// DT_STRTAB and DT_STRSZ, where there.
    pub(super) strings: Option<Strings>,
}

/// Where the dynamic string table lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strings {
    /// Its address.
    pub(super) addr: u64,
    /// Its file offset.
    pub(super) offset: u64,
    /// Its length in bytes.
    pub(super) size: u64,
}

impl Dynamic {
    /// Reads the section that `segment`, a PT_DYNAMIC, describes.
    pub(super) fn read(image: &Image<'_>, segment: &Segment) -> Result<Self, ElfError> {
        let offset = place(image, segment)?;
        let size = image.layout.entry_size();
        let len = segment.filesz.min(LONGEST) / size * size;
        let all = image.layout.entries(&image.range("dynamic section", offset, len)?);
        let used = all.iter().position(|entry| entry.tag == DT_NULL);
        let used = used.ok_or_else(|| malformed("dynamic section without DT_NULL", offset, len))?;
        let spare = all[used..].iter().take_while(|entry| entry.tag == DT_NULL).count();
        let mut dynamic = Self { offset, entries: all[..used].to_vec(), slots: used + spare, strings: None };
        dynamic.strings = dynamic.find_strings(image)?;
        Ok(dynamic)
    }

    fn find_strings(&self, image: &Image<'_>) -> Result<Option<Strings>, ElfError> {
        let (Some(addr), Some(size)) = (self.value(DT_STRTAB), self.value(DT_STRSZ)) else { return Ok(None) };
        let (offset, room) = image.offset_of(addr).ok_or_else(|| {
            malformed("DT_STRTAB points outside every segment", self.offset_of_tag(image, DT_STRTAB), addr)
        })?;
        if size > room {
            return Err(malformed("DT_STRSZ goes beyond the segment", self.offset_of_tag(image, DT_STRSZ), size));
        }
        if offset.saturating_add(size) > image.source.size() {
            return Err(ElfError::Truncated {
                what: "dynamic string table",
                offset,
                len: size,
                size: image.source.size(),
            });
        }
        Ok(Some(Strings { addr, offset, size }))
    }

    /// The value of a tag that occurs once; of several, the last, as glibc's loader takes it.
    pub(super) fn value(&self, tag: DynamicTag) -> Option<u64> {
        self.entries.iter().rev().find(|entry| entry.tag == tag).map(|entry| entry.value)
    }

    /// File offset of the entry [`Dynamic::value`] reads, for messages.
    pub(super) fn offset_of_tag(&self, image: &Image<'_>, tag: DynamicTag) -> u64 {
        let at = self.entries.iter().rposition(|entry| entry.tag == tag).unwrap_or(0);
        self.offset + at as u64 * image.layout.entry_size()
    }

    /// Reads the string at an offset of the dynamic string table, without its NUL.
    pub(super) fn string(&self, window: &mut Window<'_>, what: &'static str, at: u64) -> Result<Vec<u8>, ElfError> {
        let Some(strings) = self.strings else {
            return Err(malformed("a string is named but there is no string table", self.offset, at));
        };
        if at >= strings.size {
            return Err(malformed(what, self.offset, at));
        }
        window.string(what, strings.offset + at, strings.offset + strings.size)
    }
}

/// The file offset of the dynamic section, by its address where a LOAD maps it.
fn place(image: &Image<'_>, segment: &Segment) -> Result<u64, ElfError> {
    match image.offset_of(segment.vaddr) {
        Some((offset, room)) if offset == segment.offset && segment.filesz <= room => Ok(offset),
        _ => Err(malformed("PT_DYNAMIC does not lie where its address says", segment.offset, segment.vaddr)),
    }
}

/// The program header of the dynamic section; several are refused, because loaders differ in which they take.
pub(super) fn segment(image: &Image<'_>) -> Result<Option<Segment>, ElfError> {
    let mut all = image.segments.iter().filter(|segment| segment.kind == PT_DYNAMIC);
    let first = all.next().copied();
    match all.next() {
        None => Ok(first),
        Some(second) => Err(malformed("more than one PT_DYNAMIC", image.header.phoff, second.offset)),
    }
}
