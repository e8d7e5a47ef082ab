//! Paths as the kernel sees them: bytes. Two kinds that are never mixed up: inside a tree, and absolute.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A path inside a tree: components joined by single slashes, no leading or trailing slash, no `.` and no `..`.
/// The empty path is the tree itself. Ordered by components, so that a directory comes right before what it holds.
/// A clone shares the bytes: large trees have their paths in many lists.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct RelPath(Arc<[u8]>);

impl RelPath {
    /// The tree itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// Takes a relative path apart and puts it together clean; `.` and doubled slashes vanish.
    /// `None` if it is absolute, has a `..`, or a NUL byte.
    pub fn new(path: &[u8]) -> Option<Self> {
        if path.first() == Some(&b'/') || path.contains(&0) {
            return None;
        }
        if path.is_empty() || path.split(|byte| *byte == b'/').all(|part| !matches!(part, b"" | b"." | b"..")) {
            return Some(Self(path.into()));
        }
        let mut clean = Self::root();
        for part in parts(path) {
            if part == b".." {
                return None;
            }
            clean = clean.join(part);
        }
        Some(clean)
    }

    /// The bytes, without leading or trailing slash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the tree itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The components, outermost first.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        parts(&self.0)
    }

    /// How many components it has: the number of `..` that lead from it, as a directory, to the tree itself.
    pub fn depth(&self) -> usize {
        self.parts().count()
    }

    /// Appends one component, which must hold no slash.
    #[must_use]
    pub fn join(&self, part: &[u8]) -> Self {
        debug_assert!(!part.contains(&b'/'), "join takes one component");
        let slash: &[u8] = if self.is_root() { b"" } else { b"/" };
        Self([&*self.0, slash, part].concat().into())
    }

    /// Appends another relative path.
    #[must_use]
    pub fn join_path(&self, other: &Self) -> Self {
        other.parts().fold(self.clone(), |path, part| path.join(part))
    }

    /// The directory that holds it; the tree itself has none.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Some(Self(self.0[..end].into()))
    }

    /// The last component; empty for the tree itself.
    pub fn name(&self) -> &[u8] {
        let start = self.0.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        &self.0[start..]
    }

    /// Whether it is `dir` or lies below it.
    pub fn starts_with(&self, dir: &Self) -> bool {
        dir.is_root() || (self.0.starts_with(&dir.0) && matches!(self.0.get(dir.0.len()), None | Some(b'/')))
    }

    /// Whether it lies in `dir` itself, not in a directory of it.
    pub fn lies_in(&self, dir: &Self) -> bool {
        let start = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        !self.is_root() && self.0[..start] == *dir.0
    }

    /// The way from directory `self` to `target` by `..` and components; empty where they are the same.
    pub fn way_to(&self, target: &Self) -> Vec<u8> {
        let shared = self.parts().zip(target.parts()).take_while(|(a, b)| a == b).count();
        let up = std::iter::repeat_n(&b".."[..], self.depth() - shared);
        up.chain(target.parts().skip(shared)).collect::<Vec<_>>().join(&b'/')
    }

    /// The path on disk of this file of the tree at `root`.
    pub fn under(&self, root: &Path) -> PathBuf {
        if self.is_root() { root.to_owned() } else { root.join(OsStr::from_bytes(&self.0)) }
    }

    /// For messages: what is not UTF-8 or would disturb a terminal is escaped.
    pub fn display(&self) -> Cow<'_, str> {
        if self.is_root() { Cow::Borrowed(".") } else { printable(&self.0) }
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelPath({})", self.display())
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display())
    }
}

impl Ord for RelPath {
    /// Part by part, which is byte by byte with the slash before all others; trees are kept and looked up by this order, so
    /// it has to be quick.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let rank = |byte: &u8| if *byte == b'/' { 0 } else { u16::from(*byte) + 1 };
        let same = common(&self.0, &other.0);
        self.0.get(same).map(rank).cmp(&other.0.get(same).map(rank))
    }
}

/// How many bytes two paths begin with together.
fn common(one: &[u8], other: &[u8]) -> usize {
    let mut words = one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0);
    let words = words.position(|(one, other)| one != other).unwrap_or(one.len().min(other.len()) / 8);
    let rest = one.iter().zip(other).skip(words * 8).take_while(|(one, other)| one == other);
    words * 8 + rest.count()
}

impl PartialOrd for RelPath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for RelPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_bytes(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserialize_bytes(deserializer)?;
        Self::new(&bytes)
            .filter(|path| path.as_bytes() == bytes)
            .ok_or_else(|| serde::de::Error::custom(format!("'{}' is not a clean relative path", printable(&bytes))))
    }
}

/// An absolute path that software was built for: normalised, no trailing slash, not `/` itself.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix(Vec<u8>);

impl Prefix {
    /// Normalises an absolute path by its text alone (`//`, `.`, `..`); `None` if it is relative, is `/`, or has a NUL
    /// byte.
    pub fn new(path: &[u8]) -> Option<Self> {
        let clean = normalise_absolute(path)?;
        (clean != b"/").then_some(Self(clean))
    }

    /// The bytes: a leading slash, no trailing one.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What `path` is called inside the prefix, by text alone; `None` if it lies outside. `/p/rootX` is outside `/p/root`.
    pub fn strip(&self, path: &[u8]) -> Option<RelPath> {
        let clean = normalise_absolute(path)?;
        let rest = clean.strip_prefix(self.0.as_slice())?;
        match rest {
            [] => Some(RelPath::root()),
            [b'/', rest @ ..] => RelPath::new(rest),
            _ => None,
        }
    }

