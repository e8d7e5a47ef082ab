//! Which items are made ahead together, and how one item becomes archive bytes.

use super::header::{self, EntryType, Header};
use super::{Body, Item, Options, PackError, Tree};
use crate::base::digest::Digest;
use crate::base::path::RelPath;
use std::io;
use std::ops::Range;

/// A batch is closed when it has this many bytes. Several are in memory, whole.
const ENOUGH: u64 = 512 * 1024;
/// A file with more bytes than this is not made ahead in memory but streamed when its turn comes.
const LARGE: u64 = 2 * 1024 * 1024;

/// A run of items that one task makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Batch {
    /// These items, whole in memory.
    Small(Range<usize>),
    /// One large file, streamed.
    Large(usize),
}

/// Cuts the items from `first` on into batches. A batch with its headers has less than 4 MiB, however many items there are.
pub(super) fn batches(items: &[Item], first: usize) -> Vec<Batch> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (first, 0);
    for (at, item) in items.iter().enumerate().skip(first) {
        let size = size(item);
        let close = size > LARGE || bytes >= ENOUGH;
        if close && start < at {
            batches.push(Batch::Small(start..at));
            (start, bytes) = (at, 0);
        }
        if size > LARGE {
            batches.push(Batch::Large(at));
            start = at + 1;
        } else {
            bytes += room(item);
        }
    }
    if start < items.len() {
        batches.push(Batch::Small(start..items.len()));
    }
    batches
}

fn size(item: &Item) -> u64 {
    if let Body::File { size } = item.body { size } else { 0 }
}

/// About how many bytes an item takes in the archive: where its names are long it takes more.
fn room(item: &Item) -> u64 {
    size(item) + 2 * header::BLOCK as u64
}

/// The archive bytes of a batch and the digests of its files.
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) digests: Vec<Option<Digest>>,
}

/// Makes the items of a small batch in memory that was used before.
pub(super) fn make(
    tree: &Tree<'_>,
    range: Range<usize>,
    options: &Options,
    mut bytes: Vec<u8>,
) -> Result<Made, PackError> {
    bytes.clear();
    bytes.reserve(tree.items[range.clone()].iter().map(room).sum::<u64>() as usize);
    let mut made = Made { bytes, digests: Vec::with_capacity(range.len()) };
    for index in range {
        let item = &tree.items[index];
        append_header(item, &options.top_dir, &mut made.bytes);
        let digest = match item.body {
            Body::File { size } => {
                let bytes = &mut made.bytes;
                let digest = stream(tree, index, &mut |piece| {
                    bytes.extend_from_slice(piece);
                    Ok(())
                })?;
                bytes.resize(bytes.len() + header::padding(size), 0);
                Some(digest)
            }
            Body::Dir | Body::Symlink(_) | Body::HardLink(_) => None,
        };
        made.digests.push(digest);
    }
    Ok(made)
}

/// Streams the bytes of one file item, tells their digest, and holds them to the size that was said.
pub(super) fn stream(
    tree: &Tree<'_>,
    index: usize,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), PackError>,
) -> Result<Digest, PackError> {
    let item = &tree.items[index];
    let (path, said) = (&item.path, size(item));
    let (mut came, mut failed) = (0u64, None);
    let result = tree.contents.stream(index, &mut |piece| {
        came += piece.len() as u64;
        if came > said {
            return Err(io::Error::other("more bytes than were said"));
        }
        // The error itself is kept here; what goes through the contents only tells them to stop.
        sink(piece).map_err(|error| {
            failed = Some(error);
            io::Error::other("the archive could not be written")
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    if came > said {
        return Err(PackError::Size { path: path.clone(), said, came });
    }
    let digest = result.map_err(|source| PackError::Content { path: path.clone(), source })?;
    if came < said {
        return Err(PackError::Size { path: path.clone(), said, came });
    }
    Ok(digest)
}

/// Appends the header of an item. The tree itself has no entry where there is no top directory.
pub(super) fn append_header(item: &Item, top_dir: &RelPath, out: &mut Vec<u8>) {
    let path = top_dir.join_path(&item.path);
    if path.is_root() {
        return;
    }
    let mut name = path.as_bytes().to_vec();
    let (kind, size, link) = match &item.body {
        Body::Dir => {
            name.push(b'/');
            (EntryType::Dir, 0, Vec::new())
        }
        Body::File { size } => (EntryType::File, *size, Vec::new()),
        Body::Symlink(target) => (EntryType::Symlink, 0, target.clone()),
        Body::HardLink(first) => (EntryType::HardLink, 0, top_dir.join_path(first).as_bytes().to_vec()),
    };
    let Item { mode, uid, gid, mtime, .. } = *item;
    Header { name, kind, mode: mode & 0o7777, uid, gid, mtime, size, link }.append_to(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_in_one_batch_and_only_large_files_are_streamed() {
        let sizes = [0, 10, 3 << 20, 2 << 20, 5, 1 << 20, 1 << 20, 7, 4 << 20];
        let item = |(at, size): (usize, &u64)| Item {
            path: RelPath::new(format!("{at:03}").as_bytes()).unwrap(),
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtime: 0,
            body: Body::File { size: *size },
        };
        let items: Vec<Item> = sizes.iter().enumerate().map(item).collect();
        let (small, large) = (Batch::Small, Batch::Large);
        let expected = [small(0..2), large(2), small(3..4), small(4..6), small(6..7), small(7..8), large(8)].to_vec();
        assert_eq!(batches(&items, 0), expected);
        assert_eq!(batches(&items, 1), [vec![small(1..2)], expected[1..].to_vec()].concat());
        assert!(batches(&[], 0).is_empty());
    }
}
