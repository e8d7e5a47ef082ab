//! What one file's run-time path shall become.
//!
//! Takes what the file is and what was asked; gives the wanted state of both tags. Pure: whether a directory holds a
//! library is asked of the caller. Refuses nothing; a path is taken letter by letter, as patchelf(1) and chrpath(1) do.

use crate::elf::RunPaths;
use crate::loader::entry::entries;
use crate::loader::libc::Libc;
use crate::loader::object::{Object, Tag};

/// What is asked of a run-time path. Entries are separated by colons.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Change {
    /// Nothing of the path; its tag may change.
    #[default]
    Keep,
    /// This path.
    Set(Vec<u8>),
    /// This behind what is there, letter by letter.
    Append(Vec<u8>),
    /// These entries behind what is there, each only where it is not among it.
    Add(Vec<u8>),
    /// No path.
    Remove,
    /// Only entries in which a needed library lies, the first directory that has it. Entries that are not absolute stay.
    Shrink {
        /// Where not empty, absolute entries must begin with one of these bytes too.
        allowed: Vec<Vec<u8>>,
    },
}

/// What is asked of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The path.
    pub change: Change,
    /// The tag; none keeps the one that counts, and a file that has none gets DT_RUNPATH.
    pub tag: Option<Tag>,
}

impl Request {
    /// Whether nothing is asked.
    pub fn is_idle(&self) -> bool {
        self.change == Change::Keep && self.tag.is_none()
    }

    /// Both tags as they shall be: one at most. A DT_RPATH beside a DT_RUNPATH counts for nothing (ld.so(8)) and goes.
    /// `holds(directory, library)` tells whether a library for the object's architecture lies there.
    pub fn wanted(&self, object: &Object, holds: &dyn Fn(&[u8], &[u8]) -> bool) -> RunPaths {
        let old = object.run_path().map(|(_, path)| path);
        let new = match &self.change {
            Change::Keep => old.map(<[u8]>::to_vec),
            Change::Set(path) => Some(path.clone()),
            Change::Append(more) => Some(joined(old.unwrap_or_default(), more)),
            Change::Add(more) => Some(with_entries(old.unwrap_or_default(), more)),
            Change::Remove => None,
            Change::Shrink { allowed } => old.map(|old| shrunk(old, &object.needed, allowed, holds)),
        };
        let tag = self.tag.or(object.run_path().map(|(tag, _)| tag)).unwrap_or(Tag::Runpath);
        match tag {
            Tag::Rpath => RunPaths { rpath: new, runpath: None },
            Tag::Runpath => RunPaths { rpath: None, runpath: new },
        }
    }
}

fn joined(old: &[u8], more: &[u8]) -> Vec<u8> {
    if old.is_empty() { more.to_vec() } else { [old, more].join(&b':') }
}

fn with_entries(old: &[u8], more: &[u8]) -> Vec<u8> {
    let mut all: Vec<&[u8]> = entries(old, Libc::Glibc).collect();
    for entry in entries(more, Libc::Glibc) {
        if !all.contains(&entry) {
            all.push(entry);
        }
    }
    all.join(&b':')
}

fn shrunk(old: &[u8], needed: &[Vec<u8>], allowed: &[Vec<u8>], holds: &dyn Fn(&[u8], &[u8]) -> bool) -> Vec<u8> {
    // A name with a slash is not searched for (ld.so(8)).
    let mut missing: Vec<&Vec<u8>> = needed.iter().filter(|name| !name.contains(&b'/')).collect();
    let mut supplies = |directory: &[u8]| {
        let before = missing.len();
        missing.retain(|name| !holds(directory, name));
        missing.len() < before
    };
    let may_stay = |entry: &[u8]| allowed.is_empty() || allowed.iter().any(|start| entry.starts_with(start));
    let stays = |entry: &&[u8]| match entry.first() {
        None => false,
        Some(b'/') => may_stay(entry) && supplies(entry),
        Some(_) => true,
    };
    entries(old, Libc::Glibc).filter(stays).collect::<Vec<_>>().join(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shrink(old: &str, allowed: &[&str]) -> String {
        let needed = [b"liba.so".to_vec(), b"libb.so".to_vec(), b"/x/libc.so".to_vec()];
        let allowed: Vec<_> = allowed.iter().map(|start| start.as_bytes().to_vec()).collect();
        let holds = |directory: &[u8], name: &[u8]| {
            matches!(
                (directory, name),
                (b"/a" | b"/ab", b"liba.so") | (b"/b" | b"/ab", b"libb.so") | (b"/c", b"/x/libc.so")
            )
        };
        String::from_utf8(shrunk(old.as_bytes(), &needed, &allowed, &holds)).unwrap()
    }

    #[test]
    fn a_directory_stays_for_what_no_earlier_one_supplies() {
        for (old, allowed, new) in [
            ("/a:/b:/ab", &[][..], "/a:/b"),
            ("/ab:/a:/b", &[], "/ab"),
            ("/n:/c:/b:", &[], "/b"),
            ("$ORIGIN:rel:/n:${ORIGIN}/x:/a", &[], "$ORIGIN:rel:${ORIGIN}/x:/a"),
            ("/a:/ab", &["/ab", "/z"], "/ab"),
            ("/a:/ab", &["/z"], ""),
            ("", &[], ""),
        ] {
            assert_eq!(shrink(old, allowed), new, "{old}");
        }
    }

    #[test]
    fn an_entry_is_added_once_and_appended_every_time() {
        assert_eq!(with_entries(b"/a:/b", b"/b:/c:/c"), b"/a:/b:/c");
        assert_eq!(with_entries(b"", b"/a"), b"/a");
        assert_eq!(joined(b"/a", b"/a"), b"/a:/a");
        assert_eq!(joined(b"", b"/a"), b"/a");
    }
}
