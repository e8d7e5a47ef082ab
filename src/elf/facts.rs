//! What one file is and, if it is a dynamic object, everything a loader sees of it.
//!
//! Takes any byte source; gives "not ELF", a kind that has no run-time path, or the facts of a dynamic object. Reads
//! only the ranges it needs. Refuses ELF files that are cut short or contradict themselves where the loader would look.

use super::dynamic::Dynamic;
use super::image::{ElfError, Image, malformed};
use super::kind::{self, Found, Kind, classify, flags_1};
use super::notes::Demands;
use super::symbols::Symbols;
use super::versions;
use super::window::Window;
use crate::base::bytes::ReadAt;
use crate::loader::object::{Arch, Object, Tag, VersionNeed};
use object::elf::{
    DF_1_NODEFLIB, DF_1_PIE, DF_TEXTREL, DT_AUXILIARY, DT_FILTER, DT_FLAGS, DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME,
    DT_TEXTREL, DynamicTag, EM_386, EM_X86_64, ET_EXEC, PF_X, PT_GNU_PROPERTY, PT_GNU_STACK, PT_INTERP, PT_NOTE,
};

/// What a byte source turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// No ELF file: fewer than 16 bytes, another magic number, or an `e_ident` that the gABI does not know.
    NotElf,
    /// An ELF file without run-time paths to care about.
    Other(Kind),
    /// A file with a dynamic section.
    Dynamic(Box<Facts>),
}

/// One DT_RPATH or DT_RUNPATH entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPath {
    /// Which tag.
    pub tag: Tag,
    /// Its string, byte for byte, without the NUL.
    pub value: Vec<u8>,
}

/// The facts of a file with a dynamic section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What the loader sees.
    pub object: Object,
    /// [`Kind::Dynamic`], [`Kind::StaticPie`] or [`Kind::Loader`].
    pub kind: Kind,
    /// Every DT_RPATH and DT_RUNPATH in file order, repeated ones too.
    pub run_paths: Vec<RunPath>,
}

/// Kernels refuse an interpreter path longer than PATH_MAX.
const LONGEST_INTERP: u64 = 4096;
/// Note segments of programs are some hundred bytes.
const LONGEST_NOTES: u64 = 1 << 20;

/// Reads one file. Errors name what is cut short or contradictory.
pub fn read(source: &dyn ReadAt) -> Result<Read, ElfError> {
    let Some(mut image) = Image::open(source)? else { return Ok(Read::NotElf) };
    match classify(&mut image)? {
        Found::Other(kind) => Ok(Read::Other(kind)),
        Found::Dynamic(dynamic) => Ok(Read::Dynamic(Box::new(facts(&image, &dynamic)?))),
    }
}

/// Gathers the facts of a file with a dynamic section.
pub(super) fn facts(image: &Image<'_>, dynamic: &Dynamic) -> Result<Facts, ElfError> {
    let mut window = Window::new(image.source);
    let mut strings = |what: &'static str, tags: &[DynamicTag]| {
        let wanted = dynamic.entries.iter().filter(|entry| tags.contains(&entry.tag));
        wanted.map(|entry| dynamic.string(&mut window, what, entry.value)).collect::<Result<Vec<_>, _>>()
    };
    let needed = strings("DT_NEEDED", &[DT_NEEDED])?;
    let filters = strings("DT_FILTER", &[DT_FILTER])?;
    let auxiliaries = strings("DT_AUXILIARY", &[DT_AUXILIARY])?;
    let soname = strings("DT_SONAME", &[DT_SONAME])?.pop();
    let run_paths = run_paths(image, dynamic)?;
    let last = |tag| run_paths.iter().rfind(|path| path.tag == tag).map(|path| path.value.clone());
    let demands = demands(image)?;
    let (flags, flags_1) = (dynamic.value(DT_FLAGS).unwrap_or(0), flags_1(dynamic));
    let object = Object {
        arch: Arch { class: image.layout.class, endian: image.layout.endian, machine: image.header.machine },
        fixed_address: image.header.e_type == ET_EXEC.0,
        pie: flags_1 & DF_1_PIE.0 != 0,
        no_default_lib: flags_1 & DF_1_NODEFLIB.0 != 0,
        interp: interp(image)?,
        soname,
        needed,
        filters,
        auxiliaries,
        rpath: last(Tag::Rpath),
        runpath: last(Tag::Runpath),
        version_needs: version_needs(image, dynamic)?,
        version_definitions: version_definitions(image, dynamic)?,
        kernel: demands.kernel,
        isa_level: demands.isa_level,
        text_relocations: dynamic.value(DT_TEXTREL).is_some() || flags & DF_TEXTREL.0 != 0,
        executable_stack: executable_stack(image),
    };
    Ok(Facts { object, kind: kind::of_dynamic(image, dynamic)?, run_paths })
}

