//! One place of one file where a wanted path stands, and how.

use crate::base::path::printable;
use std::borrow::Cow;

/// How the path is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spelling {
    /// As it is, so that `grep -F` finds it.
    Plain,
    /// With backslashes before slashes or full stops, as in JSON, sed scripts and regular expressions.
    Escaped,
    /// With `%2F` or other percent codes, as in URLs (RFC 3986).
    Percent,
    /// In two-byte characters, low byte first.
    Utf16,
}

impl Spelling {
    /// A stable word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Escaped => "escaped",
            Self::Percent => "percent",
            Self::Utf16 => "utf-16",
        }
    }
}

/// What the bytes are that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// An ELF file.
    Elf,
    /// A compiled Python module.
    Pyc,
    /// Text that begins with `#!`.
    Script,
    /// Text: no NUL.
    Text,
    /// An ar(1) archive, as static libraries are.
    StaticArchive,
    /// Compressed, or an archive of compressed members.
    Packed,
    /// Anything else.
    Data,
}

impl Form {
    /// Whether what stands before a path counts.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Script | Self::Text)
    }
}

/// How firmly the wanted path is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hold {
    /// It is named: a whole name, with or without more behind it.
    Whole,
    /// In binary data, a letter follows: another name, or the next string begins there.
    Unbounded,
    /// A compiler took it apart and put the pieces into instructions.
    Split,
    /// It is another path: its last name goes on, as in `/p/root2`.
    LongerName,
    /// It is another path: it has more before it, as in `/tmp/dest/p/root`.
    TailOfAnother,
}

impl Hold {
    /// Why it is no mention at all, where it is none.
    pub fn why_harmless(self) -> Option<&'static str> {
        match self {
            Self::LongerName => Some("another path: the last name goes on"),
            Self::TailOfAnother => Some("another path: it has more before it"),
            Self::Whole | Self::Unbounded | Self::Split => None,
        }
    }
}

/// What the place is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Nothing is known of it.
    Somewhere,
    /// The first line of a script.
    FirstLine,
    /// A comment of a text file.
    Comment,
    /// DT_RPATH or DT_RUNPATH.
    RunPath,
    /// PT_INTERP.
    Interp,
    /// A library named by DT_NEEDED or DT_SONAME.
    Library,
    /// The name of the source file: `__FILE__`, or a compiled Python module's.
    SourceName,
    /// The arguments or flags it was built with, kept to be shown.
    BuildArguments,
    /// A value of a compiled Python module.
    Constant,
    /// Debug information.
    Debug,
    /// A part of an ELF file that no loader maps, or a string no tag and no symbol names.
    Unloaded,
}

/// The longest sample, in bytes.
pub(super) const LONGEST_SAMPLE: usize = 240;

/// One mention. In a large tree there are many, so it has nothing to spare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Which path: its index in [`super::Wanted::paths`].
    pub wanted: usize,
    /// How it is written.
    pub spelling: Spelling,
    /// How firmly it is named.
    pub hold: Hold,
    /// What the bytes are that it stands in.
    pub form: Form,
    /// What the place is used for.
    pub place: Place,
    /// Offset of the first byte: in the file, or in the unpacked bytes of `inside`.
    pub offset: u64,
    /// Line number from 1, in text.
    pub line: Option<u64>,
    /// The section or segment of an ELF file.
    pub section: Option<Box<[u8]>>,
    /// The packed part it stands in: the member's name, or the file's without its ending. `!` stands between one archive
    /// and its member that is an archive.
    pub inside: Option<Box<[u8]>>,
    /// What stands around it, decoded: some of what comes before it, and the path.
    pub sample: Box<[u8]>,
    /// Where in the sample the path begins; it goes on to the sample's end.
    pub path_at: usize,
}

impl Mention {
    /// A path that a compiler split into pieces: where the first piece stands.
    pub fn split(wanted: usize, path: &[u8], offset: u64) -> Self {
        Self {
            wanted,
            spelling: Spelling::Plain,
            hold: Hold::Split,
            form: Form::Elf,
            place: Place::Somewhere,
            offset,
            line: None,
            section: None,
            inside: None,
            sample: path.get(..path.len().min(LONGEST_SAMPLE)).unwrap_or_default().into(),
            path_at: 0,
        }
    }

    /// The path as it stands there, from the wanted one on, decoded and cut where it can no longer be a path.
    pub fn path(&self) -> &[u8] {
        self.sample.get(self.path_at..).unwrap_or_default()
    }

    /// The sample for a message.
    pub fn shown(&self) -> Cow<'_, str> {
        printable(&self.sample)
    }
}
