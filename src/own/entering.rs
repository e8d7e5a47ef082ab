//! A process on its way into a copy, and what tells it apart when it has arrived.
//!
//! Before a copy is entered, the process leaves a locked mark `entering/SHA256.PID.N`; the copy's first act is to remove it. The
//! kernel gives the lock back when the process ends, so a mark that nobody holds is one of a copy that ended before it had
//! arrived: twice in a row, and it is suspect. The variable tells the copy who it is, and which copies this process
//! was already, so that none is entered twice.

use super::home::{ENTERING, Home};
use crate::base::digest::Digest;
use crate::base::enter;
use rustix::fs::{FlockOperation, flock};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The variable by which a copy knows what it is: `PID:N:FD:SHA256[:SHA256...]`, the last digest its own.
pub const VARIABLE: &str = "RELOCATE_ENTERED";
/// How many copies one process may be, one after the other.
const MOST: usize = 8;
/// How many marks one process number may have.
const MARKS: u32 = 16;
/// So many copies in a row that did not arrive are enough.
const ENOUGH: usize = 2;

/// Which copies this process was, the last one still.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Entered {
    digests: Vec<Digest>,
    /// The number of its mark, and of the open file.
    mark: Option<(u32, i32)>,
}

impl Entered {
    /// Reads the variable. What is for another process, which started this one, is for nobody here.
    pub(super) fn read(text: Option<&OsStr>, pid: u32) -> Self {
        text.and_then(OsStr::to_str).and_then(|text| Self::parse(text, pid)).unwrap_or_default()
    }

    fn parse(text: &str, pid: u32) -> Option<Self> {
        let mut parts = text.split(':');
        if parts.next()?.parse() != Ok(pid) {
            return None;
        }
        let (number, file) = (parts.next()?, parts.next()?);
        let mark = number.parse().ok().zip(file.parse().ok().filter(|file| *file > 2));
        let digests: Vec<_> = parts.map(Digest::from_hex).collect::<Option<_>>()?;
        (!digests.is_empty()).then_some(Self { digests, mark })
    }

    fn text(&self, pid: u32) -> OsString {
        let (number, file) = self.mark.map_or(("-".into(), "-".into()), |(n, fd)| (n.to_string(), fd.to_string()));
        let digests: Vec<_> = self.digests.iter().map(ToString::to_string).collect();
        format!("{pid}:{number}:{file}:{}", digests.join(":")).into()
    }

    /// The copy that this process is.
    pub(super) fn now(&self) -> Option<Digest> {
        self.digests.last().copied()
    }

    /// Whether a copy may be entered after those.
    pub(super) fn may_enter(&self, digest: Digest) -> bool {
        self.digests.len() < MOST && !self.digests.contains(&digest)
    }

    /// The mark that this process has open by its number, where that is so: by the name it had. Nothing of the environment but the
    /// number is believed. None without /proc.
    fn inherited(&self, pid: u32) -> Option<PathBuf> {
        let (digest, (number, file)) = self.now().zip(self.mark)?;
        let place = fs::read_link(format!("/proc/self/fd/{file}")).ok()?.into_os_string().into_vec();
        // So the kernel calls one that was removed meanwhile.
        let place = PathBuf::from(OsStr::from_bytes(place.strip_suffix(b" (deleted)").unwrap_or(&place)));
        let is_mark = place.file_name()? == name(digest, pid, number).as_str() && place.parent()?.ends_with(ENTERING);
        is_mark.then_some(place)
    }

    /// Where the copy lies that this process is, if that can be told.
    pub(super) fn home(&self, pid: u32) -> Option<Home> {
        Some(Home::at(self.inherited(pid)?.parent()?.parent()?.to_owned()))
    }

    /// Closes the mark, so that nothing has it that this process starts.
    pub(super) fn shut(&self, pid: u32) {
        if let (Some((_, file)), Some(_)) = (self.mark, self.inherited(pid)) {
            enter::disown(file);
        }
    }

    /// Says that the copy has arrived: its mark goes, and those of others that did not.
    pub(super) fn arrive(&self, home: &Home, pid: u32) {
        let Some((digest, (number, file))) = self.now().zip(self.mark) else { return };
        let is_inherited = self.inherited(pid).is_some();
        let is_removed = fs::remove_file(home.entering().join(name(digest, pid, number))).is_ok();
        // Where neither is so the number is nobody's, and may be that of another file.
        if is_removed || is_inherited {
            enter::disown(file);
        }
        if !is_removed {
            return;
        }
        let begun = named(home, ".");
        for mark in marks(home, digest).iter().chain(&begun).filter(|mark| is_left(mark)) {
            // One that stays is counted the next time.
            let _ = fs::remove_file(mark);
        }
    }
}

