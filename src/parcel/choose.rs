//! Which file of the base a changed one is made from. Pure.
//!
//! The file of the same path; else one whose path is the same but for numbers (`numpy-1.25.dist-info/RECORD` and
//! `numpy-1.26.dist-info/RECORD`, `libfoo.so.1.2` and `libfoo.so.1.3`); else one of the same name, or of the same name but for
//! numbers, anywhere. Digests in names (`libavif-c6062d5f.so`) are numbers. Of several the one whose size is nearest, then the first by path. Whether a patch from it is worth
//! anything is for who makes it to see.

use crate::base::path::RelPath;
use crate::delta;
use crate::manifest::{Entry, Kind, Manifest};
use std::collections::HashMap;

/// The files of a base that may be patched.
pub(super) struct Bases<'m> {
    files: HashMap<&'m RelPath, (&'m Entry, u64)>,
    by_shape: HashMap<Vec<u8>, Vec<(&'m Entry, u64)>>,
    by_name: HashMap<&'m [u8], Vec<(&'m Entry, u64)>>,
    by_name_shape: HashMap<Vec<u8>, Vec<(&'m Entry, u64)>>,
}

impl<'m> Bases<'m> {
    /// Takes all files of a release that are small enough.
    pub(super) fn of(manifest: &'m Manifest) -> Self {
        let mut bases = Self {
            files: HashMap::new(),
            by_shape: HashMap::new(),
            by_name: HashMap::new(),
            by_name_shape: HashMap::new(),
        };
        for entry in &manifest.entries {
            match &entry.kind {
                Kind::File { size, .. } if (1..=delta::LARGEST).contains(size) => bases.add(entry, *size),
                Kind::HardLink { first } => {
                    if let Some(found) = bases.files.get(first).copied() {
                        bases.files.insert(&entry.path, found);
                    }
                }
                Kind::File { .. } | Kind::Dir | Kind::Symlink { .. } => {}
            }
        }
        bases
    }

    fn add(&mut self, entry: &'m Entry, size: u64) {
        let (path, found) = (&entry.path, (entry, size));
        self.files.insert(path, found);
        self.by_shape.entry(shape(path.as_bytes())).or_default().push(found);
        self.by_name.entry(path.name()).or_default().push(found);
        self.by_name_shape.entry(shape(path.name())).or_default().push(found);
    }

    /// The file that one of this path and size, in bytes, is made from.
    pub(super) fn find(&self, path: &RelPath, size: u64) -> Option<&'m Entry> {
        if !(1..=delta::LARGEST).contains(&size) {
            return None;
        }
        let nearest = |found: Option<&Vec<(&'m Entry, u64)>>| {
            // The first of those that are as near, and they are sorted by path.
            found?.iter().min_by_key(|(_, other)| other.abs_diff(size)).map(|(entry, _)| *entry)
        };
        let same = self.files.get(path).map(|(entry, _)| *entry);
        same.or_else(|| nearest(self.by_shape.get(&shape(path.as_bytes()))))
            .or_else(|| nearest(self.by_name.get(path.name())))
            .or_else(|| nearest(self.by_name_shape.get(&shape(path.name()))))
    }
}

/// A word of so many hexadecimal digits is taken for a digest: wheels carry `libavif-c6062d5f.so.16.4.2`.
const DIGEST: usize = 8;

/// A path without its numbers: digits with the dots between them are one sign, and so are digests.
fn shape(path: &[u8]) -> Vec<u8> {
    let mut shape: Vec<u8> = Vec::with_capacity(path.len());
    let mut rest = path;
    let mut within = false;
    while let Some(&byte) = rest.first() {
        let number = match digest(rest) {
            Some(len) if !within => len,
            _ => number(rest),
        };
        shape.push(if number > 0 { b'0' } else { byte });
        within = byte.is_ascii_alphanumeric();
        rest = rest.get(number.max(1)..).unwrap_or_default();
    }
    shape
}

