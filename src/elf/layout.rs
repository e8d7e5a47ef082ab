//! The fixed records of an ELF file (headers, segments, sections, dynamic entries, symbols) as plain numbers.
//!
//! Takes bytes of either class and byte order and gives 64-bit values; gives the bytes back for the records this tool
//! rewrites. `object`'s raw structures know where each field lies. It refuses, by `None`, a value that is too wide for
//! a 32-bit file. Source: System V gABI, chapters 4 and 5.

use crate::loader::object::{Class, Endian};
use object::elf::{
    Dyn32, Dyn64, DynamicTag, FileHeader32, FileHeader64, ProgramFlags, ProgramHeader32, ProgramHeader64, ProgramType,
    SectionFlags, SectionHeader32, SectionHeader64, SectionType, Sym32, Sym64,
};
use object::endian::{I32, I64, U32, U64};
use object::pod::{self, Pod};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader, Sym};
use object::{Endian as _, Endianness};

/// Class and byte order: all that is needed to find a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) class: Class,
    pub(super) endian: Endian,
}

/// The file header's fields that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) e_type: u16,
    pub(super) machine: u16,
    pub(super) entry: u64,
    pub(super) phoff: u64,
    pub(super) shoff: u64,
    pub(super) phentsize: u16,
    pub(super) phnum: u16,
    pub(super) shentsize: u16,
    pub(super) shnum: u16,
    pub(super) shstrndx: u16,
}

/// A program header. Addresses and sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) kind: ProgramType,
    pub(super) flags: ProgramFlags,
    pub(super) offset: u64,
    pub(super) vaddr: u64,
    pub(super) paddr: u64,
    pub(super) filesz: u64,
    pub(super) memsz: u64,
    pub(super) align: u64,
}

impl Segment {
    /// One past the last byte in the file; saturates for nonsense.
    pub(super) fn file_end(&self) -> u64 {
        self.offset.saturating_add(self.filesz)
    }

    /// One past the last byte in memory; saturates for nonsense.
    pub(super) fn memory_end(&self) -> u64 {
        self.vaddr.saturating_add(self.memsz)
    }
}

/// A section header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: u32,
    pub(super) kind: SectionType,
    pub(super) flags: SectionFlags,
    pub(super) addr: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) link: u32,
    pub(super) info: u32,
    pub(super) align: u64,
    pub(super) entsize: u64,
}

impl Section {
    /// One past the last byte in the file; saturates for nonsense.
    pub(super) fn file_end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }

    /// Whether it has bytes in the file.
    pub(super) fn in_file(&self) -> bool {
        self.kind != object::elf::SHT_NULL && self.kind != object::elf::SHT_NOBITS && self.size > 0
    }
}

/// A dynamic entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) tag: DynamicTag,
    pub(super) value: u64,
}

/// A symbol's fields that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Symbol {
    pub(super) name: u32,
    pub(super) section: u16,
    pub(super) value: u64,
    pub(super) size: u64,
}

impl Layout {
    /// Reads class and byte order from `e_ident`; `None` where these bytes do not begin an ELF file.
    pub(super) fn of_ident(ident: &[u8]) -> Option<Self> {
        let [0x7f, b'E', b'L', b'F', class, order, 1, ..] = ident else { return None };
        let class = match class {
            1 => Class::Elf32,
            2 => Class::Elf64,
            _ => return None,
        };
        let endian = match order {
            1 => Endian::Little,
            2 => Endian::Big,
            _ => return None,
        };
        Some(Self { class, endian })
    }

    fn order(self) -> Endianness {
        match self.endian {
            Endian::Little => Endianness::Little,
            Endian::Big => Endianness::Big,
        }
    }

    fn pick(self, narrow: u64, wide: u64) -> u64 {
        match self.class {
            Class::Elf32 => narrow,
            Class::Elf64 => wide,
        }
    }

    /// Bytes of the file header.
    pub(super) fn header_size(self) -> u64 {
        self.pick(52, 64)
    }

    /// Bytes of a program header.
    pub(super) fn segment_size(self) -> u64 {
        self.pick(32, 56)
    }

    /// Bytes of a section header.
    pub(super) fn section_size(self) -> u64 {
        self.pick(40, 64)
    }

    /// Bytes of a dynamic entry.
    pub(super) fn entry_size(self) -> u64 {
        self.pick(8, 16)
    }

    /// Bytes of a symbol.
    pub(super) fn symbol_size(self) -> u64 {
        self.pick(16, 24)
    }

    /// Where `st_value` lies in a symbol.
    pub(super) fn symbol_value_at(self) -> u64 {
        self.pick(4, 8)
    }

    /// Bytes of an address.
    pub(super) fn word_size(self) -> u64 {
        self.pick(4, 8)
    }

    /// The highest address or offset a field can hold.
    pub(super) fn highest(self) -> u64 {
        self.pick(u64::from(u32::MAX), u64::MAX)
    }

    /// Where `st_shndx` lies in a symbol.
    pub(super) fn symbol_section_at(self) -> u64 {
        self.pick(14, 6)
    }

