//! Storage in memory that counts what it is asked, and lies where a test tells it to.

use relocate::objects::{Got, Object, ObjectError, Objects, Presence, Put, When, Wish};
use relocate::web::Content;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Mutex;

/// What is wrong with a file.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// The server says no with this code.
    Status(u16),
    /// It never ends.
    Endless,
    /// It breaks off after so many bytes.
    Cut(usize),
}

/// Files by name. The state of one is its bytes' length and sum.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) faults: BTreeMap<String, Fault>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Clone for Shelf {
    fn clone(&self) -> Self {
        Self { files: self.files.clone(), faults: self.faults.clone(), asked: Mutex::default() }
    }
}

impl Shelf {
    /// What was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    pub(crate) fn set(&mut self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.files.insert(format!("tuf/{name}"), bytes.into());
    }

    pub(crate) fn file(&self, name: &str) -> &Vec<u8> {
        &self.files[&format!("tuf/{name}")]
    }

    pub(crate) fn fault(&mut self, name: &str, fault: Fault) {
        self.faults.insert(format!("tuf/{name}"), fault);
    }
}

fn state(bytes: &[u8]) -> String {
    format!("\"{}\"", relocate::base::digest::Digest::of(bytes))
}

/// Bytes, and then an error.
struct Broken(io::Cursor<Vec<u8>>);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
            read => Ok(read),
        }
    }
}

impl Objects for Shelf {
    fn shown(&self, name: &str) -> String {
        format!("shelf/{name}")
    }

    fn get(&self, name: &str, wish: &Wish<'_>) -> Result<Got, ObjectError> {
        self.asked.lock().unwrap().push(format!("get {name}"));
        let bytes = |reader: Box<dyn Read + Send>, state| Got::Bytes(Object { from: 0, length: None, state, reader });
        match self.faults.get(name) {
            Some(Fault::Status(status)) => Err(no("read", name, *status)),
            Some(Fault::Endless) => Ok(bytes(Box::new(io::repeat(b' ')), None)),
            Some(Fault::Cut(at)) => {
                let start = self.files[name][..*at].to_vec();
                Ok(bytes(Box::new(Broken(io::Cursor::new(start))), None))
            }
            None => match self.files.get(name) {
                None => Ok(Got::Missing),
                Some(file) if wish.known == Some(state(file).as_str()) => Ok(Got::Same),
                Some(file) => Ok(bytes(Box::new(io::Cursor::new(file.clone())), Some(state(file)))),
            },
        }
    }

    fn look(&self, name: &str) -> Result<Presence, ObjectError> {
        self.asked.lock().unwrap().push(format!("look {name}"));
        match self.faults.get(name) {
            Some(Fault::Status(status)) => Err(no("look for", name, *status)),
            Some(_) => Ok(Presence::There),
            None => Ok(if self.files.contains_key(name) { Presence::There } else { Presence::Missing }),
        }
    }

    fn put(&self, name: &str, _: Content<'_>, _: When<'_>) -> Result<Put, ObjectError> {
        Err(no("write", name, 405))
    }

    fn remove(&self, name: &str) -> Result<(), ObjectError> {
        Err(no("remove", name, 405))
    }
}

fn no(doing: &'static str, name: &str, status: u16) -> ObjectError {
    let source = relocate::web::said(status).into();
    ObjectError { doing, place: format!("shelf/{name}"), status: Some(status), source }
}