/// How long the word is that these bytes begin with, where it looks like a digest.
fn digest(bytes: &[u8]) -> Option<usize> {
    let len = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    (len >= DIGEST && bytes.iter().take(len).all(u8::is_ascii_hexdigit)).then_some(len)
}

/// How long the number is that these bytes begin with; zero for none.
fn number(bytes: &[u8]) -> usize {
    let goes_on = |at: &usize| match bytes.get(*at) {
        Some(b'.') => *at > 0 && bytes.get(at + 1).is_some_and(u8::is_ascii_digit),
        byte => byte.is_some_and(u8::is_ascii_digit),
    };
    (0..bytes.len()).take_while(goes_on).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;
    use crate::manifest::{About, FORMAT};

    fn manifest(files: &[(&str, u64)]) -> Manifest {
        let about = About {
            format: FORMAT,
            tool: String::new(),
            old_prefixes: Vec::new(),
            floor: serde_json::Value::Null,
            capacity: None,
            at: None,
            proven: true,
        };
        let entry = |(path, size): &(&str, u64)| Entry {
            path: RelPath::new(path.as_bytes()).unwrap(),
            kind: Kind::File { size: *size, sha256: Digest::of(path.as_bytes()), sha256_before: None },
            mode: 0o444,
            mtime: None,
            changes: Vec::new(),
            places: Vec::new(),
            sums: Vec::new(),
        };
        Manifest { about, entries: files.iter().map(entry).collect() }
    }

    #[test]
    fn a_file_is_made_from_the_one_that_is_most_like_it_by_name() {
        let manifest = manifest(&[
            ("lib/empty", 0),
            ("lib/huge", delta::LARGEST + 1),
            ("lib/libfoo.so.1.2", 100),
            ("lib/libfoo.so.1.2.1", 900),
            ("lib/libssl-10ab.so", 50),
            ("sp/a-1.25.1.dist-info/RECORD", 70),
            ("sp/b-2.dist-info/RECORD", 500),
            ("sp/numpy/core.py", 10),
            ("sp/pandas/core.py", 1_000),
        ]);
        let bases = Bases::of(&manifest);
        let rows: [(&str, u64, Option<&str>); 11] = [
            ("sp/numpy/core.py", 1_000, Some("sp/numpy/core.py")),
            ("lib/libfoo.so.1.3", 110, Some("lib/libfoo.so.1.2")),
            ("lib/libfoo.so.2", 800, Some("lib/libfoo.so.1.2.1")),
            ("sp/a-1.26.0.dist-info/RECORD", 490, Some("sp/a-1.25.1.dist-info/RECORD")),
            ("sp/c-1.dist-info/RECORD", 400, Some("sp/b-2.dist-info/RECORD")),
            ("sp/scipy/core.py", 600, Some("sp/pandas/core.py")),
            ("lib64/libfoo.so.1.9", 890, Some("lib/libfoo.so.1.2.1")),
            ("sp/new.py", 10, None),
            ("lib/libssl-10ab.so", 0, None),
            ("lib/empty", 5, None),
            ("lib/huge", 5, None),
        ];
        for (path, size, wanted) in rows {
            let found = bases.find(&RelPath::new(path.as_bytes()).unwrap(), size);
            assert_eq!(found.map(|entry| entry.path.to_string()).as_deref(), wanted, "{path}");
        }
    }

    #[test]
    fn numbers_do_not_count() {
        for (path, wanted) in [
            ("a-1.25.3.dist", "a-0.dist"),
            ("x86_64.so.12", "x0_0.so.0"),
            ("1.py.", "0.py."),
            ("", ""),
            ("libavif-c6062d5f.so.16.4.2", "libavif-0.so.0"),
            ("libgfortran-040039e1-0352e75f.so.5", "libgfortran-0-0.so.0"),
            ("libxdeadbeef.so", "libxdeadbeef.so"),
            ("bad-cafe.py", "bad-cafe.py"),
        ] {
            assert_eq!(String::from_utf8(shape(path.as_bytes())).unwrap(), wanted);
        }
    }
}
