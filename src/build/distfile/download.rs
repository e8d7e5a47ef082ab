//! One file from one address, into its `.part`: whole, or on from where an earlier try ended.
//!
//! A part is continued at any site: the file is known by its sums, and a wrong one is fetched once more from its first byte
//! before the site is blamed. At the same address If-Range keeps two versions of a file apart.

use super::fetch::{Event, Listener};
use super::sums::{self, Wrong};
use super::{Distfile, FetchError};
use crate::base::child::Cancel;
use crate::base::digest::Digest;
use crate::web::{Answer, Reason, Request, Web, said};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// One file being fetched.
pub(super) struct Job<'a> {
    pub(super) web: &'a Web,
    pub(super) number: usize,
    pub(super) file: &'a Distfile,
    pub(super) listener: &'a dyn Listener,
    pub(super) cancel: &'a Cancel,
    /// The file with the name ending in `.part`, for messages.
    pub(super) part: &'a Path,
}

/// Why a try gave nothing.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) reason: String,
    /// Whether another try may do better.
    pub(super) is_passing: bool,
    /// Whether the server cannot be reached at all.
    pub(super) is_of_host: bool,
    /// Seconds the server asks to wait.
    pub(super) wait: Option<u64>,
    /// Whether what came is whole and wrong.
    pub(super) is_wrong: bool,
}

impl Failed {
    fn passing(reason: String) -> Self {
        Self { is_passing: true, ..Self::lasting(reason) }
    }

    fn lasting(reason: String) -> Self {
        Self { reason, is_passing: false, is_of_host: false, wait: None, is_wrong: false }
    }

    fn of(reason: &Reason) -> Self {
        Self { is_passing: reason.is_passing(), is_of_host: reason.is_of_host(), ..Self::lasting(reason.to_string()) }
    }
}

/// A try's result; the outer error ends everything.
pub(super) type Result<T> = std::result::Result<std::result::Result<T, Failed>, FetchError>;

