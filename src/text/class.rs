//! One text file of the tree, and what a class of such files makes of it.
//!
//! A class knows one kind of file: it recognises it, rewrites it so that it needs no fixed path, or refuses it. It
//! is given the file's bytes and may ask about the tree around it; it touches nothing.

pub mod activate;
pub mod cmake;
pub mod distutils_cfg;
mod draft;
pub mod editable;
pub mod fontconfig;
pub mod libtool;
pub mod package_list;
pub mod perl;
pub mod pkg_config;
pub mod python_config;
mod python_literals;
pub mod python_makefile;
pub mod python_path;
pub mod rbconfig;
pub mod record;
pub mod shebang;
pub mod shell;
pub mod sysconfig;
pub mod venv;
mod whole;

use super::occurrence::{Names, Occurrence, Reading};
use crate::base::path::{Prefix, RelPath};

/// What a path of the tree is, seen through symlinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A directory.
    Dir,
    /// A regular file with these permission bits.
    File {
        /// Permission bits, 07777 at most.
        mode: u32,
    },
}

/// What a class may ask about the tree.
pub trait Around {
    /// Where a path leads, through symlinks, and what is there; `None` where nothing is or it leads out of the tree.
    fn leads_to(&self, path: &RelPath) -> Option<(RelPath, Sort)>;

    /// All names of the file at `path` that are hard links of each other, sorted; only `path` where it has one.
    fn names(&self, path: &RelPath) -> Vec<RelPath>;

    /// The paths directly in a directory, sorted; none where it is no directory.
    fn within(&self, directory: &RelPath) -> Vec<RelPath>;
}

/// One text file.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Its path in the tree; where it has several, the first.
    pub path: &'a RelPath,
    /// Its permission bits, 07777 at most.
    pub mode: u32,
    /// Its bytes: text, without NUL.
    pub bytes: &'a [u8],
    /// The old prefixes, the main one first.
    pub prefixes: &'a [Prefix],
    /// The same, to be looked for.
    pub names: &'a Names,
    /// The tree around it.
    pub around: &'a dyn Around,
}

impl<'a> Subject<'a> {
    /// The same file with other bytes.
    #[must_use]
    pub fn with<'b>(&self, bytes: &'b [u8]) -> Subject<'b>
    where
        'a: 'b,
    {
        Subject { bytes, ..*self }
    }

    /// Where it names an old prefix, sorted by offset.
    pub fn occurrences(&self) -> Vec<Occurrence> {
        self.names.find(self.bytes, Reading::Text)
    }

    /// The directory it lies in.
    pub fn directory(&self) -> RelPath {
        self.path.parent().unwrap_or_default()
    }

    /// What an absolute path below an old prefix is called in the tree, by its text; the longest prefix decides.
    pub fn inside(&self, absolute: &[u8]) -> Option<RelPath> {
        self.prefixes.iter().filter_map(|prefix| prefix.strip(absolute)).min_by_key(RelPath::depth)
    }
}

/// What a class makes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The file is not of this class.
    NotMine,
    /// It is, and nothing in it needs to change.
    Same,
    /// It is, and becomes this.
    New(New),
    /// It is, and has to be left as it is: why, as a sentence without a full stop.
    Refused(String),
    /// It is, and the result is better without it: why.
    Dropped(String),
}

/// A file rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct New {
    /// All its bytes.
    pub bytes: Vec<u8>,
    /// What was changed, in the order it was done; at least one.
    pub changes: Vec<Change>,
    /// What the result asks of the host besides `/bin/sh` and the tools every system has.
    pub demands: Vec<Demand>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What stood there.
    pub from: Vec<u8>,
    /// What stands there now.
    pub to: Vec<u8>,
    /// Why, in a few words.
    pub why: &'static str,
}

/// Something a rewritten file asks of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    /// `env -S`: GNU coreutils 8.30 or later (RHEL 7 has 8.22, Ubuntu 18.04 8.28, busybox none).
    EnvSplit,
    /// Linux 5.1 or later: before it, a shebang line has at most 127 bytes (execve(2)).
    LongShebang,
}

/// A class of text files.
pub trait Class: Sync {
    /// Its name, for messages and the record: `shebang`, `pkg-config`.
    fn name(&self) -> &'static str;

    /// Recognises the file and says what becomes of it. Called only for files that name an old prefix.
    fn rewrite(&self, file: &Subject<'_>) -> Answer;
}
