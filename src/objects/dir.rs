//! Files below a directory, which processes, and machines over a network file system, may share.
//!
//! A file gets its name when it is whole and durable. Its state is the digest of its bytes.

use super::{Got, Object, ObjectError, Objects, Presence, Put, When, Wish, is_sound};
use crate::base::digest::Digester;
use crate::base::write::{self, Looks, NewFile, Parents};
use crate::web::Content;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A directory of files.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
}

type Problem = Box<dyn Error + Send + Sync>;

impl Directory {
    /// Takes a directory, which is made when the first file comes.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where the file of a name is, or would be.
    pub fn place(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn sound(&self, doing: &'static str, name: &str) -> Result<PathBuf, ObjectError> {
        if is_sound(name) {
            return Ok(self.place(name));
        }
        Err(ObjectError::new(doing, self.shown(name), "no name for a file here"))
    }

    fn failed(&self, doing: &'static str, name: &str) -> impl FnOnce(Problem) -> ObjectError {
        let place = self.shown(name);
        move |source| ObjectError::new(doing, place, source)
    }
}

impl Objects for Directory {
    fn shown(&self, name: &str) -> String {
        self.place(name).display().to_string()
    }

    fn get(&self, name: &str, wish: &Wish<'_>) -> Result<Got, ObjectError> {
        let place = self.sound("read", name)?;
        read(&place, wish).map_err(self.failed("read", name))
    }

    fn look(&self, name: &str) -> Result<Presence, ObjectError> {
        let there = self.sound("look for", name)?.try_exists();
        let there = there.map_err(|error| self.failed("look for", name)(error.into()))?;
        Ok(if there { Presence::There } else { Presence::Missing })
    }

    fn put(&self, name: &str, content: Content<'_>, when: When<'_>) -> Result<Put, ObjectError> {
        let place = self.sound("write", name)?;
        put(&place, content, when).map_err(self.failed("write", name))
    }

    fn remove(&self, name: &str) -> Result<(), ObjectError> {
        let place = self.sound("remove", name)?;
        write::remove(&place).map_err(|error| self.failed("remove", name)(error.into()))
    }
}

fn read(place: &Path, wish: &Wish<'_>) -> Result<Got, Problem> {
    let Some(mut file) = open(place)? else { return Ok(Got::Missing) };
    let size = file.metadata()?.len();
    // Small files are asked for by their state, and large ones by what is missing.
    let state = if wish.known.is_some() || wish.rest.is_some() { Some(state(&mut file)?) } else { None };
    if state.is_some() && state.as_deref() == wish.known {
        return Ok(Got::Same);
    }
    let rest = wish.rest.filter(|(from, known)| state.as_deref() == Some(*known) && *from <= size);
    let from = file.seek(SeekFrom::Start(rest.map_or(0, |(from, _)| from)))?;
    Ok(Got::Bytes(Object { from, length: Some(size - from), state, reader: Box::new(file) }))
}

/// None where there is none.
fn open(place: &Path) -> io::Result<Option<File>> {
    match File::open(place) {
        Ok(file) => Ok(Some(file)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

fn state(file: &mut File) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let (mut digester, mut buffer) = (Digester::default(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(digester.finish().to_string()),
            Ok(read) => digester.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn put(place: &Path, content: Content<'_>, when: When<'_>) -> Result<Put, Problem> {
    let parents = Parents::make(place)?;
    // Others who write over a known state wait their turn for the moment this takes.
    let _turn = if let When::Same(_) = when { Some(turn(place)?) } else { None };
    let holds = match when {
        When::Always => true,
        // Sparing the copy where that is easily seen; what counts is whether the name can be given.
        When::New => fs::symlink_metadata(place).is_err_and(|error| error.kind() == io::ErrorKind::NotFound),
        When::Same(known) => open(place)?.map(|mut file| state(&mut file)).transpose()?.as_deref() == Some(known),
    };
    if !holds {
        return Ok(Put::Lost);
    }
    let mut file = NewFile::create(place)?;
    match content {
        Content::Nothing => {}
        Content::Bytes(bytes) => _ = io::copy(&mut &*bytes, &mut file)?,
        Content::File(from) => _ = io::copy(&mut File::open(from)?, &mut file)?,
    }
    file.looks(Looks { mode: 0o644, mtime: None })?;
    let done = match when {
        When::New => file.commit_new()?,
        When::Always | When::Same(_) => file.commit().map(|()| true)?,
    };
    parents.keep();
    Ok(if done { Put::Done } else { Put::Lost })
}

/// Holds the directory of a file until it is dropped.
fn turn(place: &Path) -> io::Result<File> {
    let dir = File::open(place.parent().unwrap_or(Path::new(".")))?;
    rustix::fs::flock(&dir, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(dir)
}
