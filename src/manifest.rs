//! The records an archive carries about itself: `.relocate/about.json`, its first entry, and `.relocate/manifest.json`, its
//! last; and the one a tree carries about where it is ([`Whereabouts`]).
//!
//! Takes and gives bytes; touches no file. The format has a number; a reader refuses a newer one by name and says which
//! version of the tool wrote it, and takes unknown fields of its own format as additions. Refuses text that is no record,
//! paths that are not clean, and entries that are not sorted or are there twice.

mod whereabouts;

pub use whereabouts::Whereabouts;

use crate::base::digest::Digest;
use crate::base::path::{Prefix, RelPath, deserialize_bytes, serialize_bytes};
use crate::base::sums::SumForm;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The number of the format this version writes, and the newest it reads.
pub const FORMAT: u32 = 1;
/// The directory of the records in a tree.
pub const DIRECTORY: &str = ".relocate";
/// Where `about.json` lies in a tree.
pub const ABOUT: &str = ".relocate/about.json";
/// Where `manifest.json` lies in a tree.
pub const MANIFEST: &str = ".relocate/manifest.json";
/// The directory of programs of ours.
pub const TOOLS: &str = ".relocate/bin";
/// Where the tool itself lies, in an archive that needs it on the target.
pub const TOOL: &str = ".relocate/bin/relocate";
/// Where the bill of materials lies, in a tree that holds packages.
pub const BILL: &str = ".relocate/sbom.cdx.json";
/// Where an installed tree says which path it is at.
pub const PLACE: &str = ".relocate/place.json";

/// What an installer must know before it unpacks the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// The version of the tool that wrote it.
    pub tool: String,
    /// The prefixes the software was built for, in the order given or found.
    pub old_prefixes: Vec<Prefix>,
    /// What the host must offer: system libraries' versions, kernel, processor level. Its shape is the judge's own.
    #[serde(default)]
    pub floor: serde_json::Value,
    /// How many bytes the path it is unpacked at may have where files need that path inside them; none where no file does.
    #[serde(default)]
    pub capacity: Option<u64>,
    /// The path its files name in their [`Places`], where that is not the old prefix any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Prefix>,
    /// Whether the closure of what it needs was proven before it got its name.
    pub proven: bool,
}

/// The record of every path of a tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The same as `about.json`.
    pub about: About,
    /// Every path but those of [`DIRECTORY`], sorted.
    pub entries: Vec<Entry>,
}

/// One path of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path in the tree.
    pub path: RelPath,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
    /// The permission bits, 07777 at most; written as an octal string such as `"0755"`.
    #[serde(serialize_with = "write_mode", deserialize_with = "read_mode")]
    pub mode: u32,
    /// Its modification time in seconds since 1970, in a published release, where it is another than that of all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtime: Option<i64>,
    /// What was changed in it, in the order it was done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Where its bytes name the path of the tree, which must be known to be written there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Places>,
    /// Where its bytes have sums of other files that depend on the path of the tree, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sums: Vec<Sum>,
}

/// Where one file names one path: what an installer overwrites when the path of the tree is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// How the new path is written.
    pub how: How,
    /// What kind of file it is, such as `elf` or `shell`; a stable word.
    pub class: String,
    /// What the file was built for there: an index in [`About::old_prefixes`].
    pub prefix: usize,
    /// Byte offsets in the file as the archive has it, sorted.
    pub at: Vec<u64>,
}

/// A sum of another file of the tree: what an installer writes anew when that file got the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Byte offset in the file as the archive has it.
    pub at: u64,
    /// How it is written.
    pub form: SumForm,
    /// The file whose sum it is, by its first name.
    pub of: RelPath,
    /// What stands there in the archive.
    #[serde(serialize_with = "write_bytes", deserialize_with = "deserialize_bytes")]
    pub text: Vec<u8>,
}

/// How a path is written where another one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// In as many bytes as the old prefix has, with slashes before it: nothing else in the file moves.
    Padded,
    /// In as many bytes as it has: text, in which what follows moves.
    Text,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Kind {
    /// A directory.
    Dir,
    /// A regular file, under its first name.
    File {
        /// Length in bytes.
        size: u64,
        /// Digest of the bytes in the archive.
        sha256: Digest,
        /// Digest of the bytes in ROOT, where they were others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256_before: Option<Digest>,
    },
    /// A symbolic link.
    Symlink {
        /// Its target, byte for byte.
        #[serde(serialize_with = "write_bytes", deserialize_with = "deserialize_bytes")]
        target: Vec<u8>,
    },
    /// A further name of a regular file.
    HardLink {
        /// The first name, which sorts before this one.
        first: RelPath,
    },
}

