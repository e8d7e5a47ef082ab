//! Programs of several versions: the real one, and small ones that stand for one.
//!
//! A program says its version in many places, all of which come from one text that the compiler put into it. So a copy in which that
//! text has another digit is what the next version would be, without building the whole again for each; the text is as long as
//! before, and nothing else in the program is these letters by chance that would matter to a test.

use crate::call::PROGRAM;
use crate::place::succeed;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tempfile::TempDir;

/// The version that is built.
const BUILT: &str = env!("CARGO_PKG_VERSION");

/// The version of a number, near the others of 0 to 8 ; number 9 is one that is far from them.
pub(crate) fn version(number: u8) -> String {
    let (first, rest) = BUILT.split_at(1);
    if number == 9 { format!("9{rest}") } else { format!("{first}{}{number}", &rest[..rest.len() - 1]) }
}

/// Real programs, shared by all tests that run at the same time.
pub(crate) struct Programs(TempDir);

static SHARED: Mutex<Weak<Programs>> = Mutex::new(Weak::new());

impl Programs {
    /// Without what only a debugger reads: nine tenths of it.
    pub(crate) fn all() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = shared.upgrade() {
            return there;
        }
        let dir = tempfile::Builder::new().prefix("own-programs-").tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let stripped = dir.path().join("stripped");
        succeed(Command::new("strip").arg("-o").arg(&stripped).arg(PROGRAM));
        let bytes = fs::read(&stripped).unwrap();
        for number in [0, 1, 2, 3, 9] {
            let path = dir.path().join(number.to_string());
            fs::write(&path, replaced(&bytes, BUILT.as_bytes(), version(number).as_bytes())).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::remove_file(stripped).unwrap();
        let all = Arc::new(Self(dir));
        *shared = Arc::downgrade(&all);
        all
    }

    /// The program of a version.
    pub(crate) fn path(&self, number: u8) -> PathBuf {
        self.0.path().join(number.to_string())
    }

    pub(crate) fn bytes(&self, number: u8) -> Vec<u8> {
        fs::read(self.path(number)).unwrap()
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<_> = (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

/// A script that passes as a version, and does something when it is run for work. It takes its mark away first, as the real
/// one does.
pub(crate) fn script(version: &str, work: &str) -> Vec<u8> {
    let arrive = "IFS=: read -r pid n fd rest <<EOF\n$RELOCATE_ENTERED\nEOF\nrm -f \"${0%/copies/*}/entering/${rest##*:}.$pid.$n\"";
    rude(version, &format!("{arrive}\n{work}"))
}

/// The same, without taking its mark away.
pub(crate) fn rude(version: &str, work: &str) -> Vec<u8> {
    let passes = format!("[ \"$1\" = --self-test ] && echo 'relocate {version}: self-test passed' && exit 0");
    format!("#!/bin/sh\n{passes}\n{work}\nexit 0\n").into_bytes()
}

/// A program made of C, in a place.
pub(crate) fn compiled(dir: &Path, source: &str) -> Vec<u8> {
    let (file, program) = (dir.join("stand-in.c"), dir.join("stand-in"));
    fs::write(&file, source).unwrap();
    succeed(Command::new("cc").args(["-O1", "-o"]).arg(&program).arg(&file));
    fs::read(program).unwrap()
}
