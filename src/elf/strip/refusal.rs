//! Why a file keeps its debug sections although they were to go.

use crate::elf::image::ElfError;
use std::fmt;

/// Why a file keeps its debug sections. Sizes in bytes.
#[derive(Debug)]
pub enum Unstripped {
    /// It could not be read.
    Elf(ElfError),
    /// It holds nothing else: debug information that was split off another file.
    DebugFile,
    /// The section headers are damaged: what is wrong with them.
    SectionHeaders(&'static str),
    /// Bytes that no header accounts for may be found from the end of the file, or by their place.
    Payload {
        /// How many.
        bytes: u64,
    },
    /// A section that stays speaks of others in a way that is not known, or may be looked for by its place in the file.
    Section {
        /// Its name, or its number where it has none.
        name: Vec<u8>,
        /// What is in the way.
        why: &'static str,
    },
    /// The segments are not laid out as moving what lies behind the debug sections would need.
    SegmentLayout(&'static str),
    /// What has to be moved up is too long to be held in memory.
    TooLong {
        /// How long it is.
        bytes: u64,
        /// How long it may be.
        most: u64,
    },
}

impl From<ElfError> for Unstripped {
    fn from(error: ElfError) -> Self {
        Self::Elf(error)
    }
}

impl fmt::Display for Unstripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elf(error) => error.fmt(f),
            Self::DebugFile => {
                f.write_str("it is debug information split off another file; --prune leaves such files out")
            }
            Self::SectionHeaders(what) => write!(f, "its section headers are damaged: {what}"),
            Self::Payload { bytes } => {
                write!(f, "{bytes} bytes of it belong to no section or segment and may be looked for by their place")
            }
            Self::Section { name, why } => write!(f, "its section {} {why}", String::from_utf8_lossy(name)),
            Self::SegmentLayout(what) => f.write_str(what),
            Self::TooLong { bytes, most } => {
                write!(f, "{bytes} bytes lie behind its debug sections, and no more than {most} are moved")
            }
        }
    }
}

impl std::error::Error for Unstripped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Elf(error) => error.source(),
            _ => None,
        }
    }
}
