//! Fetches what is not there yet, a few files of each server at a time, each from the first of its places that has it.
//!
//! Mirrors of the recipe come before the sites of the tree: who names a mirror has one that is near, or the only one that can
//! be reached, and old sites are often gone or have given their name to somebody else. A wrong file that is there already
//! stays until the right one takes its place; what a site sent wrongly is kept as `NAME.bad` for a look.

use super::download::{Failed, Job};
use super::hosts::Hosts;
use super::part::{beside, drop_empty, hold, io_error, look, name, rest, unwritten};
use super::report::{FetchError, Missing, Tried};
use super::sums::Wrong;
use super::{Checksum, Distfile, address};
use crate::base::child::Cancel;
use crate::base::digest::Digest;
use crate::base::pauses::Pauses;
use crate::base::write::Parents;
use crate::web::{Web, shown_url};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A place that has source archives as the tree's own mirrors have them: `SUBDIR/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mirror {
    /// An http or https address of a directory.
    Url(String),
    /// A directory of this machine, absolute.
    Directory(PathBuf),
}

/// How files are fetched.
#[derive(Debug)]
pub struct FetchOptions<'a> {
    /// Where they go, absolute.
    pub distdir: &'a Path,
    /// Looked into before the sites of the tree.
    pub mirrors: &'a [Mirror],
    /// Makes the requests.
    pub web: &'a Web,
    /// Files at once.
    pub jobs: usize,
    /// Files at once from one server.
    pub per_host: usize,
    /// How often one place is tried when it fails in a way that may pass.
    pub tries: u32,
    /// The first pause between two tries; it doubles.
    pub pause: Duration,
    /// Stops it.
    pub cancel: &'a Cancel,
}

/// What happens to files, by their number in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is there and right.
    Present(usize),
    /// It is asked for; so many bytes of it are here already.
    Started {
        /// Which.
        file: usize,
        /// Where, without passwords.
        url: String,
        /// Bytes of an earlier try.
        have: u64,
    },
    /// So many bytes of it are here.
    Bytes {
        /// Which.
        file: usize,
        /// How many, from the first byte of the file on.
        done: u64,
    },
    /// A try failed, the same place is asked again.
    Again {
        /// Which.
        file: usize,
        /// Where.
        url: String,
        /// Why it failed.
        reason: String,
        /// After how long.
        pause: Duration,
    },
    /// A place does not have it, or not as it must be.
    Refused {
        /// Which.
        file: usize,
        /// Where.
        url: String,
        /// Why.
        reason: String,
    },
    /// It is here and right.
    Done(usize),
    /// No place had it.
    Missing(usize),
}

/// Takes events from any thread.
pub trait Listener: Sync {
    /// Takes one event; must not block for long.
    fn event(&self, event: &Event);
}

/// A file that is here and right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Where.
    pub place: PathBuf,
    /// Its sum.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Where it came from, without passwords; none where it was there.
    pub from: Option<String>,
}

/// All files, in the order of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Each of them.
    pub files: Vec<Present>,
}

/// Which files are there: right, wrong, or (none) not there at all; in the order of the list. Connects to nothing.
pub fn present(files: &[Distfile], distdir: &Path) -> Result<Vec<Option<Result<Present, Wrong>>>, FetchError> {
    files.iter().map(|file| look(file, &file.place(distdir))).collect()
}

/// Sees to it that every file is there and right; tries all of them before it gives up.
pub fn fetch(files: &[Distfile], options: &FetchOptions<'_>, listener: &dyn Listener) -> Result<Fetched, FetchError> {
    let of_mirrors = |file: &Distfile| options.mirrors.iter().map(|mirror| mirror.address(file)).collect::<Vec<_>>();
    let work = files.iter().enumerate().map(|(number, file)| Work {
        number,
        file,
        place: file.place(options.distdir),
        urls: of_mirrors(file).into_iter().chain(file.urls.iter().cloned()).collect(),
        is_doubtful: false,
    });
    run(work.collect(), options, listener)
}

