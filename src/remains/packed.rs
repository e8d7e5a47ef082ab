//! Looks into what is packed: gzip, zstd, zip (jars, wheels), and compressed debug sections.
//!
//! Hostile input assumed: how much is unpacked, how many members and how deep is limited, and what lies beyond is said to
//! be unread. Members that a zip stores as they are were already seen where they lie.

use super::look::{Looked, Part, Why, part};
use super::wanted::Wanted;
use crate::elf::{self, Packing};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use std::io::{Cursor, Read};
use zip::{CompressionMethod, ZipArchive};

/// No packed part is looked at beyond this many bytes.
const LARGEST: u64 = 64 << 20;
/// What any file may unpack to, in bytes, and how many times its own size besides.
const FREE: u64 = 128 << 20;
const RATIO: u64 = 32;
/// How many members of all archives in one file are looked at.
const MEMBERS: usize = 65_536;
/// How many packings may lie in one another.
const DEPTH: usize = 3;

/// How much may still be unpacked for one file.
pub(super) struct Budget {
    bytes: u64,
    members: usize,
}

impl Budget {
    /// What a file of this size, in bytes, may unpack to.
    pub(super) fn of_file(size: usize) -> Self {
        Self { bytes: FREE.saturating_add((size as u64).saturating_mul(RATIO)), members: MEMBERS }
    }

