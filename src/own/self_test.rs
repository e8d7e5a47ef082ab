//! What the program needs of a machine to be entered there, tried on itself: it starts, digests, signs and verifies, knows whom to
//! believe on the network, writes a file and renames it. Takes a directory to write in; asks nobody, and takes some milliseconds.

use crate::base::digest::Digest;
use crate::base::write;
use crate::tuf::{Edition, Keys, Moment, RootDraft, SecretKey, SignedRoot};
use crate::web::{Settings, Web};
use std::fmt::{self, Display};
use std::fs;
use std::path::Path;

/// The sha256 of `abc` (FIPS 180-2, B.1).
const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A sentence about the first that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// The program is at fault.
    Program(String),
    /// The machine is: a disk that is full, or a directory that cannot be written.
    Machine(String),
}

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Program(why) | Self::Machine(why)) = self;
        f.write_str(why)
    }
}

impl std::error::Error for Failed {}

/// Tries all of it.
pub fn self_test(room: &Path) -> Result<(), Failed> {
    digests().and_then(|()| signs_and_verifies()).map_err(Failed::Program)?;
    let written = writes(room);
    let same = written.map_err(|error| Failed::Machine(format!("cannot write in '{}': {error}", room.display())))?;
    if !same {
        return Err(Failed::Program("what was written is not what is read".to_owned()));
    }
    // Certificates of the machine that cannot be read are no fault of the program: the built-in ones count then.
    Web::new(&Settings::default()).map(drop).map_err(failed("make requests")).map_err(Failed::Program)
}

fn failed<E: Display>(what: &'static str) -> impl FnOnce(E) -> String {
    move |error| format!("cannot {what}: {error}")
}

fn digests() -> Result<(), String> {
    if Digest::of(b"abc").to_string() == OF_ABC { Ok(()) } else { Err("sha256 is computed wrongly".to_owned()) }
}

/// A root that is signed here is verified, and one that was changed is not.
fn signs_and_verifies() -> Result<(), String> {
    let key = SecretKey::from_seed(&[1; 32]).map_err(failed("use a key"))?;
    let keys = || Keys { threshold: 1, keys: vec![key.public()] };
    let edition = |seconds| Edition { version: 1, expires: Moment::from_seconds(seconds) };
    let draft = |seconds| RootDraft {
        edition: edition(seconds),
        root: keys(),
        targets: keys(),
        snapshot: keys(),
        timestamp: keys(),
    };
    let mut root = SignedRoot::begin(&draft(4_000_000_000)).map_err(failed("make metadata"))?;
    root.sign(&key).map_err(failed("sign"))?;
    let bytes = root.finish(None).map_err(failed("verify a signature"))?;
    let changed = String::from_utf8_lossy(&bytes).replacen("\"version\":1", "\"version\":2", 1);
    let changed = if changed.as_bytes() == bytes {
        String::from_utf8_lossy(&bytes).replacen("\"version\": 1", "\"version\": 2", 1)
    } else {
        changed
    };
    let forged = SignedRoot::read("root.json", changed.as_bytes()).map_err(failed("read metadata"))?;
    match forged.finish(Some(&root)) {
        Err(_) => Ok(()),
        Ok(_) => Err("a signature that does not fit is taken for a good one".to_owned()),
    }
}

/// Whether what is written and renamed is what is read.
fn writes(room: &Path) -> Result<bool, Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir_in(room)?;
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    write::whole(&one, b"abc", 0o644)?;
    fs::rename(&one, &other)?;
    Ok(fs::read(&other)? == b"abc")
}
