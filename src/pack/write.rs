//! The whole of writing: records and items, in order, into a file without a name.

use super::batch::{self, Batch, Made};
use super::crew::{Crew, Pending};
use super::header;
use super::large::Large;
use super::packed::Packed;
use super::settling::Settling;
use super::squeeze::Squeezer;
use super::{Body, ContentError, Digests, Item, Options, PackError, Tree, check};
use crate::base::bytes::ReadAt;
use crate::base::digest::Digest;
use crate::base::event::{Event, Listener, Stage};
use crate::base::path::RelPath;
use crate::base::write::NewFile;
use crate::manifest;
use std::collections::VecDeque;
use std::ops::Range;
use std::thread::{self, Scope};

/// How many bytes of a record are read at a time.
const PIECE: u64 = 1024 * 1024;

/// Writes an archive into `out`, which has no name until [`Packed::publish`].
///
/// The entries are `about.json`, the items in their order, the tool and the bill of materials where there is one, and `manifest.json` with the
/// bytes that `record` makes of the digests of what was written; they need not be in memory. Peak memory is about 30 MiB a job for zstd and 10 MiB for the rest.
pub fn write<R: ReadAt>(
    tree: &Tree<'_>,
    record: impl FnOnce(&Digests) -> Result<R, ContentError>,
    mut out: NewFile,
    options: &Options,
    listener: &dyn Listener,
) -> Result<Packed, PackError> {
    check(tree.items)?;
    let level = options.level()?;
    let (digests, (sha256, size)) = thread::scope(|scope| {
        let crew = Crew::start(scope, options.jobs).map_err(PackError::Compress)?;
        let mut out = Settling::new(scope, &mut out, options.jobs).map_err(PackError::Sink)?;
        let mut stream = Squeezer::start(&crew, &mut out, (options.format, level), options.jobs)?;
        let mut desk = Desk { crew: &crew, stream: &mut stream, scope };
        let digests = entries(tree, record, &mut desk, options, listener)?;
        Ok::<_, PackError>((digests, stream.finish()?))
    })?;
    Ok(Packed { file: out, sha256, size, digests })
}

/// Where the one that keeps the order sits.
struct Desk<'a, 'b, 'scope, 'outer> {
    crew: &'a Crew<'scope>,
    stream: &'a mut Squeezer<'b, 'scope>,
    scope: &'scope Scope<'scope, 'outer>,
}

fn entries<'scope, 'env: 'scope, R: ReadAt>(
    tree: &'env Tree<'env>,
    record: impl FnOnce(&Digests) -> Result<R, ContentError>,
    desk: &mut Desk<'_, '_, 'scope, '_>,
    options: &'env Options,
    listener: &dyn Listener,
) -> Result<Vec<Option<Digest>>, PackError> {
    let records = Records::of(tree.items);
    push_record(desk.stream, &records.file(manifest::ABOUT, &tree.about), &tree.about, options)?;
    // The tree itself comes before the directory inside it.
    let root = tree.items.iter().take_while(|item| item.path.is_root()).count();
    let mut headers = Vec::new();
    for item in tree.items[..root].iter().chain([&records.directory()]) {
        batch::append_header(item, &options.top_dir, &mut headers);
    }
    desk.stream.push(&headers)?;
    let bill = desk.crew.run(move || tree.contents.bill());
    let digests = items(tree, root, desk, options, listener)?;
    let stream = &mut *desk.stream;
    if let Some(tool) = tree.tool {
        let mut header = Vec::new();
        batch::append_header(&records.tools(), &options.top_dir, &mut header);
        stream.push(&header)?;
        push_record(stream, &records.tool(tool), &tool, options)?;
    }
    if let Some(bill) = bill.wait().map_err(PackError::Compress)?.map_err(PackError::Record)? {
        push_record(stream, &records.file(manifest::BILL, &bill), &bill, options)?;
    }
    let bytes = record(&digests).map_err(PackError::Record)?;
    push_record(stream, &records.file(manifest::MANIFEST, &bytes), &bytes, options)?;
    end(stream)?;
    Ok(digests)
}

/// A batch on its way.
enum Ahead {
    Small(Range<usize>, Pending<Result<Made, PackError>>),
    Large(usize),
}

fn items<'scope, 'env: 'scope>(
    tree: &'env Tree<'env>,
    first: usize,
    Desk { crew, stream, scope }: &mut Desk<'_, '_, 'scope, '_>,
    options: &'env Options,
    listener: &dyn Listener,
) -> Result<Vec<Option<Digest>>, PackError> {
    let mut digests = vec![None; tree.items.len()];
    begin(tree, listener);
    let batches = batch::batches(tree.items, first);
    let mut large = large(tree, &batches, scope, options)?;
    let mut batches = batches.into_iter();
    let window = crew.window(2 * options.jobs + 2);
    // The memory of batches that were written.
    let mut spare = Vec::new();
    let mut ahead = VecDeque::new();
    loop {
        let missing = window - ahead.len();
        ahead.extend(batches.by_ref().take(missing).map(|batch| match batch {
            Batch::Small(range) => {
                let room = spare.pop().unwrap_or_default();
                Ahead::Small(range.clone(), crew.run(move || batch::make(tree, range, options, room)))
            }
            Batch::Large(at) => Ahead::Large(at),
        }));
        let done = match ahead.pop_front() {
            Some(Ahead::Small(range, made)) => {
                let made = made.wait().map_err(PackError::Compress)??;
                stream.push(&made.bytes)?;
                digests[range.clone()].copy_from_slice(&made.digests);
                spare.push(made.bytes);
                range
            }
            Some(Ahead::Large(at)) => {
                push_large(tree, at, stream, (&mut large, &mut digests), options)?;
                at..at + 1
            }
            None => break,
        };
        tell(&tree.items[done], listener);
    }
    large.as_mut().map_or(Ok(()), |large| large.settle(&mut digests))?;
    listener.event(&Event::End(Stage::Write));
    Ok(digests)
}

