//! A tree whose paths are known and whose files are still to be read.
//!
//! [`Listing::inspect`] reads of each file what tells its facts; [`Listing::read`] reads each whole, once, and shows the
//! bytes to whoever wants more of them than that. What cannot be read is collected.

use super::evidence::{self, Candidate};
use super::inspect::{self, inspect};
use super::walk::{self, Found};
use super::{Class, Entry, FileFacts, Inventory, Kind, Prune, Pruned, ScanError};
use crate::base::bytes::{FileBytes, ReadAt, WholeFile, open};
use crate::base::event::{Event, Listener, Stage};
use crate::base::glob::Globs;
use crate::base::path::RelPath;
use crate::base::stamp::Stamp;
use rayon::prelude::*;
use rustix::fs::FileType;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A larger file is not held whole here, in bytes; whoever looks at it reads what he wants of it.
const WHOLE: u64 = 32 << 20;
/// A file with more bytes than this is read before others are.
const LARGE: u64 = 1 << 20;
/// Where programs and libraries lie that say which prefix they were built for.
const TELLING: [&[u8]; 4] = [b"bin", b"sbin", b"lib", b"libexec"];
/// How many files of each such directory are asked.
const ASKED: usize = 48;

/// What a regular file's bytes are shown to; errors are those of reading them.
pub type Look<'a, T> = &'a (dyn Fn(&RelPath, &FileFacts, &dyn ReadAt) -> io::Result<T> + Sync);

/// Reads a regular file that was found, at its place on the disk.
type Read<'a, T> = &'a (dyn Fn(&Found, &Path) -> io::Result<(FileFacts, T)> + Sync);

/// Every path of a tree, sorted.
pub struct Listing {
    root: PathBuf,
    /// Whether the inventory has the stamps of files.
    stamps: bool,
    found: Vec<Found>,
    pruned: Vec<Pruned>,
    failures: Vec<(PathBuf, io::Error)>,
}

impl Listing {
    /// Lists the tree at `root`, without what `exclude` names and all below it, and without what `prune` means.
    pub fn new(root: &Path, exclude: &Globs, prune: &Prune) -> Self {
        let (mut found, failures) = walk::walk(root, exclude);
        let pruned = prune.apply(root, &mut found);
        walk::link_sets(&mut found);
        Self { root: root.to_owned(), stamps: false, found, pruned, failures }
    }

    /// The same with a stamp for each file, by which [`Listing::inspect_since`] sees what changed.
    #[must_use]
    pub fn stamped(self, stamps: bool) -> Self {
        Self { stamps, ..self }
    }

    /// Who speaks for which prefix, as far as a few files tell: a guess at what all of them will say.
    pub fn guess(&self) -> Vec<Candidate> {
        let known = |path: &RelPath| self.found.binary_search_by(|found| found.path.cmp(path)).is_ok();
        let mut voices = Vec::new();
        for directory in TELLING.map(|name| RelPath::root().join(name)) {
            let start = self.found.partition_point(|found| found.path <= directory);
            let below = self.found[start..].iter().take_while(|found| found.path.starts_with(&directory));
            let files = below.filter(|found| found.path.depth() == 2 && found.first.is_none() && found.size > 0);
            let telling = files.filter_map(|found| {
                let facts = inspect(&found.path.under(&self.root)).ok()?;
                matches!(facts.class, Class::Elf(_) | Class::Script(_)).then_some(Kind::File(facts))
            });
            voices.extend(telling.take(ASKED).flat_map(|kind| evidence::voices(&known, &kind)));
        }
        evidence::counted(voices)
    }

    /// The bytes of one file; empty where there is none of that name.
    pub fn contents(&self, path: &RelPath) -> Vec<u8> {
        let at = self.found.binary_search_by(|found| found.path.cmp(path)).ok();
        at.and_then(|_| fs::read(path.under(&self.root)).ok()).unwrap_or_default()
    }

    /// Reads of every file what tells its facts.
    pub fn inspect(self, listener: &dyn Listener) -> Result<Inventory, ScanError> {
        let read = |_: &Found, source: &Path| Ok((inspect(source)?, ()));
        Ok(self.each(&read, listener)?.0)
    }

    /// The same, but for files that are no ELF files and on which the file system says that nothing has changed since
    /// `before`: those are taken from there.
    pub fn inspect_since(self, before: &Inventory, listener: &dyn Listener) -> Result<Inventory, ScanError> {
        let read = |found: &Found, source: &Path| {
            let known = before.entries.get(&found.path).and_then(Entry::file);
            let unchanged = |stamp: &Stamp| stamp.tells() && stamp.is_that_of(&found.facts.stamp);
            let same = known.filter(|facts| {
                before.stamps.get(&found.path).is_some_and(unchanged)
                    && !matches!(facts.class, Class::Elf(_) | Class::BadElf(_))
            });
            Ok((same.map_or_else(|| inspect(source), |facts| Ok(facts.clone()))?, ()))
        };
        Ok(self.each(&read, listener)?.0)
    }

