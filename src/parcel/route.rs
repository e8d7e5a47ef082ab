//! Where the bytes of each file of the new release come from. Pure, and where everything that a container says is held against
//! the manifests.
//!
//! Takes both manifests and the index; gives every file of the new release with the one way it comes by. Refused: an index that is
//! not sorted, names what is no file of the new release or is in the base already, patches what is no file of the base or
//! what is too large; files that nothing gives; names of the tool's own that lie elsewhere.

use super::ParcelError;
use super::form::{Container, Own, Piece, Stretch, damaged};
use crate::base::digest::Digest;
use crate::base::path::RelPath;
use crate::delta;
use crate::install::Filling;
use crate::ledger;
use crate::manifest::{self, Entry, Kind, Manifest};
use crate::release::MTIME;
use std::collections::{BTreeSet, HashMap};

/// One file of the new release.
#[derive(Debug)]
pub(super) struct File<'m> {
    pub(super) path: &'m RelPath,
    pub(super) size: u64,
    /// Digest of the bytes as they were packed.
    pub(super) sha256: Digest,
    pub(super) mode: u32,
    /// Seconds since 1970.
    pub(super) mtime: i64,
    /// Whether it must be a file of its own: it gets the path of the release.
    pub(super) fresh: bool,
    pub(super) way: Way<'m>,
}

/// How the bytes of a file come.
#[derive(Debug)]
pub(super) enum Way<'m> {
    /// They are those of a file of the base.
    Same(Origin<'m>),
    /// By a patch of a file of the base.
    Patch(Origin<'m>, Stretch),
    /// With all other whole files.
    Whole,
}

/// A file of the base.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'m> {
    pub(super) path: &'m RelPath,
    /// What its record says; none for the tool's own files.
    pub(super) entry: Option<&'m Entry>,
}

/// Finds the way of every file: those of the manifest in its order, then the tool's own in that of the index.
pub(super) fn files<'m>(
    base: &'m Manifest,
    new: &'m Manifest,
    container: &'m Container,
) -> Result<Vec<File<'m>>, ParcelError> {
    let index = &container.index;
    sorted(index.files.iter().map(|piece| &piece.path))?;
    sorted(index.own.iter().map(|own| &own.path))?;
    let (known, fresh) = (Known::of(base), Filling::touched(new));
    let mut pieces = index.files.iter().zip(&container.patches).peekable();
    let mut files = Vec::with_capacity(new.entries.len());
    for entry in &new.entries {
        let Kind::File { size, sha256, .. } = entry.kind else { continue };
        let piece = pieces.next_if(|(piece, _)| piece.path == entry.path);
        let way = match (known.find(entry, sha256), piece) {
            (Some(origin), None) => Way::Same(origin),
            (None, Some((piece, at))) => way(base, piece, *at, size)?,
            (None, None) => return Err(damaged(format!("nothing gives '{}'", entry.path))),
            (Some(_), Some(_)) => return Err(damaged(format!("'{}' is in the base already", entry.path))),
        };
        let (path, mode, mtime) = (&entry.path, entry.mode, entry.mtime.unwrap_or(MTIME));
        files.push(File { path, size, sha256, mode, mtime, fresh: fresh.contains(path), way });
    }
    if let Some((piece, _)) = pieces.next() {
        return Err(damaged(format!("'{}' is no file of the new release, or not in its place", piece.path)));
    }
    let patches = container.patches.get(index.files.len()..).unwrap_or_default();
    let with_bytes = index.own.iter().filter(|own| own.file.is_some());
    for (own, at) in with_bytes.zip(patches) {
        files.extend(own_file(own, *at));
    }
    index.own.iter().try_for_each(sound)?;
    if !files.iter().any(|file| file.path.as_bytes() == manifest::ABOUT.as_bytes()) {
        return Err(damaged(format!("nothing gives '{}'", manifest::ABOUT)));
    }
    Ok(files)
}

fn sorted<'p>(paths: impl Iterator<Item = &'p RelPath>) -> Result<(), ParcelError> {
    let mut last = None;
    for path in paths {
        if last.is_some_and(|last| last >= path) {
            return Err(damaged(format!("'{path}' is not in its place, or there twice")));
        }
        last = Some(path);
    }
    Ok(())
}