    /// Where `e_phoff` lies in the file.
    pub(super) fn phoff_at(self) -> u64 {
        self.pick(28, 32)
    }

    /// Where `e_shoff` lies in the file.
    pub(super) fn shoff_at(self) -> u64 {
        self.pick(32, 40)
    }

    /// Where `e_shnum` lies in the file.
    pub(super) fn shnum_at(self) -> u64 {
        self.pick(48, 60)
    }

    /// Where `e_shstrndx` lies in the file.
    pub(super) fn shstrndx_at(self) -> u64 {
        self.pick(50, 62)
    }

    /// Where `e_phnum` lies in the file.
    pub(super) fn phnum_at(self) -> u64 {
        self.pick(44, 56)
    }

    /// Reads a 16-bit number; 0 where the bytes are too few.
    pub(super) fn half(self, bytes: &[u8]) -> u16 {
        bytes.first_chunk().map_or(0, |field| self.order().read_u16(*field))
    }

    /// Reads a 32-bit number; 0 where the bytes are too few.
    pub(super) fn quad(self, bytes: &[u8]) -> u32 {
        bytes.first_chunk().map_or(0, |field| self.order().read_u32(*field))
    }

    /// Reads an address-sized number; 0 where the bytes are too few.
    pub(super) fn word(self, bytes: &[u8]) -> u64 {
        match self.class {
            Class::Elf32 => u64::from(self.quad(bytes)),
            Class::Elf64 => bytes.first_chunk().map_or(0, |field| self.order().read_u64(*field)),
        }
    }

    /// Writes a 16-bit number.
    pub(super) fn half_bytes(self, value: u16) -> Vec<u8> {
        self.order().write_u16(value).to_vec()
    }

    /// Writes an address-sized number.
    pub(super) fn word_bytes(self, value: u64) -> Option<Vec<u8>> {
        Some(match self.class {
            Class::Elf32 => self.order().write_u32(u32::try_from(value).ok()?).to_vec(),
            Class::Elf64 => self.order().write_u64(value).to_vec(),
        })
    }

    /// Reads the file header; `None` where the bytes are too few.
    pub(super) fn header(self, bytes: &[u8]) -> Option<Header> {
        match self.class {
            Class::Elf32 => pod::from_bytes::<FileHeader32<Endianness>>(bytes).ok().map(|(raw, _)| self.plain(raw)),
            Class::Elf64 => pod::from_bytes::<FileHeader64<Endianness>>(bytes).ok().map(|(raw, _)| self.plain(raw)),
        }
    }

    fn plain<H: FileHeader<Endian = Endianness>>(self, raw: &H) -> Header {
        let order = self.order();
        Header {
            e_type: raw.e_type(order).0,
            machine: raw.e_machine(order).0,
            entry: raw.e_entry(order).into(),
            phoff: raw.e_phoff(order).into(),
            shoff: raw.e_shoff(order).into(),
            phentsize: raw.e_phentsize(order),
            phnum: raw.e_phnum(order),
            shentsize: raw.e_shentsize(order),
            shnum: raw.e_shnum(order),
            shstrndx: raw.e_shstrndx(order).0,
        }
    }

    /// Reads as many program headers as the bytes hold.
    pub(super) fn segments(self, bytes: &[u8]) -> Vec<Segment> {
        fn plain<P: ProgramHeader<Endian = Endianness>>(raw: &P, order: Endianness) -> Segment {
            Segment {
                kind: raw.p_type(order),
                flags: raw.p_flags(order),
                offset: raw.p_offset(order).into(),
                vaddr: raw.p_vaddr(order).into(),
                paddr: raw.p_paddr(order).into(),
                filesz: raw.p_filesz(order).into(),
                memsz: raw.p_memsz(order).into(),
                align: raw.p_align(order).into(),
            }
        }
        let order = self.order();
        match self.class {
            Class::Elf32 => each(bytes, |raw: &ProgramHeader32<Endianness>| plain(raw, order)),
            Class::Elf64 => each(bytes, |raw: &ProgramHeader64<Endianness>| plain(raw, order)),
        }
    }

    /// Reads as many section headers as the bytes hold.
    pub(super) fn sections(self, bytes: &[u8]) -> Vec<Section> {
        fn plain<S: SectionHeader<Endian = Endianness>>(raw: &S, order: Endianness) -> Section {
            Section {
                name: raw.sh_name(order),
                kind: raw.sh_type(order),
                flags: raw.sh_flags(order),
                addr: raw.sh_addr(order).into(),
                offset: raw.sh_offset(order).into(),
                size: raw.sh_size(order).into(),
                link: raw.sh_link(order),
                info: raw.sh_info(order),
                align: raw.sh_addralign(order).into(),
                entsize: raw.sh_entsize(order).into(),
            }
        }
        let order = self.order();
        match self.class {
            Class::Elf32 => each(bytes, |raw: &SectionHeader32<Endianness>| plain(raw, order)),
            Class::Elf64 => each(bytes, |raw: &SectionHeader64<Endianness>| plain(raw, order)),
        }
    }

