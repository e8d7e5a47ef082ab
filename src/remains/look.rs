//! One file's bytes -> every place where a wanted path stands.
//!
//! Looks at the bytes as they are, then into what is packed: gzip, zstd, zip, compressed debug sections. Names the ELF
//! section and what it is used for, the line of a text, the kind of a compiled Python module's string. Refuses nothing; what
//! it could not look into it says.

mod elf_places;
mod pyc_places;

use super::mention::{Form, Mention};
use super::packed::{self, Budget};
use super::search::{Finds, Stretch, any, find};
use super::wanted::Wanted;
use crate::base::bytes::ReadAt;
use crate::base::path::RelPath;
use std::fmt;
use std::io;

/// A larger file is looked at in pieces, and nothing packed in it is unpacked. In bytes.
const WHOLE: u64 = 64 << 20;
/// How much of a larger file is looked at at a time, in bytes.
const PIECE: u64 = 8 << 20;
/// How much before and behind a piece is seen along with it, in bytes.
const MARGIN: u64 = 16 << 10;
/// How many unread parts of one file are listed.
const MOST_UNREAD: usize = 100;

/// What one file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Every mention: first those of the file's own bytes, then those of its packed parts, each sorted by offset.
    pub mentions: Vec<Mention>,
    /// How many more there are than are listed.
    pub unlisted: u64,
    /// Parts that were not looked into.
    pub unread: Vec<Unread>,
}

/// A part that was not looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The packed part, named as in [`Mention::inside`]; none for the file itself.
    pub inside: Option<Box<[u8]>>,
    /// Why.
    pub why: Why,
}

/// Why a part was not looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Compressed in a way that is not read here.
    Compression(&'static str),
    /// Damaged, cut short or encrypted; what came before that was looked at.
    Damaged,
    /// Too large, or grows too much; its beginning was looked at.
    TooLarge,
    /// Archives in archives in archives.
    TooDeep,
    /// There are too many members.
    TooMany,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compression(name) => write!(f, "is compressed with {name}, which is not looked into"),
            Self::Damaged => f.write_str("is damaged or encrypted: not all of it was looked at"),
            Self::TooLarge => f.write_str("unpacks to more than is looked at"),
            Self::TooDeep => f.write_str("has archives in archives, deeper than is looked"),
            Self::TooMany => f.write_str("has more members than are looked at"),
        }
    }
}

impl Looked {
    pub(super) fn leave_unread(&mut self, inside: Option<&[u8]>, why: Why) {
        if self.unread.len() < MOST_UNREAD {
            self.unread.push(Unread { inside: inside.map(Box::from), why });
        }
    }
}

/// Looks at one file; `path` is its path in the tree.
pub fn look(path: &RelPath, bytes: &[u8], wanted: &Wanted) -> Looked {
    let mut looked = Looked::default();
    if wanted.is_empty() {
        return looked;
    }
    let mut budget = Budget::of_file(bytes.len());
    part(&Part { name: path.as_bytes(), inside: None, depth: 0, seen: false }, bytes, wanted, &mut budget, &mut looked);
    looked.mentions.shrink_to_fit();
    looked
}

/// The same for a file that may be too large to be held; reads it piece by piece where it is.
pub fn look_at(path: &RelPath, source: &dyn ReadAt, wanted: &Wanted) -> io::Result<Looked> {
    if source.size() <= WHOLE {
        return Ok(look(path, &source.range(0, source.size())?, wanted));
    }
    let mut looked = Looked::default();
    let mut finds = Finds::default();
    let mut form = None;
    let (mut offset, mut lines) = (0, 0);
    while offset < source.size() {
        let end = source.size().min(offset + PIECE);
        let from = offset.saturating_sub(MARGIN);
        let bytes = source.range(from, source.size().min(end + MARGIN) - from)?;
        let form = *form.get_or_insert_with(|| form_of(path.as_bytes(), &bytes));
        let within = (offset - from) as usize..(end - from) as usize;
        find(&Stretch { bytes: &bytes, within: within.clone(), base: from, lines }, form, wanted, &mut finds);
        if form.is_text() {
            lines += memchr::memchr_iter(b'\n', &bytes[within]).count() as u64;
        }
        offset = end;
    }
    match form {
        Some(Form::Elf) => {
            elf_places::name(source, &mut finds.mentions);
            add_split(source, wanted, &mut finds);
        }
        Some(Form::Packed) => looked.leave_unread(None, Why::TooLarge),
        _ => {}
    }
    (looked.mentions, looked.unlisted) = (finds.mentions, finds.unlisted);
    Ok(looked)
}

/// What is looked at: a file, or a packed part of one.
pub(super) struct Part<'a> {
    /// Its path or its member's name.
    pub(super) name: &'a [u8],
    /// As in [`Mention::inside`].
    pub(super) inside: Option<&'a [u8]>,
    /// How many packings it lies in.
    pub(super) depth: usize,
    /// Whether its bytes lie unpacked in bytes that were looked at.
    pub(super) seen: bool,
}

/// Looks at the bytes of a file or of a packed part, and into them.
pub(super) fn part(part: &Part<'_>, bytes: &[u8], wanted: &Wanted, budget: &mut Budget, looked: &mut Looked) {
    let mut finds = Finds::default();
    if !part.seen && any(bytes, wanted) {
        let form = form_of(part.name, bytes);
        find(&Stretch::whole(bytes), form, wanted, &mut finds);
        match form {
            Form::Elf => elf_places::name(&bytes, &mut finds.mentions),
            Form::Pyc => pyc_places::name(part.name, bytes, &mut finds.mentions),
            _ => {}
        }
    }
    if part.depth == 0 && bytes.starts_with(b"\x7fELF") {
        add_split(&bytes, wanted, &mut finds);
    }
    for mention in &mut finds.mentions {
        mention.inside = part.inside.map(Box::from);
    }
    let room = super::search::MOST.saturating_sub(looked.mentions.len());
    looked.unlisted += finds.unlisted + finds.mentions.len().saturating_sub(room) as u64;
    finds.mentions.truncate(room);
    looked.mentions.append(&mut finds.mentions);
    packed::unpack(part, bytes, wanted, budget, looked);
}

/// Adds what a compiler put into instructions, in its place by offset.
fn add_split(source: &dyn ReadAt, wanted: &Wanted, finds: &mut Finds) {
    let mut split = elf_places::split(source, wanted);
    if !split.is_empty() {
        finds.mentions.append(&mut split);
        finds.mentions.sort_by_key(|mention| mention.offset);
    }
}

/// What bytes are, by how they begin and by their name.
fn form_of(name: &[u8], bytes: &[u8]) -> Form {
    if bytes.starts_with(b"\x7fELF") {
        // ET_REL is e_type 1, in the file's byte order.
        return if matches!(bytes.get(16..18), Some([1, 0] | [0, 1])) { Form::StaticArchive } else { Form::Elf };
    }
    if bytes.starts_with(b"!<arch>\n") || bytes.starts_with(b"!<thin>\n") {
        return Form::StaticArchive;
    }
    if packed::is_packed(bytes) {
        return Form::Packed;
    }
    if (name.ends_with(b".pyc") || name.ends_with(b".pyo")) && bytes.get(2..4) == Some(b"\r\n") {
        return Form::Pyc;
    }
    match (memchr::memchr(0, bytes), bytes.starts_with(b"#!")) {
        (Some(_), _) => Form::Data,
        (None, true) => Form::Script,
        (None, false) => Form::Text,
    }
}
