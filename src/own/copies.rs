//! Copies of the program: a file that was fetched becomes one once it passed its own test, and is what it was each time it is
//! entered; copies that nobody goes back to are removed.

use super::error::OwnError;
use super::home::{self, Home, NO_FILE};
use super::state::State;
use super::trial;
use crate::base::bytes::FileBytes;
use crate::base::digest::Digest;
use crate::base::stamp::{Moment, Stamp};
use crate::base::write::{self, Parents, WriteError};
use crate::release::Version;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What a copy is called in its directory.
const NAME: &str = "relocate";
/// Where a file is tried, before it is a copy.
const NEW: &str = ".new";

/// The program of a copy.
pub(super) fn program(home: &Home, digest: Digest) -> PathBuf {
    home.copies().join(digest.to_string()).join(NAME)
}

/// Makes a copy of a file that was fetched and is what was signed. Where it does not pass its test it is gone; where it could not be
/// tried it stays where it was.
pub(super) fn install(home: &Home, part: &Path, digest: Digest, version: &Version) -> Result<(), OwnError> {
    let room = home.copies().join(NEW);
    write::remove_tree(&room)?;
    let new = room.join(NAME);
    Parents::make(&new)?.keep();
    fs::rename(part, &new).map_err(WriteError::io("rename", part))?;
    fs::set_permissions(&new, Permissions::from_mode(0o755)).map_err(WriteError::io("set the mode of", &new))?;
    File::open(&new).and_then(|file| file.sync_all()).map_err(WriteError::io("write", &new))?;
    if let Err(why) = trial::try_version(&new, &room, version) {
        if !why.is_of_program() {
            fs::rename(&new, part).map_err(WriteError::io("rename", &new))?;
        }
        write::remove_tree(&room)?;
        return Err(OwnError::Unwell { version: version.to_string(), why: Box::new(why) });
    }
    let place = home.copies().join(digest.to_string());
    write::remove_tree(&place)?;
    fs::rename(&room, &place).map_err(WriteError::io("rename", &room))?;
    File::open(home.copies()).and_then(|dir| dir.sync_all()).map_err(WriteError::io("make durable", &place))?;
    Ok(())
}

/// What became of a copy since it was made.
pub(super) enum Found {
    /// It is what it was; a stamp by which that can be told the next time, where it is another one.
    Right(Option<String>),
    /// It is not there, or is something else.
    Wrong(String),
    /// That cannot be told now.
    Unread(io::Error),
}

/// Looks whether a copy is what it was. With the same device, inode, size and times as when that was last found it is not read.
pub(super) fn look(home: &Home, digest: Digest, stamp: Option<&str>) -> Found {
    let path = program(home, digest);
    let read = || -> io::Result<Result<Option<String>, Digest>> {
        let after = Moment::now();
        let file = home::open(&path)?;
        let now = Stamp::of(&file.metadata()?, after);
        if stamp == Some(now.text().as_str()) {
            return Ok(Ok(None));
        }
        let found = Digest::read(&FileBytes::new(file)?)?;
        Ok(if found == digest { Ok(now.tells().then(|| now.text())) } else { Err(found) })
    };
    match read() {
        Ok(Ok(stamp)) => Found::Right(stamp),
        Ok(Err(found)) => Found::Wrong(format!("its sha256 is {found}")),
        Err(error) if error.raw_os_error().is_none() && error.kind() == NO_FILE => Found::Wrong(error.to_string()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => Found::Wrong(error.to_string()),
        Err(error) => Found::Unread(error),
    }
}

/// Removes what is neither entered nor gone back to. A process that runs a removed copy goes on.
pub(super) fn collect(home: &Home, state: &mut State) -> Result<(), OwnError> {
    let stays = |digest: &Digest| [state.current, state.previous].contains(&Some(*digest));
    for entry in fs::read_dir(home.copies()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let digest = name.to_str().and_then(Digest::from_hex);
        if !digest.as_ref().is_some_and(stays) {
            write::remove_tree(&entry.path())?;
        }
    }
    let (current, previous) = (state.current, state.previous);
    state.copies.retain(|digest, _| [current, previous].contains(&Some(*digest)));
    Ok(())
}

/// Notes that one could not be made of a file, where that is to be known from now on.
pub(super) fn hear(
    home: &Home,
    state: &mut State,
    (part, digest, version): (&Path, Digest, &Version),
    error: &OwnError,
) -> Result<(), OwnError> {
    let OwnError::Unwell { why, .. } = error else { return Ok(()) };
    if state.hear(digest, version, why) {
        // Where it stays it goes with the next one that is fetched.
        let _ = fs::remove_file(part);
    }
    state.keep(home)
}
