//! One ELF file as far as its headers tell: segments, sections, and where an address lies in the file.
//!
//! Takes a byte source and asks it only for headers. The program headers are what the loader goes by and must be right;
//! the section headers may be absent or damaged, and then are noted as such. Refuses files that are cut short or
//! contradict themselves, with the offset and the value found.

use super::layout::{Header, Layout, Section, Segment};
use crate::base::bytes::ReadAt;
use object::elf::{PN_XNUM, PT_LOAD};
use std::borrow::Cow;
use std::fmt;
use std::io;

/// Why an ELF file could not be read.
#[derive(Debug)]
pub enum ElfError {
    /// Something the file points at lies beyond its end.
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Where it should begin, in bytes.
        offset: u64,
        /// How many bytes it should have.
        len: u64,
        /// How many bytes the file has.
        size: u64,
    },
    /// A field contradicts the rest of the file.
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// File offset of the field, or of the table it stands in.
        offset: u64,
        /// The value found there.
        found: u64,
    },
    /// A patch would do something else than it was asked to; this is our own mistake.
    Unfaithful {
        /// What would not be as it must.
        what: &'static str,
        /// File offset or number of the record concerned.
        at: u64,
    },
    /// The bytes could not be read.
    Read(io::Error),
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { what, offset, len, size } => {
                write!(f, "ELF file is cut short: {what} ({len} bytes at offset {offset}) ends beyond its {size} bytes")
            }
            Self::Malformed { what, offset, found } => {
                write!(f, "malformed ELF file: {what} (found {found:#x} at offset {offset})")
            }
            Self::Unfaithful { what, at } => {
                write!(f, "the rewritten ELF file failed its self-check: {what} ({at:#x})")
            }
            Self::Read(_) => f.write_str("cannot read ELF file"),
        }
    }
}

impl std::error::Error for ElfError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(source) => Some(source),
            _ => None,
        }
    }
}

/// What is known of the section header table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sections {
    /// There is none (`e_shnum` or `e_shoff` is 0).
    Absent,
    /// There should be one, but it is not wholly in the file or not of the right shape.
    Damaged,
    /// All headers, in table order.
    Present(Vec<Section>),
}

/// An ELF file's headers, with the source to read the rest from.
pub(super) struct Image<'a> {
    pub(super) source: &'a dyn ReadAt,
    pub(super) layout: Layout,
    pub(super) header: Header,
    pub(super) segments: Vec<Segment>,
    pub(super) sections: Sections,
}

/// No single table of a file worth rewriting is longer: a bound on memory where a length field lies.
const LONGEST_TABLE: u64 = 1 << 30;
/// Files with a dynamic section have some dozens of sections; relocatable files with more are never read this far.
const MOST_SECTIONS: u64 = 1 << 16;

impl<'a> Image<'a> {
    /// Reads `e_ident` and the file header; `None` where the source is not an ELF file at all.
    ///
    /// Fewer than 16 bytes, another magic number, or a class, byte order or version byte that the gABI does not know
    /// mean "not ELF". Segments and sections are still empty afterwards: see [`Image::load`].
    pub(super) fn open(source: &'a dyn ReadAt) -> Result<Option<Self>, ElfError> {
        if source.size() < 16 {
            return Ok(None);
        }
        let ident = source.range(0, 16).map_err(ElfError::Read)?;
        let Some(layout) = Layout::of_ident(&ident) else { return Ok(None) };
        let bytes = range(source, "file header", 0, layout.header_size())?;
        let header = layout.header(&bytes).ok_or_else(|| cut("file header", 0, layout.header_size(), source.size()))?;
        Ok(Some(Self { source, layout, header, segments: Vec::new(), sections: Sections::Absent }))
    }

    /// Reads program headers and section headers.
    pub(super) fn load(&mut self) -> Result<(), ElfError> {
        self.segments = self.read_segments()?;
        self.sections = self.read_sections()?;
        Ok(())
    }

    fn read_segments(&self) -> Result<Vec<Segment>, ElfError> {
        let Header { phoff, phnum, phentsize, .. } = self.header;
        if phnum == 0 {
            return Ok(Vec::new());
        }
        if u64::from(phentsize) != self.layout.segment_size() {
            return Err(malformed("size of a program header", self.layout.phnum_at() - 2, phentsize.into()));
        }
        if phnum == PN_XNUM {
            return Err(malformed("too many program headers", self.layout.phnum_at(), phnum.into()));
        }
        let bytes = self.range("program header table", phoff, u64::from(phnum) * self.layout.segment_size())?;
        Ok(self.layout.segments(&bytes))
    }