/// One change made to a file or link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What was changed: a stable word such as `runpath`, `shebang`, `symlink`.
    pub kind: String,
    /// What stood there; empty for something added.
    #[serde(serialize_with = "write_bytes", deserialize_with = "deserialize_bytes")]
    pub from: Vec<u8>,
    /// What stands there now; empty for something removed.
    #[serde(serialize_with = "write_bytes", deserialize_with = "deserialize_bytes")]
    pub to: Vec<u8>,
    /// Why.
    pub why: String,
}

impl About {
    /// The record as it stands in the archive, with a newline at the end.
    pub fn to_bytes(&self) -> Vec<u8> {
        pretty(self)
    }

    /// Reads `about.json`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let format: FormatOnly = read(ABOUT, bytes)?;
        format.check(ABOUT)?;
        read(ABOUT, bytes)
    }
}

impl Manifest {
    /// The record as it stands in the archive: one line for each entry, so that a difference of two can be read.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Self::opening(&self.about);
        for (at, entry) in self.entries.iter().enumerate() {
            Self::append(at, entry, &mut bytes);
        }
        bytes.extend_from_slice(Self::CLOSING);
        bytes
    }

    /// What stands before the entries. With [`Manifest::append`] and [`Manifest::CLOSING`] the record is made piece by piece:
    /// with all of it in memory at once, trees of many files would take as much again.
    pub fn opening(about: &About) -> Vec<u8> {
        let mut bytes = b"{\"about\": ".to_vec();
        append_line(about, &mut bytes);
        bytes.extend_from_slice(b",\n\"entries\": [\n");
        bytes
    }

    /// Appends the line of an entry; the first has the number 0, and they are sorted by path.
    pub fn append(number: usize, entry: &Entry, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(if number == 0 { b"" } else { b",\n" });
        append_line(entry, bytes);
    }

    /// What stands behind the entries.
    pub const CLOSING: &[u8] = b"\n]}\n";

    /// Reads `manifest.json`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let outer: AboutOnly = read(MANIFEST, bytes)?;
        outer.about.check(MANIFEST)?;
        let manifest: Self = read(MANIFEST, bytes)?;
        match manifest.entries.windows(2).find(|pair| pair[0].path >= pair[1].path) {
            Some(pair) => Err(ManifestError::NotSorted { path: pair[1].path.clone() }),
            None => Ok(manifest),
        }
    }

    /// Finds the entry of a path.
    pub fn entry(&self, path: &RelPath) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| entry.path.cmp(path)).ok()?;
        self.entries.get(at)
    }
}

/// Why a record cannot be used.
#[derive(Debug)]
pub enum ManifestError {
    /// It is not what the format says.
    Malformed {
        /// Which record.
        record: &'static str,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A newer version of the tool wrote it.
    Newer {
        /// Which record.
        record: &'static str,
        /// Its format number.
        format: u32,
        /// The version that wrote it.
        tool: String,
    },
    /// An entry stands behind one that sorts after it, or twice.
    NotSorted {
        /// The entry.
        path: RelPath,
    },
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { record, source } => write!(f, "cannot read {record}: {source}"),
            Self::Newer { record, format, tool } => write!(
                f,
                "cannot read {record}: its format is {format} and this version reads up to {FORMAT}; use relocate {tool} \
                 or newer"
            ),
            Self::NotSorted { path } => write!(f, "cannot read {MANIFEST}: the entry '{path}' is not in its place"),
        }
    }
}

impl std::error::Error for ManifestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed { source, .. } => Some(source),
            Self::Newer { .. } | Self::NotSorted { .. } => None,
        }
    }
}

/// What is read first, so that a newer format is told from a broken record.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
    #[serde(default)]
    tool: String,
}

#[derive(Deserialize)]
struct AboutOnly {
    about: FormatOnly,
}

impl FormatOnly {
    fn check(self, record: &'static str) -> Result<(), ManifestError> {
        if self.format <= FORMAT {
            return Ok(());
        }
        Err(ManifestError::Newer { record, format: self.format, tool: self.tool })
    }
}

fn read<'de, T: Deserialize<'de>>(record: &'static str, bytes: &'de [u8]) -> Result<T, ManifestError> {
    serde_json::from_slice(bytes).map_err(|source| ManifestError::Malformed { record, source })
}

