//! The paths that are looked for, in every spelling, as one searcher.

use super::mention::Spelling;
use crate::base::path::Prefix;
use crate::elf::SplitText;
use memchr::memmem::Finder;
use std::ops::Range;

/// Why a path is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The software was built for it.
    OldPrefix,
    /// Where an old prefix leads through symlinks.
    RealPath,
    /// The software was built in it.
    BuildDirectory,
}

impl Origin {
    /// A stable word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::OldPrefix => "old-prefix",
            Self::RealPath => "real-path",
            Self::BuildDirectory => "build-directory",
        }
    }
}

/// One spelling of one path.
#[derive(Debug, Clone)]
pub(super) struct Needle {
    pub(super) wanted: usize,
    pub(super) spelling: Spelling,
    pub(super) bytes: Vec<u8>,
}

/// A part that several needles have in common. All bytes are searched for it, and only around it for the needles: one pass
/// is enough for most spellings of a path, because the name of a directory is written the same in all of them.
#[derive(Debug, Clone)]
struct Anchor {
    finder: Finder<'static>,
    /// The needles that have it, and where in each it begins.
    needles: Vec<(usize, usize)>,
}

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The paths and why each is looked for; a [`super::Mention`] names one by its index.
    pub paths: Vec<(Prefix, Origin)>,
    pub(super) needles: Vec<Needle>,
    /// The paths that a compiler may have taken apart, by index; build directories are not asked for.
    pub(super) split: Vec<(usize, SplitText)>,
    anchors: Vec<Anchor>,
}

/// An anchor shorter than this, in bytes, is no use.
const SHORTEST_ANCHOR: usize = 3;

impl Wanted {
    /// Prepares the search; a path that is there twice counts as what it was first.
    pub fn new(paths: impl IntoIterator<Item = (Prefix, Origin)>) -> Self {
        let mut wanted = Self { paths: Vec::new(), needles: Vec::new(), split: Vec::new(), anchors: Vec::new() };
        for (path, origin) in paths {
            if wanted.paths.iter().all(|(known, _)| *known != path) {
                wanted.add(path.as_bytes());
                if origin != Origin::BuildDirectory {
                    wanted.split.push((wanted.paths.len(), SplitText::new(path.as_bytes())));
                }
                wanted.paths.push((path, origin));
            }
        }
        wanted
    }

    fn add(&mut self, path: &[u8]) {
        let part = longest_word(path);
        for (spelling, encode) in SPELLINGS {
            let bytes = encoded(path, *encode);
            if self.needles.iter().any(|needle| needle.bytes == bytes) {
                continue;
            }
            let whole = part.len() < SHORTEST_ANCHOR;
            let within = if whole { 0..path.len() } else { part.clone() };
            let begin = encoded(&path[..within.start], *encode).len();
            let anchor = encoded(&path[within], *encode);
            self.anchor(&anchor, (self.needles.len(), begin));
            self.needles.push(Needle { wanted: self.paths.len(), spelling: *spelling, bytes });
        }
    }

    fn anchor(&mut self, bytes: &[u8], needle: (usize, usize)) {
        match self.anchors.iter_mut().find(|anchor| anchor.finder.needle() == bytes) {
            Some(anchor) => anchor.needles.push(needle),
            None => self.anchors.push(Anchor { finder: Finder::new(bytes).into_owned(), needles: vec![needle] }),
        }
    }