/// Gets one file by its address to a path, such as the tree's own archive. Without a sum it is taken as it comes, and one that
/// is there is replaced, unless offline.
pub fn archive(
    url: &str,
    sha256: Option<Digest>,
    into: &Path,
    options: &FetchOptions<'_>,
    listener: &dyn Listener,
) -> Result<Present, FetchError> {
    let sum = |digest: Digest| Checksum { algorithm: super::Algorithm::SHA256, hash: digest.to_string() };
    let name = into.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = Distfile {
        name,
        subdir: String::new(),
        size: None,
        checksums: sha256.map(sum).into_iter().collect(),
        urls: vec![url.to_owned()],
        needed_by: Vec::new(),
    };
    // Without a sum nothing says that the file which is there is the one; offline there is no other.
    let is_doubtful = sha256.is_none() && !options.web.is_offline();
    let work = Work { number: 0, file: &file, place: into.to_owned(), urls: file.urls.clone(), is_doubtful };
    let mut fetched = run(vec![work], options, listener)?;
    Ok(fetched.files.remove(0))
}

impl Mirror {
    fn address(&self, file: &Distfile) -> String {
        match self {
            Self::Url(url) => format!("{}/{}", url.trim_end_matches('/'), file.path()),
            Self::Directory(dir) => address::of_path(&file.place(dir)),
        }
    }
}

/// One file and all its places.
struct Work<'a> {
    number: usize,
    file: &'a Distfile,
    place: PathBuf,
    urls: Vec<String>,
    /// What is at the place may be anything.
    is_doubtful: bool,
}

impl Work<'_> {
    /// What is at the place, where it counts.
    fn look(&self) -> Result<Option<Result<Present, Wrong>>, FetchError> {
        if self.is_doubtful { Ok(None) } else { look(self.file, &self.place) }
    }
}

/// The inner error is that no place has it.
type Obtained = Result<Result<Present, Missing>, FetchError>;

fn run(work: Vec<Work<'_>>, options: &FetchOptions<'_>, listener: &dyn Listener) -> Result<Fetched, FetchError> {
    let of = work.len();
    let hosts = Hosts::new(options.per_host);
    let ahead = Mutex::new(work);
    let stop = Mutex::new(None);
    let crew = || {
        let mut done = Vec::new();
        while let Some(work) = take(&ahead, &hosts) {
            let number = work.number;
            match (Fetcher { options, listener, hosts: &hosts }).obtain(work) {
                Ok(result) => done.push((number, result)),
                Err(error) => {
                    stop.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    ahead.lock().unwrap_or_else(PoisonError::into_inner).clear();
                }
            }
        }
        done
    };
    let mut done: Vec<(usize, Result<Present, Missing>)> = thread::scope(|scope| {
        let crew: Vec<_> = (0..options.jobs.clamp(1, of.max(1))).map(|_| scope.spawn(crew)).collect();
        crew.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    if let Some(error) = stop.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    done.sort_by_key(|(number, _)| *number);
    let (mut files, mut missing) = (Vec::new(), Vec::new());
    for (_, result) in done {
        match result {
            Ok(present) => files.push(present),
            Err(one) => missing.push(one),
        }
    }
    if missing.is_empty() { Ok(Fetched { files }) } else { Err(FetchError::Missing { missing, of }) }
}

/// The next file whose first server has room, else the next one.
fn take<'a>(ahead: &Mutex<Vec<Work<'a>>>, hosts: &Hosts) -> Option<Work<'a>> {
    let mut ahead = ahead.lock().unwrap_or_else(PoisonError::into_inner);
    let has_room = |work: &Work<'_>| {
        let host = work.urls.first().and_then(|url| address::host(url));
        host.is_none_or(|host| hosts.has_room(&host))
    };
    let at = ahead.iter().position(has_room).unwrap_or(0);
    (at < ahead.len()).then(|| ahead.remove(at))
}

struct Fetcher<'a> {
    options: &'a FetchOptions<'a>,
    listener: &'a dyn Listener,
    hosts: &'a Hosts,
}

