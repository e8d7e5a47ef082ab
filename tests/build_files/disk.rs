//! A tree on disk for the text classes to ask about.

use relocate::base::path::{Prefix, RelPath};
use relocate::text::class::{Around, Sort, Subject};
use relocate::text::occurrence::{Names, Reading};
use relocate::text::rewrite::{self, Outcome};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A tree on disk.
pub(crate) struct Disk {
    root: PathBuf,
    /// All names of each file that has more than one, by inode.
    links: BTreeMap<u64, Vec<RelPath>>,
    /// All regular files, sorted; of hard links each name.
    pub(crate) files: Vec<RelPath>,
}

impl Disk {
    /// Lists a tree.
    pub(crate) fn new(root: &Path) -> Self {
        let root = fs::canonicalize(root).unwrap();
        let mut disk = Self { root: root.clone(), links: BTreeMap::new(), files: Vec::new() };
        let mut directories = vec![root];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                let meta = fs::symlink_metadata(&path).unwrap();
                if meta.is_dir() {
                    directories.push(path);
                } else if meta.is_file() {
                    let name = disk.relative(&path).unwrap();
                    if meta.nlink() > 1 {
                        disk.links.entry(meta.ino()).or_default().push(name.clone());
                    }
                    disk.files.push(name);
                }
            }
        }
        disk.files.sort();
        disk.links.values_mut().for_each(|names| names.sort());
        disk
    }

    fn relative(&self, path: &Path) -> Option<RelPath> {
        RelPath::new(path.strip_prefix(&self.root).ok()?.as_os_str().as_bytes())
    }

    /// Asks the classes about one file.
    pub(crate) fn outcome(&self, path: &RelPath, bytes: &[u8], mode: u32, prefixes: &[Prefix]) -> Outcome {
        let names = Names::new(prefixes);
        if !names.any(bytes, Reading::Text) {
            return Outcome::Same;
        }
        rewrite::rewrite(&Subject { path, mode, bytes, prefixes, names: &names, around: self }, &[])
    }
}

impl Around for Disk {
    fn leads_to(&self, path: &RelPath) -> Option<(RelPath, Sort)> {
        let real = fs::canonicalize(path.under(&self.root)).ok()?;
        let meta = fs::metadata(&real).ok()?;
        let sort = if meta.is_dir() { Sort::Dir } else { Sort::File { mode: meta.permissions().mode() & 0o7777 } };
        Some((self.relative(&real)?, sort))
    }

    fn names(&self, path: &RelPath) -> Vec<RelPath> {
        let inode = fs::symlink_metadata(path.under(&self.root)).unwrap().ino();
        self.links.get(&inode).cloned().unwrap_or_else(|| vec![path.clone()])
    }

    fn within(&self, directory: &RelPath) -> Vec<RelPath> {
        let entries = fs::read_dir(directory.under(&self.root)).into_iter().flatten();
        let mut paths: Vec<_> = entries.map(|entry| directory.join(entry.unwrap().file_name().as_bytes())).collect();
        paths.sort();
        paths
    }
}
