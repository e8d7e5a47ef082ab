//! Packages on a server that takes and gives files: `KEY.sha256` says which file has the package, `KEY-SUM.tgz` is that file.
//!
//! The file is put first and the note that names it last, so that a package is seen whole or not at all, also on servers that
//! show a file while it comes. Two builders who put different bytes of one key cannot mix theirs up: each has a file of its
//! own, and the last note counts. What is taken out is compared with the note before it gets a name.

use super::{Store, StoreError};
use crate::base::digest::{Digest, Digester};
use crate::base::write::{NewFile, Parents};
use crate::build::web::{Answer, Content, said};
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// The longest note there is.
const NOTE: u64 = 512;
/// The pause before the second try.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) type Problem = Box<dyn Error + Send + Sync>;

/// What a request to the server is for.
pub(super) enum Ask<'a> {
    Read,
    Look,
    Write(Content<'a>),
}

/// A server's files, by flat names.
pub(super) trait Objects: Send + Sync {
    /// A name as a person may see it.
    fn shown(&self, name: &str) -> String;
    /// Makes one request.
    fn ask(&self, name: &str, ask: &Ask<'_>) -> Result<Answer, crate::build::web::WebError>;
}

/// The file of a package.
struct Note {
    sum: Digest,
    name: String,
}

impl Note {
    fn new(key: Digest, sum: Digest) -> Self {
        Self { sum, name: format!("{key}-{}.tgz", &sum.to_string()[..16]) }
    }

    /// The text, which `sha256sum -c` reads.
    fn text(&self) -> String {
        format!("{}  {}\n", self.sum, self.name)
    }

    fn read(key: Digest, text: &str) -> Option<Self> {
        let note = Self::new(key, Digest::from_hex(text.get(..64)?)?);
        (note.text() == text).then_some(note)
    }
}

fn note_name(key: Digest) -> String {
    format!("{key}.sha256")
}

/// Asks, and once more where that may help.
fn ask(objects: &dyn Objects, name: &str, what: &Ask<'_>) -> Result<Answer, Problem> {
    let is_trouble = |status: u16| matches!(status, 429 | 500 | 502..=504);
    let first = objects.ask(name, what);
    let again = match &first {
        Ok(answer) => is_trouble(answer.status),
        Err(error) => error.reason.is_passing(),
    };
    if !again {
        return Ok(first?);
    }
    thread::sleep(PAUSE);
    Ok(objects.ask(name, what)?)
}

/// What the server says no with.
fn refused(answer: Answer) -> Problem {
    let status = answer.status;
    // What it says beside the code helps where it says anything; S3 gives a word.
    let text = answer.text(1 << 16).unwrap_or_default();
    let word = text.split_once("<Code>").and_then(|(_, rest)| Some(rest.split_once("</Code>")?.0));
    let word = word.filter(|word| word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    match word {
        Some(word) => format!("{} ({word})", said(status)).into(),
        None => said(status).into(),
    }
}

fn has(objects: &dyn Objects, name: &str) -> Result<bool, Problem> {
    let answer = ask(objects, name, &Ask::Look)?;
    match answer.status {
        // 405 and 501: it cannot be asked so. What a note names is there, until somebody wants it.
        200 | 204 | 405 | 501 => Ok(true),
        404 | 410 => Ok(false),
        _ => Err(refused(answer)),
    }
}

fn note(objects: &dyn Objects, key: Digest) -> Result<Option<Note>, Problem> {
    let answer = ask(objects, &note_name(key), &Ask::Read)?;
    match answer.status {
        200 => {
            let read = Note::read(key, &answer.text(NOTE)?);
            read.map(Some).ok_or_else(|| "it does not name a package".into())
        }
        404 | 410 => Ok(None),
        _ => Err(refused(answer)),
    }
}

/// Writes a file to the server; one that will not have it because it has it is content.
fn write(objects: &dyn Objects, name: &str, content: Content<'_>) -> Result<(), Problem> {
    let answer = ask(objects, name, &Ask::Write(content))?;
    match answer.status {
        200..=299 => Ok(()),
        400 | 403 | 405 | 409 | 412 => {
            let problem = refused(answer);
            if ask(objects, name, &Ask::Look).is_ok_and(|answer| answer.status == 200) { Ok(()) } else { Err(problem) }
        }
        _ => Err(refused(answer)),
    }
}

/// The store that the files make.
pub(super) struct Remote<O>(pub(super) O);

impl<O: Objects> Remote<O> {
    fn failed<'a>(&'a self, doing: &'static str, name: &'a str) -> impl FnOnce(Problem) -> StoreError + 'a {
        move |source| StoreError { doing, place: self.0.shown(name), source }
    }
}

