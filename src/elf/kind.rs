//! What kind of ELF file it is: which ones have run-time paths, and which of those must not be edited.
//!
//! Takes an image whose file header is read; loads the rest as far as the answer needs and hands the dynamic section on.
//! Refuses an `e_type` that the gABI does not know.

use super::dynamic::{self, Dynamic};
use super::image::{ElfError, Image, malformed};
use super::layout::Segment;
use super::symbols::Symbols;
use super::window::Window;
use object::elf::{
    DF_1_PIE, DT_FLAGS_1, DT_NEEDED, DT_SONAME, ET_CORE, ET_DYN, ET_EXEC, ET_REL, PT_INTERP, SHF_ALLOC, SHF_EXECINSTR,
    SHT_NOBITS,
};

/// The kinds of ELF files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// ET_REL: an object file or kernel module.
    Relocatable,
    /// ET_CORE.
    Core,
    /// A program or object without PT_DYNAMIC.
    Static,
    /// A program that relocates itself: ET_DYN with DF_1_PIE, no interpreter, no DT_NEEDED, no DT_SONAME.
    StaticPie,
    /// The dynamic loader.
    Loader,
    /// Debug information split off another file: its dynamic section has no bytes.
    Debug,
    /// A program or library that a loader loads.
    Dynamic,
}

/// A file's kind, with the dynamic section where it has one.
pub(super) enum Found {
    Other(Kind),
    Dynamic(Dynamic),
}

/// Decides by `e_type` and segments, and loads the image as far as that needs.
pub(super) fn classify(image: &mut Image<'_>) -> Result<Found, ElfError> {
    match object::elf::FileType(image.header.e_type) {
        ET_REL => return Ok(Found::Other(Kind::Relocatable)),
        ET_CORE => return Ok(Found::Other(Kind::Core)),
        ET_EXEC | ET_DYN => {}
        _ => return Err(malformed("unknown e_type", 16, image.header.e_type.into())),
    }
    image.load()?;
    let segment = dynamic::segment(image)?.filter(|segment| segment.memsz > 0 || segment.filesz > 0);
    if is_debug(image, segment.as_ref()) {
        return Ok(Found::Other(Kind::Debug));
    }
    match segment {
        None => Ok(Found::Other(Kind::Static)),
        Some(segment) => Ok(Found::Dynamic(Dynamic::read(image, &segment)?)),
    }
}

/// `objcopy --only-keep-debug` and `eu-strip -f` keep the headers and turn what was loaded into SHT_NOBITS.
fn is_debug(image: &Image<'_>, segment: Option<&Segment>) -> bool {
    let without_bytes = segment.is_some_and(|segment| segment.filesz == 0);
    let mut code = image
        .section_list()
        .iter()
        .filter(|section| section.kind == SHT_NOBITS && section.flags.contains(SHF_ALLOC) && section.size > 0);
    without_bytes
        || code.any(|section| {
            section.flags.contains(SHF_EXECINSTR) || segment.is_some_and(|segment| segment.vaddr == section.addr)
        })
}

/// Decides between the kinds that have a dynamic section.
pub(super) fn of_dynamic(image: &Image<'_>, dynamic: &Dynamic) -> Result<Kind, ElfError> {
    let interp = image.segments.iter().any(|segment| segment.kind == PT_INTERP);
    if interp || image.header.e_type != ET_DYN.0 || dynamic.value(DT_NEEDED).is_some() {
        return Ok(Kind::Dynamic);
    }
    let soname = dynamic.value(DT_SONAME);
    let soname = soname.map(|at| dynamic.string(&mut Window::new(image.source), "DT_SONAME", at)).transpose()?;
    Ok(match soname {
        Some(name) if LOADERS.iter().any(|loader| name.starts_with(loader)) => Kind::Loader,
        _ if starts_itself(image, dynamic)? => Kind::Loader,
        None if flags_1(dynamic) & DF_1_PIE.0 != 0 => Kind::StaticPie,
        _ => Kind::Dynamic,
    })
}

/// How loaders are called: glibc's by port, uClibc's, musl's in distributions that give it a name.
const LOADERS: [&[u8]; 6] = [b"ld-linux", b"ld64.so", b"ld.so", b"ld-uClibc", b"ld-musl-", b"libc.musl-"];

/// musl's loader is its nameless `libc.so`; its entry point is the symbol `_dlstart` (musl, `ldso/dlstart.c`).
fn starts_itself(image: &Image<'_>, dynamic: &Dynamic) -> Result<bool, ElfError> {
    let (entry, mut window) = (image.header.entry, Window::new(image.source));
    let Some(symbols) = Symbols::find(image, dynamic)?.filter(|_| entry != 0) else { return Ok(false) };
    for batch in symbols.batches(image) {
        for symbol in batch?.iter().filter(|symbol| symbol.value == entry) {
            if dynamic.string(&mut window, "name of a dynamic symbol", symbol.name.into())? == b"_dlstart" {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// DT_FLAGS_1, or 0.
pub(super) fn flags_1(dynamic: &Dynamic) -> u64 {
    dynamic.value(DT_FLAGS_1).unwrap_or(0)
}
