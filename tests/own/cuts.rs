//! A download that is cut after any number of bytes: nothing of it is entered, and the next time the rest comes.

use crate::lab::{Lab, notes};
use crate::programs::{rude, version};
use crate::repository::{Memory, Repository, day, is_tool};
use relocate::base::child::Cancel;
use relocate::base::digest::Digest;
use relocate::base::event::Silent;
use relocate::client::{ClientError, Fetch, FetchError};
use relocate::objects::{Got, Object, ObjectError, Objects, Presence, Put, When, Wish};
use relocate::tuf::Target;
use relocate::web::Content;
use std::fs;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Up to here every byte counts.
const EVERY: usize = 64 << 10;
const NEVER: usize = usize::MAX;

/// A repository whose connection for the program ends after some bytes, and after that is good.
struct Cut<'a> {
    files: Memory,
    at: AtomicUsize,
    /// Who waits for another try stops.
    cancel: &'a Cancel,
}

/// The bytes up to where they end without a word.
struct Ends(io::Take<Cursor<Vec<u8>>>, Cancel);

impl Read for Ends {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => {
                self.1.cancel();
                Err(io::ErrorKind::ConnectionReset.into())
            }
            read => Ok(read),
        }
    }
}

impl Objects for Cut<'_> {
    fn shown(&self, name: &str) -> String {
        self.files.shown(name)
    }

    fn get(&self, name: &str, wish: &Wish<'_>) -> Result<Got, ObjectError> {
        let at = self.at.load(Ordering::SeqCst);
        let got = self.files.get(name, wish)?;
        let Got::Bytes(Object { from, length, state, mut reader }) = got else { return Ok(got) };
        if !is_tool(name) || self.at.swap(NEVER, Ordering::SeqCst) == NEVER {
            return Ok(Got::Bytes(Object { from, length, state, reader }));
        }
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        let reader = Box::new(Ends(Cursor::new(bytes).take(at as u64), self.cancel.clone()));
        Ok(Got::Bytes(Object { from, length, state, reader }))
    }

    fn look(&self, name: &str) -> Result<Presence, ObjectError> {
        self.files.look(name)
    }

    fn put(&self, _: &str, _: Content<'_>, _: When<'_>) -> Result<Put, ObjectError> {
        panic!("nothing is put")
    }

    fn remove(&self, _: &str) -> Result<(), ObjectError> {
        panic!("nothing is removed")
    }
}

/// So many bytes that are a program, and no two parts of which are the same.
fn program(length: usize) -> Vec<u8> {
    let mut bytes = rude("0.2.0", "echo entered");
    for block in 0.. {
        bytes.extend(Digest::of(&u32::to_le_bytes(block)).bytes());
        if bytes.len() >= length {
            break;
        }
    }
    bytes.truncate(length);
    bytes
}

fn target(bytes: &[u8]) -> Target {
    Target::new("relocate-1.tool", bytes.len() as u64, Digest::of(bytes), serde_json::Map::new()).unwrap()
}

/// Fetches a file that is cut at a byte, and then again.
fn cut_at(files: &Memory, cache: &Path, (bytes, target): (&[u8], &Target), at: usize) {
    let cancel = Cancel::default();
    let cut = Cut { files: files.clone(), at: AtomicUsize::new(at), cancel: &cancel };
    let first = Fetch { objects: &cut, cache, listener: &Silent, cancel: &cancel }.fetch(target);
    let error = first.unwrap_err();
    assert!(matches!(error, ClientError::Fetch(FetchError::Cut { .. })), "{at}: {error}");
    let part = cache.join("relocate-1.tool.part");
    assert_eq!(fs::metadata(&part).unwrap().len(), at as u64);
    let whole = Fetch { objects: &cut, cache, listener: &Silent, cancel: &Cancel::default() }.fetch(target).unwrap();
    assert!(fs::read(&whole).unwrap() == bytes, "{at}");
    fs::remove_file(whole).unwrap();
}