fn way<'m>(base: &'m Manifest, piece: &'m Piece, at: Stretch, size: u64) -> Result<Way<'m>, ParcelError> {
    let Some(from) = &piece.from else {
        return if at.len == 0 { Ok(Way::Whole) } else { Err(damaged(format!("'{}' comes twice", piece.path))) };
    };
    let fits = |entry: &&Entry| matches!(entry.kind, Kind::File { size, .. } if size <= delta::LARGEST);
    let entry = base.entry(from).filter(fits);
    let entry =
        entry.ok_or_else(|| damaged(format!("'{}' is a patch of '{from}', which the base has not", piece.path)))?;
    if size > delta::LARGEST || at.len == 0 {
        return Err(damaged(format!("'{}' is too large for a patch, or has none", piece.path)));
    }
    Ok(Way::Patch(Origin { path: &entry.path, entry: Some(entry) }, at))
}

fn own_file(own: &Own, at: Stretch) -> Option<File<'_>> {
    let file = own.file.as_ref()?;
    let origin = file.from.as_ref().map(|path| Origin { path, entry: None });
    let way = match origin {
        None => Way::Whole,
        Some(origin) if at.len == 0 => Way::Same(origin),
        Some(origin) => Way::Patch(origin, at),
    };
    let (path, size, sha256) = (&own.path, file.size, file.sha256);
    Some(File { path, size, sha256, mode: own.mode, mtime: own.mtime, fresh: false, way })
}

/// Whether an entry of the tool's own is where such a one may be.
fn sound(own: &Own) -> Result<(), ParcelError> {
    let ours = |path: &RelPath| path.parts().next() == Some(manifest::DIRECTORY.as_bytes());
    let made_here = [manifest::MANIFEST, manifest::PLACE].iter().any(|name| own.path.as_bytes() == name.as_bytes());
    let from = own.file.as_ref().and_then(|file| file.from.as_ref());
    let whole_with_bytes = own.file.as_ref().is_some_and(|file| file.from.is_none() && file.bytes > 0);
    let is_good = ours(&own.path) && !made_here && own.mode <= 0o777 && from.is_none_or(ours) && !whole_with_bytes;
    if is_good { Ok(()) } else { Err(damaged(format!("'{}' may not be among the tool's own files", own.path))) }
}

/// The directories that a release has, the outermost first, with mode and time where they are said.
pub(super) fn directories<'m>(new: &'m Manifest, own: &'m [Own]) -> Result<Vec<(&'m RelPath, u32, i64)>, ParcelError> {
    let of_entries = new.entries.iter().filter(|entry| entry.kind == Kind::Dir);
    let of_entries = of_entries.map(|entry| (&entry.path, entry.mode, entry.mtime.unwrap_or(MTIME)));
    let of_own = own.iter().filter(|own| own.file.is_none()).map(|own| (&own.path, own.mode, own.mtime));
    let all: Vec<_> = of_entries.chain(of_own).collect();
    // No file of our own may be where a directory has to be; what the manifest has was looked at before.
    let files: BTreeSet<&RelPath> = own.iter().filter(|own| own.file.is_some()).map(|own| &own.path).collect();
    for own in own {
        let mut above = own.path.parent();
        while let Some(path) = above {
            if files.contains(&path) {
                return Err(damaged(format!("the way to '{}' leads through a file", own.path)));
            }
            above = path.parent();
        }
    }
    Ok(all)
}

/// The files of a base by their digests.
struct Known<'m> {
    base: &'m Manifest,
    by_digest: HashMap<Digest, Vec<&'m Entry>>,
}

impl<'m> Known<'m> {
    fn of(base: &'m Manifest) -> Self {
        let mut by_digest: HashMap<Digest, Vec<&Entry>> = HashMap::with_capacity(base.entries.len());
        for entry in &base.entries {
            if let Kind::File { sha256, .. } = entry.kind {
                by_digest.entry(sha256).or_default().push(entry);
            }
        }
        Self { base, by_digest }
    }

    /// A file with these bytes, best one that can be shared: the same in mode and time, and not depending on a path; of these
    /// best the one of the same path.
    fn find(&self, wanted: &Entry, sha256: Digest) -> Option<Origin<'m>> {
        let Kind::File { size, .. } = wanted.kind else { return None };
        let same = |entry: &Entry| matches!(entry.kind, Kind::File { size: long, sha256: other, .. } if (long, other) == (size, sha256));
        let shared =
            |entry: &&Entry| entry.mode == wanted.mode && entry.mtime == wanted.mtime && !ledger::depends(entry);
        let there = self.base.entry(&wanted.path).filter(|entry| same(entry));
        let found = there.filter(shared).or_else(|| {
            let all = self.by_digest.get(&sha256)?;
            let mut all = all.iter().copied().filter(|entry| same(entry));
            all.clone().find(shared).or(there).or_else(|| all.next())
        });
        found.map(|entry| Origin { path: &entry.path, entry: Some(entry) })
    }
}
