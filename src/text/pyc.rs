//! A compiled Python file: its header, as far as it says which source it belongs to, and where its strings name a prefix.
//!
//! Three layouts (PEP 3147, PEP 552, CPython `Lib/importlib/_bootstrap_external.py`): magic and mtime up to 3.2; magic,
//! mtime and size up to 3.6; magic, flags, mtime and size since. Flags 0 means the mtime counts.

use super::occurrence::{ends_here, starts_here};
use crate::base::path::{Prefix, RelPath};
use memchr::memmem;
use std::collections::BTreeMap;

/// Where a timestamp .pyc keeps its source's modification time, and what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// File offset of the four little-endian bytes.
    pub offset: u32,
    /// The source's modification time, seconds since 1970, modulo 2^32.
    pub mtime: u32,
}

/// The class of a compiled file whose strings get the path of the tree together with its source.
pub const CLASS: &str = "pyc";

/// The first magic number with a size behind the time (3.3 alpha 4; PEP 3147 has the list).
const SIZE_SINCE: u16 = 3210;
/// The first magic number with a flags word (3.7 alpha 4).
const FLAGS_SINCE: u16 = 3390;
/// Python 2's numbers are above, Python 3's below.
const PYTHON_2: u16 = 20_000;

/// Reads the stamp from a file's first bytes; `None` for a hash-based one and for what is no .pyc.
pub fn stamp(head: &[u8]) -> Option<Stamp> {
    let word = |at: usize| head.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let magic = u16::from_le_bytes(head.get(..2)?.try_into().ok()?);
    if head.get(2..4)? != b"\r\n" || magic < 3000 {
        return None;
    }
    let flags = (FLAGS_SINCE..PYTHON_2).contains(&magic);
    if flags && word(4)? != 0 {
        return None;
    }
    let offset = if flags { 8 } else { 4 };
    Some(Stamp { offset, mtime: word(offset as usize)? })
}

/// Where a timestamp .pyc keeps the size of its source (four little-endian bytes); `None` where it has none.
pub fn source_size(head: &[u8]) -> Option<u64> {
    let magic = u16::from_le_bytes(head.get(..2)?.try_into().ok()?);
    let stamp = stamp(head)?;
    (SIZE_SINCE..PYTHON_2).contains(&magic).then_some(u64::from(stamp.offset) + 4)
}

/// Whether a .pyc has a hash of its source (PEP 552), and if so, whether Python compares it.
pub fn is_checked(head: &[u8]) -> Option<bool> {
    let magic = u16::from_le_bytes(head.get(..2)?.try_into().ok()?);
    if !(FLAGS_SINCE..PYTHON_2).contains(&magic) {
        return None;
    }
    match head.get(2..8)? {
        b"\r\n\x03\0\0\0" => Some(true),
        b"\r\n\x01\0\0\0" => Some(false),
        _ => None,
    }
}

/// Where the strings of a .pyc name a prefix (index, offset), sorted; `None` where that cannot be told for sure.
///
/// A string has its length before it (CPython `Python/marshal.c`), so at the start of one its end is known exactly; within
/// one the name ends as it does in text.
pub fn places(bytes: &[u8], prefixes: &[Prefix]) -> Option<Vec<(usize, u64)>> {
    let mut longest_first: Vec<_> = prefixes.iter().enumerate().collect();
    longest_first.sort_by_key(|(_, prefix)| std::cmp::Reverse(prefix.as_bytes().len()));
    let mut found: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for (index, prefix) in longest_first {
        let len = prefix.as_bytes().len();
        for offset in memmem::find_iter(bytes, prefix.as_bytes()) {
            if found.range(..offset + len).next_back().is_some_and(|(at, (_, len))| offset < at + len) {
                continue;
            }
            let rest = &bytes[offset + len..];
            match string_at(bytes, offset) {
                Some(string) if string.len() >= len => match &string[len..] {
                    // Another directory, in the source too.
                    after if !ends_here(after) => continue,
                    _ => {}
                },
                _ if rest.starts_with(b"/") && starts_here(&bytes[..offset]) => {}
                _ => return None,
            }
            found.insert(offset, (index, len));
        }
    }
    Some(found.into_iter().map(|(offset, (index, _))| (index, offset as u64)).collect())
}

/// The string that begins at an offset, where a type and a length stand before it that fit.
fn string_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    // Set where an object is referred to again.
    const FLAG_REF: u8 = 0x80;
    let kind = |back: usize| Some(bytes.get(at.checked_sub(back)?)? & !FLAG_REF);
    let long = || Some(u32::from_le_bytes(bytes.get(at.checked_sub(4)?..at)?.try_into().ok()?) as usize);
    let len = match (kind(2), kind(5)) {
        (Some(b'z' | b'Z'), _) => usize::from(*bytes.get(at.checked_sub(1)?)?),
        (_, Some(b's' | b't' | b'u' | b'a' | b'A')) => long()?,
        _ => return None,
    };
    bytes.get(at..at.checked_add(len)?)
}

/// The path of the source that a `.pyc` in a tree belongs to.
pub fn source(pyc: &RelPath) -> Option<RelPath> {
    let directory = pyc.parent()?;
    let (name, above) = source_name(directory.name(), pyc.name())?;
    Some(if above { directory.parent()?.join(&name) } else { directory.join(&name) })
}