impl Job<'_> {
    fn io(&self, doing: &'static str) -> impl Fn(io::Error) -> FetchError {
        let path = self.part.to_owned();
        move |source| FetchError::Io { doing, path: path.clone(), source }
    }

    /// Copies a file of this machine.
    pub(super) fn copy(&self, from: &Path, mut part: &File) -> Result<(Digest, u64)> {
        let mut source = match File::open(from).and_then(|file| Ok((file.metadata()?.is_file(), file))) {
            Ok((true, file)) => file,
            Ok((false, _)) => return Ok(Err(Failed::lasting("it is no file".to_owned()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Err(Failed::lasting("there is no such file".to_owned())));
            }
            Err(error) => return Ok(Err(Failed::lasting(error.to_string()))),
        };
        part.set_len(0).and_then(|()| part.rewind()).map_err(self.io("write"))?;
        match self.pour(&mut source, &mut part, 0)? {
            Ok(()) => self.check(part),
            Err(failed) => Ok(Err(failed)),
        }
    }

    /// Asks a server; `version` is what it called the bytes of the part, where they are its own.
    pub(super) fn get(&self, url: &str, part: &File, version: &mut Option<String>) -> Result<(Digest, u64)> {
        let have = self.have(part, version.as_deref())?;
        if have > 0 && Some(have) == self.file.size {
            return self.check_resumed(part, have);
        }
        let mut request = Request::get(url);
        if have > 0 {
            request.headers.push(("range", format!("bytes={have}-")));
            request.headers.extend(version.iter().map(|version| ("if-range", version.clone())));
        }
        let answer = match self.web.send(&request) {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(Failed::of(&error.reason))),
        };
        let from = match self.begins(&answer, have) {
            Ok(from) => from,
            Err(failed) => {
                if answer.status == 206 || answer.status == 416 {
                    part.set_len(0).map_err(self.io("write"))?;
                }
                return Ok(Err(failed));
            }
        };
        *version = version_of(&answer);
        let mut writer = part;
        part.set_len(from).and_then(|()| writer.seek(SeekFrom::Start(from))).map_err(self.io("write"))?;
        match self.pour(&mut answer.reader(), &mut writer, from)? {
            Ok(()) => self.check_resumed(part, from),
            Err(failed) => Ok(Err(failed)),
        }
    }

    /// How many bytes of the part are worth keeping.
    fn have(&self, part: &File, version: Option<&str>) -> std::result::Result<u64, FetchError> {
        let have = part.metadata().map_err(self.io("look at"))?.len();
        let has_proof = version.is_some() || !self.file.checksums.is_empty();
        let is_known = self.file.size.map_or(has_proof, |size| have <= size);
        if have > 0 && !is_known {
            part.set_len(0).map_err(self.io("write"))?;
            return Ok(0);
        }
        Ok(have)
    }

    /// At which byte of the file an answer begins.
    fn begins(&self, answer: &Answer, have: u64) -> std::result::Result<u64, Failed> {
        match answer.status {
            200 => match self.file.size.zip(answer.length()) {
                Some((size, length)) if size != length => {
                    let kind = answer.header("content-type").unwrap_or("unknown kind");
                    Err(Failed::lasting(format!("it has {length} bytes of {kind}, and {size} are recorded")))
                }
                _ => Ok(0),
            },
            206 if have > 0 && continues(answer, have, self.file.size) => Ok(have),
            206 | 416 => Err(Failed::passing("it does not go on where the last try ended".to_owned())),
            status => Err(Failed {
                is_passing: matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 520..=530),
                wait: answer.header("retry-after").and_then(|text| text.trim().parse().ok()),
                ..Failed::lasting(said(status))
            }),
        }
    }

    /// Moves bytes from a reader to the part, and no more than there may be.
    fn pour(&self, from: &mut impl Read, part: &mut &File, start: u64) -> Result<()> {
        let mut buffer = vec![0; 1 << 16];
        let mut done = start;
        loop {
            if self.cancel.is_cancelled() {
                return Err(FetchError::Cancelled);
            }
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let whole = self.file.size.map(|size| format!(" of {size}")).unwrap_or_default();
                    return Ok(Err(Failed::passing(format!("the connection broke at byte {done}{whole}: {error}"))));
                }
            };
            done = done.saturating_add(read as u64);
            if let Some(size) = self.file.size.filter(|size| done > *size) {
                part.set_len(0).map_err(self.io("write"))?;
                return Ok(Err(Failed::lasting(format!("it sends more than the {size} bytes that are recorded"))));
            }
            part.write_all(&buffer[..read]).map_err(self.io("write"))?;
            self.listener.event(&Event::Bytes { file: self.number, done });
        }
        Ok(match self.file.size.filter(|size| done < *size) {
            Some(size) => Err(Failed::passing(format!("it ended at byte {done} of {size}"))),
            None => Ok(()),
        })
    }

    /// Checks the part; one that was put together from pieces is not held against the site.
    fn check_resumed(&self, part: &File, from: u64) -> Result<(Digest, u64)> {
        let checked = self.check(part)?;
        if from > 0 && checked.as_ref().is_err_and(|failed| failed.is_wrong) {
            part.set_len(0).map_err(self.io("write"))?;
            return Ok(checked.map_err(|failed| Failed { is_passing: true, is_wrong: false, ..failed }));
        }
        Ok(checked)
    }

    fn check(&self, mut part: &File) -> Result<(Digest, u64)> {
        part.rewind().map_err(self.io("read"))?;
        let checked = sums::check(&mut part, self.file.size, &self.file.checksums).map_err(self.io("read"))?;
        let wrong: Wrong = match checked {
            Ok(right) => return Ok(Ok(right)),
            Err(wrong) => wrong,
        };
        Ok(Err(Failed { is_wrong: true, ..Failed::lasting(wrong.to_string()) }))
    }
}

/// Whether a part of a file is the one that was asked for.
fn continues(answer: &Answer, have: u64, size: Option<u64>) -> bool {
    let text = answer.header("content-range").unwrap_or_default();
    let Some((range, total)) = text.strip_prefix("bytes ").and_then(|text| text.split_once('/')) else { return false };
    let start = range.split('-').next().and_then(|start| start.trim().parse::<u64>().ok());
    let total = total.trim().parse::<u64>().ok();
    start == Some(have) && total.zip(size).is_none_or(|(total, size)| total == size)
}

/// What a server calls this version of a file; one it is not sure of is none.
fn version_of(answer: &Answer) -> Option<String> {
    let tag = answer.header("etag").filter(|tag| tag.starts_with('"'));
    tag.or_else(|| answer.header("last-modified")).map(str::to_owned)
}
