//! Why a file is left alone although an edit was wanted.
//!
//! A refusal is no error of the file: it says that no rung of the ladder is known to be safe for it, and names what is
//! in the way so that a person can decide.

use super::image::ElfError;
use crate::loader::object::Tag;
use std::fmt;

/// Why a wanted edit is refused. Sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no dynamic section to edit.
    NotDynamic,
    /// A program that relocates itself does not search for libraries.
    StaticPie,
    /// The dynamic loader itself does not search for libraries, and reads itself before it can check anything.
    Loader,
    /// A Bun program finds its code at a fixed distance from the end of the file.
    Bun,
    /// A run-time path cannot hold a NUL byte.
    NulInPath(Tag),
    /// The dynamic section has no DT_NULL to spare for a new tag, and no hint that could give way.
    NoSpareSlot {
        /// How many entries are needed.
        needed: usize,
        /// How many fit.
        slots: usize,
    },
    /// There is no dynamic string table.
    NoStringTable,
    /// Another section or segment shares bytes with the dynamic string table.
    SharedStringTable,
    /// The string table must grow, and bytes behind everything ELF knows of may be found from the end of the file.
    Payload {
        /// How many bytes follow the last section and segment.
        bytes: u64,
    },
    /// The string table must grow, there is no slack, and without section headers nothing can be moved.
    NoSectionHeaders,
    /// The string table must grow, and the section headers do not agree with the dynamic section.
    SectionHeadersDisagree,
    /// The string table must grow, and the segments are not laid out as a new one would need.
    SegmentLayout(&'static str),
    /// The string table must grow, and what follows the program headers cannot be moved away.
    InTheWay {
        /// The section that cannot move, where it has a name.
        section: Vec<u8>,
    },
    /// The new segment would lie beyond what an address or offset of this file can say.
    AddressSpace,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDynamic => f.write_str("it has no dynamic section"),
            Self::StaticPie => f.write_str("it is a static program that relocates itself"),
            Self::Loader => f.write_str("it is the dynamic loader"),
            Self::Bun => f.write_str("it is a Bun program, which finds its code from the end of the file"),
            Self::NulInPath(tag) => write!(f, "the wanted {} holds a NUL byte", tag.name()),
            Self::NoSpareSlot { needed, slots } => {
                write!(f, "its dynamic section has {slots} slots and {needed} are needed")
            }
            Self::NoStringTable => f.write_str("it has no dynamic string table"),
            Self::SharedStringTable => f.write_str("its dynamic string table shares bytes with something else"),
            Self::Payload { bytes } => {
                write!(
                    f,
                    "the run-time path must grow and {bytes} bytes are appended behind the ELF file; a shorter path would fit"
                )
            }
            Self::NoSectionHeaders => {
                f.write_str("the run-time path must grow, there is no slack, and the section headers are missing")
            }
            Self::SectionHeadersDisagree => {
                f.write_str("the run-time path must grow and the section headers do not agree with the dynamic section")
            }
            Self::SegmentLayout(what) => write!(f, "the run-time path must grow and {what}"),
            Self::InTheWay { section } => {
                let name = String::from_utf8_lossy(section);
                write!(f, "the run-time path must grow and {name} behind the program headers cannot be moved")
            }
            Self::AddressSpace => f.write_str("the run-time path must grow and there are no addresses left for it"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Why there is no patch.
#[derive(Debug)]
pub enum PlanError {
    /// No rung is safe for this file.
    Refused(Refusal),
    /// The file could not be read.
    Elf(ElfError),
}

impl From<Refusal> for PlanError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ElfError> for PlanError {
    fn from(error: ElfError) -> Self {
        Self::Elf(error)
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused: {refusal}"),
            Self::Elf(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(_) => None,
            Self::Elf(error) => error.source(),
        }
    }
}
