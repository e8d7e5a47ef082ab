//! What the file system can do, tried for real in a directory of our own that is removed again.
//!
//! What an update cannot do without is an error where it fails: a whole file that is durable, a rename over a file and over a
//! symlink, a symlink, a lock, the bit that makes a program, and its start. What there is another way for is a note.

use super::{Place, Seen};
use crate::base::child;
use crate::base::finding::Severity;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags};
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// The smallest program there is for x86-64 Linux: an ELF header, one segment, and `exit(0)`.
const PROGRAM: [u8; 132] = program();

/// One thing that is tried.
struct Trial {
    /// What it is, after "cannot".
    what: &'static str,
    kind: &'static str,
    severity: Severity,
    help: &'static str,
    run: fn(&Path) -> io::Result<()>,
}

const DISK: &str = "use a directory on a local file system such as ext4 or XFS";
const TRIALS: [Trial; 10] = [
    Trial {
        what: "make a file and make it durable",
        kind: "probe-write",
        severity: Severity::Error,
        help: DISK,
        run: write,
    },
    Trial { what: "rename over a file", kind: "probe-rename", severity: Severity::Error, help: DISK, run: rename },
    Trial {
        what: "make a symlink and rename over it",
        kind: "probe-symlink",
        severity: Severity::Error,
        help: DISK,
        run: link_over,
    },
    Trial {
        what: "take a lock that another one does not get",
        kind: "probe-lock",
        severity: Severity::Error,
        help: "mount it with locks (for NFS without nolock), or use a local file system",
        run: lock,
    },
    Trial { what: "keep the mode of a file", kind: "probe-mode", severity: Severity::Error, help: DISK, run: mode },
    Trial {
        what: "start a program",
        kind: "probe-exec",
        severity: Severity::Error,
        help: "see what is said of the mount, SELinux and fapolicyd; else ask the administrator which rule forbids it",
        run: start,
    },
    Trial {
        what: "keep apart names in capitals and in small letters",
        kind: "probe-case",
        severity: Severity::Warning,
        help: DISK,
        run: case,
    },
    Trial {
        what: "give a file two names",
        kind: "probe-link",
        severity: Severity::Warning,
        help: "each release will take its whole size on the disk",
        run: hard_link,
    },
    Trial {
        what: "make a directory durable",
        kind: "probe-sync",
        severity: Severity::Warning,
        help: "a power cut may take the last update back",
        run: sync,
    },
    Trial {
        what: "make a file without a name (O_TMPFILE)",
        kind: "probe-tmpfile",
        severity: Severity::Note,
        help: "a run that is killed leaves files that the next one removes",
        run: unnamed,
    },
];

pub(super) fn look(place: Place<'_>, seen: &mut Seen) {
    let records = place.root.join(".relocate");
    let dir = if records.is_dir() { records.as_path() } else { place.there };
    let made = tempfile::Builder::new().prefix(".relocate-probe-").tempdir_in(dir);
    let made = match made {
        Ok(made) => made,
        Err(error) => {
            let found = format!("cannot make a directory in '{}': {error}", dir.display());
            return seen.find(Severity::Error, "probe-write", found, DISK);
        }
    };
    let mut can = Vec::new();
    for trial in &TRIALS {
        let tried = made.path().join(trial.kind);
        match fs::create_dir(&tried).and_then(|()| (trial.run)(&tried)) {
            Ok(()) => can.push(trial.kind.trim_start_matches("probe-")),
            Err(error) => {
                let found = format!("the file system of '{}' cannot {}: {error}", dir.display(), trial.what);
                seen.find(trial.severity, trial.kind, found, trial.help);
            }
        }
    }
    seen.row("tried there", can.join(", "));
    if let Err(error) = made.close() {
        let found = format!("what was tried in '{}' is left behind: {error}", dir.display());
        seen.find(Severity::Warning, "probe-left", found, "remove .relocate-probe-* there");
    }
}

fn other(text: &str) -> io::Error {
    io::Error::other(text.to_owned())
}

fn write(dir: &Path) -> io::Result<()> {
    let mut file = File::create(dir.join("file"))?;
    file.write_all(b"some bytes")?;
    file.sync_all()?;
    if fs::read(dir.join("file"))? == b"some bytes" { Ok(()) } else { Err(other("it reads back other bytes")) }
}

