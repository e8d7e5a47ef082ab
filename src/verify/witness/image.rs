//! One ELF file as the loader maps it: header, program headers, and the way from addresses to bytes of the file.
//!
//! Addresses are looked up strictly in the file part (`p_filesz`) of LOAD segments. Gives fields and short runs of bytes;
//! refuses what lies outside the file or outside every segment.

use super::WitnessError;
use crate::base::bytes::ReadAt;
use crate::loader::object::{Arch, Class, Endian};
use goblin::container::{Container, Ctx, Endian as ByteOrder};
use goblin::elf::ProgramHeader;
use goblin::elf::header::{EI_CLASS, EI_DATA, EI_VERSION, EM_386, EM_X86_64, Header, header32, header64};
use goblin::elf::program_header::{PT_DYNAMIC, PT_LOAD};
use goblin::elf::section_header::SHT_NOBITS;
use std::borrow::Cow;
use std::io;

/// No path, symbol or soname of an honest file is longer; a limit on memory, in bytes.
const STRING_MAX: u64 = 1 << 20;
/// How much of a string is read at first, in bytes; most are shorter.
const STRING_STEP: u64 = 128;

/// One ELF file, opened.
pub(super) struct Image<'a> {
    source: &'a dyn ReadAt,
    ctx: Ctx,
    /// The ELF header.
    pub(super) header: Header,
    /// The program headers, in file order.
    pub(super) segments: Vec<ProgramHeader>,
}

impl<'a> Image<'a> {
    /// Reads the header and the program headers of a source that begins with the ELF magic.
    pub(super) fn open(source: &'a dyn ReadAt) -> Result<Self, WitnessError> {
        let ident = read(source, "ELF identification", 0, 16)?;
        let ctx = context(&ident)?;
        let header = header(source, ctx)?;
        let segments = segments(source, ctx, &header)?;
        Ok(Self { source, ctx, header, segments })
    }

    /// Class, byte order and machine.
    pub(super) fn arch(&self) -> Arch {
        let class = if self.ctx.is_big() { Class::Elf64 } else { Class::Elf32 };
        let endian = if self.ctx.is_little_endian() { Endian::Little } else { Endian::Big };
        Arch { class, endian, machine: self.header.e_machine }
    }

    /// Whether the machine is an x86, of either width.
    pub(super) fn is_x86(&self) -> bool {
        matches!(self.header.e_machine, EM_386 | EM_X86_64)
    }

    /// How goblin's parsers are told class and byte order.
    pub(super) fn ctx(&self) -> Ctx {
        self.ctx
    }

    /// The size in bytes of an address in this file.
    pub(super) fn word(&self) -> u64 {
        self.ctx.size() as u64
    }

