//! Where bytes name a prefix: offsets of whole names, never of a part of a longer one.
//!
//! Takes bytes and the prefixes; gives occurrences sorted by offset that do not overlap. `/p/root` is named in
//! `/p/root/lib`, `"/p/root"` and `-L/p/root:`, and not in `/p/root2` or `/p/root-1.2`. What may stand before it depends on
//! the bytes: in text a word before the slash makes it the tail of another path (`/tmp/dest/p/root`), in binary data it
//! does not, because strings lie there side by side with nothing between them.

use crate::base::path::Prefix;
use memchr::memmem::Finder;
use std::collections::BTreeMap;

/// How bytes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As text: what stands before the prefix counts.
    Text,
    /// As binary data: only what follows it counts.
    Binary,
}

/// One place where a prefix is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// Offset of the first byte of the prefix.
    pub offset: usize,
    /// Which prefix: its index in the list that [`Names`] was made from.
    pub prefix: usize,
    /// Length of the prefix in bytes.
    pub len: usize,
}

impl Occurrence {
    /// The offset behind its last byte.
    pub fn end(&self) -> usize {
        self.offset + self.len
    }
}

/// The prefixes to look for.
#[derive(Debug, Clone)]
pub struct Names {
    finders: Vec<(usize, Finder<'static>)>,
}

impl Names {
    /// Takes the prefixes in any order; where one begins with another, the longer one is found.
    pub fn new(prefixes: &[Prefix]) -> Self {
        let mut finders: Vec<_> =
            prefixes.iter().enumerate().map(|(at, prefix)| (at, Finder::new(prefix.as_bytes()).into_owned())).collect();
        finders.sort_by_key(|(_, finder)| std::cmp::Reverse(finder.needle().len()));
        Self { finders }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.finders.is_empty()
    }

    /// The length of the longest prefix, in bytes.
    pub fn longest(&self) -> usize {
        self.finders.first().map_or(0, |(_, finder)| finder.needle().len())
    }

    /// Finds every occurrence, sorted by offset.
    pub fn find(&self, bytes: &[u8], reading: Reading) -> Vec<Occurrence> {
        // By offset; what a longer prefix has taken is not taken again.
        let mut found: BTreeMap<usize, Occurrence> = BTreeMap::new();
        for (prefix, finder) in &self.finders {
            let len = finder.needle().len();
            for offset in finder.find_iter(bytes) {
                let starts = reading == Reading::Binary || starts_here(&bytes[..offset]);
                let before = found.range(..offset + len).next_back();
                let taken = before.is_some_and(|(_, longer)| offset < longer.end());
                if starts && !taken && ends_here(&bytes[offset + len..]) {
                    found.insert(offset, Occurrence { offset, prefix: *prefix, len });
                }
            }
        }
        found.into_values().collect()
    }

    /// Whether any prefix is named.
    pub fn any(&self, bytes: &[u8], reading: Reading) -> bool {
        self.finders.iter().any(|(_, finder)| {
            let len = finder.needle().len();
            finder.find_iter(bytes).any(|offset| {
                (reading == Reading::Binary || starts_here(&bytes[..offset])) && ends_here(&bytes[offset + len..])
            })
        })
    }
}

/// Whether the name of a directory can end before `rest`.
pub fn ends_here(rest: &[u8]) -> bool {
    match rest {
        [] => true,
        // The full stop of a sentence ends the name, `root.d` goes on; so does a quoted one, `root\.d`.
        [b'.', next @ ..] | [b'\\', b'.', next @ ..] => !next.first().is_some_and(|byte| goes_on(*byte)),
        [b'\\', b'-', ..] => false,
        [byte, ..] => !goes_on(*byte),
    }
}

/// Whether a byte goes on with the name of a directory.
fn goes_on(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+~@".contains(&byte) || byte >= 0x80
}

/// Whether an absolute path can begin after `before`: not behind a word, unless that is an option (`-L/p`), an escaped
/// character (`\n/p`) or a character of a format.
pub fn starts_here(before: &[u8]) -> bool {
    let in_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_.~@".contains(&byte) || byte >= 0x80;
    let word = before.iter().rev().take_while(|byte| in_word(**byte)).count();
    if word == 0 {
        return true;
    }
    let (rest, word) = before.split_at(before.len() - word);
    match rest.last() {
        Some(b'-') => true,
        // `\n`, and roff's change of font, `\fB`.
        Some(b'\\') => matches!(word, [_] | [b'f', _]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(&[b"/p/root".as_slice(), b"/p/root/opt"].map(|path| Prefix::new(path).unwrap()))
    }

    fn found(text: &[u8], reading: Reading) -> Vec<(usize, usize)> {
        names().find(text, reading).into_iter().map(|found| (found.offset, found.prefix)).collect()
    }

    #[test]
    fn a_name_ends_at_a_boundary() {
        for text in ["/p/root", "/p/root/lib", "\"/p/root\"", "/p/root:/x", "/p/root.", "/p/root\0", "/p/root$x"] {
            assert_eq!(found(text.as_bytes(), Reading::Text).len(), 1, "{text}");
        }
        for text in ["/p/root2", "/p/root-1.2", "/p/root.d", "/p/root_x", "/p/root\\.d", "/p/root\u{e9}", "/p/roo"] {
            assert_eq!(found(text.as_bytes(), Reading::Binary), [], "{text}");
        }
    }

    #[test]
    fn in_text_a_path_does_not_begin_behind_a_word() {
        for text in [
            "-L/p/root",
            "-Wl,-rpath,/p/root",
            "x=/p/root",
            "$(DESTDIR)/p/root",
            "\"a\\n/p/root\"",
            "-isystem/p/root",
            "\\fB/p/root",
        ] {
            assert_eq!(found(text.as_bytes(), Reading::Text).len(), 1, "{text}");
        }
        for text in ["/tmp/dest/p/root", "dest/p/root", "./p/root", "~/p/root"] {
            assert_eq!(found(text.as_bytes(), Reading::Text), [], "{text}");
            assert_eq!(found(text.as_bytes(), Reading::Binary).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_text_of_nothing_but_prefixes_takes_no_more_than_a_moment() {
        let text = b"/p/root/opt /p/root ".repeat(200_000);
        assert_eq!(names().find(&text, Reading::Text).len(), 400_000);
    }

    #[test]
    fn the_longer_prefix_is_found_first() {
        assert_eq!(found(b"/p/root/opt/x /p/root/optional", Reading::Text), [(0, 1), (14, 0)]);
    }
}
