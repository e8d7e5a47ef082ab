//! A text file being rewritten: edits in order, and the way from the file to the top of its tree.

use super::{Answer, Change, New, Subject};
use crate::base::path::RelPath;
use std::ops::Range;

/// Edits of one file, each behind the one before.
pub(super) struct Draft<'a> {
    from: &'a [u8],
    bytes: Vec<u8>,
    done: usize,
    changes: Vec<Change>,
}

impl<'a> Draft<'a> {
    /// Starts with the file as it is.
    pub(super) fn new(from: &'a [u8]) -> Self {
        Self { from, bytes: Vec::with_capacity(from.len()), done: 0, changes: Vec::new() }
    }

    /// Puts `to` where `range` was; an empty range inserts. What begins before the end of the last edit is left out.
    pub(super) fn replace(&mut self, range: Range<usize>, to: &[u8], why: &'static str) {
        if range.start < self.done || range.end < range.start || range.end > self.from.len() {
            return;
        }
        self.bytes.extend_from_slice(&self.from[self.done..range.start]);
        self.bytes.extend_from_slice(to);
        self.done = range.end;
        self.changes.push(Change { from: self.from[range].to_vec(), to: to.to_vec(), why });
    }

    /// The rewritten file; `Same` where nothing was changed.
    pub(super) fn answer(mut self) -> Answer {
        if self.changes.is_empty() {
            return Answer::Same;
        }
        self.bytes.extend_from_slice(&self.from[self.done..]);
        Answer::New(New { bytes: self.bytes, changes: self.changes, demands: Vec::new() })
    }
}

/// The steps from the directory a file lies in up to the top of the tree: `../..`, or `.` for none. Fails where the file
/// has hard links from which it is further or less far, because the file cannot tell by which name it is read.
pub(super) fn way_up(file: &Subject<'_>) -> Result<Vec<u8>, String> {
    let depth = file.directory().depth();
    let names = file.around.names(file.path);
    if let Some(other) = names.iter().find(|name| name.depth() != depth + 1) {
        return Err(format!("it is also called {other}, from where the way to the top is another one"));
    }
    Ok(up(depth))
}

/// That many steps up, or `.`.
pub(super) fn up(depth: usize) -> Vec<u8> {
    if depth == 0 { b".".to_vec() } else { vec![&b".."[..]; depth].join(&b'/') }
}

/// The number of the line an offset lies in, from 1.
pub(super) fn line_of(bytes: &[u8], offset: usize) -> usize {
    memchr::memchr_iter(b'\n', &bytes[..offset.min(bytes.len())]).count() + 1
}

/// The lines with their offsets, newlines included.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    bytes.split_inclusive(|byte| *byte == b'\n').scan(0, |offset, line| {
        let start = *offset;
        *offset += line.len();
        Some((start, line))
    })
}

/// Whether the last component of a path ends so.
pub(super) fn ends_with(path: &RelPath, suffix: &[u8]) -> bool {
    path.name().len() > suffix.len() && path.name().ends_with(suffix)
}

/// Whether a file is one that others are made from: git copies its templates into repositories, automake its scripts into
/// sources.
pub(super) fn is_copied(path: &RelPath) -> bool {
    const ENDINGS: [&[u8]; 5] = [b".sample", b".in", b".example", b".template", b".dist"];
    const DIRECTORIES: [&[u8]; 6] = [b"templates", b"skel", b"examples", b"build-aux", b"aclocal", b"samples"];
    let copied = |part: &[u8]| DIRECTORIES.contains(&part) || part.starts_with(b"automake");
    ENDINGS.iter().any(|ending| path.name().ends_with(ending))
        || path.parent().is_some_and(|directory| directory.parts().any(copied))
}
