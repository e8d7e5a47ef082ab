//! How code and data of a file's machine can refer to a string.
//!
//! Takes an image and gives the rules for x86-64 (both ABIs) and i386. Refuses every other machine by name: most build an
//! address from several instructions (aarch64's `adrp` and `add`), and GCC makes them count from section anchors.

use super::super::dynamic::Dynamic;
use super::super::image::{Image, Sections};
use super::super::layout::Section;
use super::verdict::Uncovered;
use crate::loader::object::{Arch, Class, Endian};
use object::elf::{
    DT_ANDROID_REL, DT_ANDROID_RELA, DT_ANDROID_RELR, DT_PLTGOT, EM_386, EM_X86_64, ET_DYN, ET_EXEC, FileType,
};

/// The rules for one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Machine {
    /// Bytes of an address: 4 or 8.
    pub(super) word: usize,
    /// Whether operands can count from the next instruction.
    pub(super) rip_relative: bool,
    /// Whether it runs only at the addresses it was linked for.
    pub(super) fixed: bool,
    /// Whether a word of data can be a pointer without a relocation that says so: all others only become one when the
    /// loader adds to them where the file was loaded.
    pub(super) pointers_in_place: bool,
    /// Where the global offset table is, as code counts from it.
    pub(super) got: Option<u64>,
}

impl Machine {
    /// Finds the rules for a file.
    pub(super) fn of(image: &Image<'_>, dynamic: Option<&Dynamic>) -> Result<Self, Uncovered> {
        let fixed = match FileType(image.header.e_type) {
            ET_EXEC => true,
            ET_DYN => false,
            _ => return Err(Uncovered::NotLinked),
        };
        let arch = Arch { class: image.layout.class, endian: image.layout.endian, machine: image.header.machine };
        let rip_relative = match arch {
            Arch { endian: Endian::Little, machine, .. } if machine == EM_X86_64.0 => true,
            Arch { endian: Endian::Little, class: Class::Elf32, machine } if machine == EM_386.0 => false,
            _ => return Err(Uncovered::Machine(arch)),
        };
        let packed = [DT_ANDROID_REL, DT_ANDROID_RELA, DT_ANDROID_RELR];
        if packed.iter().any(|tag| dynamic.is_some_and(|dynamic| dynamic.value(*tag).is_some())) {
            return Err(Uncovered::PackedRelocations);
        }
        let got = got(image, dynamic)?;
        let pointers_in_place = fixed || dynamic.is_none();
        Ok(Self { word: image.layout.word_size() as usize, rip_relative, fixed, pointers_in_place, got })
    }

    /// An address as wide as this machine's are.
    #[inline]
    pub(super) fn wrap(&self, address: u64) -> u64 {
        if self.word == 4 { address & u64::from(u32::MAX) } else { address }
    }
}

/// Where `_GLOBAL_OFFSET_TABLE_` is: DT_PLTGOT names it; without one it is the start of `.got.plt`, or of `.got` where the
/// linker made one of both. A file whose code counts from it has that section, so section headers without one say that
/// nothing does. One wrong place beside the right one would make references out of pointers to the start of texts.
fn got(image: &Image<'_>, dynamic: Option<&Dynamic>) -> Result<Option<u64>, Uncovered> {
    let by_tag = dynamic.and_then(|dynamic| dynamic.value(DT_PLTGOT));
    if by_tag.is_none() && !matches!(image.sections, Sections::Present(_)) {
        return Err(Uncovered::NoGot);
    }
    let section = |wanted: &[u8]| {
        let named = |section: &&Section| image.section_name(section).as_deref() == Some(wanted);
        image.section_list().iter().find(named).map(|section| section.addr)
    };
    Ok(by_tag.or_else(|| section(b".got.plt")).or_else(|| section(b".got")))
}
