//! Which files of a record cannot hold a path, by class and reason. Pure.
//!
//! A path that is written in the bytes of another one may not be longer. Text may not get a character that means something
//! else where the path stands; which those are depends on the kind of text. In programs and data the path may be part of a
//! search list, so it can have no colon and no newline.

use crate::base::path::{Prefix, RelPath, printable};
use crate::manifest::{About, Entry, How, Places};
use crate::text::kind::Kind;
use crate::text::pyc;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How many files are named before the rest is counted.
const SHOWN: usize = 3;

/// Why a class of files cannot hold a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It is longer than what it is to be written over.
    TooLong {
        /// The longest that fits, in bytes.
        capacity: u64,
    },
    /// It has a byte that means something else there.
    Byte(u8),
}

/// A class of files that cannot hold a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// The class.
    pub class: String,
    /// Why.
    pub why: Why,
    /// The files, sorted.
    pub files: Vec<RelPath>,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.files.iter().take(SHOWN).map(|path| path.display()).collect();
        let (class, files) = (&self.class, shown.join(", "));
        let more = match self.files.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        match self.why {
            Why::TooLong { capacity } => {
                write!(f, "class {class}: {files}{more}: there is room for a path of {capacity} bytes")
            }
            Why::Byte(byte) => write!(f, "class {class}: {files}{more}: a path there may not have {}", named(byte)),
        }
    }
}

fn named(byte: u8) -> String {
    match byte {
        b' ' => "a blank".to_owned(),
        b'\n' => "a newline".to_owned(),
        b'\t' => "a tab".to_owned(),
        0x80.. => "bytes that are no UTF-8".to_owned(),
        byte => format!("the character {}", printable(&[byte])),
    }
}

/// A path that some files cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The path.
    pub to: Prefix,
    /// Which files, by class and reason; empty where only the archive's own word is known so far.
    pub files: Vec<Unfit>,
    /// The longest path that fits, in bytes, where its length is the reason.
    pub capacity: Option<u64>,
}

impl Misfit {
    /// What to do about it.
    pub fn help(&self) -> String {
        let classes: BTreeSet<_> = self.files.iter().map(|unfit| unfit.class.as_str()).collect();
        let leave = classes.into_iter().map(|class| format!("--leave {class}")).collect::<Vec<_>>().join(" ");
        match (self.capacity, leave.as_str()) {
            (None, _) => format!("choose another path, or leave these files as they are with {leave}"),
            (Some(capacity), "") => format!(
                "the longest path that fits has {capacity} bytes; a longer one takes a build for a longer prefix"
            ),
            (Some(capacity), _) => format!(
                "the longest path that fits has {capacity} bytes; a longer one takes a build for a longer prefix, or \
                 leave these files as they are with {leave}"
            ),
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.to.as_bytes().len();
        if self.files.is_empty() {
            return write!(f, "the path '{}' is too long: it has {len} bytes", self.to);
        }
        write!(f, "the path '{}' ({len} bytes) does not fit", self.to)?;
        self.files.iter().try_for_each(|unfit| write!(f, "\n  {unfit}"))
    }
}

impl std::error::Error for Misfit {}

/// Checks that every one of these files can hold `to`.
pub(super) fn check<'a>(entries: impl Iterator<Item = &'a Entry>, about: &About, to: &Prefix) -> Result<(), Misfit> {
    let files = unfit(entries, about, to);
    if files.is_empty() {
        return Ok(());
    }
    let capacity = capacity(&files);
    Err(Misfit { to: to.clone(), files, capacity })
}

/// Tells which files cannot hold `to`: one item for each class and reason, sorted.
fn unfit<'a>(entries: impl Iterator<Item = &'a Entry>, about: &About, to: &Prefix) -> Vec<Unfit> {
    let mut found: BTreeMap<(&str, Why), Vec<RelPath>> = BTreeMap::new();
    for entry in entries {
        let whys: BTreeSet<_> =
            entry.places.iter().filter_map(|group| Some((&*group.class, why(group, about, to)?))).collect();
        for key in whys {
            found.entry(key).or_default().push(entry.path.clone());
        }
    }
    let unfit = |((class, why), files): ((&str, Why), _)| Unfit { class: class.to_owned(), why, files };
    // A class whose strings have several lengths is told once, with the shortest.
    let mut told: Vec<Unfit> = Vec::new();
    for next in found.into_iter().map(unfit) {
        match told.last_mut() {
            Some(last) if last.class == next.class && both_too_long(&last.why, &next.why) => {
                last.files.extend(next.files);
            }
            _ => told.push(next),
        }
    }
    for unfit in &mut told {
        unfit.files.sort();
        unfit.files.dedup();
    }
    told
}

