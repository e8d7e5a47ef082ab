//! What may stand in an archive: the rules for names, kinds and sizes, held against each entry in turn.
//!
//! Pure. Readers differ in what they make of an odd archive, and an attack lives in the difference, so what is odd is
//! refused: names that leave the tree or come twice, a way through a symlink or a file, devices, links with contents, more
//! bytes than the limits allow.

use super::Body;
use crate::base::path::{RelPath, printable};
use std::collections::HashMap;
use std::fmt;

/// How much an archive may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// How many entries.
    pub entries: u64,
    /// How many times the archive's own bytes, once 256 MiB are reached.
    pub ratio: u64,
    /// Whether set-user-ID and set-group-ID files may be in it.
    pub set_id: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 30, entries: 4_000_000, ratio: 250, set_id: false }
    }
}

/// Below this many bytes the ratio does not matter: a tar of empty directories compresses a thousandfold.
pub(super) const RATIO_FROM: u64 = 256 << 20;

/// Why an entry is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The name begins with a slash.
    Absolute,
    /// The name has a `..`.
    Traversal,
    /// The name is empty or has a NUL byte.
    BadName,
    /// The name, or part of it, is longer than Linux allows.
    LongName,
    /// An entry of this name was there before.
    Twice,
    /// The way to it leads through an entry that is no directory.
    Through {
        /// That entry.
        parent: RelPath,
        /// What it is, such as `a symlink`.
        found: &'static str,
    },
    /// It is no file, directory or link.
    Kind(&'static str),
    /// A hard link to what is no file before it.
    LinkTarget(Vec<u8>),
    /// A symlink without a target or with a NUL byte in it.
    BadTarget,
    /// A link or directory that comes with bytes of its own.
    Contents,
    /// A file with set-user-ID or set-group-ID.
    SetId(u32),
    /// Two statements about the entry that readers weigh differently.
    Ambiguous(String),
    /// The tree is larger than the limits allow.
    TooMany(&'static str, u64),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute => f.write_str("its name is an absolute path"),
            Self::Traversal => f.write_str("its name has a '..' and may lead out of the tree"),
            Self::BadName => f.write_str("its name is empty or has a NUL byte"),
            Self::LongName => f.write_str("its name is longer than 255 bytes a part or 4095 in all"),
            Self::Twice => f.write_str("an entry of this name was there before"),
            Self::Through { parent, found } => write!(f, "the way to it leads through '{parent}', {found}"),
            Self::Kind(kind) => write!(f, "it is {kind}, and only files, directories and links are unpacked"),
            Self::LinkTarget(target) => {
                write!(f, "it is a hard link to '{}', which is no file before it", printable(target))
            }
            Self::BadTarget => f.write_str("it is a symlink to an empty name or one with a NUL byte"),
            Self::Contents => f.write_str("it is a link or directory that comes with bytes"),
            Self::SetId(mode) => write!(f, "its mode {mode:04o} has set-user-ID or set-group-ID"),
            Self::Ambiguous(what) => f.write_str(what),
            Self::TooMany(what, limit) => write!(f, "with it the archive has more than {limit} {what}"),
        }
    }
}

/// What is known of a path of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Something lies below it.
    ImpliedDir,
    Dir,
    File,
    /// A further name of a file.
    HardLink,
    Symlink,
}

/// All entries so far.
#[derive(Debug, Default)]
pub(super) struct Guard {
    known: HashMap<RelPath, Known>,
    firsts: HashMap<RelPath, RelPath>,
    bytes: u64,
    entries: u64,
}