#[expect(clippy::expect_used, reason = "the records hold only strings, numbers and lists; these always serialise")]
fn append_line(record: &impl Serialize, bytes: &mut Vec<u8>) {
    serde_json::to_writer(bytes, record).expect("a record serialises");
}

#[expect(clippy::expect_used, reason = "the records hold only strings, numbers and lists; these always serialise")]
fn pretty(record: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(record).expect("a record serialises");
    bytes.push(b'\n');
    bytes
}

fn write_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serialize_bytes(bytes, serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's serialize_with passes a reference")]
fn write_mode<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{mode:04o}"))
}

fn read_mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let text = String::deserialize(deserializer)?;
    u32::from_str_radix(&text, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777)
        .ok_or_else(|| serde::de::Error::custom(format!("'{text}' is not a mode such as 0755")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rel(text: &[u8]) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn about() -> About {
        let old_prefixes = vec![Prefix::new(b"/home/ourapp/root").unwrap()];
        let floor = serde_json::json!({"GLIBC": "2.31"});
        About { format: FORMAT, tool: "0.1.0".into(), old_prefixes, floor, capacity: Some(26), at: None, proven: true }
    }

    fn entry(path: &[u8], kind: Kind) -> Entry {
        Entry {
            path: rel(path),
            kind,
            mode: 0o755,
            mtime: None,
            changes: Vec::new(),
            places: Vec::new(),
            sums: Vec::new(),
        }
    }

    fn manifest() -> Manifest {
        let sha256 = Digest::of(b"new");
        let file = Kind::File { size: 3, sha256, sha256_before: Some(Digest::of(b"old")) };
        let mut changed = entry(b"lib/\xff.so", file);
        changed.mode = 0o4511;
        let (from, to) = (b"/home/ourapp/root/lib".to_vec(), b"$ORIGIN/\xfe".to_vec());
        changed.changes.push(Change { kind: "runpath".into(), from, to, why: "leads to libz.so.1".into() });
        let entries = vec![
            entry(b"lib", Kind::Dir),
            entry(b"lib/a\nb", Kind::Symlink { target: b"../\xff".to_vec() }),
            changed,
            entry(b"lib/\xff.so.1", Kind::HardLink { first: rel(b"lib/\xff.so") }),
        ];
        Manifest { about: about(), entries }
    }

    #[test]
    fn records_read_back_what_they_wrote() {
        assert_eq!(About::parse(&about().to_bytes()).unwrap(), about());
        let bytes = manifest().to_bytes();
        assert_eq!(Manifest::parse(&bytes).unwrap(), manifest());
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(r#""mode":"4511""#) && text.contains(r#""type":"symlink""#), "{text}");
        assert_eq!(text.lines().count(), 2 + 4 + 1);
        let empty = Manifest { entries: Vec::new(), ..manifest() };
        assert_eq!(Manifest::parse(&empty.to_bytes()).unwrap(), empty);
    }

    #[test]
    fn an_entry_is_found_by_its_path() {
        assert_eq!(manifest().entry(&rel(b"lib/a\nb")), manifest().entries.get(1));
        assert_eq!(manifest().entry(&rel(b"bin")), None);
    }

    #[test]
    fn a_newer_format_says_which_version_is_needed() {
        let newer = br#"{"format": 7, "tool": "3.2.1", "shape": ["quite", "another"]}"#;
        let error = About::parse(newer).unwrap_err().to_string();
        assert!(error.contains("format is 7") && error.contains("use relocate 3.2.1 or newer"), "{error}");
        let newer = [br#"{"entries": 5, "about": "#.as_slice(), newer, b"}"].concat();
        assert!(matches!(Manifest::parse(&newer), Err(ManifestError::Newer { format: 7, .. })));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let good = String::from_utf8(manifest().to_bytes()).unwrap();
        let rows = [
            ("not json".to_owned(), "expected ident"),
            (good.replace("\"4511\"", "\"9999\""), "'9999' is not a mode"),
            (good.replace("\"4511\"", "\"17777\""), "'17777' is not a mode"),
            (good.replace("\"path\":\"lib\"", "\"path\":\"../lib\""), "not a clean relative path"),
            (good.replace("\"path\":\"lib\"", "\"path\":\"zzz\""), "is not in its place"),
            (good.replace("\"dir\"", "\"device\""), "unknown variant `device`"),
            (good.replace("\"size\":3,", ""), "missing field `size`"),
            (good[..good.len() / 2].to_owned(), "EOF while parsing"),
        ];
        for (text, message) in rows {
            let error = Manifest::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
