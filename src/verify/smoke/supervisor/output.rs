//! Reads one output of a program to its end and keeps the first part, so that the program is never stopped by a full
//! pipe.

use crate::verify::smoke::Captured;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

/// Kept of each output, in bytes.
const KEPT: usize = 1 << 20;
/// How often the end of the run is looked for while nothing comes, in milliseconds.
const GLANCE: u16 = 50;

/// Reads until the pipe is closed, or the run is `over` and nothing more is there: a stranger that was handed the pipe may
/// hold it open for ever.
pub(super) fn drain(mut pipe: impl Read + AsFd, over: &AtomicBool) -> Captured {
    let mut captured = Captured::default();
    let mut buffer = vec![0; 65_536];
    loop {
        let last_look = over.load(Ordering::Acquire);
        let ready = poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)], PollTimeout::from(GLANCE));
        if ready == Ok(0) && last_look {
            return captured;
        }
        if ready.is_ok_and(|count| count > 0) {
            match pipe.read(&mut buffer) {
                Ok(0) => return captured,
                Ok(count) => captured.take(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return captured,
            }
        }
    }
}

impl Captured {
    fn take(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(KEPT - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..kept]);
        self.cut |= kept < bytes.len();
    }
}
