//! The header of a compiled Python file, as far as it says which source it belongs to.
//!
//! Three layouts (PEP 3147, PEP 552, CPython `Lib/importlib/_bootstrap_external.py`): magic and mtime up to 3.2; magic,
//! mtime and size up to 3.6; magic, flags, mtime and size since. Flags 0 means the mtime counts.

use crate::base::path::RelPath;

/// Where a timestamp .pyc keeps its source's modification time, and what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// File offset of the four little-endian bytes.
    pub offset: u64,
    /// The source's modification time, seconds since 1970, modulo 2^32.
    pub mtime: u32,
}

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
}
