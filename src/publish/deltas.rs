//! What leads to a new release from older ones: each is fetched as a whole, checked against its signature, unpacked and compared.
//!
//! A delta that saves nothing is not published. An older release whose pack is missing or damaged is passed over, and said to be so.

use super::error::PublishError;
use super::repack::{Piece, Repacked};
use crate::base::digest::Digester;
use crate::base::event::Listener;
use crate::base::write::{NewDir, WriteError};
use crate::objects::Objects;
use crate::pack::{self, Limits};
use crate::parcel::{self, Tree};
use crate::release::{File as Listed, Release};
use crate::tuf::{TargetError, open_target};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What was made.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    /// By the serial they lead from.
    pub(super) made: Vec<(u32, Piece)>,
    /// Which were not, and why.
    pub(super) passed_over: Vec<String>,
}

/// Makes the deltas from some releases to the one of a pack.
pub(super) fn make(
    objects: &dyn Objects,
    from: &[&Release],
    (to, serial): (&Repacked, u32),
    limits: &Limits,
    listener: &dyn Listener,
) -> Result<Deltas, PublishError> {
    let mut deltas = Deltas::default();
    if from.is_empty() {
        return Ok(deltas);
    }
    let new = Unpacked::of(&to.full.path, &to.room().join("new"), limits, listener)?;
    for release in from {
        let base = release.custom.serial;
        let pack = to.room().join(format!("{base}.tar.zst"));
        if let Err(error) = fetch(objects, &release.full, &pack)? {
            deltas.passed_over.push(format!("no delta from {base}: {error}"));
            continue;
        }
        let old = Unpacked::of(&pack, &to.room().join(format!("{base}")), limits, listener)?;
        let path = to.room().join(format!("{base}.delta"));
        let piece = delta(&Tree { path: &old.at, serial: base }, &Tree { path: &new.at, serial }, &path, listener)?;
        if piece.size < to.full.size {
            deltas.made.push((base, piece));
        } else {
            deltas.passed_over.push(format!("no delta from {base}: it would be larger than the whole release"));
        }
    }
    Ok(deltas)
}

/// A pack as a tree, until this is dropped.
struct Unpacked {
    at: PathBuf,
    _tree: NewDir,
}

impl Unpacked {
    fn of(pack: &Path, place: &Path, limits: &Limits, listener: &dyn Listener) -> Result<Self, PublishError> {
        let tree = NewDir::create(place)?;
        let unpacked = pack::unpack(pack, tree.staging(), limits, listener)?;
        Ok(Self { at: unpacked.top.under(tree.staging()), _tree: tree })
    }
}

/// Fetches a file of the repository; what is wrong with it is no error of this machine.
fn fetch(objects: &dyn Objects, file: &Listed, to: &Path) -> Result<Result<(), TargetError>, PublishError> {
    let target = super::listed::target(file)?;
    let mut from = match open_target(objects, &target) {
        Ok(from) => from,
        Err(error) => return Ok(Err(error)),
    };
    let mut out = File::create(to).map_err(WriteError::io("write", to))?;
    match io::copy(&mut from, &mut out) {
        Ok(_) => Ok(Ok(())),
        Err(error) => match error.downcast::<TargetError>() {
            Ok(wrong) => Ok(Err(wrong)),
            Err(error) => Err(WriteError::io("write", to)(error).into()),
        },
    }
}

fn delta(from: &Tree<'_>, to: &Tree<'_>, path: &Path, listener: &dyn Listener) -> Result<Piece, PublishError> {
    let file = File::create(path).map_err(WriteError::io("write", path))?;
    let mut out = Summed { inner: BufWriter::new(file), digester: Digester::default() };
    let made = parcel::make(from, to, &mut out, listener)?;
    Ok(Piece { path: path.to_owned(), size: made.bytes, sha256: out.digester.finish() })
}

/// Bytes on their way to a file, digested.
struct Summed<W> {
    inner: W,
    digester: Digester,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digester.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
