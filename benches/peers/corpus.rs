//! What ROOT consists of: counts its files, and writes the lists of ELF files that the peers are given.
//!
//! `elf.names` holds each dynamic ELF file once (hard links are one file), ended by NUL. `elf.list` holds, for `xargs -0 -n 2`,
//! the run-time path and the file, for all of them; `elf.needy` only those whose run-time path has to change.

use crate::lab::Lab;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How large ROOT is.
pub(crate) struct Corpus {
    /// Regular files, each name of a hard link counted.
    pub(crate) files: u64,
    /// Symbolic links.
    pub(crate) symlinks: u64,
    /// Bytes of regular files, hard links counted once.
    pub(crate) bytes: u64,
    /// Dynamic ELF files, hard links counted once.
    pub(crate) elf: u64,
    /// Those whose run-time path has to change.
    pub(crate) needy: u64,
    /// The lists, by name, for `write`.
    lists: [(&'static str, String); 3],
}

impl Corpus {
    /// Walks ROOT.
    pub(crate) fn look(lab: &Lab) -> Result<Corpus, String> {
        let planned: BTreeMap<&str, &str> =
            lab.rewrites.iter().map(|(file, path)| (file.as_str(), path.as_str())).collect();
        let mut seen = BTreeSet::new();
        let (mut files, mut symlinks, mut bytes, mut elf, mut needy) = (0, 0, 0, 0, 0);
        let (mut names, mut all, mut some) = (String::new(), String::new(), String::new());
        for entry in walkdir::WalkDir::new(&lab.root).sort_by_file_name() {
            let entry = entry.map_err(|error| error.to_string())?;
            symlinks += u64::from(entry.file_type().is_symlink());
            if !entry.file_type().is_file() {
                continue;
            }
            files += 1;
            let meta = entry.metadata().map_err(|error| error.to_string())?;
            if meta.nlink() > 1 && !seen.insert((meta.dev(), meta.ino())) {
                continue;
            }
            bytes += meta.len();
            let path = entry.path().strip_prefix(&lab.root).unwrap_or(entry.path()).to_string_lossy();
            if !is_dynamic(entry.path()) {
                continue;
            }
            elf += 1;
            let wanted = planned.get(&*path);
            let usual = format!("$ORIGIN/{}lib", "../".repeat(path.matches('/').count()));
            let _ = write!(names, "{path}\0");
            let _ = write!(all, "{}\0{path}\0", wanted.copied().unwrap_or(&usual));
            if let Some(wanted) = wanted {
                needy += 1;
                let _ = write!(some, "{wanted}\0{path}\0");
            }
        }
        let corpus = Corpus {
            files,
            symlinks,
            bytes,
            elf,
            needy,
            lists: [("elf.names", names), ("elf.list", all), ("elf.needy", some)],
        };
        corpus.write(lab)?;
        Ok(corpus)
    }

    fn write(&self, lab: &Lab) -> Result<(), String> {
        for (name, text) in &self.lists {
            let path = lab.lists.join(name);
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }
}

/// An ELF program or library with a dynamic section.
fn is_dynamic(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut head));
    if read.is_err() || !head.starts_with(b"\x7fELF\x02\x01") {
        return false;
    }
    let number = |at: usize, size: usize| -> Option<usize> {
        head.get(at..at + size)?
            .iter()
            .rev()
            .try_fold(0usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))
    };
    let dynamic = || -> Option<bool> {
        let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        Some((0..count).any(|index| number(table.saturating_add(index * size), 4) == Some(2)))
    };
    matches!(number(16, 2), Some(2 | 3)) && dynamic().unwrap_or(false)
}