    /// Adds where any needle begins, from the first of these offsets to before the second, in no order; repeated where
    /// several needles begin.
    pub(super) fn starts(&self, bytes: &[u8], from: usize, to: usize, starts: &mut Vec<usize>) {
        let longest = self.needles.iter().map(|needle| needle.bytes.len()).max().unwrap_or(0);
        let Some(bytes) = bytes.get(..bytes.len().min(to.saturating_add(longest))) else { return };
        for anchor in &self.anchors {
            let mut at = from;
            while let Some(hit) = bytes.get(at..).and_then(|rest| anchor.finder.find(rest)) {
                let found = at + hit;
                let begin = |(needle, begin): &(usize, usize)| {
                    let start = found.checked_sub(*begin)?;
                    let is = bytes[start..].starts_with(&self.needles[*needle].bytes);
                    (is && (from..to).contains(&start)).then_some(start)
                };
                starts.extend(anchor.needles.iter().filter_map(begin));
                at = found + 1;
            }
        }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The path with this index.
    pub fn path(&self, wanted: usize) -> Option<&Prefix> {
        self.paths.get(wanted).map(|(path, _)| path)
    }

    /// Why the path with this index is looked for.
    pub fn origin(&self, wanted: usize) -> Option<Origin> {
        self.paths.get(wanted).map(|(_, origin)| *origin)
    }
}

/// How one byte of a path is written.
type Encode = fn(u8) -> Vec<u8>;

/// Every spelling; of some paths several are the same.
const SPELLINGS: &[(Spelling, Encode)] = &[
    (Spelling::Plain, |byte| vec![byte]),
    (Spelling::Escaped, |byte| replaced(byte, b"\\/", b".")),
    (Spelling::Escaped, |byte| replaced(byte, b"\\/", b"\\.")),
    (Spelling::Escaped, |byte| replaced(byte, b"/", b"\\.")),
    (Spelling::Escaped, |byte| replaced(byte, b"\\\\/", b".")),
    (Spelling::Percent, |byte| percent(byte, b"%2F", true)),
    (Spelling::Percent, |byte| percent(byte, b"%2f", false)),
    (Spelling::Percent, |byte| percent(byte, b"/", true)),
    (Spelling::Percent, |byte| percent(byte, b"/", false)),
    (Spelling::Utf16, |byte| vec![byte, 0]),
];

fn encoded(path: &[u8], encode: Encode) -> Vec<u8> {
    path.iter().flat_map(|byte| encode(*byte)).collect()
}

fn replaced(byte: u8, slash: &[u8], dot: &[u8]) -> Vec<u8> {
    match byte {
        b'/' => slash.to_vec(),
        b'.' => dot.to_vec(),
        byte => vec![byte],
    }
}

/// Percent codes for all but unreserved characters (RFC 3986, section 2.3), and `slash` for slashes.
fn percent(byte: u8, slash: &[u8], upper: bool) -> Vec<u8> {
    match byte {
        b'/' => slash.to_vec(),
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => vec![byte],
        byte if upper => format!("%{byte:02X}").into_bytes(),
        byte => format!("%{byte:02x}").into_bytes(),
    }
}

/// Where the longest run lies that all spellings but two-byte characters write alike.
fn longest_word(path: &[u8]) -> Range<usize> {
    let mut longest = 0..0;
    let mut begin = 0;
    for end in 0..=path.len() {
        if path.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte)) {
            continue;
        }
        if end - begin > longest.len() {
            longest = begin..end;
        }
        begin = end + 1;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spelling_is_there_once() {
        let path = |text: &[u8]| (Prefix::new(text).unwrap(), Origin::OldPrefix);
        let wanted = Wanted::new([path(b"/p/a b-1.2"), path(b"/p/a b-1.2/")]);
        assert_eq!(wanted.paths.len(), 1);
        let texts: Vec<_> = wanted.needles.iter().map(|needle| String::from_utf8_lossy(&needle.bytes)).collect();
        for text in [
            "/p/a b-1.2",
            "\\/p\\/a b-1.2",
            "\\/p\\/a b-1\\.2",
            "/p/a b-1\\.2",
            "\\\\/p\\\\/a b-1.2",
            "%2Fp%2Fa%20b-1.2",
            "%2fp%2fa%20b-1.2",
            "/p/a%20b-1.2",
        ] {
            assert_eq!(texts.iter().filter(|known| *known == text).count(), 1, "{text}");
        }
        assert_eq!(wanted.needles.len(), 9);
    }

    #[test]
    fn a_needle_is_found_wherever_its_anchor_overlaps_another() {
        for path in ["/FF/x", "/abab/abab", "/p/root", "/\u{e9}", "/a", "/usr/local/a.b"] {
            let wanted = Wanted::new([(Prefix::new(path.as_bytes()).unwrap(), Origin::OldPrefix)]);
            for needle in &wanted.needles {
                let text = [b"xxFab", needle.bytes.as_slice(), b"ab", &needle.bytes].concat();
                let mut starts = Vec::new();
                wanted.starts(&text, 0, text.len(), &mut starts);
                assert!(starts.contains(&5), "{path}: {:?}", needle.spelling);
                assert!(starts.contains(&(7 + needle.bytes.len())), "{path}: {:?}", needle.spelling);
                starts.clear();
                wanted.starts(&text, 6, text.len() - 1, &mut starts);
                assert!(!starts.contains(&5) && starts.contains(&(7 + needle.bytes.len())), "{path}");
            }
        }
    }
}