fn name(digest: Digest, pid: u32, number: u32) -> String {
    format!("{digest}.{pid}.{number}")
}

/// All marks of a copy.
fn marks(home: &Home, digest: Digest) -> Vec<PathBuf> {
    named(home, &format!("{digest}."))
}

/// All whose names begin so.
fn named(home: &Home, begin: &str) -> Vec<PathBuf> {
    let listed = fs::read_dir(home.entering()).into_iter().flatten().flatten();
    let found = listed.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(begin)));
    found.map(|entry| entry.path()).collect()
}

/// Whether nobody holds a mark any more.
fn is_left(mark: &Path) -> bool {
    // For writing: on NFS a lock of one alone wants that.
    let open = |writes| OpenOptions::new().read(true).write(writes).open(mark);
    open(true).or_else(|_| open(false)).is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
}

/// Whether a copy ended before it had arrived, twice in a row.
pub(super) fn fails_to_arrive(home: &Home, digest: Digest) -> bool {
    let marks = marks(home, digest);
    marks.len() >= ENOUGH && marks.iter().filter(|mark| is_left(mark)).count() >= ENOUGH
}

/// Removes the marks of a copy that nobody holds: what they told is known. Others' are still on their way.
pub(super) fn forget(home: &Home, digest: Digest) {
    for mark in marks(home, digest).iter().filter(|mark| is_left(mark)) {
        // One that stays is counted the next time.
        let _ = fs::remove_file(mark);
    }
}

/// A copy to be entered.
#[derive(Debug)]
pub struct Entrance {
    pub(super) home: Home,
    pub(super) digest: Digest,
    pub(super) program: PathBuf,
    pub(super) before: Entered,
}

impl Entrance {
    /// The program of the copy.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Enters it. Comes back only where that failed, with the reason.
    pub fn go(self, arguments: &[OsString], pid: u32) -> io::Error {
        // Where no mark can be made (a file system that is full, or read-only) there is none.
        let mark = self.mark(pid).ok();
        let number = mark.as_ref().map(|(number, _, descriptor)| (*number, *descriptor));
        let digests = self.before.digests.iter().copied().chain([self.digest]).collect();
        let entered = Entered { digests, mark: number };
        let error = enter::enter(&self.program, arguments, (VARIABLE, &entered.text(pid)));
        if let Some((number, _)) = number {
            let _ = fs::remove_file(self.home.entering().join(name(self.digest, pid, number)));
        }
        error
    }

    /// Leaves a mark that the copy inherits; its number, its file and the number of that.
    fn mark(&self, pid: u32) -> io::Result<(u32, File, i32)> {
        let dir = self.home.entering();
        let begun = dir.join(format!(".{pid}"));
        let open = || OpenOptions::new().write(true).create(true).truncate(false).open(&begun);
        let file = open().or_else(|_| fs::create_dir(&dir).and_then(|()| open()))?;
        // Locked before it has its name: what has one and is not locked is left over.
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let free = (0..MARKS).map(|number| (number, dir.join(name(self.digest, pid, number))));
        let free = free.into_iter().find(|(_, place)| fs::symlink_metadata(place).is_err());
        let Some((number, place)) = free else {
            fs::remove_file(&begun)?;
            return Err(io::ErrorKind::AlreadyExists.into());
        };
        fs::rename(&begun, &place)?;
        let descriptor = enter::inherit(&file)?;
        Ok((number, file, descriptor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(count: u8) -> Entered {
        Entered { digests: (0..count).map(|number| Digest::of(&[number])).collect(), mark: Some((3, 7)) }
    }

    #[test]
    fn what_a_copy_is_told_reads_back_and_is_for_nobody_else() {
        let text = entered(3).text(42);
        assert_eq!(Entered::read(Some(&text), 42), entered(3));
        assert_eq!(Entered::read(Some(&text), 43), Entered::default());
        let unmarked = Entered { mark: None, ..entered(1) };
        assert_eq!(Entered::read(Some(&unmarked.text(42)), 42), unmarked);
        for text in ["", "42", "42:0:7", "42:0:7:", "42:0:7:xyz", "x:0:7:", ":::", "42:-:-:--"] {
            assert_eq!(Entered::read(Some(OsStr::new(text)), 42), Entered::default(), "{text}");
        }
        // Input and output are not files of ours.
        let digest = Digest::of(b"x");
        assert_eq!(Entered::read(Some(OsStr::new(&format!("42:0:2:{digest}"))), 42).mark, None);
    }

    #[test]
    fn no_copy_is_entered_twice_nor_more_than_eight_in_all() {
        assert!(entered(3).may_enter(Digest::of(b"other")) && !entered(3).may_enter(Digest::of(&[2])));
        assert!(entered(7).may_enter(Digest::of(b"other")) && !entered(8).may_enter(Digest::of(b"other")));
    }
}