    /// Reads every regular file once and shows its bytes to `look`; gives what that made of them, in the order of paths.
    pub fn read<T: Send>(self, listener: &dyn Listener, look: Look<'_, T>) -> Result<(Inventory, Vec<T>), ScanError> {
        let read = |found: &Found, source: &Path| {
            let see = |bytes: &dyn ReadAt, head: &[u8]| {
                let facts = inspect::facts(source, head, bytes);
                let seen = look(&found.path, &facts, bytes)?;
                Ok((facts, seen))
            };
            let file = open(source)?;
            if found.size <= WHOLE {
                return WholeFile::new(&file, found.size).read(|bytes| see(&&*bytes, bytes))?;
            }
            let file = FileBytes::new(file)?;
            let head = file.range(0, file.size().min(inspect::HEAD))?;
            see(&file, &head)
        };
        self.each(&read, listener)
    }

    fn each<T: Send>(self, read: Read<'_, T>, listener: &dyn Listener) -> Result<(Inventory, Vec<T>), ScanError> {
        let Self { root, stamps, mut found, pruned, mut failures } = self;
        listener.event(&Event::Begin { stage: Stage::Scan, files: found.len() as u64, bytes: 0 });
        let one = |found: Found| {
            let (path, bytes) = (found.path.clone(), found.size);
            let source = path.under(&root);
            let read = inspect::entry(found, source, read);
            listener.event(&Event::File { path: &path, bytes });
            read
        };
        let of_files = |found: &&Found| stamps && found.facts.kind == FileType::RegularFile;
        let stamps = found.iter().filter(of_files).map(|found| (found.path.clone(), found.facts.stamp)).collect();
        // A large file that comes last would keep one thread while the others have nothing left to do.
        let large: Vec<_> = found.extract_if(.., |found| found.size > LARGE).collect();
        let count = large.len();
        let all: Vec<_> = large.into_par_iter().chain(found).map(one).collect();
        let mut small = all.into_iter();
        let large: Vec<_> = small.by_ref().take(count).collect();
        listener.event(&Event::End(Stage::Scan));
        let (mut entries, mut seen): (Vec<(RelPath, Entry)>, Vec<T>) =
            (Vec::with_capacity(large.len() + small.len()), Vec::new());
        for result in merged(large.into_iter(), small) {
            match result {
                Ok((path, entry, more)) => {
                    entries.push((path, entry));
                    seen.extend(more);
                }
                Err(failure) => failures.push(failure),
            }
        }
        failures.sort_by(|a, b| a.0.cmp(&b.0));
        if failures.is_empty() {
            Ok((
                Inventory { root, stamps, elsewhere: BTreeMap::new(), entries: entries.into_iter().collect(), pruned },
                seen,
            ))
        } else {
            Err(ScanError { failures })
        }
    }
}

/// What became of one path that was listed.
type Outcome<T> = Result<(RelPath, Entry, Option<T>), (PathBuf, io::Error)>;

/// Failures have none: they are told apart and sorted later.
fn path_of<T>(outcome: &Outcome<T>) -> Option<&RelPath> {
    outcome.as_ref().ok().map(|(path, ..)| path)
}

/// Two runs that are sorted by path, as one.
fn merged<T>(
    one: impl Iterator<Item = Outcome<T>>,
    other: impl Iterator<Item = Outcome<T>>,
) -> impl Iterator<Item = Outcome<T>> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(first), Some(second)) if path_of(second) < path_of(first) => other.next(),
        (Some(_), _) => one.next(),
        (None, _) => other.next(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_comes_in_the_order_of_paths_though_large_files_are_read_first() {
        let dir = tempfile::tempdir().unwrap();
        let large = LARGE as usize + 1;
        for (name, size) in [("a", 1), ("b", large), ("c", 2), ("d", large + 1), ("e", 3)] {
            fs::write(dir.path().join(name), vec![b'x'; size]).unwrap();
        }
        let listing = Listing::new(dir.path(), &Globs::default(), &Prune::default());
        let (inventory, seen) =
            listing.read(&crate::base::event::Silent, &|path, facts, _| Ok((path.clone(), facts.size))).unwrap();
        let files = inventory.entries.iter().filter_map(|(path, entry)| Some((path.clone(), entry.file()?.size)));
        assert_eq!(seen, files.collect::<Vec<_>>());
        assert_eq!(seen.len(), 5);
    }
}