fn rename(dir: &Path) -> io::Result<()> {
    fs::write(dir.join("old"), "old")?;
    fs::write(dir.join("new"), "new")?;
    fs::rename(dir.join("new"), dir.join("old"))?;
    if fs::read(dir.join("old"))? == b"new" { Ok(()) } else { Err(other("the old one is still there")) }
}

/// The way `current` changes.
fn link_over(dir: &Path) -> io::Result<()> {
    symlink("r/1", dir.join("current"))?;
    symlink("r/2", dir.join("next"))?;
    fs::rename(dir.join("next"), dir.join("current"))?;
    if fs::read_link(dir.join("current"))? == Path::new("r/2") {
        Ok(())
    } else {
        Err(other("the old one is still there"))
    }
}

fn lock(dir: &Path) -> io::Result<()> {
    let (one, two) = (File::create(dir.join("lock"))?, File::open(dir.join("lock"))?);
    rustix::fs::flock(&one, FlockOperation::NonBlockingLockExclusive)?;
    match rustix::fs::flock(&two, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(()) => Err(other("two have it at once")),
    }
}

fn mode(dir: &Path) -> io::Result<()> {
    let path = dir.join("file");
    fs::write(&path, "")?;
    for wanted in [0o555, 0o644] {
        fs::set_permissions(&path, Permissions::from_mode(wanted))?;
        let found = fs::metadata(&path)?.permissions().mode() & 0o777;
        if found != wanted {
            return Err(other(&format!("{wanted:04o} became {found:04o}")));
        }
    }
    Ok(())
}

fn start(dir: &Path) -> io::Result<()> {
    let path = dir.join("program");
    let is_ours = cfg!(target_arch = "x86_64");
    fs::write(&path, if is_ours { &PROGRAM[..] } else { &b"#!/bin/sh\n"[..] })?;
    fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    let ended = child::run(&[&path])?;
    if ended.success { Ok(()) } else { Err(other("it did not end well")) }
}

fn case(dir: &Path) -> io::Result<()> {
    File::create_new(dir.join("a"))?;
    File::create_new(dir.join("A")).map(drop)
}

fn hard_link(dir: &Path) -> io::Result<()> {
    fs::write(dir.join("one"), "")?;
    fs::hard_link(dir.join("one"), dir.join("two"))
}

fn sync(dir: &Path) -> io::Result<()> {
    let opened = File::open(dir)?;
    opened.sync_all()?;
    Ok(rustix::fs::syncfs(&opened)?)
}

fn unnamed(dir: &Path) -> io::Result<()> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, dir, flags, Mode::from_raw_mode(0o600)).map(drop).map_err(Into::into)
}

/// System V ABI, chapters 4 and 5, and its AMD64 supplement.
const fn program() -> [u8; 132] {
    let mut bytes = [0; 132];
    let parts: [(usize, &[u8]); 9] = [
        // Magic, 64 bits, little endian, version 1.
        (0, &[0x7f, b'E', b'L', b'F', 2, 1, 1]),
        // ET_EXEC, EM_X86_64, version 1; entry 0x400078; program headers at 64.
        (16, &[2, 0, 62, 0, 1, 0, 0, 0, 0x78, 0, 0x40]),
        (32, &[64]),
        // Sizes: this header 64, a program header 56, one of them.
        (52, &[64, 0, 56, 0, 1]),
        // PT_LOAD, readable and executable, from 0 to 0x400000.
        (64, &[1, 0, 0, 0, 5]),
        (82, &[0x40]),
        (90, &[0x40]),
        (96, &[132, 0, 0, 0, 0, 0, 0, 0, 132, 0, 0, 0, 0, 0, 0, 0, 0, 0x10]),
        // xor edi, edi; mov eax, 60; syscall; and what cannot be reached.
        (120, &[0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]),
    ];
    let mut part = 0;
    while part < parts.len() {
        let (at, from) = parts[part];
        let mut byte = 0;
        while byte < from.len() {
            bytes[at + byte] = from[byte];
            byte += 1;
        }
        part += 1;
    }
    bytes
}