    fn read_sections(&self) -> Result<Sections, ElfError> {
        let Header { shoff, shnum, shentsize, .. } = self.header;
        if shoff == 0 || (shnum == 0 && shoff >= self.source.size()) {
            return Ok(Sections::Absent);
        }
        let size = self.layout.section_size();
        if u64::from(shentsize) != size {
            return Ok(if shnum == 0 { Sections::Absent } else { Sections::Damaged });
        }
        let mut count = u64::from(shnum);
        if count == 0 {
            // gABI: the real number is then in the first header's sh_size.
            let Ok(first) = self.source.range(shoff, size) else { return Ok(Sections::Damaged) };
            count = self.layout.sections(&first).first().map_or(0, |null| null.size);
            if count == 0 {
                return Ok(Sections::Absent);
            }
        }
        if count > MOST_SECTIONS || !inside(shoff, count * size, self.source.size()) {
            return Ok(Sections::Damaged);
        }
        let bytes = self.source.range(shoff, count * size).map_err(ElfError::Read)?;
        Ok(Sections::Present(self.layout.sections(&bytes)))
    }

    /// Reads a stretch of the file; `what` names it in errors.
    pub(super) fn range(&self, what: &'static str, offset: u64, len: u64) -> Result<Cow<'a, [u8]>, ElfError> {
        range(self.source, what, offset, len)
    }

    /// The segments the loader maps, in table order.
    pub(super) fn loads(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments.iter().filter(|segment| segment.kind == PT_LOAD)
    }

    /// Where the byte at an address lies in the file, and how many bytes of its segment follow from there.
    ///
    /// The offset is always inside the file, so that small sums with it cannot overflow; the bytes that follow need not be.
    pub(super) fn offset_of(&self, vaddr: u64) -> Option<(u64, u64)> {
        let load = self.loads().find(|load| load.vaddr <= vaddr && vaddr - load.vaddr < load.filesz)?;
        let into = vaddr - load.vaddr;
        let offset = load.offset.checked_add(into).filter(|offset| *offset < self.source.size())?;
        Some((offset, load.filesz - into))
    }

    /// The section headers; none where the table is absent or damaged.
    pub(super) fn section_list(&self) -> &[Section] {
        match &self.sections {
            Sections::Present(sections) => sections,
            Sections::Absent | Sections::Damaged => &[],
        }
    }

    /// A section's name; `None` where it cannot be read.
    pub(super) fn section_name(&self, section: &Section) -> Option<Vec<u8>> {
        let names = self.section_list().get(usize::from(self.header.shstrndx)).filter(|names| names.in_file())?;
        let at = names.offset.checked_add(u64::from(section.name))?;
        let len = names.file_end().checked_sub(at)?.min(256);
        let bytes = self.source.range(at, len).ok()?;
        let end = bytes.iter().position(|byte| *byte == 0)?;
        Some(bytes[..end].to_vec())
    }

    /// One past the last byte that a header, segment or section accounts for.
    pub(super) fn known_end(&self) -> u64 {
        let sections = self.section_list();
        let table = match sections.len() as u64 {
            0 => 0,
            count => self.header.shoff.saturating_add(count * self.layout.section_size()),
        };
        let headers = self.header.phoff.saturating_add(self.segments.len() as u64 * self.layout.segment_size());
        let in_segments = self.segments.iter().filter(|segment| segment.filesz > 0).map(Segment::file_end);
        let in_sections = sections.iter().filter(|section| section.in_file()).map(Section::file_end);
        in_segments.chain(in_sections).chain([table, headers, self.layout.header_size()]).max().unwrap_or(0)
    }

    /// How many bytes lie behind everything known; 0 where these are zeros, fewer than a page: some writers leave a few
    /// behind, and no payload is made of them.
    pub(super) fn payload(&self, page: u64) -> Result<u64, ElfError> {
        let known = self.known_end();
        let len = self.source.size().saturating_sub(known);
        Ok(if len < page && is_zero(self.source, known, len)? { 0 } else { len })
    }
}

/// How much is looked through at a time, in bytes.
const PIECE: u64 = 1 << 20;

/// Whether a stretch of the file holds nothing but zeros.
pub(super) fn is_zero(source: &dyn ReadAt, offset: u64, len: u64) -> Result<bool, ElfError> {
    let mut done = 0;
    while done < len {
        let piece = range(source, "padding", offset.saturating_add(done), (len - done).min(PIECE))?;
        if piece.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        done += piece.len() as u64;
    }
    Ok(true)
}

/// Whether a range lies wholly inside `size` bytes.
pub(super) fn inside(offset: u64, len: u64, size: u64) -> bool {
    offset.checked_add(len).is_some_and(|end| end <= size)
}

pub(super) fn malformed(what: &'static str, offset: u64, found: u64) -> ElfError {
    ElfError::Malformed { what, offset, found }
}

fn cut(what: &'static str, offset: u64, len: u64, size: u64) -> ElfError {
    ElfError::Truncated { what, offset, len, size }
}

pub(super) fn range<'a>(
    source: &'a dyn ReadAt,
    what: &'static str,
    offset: u64,
    len: u64,
) -> Result<Cow<'a, [u8]>, ElfError> {
    if !inside(offset, len, source.size()) {
        return Err(cut(what, offset, len, source.size()));
    }
    if len > LONGEST_TABLE {
        return Err(malformed("a table is longer than 1 GiB", offset, len));
    }
    source.range(offset, len).map_err(ElfError::Read)
}