/// Each of some cuts, by several threads.
fn each(bytes: &[u8], cuts: &[usize]) {
    let repository = Repository::with(&[("0.2.0", bytes)]);
    let target = target(bytes);
    std::thread::scope(|scope| {
        for cuts in cuts.chunks(cuts.len().div_ceil(4)) {
            let (files, target) = (Memory(repository.files.clone()), &target);
            scope.spawn(move || {
                let cache = tempfile::tempdir().unwrap();
                for at in cuts {
                    cut_at(&files, cache.path(), (bytes, target), *at);
                }
            });
        }
    });
}

#[test]
fn a_program_of_64_kib_is_cut_at_every_byte() {
    let bytes = program(EVERY);
    // Where it is cut after its last byte nothing is missing, and another test's business.
    each(&bytes, &(0..EVERY).collect::<Vec<_>>());
}

#[test]
fn a_longer_one_is_cut_at_its_ends_at_every_page_and_at_random() {
    let length = (1 << 20) + 77;
    let bytes = program(length);
    let mut cuts: Vec<_> = (0..512).chain(length - 512..length).chain((4096..length).step_by(4096)).collect();
    let mut random = 88_172_645_463_325_252_u64;
    for _ in 0..1000 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        cuts.push(usize::try_from(random % length as u64).unwrap());
    }
    each(&bytes, &cuts);
}

/// The same for a whole start: what was cut is not entered, and what is whole is.
#[test]
fn a_start_whose_download_is_cut_enters_nothing_and_a_later_one_the_whole() {
    let bytes = program(EVERY);
    let repository = Repository::with(&[("0.2.0", &bytes)]);
    let last = EVERY - 1;
    for at in [0, 1, 2, 100, 4095, 4096, 4097, 32_768, last - 1, last] {
        let lab = Lab::following(&repository, "memory", "auto");
        let files = Memory(repository.files.clone());
        // The connection is cut each time it is made, so that the start gives up.
        let cut = move || -> Result<Box<dyn Objects>, String> { Ok(Box::new(Always(files.clone(), at))) };
        let limit = std::time::Duration::from_millis(300);
        let begun = lab.begin_within(limit, "0.2.0-a", day(0), cut);
        assert!(begun.enter.is_none(), "{at}");
        assert_eq!(notes(&begun), ["note: relocate 0.2.0 is being fetched, and used when it is here"], "{at}");
        assert!(!lab.tool().join("copies").exists() && lab.current().is_none(), "{at}");
        // The thread of that start still tries, and has the lock: that process is killed, and this is another one's start.
        let next = Lab::new();
        crate::place::tool(&[&"cp", &"-a", &lab.home(), &next.home()]);
        let lab = next;
        lab.tomorrow();
        let begun = lab.begin("0.2.0-a", &repository);
        assert_eq!(notes(&begun), ["note: relocate 0.2.0 takes the place of 0.2.0-a"], "{at}");
        let program = begun.enter.unwrap().program().to_owned();
        assert!(fs::read(program).unwrap() == bytes, "{at}");
    }
    assert_ne!(version(0), version(1));
}

/// A repository that always ends at a byte of the program.
struct Always(Memory, usize);

impl Objects for Always {
    fn shown(&self, name: &str) -> String {
        self.0.shown(name)
    }

    fn get(&self, name: &str, wish: &Wish<'_>) -> Result<Got, ObjectError> {
        let got = self.0.get(name, wish)?;
        let Got::Bytes(Object { from, length, state, reader }) = got else { return Ok(got) };
        let left = if is_tool(name) { (self.1 as u64).saturating_sub(from) } else { u64::MAX };
        Ok(Got::Bytes(Object { from, length, state, reader: Box::new(reader.take(left)) }))
    }

    fn look(&self, name: &str) -> Result<Presence, ObjectError> {
        self.0.look(name)
    }

    fn put(&self, _: &str, _: Content<'_>, _: When<'_>) -> Result<Put, ObjectError> {
        panic!("nothing is put")
    }

    fn remove(&self, _: &str) -> Result<(), ObjectError> {
        panic!("nothing is removed")
    }
}