    /// Bytes at a file offset.
    pub(super) fn read(&self, what: &'static str, offset: u64, len: u64) -> Result<Cow<'_, [u8]>, WitnessError> {
        read(self.source, what, offset, len)
    }

    /// Bytes at an address.
    pub(super) fn at(&self, what: &'static str, address: u64, len: u64) -> Result<Cow<'_, [u8]>, WitnessError> {
        match self.mapped(address) {
            Some((offset, left)) if len <= left => self.read(what, offset, len),
            _ => Err(WitnessError::Unmapped(what, address, len)),
        }
    }

    /// How many bytes of the file follow an address in its segment; none where it is mapped from nowhere.
    pub(super) fn left(&self, address: u64) -> u64 {
        self.mapped(address).map_or(0, |(_, left)| left)
    }

    /// The file offset of an address and the bytes left in its segment. A later segment is mapped over an earlier one.
    fn mapped(&self, address: u64) -> Option<(u64, u64)> {
        self.segments.iter().rev().filter(|segment| segment.p_type == PT_LOAD).find_map(|segment| {
            let inside = address.checked_sub(segment.p_vaddr)?;
            let left = segment.p_filesz.checked_sub(inside).filter(|left| *left > 0)?;
            Some((segment.p_offset.checked_add(inside)?, left))
        })
    }

    /// The fields of one structure at an address, each so many bytes wide (at most 8), in the file's byte order.
    pub(super) fn record<const N: usize>(
        &self,
        what: &'static str,
        address: u64,
        widths: [u8; N],
    ) -> Result<[u64; N], WitnessError> {
        let len = widths.iter().map(|width| u64::from(*width)).sum();
        let bytes = self.at(what, address, len)?;
        Ok(self.fields(&bytes, widths))
    }

    fn fields<const N: usize>(&self, bytes: &[u8], widths: [u8; N]) -> [u64; N] {
        let mut rest = bytes;
        widths.map(|width| {
            let (field, after) = rest.split_at(usize::from(width).min(rest.len()));
            rest = after;
            self.number(field)
        })
    }

    /// An unsigned number of up to 8 bytes in the file's byte order.
    pub(super) fn number(&self, bytes: &[u8]) -> u64 {
        let join = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
        if self.ctx.is_little_endian() { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) }
    }

    /// The string at an address, without its NUL, which must come within `limit` bytes.
    pub(super) fn string(&self, what: &'static str, address: u64, limit: u64) -> Result<Vec<u8>, WitnessError> {
        let limit = limit.min(STRING_MAX).min(self.left(address));
        let mut step = STRING_STEP;
        loop {
            let len = step.min(limit);
            let bytes = self.at(what, address, len)?;
            if let Some(end) = memchr::memchr(0, &bytes) {
                return Ok(bytes[..end].to_vec());
            }
            if len == limit {
                return Err(WitnessError::Endless(what, address, limit));
            }
            step *= 4;
        }
    }

    /// Whether the section headers say that the dynamic table's bytes are in another file (`SHT_NOBITS`), as in the debug
    /// files of eu-strip(1), which keep the program headers of the file they were taken from. Asked only of a file whose
    /// dynamic table cannot be read, and which no loader could load, so damage in the section headers hides nothing.
    pub(super) fn is_debug_companion(&self) -> bool {
        let Some(table) = self.segments.iter().rfind(|segment| segment.p_type == PT_DYNAMIC) else { return false };
        let width = self.word() as u8;
        let step = u64::from(self.header.e_shentsize);
        (0..u64::from(self.header.e_shnum)).any(|index| {
            let offset = self.header.e_shoff.saturating_add(index * step);
            let Ok(bytes) = self.read("section header", offset, step) else { return false };
            let [_, kind, _, address] = self.fields(&bytes, [4, 4, width, width]);
            kind == u64::from(SHT_NOBITS) && address == table.p_vaddr
        })
    }
}

fn read<'a>(source: &'a dyn ReadAt, what: &'static str, offset: u64, len: u64) -> Result<Cow<'a, [u8]>, WitnessError> {
    source.range(offset, len).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => WitnessError::Outside(what, offset, len, source.size()),
        _ => WitnessError::Read(what, error),
    })
}

fn context(ident: &[u8]) -> Result<Ctx, WitnessError> {
    let container = match ident[EI_CLASS] {
        1 => Container::Little,
        2 => Container::Big,
        class => return Err(WitnessError::Header("class", u64::from(class))),
    };
    let order = match ident[EI_DATA] {
        1 => ByteOrder::Little,
        2 => ByteOrder::Big,
        data => return Err(WitnessError::Header("byte order", u64::from(data))),
    };
    match ident[EI_VERSION] {
        1 => Ok(Ctx::new(container, order)),
        version => Err(WitnessError::Header("version", u64::from(version))),
    }
}

fn header(source: &dyn ReadAt, ctx: Ctx) -> Result<Header, WitnessError> {
    let size = if ctx.is_big() { header64::SIZEOF_EHDR } else { header32::SIZEOF_EHDR } as u64;
    let bytes = read(source, "ELF header", 0, size)?;
    let parsed = if ctx.is_big() {
        header64::Header::parse(&bytes).map(Header::from)
    } else {
        header32::Header::parse(&bytes).map(Header::from)
    };
    parsed.map_err(|_| WitnessError::Outside("ELF header", 0, size, source.size()))
}

fn segments(source: &dyn ReadAt, ctx: Ctx, header: &Header) -> Result<Vec<ProgramHeader>, WitnessError> {
    if header.e_phnum == 0 {
        return Ok(Vec::new());
    }
    let size = ProgramHeader::size(ctx) as u64;
    // glibc refuses any other size (`elf/dl-load.c`, open_verify).
    if u64::from(header.e_phentsize) != size {
        return Err(WitnessError::Header("program header size", u64::from(header.e_phentsize)));
    }
    let len = size * u64::from(header.e_phnum);
    let bytes = read(source, "program header table", header.e_phoff, len)?;
    ProgramHeader::parse(&bytes, 0, usize::from(header.e_phnum), ctx)
        .map_err(|_| WitnessError::Outside("program header table", header.e_phoff, len, source.size()))
}
