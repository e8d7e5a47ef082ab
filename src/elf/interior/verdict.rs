//! What is answered about one stretch of text in an ELF file.
//!
//! Only [`Verdict::Free`] means that other bytes of the same length may be written there. Every other verdict says what
//! is in the way, so that a person can decide.

use crate::loader::object::Arch;
use std::fmt;

/// Whether a stretch of text may be overwritten with as many other bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing leads into it: it may be.
    Free,
    /// Something leads between its first and its last byte, so that a piece of it is used on its own.
    Inside(Interior),
    /// It is part of a table that the loader or a linker reads: names and run-time paths, not strings of the program.
    Table(Table),
    /// No LOAD has it: debugging information, a comment, or bytes behind the ELF file that may have a checksum.
    NotLoaded {
        /// The name of the section it lies in, where it lies in one that has a name.
        section: Option<Vec<u8>>,
    },
    /// What leads where cannot be told in this file.
    NotCovered(Uncovered),
}

/// The lowest place inside a text that something leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interior {
    /// The address that is led to.
    pub address: u64,
    /// The file offset of the byte there.
    pub offset: u64,
    /// What leads there.
    pub by: Reference,
    /// The file offset where that stands.
    pub at: u64,
}

/// The ways in which a program can lead to an address of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// The operand of an instruction, counted from the next instruction (x86-64).
    RipRelative,
    /// Four or eight bytes of code that are an address.
    CodeAddress,
    /// Four or eight bytes of code that are a distance from the global offset table.
    CodeGotOffset,
    /// A word of data that is an address: a pointer.
    Pointer,
    /// Four bytes of data that are an address, where addresses have eight.
    NarrowPointer,
    /// Four bytes of data that are a distance from the table they stand in.
    LookUpTable {
        /// The address where the table starts.
        table: u64,
    },
    /// Four bytes of data that are a distance from themselves.
    OwnOffset,
    /// Four bytes of data that are a distance from the global offset table.
    GotOffset,
    /// A dynamic relocation's addend, with its symbol's value where it has one.
    Relocation,
    /// A symbol's value.
    Symbol,
}

/// Tables with text in them that is not the program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// The dynamic string table: run-time paths, names of libraries and symbols.
    DynamicStrings,
    /// PT_INTERP.
    Interpreter,
    /// Any other string table: names of symbols or sections.
    Names,
    /// A note, such as the record of the package.
    Note,
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Uncovered {
    /// The file is no ELF file.
    NotElf,
    /// An object file, a kernel module or a core dump: not in the form in which it would run.
    NotLinked,
    /// How this machine's code refers to data is not known here.
    Machine(Arch),
    /// The relocations are packed in Android's way, which is not read here.
    PackedRelocations,
    /// Code may count from the global offset table, and nothing says where that lies.
    NoGot,
    /// There are more program headers than the kernel reads.
    TooManySegments,
    /// The same bytes of the file are loaded many times over.
    Overlapping,
    /// There is more in the file that could be a relative look-up table than can be followed.
    TooManyTables,
    /// The text lies partly outside what is loaded.
    Straddles,
    /// The text is in the image of thread-local variables, which are found by their distance from the thread's area.
    ThreadLocal,
    /// The text does not lie in the file.
    OutsideFile,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Free => f.write_str("nothing leads into it"),
            Self::Inside(interior) => interior.fmt(f),
            Self::Table(table) => write!(f, "it is in {table}"),
            Self::NotLoaded { section: None } => f.write_str("it is in no section and is not loaded"),
            Self::NotLoaded { section: Some(name) } => {
                write!(f, "it is in section {}, which is not loaded", crate::base::path::printable(name))
            }
            Self::NotCovered(why) => why.fmt(f),
        }
    }
}

impl fmt::Display for Interior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, offset, by, at } = self;
        write!(f, "{by} at offset {at:#x} leads to offset {offset:#x} (address {address:#x}) inside it")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RipRelative => f.write_str("an instruction's operand"),
            Self::CodeAddress => f.write_str("an address in code"),
            Self::CodeGotOffset => f.write_str("code that counts from the global offset table"),
            Self::Pointer => f.write_str("a pointer"),
            Self::NarrowPointer => f.write_str("a pointer of four bytes"),
            Self::OwnOffset => f.write_str("a distance from itself"),
            Self::GotOffset => f.write_str("a distance from the global offset table"),
            Self::LookUpTable { table } => write!(f, "an entry of the look-up table at address {table:#x}"),
            Self::Relocation => f.write_str("a relocation"),
            Self::Symbol => f.write_str("a symbol"),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DynamicStrings => "the dynamic string table",
            Self::Interpreter => "the name of the program interpreter",
            Self::Names => "a table of names",
            Self::Note => "a note",
        })
    }
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf => f.write_str("the file is no ELF file"),
            Self::NotLinked => f.write_str("the file is not linked"),
            Self::Machine(arch) => {
                write!(f, "how code of this machine (e_machine {}) refers to strings is not known", arch.machine)
            }
            Self::PackedRelocations => f.write_str("its relocations are packed in Android's way"),
            Self::NoGot => f.write_str("nothing says where its global offset table lies"),
            Self::TooManySegments => f.write_str("it has more segments than the kernel loads"),
            Self::Overlapping => f.write_str("its segments load the same bytes many times over"),
            Self::TooManyTables => f.write_str("too much of it could be relative look-up tables"),
            Self::Straddles => f.write_str("it lies partly outside what is loaded"),
            Self::ThreadLocal => f.write_str("it is thread-local"),
            Self::OutsideFile => f.write_str("it does not lie in the file"),
        }
    }
}