    /// Reads what is left to read, at most what is allowed; tells why it stopped early.
    fn read(&mut self, packed: impl Read) -> (Vec<u8>, Option<Why>) {
        let limit = LARGEST.min(self.bytes);
        let mut bytes = Vec::new();
        let result = packed.take(limit.saturating_add(1)).read_to_end(&mut bytes);
        let over = bytes.len() as u64 > limit;
        bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        self.bytes -= bytes.len() as u64;
        let why = if over { Some(Why::TooLarge) } else { result.err().map(|_| Why::Damaged) };
        (bytes, why)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Gzip,
    Zstd,
    Zip,
    Unread(&'static str),
}

/// The end of a zip's directory where no comment follows it, in bytes.
const ZIP_END: usize = 22;

fn format(bytes: &[u8]) -> Option<Format> {
    let begins: [(&[u8], Format); 6] = [
        (b"\x1f\x8b\x08", Format::Gzip),
        (b"\x28\xb5\x2f\xfd", Format::Zstd),
        (b"PK\x03\x04", Format::Zip),
        (b"\xfd7zXZ\x00", Format::Unread("xz")),
        (b"BZh", Format::Unread("bzip2")),
        (b"\x04\x22\x4d\x18", Format::Unread("lz4")),
    ];
    let (_, format) = begins.into_iter().find(|(magic, _)| bytes.starts_with(magic))?;
    let block = |magic: &[u8]| bytes.get(4..10) == Some(magic);
    let bzip2 = block(b"1AY&SY") || block(b"\x17rE8P\x90");
    (format != Format::Unread("bzip2") || bzip2).then_some(format)
}

/// Whether the bytes are packed as a whole.
pub(super) fn is_packed(bytes: &[u8]) -> bool {
    format(bytes).is_some()
}

/// Looks into a part, if it is packed or has something packed in it.
pub(super) fn unpack(outer: &Part<'_>, bytes: &[u8], wanted: &Wanted, budget: &mut Budget, looked: &mut Looked) {
    // A program may have a zip behind it, and so may a script.
    let tail = bytes.len().checked_sub(ZIP_END).and_then(|at| bytes.get(at..));
    let zip_behind = || tail.is_some_and(|tail| tail.starts_with(b"PK\x05\x06")).then_some(Format::Zip);
    let is_elf = bytes.starts_with(b"\x7fELF");
    let Some(format) = format(bytes).or_else(zip_behind) else {
        if is_elf {
            sections(outer, bytes, wanted, budget, looked);
        }
        return;
    };
    if outer.depth >= DEPTH {
        looked.leave_unread(outer.inside, Why::TooDeep);
        return;
    }
    if is_elf {
        sections(outer, bytes, wanted, budget, looked);
    }
    let mut inner = Inner { outer, wanted, budget, looked };
    match format {
        Format::Gzip => inner.stream(MultiGzDecoder::new(bytes), &[b".gz", b".tgz"]),
        Format::Zstd => match zstd::stream::read::Decoder::new(bytes) {
            Ok(decoder) => inner.stream(decoder, &[b".zst", b".zstd"]),
            Err(_) => looked.leave_unread(outer.inside, Why::Damaged),
        },
        Format::Zip => inner.zip(bytes),
        Format::Unread(name) => looked.leave_unread(outer.inside, Why::Compression(name)),
    }
}

struct Inner<'a, 'b> {
    outer: &'a Part<'a>,
    wanted: &'a Wanted,
    budget: &'b mut Budget,
    looked: &'b mut Looked,
}

impl Inner<'_, '_> {
    /// One compressed stream.
    fn stream(&mut self, packed: impl Read, endings: &[&[u8]]) {
        let name = self.outer.name;
        let name = endings.iter().find_map(|ending| name.strip_suffix(*ending)).unwrap_or(name);
        let last = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
        self.one(packed, name, &last, false);
    }

    fn one(&mut self, packed: impl Read, name: &[u8], called: &[u8], seen: bool) {
        let inside = match self.outer.inside {
            Some(outside) => [outside, b"!", called].concat(),
            None => called.to_vec(),
        };
        let (bytes, why) = self.budget.read(packed);
        if let Some(why) = why {
            self.looked.leave_unread(Some(&inside), why);
        }
        let inner = Part { name, inside: Some(&inside), depth: self.outer.depth + 1, seen };
        part(&inner, &bytes, self.wanted, self.budget, self.looked);
    }

    fn zip(&mut self, bytes: &[u8]) {
        let Ok(mut archive) = ZipArchive::new(Cursor::new(bytes)) else {
            return self.looked.leave_unread(self.outer.inside, Why::Damaged);
        };
        for index in 0..archive.len() {
            if self.budget.members == 0 {
                return self.looked.leave_unread(self.outer.inside, Why::TooMany);
            }
            self.budget.members -= 1;
            let Ok(member) = archive.by_index(index) else {
                self.looked.leave_unread(self.outer.inside, Why::Damaged);
                continue;
            };
            let name = member.name_raw().to_vec();
            match member.compression() {
                CompressionMethod::Stored if !may_hold_more(&name) => {}
                method @ (CompressionMethod::Stored | CompressionMethod::Deflated) => {
                    self.one(member, &name, &name, method == CompressionMethod::Stored);
                }
                _ => {
                    let inside = [self.outer.inside.unwrap_or_default(), b"!", &name].concat();
                    let inside = inside.strip_prefix(b"!").unwrap_or(&inside);
                    self.looked.leave_unread(Some(inside), Why::Compression("another method than deflate"));
                }
            }
        }
    }
}

/// Whether a member that is stored as it is may be packed itself.
fn may_hold_more(name: &[u8]) -> bool {
    let endings: [&[u8]; 6] = [b".jar", b".zip", b".whl", b".war", b".gz", b".egg"];
    endings.iter().any(|ending| name.ends_with(ending))
}

/// Compressed sections of an ELF file.
fn sections(outer: &Part<'_>, bytes: &[u8], wanted: &Wanted, budget: &mut Budget, looked: &mut Looked) {
    let Ok(stretches) = elf::stretches(&bytes) else { return };
    for stretch in &stretches {
        let Some((start, packing)) = stretch.packed else { continue };
        let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(stretch.end)) else { continue };
        let Some(packed) = bytes.get(start..end.min(bytes.len())) else { continue };
        let first = looked.mentions.len();
        let mut inner = Inner { outer, wanted, budget, looked };
        match packing {
            Packing::Zlib => inner.one(ZlibDecoder::new(packed), &stretch.name, &stretch.name, false),
            Packing::Zstd => match zstd::stream::read::Decoder::new(packed) {
                Ok(decoder) => inner.one(decoder, &stretch.name, &stretch.name, false),
                Err(_) => looked.leave_unread(Some(&stretch.name), Why::Damaged),
            },
        }
        for mention in looked.mentions.iter_mut().skip(first) {
            mention.form = super::mention::Form::Elf;
            mention.place = super::mention::Place::Debug;
            mention.line = None;
            mention.section = Some(stretch.name.as_slice().into());
        }
    }
}
