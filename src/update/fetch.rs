//! One file of the signed list comes into `R/.relocate/cache/NAME.part`: whole and right, or the next run goes on from there.
//!
//! Takes a target and storage, gives the file's place. Never more bytes are taken than were signed. What broke off goes on from its
//! last byte where the storage can tell that it is still the same file; what is whole and wrong is fetched once more from its first
//! byte, and then refused.

use super::error::UpdateError;
use crate::base::child::Cancel;
use crate::base::digest::{Digest, Digester};
use crate::base::event::{Event, Listener, Stage};
use crate::base::path::RelPath;
use crate::base::pauses::{Pauses, rest};
use crate::base::write::{self, Parents};
use crate::objects::{Got, Object, ObjectError, Objects, Wish};
use crate::tuf::Target;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often in all a file is asked for.
const TRIES: u32 = 5;
/// The first pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);
/// A tag longer than this is not kept.
const LONGEST_TAG: u64 = 1024;

/// Why a file did not come.
#[derive(Debug)]
pub enum FetchError {
    /// The storage gave no answer, or said no.
    Unreached(ObjectError),
    /// It does not have the file.
    Missing {
        /// The file.
        place: String,
    },
    /// It broke off, again and again.
    Cut {
        /// The file.
        place: String,
        /// After how many bytes.
        done: u64,
        /// Of how many.
        of: u64,
        /// Why.
        why: String,
    },
    /// What came is not what was signed, twice.
    Wrong {
        /// The file.
        place: String,
        /// In what way.
        why: Wrong,
    },
}

/// In what way a file is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// A web page came in its place.
    Page,
    /// It has another length.
    Length {
        /// What was signed, in bytes.
        signed: u64,
        /// What the storage says; none where it went on after the signed length.
        found: Option<u64>,
    },
    /// It holds other bytes.
    Bytes {
        /// What was signed.
        signed: Digest,
        /// What came.
        found: Digest,
    },
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached(error) => write!(f, "{error}"),
            Self::Missing { place } => write!(f, "{place} is signed, and the repository does not have it"),
            Self::Cut { place, done, of, why } => write!(f, "{place} broke off at byte {done} of {of}: {why}"),
            Self::Wrong { place, why } => match why {
                Wrong::Page => write!(f, "a web page came in the place of {place}"),
                Wrong::Length { signed, found: Some(found) } => {
                    write!(f, "{place} has {found} bytes, and {signed} were signed")
                }
                Wrong::Length { signed, found: None } => {
                    write!(f, "{place} goes on after the {signed} bytes that were signed")
                }
                Wrong::Bytes { signed, found } => {
                    write!(f, "{place} is not what was signed: sha256 {found} instead of {signed}, twice")
                }
            },
        }
    }
}

impl std::error::Error for FetchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Unreached(error) = self { Some(error) } else { None }
    }
}

impl FetchError {
    /// Whether it is this file that is at fault, so that another one may serve.
    pub fn is_of_file(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Wrong { .. })
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unreached(_) | Self::Cut { .. } => "run it again: it goes on where it broke off",
            Self::Missing { .. } => "tell the publisher that the repository is not whole",
            Self::Wrong { why: Wrong::Page, .. } => {
                "a gateway or a proxy may want you to log in first: open the address in a browser"
            }
            Self::Wrong { .. } => {
                "something on the way or on the server changed it: try again, then tell the publisher"
            }
        }
    }
}

/// How files are fetched.
pub(super) struct Fetch<'a> {
    pub(super) objects: &'a dyn Objects,
    /// Where they go.
    pub(super) cache: &'a Path,
    pub(super) listener: &'a dyn Listener,
    pub(super) cancel: &'a Cancel,
}

