//! Files on their way: `NAME.part` while it grows, locked by the one who fetches it, and NAME when it is right.

use super::Distfile;
use super::fetch::Present;
use super::report::FetchError;
use super::sums::{self, Wrong};
use crate::base::child::Cancel;
use crate::base::pauses;
use crate::base::write::WriteError;
use rustix::fs::{FlockOperation, Mode};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is at a place; none where nothing is.
pub(super) fn look(file: &Distfile, place: &Path) -> Result<Option<Result<Present, Wrong>>, FetchError> {
    let mut open = match File::open(place) {
        Ok(open) => open,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("open", place)(error)),
    };
    let checked = sums::check(&mut open, file.size, &file.checksums).map_err(io_error("read", place))?;
    Ok(Some(checked.map(|(sha256, size)| Present { place: place.to_owned(), sha256, size, from: None })))
}

/// Opens a part that no other process has; waits for one that has it.
pub(super) fn hold(path: &Path, cancel: &Cancel) -> Result<File, FetchError> {
    loop {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(io_error("write", path))?;
        // A file system without locks gives another error: then two runs at once are on their own.
        while rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK) {
            rest(Duration::from_millis(200), cancel)?;
        }
        // It may have got its name, or been removed, before it was ours.
        let own = file.metadata().map_err(io_error("look at", path))?.ino();
        if fs::symlink_metadata(path).is_ok_and(|found| found.ino() == own) {
            return Ok(file);
        }
    }
}

/// Gives the part the name of the file.
pub(super) fn name(part: &File, path: &Path, place: &Path) -> Result<(), FetchError> {
    rustix::fs::fchmod(part, Mode::from_raw_mode(0o644)).map_err(|error| io_error("write", path)(error.into()))?;
    part.sync_all().map_err(io_error("write", path))?;
    fs::rename(path, place).map_err(io_error("rename a finished file to", place))?;
    let dir = place.parent().unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("make durable", place))?;
    // What was kept for a look is of no interest any more.
    let _ = fs::remove_file(beside(place, ".bad"));
    Ok(())
}

/// Leaves no part without bytes lying about.
pub(super) fn drop_empty(part: &File, path: &Path) {
    if part.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        // Only tidying: the next run takes what is there.
        let _ = fs::remove_file(path);
    }
}

/// The place with its name made longer.
pub(super) fn beside(place: &Path, end: &str) -> PathBuf {
    let mut name: OsString = place.file_name().unwrap_or_default().to_owned();
    name.push(end);
    place.with_file_name(name)
}

/// Waits, unless asked to stop.
pub(super) fn rest(pause: Duration, cancel: &Cancel) -> Result<(), FetchError> {
    if pauses::rest(pause, cancel) { Ok(()) } else { Err(FetchError::Cancelled) }
}

pub(super) fn io_error(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::Io { doing, path: path.clone(), source }
}

pub(super) fn unwritten(path: &Path) -> impl Fn(WriteError) -> FetchError {
    let path = path.to_owned();
    move |error| FetchError::Io { doing: "write", path: path.clone(), source: io::Error::other(error) }
}