/// The name of the source a `.pyc` belongs to, and whether that lies in the directory above: `__pycache__/x.cpython-311.pyc`
/// belongs to `../x.py`, a `.pyc` elsewhere to the `.py` beside it.
pub fn source_name(directory: &[u8], name: &[u8]) -> Option<(Vec<u8>, bool)> {
    let stem = name.strip_suffix(b".pyc")?;
    let cached = directory == b"__pycache__";
    let module = if cached { stem.split(|byte| *byte == b'.').next()? } else { stem };
    Some(([module, b".py"].concat(), cached))
}

/// Whether `pyc` can be what Python made of the source `py`: `__pycache__/x.cpython-311.pyc` or `x.cpython-311.opt-1.pyc`
/// (PEP 3147, PEP 488), or Python 2's `x.pyc` and `x.pyo` beside it. A script without `.py` has none.
pub fn is_cached_of(pyc: &RelPath, py: &RelPath) -> bool {
    let (Some(stem), Some(directory), Some(source)) = (py.name().strip_suffix(b".py"), pyc.parent(), py.parent())
    else {
        return false;
    };
    let Some(rest) = pyc.name().strip_prefix(stem) else { return false };
    if directory == source {
        return rest == b".pyc" || rest == b".pyo";
    }
    let mut words = rest.split(|byte| *byte == b'.');
    let first = words.next() == Some(b"") && words.next().is_some_and(|tag| !tag.is_empty());
    let last = match (words.next(), words.next(), words.next()) {
        (Some(b"pyc"), None, None) => true,
        (Some(level), Some(b"pyc"), None) => level.starts_with(b"opt-"),
        _ => false,
    };
    directory == source.join(b"__pycache__") && first && last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layout_has_its_stamp_where_python_puts_it() {
        let python_311 = [&[0xa7, 0x0d, b'\r', b'\n', 0, 0, 0, 0][..], &7u32.to_le_bytes(), &[9; 4]].concat();
        assert_eq!(stamp(&python_311), Some(Stamp { offset: 8, mtime: 7 }));
        let hashed = [&[0xa7, 0x0d, b'\r', b'\n', 1, 0, 0, 0][..], &[7; 8]].concat();
        assert_eq!(stamp(&hashed), None);
        let python_27 = [&[0x03, 0xf3, b'\r', b'\n'][..], &8u32.to_le_bytes()].concat();
        assert_eq!(stamp(&python_27), Some(Stamp { offset: 4, mtime: 8 }));
        assert_eq!(stamp(b"\r\n"), None);
    }

    #[test]
    fn a_pyc_knows_its_source() {
        assert_eq!(source_name(b"__pycache__", b"a.cpython-311.pyc"), Some((b"a.py".to_vec(), true)));
        assert_eq!(source_name(b"lib", b"a.pyc"), Some((b"a.py".to_vec(), false)));
        assert_eq!(source_name(b"lib", b"a.py"), None);
    }

    #[test]
    fn a_source_knows_its_pycs() {
        let rel = |path: &str| RelPath::new(path.as_bytes()).unwrap();
        let cached = |pyc: &str, py: &str| is_cached_of(&rel(pyc), &rel(py));
        for pyc in ["l/__pycache__/a.b.cpython-311.pyc", "l/__pycache__/a.b.pypy39.opt-2.pyc", "l/a.b.pyc", "l/a.b.pyo"]
        {
            assert!(cached(pyc, "l/a.b.py"), "{pyc}");
        }
        let others = ["l/__pycache__/a.cpython-311.pyc", "l/__pycache__/a.bc.cpython-311.pyc", "l/__pycache__/a.b.pyc"];
        for pyc in others.into_iter().chain(["l/a.b.py", "a.b.pyc", "__pycache__/a.b.cpython-311.pyc", "l/a.b..pyc"]) {
            assert!(!cached(pyc, "l/a.b.py"), "{pyc}");
        }
        assert!(!cached("l/__pycache__/script.cpython-311.pyc", "l/script"));
        assert!(cached("__pycache__/a.cpython-311.pyc", "a.py"));
    }

    #[test]
    fn a_string_ends_where_its_length_says() {
        let prefix = [Prefix::new(b"/p/old").unwrap()];
        let at = |bytes: &[u8]| places(bytes, &prefix);
        assert_eq!(at(b"z\x06/p/oldz\x01a"), Some(vec![(0, 2)]));
        assert_eq!(at(b"\xfa\x0b/p/old/word"), Some(vec![(0, 2)]));
        assert_eq!(at(b"a\x07\0\0\0/p/olderz"), Some(vec![]));
        assert_eq!(at(b"z\x0f--prefix=/p/old/z"), Some(vec![(0, 11)]));
        // Whether the string goes on there is not known, nor whether a word before it belongs to it.
        assert_eq!(at(b"z\x0d-prefix=/p/oldz"), None);
        assert_eq!(at(b"z\x0c/dest/p/old/z"), None);
        assert_eq!(at(b"nothing"), Some(vec![]));
    }

    #[test]
    fn the_size_lies_behind_the_time() {
        let python_311 = [&[0xa7, 0x0d, b'\r', b'\n', 0, 0, 0, 0][..], &7u32.to_le_bytes(), &[9; 4]].concat();
        assert_eq!(source_size(&python_311), Some(12));
        let python_27 = [&[0x03, 0xf3, b'\r', b'\n'][..], &8u32.to_le_bytes()].concat();
        assert_eq!(source_size(&python_27), None);
        assert_eq!(is_checked(&[0xa7, 0x0d, b'\r', b'\n', 3, 0, 0, 0]), Some(true));
        assert_eq!(is_checked(&[0xa7, 0x0d, b'\r', b'\n', 1, 0, 0, 0]), Some(false));
        assert_eq!(is_checked(&python_311), None);
    }
}
