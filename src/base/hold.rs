//! A lock file: one process at a time, and which one it is.
//!
//! The kernel gives the lock back when its process has ended in any way, and those that inherited it. The number in the file is
//! for people.

use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How long between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Whose a lock is.
#[derive(Debug)]
pub enum Hold {
    /// Ours, as long as the file is open.
    Ours(File),
    /// Another process's; its number, where it is known.
    Theirs(Option<u32>),
}

/// Takes a lock. Where another process has it, `waits` is asked with its number, again and again, whether to try once more.
pub fn hold(path: &Path, waits: &mut dyn FnMut(Option<u32>) -> bool) -> io::Result<Hold> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
        if error != rustix::io::Errno::WOULDBLOCK {
            return Err(error.into());
        }
        let pid = holder(&mut file);
        if !waits(pid) {
            return Ok(Hold::Theirs(pid));
        }
        thread::sleep(PAUSE);
    }
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())?;
    Ok(Hold::Ours(file))
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
