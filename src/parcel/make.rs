//! Two pristine release trees -> the container that leads from one to the other.
//!
//! Only files whose bytes no file of the base has are in it, each as a patch of a file of the base where that is smaller than what
//! it costs whole. The same trees give the same bytes for any number of threads. Patches wait in a file without a name until
//! the index is written; memory is bounded by [`MEMORY`]. Refused: trees that are not what their manifests say.

use super::ParcelError;
use super::choose::Bases;
use super::crew::{Memory, each};
use super::form::{FORMAT, Index, Own, OwnFile, Piece, Record, WINDOW};
use crate::base::digest::{Digest, Digester};
use crate::base::event::{Event, Listener, Stage};
use crate::base::path::RelPath;
use crate::base::write::{Kept, Store};
use crate::delta;
use crate::manifest::{self, Kind, Manifest};
use crate::release::MTIME;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use walkdir::WalkDir;

/// How much memory patches in the making may take together, in bytes. One of two files of 64 MiB takes about as much.
const MEMORY: u64 = 768 << 20;
/// How many times the bytes of both files a compressor takes, with its tables.
const TIMES: u64 = 5;
/// The level of what comes whole, and how many threads at most compress it: each has a job of 128 MiB.
const LEVEL: i32 = 19;
const WORKERS: usize = 4;

/// One release: a tree as its full pack unpacks, and its number.
#[derive(Debug, Clone, Copy)]
pub struct Tree<'a> {
    /// The tree.
    pub path: &'a Path,
    /// Its number.
    pub serial: u32,
}

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Made {
    /// The length of the delta in bytes.
    pub bytes: u64,
    /// How many files are patches of others.
    pub patched: usize,
    /// How many come whole.
    pub whole: usize,
}

/// A release as it was read.
struct Release<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
    manifest: Manifest,
}

/// A file that the base does not have.
struct Changed {
    path: RelPath,
    size: u64,
    sha256: Digest,
    from: Option<(RelPath, Digest)>,
}

/// Makes the delta that leads from one release to another.
pub fn make(from: &Tree<'_>, to: &Tree<'_>, out: &mut dyn Write, listener: &dyn Listener) -> Result<Made, ParcelError> {
    let (base, new) = (Release::read(from.path)?, Release::read(to.path)?);
    let mut own = own(&base, &new)?;
    let mut changed = changed(&base.manifest, &new.manifest);
    let files = changed.len();
    changed.extend(own.iter().filter_map(|own| own_changed(&base, own)));
    let bytes = changed.iter().map(|file| file.size).sum();
    listener.event(&Event::Begin { stage: Stage::Write, files: changed.len() as u64, bytes });
    let store = Store::default();
    let patches = patches(&base, &new, &changed, &store, listener)?;
    let pieces = changed.iter().zip(&patches).take(files).map(|(file, patch)| Piece {
        path: file.path.clone(),
        from: from_where(file, *patch),
        bytes: patch.map_or(0, |patch| patch.size()),
    });
    let pieces = pieces.collect();
    for (file, patch) in changed.iter().zip(&patches).skip(files) {
        let found = own.iter_mut().find(|own| own.path == file.path).and_then(|own| own.file.as_mut());
        if let Some(own) = found {
            (own.from, own.bytes) = (from_where(file, *patch), patch.map_or(0, |patch| patch.size()));
        }
    }
    let (record, record_bytes) = record(&base, &new)?;
    let (serial, base_manifest) = (to.serial, Digest::of(&base.bytes));
    let index =
        Index { format: FORMAT, base: from.serial, serial, base_manifest, manifest: record, files: pieces, own };
    let mut counted = Counted { out, bytes: 0 };
    index.write(&mut counted).map_err(ParcelError::Make)?;
    counted.write_all(&record_bytes).map_err(ParcelError::Make)?;
    for patch in patches.iter().flatten() {
        counted.write_all(&store.get(*patch)?).map_err(ParcelError::Make)?;
    }
    let whole: Vec<_> =
        changed.iter().zip(&patches).filter(|(_, patch)| patch.is_none()).map(|(file, _)| file).collect();
    wholes(&new, &whole, &mut counted, listener)?;
    counted.flush().map_err(ParcelError::Make)?;
    listener.event(&Event::End(Stage::Write));
    Ok(Made { bytes: counted.bytes, patched: changed.len() - whole.len(), whole: whole.len() })
}

fn from_where(file: &Changed, patch: Option<Kept>) -> Option<RelPath> {
    patch.and(file.from.as_ref()).map(|(path, _)| path.clone())
}

