//! What of this machine would stop releases from running or being updated here, before anything is installed.
//!
//! Takes the directory of releases and what a release needs; gives what was seen and what is wrong, each fault with the command that
//! ends it. Nothing is changed: files of our own are made in the directory to see what its file system can do, and are removed.
//! What stands in `/proc`, `/sys` and `/etc` is read below a directory that may be another than `/`.

mod clock;
mod fapolicyd;
mod host;
mod mounts;
mod owner;
mod probe;
mod processor;
mod selinux;

pub use host::Wants;
pub use selinux::label;

use crate::base::finding::{Finding, Severity};
use crate::base::host as this_host;
use crate::base::words::quoted;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A machine to look at.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Where its `/proc`, `/sys`, `/etc` and libraries are: `/` but in tests.
    pub sysroot: PathBuf,
    /// Where its programs are, as in `PATH`.
    pub path: OsString,
    /// Who we are there.
    pub uid: u32,
}

impl Machine {
    /// This one. The directories of an administrator's programs are searched too: users often do not have them in `PATH`.
    pub fn this() -> Self {
        let mut path = this_host::variable("PATH").unwrap_or_default();
        path.push(":/usr/sbin:/sbin:/usr/bin:/bin");
        Self { sysroot: PathBuf::from("/"), path, uid: this_host::uid() }
    }

    /// Where one of its files is.
    fn file(&self, absolute: &str) -> PathBuf {
        self.sysroot.join(absolute.trim_start_matches('/'))
    }

    /// What one of its files says; none where it is not there or cannot be read.
    fn text(&self, absolute: &str) -> Option<String> {
        Some(String::from_utf8_lossy(&fs::read(self.file(absolute)).ok()?).into_owned())
    }

    /// One of its programs.
    fn program(&self, name: &str) -> Option<PathBuf> {
        let dirs = self.path.as_bytes().split(|byte| *byte == b':').map(|dir| Path::new(OsStr::from_bytes(dir)));
        let mut found = dirs.filter(|dir| dir.is_absolute()).map(|dir| dir.join(name));
        found.find(|program| program.is_file())
    }
}

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The directory of releases, absolute; it need not be there.
    pub root: &'a Path,
    /// The nearest directory above it that is there, or itself; its real path.
    pub there: &'a Path,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// What was looked at and how it is, in the order of looking.
    pub rows: Vec<(&'static str, String)>,
    /// What is wrong; errors stop releases, warnings may.
    pub findings: Vec<Finding>,
}

impl Seen {
    fn row(&mut self, what: &'static str, how: impl Into<String>) {
        self.rows.push((what, how.into()));
    }

    fn find(&mut self, severity: Severity, kind: &str, found: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding::of_tree(severity, kind, found).help(help));
    }

    /// Whether nothing stops releases.
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}

/// Looks at everything.
pub fn look(machine: &Machine, root: &Path, wants: &Wants, now: i64) -> Seen {
    let mut seen = Seen::default();
    let there = nearest(root);
    let place = Place { root, there: &there };
    owner::look(machine, place, &mut seen);
    mounts::look(machine, place, &mut seen);
    probe::look(place, &mut seen);
    selinux::look(machine, place, &mut seen);
    fapolicyd::look(machine, place, &mut seen);
    host::look(machine, wants, &mut seen);
    clock::look(now, &mut seen);
    seen
}

/// The real path of a directory, or of the nearest one above it that is there.
pub fn nearest(root: &Path) -> PathBuf {
    let mut above = root.ancestors();
    above.find_map(|dir| fs::canonicalize(dir).ok()).unwrap_or_else(|| PathBuf::from("/"))
}

/// A path as a word for a shell.
fn word(path: &Path) -> String {
    quoted(path.as_os_str().as_bytes())
}
