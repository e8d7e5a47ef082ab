//! What tells, without reading a file, whether it is still the one that was looked at.
//!
//! A file system sets the time of a file's last change (ctime) with every write, and no program can set it. So a file with the
//! same device, inode, size and times was not written to in between, provided the time it had at first was old enough: file
//! systems take it from a clock that stands still for some milliseconds, so that a write can follow another one unseen. git
//! calls such files "racily clean" and reads them; here [`Stamp::tells`] says whether it is one, and whoever asks compares
//! the bytes. What is not seen: bytes that a program goes on writing through a shared mapping it wrote through before
//! (mmap(2) promises the time of one of them only), and a server whose clock is behind ours by more than [`SETTLED`].

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longer than any Linux clock for files stands still: a tick of the kernel is at most 10 ms.
const SETTLED: Duration = Duration::from_millis(50);
/// The same where times have no parts of a second (ext3, some servers); FAT has every second one only.
const SETTLED_WHOLE: Duration = Duration::from_millis(2_500);

/// A moment before the file system was asked: what is asked later may be younger, but is not taken for older than it is.
#[derive(Debug, Clone, Copy)]
pub struct Moment(Duration);

impl Moment {
    /// This moment.
    pub fn now() -> Self {
        // A clock before 1970 lets no time look old.
        Self(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

/// What changes with every change of a file, as it was at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    facts: Facts,
    tells: bool,
}

/// What the file system says. Times are seconds and nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    /// Device and inode number.
    id: (u64, u64),
    /// In bytes.
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of a file that was looked at after a moment.
    pub fn of(found: &Metadata, after: Moment) -> Self {
        Self::new(
            after,
            Facts {
                id: (found.dev(), found.ino()),
                size: found.size(),
                modified: (found.mtime(), found.mtime_nsec()),
                changed: (found.ctime(), found.ctime_nsec()),
            },
        )
    }

    /// The same, from what statx(2) and its kind give.
    pub fn of_stat(found: &rustix::fs::Stat, after: Moment) -> Self {
        let nanoseconds = |part| i64::try_from(part).unwrap_or(0);
        Self::new(
            after,
            Facts {
                id: (found.st_dev, found.st_ino),
                size: u64::try_from(found.st_size).unwrap_or(0),
                modified: (found.st_mtime, nanoseconds(found.st_mtime_nsec)),
                changed: (found.st_ctime, nanoseconds(found.st_ctime_nsec)),
            },
        )
    }

    fn new(Moment(after): Moment, facts: Facts) -> Self {
        Self { facts, tells: is_settled(facts.changed, after) }
    }

    /// Whether a file that has the same stamp later was not written to in between.
    pub fn tells(&self) -> bool {
        self.tells
    }

    /// The same facts as text, to be kept: equal texts are what [`Stamp::is_that_of`] finds.
    pub fn text(&self) -> String {
        let Facts { id, size, modified, changed } = self.facts;
        let time = |(seconds, part): (i64, i64)| format!("{seconds}.{part:09}");
        format!("{}:{} {size} {} {}", id.0, id.1, time(modified), time(changed))
    }

    /// Whether nothing shows that the file was changed, or is another one, since.
    pub fn is_that_of(&self, later: &Self) -> bool {
        self.facts == later.facts
    }
}

/// Whether a time of change lies so far back that a further change would give another one. One in the future does not.
fn is_settled((seconds, nanoseconds): (i64, i64), now: Duration) -> bool {
    let (Ok(seconds), Ok(part)) = (u64::try_from(seconds), u32::try_from(nanoseconds)) else { return false };
    let age =
        now.checked_sub(Duration::new(seconds, 0)).and_then(|age| age.checked_sub(Duration::from_nanos(part.into())));
    age.is_some_and(|age| age > if part == 0 { SETTLED_WHOLE } else { SETTLED })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::io::Write;

    #[test]
    fn a_time_tells_once_the_clock_of_files_must_have_moved_on() {
        let now = Duration::new(1_000, 500_000_000);
        for (changed, settled) in [
            ((1_000, 440_000_000), true),
            ((1_000, 460_000_000), false),
            ((1_000, 500_000_001), false),
            ((1_001, 0), false),
            ((999, 999_000_000), true),
            ((999, 0), false),
            ((998, 0), false),
            ((997, 0), true),
            ((-1, 5), false),
            ((i64::MAX, i64::MAX), false),
        ] {
            assert_eq!(is_settled(changed, now), settled, "{changed:?}");
        }
    }

    #[test]
    fn a_write_that_keeps_size_and_modification_time_shows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"one").unwrap();
        let stamp = || Stamp::of(&fs::symlink_metadata(&path).unwrap(), Moment::now());
        assert!(!stamp().tells());
        std::thread::sleep(2 * SETTLED);
        let before = stamp();
        assert!(before.tells() && before.is_that_of(&stamp()));
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let mut file = File::options().write(true).open(&path).unwrap();
        file.write_all(b"two").unwrap();
        file.set_modified(modified).unwrap();
        assert!(!before.is_that_of(&stamp()));
        assert!(!stamp().tells());
    }

    #[test]
    fn a_moment_long_past_lets_nothing_tell() {
        let file = tempfile::tempfile().unwrap();
        let before = Moment::now();
        std::thread::sleep(2 * SETTLED);
        assert!(!Stamp::of(&file.metadata().unwrap(), before).tells());
    }

    #[test]
    fn both_ways_to_ask_give_the_same_stamp() {
        let file = tempfile::tempfile().unwrap();
        let by_stat = Stamp::of_stat(&rustix::fs::fstat(&file).unwrap(), Moment::now());
        assert!(by_stat.is_that_of(&Stamp::of(&file.metadata().unwrap(), Moment::now())));
    }
}