impl<'a> Release<'a> {
    fn read(path: &'a Path) -> Result<Self, ParcelError> {
        let place = path.join(manifest::MANIFEST);
        let bytes = fs::read(&place).map_err(|source| ParcelError::Read { path: place, source })?;
        let manifest = Manifest::parse(&bytes).map_err(ParcelError::Manifest)?;
        Ok(Self { path, bytes, manifest })
    }

    /// All bytes of a file that is to be what a manifest says.
    fn file(&self, path: &RelPath, sha256: Digest) -> Result<Vec<u8>, ParcelError> {
        let place = path.under(self.path);
        match fs::read(&place) {
            Ok(bytes) if Digest::of(&bytes) == sha256 => Ok(bytes),
            Ok(_) => Err(differs(&place)),
            Err(source) => Err(ParcelError::Read { path: place, source }),
        }
    }
}

fn differs(place: &Path) -> ParcelError {
    ParcelError::Tree { path: place.to_owned(), found: "is not what its manifest says".to_owned() }
}

/// The files whose bytes the base does not have, and what each may be made from.
fn changed(base: &Manifest, new: &Manifest) -> Vec<Changed> {
    let digest = |kind: &Kind| if let Kind::File { sha256, .. } = kind { Some(*sha256) } else { None };
    let known: HashSet<Digest> = base.entries.iter().filter_map(|entry| digest(&entry.kind)).collect();
    let bases = Bases::of(base);
    let changed = new.entries.iter().filter_map(|entry| match entry.kind {
        Kind::File { size, sha256, .. } if !known.contains(&sha256) => {
            let from = bases.find(&entry.path, size);
            let from = from.and_then(|from| Some((from.path.clone(), digest(&from.kind)?)));
            Some(Changed { path: entry.path.clone(), size, sha256, from })
        }
        _ => None,
    });
    changed.collect()
}

/// What lies in `.relocate` of a release, but for what every installation makes itself.
fn own(base: &Release<'_>, new: &Release<'_>) -> Result<Vec<Own>, ParcelError> {
    let mut found = Vec::new();
    for entry in WalkDir::new(new.path.join(manifest::DIRECTORY)).sort_by_file_name() {
        let entry = entry.map_err(|error| ParcelError::Read { path: new.path.to_owned(), source: error.into() })?;
        let place = entry.path();
        let failed = |source| ParcelError::Read { path: place.to_owned(), source };
        let rest = place.strip_prefix(new.path).unwrap_or(place);
        let Some(path) = RelPath::new(rest.as_os_str().as_bytes()) else { continue };
        if [manifest::MANIFEST, manifest::PLACE].iter().any(|own| path.as_bytes() == own.as_bytes()) {
            continue;
        }
        let looks = fs::symlink_metadata(place).map_err(failed)?;
        let file = if looks.is_dir() {
            None
        } else if looks.is_file() {
            let (size, sha256) = digest(place).map_err(failed)?;
            let from = base.path.join(rest).is_file().then(|| path.clone());
            Some(OwnFile { size, sha256, from, bytes: 0 })
        } else {
            return Err(ParcelError::Tree { path: place.to_owned(), found: "is no file".to_owned() });
        };
        // A directory's own time is when somebody unpacked something into it.
        let mtime = if file.is_some() { looks.mtime() } else { MTIME };
        found.push(Own { path, mode: looks.mode() & 0o7777, mtime, file });
    }
    Ok(found)
}

fn digest(place: &Path) -> io::Result<(u64, Digest)> {
    let (mut file, mut digester, mut size) = (File::open(place)?, Digester::default(), 0);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((size, digester.finish())),
            len => {
                digester.update(&buffer[..len]);
                size += len as u64;
            }
        }
    }
}

/// A file of the tool's own that is not the same in the base.
fn own_changed(base: &Release<'_>, own: &Own) -> Option<Changed> {
    let file = own.file.as_ref()?;
    let there = file.from.as_ref().and_then(|from| digest(&from.under(base.path)).ok());
    if there == Some((file.size, file.sha256)) {
        return None;
    }
    let fits = |size: u64| (1..=delta::LARGEST).contains(&size);
    let from = there.filter(|(size, _)| fits(*size) && fits(file.size)).map(|(_, sha256)| (own.path.clone(), sha256));
    Some(Changed { path: own.path.clone(), size: file.size, sha256: file.sha256, from })
}

