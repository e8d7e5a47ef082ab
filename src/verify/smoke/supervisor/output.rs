//! Reads the outputs of a program to their ends and keeps the first part of each, so that the program is never stopped by
//! a full pipe.

use crate::verify::smoke::Captured;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

/// Kept of each output, in bytes.
const KEPT: usize = 1 << 20;
/// How often the end of the run is looked for while nothing comes, in milliseconds.
const GLANCE: u16 = 50;

/// A pipe until it is closed, and what came out of it.
#[derive(Debug)]
pub(super) struct Output {
    pipe: Option<File>,
    captured: Captured,
}

/// Reads until all pipes are closed, or the run is `over` and nothing more is there: a stranger that was handed a pipe may
/// hold it open for ever.
pub(super) fn drain(outputs: &mut [Output], over: &AtomicBool) {
    let mut buffer = vec![0; 65_536];
    while outputs.iter().any(|output| output.pipe.is_some()) {
        let last_look = over.load(Ordering::Acquire);
        let ready = ready(outputs);
        if last_look && !ready.contains(&true) {
            return;
        }
        for (output, _) in outputs.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            output.read(&mut buffer);
        }
    }
}

/// Waits a moment; tells for each output whether a read would return at once.
fn ready(outputs: &[Output]) -> Vec<bool> {
    let open = outputs.iter().filter_map(|output| output.pipe.as_ref());
    let mut asked: Vec<_> = open.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)).collect();
    // An interruption leaves the answers empty; the next round asks again.
    let _interrupted = poll(&mut asked, PollTimeout::from(GLANCE));
    let mut answers = asked.iter().map(|asked| asked.any() == Some(true));
    outputs.iter().map(|output| output.pipe.is_some() && answers.next() == Some(true)).collect()
}

impl Output {
    /// Takes the reading end of a pipe.
    pub(super) fn new(pipe: Option<File>) -> Self {
        Self { pipe, captured: Captured::default() }
    }

    /// What was kept.
    pub(super) fn captured(self) -> Captured {
        self.captured
    }

    fn read(&mut self, buffer: &mut [u8]) {
        match self.pipe.as_mut().map(|pipe| pipe.read(buffer)) {
            Some(Ok(count)) if count > 0 => self.captured.take(&buffer[..count]),
            Some(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
            _ => self.pipe = None,
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
