//! Reads the facts of one file as the dynamic loader would: by the ELF header, the program headers and the dynamic table.
//!
//! Takes bytes by range, so that the cost does not grow with the file; gives an [`Object`]; refuses with the place and
//! what was found there. Section headers are never trusted: a file runs without them, and damage in them must not hide a
//! run-time path. For the same reason `goblin::elf::Elf::parse` is not used: one byte that is not UTF-8, or a damaged
//! section table, makes it fail or, where it is told to be permissive, answer with an empty path. Only goblin's parsers of
//! single structures are, and strings are bytes. Sources: System V gABI chapter 5, glibc `elf/dl-load.c`.

mod dynamic;
mod image;
mod notes;
mod symbols;
mod versions;

use crate::base::bytes::ReadAt;
use crate::loader::object::{Object, Tag};
use goblin::elf::dynamic as dt;
use goblin::elf::header::{ET_CORE, ET_DYN, ET_EXEC, ET_REL, SELFMAG};
use goblin::elf::program_header::{PF_X, PT_GNU_STACK, PT_INTERP};
use std::fmt;
use std::io;

use dynamic::Dynamic;
use image::Image;

/// The kernel takes no interpreter path longer than PATH_MAX (linux `fs/binfmt_elf.c`).
const INTERP_MAX: u64 = 4096;

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Testimony {
    /// It does not begin with the ELF magic.
    NotElf,
    /// An ELF file no dynamic loader reads; says what it is, such as `relocatable object`.
    Other(&'static str),
    /// An ELF file with a dynamic table.
    Dynamic {
        /// Its facts, as the loader takes them.
        object: Box<Object>,
        /// Every DT_RPATH and DT_RUNPATH in file order, those that a later one overrides too.
        run_paths: Vec<(Tag, Vec<u8>)>,
    },
}

/// Why a file's facts cannot be told. Each says which structure, and what was found.
#[derive(Debug)]
pub enum WitnessError {
    /// The source could not be read.
    Read(&'static str, io::Error),
    /// A structure lies outside the file: its name, file offset, length and the file's size, in bytes.
    Outside(&'static str, u64, u64, u64),
    /// The ELF header has a field with a value outside the specification: the field and the value.
    Header(&'static str, u64),
    /// A structure's address is not in the file's part of any LOAD segment: its name, address and length in bytes.
    Unmapped(&'static str, u64, u64),
    /// A structure has no end within so many bytes: its name, its address or file offset, the bytes looked at.
    Endless(&'static str, u64, u64),
    /// A string's offset lies outside the dynamic string table: what it is, the offset, the table's size in bytes.
    StringOutside(&'static str, u64, u64),
    /// The dynamic table lacks a tag that every one must have.
    Missing(&'static str),
    /// A structure is larger than any honest file's: its name, the count or size found, the limit.
    TooLarge(&'static str, u64, u64),
}

impl fmt::Display for WitnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(what, source) => write!(f, "reading the {what}: {source}"),
            Self::Outside(what, offset, len, size) => {
                write!(f, "the {what} ({len} bytes at offset {offset}) lies outside the file's {size} bytes")
            }
            Self::Header(field, found) => write!(f, "the ELF header's {field} is {found}, which no loader accepts"),
            Self::Unmapped(what, address, len) => {
                write!(f, "the {what} ({len} bytes at address {address:#x}) is in the file part of no LOAD segment")
            }
            Self::Endless(what, at, seen) => write!(f, "the {what} at {at:#x} has no end within {seen} bytes"),
            Self::StringOutside(what, offset, size) => {
                write!(f, "the {what} string at {offset:#x} lies outside the string table's {size} bytes")
            }
            Self::Missing(tag) => write!(f, "the dynamic table has no {tag}"),
            Self::TooLarge(what, found, limit) => write!(f, "the {what} counts {found}, more than {limit}"),
        }
    }
}

impl std::error::Error for WitnessError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(_, source) => Some(source),
            _ => None,
        }
    }
}

/// Reads one file's facts.
///
/// Fails where a structure that the loader would read is damaged, lies outside the file, or has no end.
pub fn testify(source: &dyn ReadAt) -> Result<Testimony, WitnessError> {
    if !has_magic(source)? {
        return Ok(Testimony::NotElf);
    }
    let image = Image::open(source)?;
    match image.header.e_type {
        ET_EXEC | ET_DYN => {}
        ET_REL => return Ok(Testimony::Other("relocatable object")),
        ET_CORE => return Ok(Testimony::Other("core dump")),
        _ => return Ok(Testimony::Other("ELF file of an unknown type")),
    }
    match Dynamic::read(&image) {
        Ok(Some(dynamic)) => tell(&image, &dynamic),
        Ok(None) if image.header.e_type == ET_EXEC => Ok(Testimony::Other("static executable")),
        Ok(None) => Ok(Testimony::Other("file without a dynamic table")),
        Err(_) if image.is_debug_companion() => Ok(Testimony::Other("separate debug file")),
        Err(error) => Err(error),
    }
}

fn has_magic(source: &dyn ReadAt) -> Result<bool, WitnessError> {
    if source.size() < SELFMAG as u64 {
        return Ok(false);
    }
    let magic = source.range(0, SELFMAG as u64).map_err(|error| WitnessError::Read("ELF magic", error))?;
    Ok(*magic == *b"\x7fELF")
}

fn tell(image: &Image<'_>, dynamic: &Dynamic) -> Result<Testimony, WitnessError> {
    let run_paths = dynamic.run_paths(image)?;
    let last = |tag| run_paths.iter().rev().find(|(found, _)| *found == tag).map(|(_, path)| path.clone());
    let flags_1 = dynamic.last(dt::DT_FLAGS_1).unwrap_or(0);
    let notes = notes::read(image)?;
    let object = Object {
        arch: image.arch(),
        fixed_address: image.header.e_type == ET_EXEC,
        pie: flags_1 & dt::DF_1_PIE != 0,
        no_default_lib: flags_1 & dt::DF_1_NODEFLIB != 0,
        interp: interp(image)?,
        soname: dynamic.last_string(image, "DT_SONAME", dt::DT_SONAME)?,
        needed: dynamic.strings(image, "DT_NEEDED", &[dt::DT_NEEDED])?,
        filters: dynamic.strings(image, "DT_FILTER", &[dynamic::DT_FILTER])?,
        auxiliaries: dynamic.strings(image, "DT_AUXILIARY", &[dynamic::DT_AUXILIARY])?,
        rpath: last(Tag::Rpath),
        runpath: last(Tag::Runpath),
        version_needs: versions::needs(image, dynamic)?,
        version_definitions: versions::definitions(image, dynamic)?,
        kernel: notes.kernel,
        isa_level: notes.isa_level,
        text_relocations: dynamic.last(dt::DT_TEXTREL).is_some()
            || dynamic.last(dt::DT_FLAGS).unwrap_or(0) & dt::DF_TEXTREL != 0,
        executable_stack: executable_stack(image),
    };
    Ok(Testimony::Dynamic { object: Box::new(object), run_paths })
}

/// PT_INTERP up to its NUL; the kernel takes the first one.
fn interp(image: &Image<'_>) -> Result<Option<Vec<u8>>, WitnessError> {
    let Some(segment) = image.segments.iter().find(|segment| segment.p_type == PT_INTERP) else {
        return Ok(None);
    };
    if segment.p_filesz > INTERP_MAX {
        return Err(WitnessError::TooLarge("interpreter path's bytes", segment.p_filesz, INTERP_MAX));
    }
    let bytes = image.read("interpreter path", segment.p_offset, segment.p_filesz)?;
    let end = bytes.iter().position(|byte| *byte == 0);
    let end = end.ok_or(WitnessError::Endless("interpreter path", segment.p_offset, segment.p_filesz))?;
    Ok(Some(bytes[..end].to_vec()))
}

/// PT_GNU_STACK with PF_X; without one, x86 loaders give an executable stack (glibc `DEFAULT_STACK_PERMS`).
fn executable_stack(image: &Image<'_>) -> bool {
    let marker = image.segments.iter().rfind(|segment| segment.p_type == PT_GNU_STACK);
    marker.map_or(image.is_x86(), |segment| segment.p_flags & PF_X != 0)
}