    /// Reads as many dynamic entries as the bytes hold.
    pub(super) fn entries(self, bytes: &[u8]) -> Vec<Entry> {
        let order = self.order();
        match self.class {
            Class::Elf32 => each(bytes, |raw: &Dyn32<Endianness>| Entry { tag: raw.tag(order), value: raw.val(order) }),
            Class::Elf64 => each(bytes, |raw: &Dyn64<Endianness>| Entry { tag: raw.tag(order), value: raw.val(order) }),
        }
    }

    /// Reads as many symbols as the bytes hold.
    pub(super) fn symbols(self, bytes: &[u8]) -> Vec<Symbol> {
        fn plain<S: Sym<Endian = Endianness>>(raw: &S, order: Endianness) -> Symbol {
            Symbol {
                name: raw.st_name(order),
                section: raw.st_shndx(order).0,
                value: raw.st_value(order).into(),
                size: raw.st_size(order).into(),
            }
        }
        let order = self.order();
        match self.class {
            Class::Elf32 => each(bytes, |raw: &Sym32<Endianness>| plain(raw, order)),
            Class::Elf64 => each(bytes, |raw: &Sym64<Endianness>| plain(raw, order)),
        }
    }

    /// Writes a program header.
    pub(super) fn segment_bytes(self, segment: &Segment) -> Option<Vec<u8>> {
        let order = self.order();
        Some(match self.class {
            Class::Elf32 => pod::bytes_of(&ProgramHeader32 {
                p_type: U32::new(order, segment.kind),
                p_offset: U32::new(order, narrow(segment.offset)?),
                p_vaddr: U32::new(order, narrow(segment.vaddr)?),
                p_paddr: U32::new(order, narrow(segment.paddr)?),
                p_filesz: U32::new(order, narrow(segment.filesz)?),
                p_memsz: U32::new(order, narrow(segment.memsz)?),
                p_flags: U32::new(order, segment.flags),
                p_align: U32::new(order, narrow(segment.align)?),
            })
            .to_vec(),
            Class::Elf64 => pod::bytes_of(&ProgramHeader64 {
                p_type: U32::new(order, segment.kind),
                p_flags: U32::new(order, segment.flags),
                p_offset: U64::new(order, segment.offset),
                p_vaddr: U64::new(order, segment.vaddr),
                p_paddr: U64::new(order, segment.paddr),
                p_filesz: U64::new(order, segment.filesz),
                p_memsz: U64::new(order, segment.memsz),
                p_align: U64::new(order, segment.align),
            })
            .to_vec(),
        })
    }

    /// Writes a section header.
    pub(super) fn section_bytes(self, section: &Section) -> Option<Vec<u8>> {
        let order = self.order();
        Some(match self.class {
            Class::Elf32 => pod::bytes_of(&SectionHeader32 {
                sh_name: U32::new(order, section.name),
                sh_type: U32::new(order, section.kind),
                sh_flags: U32::new_u64(order, section.flags).ok()?,
                sh_addr: U32::new(order, narrow(section.addr)?),
                sh_offset: U32::new(order, narrow(section.offset)?),
                sh_size: U32::new(order, narrow(section.size)?),
                sh_link: U32::new(order, section.link),
                sh_info: U32::new(order, section.info),
                sh_addralign: U32::new(order, narrow(section.align)?),
                sh_entsize: U32::new(order, narrow(section.entsize)?),
            })
            .to_vec(),
            Class::Elf64 => pod::bytes_of(&SectionHeader64 {
                sh_name: U32::new(order, section.name),
                sh_type: U32::new(order, section.kind),
                sh_flags: U64::new(order, section.flags),
                sh_addr: U64::new(order, section.addr),
                sh_offset: U64::new(order, section.offset),
                sh_size: U64::new(order, section.size),
                sh_link: U32::new(order, section.link),
                sh_info: U32::new(order, section.info),
                sh_addralign: U64::new(order, section.align),
                sh_entsize: U64::new(order, section.entsize),
            })
            .to_vec(),
        })
    }

    /// Writes a dynamic entry.
    pub(super) fn entry_bytes(self, entry: &Entry) -> Option<Vec<u8>> {
        let order = self.order();
        Some(match self.class {
            Class::Elf32 => pod::bytes_of(&Dyn32 {
                d_tag: I32::new_i64(order, entry.tag).ok()?,
                d_val: U32::new(order, narrow(entry.value)?),
            })
            .to_vec(),
            Class::Elf64 => {
                pod::bytes_of(&Dyn64 { d_tag: I64::new(order, entry.tag), d_val: U64::new(order, entry.value) })
                    .to_vec()
            }
        })
    }
}

fn narrow(value: u64) -> Option<u32> {
    u32::try_from(value).ok()
}

fn each<T: Pod, U>(bytes: &[u8], plain: impl Fn(&T) -> U) -> Vec<U> {
    let count = bytes.len() / size_of::<T>();
    pod::slice_from_bytes(bytes, count).map(|(all, _)| all.iter().map(plain).collect()).unwrap_or_default()
}
