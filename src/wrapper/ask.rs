//! What a URL serves: its bytes are read once, to their end, and nothing is kept of them but digest and size.

use super::properties::file_path;
use crate::base::digest::{Digest, Digester};
use crate::web::{Reason, Request, Web, WebError, said, shown_url};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};

/// More than any version of the tool has, in bytes; the script cuts there too where it is told no size.
const MOST: u64 = 1 << 30;

/// What a URL serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// The digest of all its bytes.
    pub sha256: Digest,
    /// How many there are.
    pub size: u64,
}

/// Why a URL serves nothing.
#[derive(Debug)]
pub struct AskError {
    /// The URL, without passwords.
    pub url: String,
    /// Why.
    pub why: Why,
}

/// What went wrong.
#[derive(Debug)]
pub enum Why {
    /// There was no answer.
    Web(WebError),
    /// The answer was no.
    Status(u16),
    /// It could not be read to its end.
    Read(io::Error),
    /// It has no end, or is far too long.
    Long,
}

impl AskError {
    /// Whether there was an answer, which was not the file.
    pub fn is_answer(&self) -> bool {
        matches!(self.why, Why::Status(_) | Why::Long)
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = &self.url;
        match &self.why {
            Why::Web(error) => write!(f, "{url}: {}", error.reason),
            Why::Status(status) => write!(f, "{url}: the server says {}", said(*status)),
            Why::Read(error) => write!(f, "{url}: {error}"),
            Why::Long => write!(f, "{url}: more than {MOST} bytes came"),
        }
    }
}

impl std::error::Error for AskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.why {
            Why::Web(error) => Some(error),
            Why::Read(error) => Some(error),
            Why::Status(_) | Why::Long => None,
        }
    }
}

/// Reads what a URL serves, to its end.
pub fn ask(web: &Web, url: &str) -> Result<Served, AskError> {
    let failed = |why| AskError { url: shown_url(url), why };
    if let Some(path) = file_path(url) {
        let file = File::open(path).map_err(Why::Read).map_err(failed)?;
        return read(file).map_err(failed);
    }
    let answer = web.send(&Request::get(url)).map_err(Why::Web).map_err(failed)?;
    if answer.status != 200 {
        return Err(failed(Why::Status(answer.status)));
    }
    let length = answer.length();
    let served = read(answer.reader()).map_err(failed)?;
    if length.is_some_and(|length| length != served.size) {
        return Err(failed(Why::Web(WebError {
            url: shown_url(url),
            reason: Reason::Transfer(io::ErrorKind::UnexpectedEof.into()),
        })));
    }
    Ok(served)
}

fn read(source: impl Read) -> Result<Served, Why> {
    let mut source = source.take(MOST + 1);
    let mut digester = Digester::default();
    let mut piece = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        let got = match source.read(&mut piece) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Why::Read(error)),
        };
        digester.update(&piece[..got]);
        size += got as u64;
    }
    if size > MOST { Err(Why::Long) } else { Ok(Served { sha256: digester.finish(), size }) }
}