impl Fetcher<'_> {
    fn obtain(&self, work: Work<'_>) -> Obtained {
        let found = match work.look()? {
            Some(Ok(present)) => return Ok(Ok(self.tell_present(&work, present))),
            Some(Err(wrong)) => Some(wrong),
            None => None,
        };
        if work.urls.is_empty() {
            self.listener.event(&Event::Missing(work.number));
            return Ok(Err(Missing { file: work.file.clone(), place: work.place, found, tried: Vec::new() }));
        }
        Parents::make(&work.place).map_err(unwritten(&work.place))?.keep();
        let path = beside(&work.place, ".part");
        let part = hold(&path, self.options.cancel)?;
        // Another process may have fetched it while this one waited for its part.
        if let Some(Ok(present)) = work.look()? {
            drop_empty(&part, &path);
            return Ok(Ok(self.tell_present(&work, present)));
        }
        let mut tried = Vec::new();
        for url in &work.urls {
            match self.one_place(&work, &path, &part, url)? {
                Ok((sha256, size)) => {
                    name(&part, &path, &work.place)?;
                    self.listener.event(&Event::Done(work.number));
                    return Ok(Ok(Present { place: work.place, sha256, size, from: Some(shown_url(url)) }));
                }
                Err(reason) => {
                    let url = shown_url(url);
                    let event = Event::Refused { file: work.number, url: url.clone(), reason: reason.clone() };
                    self.listener.event(&event);
                    tried.push(Tried { url, reason });
                }
            }
        }
        drop_empty(&part, &path);
        self.listener.event(&Event::Missing(work.number));
        Ok(Err(Missing { file: work.file.clone(), place: work.place, found, tried }))
    }

    fn tell_present(&self, work: &Work<'_>, present: Present) -> Present {
        self.listener.event(&Event::Present(work.number));
        present
    }

    /// Every try at one place; the inner error is the last reason.
    fn one_place(
        &self,
        work: &Work<'_>,
        path: &Path,
        part: &File,
        url: &str,
    ) -> Result<Result<(Digest, u64), String>, FetchError> {
        let host = address::host(url);
        let known = host.as_deref().and_then(|host| self.hosts.gone(host));
        if let Some(reason) = known {
            return Ok(Err(reason));
        }
        let _turn = host.as_deref().map(|host| self.hosts.turn(host));
        let options = self.options;
        let job = Job {
            web: options.web,
            number: work.number,
            file: work.file,
            listener: self.listener,
            cancel: options.cancel,
            part: path,
        };
        let mut version = None;
        let mut pauses = Pauses::new(options.tries, options.pause);
        loop {
            if options.cancel.is_cancelled() {
                return Err(FetchError::Cancelled);
            }
            let have = part.metadata().map_err(io_error("look at", path))?.len();
            self.listener.event(&Event::Started { file: work.number, url: shown_url(url), have });
            let tried = match address::local(url) {
                Some(from) => job.copy(&from, part)?,
                None => job.get(url, part, &mut version)?,
            };
            let failed = match tried {
                Ok(right) => return Ok(Ok(right)),
                Err(failed) => failed,
            };
            let is_last = pauses.is_over();
            if let Some(reason) = self.last_word(work, path, part, &failed, host.as_deref(), is_last)? {
                return Ok(Err(reason));
            }
            let Some(wait) = pauses.next(failed.wait.map(Duration::from_secs)) else { return Ok(Err(failed.reason)) };
            let url = shown_url(url);
            self.listener.event(&Event::Again { file: work.number, url, reason: failed.reason, pause: wait });
            rest(wait, options.cancel)?;
        }
    }

    /// The reason, where a place is not to be tried again; puts away what came wrongly.
    fn last_word(
        &self,
        work: &Work<'_>,
        path: &Path,
        part: &File,
        failed: &Failed,
        host: Option<&str>,
        is_last: bool,
    ) -> Result<Option<String>, FetchError> {
        let mut reason = failed.reason.clone();
        if failed.is_wrong {
            let bad = beside(&work.place, ".bad");
            fs::copy(path, &bad).map_err(io_error("keep a wrong file as", &bad))?;
            reason = format!("{reason} (kept as {})", bad.display());
            part.set_len(0).map_err(io_error("write", path))?;
        }
        if failed.is_passing && !is_last {
            return Ok(None);
        }
        if let Some(host) = host.filter(|_| failed.is_of_host) {
            self.hosts.give_up(host, &reason);
        }
        Ok(Some(reason))
    }
}