    /// For messages.
    pub fn display(&self) -> Cow<'_, str> {
        printable(&self.0)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({})", self.display())
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display())
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_bytes(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserialize_bytes(deserializer)?;
        Self::new(&bytes)
            .ok_or_else(|| serde::de::Error::custom(format!("'{}' is not an absolute prefix", printable(&bytes))))
    }
}

impl Prefix {
    /// What follows the prefix in `path` as it is written, `..` and all; `None` if its first components are others.
    /// Unlike [`Prefix::strip`] this leaves `a/../b` to whoever knows whether `a` is a symlink.
    pub fn rest<'a>(&self, path: &'a [u8]) -> Option<Vec<&'a [u8]>> {
        let mut written = (path.first() == Some(&b'/')).then(|| parts(path))?;
        parts(&self.0).all(|part| written.next() == Some(part)).then(|| written.collect())
    }
}

/// Splits at slashes and leaves out empty parts and `.`; `..` stays.
pub fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".")
}

/// Cleans an absolute path by its text alone; `..` at the top stays at the top, as in the kernel. `None` if it is
/// relative or has a NUL byte.
pub fn normalise_absolute(path: &[u8]) -> Option<Vec<u8>> {
    if path.first() != Some(&b'/') || path.contains(&0) {
        return None;
    }
    let mut clean: Vec<&[u8]> = Vec::new();
    for part in parts(path) {
        if part == b".." {
            clean.pop();
        } else {
            clean.push(part);
        }
    }
    Some([b"/", clean.join(&b'/').as_slice()].concat())
}

/// Bytes for a message: UTF-8 as it is, other bytes as `\xNN`, control characters escaped.
pub fn printable(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.contains(char::is_control)
    {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                shown.extend(character.escape_default());
            } else {
                shown.push(character);
            }
        }
        for byte in chunk.invalid() {
            shown.push_str("\\x");
            shown.push_str(&hex(&[*byte]));
        }
    }
    Cow::Owned(shown)
}

/// Two lower-case hexadecimal digits a byte.
fn hex(bytes: &[u8]) -> String {
    let digits = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

/// Bytes in JSON: a string where they are UTF-8, else `{"hex": "..."}`, so that nothing is lost.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum BytesInJson<'a> {
    Text(Cow<'a, str>),
    Hex { hex: String },
}

/// Serialises bytes as a string where they are UTF-8, else as `{"hex": "..."}`.
pub fn serialize_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let json = match std::str::from_utf8(bytes) {
        Ok(text) => BytesInJson::Text(Cow::Borrowed(text)),
        Err(_) => BytesInJson::Hex { hex: hex(bytes) },
    };
    json.serialize(serializer)
}

/// Reads what [`serialize_bytes`] wrote.
pub fn deserialize_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    match BytesInJson::deserialize(deserializer)? {
        BytesInJson::Text(text) => Ok(text.into_owned().into_bytes()),
        BytesInJson::Hex { hex } => (0..hex.len())
            .step_by(2)
            .map(|at| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect::<Option<_>>()
            .ok_or_else(|| serde::de::Error::custom(format!("'{hex}' is not hexadecimal"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rel(text: &str) -> RelPath {
        RelPath::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_prefix_ends_at_a_component() {
        let prefix = Prefix::new(b"/p//root/./").unwrap();
        assert_eq!(prefix.strip(b"/p/root"), Some(RelPath::root()));
        assert_eq!(prefix.strip(b"/p/root/"), Some(RelPath::root()));
        assert_eq!(prefix.strip(b"/p/root//lib/../lib64/."), Some(rel("lib64")));
        assert_eq!(prefix.strip(b"/p/rootX/lib"), None);
        assert_eq!(prefix.strip(b"/p/root/../other"), None);
        assert_eq!(Prefix::new(b"/"), None);
        assert_eq!(Prefix::new(b"relative"), None);
    }

    #[test]
    fn the_way_between_directories_is_the_shortest() {
        assert_eq!(rel("bin").way_to(&rel("lib")), b"../lib");
        assert_eq!(rel("lib/a/b").way_to(&rel("lib")), b"../..");
        assert_eq!(rel("lib").way_to(&rel("lib")), b"");
        assert_eq!(RelPath::root().way_to(&rel("lib")), b"lib");
        assert_eq!(rel("lib/python").way_to(&rel("lib/pyth")), b"../pyth");
    }

    #[test]
    fn a_directory_sorts_right_before_what_it_holds() {
        let mut paths = vec![rel("a-b"), rel("a/c"), rel("a"), rel("a.b")];
        paths.sort();
        assert_eq!(paths, [rel("a"), rel("a/c"), rel("a-b"), rel("a.b")]);
    }

    #[test]
    fn paths_are_ordered_as_their_components_are() {
        let all = ["", "a", "a/b", "a/b/c", "a b", "a!", "a.b", "a/b.c", "a/bc", "ab", "ab/a", "\u{1}", "a/\u{1}", "b"];
        for (one, other) in all.iter().flat_map(|one| all.iter().map(move |other| (rel(one), rel(other)))) {
            assert_eq!(one.cmp(&other), one.parts().cmp(other.parts()), "{one} {other}");
        }
        assert_eq!(rel("./a//b/."), rel("a/b"));
    }

    #[test]
    fn names_that_are_not_utf8_survive_json() {
        for bytes in [&b"lib/\xff\xfe.so"[..], b"plain", "k\u{e4}se".as_bytes()] {
            let path = RelPath::new(bytes).unwrap();
            let json = serde_json::to_string(&path).unwrap();
            assert_eq!(serde_json::from_str::<RelPath>(&json).unwrap(), path);
        }
        assert!(serde_json::from_str::<RelPath>("\"../x\"").is_err());
        assert_eq!(printable(b"a\nb\xff"), "a\\nb\\xff");
    }
}
