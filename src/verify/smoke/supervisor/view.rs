//! What a path means to a program: resolved component by component, through every symlink, as that program's root,
//! current directory and file descriptors say.
//!
//! Takes a stopped thread, gives absolute paths as seen from the root of its mount namespace. It stops at the first
//! component that is hidden and looks no further, so what is below a hidden prefix is never touched. Components that do
//! not exist are taken by their text.

use super::veil::Veil;
use crate::base::path::{normalise_absolute, parts};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// MAXSYMLINKS: where the kernel gives up with ELOOP.
const LINKS_MAX: usize = 40;
/// AT_FDCWD of `fcntl.h`.
const AT_FDCWD: i32 = -100;

/// One thread's view of the file system.
#[derive(Debug)]
pub(super) struct View {
    tid: Pid,
    /// Its root directory: `/` unless it called chroot.
    root: Vec<u8>,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// To this path, without meeting anything hidden.
    Clear(Vec<u8>),
    /// Into a hidden prefix: the path at which it was entered, with the rest of the way where that is plain.
    Hidden(Vec<u8>),
}

/// How a path is to be looked up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lookup<'a> {
    /// The absolute directory relative paths start at.
    pub(super) start: &'a [u8],
    /// The path as the program wrote it, not empty.
    pub(super) text: &'a [u8],
    /// Whether a symlink at its end is looked through.
    pub(super) follow: bool,
    /// Whether `start` is the root for this call (RESOLVE_IN_ROOT).
    pub(super) in_root: bool,
}

impl View {
    /// Looks up the root of a stopped thread.
    pub(super) fn of(tid: Pid) -> io::Result<Self> {
        let root = fs::read_link(format!("/proc/{tid}/root"))?.into_os_string().into_vec();
        Ok(Self { tid, root })
    }

    /// The directory that a directory file descriptor argument (or none) stands for. `None` where it is no path, such as
    /// a pipe; the kernel then refuses the call.
    pub(super) fn directory(&self, descriptor: Option<i32>) -> io::Result<Option<Vec<u8>>> {
        let path = match descriptor {
            None | Some(AT_FDCWD) => fs::read_link(format!("/proc/{}/cwd", self.tid))?,
            Some(number) => match self.descriptor(number) {
                Ok(path) => path,
                // Not open: the kernel says EBADF.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            },
        };
        let path = path.into_os_string().into_vec();
        Ok(path.starts_with(b"/").then_some(path))
    }

    /// What an open file descriptor refers to.
    pub(super) fn descriptor(&self, number: i32) -> io::Result<PathBuf> {
        fs::read_link(self.descriptor_link(number))
    }

    /// A path by which this process reaches the file behind the other's descriptor.
    pub(super) fn descriptor_link(&self, number: i32) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{number}", self.tid))
    }

    /// A path by which this process reaches what the program calls `path`: in its mount namespace, beyond its chroot.
    pub(super) fn reach(&self, path: &[u8]) -> PathBuf {
        let up = "/..".repeat(parts(&self.root).count());
        let mut reach = format!("/proc/{}/root{up}", self.tid).into_bytes();
        reach.extend_from_slice(path);
        PathBuf::from(OsStr::from_bytes(&reach))
    }

    /// The path as its text alone says, cleaned.
    pub(super) fn by_text(&self, lookup: &Lookup<'_>) -> Option<Vec<u8>> {
        let start = if lookup.text.starts_with(b"/") { self.root_of(lookup) } else { lookup.start };
        normalise_absolute(&[start, b"/", lookup.text].concat())
    }

    /// Goes the way of a path.
    pub(super) fn go(&self, lookup: &Lookup<'_>, veil: &Veil) -> Way {
        let root = self.root_of(lookup);
        let mut walk = Walk { at: Vec::new(), root: root.to_vec(), ahead: Vec::new(), links: 0, missing: false };
        walk.at = if lookup.text.starts_with(b"/") { root.to_vec() } else { lookup.start.to_vec() };
        if walk.at == b"/" {
            walk.at.clear();
        }
        walk.queue(lookup.text);
        // A trailing slash asks for the directory behind the link.
        let follow = lookup.follow || lookup.text.ends_with(b"/");
        while let Some(part) = walk.ahead.pop() {
            walk.step(part);
            if veil.covers(walk.here()) {
                return Way::Hidden(walk.with_the_rest());
            }
            if !walk.missing && (follow || !walk.ahead.is_empty()) {
                self.follow(&mut walk);
            }
        }
        Way::Clear(walk.here().to_vec())
    }

    fn root_of<'a>(&'a self, lookup: &Lookup<'a>) -> &'a [u8] {
        if lookup.in_root { lookup.start } else { &self.root }
    }

    /// Replaces a symlink by what it says.
    fn follow(&self, walk: &mut Walk) {
        if let Some(own) = self.own_in_proc(walk.here()) {
            walk.at = own;
            return;
        }
        match fs::read_link(self.reach(walk.here())) {
            Ok(target) if walk.links < LINKS_MAX => {
                walk.links += 1;
                walk.take(target.as_os_str().as_bytes());
            }
            Ok(_) => walk.missing = true,
            // EINVAL: no symlink, the usual case.
            Err(error) => walk.missing = error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// `/proc/self` is another directory for the supervisor than for the program.
    fn own_in_proc(&self, path: &[u8]) -> Option<Vec<u8>> {
        matches!(path, b"/proc/self" | b"/proc/thread-self").then(|| format!("/proc/{}", self.tid).into_bytes())
    }
}

/// A look-up on its way.
struct Walk {
    /// Where it is; empty at `/`.
    at: Vec<u8>,
    root: Vec<u8>,
    /// What is left, the next component last.
    ahead: Vec<Vec<u8>>,
    links: usize,
    /// Something on the way does not exist: nothing more to read there.
    missing: bool,
}

impl Walk {
    fn here(&self) -> &[u8] {
        if self.at.is_empty() { b"/" } else { &self.at }
    }

    fn queue(&mut self, text: &[u8]) {
        let next: Vec<_> = parts(text).map(<[u8]>::to_vec).collect();
        self.ahead.extend(next.into_iter().rev());
    }

    fn step(&mut self, part: Vec<u8>) {
        if part == b".." {
            self.up();
        } else {
            self.at.push(b'/');
            self.at.extend(part);
        }
    }

    fn up(&mut self) {
        if self.here() != self.root {
            let end = self.at.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            self.at.truncate(end);
        }
    }

    /// Goes on where the symlink it stands on points to.
    fn take(&mut self, target: &[u8]) {
        if target.starts_with(b"/") {
            self.at = if self.root == b"/" { Vec::new() } else { self.root.clone() };
        } else {
            let end = self.at.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            self.at.truncate(end);
        }
        self.queue(target);
    }

    /// Where it is, with what was still ahead unless that leads up again.
    fn with_the_rest(&self) -> Vec<u8> {
        let mut path = self.here().to_vec();
        if self.ahead.iter().any(|part| part == b"..") {
            return path;
        }
        for part in self.ahead.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(part);
        }
        path
    }
}
