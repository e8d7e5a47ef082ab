//! One file of the signed list comes into a directory as `NAME.part`: whole and right, or the next run goes on from there.
//!
//! Takes a target and storage, gives the file's place. Never more bytes are taken than were signed. What broke off goes on from its
//! last byte where the storage can tell that it is still the same file; what is whole and wrong is fetched once more from its first
//! byte, and then refused.

mod error;
mod part;

pub use error::{FetchError, Wrong};

use self::part::{Part, tag_of};
use super::error::ClientError;
use crate::base::child::Cancel;
use crate::base::event::{Event, Listener, Stage};
use crate::base::path::RelPath;
use crate::base::pauses::{Pauses, rest};
use crate::base::write::{self, Parents};
use crate::objects::{Got, Object, Objects, Wish};
use crate::tuf::Target;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often in all a file is asked for.
const TRIES: u32 = 5;
/// The first pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// How files are fetched.
pub struct Fetch<'a> {
    /// Where the repository's files are.
    pub objects: &'a dyn Objects,
    /// Where they go.
    pub cache: &'a Path,
    /// Is told how far it is.
    pub listener: &'a dyn Listener,
    /// Stops it; what is here stays.
    pub cancel: &'a Cancel,
}

/// What came of one try.
enum Try {
    Done,
    /// Another one may do better.
    Passing(FetchError),
    Wrong(Wrong),
}

impl Fetch<'_> {
    /// How many bytes of a target are here already.
    pub fn have(&self, target: &Target) -> u64 {
        fs::metadata(self.part(target)).map_or(0, |found| found.len().min(target.length()))
    }

    /// Fetches a target, and removes what is left of others.
    pub fn fetch(&self, target: &Target) -> Result<PathBuf, ClientError> {
        let path = self.part(target);
        Parents::make(&path)?.keep();
        self.clear(Some(target))?;
        let mut part = Part::open(target, path)?;
        self.listener.event(&Event::Begin { stage: Stage::Fetch, files: 1, bytes: target.length() });
        self.tell(target, part.done);
        let fetched = self.tries(&mut part);
        self.listener.event(&Event::End(Stage::Fetch));
        fetched.map(|()| part.path)
    }

    /// Removes what was fetched, but for one target.
    pub fn clear(&self, but: Option<&Target>) -> Result<(), ClientError> {
        let stays = but.map(|target| self.part(target));
        for entry in fs::read_dir(self.cache).into_iter().flatten().flatten() {
            let is_of = |stays: &PathBuf| *stays == entry.path() || tag_of(stays) == entry.path();
            if !stays.as_ref().is_some_and(is_of) {
                write::remove_tree(&entry.path())?;
            }
        }
        Ok(())
    }

    fn part(&self, target: &Target) -> PathBuf {
        self.cache.join(format!("{}.part", target.name()))
    }

    fn tell(&self, target: &Target, bytes: u64) {
        let name = RelPath::new(target.name().as_bytes()).unwrap_or_default();
        self.listener.event(&Event::File { path: &name, bytes });
    }

    fn tries(&self, part: &mut Part<'_>) -> Result<(), ClientError> {
        let place = self.objects.shown(&part.target.place());
        let (mut pauses, mut was_wrong) = (Pauses::new(TRIES, PAUSE), false);
        loop {
            match self.one(part)? {
                Try::Done => return Ok(()),
                Try::Wrong(why) if was_wrong => {
                    part.restart()?;
                    return Err(ClientError::Fetch(FetchError::Wrong { place, why }));
                }
                Try::Wrong(_) => {
                    part.restart()?;
                    was_wrong = true;
                }
                Try::Passing(error) => {
                    let pause = pauses.next(None).filter(|pause| rest(*pause, self.cancel));
                    if pause.is_none() {
                        return Err(ClientError::Fetch(error));
                    }
                }
            }
        }
    }

    fn one(&self, part: &mut Part<'_>) -> Result<Try, ClientError> {
        let length = part.target.length();
        if part.done == length && (part.done > 0 || part.judged().is_none()) {
            return Ok(part.judged().map_or(Try::Done, Try::Wrong));
        }
        let place = part.target.place();
        let tag = part.tag.clone().filter(|_| part.done > 0);
        let wish = Wish { known: None, rest: tag.as_deref().map(|tag| (part.done, tag)) };
        let object = match self.objects.get(&place, &wish) {
            Err(error) if error.is_passing() => return Ok(Try::Passing(FetchError::Unreached(error))),
            Err(error) => return Err(ClientError::Fetch(FetchError::Unreached(error))),
            Ok(Got::Missing | Got::Same) => {
                return Err(ClientError::Fetch(FetchError::Missing { place: self.objects.shown(&place) }));
            }
            Ok(Got::Bytes(object)) => object,
        };
        if object.from != part.done || object.from == 0 {
            part.restart()?;
        }
        if object.from != part.done {
            let why = "the server sent another part of it than was asked for".to_owned();
            return Ok(Try::Passing(self.cut(part, why)));
        }
        let found = object.length.map(|more| more.saturating_add(part.done));
        if found.is_some_and(|found| found != length) {
            return Ok(Try::Wrong(page_or(object, Wrong::Length { signed: length, found })));
        }
        part.name(object.state.clone())?;
        self.pour(part, object)
    }

    /// Moves bytes to the part, no more than were signed.
    fn pour(&self, part: &mut Part<'_>, mut object: Object) -> Result<Try, ClientError> {
        let length = part.target.length();
        let mut buffer = vec![0; 1 << 16];
        loop {
            if self.cancel.is_cancelled() {
                return Ok(Try::Passing(self.cut(part, "it was stopped".to_owned())));
            }
            let read = match object.reader.read(&mut buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Try::Passing(self.cut(part, error.to_string()))),
            };
            let bytes = &buffer[..read];
            if part.done == 0 && bytes.starts_with(b"<") {
                return Ok(Try::Wrong(Wrong::Page));
            }
            if read as u64 > length - part.done {
                return Ok(Try::Wrong(Wrong::Length { signed: length, found: None }));
            }
            if read == 0 && part.done < length {
                return Ok(Try::Passing(self.cut(part, "it ended there".to_owned())));
            }
            if read == 0 {
                return Ok(part.judged().map_or(Try::Done, Try::Wrong));
            }
            part.add(bytes)?;
            self.tell(part.target, read as u64);
        }
    }

    fn cut(&self, part: &Part<'_>, why: String) -> FetchError {
        let place = self.objects.shown(&part.target.place());
        FetchError::Cut { place, done: part.done, of: part.target.length(), why }
    }
}

/// Whether it is a web page that has another length.
fn page_or(object: Object, wrong: Wrong) -> Wrong {
    let mut start = Vec::new();
    let read = object.reader.take(256).read_to_end(&mut start);
    if object.from == 0 && read.is_ok() && start.trim_ascii_start().starts_with(b"<") { Wrong::Page } else { wrong }
}