/// An entry as the archive states it.
#[derive(Debug)]
pub(super) struct Stated<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: StatedKind<'a>,
    pub(super) mode: u32,
    pub(super) size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatedKind<'a> {
    File,
    Dir,
    Symlink(&'a [u8]),
    HardLink(&'a [u8]),
    Other(&'static str),
}

impl Guard {
    /// Judges the next entry and remembers it; gives its clean path and what it is.
    pub(super) fn admit(&mut self, stated: &Stated<'_>, limits: &Limits) -> Result<(RelPath, Body), Refusal> {
        let path = clean(stated.name)?;
        if path.is_root() && stated.kind != StatedKind::Dir {
            return Err(Refusal::BadName);
        }
        let body = self.body(stated, &path)?;
        if matches!(body, Body::File { .. }) && stated.mode & 0o6000 != 0 && !limits.set_id {
            return Err(Refusal::SetId(stated.mode));
        }
        self.enter(&path, &body)?;
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(stated.size);
        if self.entries > limits.entries {
            return Err(Refusal::TooMany("entries", limits.entries));
        }
        if self.bytes > limits.bytes {
            return Err(Refusal::TooMany("bytes", limits.bytes));
        }
        Ok((path, body))
    }

    fn body(&self, stated: &Stated<'_>, path: &RelPath) -> Result<Body, Refusal> {
        let body = match stated.kind {
            StatedKind::Other(kind) => return Err(Refusal::Kind(kind)),
            StatedKind::File => return Ok(Body::File { size: stated.size }),
            StatedKind::Dir => Body::Dir,
            StatedKind::Symlink(target) if target.is_empty() || target.contains(&0) => {
                return Err(Refusal::BadTarget);
            }
            StatedKind::Symlink(target) => Body::Symlink(target.to_vec()),
            StatedKind::HardLink(target) => Body::HardLink(self.first(target, path)?),
        };
        if stated.size == 0 { Ok(body) } else { Err(Refusal::Contents) }
    }

    /// The first name of the file that a hard link names.
    fn first(&self, target: &[u8], path: &RelPath) -> Result<RelPath, Refusal> {
        let wrong = || Refusal::LinkTarget(target.to_vec());
        let named = clean(target).map_err(|_| wrong())?;
        match self.known.get(&named) {
            Some(Known::File) if named != *path => Ok(named),
            Some(Known::HardLink) => self.firsts.get(&named).cloned().ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }

    fn enter(&mut self, path: &RelPath, body: &Body) -> Result<(), Refusal> {
        let mut parent = path.parent();
        while let Some(dir) = parent {
            match self.known.get(&dir) {
                // What lies above a known directory is known too.
                Some(Known::ImpliedDir | Known::Dir) => break,
                Some(Known::Symlink) => return Err(Refusal::Through { parent: dir, found: "a symlink" }),
                Some(Known::File | Known::HardLink) => return Err(Refusal::Through { parent: dir, found: "a file" }),
                None => _ = self.known.insert(dir.clone(), Known::ImpliedDir),
            }
            parent = dir.parent();
        }
        let known = match body {
            Body::Dir => Known::Dir,
            Body::File { .. } => Known::File,
            Body::Symlink(_) => Known::Symlink,
            Body::HardLink(first) => {
                self.firsts.insert(path.clone(), first.clone());
                Known::HardLink
            }
        };
        match self.known.insert(path.clone(), known) {
            None => Ok(()),
            Some(Known::ImpliedDir) if known == Known::Dir => Ok(()),
            Some(_) => Err(Refusal::Twice),
        }
    }

    /// How many entries were admitted, and the bytes of their files together.
    pub(super) fn total(&self) -> (u64, u64) {
        (self.entries, self.bytes)
    }
}

/// A name as a path of the tree. The tree itself may be named, as `./`.
fn clean(name: &[u8]) -> Result<RelPath, Refusal> {
    if name.is_empty() || name.contains(&0) {
        return Err(Refusal::BadName);
    }
    if name[0] == b'/' {
        return Err(Refusal::Absolute);
    }
    let path = RelPath::new(name).ok_or(Refusal::Traversal)?;
    if path.as_bytes().len() > 4095 || path.parts().any(|part| part.len() > 255) {
        return Err(Refusal::LongName);
    }
    Ok(path)
}