fn both_too_long(a: &Why, b: &Why) -> bool {
    matches!((a, b), (Why::TooLong { .. }, Why::TooLong { .. }))
}

fn why(group: &Places, about: &About, to: &Prefix) -> Option<Why> {
    let bytes = to.as_bytes();
    // What the record does not know is found out when its places are taken from it.
    let capacity = about.old_prefixes.get(group.prefix)?.as_bytes().len();
    if group.how == How::Padded && bytes.len() > capacity {
        return Some(Why::TooLong { capacity: capacity as u64 });
    }
    let byte = match Kind::named(&group.class) {
        // Its strings are marked as ASCII.
        None if group.class == pyc::CLASS => bytes.iter().copied().find(|byte| !byte.is_ascii()),
        Some(kind) => kind.cannot_hold(bytes),
        None => bytes.iter().copied().find(|byte| b":\n".contains(byte)),
    };
    byte.map(Why::Byte)
}

/// Whether one of the file's classes is among those to be left as they are, or it is a compiled Python file that cannot hold
/// the path: it is stale then, and Python compiles its source again.
pub(super) fn is_left(entry: &Entry, leave: &BTreeSet<String>, about: &About, to: &Prefix) -> bool {
    let stale = |group: &Places| group.class == pyc::CLASS && why(group, about, to).is_some();
    entry.places.iter().any(|group| leave.contains(&group.class) || stale(group))
}

/// The longest path that all of them hold; none where no length is too much.
fn capacity(unfit: &[Unfit]) -> Option<u64> {
    let lengths = unfit.iter().filter_map(|unfit| match unfit.why {
        Why::TooLong { capacity } => Some(capacity),
        Why::Byte(_) => None,
    });
    lengths.min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;
    use crate::manifest::{self, FORMAT};

    fn about() -> About {
        let old_prefixes = [&b"/home/ourapp/root"[..], b"/opt/x"].map(|path| Prefix::new(path).unwrap()).to_vec();
        let (tool, floor) = (String::new(), serde_json::Value::Null);
        About { format: FORMAT, tool, old_prefixes, floor, capacity: None, at: None, proven: true }
    }

    fn entry(path: &str, how: How, class: &str, prefix: usize) -> Entry {
        let kind = manifest::Kind::File { size: 0, sha256: Digest::of(b""), sha256_before: None };
        let places = vec![Places { how, class: class.to_owned(), prefix, at: vec![0] }];
        Entry {
            path: RelPath::new(path.as_bytes()).unwrap(),
            kind,
            mode: 0o644,
            mtime: None,
            changes: Vec::new(),
            places,
            sums: Vec::new(),
        }
    }

    fn told(to: &[u8]) -> Vec<String> {
        let entries = [
            entry("bin/a", How::Padded, "elf", 0),
            entry("bin/b", How::Padded, "elf", 1),
            entry("bin/sh1", How::Text, "shell", 0),
            entry("lib/x.py", How::Text, "python", 0),
        ];
        unfit(entries.iter(), &about(), &Prefix::new(to).unwrap()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_class_says_what_it_cannot_hold() {
        assert_eq!(told(b"/srv"), Vec::<String>::new());
        assert_eq!(told(b"/s r"), ["class shell: bin/sh1: a path there may not have a blank"]);
        assert_eq!(told(b"/srv/app"), ["class elf: bin/b: there is room for a path of 6 bytes"]);
        assert_eq!(told(b"/srv/a/very/long/path"), ["class elf: bin/a, bin/b: there is room for a path of 6 bytes"]);
        let newline = told(b"/s\nx");
        assert!(newline.len() == 3 && newline.iter().all(|text| text.contains("a newline")), "{newline:?}");
        assert_eq!(told(b"/s:x")[0], "class elf: bin/a, bin/b: a path there may not have the character :");
        assert_eq!(told(b"/s\xff")[1], "class shell: bin/sh1: a path there may not have bytes that are no UTF-8");
    }
}