/// With one job there are no threads.
fn large<'scope, 'env: 'scope>(
    tree: &'env Tree<'env>,
    batches: &[Batch],
    scope: &'scope Scope<'scope, '_>,
    options: &Options,
) -> Result<Option<Large>, PackError> {
    let large = |batch: &Batch| if let Batch::Large(at) = batch { Some(*at) } else { None };
    let indices: Vec<usize> = batches.iter().filter_map(large).collect();
    let started = (options.jobs > 1 && !indices.is_empty()).then(|| Large::start(scope, tree, indices));
    started.transpose().map_err(PackError::Compress)
}

fn push_large(
    tree: &Tree<'_>,
    index: usize,
    stream: &mut Squeezer<'_, '_>,
    (large, digests): (&mut Option<Large>, &mut [Option<Digest>]),
    options: &Options,
) -> Result<(), PackError> {
    let item = &tree.items[index];
    let mut header = Vec::new();
    batch::append_header(item, &options.top_dir, &mut header);
    stream.push(&header)?;
    match large {
        Some(large) => large.take((index, size(item)), digests, &mut |piece| stream.push(piece))?,
        None => digests[index] = Some(batch::stream(tree, index, &mut |piece| stream.push(piece))?),
    }
    let padding = header::padding(stream.len());
    stream.push(&[0; header::BLOCK][..padding])
}

fn push_record(
    stream: &mut Squeezer<'_, '_>,
    item: &Item,
    bytes: &dyn ReadAt,
    options: &Options,
) -> Result<(), PackError> {
    let mut header = Vec::new();
    batch::append_header(item, &options.top_dir, &mut header);
    stream.push(&header)?;
    in_pieces(bytes, &mut |piece| stream.push(piece))?;
    stream.push(&[0; header::BLOCK][..header::padding(bytes.size())])
}

/// Hands on the bytes of a record.
pub(super) fn in_pieces(
    bytes: &dyn ReadAt,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), PackError>,
) -> Result<(), PackError> {
    let mut offset = 0;
    while offset < bytes.size() {
        let piece = bytes.range(offset, PIECE.min(bytes.size() - offset));
        let piece = piece.map_err(|error| PackError::Record(error.into()))?;
        sink(&piece)?;
        offset += piece.len() as u64;
    }
    Ok(())
}

/// Two zero blocks, then zeros to a whole record.
fn end(stream: &mut Squeezer<'_, '_>) -> Result<(), PackError> {
    let len = stream.len() + 2 * header::BLOCK as u64;
    let zeros = 2 * header::BLOCK as u64 + (header::RECORD - len % header::RECORD) % header::RECORD;
    stream.push(&vec![0; zeros as usize])
}

/// The tool's own entries have the tree's owner and the newest time in it, so that they depend on the input alone.
pub(super) struct Records {
    uid: u64,
    gid: u64,
    mtime: i64,
}

impl Records {
    pub(super) fn of(items: &[Item]) -> Self {
        let mtime = items.iter().map(|item| item.mtime).max().unwrap_or(0);
        let (uid, gid) = items.first().map_or((0, 0), |item| (item.uid, item.gid));
        Self { uid, gid, mtime }
    }

    fn item(&self, path: &str, mode: u32, body: Body) -> Item {
        let path = RelPath::new(path.as_bytes()).unwrap_or_default();
        Item { path, mode, uid: self.uid, gid: self.gid, mtime: self.mtime, body }
    }

    pub(super) fn file(&self, path: &str, bytes: &dyn ReadAt) -> Item {
        self.item(path, 0o644, Body::File { size: bytes.size() })
    }

    pub(super) fn directory(&self) -> Item {
        self.item(manifest::DIRECTORY, 0o755, Body::Dir)
    }

    pub(super) fn tools(&self) -> Item {
        self.item(manifest::TOOLS, 0o755, Body::Dir)
    }

    pub(super) fn tool(&self, bytes: &[u8]) -> Item {
        self.item(manifest::TOOL, 0o755, Body::File { size: bytes.len() as u64 })
    }
}

fn size(item: &Item) -> u64 {
    if let Body::File { size } = item.body { size } else { 0 }
}

pub(super) fn begin(tree: &Tree<'_>, listener: &dyn Listener) {
    let bytes = tree.items.iter().map(size).fold(0, u64::saturating_add);
    listener.event(&Event::Begin { stage: Stage::Write, files: tree.items.len() as u64, bytes });
}

pub(super) fn tell(items: &[Item], listener: &dyn Listener) {
    for item in items {
        listener.event(&Event::File { path: &item.path, bytes: size(item) });
    }
}