/// How far a file is.
struct Part<'a> {
    target: &'a Target,
    path: PathBuf,
    file: File,
    digester: Digester,
    done: u64,
    /// What the storage called the state of the file that the bytes are from.
    tag: Option<String>,
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
    pub(super) fn have(&self, target: &Target) -> u64 {
        fs::metadata(self.part(target)).map_or(0, |found| found.len().min(target.length()))
    }

    /// Fetches a target, and removes what is left of others.
    pub(super) fn fetch(&self, target: &Target) -> Result<PathBuf, UpdateError> {
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
    pub(super) fn clear(&self, but: Option<&Target>) -> Result<(), UpdateError> {
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

    fn tries(&self, part: &mut Part<'_>) -> Result<(), UpdateError> {
        let place = self.objects.shown(&part.target.place());
        let (mut pauses, mut was_wrong) = (Pauses::new(TRIES, PAUSE), false);
        loop {
            match self.one(part)? {
                Try::Done => return Ok(()),
                Try::Wrong(why) if was_wrong => {
                    part.restart()?;
                    return Err(UpdateError::Fetch(FetchError::Wrong { place, why }));
                }
                Try::Wrong(_) => {
                    part.restart()?;
                    was_wrong = true;
                }
                Try::Passing(error) => {
                    let pause = pauses.next(None).filter(|pause| rest(*pause, self.cancel));
                    if pause.is_none() {
                        return Err(UpdateError::Fetch(error));
                    }
                }
            }
        }
    }

    fn one(&self, part: &mut Part<'_>) -> Result<Try, UpdateError> {
        let length = part.target.length();
        if part.done == length && (part.done > 0 || part.judged().is_none()) {
            return Ok(part.judged().map_or(Try::Done, Try::Wrong));
        }
        let place = part.target.place();
        let tag = part.tag.clone().filter(|_| part.done > 0);
        let wish = Wish { known: None, rest: tag.as_deref().map(|tag| (part.done, tag)) };
        let object = match self.objects.get(&place, &wish) {
            Err(error) if error.is_passing() => return Ok(Try::Passing(FetchError::Unreached(error))),
            Err(error) => return Err(UpdateError::Fetch(FetchError::Unreached(error))),
            Ok(Got::Missing | Got::Same) => {
                return Err(UpdateError::Fetch(FetchError::Missing { place: self.objects.shown(&place) }));
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
    fn pour(&self, part: &mut Part<'_>, mut object: Object) -> Result<Try, UpdateError> {
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

fn tag_of(part: &Path) -> PathBuf {
    part.with_extension("tag")
}

impl<'a> Part<'a> {
    /// Takes up what an earlier run left.
    fn open(target: &'a Target, path: PathBuf) -> Result<Self, UpdateError> {
        let failed = |doing| failed(doing, &path);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = file.map_err(failed("write"))?;
        let mut digester = Digester::default();
        let mut buffer = vec![0; 1 << 16];
        let mut done = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    digester.update(&buffer[..read]);
                    done += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("read")(error)),
            }
        }
        let mut tag = String::new();
        let read = File::open(tag_of(&path)).and_then(|file| file.take(LONGEST_TAG).read_to_string(&mut tag));
        let tag = read.is_ok().then_some(tag).filter(|tag| !tag.is_empty());
        let mut part = Self { target, path, file, digester, done, tag };
        // Without a tag nothing says that the rest would belong to it; a whole one speaks for itself.
        if part.done > target.length() || (part.tag.is_none() && part.done < target.length()) {
            part.restart()?;
        }
        Ok(part)
    }

    fn restart(&mut self) -> Result<(), UpdateError> {
        let again = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        again.map_err(failed("write", &self.path))?;
        (self.digester, self.done, self.tag) = (Digester::default(), 0, None);
        Ok(())
    }

    /// Notes what the storage calls this state of the file, so that the next run can go on. A weak tag tells nothing.
    fn name(&mut self, tag: Option<String>) -> Result<(), UpdateError> {
        let tag = tag.filter(|tag| !tag.starts_with("W/") && (tag.len() as u64) < LONGEST_TAG);
        if tag != self.tag {
            let place = tag_of(&self.path);
            // Of no worth without its part, so it need not be durable.
            fs::write(&place, tag.as_deref().unwrap_or_default()).map_err(failed("write", &place))?;
            self.tag = tag;
        }
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), UpdateError> {
        self.file.write_all(bytes).map_err(failed("write", &self.path))?;
        self.digester.update(bytes);
        self.done += bytes.len() as u64;
        Ok(())
    }

    /// What is wrong with the bytes that are here; none where they are those that were signed.
    fn judged(&self) -> Option<Wrong> {
        let (signed, found) = (self.target.digest(), self.digester.clone().finish());
        (found != signed).then_some(Wrong::Bytes { signed, found })
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> UpdateError + use<> {
    let path = path.to_owned();
    move |source| UpdateError::Write(write::WriteError::Io { doing, path, source })
}
