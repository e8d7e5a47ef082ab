//! fontconfig's `fonts.conf`: `<dir>` elements below the old prefix become relative to the file.
//!
//! `prefix="relative"` is known since fontconfig 2.13.91, the document type `urn:fontconfig:fonts.dtd` came later and so says
//! that it is. Elements with attributes, comments and `<cachedir>`, which knows no such prefix, are left.

use super::draft::{Draft, way_up};
use super::{Answer, Class, Subject};
use crate::base::path::RelPath;

/// The class.
pub struct Fontconfig;

const TYPE: &[u8] = b"urn:fontconfig:fonts.dtd";
const OPEN: &[u8] = b"<dir>";
const CLOSE: &[u8] = b"</dir>";

impl Class for Fontconfig {
    fn name(&self) -> &'static str {
        "fontconfig"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        if file.path.name() != b"fonts.conf" || memchr::memmem::find(file.bytes, TYPE).is_none() {
            return Answer::NotMine;
        }
        if let Err(why) = way_up(file) {
            return Answer::Refused(why);
        }
        let mut draft = Draft::new(file.bytes);
        for (start, end) in directories(file.bytes) {
            let path = &file.bytes[start..end];
            if let Some(target) = file.inside(path)
                && !path.contains(&b'&')
            {
                let element = [b"<dir prefix=\"relative\">", way(&file.directory(), &target).as_slice()].concat();
                draft.replace(start - OPEN.len()..end, &element, "relative to the file");
            }
        }
        draft.answer()
    }
}

/// The way between two directories; `.` where they are the same.
fn way(from: &RelPath, to: &RelPath) -> Vec<u8> {
    let way = from.way_to(to);
    if way.is_empty() { b".".to_vec() } else { way }
}

/// Where the texts of the `<dir>` elements stand that are in no comment.
fn directories(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = memchr::memchr(b'<', &bytes[at..]).map(|next| at + next) {
        let rest = &bytes[next..];
        if rest.starts_with(b"<!--") {
            let Some(end) = memchr::memmem::find(rest, b"-->") else { break };
            at = next + end;
        } else if rest.starts_with(OPEN) {
            let start = next + OPEN.len();
            let Some(len) = memchr::memchr(b'<', &bytes[start..]) else { break };
            at = start + len;
            if bytes[at..].starts_with(CLOSE) {
                found.push((start, at));
            }
        } else {
            at = next + 1;
        }
    }
    found
}
