//! Staged tree -> [`Inventory`]: what is there, sorted, the same for any number of threads.
//!
//! Every regular file is opened, and so much of it read as tells what it is: of ELF files and scripts what a loader and
//! the kernel look at. Nothing is decided here and nothing is written. What cannot be read is collected, so that one run names all of it.

mod evidence;
mod inspect;
mod listing;
mod prune;
mod walk;

pub use evidence::{Candidate, candidates};
pub use inspect::{carries_capabilities, inspect};
pub use listing::{Listing, Look};
pub use prune::{Prune, PruneError, Pruned};

use crate::base::digest::Mark;
use crate::base::event::Listener;
use crate::base::glob::Globs;
use crate::base::path::{RelPath, printable};
use crate::base::stamp::Stamp;
use crate::elf;
use crate::text::pyc;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What a tree holds, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// Where the tree is.
    pub root: PathBuf,
    /// Every path but the tree itself, sorted.
    pub entries: BTreeMap<RelPath, Entry>,
    /// Where entries are read from that are copied in and not at their paths below the root.
    pub elsewhere: BTreeMap<RelPath, PathBuf>,
    /// What was left out to make it smaller, sorted.
    pub pruned: Vec<Pruned>,
    /// What the file system said of each regular file when it was found, where a listing was to note it.
    pub stamps: HashMap<RelPath, Stamp>,
}

/// One path of the tree. Large trees have many, so it has nothing to spare.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Permission, setuid, setgid and sticky bits (07777).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time in whole seconds since 1970, rounded down.
    pub mtime: i64,
}

/// What a path is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A directory.
    Dir,
    /// A regular file; of a hard-link set, its first name in path order.
    File(FileFacts),
    /// Another name of a file that has an entry.
    HardLink(RelPath),
    /// A symlink and its target, as written.
    Symlink(Vec<u8>),
    /// A fifo, socket or device, by its name for messages.
    Special(&'static str),
}

/// What was read of a regular file.
#[derive(Debug, Clone)]
pub struct FileFacts {
    /// Size in bytes.
    pub size: u64,
    /// What it is inside.
    pub class: Class,
    /// How many names of its hard-link set lie outside the tree.
    pub outside_names: u32,
    /// Whether it carries file capabilities (capabilities(7)).
    pub capabilities: bool,
    /// Mark of its bytes, where they were read when it was found and nothing is to be done with them.
    pub mark: Option<Mark>,
}

/// What a regular file is inside.
#[derive(Debug, Clone)]
pub enum Class {
    /// An ELF file that was read.
    Elf(elf::Read),
    /// A file that begins as an ELF file and cannot be read as one; the sentence says why.
    BadElf(Box<String>),
    /// A script, with the interpreter of its shebang line.
    Script(Box<Vec<u8>>),
    /// A compiled Python file that belongs to its source by modification time.
    Pyc(pyc::Stamp),
    /// Anything else.
    Plain,
}

impl Inventory {
    /// Where the bytes of one of its entries are read from.
    pub fn source(&self, path: &RelPath) -> Cow<'_, Path> {
        let below = || Cow::Owned(path.under(&self.root));
        self.elsewhere.get(path).map_or_else(below, |path| Cow::Borrowed(path.as_path()))
    }
}

impl Entry {
    /// The facts of a regular file.
    pub fn file(&self) -> Option<&FileFacts> {
        match &self.kind {
            Kind::File(file) => Some(file),
            _ => None,
        }
    }

    /// The facts of a dynamic ELF file.
    pub fn elf(&self) -> Option<&elf::Facts> {
        match self.file()?.class {
            Class::Elf(elf::Read::Dynamic(ref facts)) => Some(facts),
            _ => None,
        }
    }
}

/// Why a tree could not be read.
#[derive(Debug)]
pub struct ScanError {
    /// Each path that failed, with the reason; sorted, at least one.
    pub failures: Vec<(PathBuf, io::Error)>,
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (path, error)) in self.failures.iter().enumerate() {
            let end = if at + 1 == self.failures.len() { "" } else { "\n" };
            write!(f, "cannot read {}: {error}{end}", printable(path.as_os_str().as_encoded_bytes()))?;
        }
        Ok(())
    }
}

impl std::error::Error for ScanError {}

/// Reads the tree at `root`, leaving out what `exclude` names and everything below it.
pub fn scan(root: &Path, exclude: &Globs, listener: &dyn Listener) -> Result<Inventory, ScanError> {
    scan_pruned(root, exclude, &Prune::default(), listener)
}

/// The same, leaving out what `prune` means too, and remembering what that was.
pub fn scan_pruned(
    root: &Path,
    exclude: &Globs,
    prune: &Prune,
    listener: &dyn Listener,
) -> Result<Inventory, ScanError> {
    Listing::new(root, exclude, prune).inspect(listener)
}