/// Copies a file out of the server, and compares it on the way.
fn copy(answer: Answer, note: &Note, into: &Path) -> Result<(), Problem> {
    let parents = Parents::make(into)?;
    let mut file = NewFile::create(into)?;
    let sum = pour(&mut answer.reader(), &mut file)?;
    if sum != note.sum {
        return Err(format!("it is damaged: its sum is {sum}, and {} is noted", note.sum).into());
    }
    rustix::fs::fchmod(file.file(), rustix::fs::Mode::from_raw_mode(0o644))?;
    file.commit()?;
    parents.keep();
    Ok(())
}

impl<O: Objects> Store for Remote<O> {
    fn has(&self, key: Digest) -> Result<bool, StoreError> {
        let name = note_name(key);
        match note(&self.0, key).map_err(self.failed("look for", &name))? {
            Some(note) => has(&self.0, &note.name).map_err(self.failed("look for", &note.name)),
            None => Ok(false),
        }
    }

    fn get(&self, key: Digest, into: &Path) -> Result<bool, StoreError> {
        let name = note_name(key);
        let Some(note) = note(&self.0, key).map_err(self.failed("read", &name))? else { return Ok(false) };
        let answer = ask(&self.0, &note.name, &Ask::Read).map_err(self.failed("read", &note.name))?;
        match answer.status {
            200 => copy(answer, &note, into).map(|()| true).map_err(self.failed("read", &note.name)),
            404 | 410 => Ok(false),
            _ => Err(self.failed("read", &note.name)(refused(answer))),
        }
    }

    fn put(&self, key: Digest, from: &Path) -> Result<(), StoreError> {
        // Where it cannot be told, it is put.
        if self.has(key).unwrap_or(false) {
            return Ok(());
        }
        let local =
            |error: io::Error| StoreError { doing: "read", place: from.display().to_string(), source: error.into() };
        let sum = pour(&mut File::open(from).map_err(local)?, &mut io::sink()).map_err(local)?;
        let note = Note::new(key, sum);
        write(&self.0, &note.name, Content::File(from)).map_err(self.failed("write", &note.name))?;
        let name = note_name(key);
        write(&self.0, &name, Content::Bytes(note.text().as_bytes())).map_err(self.failed("write", &name))
    }
}

/// Moves all bytes and gives their sum.
fn pour(from: &mut impl Read, into: &mut impl Write) -> io::Result<Digest> {
    let mut digester = Digester::default();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(digester.finish()),
            Ok(read) => {
                digester.update(&buffer[..read]);
                into.write_all(&buffer[..read])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_back_and_one_for_another_key_is_not() {
        let (key, sum) = (Digest::of(b"key"), Digest::of(b"package"));
        let note = Note::new(key, sum);
        assert_eq!(Note::read(key, &note.text()).map(|read| read.name), Some(note.name.clone()));
        assert!(Note::read(Digest::of(b"other"), &note.text()).is_none());
        assert!(Note::read(key, &format!("{sum}  ../../etc/passwd\n")).is_none());
        assert!(Note::read(key, "é").is_none());
    }
}