/// The tag of a run-time path entry.
pub(super) fn tag_of(tag: DynamicTag) -> Option<Tag> {
    match tag {
        DT_RPATH => Some(Tag::Rpath),
        DT_RUNPATH => Some(Tag::Runpath),
        _ => None,
    }
}

/// Every run-time path entry, in file order.
pub(super) fn run_paths(image: &Image<'_>, dynamic: &Dynamic) -> Result<Vec<RunPath>, ElfError> {
    let mut window = Window::new(image.source);
    let tagged = dynamic.entries.iter().filter_map(|entry| Some((tag_of(entry.tag)?, entry.value)));
    tagged
        .map(|(tag, at)| {
            let what = match tag {
                Tag::Rpath => "DT_RPATH points outside the string table",
                Tag::Runpath => "DT_RUNPATH points outside the string table",
            };
            Ok(RunPath { tag, value: dynamic.string(&mut window, what, at)? })
        })
        .collect()
}

fn interp(image: &Image<'_>) -> Result<Option<Vec<u8>>, ElfError> {
    let Some(segment) = image.segments.iter().find(|segment| segment.kind == PT_INTERP) else { return Ok(None) };
    if segment.filesz > LONGEST_INTERP {
        return Err(malformed("PT_INTERP is longer than a path can be", image.header.phoff, segment.filesz));
    }
    let bytes = image.range("PT_INTERP", segment.offset, segment.filesz)?;
    let end = memchr::memchr(0, &bytes).unwrap_or(bytes.len());
    Ok(Some(bytes[..end].to_vec()))
}

fn demands(image: &Image<'_>) -> Result<Demands, ElfError> {
    let mut demands = Demands::default();
    for segment in image.segments.iter().filter(|one| [PT_NOTE, PT_GNU_PROPERTY].contains(&one.kind)) {
        let bytes = image.range("PT_NOTE", segment.offset, segment.filesz.min(LONGEST_NOTES))?;
        demands.read(image.layout, &bytes, segment.align);
    }
    Ok(demands)
}

fn executable_stack(image: &Image<'_>) -> bool {
    let stack = image.segments.iter().find(|segment| segment.kind == PT_GNU_STACK);
    let x86 = [EM_386.0, EM_X86_64.0].contains(&image.header.machine);
    stack.map_or(x86, |segment| segment.flags.contains(PF_X))
}

fn version_needs(image: &Image<'_>, dynamic: &Dynamic) -> Result<Vec<VersionNeed>, ElfError> {
    let needs = versions::needs(image, dynamic)?;
    let symbols = if needs.is_empty() { None } else { Symbols::find(image, dynamic)? };
    let first = match symbols {
        Some(symbols) => versions::first_symbols(image, dynamic, symbols)?,
        None => std::collections::BTreeMap::new(),
    };
    let mut window = Window::new(image.source);
    let mut named = Vec::with_capacity(needs.len());
    for need in needs {
        let symbol = match (first.get(&need.index), symbols) {
            (Some(number), Some(symbols)) => Some(symbol_name(image, dynamic, &mut window, symbols.offset, *number)?),
            _ => None,
        };
        named.push(VersionNeed {
            file: dynamic.string(&mut window, "file of a needed version", need.file)?,
            version: dynamic.string(&mut window, "name of a needed version", need.name)?,
            weak: need.weak,
            symbol,
        });
    }
    named.sort();
    Ok(named)
}

fn symbol_name(
    image: &Image<'_>,
    dynamic: &Dynamic,
    window: &mut Window<'_>,
    table: u64,
    number: u64,
) -> Result<Vec<u8>, ElfError> {
    let size = image.layout.symbol_size();
    let bytes = image.range("dynamic symbol", table.saturating_add(number * size), size)?;
    let name = image.layout.symbols(&bytes).first().map_or(0, |symbol| symbol.name);
    dynamic.string(window, "name of a dynamic symbol", name.into())
}

fn version_definitions(image: &Image<'_>, dynamic: &Dynamic) -> Result<Vec<Vec<u8>>, ElfError> {
    let mut window = Window::new(image.source);
    let definitions = versions::definitions(image, dynamic)?;
    let own = definitions.iter().filter(|definition| !definition.base).filter_map(|one| one.names.first());
    own.map(|at| dynamic.string(&mut window, "name of a defined version", *at)).collect()
}