/// A patch for each file that is smaller for it, the largest files first.
fn patches(
    base: &Release<'_>,
    new: &Release<'_>,
    changed: &[Changed],
    store: &Store,
    listener: &dyn Listener,
) -> Result<Vec<Option<Kept>>, ParcelError> {
    let mut order: Vec<usize> = (0..changed.len()).filter(|at| changed[*at].from.is_some()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(changed[*at].size));
    let memory = Memory::of(MEMORY);
    let made = each(
        &order,
        || Ok(()),
        |(), at| {
            let file = &changed[*at];
            let patch = memory.with(file.size.saturating_mul(2 * TIMES), || patch(base, new, file))?;
            let kept = patch.map(|patch| store.put(&patch)).transpose()?;
            if kept.is_some() {
                listener.event(&Event::File { path: &file.path, bytes: file.size });
            }
            Ok::<_, ParcelError>(kept)
        },
    )?;
    let mut patches = vec![None; changed.len()];
    for (at, patch) in order.into_iter().zip(made) {
        patches[at] = patch;
    }
    Ok(patches)
}

fn patch(base: &Release<'_>, new: &Release<'_>, file: &Changed) -> Result<Option<Vec<u8>>, ParcelError> {
    let Some((from, sha256)) = &file.from else { return Ok(None) };
    let (old, new) = (base.file(from, *sha256)?, new.file(&file.path, file.sha256)?);
    let none = |error| ParcelError::Make(io::Error::other(error));
    let patch = delta::patch(&old, &new).map_err(none)?;
    // Among others a whole file takes about three quarters of what it takes alone.
    let worth = || Ok::<_, ParcelError>(patch.len() < delta::patch(b"", &new).map_err(none)?.len() / 4 * 3);
    Ok(if patch.len() < new.len() / 16 || worth()? { Some(patch) } else { None })
}

/// The new manifest as it goes into the body.
fn record(base: &Release<'_>, new: &Release<'_>) -> Result<(Record, Vec<u8>), ParcelError> {
    let place = new.path.join(manifest::MANIFEST);
    let looks = fs::symlink_metadata(&place).map_err(|source| ParcelError::Read { path: place, source })?;
    let (mode, mtime) = (looks.mode() & 0o7777, looks.mtime());
    let patch = [base, new].iter().all(|release| release.bytes.len() as u64 <= delta::LARGEST);
    let bytes = if patch {
        delta::patch(&base.bytes, &new.bytes).map_err(|error| ParcelError::Make(io::Error::other(error)))?
    } else {
        zstd::stream::encode_all(&*new.bytes, LEVEL).map_err(ParcelError::Make)?
    };
    let (size, sha256) = (new.bytes.len() as u64, Digest::of(&new.bytes));
    Ok((Record { bytes: bytes.len() as u64, size, sha256, mode, mtime, patch }, bytes))
}

/// Writes all whole files as one stream; nothing where there are none.
fn wholes(
    new: &Release<'_>,
    files: &[&Changed],
    out: &mut dyn Write,
    listener: &dyn Listener,
) -> Result<(), ParcelError> {
    if files.is_empty() {
        return Ok(());
    }
    let total: u64 = files.iter().map(|file| file.size).sum();
    let mut encoder = encoder(out, total).map_err(ParcelError::Make)?;
    for file in files {
        whole(new, file, &mut encoder)?;
        listener.event(&Event::File { path: &file.path, bytes: file.size });
    }
    encoder.finish().map(drop).map_err(ParcelError::Make)
}

fn encoder(out: &mut dyn Write, total: u64) -> io::Result<zstd::stream::write::Encoder<'static, &mut dyn Write>> {
    let mut encoder = zstd::stream::write::Encoder::new(out, LEVEL)?;
    let reach = total.max(1).checked_next_power_of_two().map_or(WINDOW, u64::trailing_zeros);
    encoder.window_log(reach.clamp(10, WINDOW))?;
    encoder.long_distance_matching(true)?;
    // With one thread or more the bytes are the same, but not with none.
    encoder.multithread(rayon::current_num_threads().clamp(1, WORKERS) as u32)?;
    encoder.set_pledged_src_size(Some(total))?;
    Ok(encoder)
}

fn whole(new: &Release<'_>, file: &Changed, out: &mut dyn Write) -> Result<(), ParcelError> {
    let place = file.path.under(new.path);
    let failed = |source| ParcelError::Read { path: place.clone(), source };
    let mut source = File::open(&place).map_err(failed)?.take(file.size + 1);
    let (mut digester, mut size) = (Digester::default(), 0);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match source.read(&mut buffer).map_err(failed)? {
            0 => break,
            len => {
                digester.update(&buffer[..len]);
                size += len as u64;
                if size > file.size {
                    return Err(differs(&place));
                }
                out.write_all(&buffer[..len]).map_err(ParcelError::Make)?;
            }
        }
    }
    if size == file.size && digester.finish() == file.sha256 { Ok(()) } else { Err(differs(&place)) }
}

/// Counts what is written.
struct Counted<'a> {
    out: &'a mut dyn Write,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.out.write(bytes)?;
        self.bytes += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
