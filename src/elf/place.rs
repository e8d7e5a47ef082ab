//! What each stretch of an ELF file is called, so that an offset can be named to a person.
//!
//! Takes the whole file or a part that can be read by offset; gives sections, or segments where there are no sections,
//! sorted by where they begin. Refuses files whose headers cannot be read.

use super::image::{ElfError, Image};
use super::layout::Section;
use crate::base::bytes::ReadAt;
use crate::loader::object::{Class, Endian};
use object::elf::{PF_W, PF_X, SHF_ALLOC, SHF_COMPRESSED};

/// How a section's bytes are packed (gABI, "Section Compression").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// ELFCOMPRESS_ZLIB.
    Zlib,
    /// ELFCOMPRESS_ZSTD.
    Zstd,
}

/// One section or segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// File offset of its first byte.
    pub start: u64,
    /// One past its last byte in the file.
    pub end: u64,
    /// Its name; a segment is called by what it may be used for.
    pub name: Vec<u8>,
    /// Whether a loader maps it.
    pub loaded: bool,
    /// Where its packed bytes begin in the file, and how they are packed.
    pub packed: Option<(u64, Packing)>,
}

/// The stretches of a file, sorted by `start`; none where it is no ELF file.
pub fn stretches(source: &dyn ReadAt) -> Result<Vec<Stretch>, ElfError> {
    let Some(mut image) = Image::open(source)? else { return Ok(Vec::new()) };
    image.load()?;
    let mut all: Vec<Stretch> =
        image.section_list().iter().filter(|section| section.in_file()).map(|section| named(&image, section)).collect();
    if all.is_empty() {
        all = image.loads().map(segment).collect();
    }
    all.sort_by_key(|stretch| (stretch.start, stretch.end));
    Ok(all)
}

fn segment(segment: &super::layout::Segment) -> Stretch {
    let name: &[u8] = if segment.flags.contains(PF_X) {
        b"code"
    } else if segment.flags.contains(PF_W) {
        b"data"
    } else {
        b"read-only data"
    };
    Stretch { start: segment.offset, end: segment.file_end(), name: name.to_vec(), loaded: true, packed: None }
}

fn named(image: &Image<'_>, section: &Section) -> Stretch {
    Stretch {
        start: section.offset,
        end: section.file_end(),
        name: image.section_name(section).unwrap_or_default(),
        loaded: section.flags.contains(SHF_ALLOC),
        packed: if section.flags.contains(SHF_COMPRESSED) { packing(image, section) } else { None },
    }
}

/// Reads Elf32_Chdr or Elf64_Chdr; `None` for a packing that is not known.
fn packing(image: &Image<'_>, section: &Section) -> Option<(u64, Packing)> {
    let header = match image.layout.class {
        Class::Elf32 => 12,
        Class::Elf64 => 24,
    };
    if section.size < header {
        return None;
    }
    let bytes = image.source.range(section.offset, 4).ok()?;
    let word = <[u8; 4]>::try_from(&bytes[..]).ok()?;
    let kind = match image.layout.endian {
        Endian::Little => u32::from_le_bytes(word),
        Endian::Big => u32::from_be_bytes(word),
    };
    let packing = match kind {
        1 => Packing::Zlib,
        2 => Packing::Zstd,
        _ => return None,
    };
    Some((section.offset.checked_add(header)?, packing))
}
