//! Packages on a server that takes and gives files: `KEY.sha256` says which file has the package, `KEY-SUM.tgz` is that file.
//!
//! The file is put first and the note that names it last, so that a package is seen whole or not at all, also on servers that
//! show a file while it comes. Two builders who put different bytes of one key cannot mix theirs up: each has a file of its
//! own, and the last note counts. What is taken out is compared with the note before it gets a name.

use super::{Problem, Store, StoreError, take};
use crate::base::digest::{Digest, Digester};
use crate::objects::{Got, Object, ObjectError, Objects, Presence, When, Wish};
use crate::web::Content;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// The longest note there is.
const NOTE: u64 = 512;
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

fn has(objects: &dyn Objects, name: &str) -> Result<bool, ObjectError> {
    // What a note names is there, until somebody wants it.
    Ok(objects.look(name)? != Presence::Missing)
}

fn note(objects: &dyn Objects, key: Digest) -> Result<Option<Note>, Problem> {
    let name = note_name(key);
    let Got::Bytes(object) = objects.get(&name, &Wish::default())? else { return Ok(None) };
    let mut text = String::new();
    object.reader.take(NOTE + 1).read_to_string(&mut text)?;
    Note::read(key, &text).map(Some).ok_or_else(|| "it does not name a package".into())
}

/// Writes a file to the server; one that will not have it because it has it is content.
fn write(objects: &dyn Objects, name: &str, content: Content<'_>) -> Result<(), ObjectError> {
    let Err(error) = objects.put(name, content, When::Always) else { return Ok(()) };
    let has_it = matches!(error.status, Some(400 | 403 | 405 | 409 | 412));
    if has_it && objects.look(name).is_ok_and(|found| found == Presence::There) { Ok(()) } else { Err(error) }
}

/// The store that the files make.
pub(super) struct Remote(pub(super) Box<dyn Objects>);

impl Remote {
    fn failed<'a>(&'a self, doing: &'static str, name: &'a str) -> impl FnOnce(Problem) -> StoreError + 'a {
        move |source| match source.downcast::<ObjectError>() {
            // It says itself what was being done.
            Ok(error) => StoreError::from(*error),
            Err(source) => StoreError { doing, place: self.0.shown(name), source },
        }
    }
}

/// Copies a file out of the server, and compares it on the way.
fn copy(object: Object, note: &Note, into: &Path) -> Result<(), Problem> {
    take(into, |file| {
        let sum = pour(&mut { object.reader }, file)?;
        if sum == note.sum {
            return Ok(());
        }
        Err(format!("it is damaged: its sum is {sum}, and {} is noted", note.sum).into())
    })
}

impl Store for Remote {
    fn has(&self, key: Digest) -> Result<bool, StoreError> {
        let name = note_name(key);
        match note(&*self.0, key).map_err(self.failed("read", &name))? {
            Some(note) => has(&*self.0, &note.name).map_err(|error| self.failed("look for", &note.name)(error.into())),
            None => Ok(false),
        }
    }

    fn get(&self, key: Digest, into: &Path) -> Result<bool, StoreError> {
        let name = note_name(key);
        let Some(note) = note(&*self.0, key).map_err(self.failed("read", &name))? else { return Ok(false) };
        let got = self.0.get(&note.name, &Wish::default());
        match got.map_err(|error| self.failed("read", &note.name)(error.into()))? {
            Got::Bytes(object) => copy(object, &note, into).map(|()| true).map_err(self.failed("read", &note.name)),
            Got::Missing | Got::Same => Ok(false),
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
        let failed = |name| move |error: ObjectError| self.failed("write", name)(error.into());
        write(&*self.0, &note.name, Content::File(from)).map_err(failed(&note.name))?;
        let name = note_name(key);
        write(&*self.0, &name, Content::Bytes(note.text().as_bytes())).map_err(failed(&name))
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
