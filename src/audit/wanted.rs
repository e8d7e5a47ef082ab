//! The paths that are looked for, in every spelling, as one searcher.

use super::mention::Spelling;
use crate::base::path::Prefix;
use aho_corasick::{AhoCorasick, BuildError, MatchKind};

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

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The paths and why each is looked for; a [`super::Mention`] names one by its index.
    pub paths: Vec<(Prefix, Origin)>,
    pub(super) needles: Vec<Needle>,
    pub(super) searcher: AhoCorasick,
}

impl Wanted {
    /// Prepares the search; a path that is there twice counts as what it was first. Fails where there are more
    /// paths than a searcher can hold.
    pub fn new(paths: impl IntoIterator<Item = (Prefix, Origin)>) -> Result<Self, BuildError> {
        let mut all: Vec<(Prefix, Origin)> = Vec::new();
        for (path, origin) in paths {
            if all.iter().all(|(known, _)| *known != path) {
                all.push((path, origin));
            }
        }
        let mut needles: Vec<Needle> = Vec::new();
        for (wanted, (path, _)) in all.iter().enumerate() {
            for (spelling, bytes) in spellings(path.as_bytes()) {
                if needles.iter().all(|needle| needle.bytes != bytes) {
                    needles.push(Needle { wanted, spelling, bytes });
                }
            }
        }
        let searcher = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(needles.iter().map(|needle| &needle.bytes))?;
        Ok(Self { paths: all, needles, searcher })
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

/// Every spelling of a path; some may be the same.
fn spellings(path: &[u8]) -> Vec<(Spelling, Vec<u8>)> {
    let with = |slash: &[u8], dot: &[u8]| replaced(path, slash, dot);
    let percent = |slash: &[u8], upper: bool| percent(path, slash, upper);
    vec![
        (Spelling::Plain, path.to_vec()),
        (Spelling::Escaped, with(b"\\/", b".")),
        (Spelling::Escaped, with(b"\\/", b"\\.")),
        (Spelling::Escaped, with(b"/", b"\\.")),
        (Spelling::Escaped, with(b"\\\\/", b".")),
        (Spelling::Percent, percent(b"%2F", true)),
        (Spelling::Percent, percent(b"%2f", false)),
        (Spelling::Percent, percent(b"/", true)),
        (Spelling::Percent, percent(b"/", false)),
        (Spelling::Utf16, path.iter().flat_map(|byte| [*byte, 0]).collect()),
    ]
}

/// Percent codes for all but unreserved characters (RFC 3986, section 2.3), and `slash` for slashes.
fn percent(path: &[u8], slash: &[u8], upper: bool) -> Vec<u8> {
    let each = path.iter().flat_map(|byte| match byte {
        b'/' => slash.to_vec(),
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) => vec![*byte],
        byte if upper => format!("%{byte:02X}").into_bytes(),
        byte => format!("%{byte:02x}").into_bytes(),
    });
    each.collect()
}

fn replaced(path: &[u8], slash: &[u8], dot: &[u8]) -> Vec<u8> {
    let each = path.iter().flat_map(|byte| match byte {
        b'/' => slash.to_vec(),
        b'.' => dot.to_vec(),
        byte => vec![*byte],
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spelling_is_there_once() {
        let path = |text: &[u8]| (Prefix::new(text).unwrap(), Origin::OldPrefix);
        let wanted = Wanted::new([path(b"/p/a b-1.2"), path(b"/p/a b-1.2/")]).unwrap();
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
}
