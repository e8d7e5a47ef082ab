//! Finds the wanted paths in one stretch of bytes.
//!
//! One pass for all paths and spellings; what a hit means is decided by what stands around it, with the same rules as the
//! rewriting of text has (`text::occurrence`).

use super::mention::{Form, Hold, Mention, Place, Spelling};
use super::sample;
use super::wanted::{Needle, Wanted};
use crate::text::occurrence::{ends_here, starts_here};
use std::ops::Range;

/// How many mentions of one file are listed; the rest is counted.
pub(super) const MOST: usize = 100_000;
/// How much is searched at a time, in bytes: what stays in a processor's cache for all passes.
const CHUNK: usize = 256 << 10;
/// No comment is looked for in longer lines.
const LONGEST_LINE: usize = 4096;
/// How many decoded bytes behind a hit decide whether a name ends there.
const BEHIND: usize = 24;

/// What one file, or one part of it, holds.
#[derive(Debug, Default)]
pub(super) struct Finds {
    pub(super) mentions: Vec<Mention>,
    /// Mentions beyond [`MOST`].
    pub(super) unlisted: u64,
}

/// A stretch of bytes of a larger whole.
pub(super) struct Stretch<'a> {
    /// The bytes, with some before and behind those that are asked for.
    pub(super) bytes: &'a [u8],
    /// Where hits may begin.
    pub(super) within: Range<usize>,
    /// Offset of the first byte in the whole.
    pub(super) base: u64,
    /// How many lines end before the first byte asked for.
    pub(super) lines: u64,
}

impl<'a> Stretch<'a> {
    /// All bytes of a whole.
    pub(super) fn whole(bytes: &'a [u8]) -> Self {
        Self { bytes, within: 0..bytes.len(), base: 0, lines: 0 }
    }
}

/// Whether there is any hit.
pub(super) fn any(bytes: &[u8], wanted: &Wanted) -> bool {
    let mut starts = Vec::new();
    for from in (0..bytes.len()).step_by(CHUNK) {
        wanted.starts(bytes, from, from + CHUNK, &mut starts);
        if !starts.is_empty() {
            return true;
        }
    }
    false
}

/// Finds all mentions; `form` says how the bytes are read, and lines are counted in text.
pub(super) fn find(stretch: &Stretch<'_>, form: Form, wanted: &Wanted, finds: &mut Finds) {
    let bytes = stretch.bytes;
    let mut lines = Lines { seen: stretch.within.start, count: stretch.lines };
    let mut starts = Vec::new();
    let mut free = 0;
    for from in stretch.within.clone().step_by(CHUNK) {
        starts.clear();
        wanted.starts(bytes, from, stretch.within.end.min(from + CHUNK), &mut starts);
        starts.sort_unstable();
        for start in &starts {
            // Of paths that begin inside another, the first counts.
            if *start < free {
                continue;
            }
            let Some((needle, hold)) = meant(bytes, *start, form, wanted) else { continue };
            free = start + needle.bytes.len();
            if finds.mentions.len() >= MOST {
                finds.unlisted += 1;
                continue;
            }
            finds.mentions.push(mention(stretch, *start, needle, hold, form, &mut lines));
        }
    }
}

fn mention(stretch: &Stretch<'_>, start: usize, needle: &Needle, hold: Hold, form: Form, lines: &mut Lines) -> Mention {
    let bytes = stretch.bytes;
    let (sample, path_at) = sample::sample(needle.spelling, bytes, start);
    let line = form.is_text().then(|| lines.at(bytes, start));
    Mention {
        wanted: needle.wanted,
        spelling: needle.spelling,
        hold,
        form,
        place: if form.is_text() { in_text(bytes, start, form, line) } else { Place::Somewhere },
        offset: stretch.base + start as u64,
        line,
        section: None,
        inside: None,
        sample: sample.into(),
        path_at,
    }
}

/// Which needle a hit is: the longest that is a whole name, else the longest.
fn meant<'a>(bytes: &[u8], start: usize, form: Form, wanted: &'a Wanted) -> Option<(&'a Needle, Hold)> {
    let rest = bytes.get(start..)?;
    let here = wanted.needles.iter().filter(|needle| rest.starts_with(&needle.bytes));
    let judged = here.map(|needle| (needle, hold(bytes, start, needle, form)));
    judged.max_by_key(|(needle, hold)| (*hold == Hold::Whole, needle.bytes.len()))
}

fn hold(bytes: &[u8], start: usize, needle: &Needle, form: Form) -> Hold {
    let end = start + needle.bytes.len();
    let behind = bytes.get(end..bytes.len().min(end + BEHIND)).unwrap_or_default();
    let ends = ends_here(&sample::decode(needle.spelling, behind));
    let starts = match needle.spelling {
        // As the rewriting of text has it, to the letter.
        Spelling::Plain => !form.is_text() || starts_here(&bytes[..start]),
        Spelling::Utf16 => starts_here(&sample::before(needle.spelling, bytes, start)),
        Spelling::Escaped | Spelling::Percent => {
            !form.is_text() || starts_here(&sample::before(needle.spelling, bytes, start))
        }
    };
    match (ends, starts) {
        (false, _) if form.is_text() || needle.spelling == Spelling::Utf16 => Hold::LongerName,
        (false, _) => Hold::Unbounded,
        (true, false) => Hold::TailOfAnother,
        (true, true) => Hold::Whole,
    }
}

/// What a place of a text is used for.
fn in_text(bytes: &[u8], start: usize, form: Form, line: Option<u64>) -> Place {
    if form == Form::Script && line == Some(1) {
        return Place::FirstLine;
    }
    let near = &bytes[start.saturating_sub(LONGEST_LINE)..start];
    let begin = memchr::memrchr(b'\n', near).map_or(near, |at| &near[at + 1..]).trim_ascii_start();
    let comment = [&b"#"[..], b";", b"//", b"dnl "].iter().any(|mark| begin.starts_with(mark));
    // What a C preprocessor reads begins with the same sign.
    let directive = begin.starts_with(b"#")
        && [&b"define"[..], b"include", b"line"].iter().any(|word| begin[1..].trim_ascii_start().starts_with(word));
    if comment && !directive { Place::Comment } else { Place::Somewhere }
}

/// Counts lines once, however many hits there are.
struct Lines {
    seen: usize,
    count: u64,
}

impl Lines {
    fn at(&mut self, bytes: &[u8], offset: usize) -> u64 {
        if let Some(between) = bytes.get(self.seen..offset) {
            self.count += memchr::memchr_iter(b'\n', between).count() as u64;
            self.seen = offset;
        }
        self.count + 1
    }
}
