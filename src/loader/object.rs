//! What a loader sees of one ELF file: its run-time paths, what it needs, what it demands. No parsing here.

use super::libc::Libc;

/// The width of an ELF file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// ELFCLASS32.
    Elf32,
    /// ELFCLASS64.
    Elf64,
}

/// The byte order of an ELF file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endian {
    /// ELFDATA2LSB.
    Little,
    /// ELFDATA2MSB.
    Big,
}

/// What a loader compares before it accepts a file; a file with another one is passed over and the search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arch {
    /// 32 or 64 bits.
    pub class: Class,
    /// Byte order.
    pub endian: Endian,
    /// `e_machine`, such as 62 for x86-64.
    pub machine: u16,
}

impl Arch {
    /// 64-bit little-endian x86-64, the one this project is for first.
    pub const X86_64: Self = Self { class: Class::Elf64, endian: Endian::Little, machine: 62 };
}

/// Which of the two run-time path tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tag {
    /// DT_RPATH: searched before LD_LIBRARY_PATH, inherited by what the object loads, ignored beside DT_RUNPATH.
    Rpath,
    /// DT_RUNPATH: searched after LD_LIBRARY_PATH, for the object's own DT_NEEDED only.
    Runpath,
}

impl Tag {
    /// The word for messages: `RPATH` or `RUNPATH`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rpath => "RPATH",
            Self::Runpath => "RUNPATH",
        }
    }
}

/// A symbol version the object needs from a library (an entry of `.gnu.version_r`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionNeed {
    /// The library's soname, as the version record names it.
    pub file: Vec<u8>,
    /// The version, such as `GLIBC_2.34`.
    pub version: Vec<u8>,
    /// Whether the record carries VER_FLG_WEAK: a missing version is then no error.
    pub weak: bool,
    /// The first symbol (in symbol table order) bound to it, where one is.
    pub symbol: Option<Vec<u8>>,
}

/// The facts of one dynamic ELF file. Strings are bytes exactly as in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact of the file, not a state")]
pub struct Object {
    /// Class, byte order and machine.
    pub arch: Arch,
    /// Whether `e_type` is ET_EXEC; position-independent executables are ET_DYN with an `interp` or DF_1_PIE.
    pub fixed_address: bool,
    /// Whether DT_FLAGS_1 has DF_1_PIE.
    pub pie: bool,
    /// Whether DT_FLAGS_1 has DF_1_NODEFLIB: the system directories are not searched for what it needs.
    pub no_default_lib: bool,
    /// PT_INTERP without its NUL.
    pub interp: Option<Vec<u8>>,
    /// DT_SONAME.
    pub soname: Option<Vec<u8>>,
    /// DT_NEEDED, in file order.
    pub needed: Vec<Vec<u8>>,
    /// DT_FILTER, in file order: glibc loads them as it does what is needed; musl does not know the tag.
    pub filters: Vec<Vec<u8>>,
    /// DT_AUXILIARY, in file order: loaded where they are found.
    pub auxiliaries: Vec<Vec<u8>>,
    /// DT_RPATH as the loader takes it: the last one where there are several. `Some` and empty where the tag is there and
    /// its string is empty.
    pub rpath: Option<Vec<u8>>,
    /// DT_RUNPATH, likewise.
    pub runpath: Option<Vec<u8>>,
    /// Symbol versions needed, sorted.
    pub version_needs: Vec<VersionNeed>,
    /// Symbol versions defined (`.gnu.version_d`), without the base one, in file order.
    pub version_definitions: Vec<Vec<u8>>,
    /// The kernel of NT_GNU_ABI_TAG (major, minor, sub), where the note is there and says Linux.
    pub kernel: Option<(u32, u32, u32)>,
    /// The x86-64 micro-architecture level (1 to 4) of GNU_PROPERTY_X86_ISA_1_NEEDED.
    pub isa_level: Option<u8>,
    /// DT_TEXTREL or DF_TEXTREL.
    pub text_relocations: bool,
    /// PT_GNU_STACK with PF_X, or none at all on x86.
    pub executable_stack: bool,
}

impl Object {
    /// The run-time path that counts: DT_RUNPATH where it is there, else DT_RPATH.
    pub fn run_path(&self) -> Option<(Tag, &[u8])> {
        match (&self.runpath, &self.rpath) {
            (Some(path), _) => Some((Tag::Runpath, path)),
            (None, Some(path)) => Some((Tag::Rpath, path)),
            (None, None) => None,
        }
    }

    /// The libraries without which it does not load.
    pub fn requires(&self, libc: Libc) -> impl Iterator<Item = &Vec<u8>> {
        let filters = self.filters.iter().filter(move |_| libc == Libc::Glibc);
        self.needed.iter().chain(filters)
    }

    /// Whether the kernel can start it as a program; such a file's `$ORIGIN` is the directory of its real path.
    pub fn is_program(&self) -> bool {
        self.interp.is_some() && (self.fixed_address || self.pie || self.soname.is_none())
    }
}
