//! One run from start to end, on a thread of its own: ptrace ties tracees to the thread that seized them, and `waitpid`
//! without a process id must not meet the children of other threads.
//!
//! A second thread starts the program, because starting returns only after the exec, which this one has to let pass. A
//! third keeps the clock.

use super::child::{Launch, MASKED, READY};
use super::judge::Judge;
use super::mask::Masks;
use super::output::{Output, drain};
use super::tracer::{Tracer, options};
use super::watch::{Watch, own_tracer};
use crate::verify::smoke::{Captured, End, Note, SmokeError};
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::unistd::{Pid, gettid};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::panic::resume_unwind;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How a session went.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) end: End,
    pub(super) stdout: Captured,
    pub(super) stderr: Captured,
    /// Processes that had to be killed when time was up.
    pub(super) killed: usize,
}

/// Why a session did not take place.
#[derive(Debug)]
pub(super) enum Hitch {
    /// The mount namespace was refused; another try without it may succeed.
    Masks(io::Error),
    /// Another reason.
    Final(SmokeError),
}

/// Runs the program under the judge's eyes.
pub(super) fn run(
    launch: &Launch,
    masks: Option<Masks>,
    judge: &mut Judge,
    timeout: Duration,
) -> Result<Outcome, Hitch> {
    let masked = masks.is_some();
    let (ours, theirs) = UnixStream::pair().map_err(|source| Hitch::Final(SmokeError::Start { source }))?;
    let command = launch.command(theirs, &ours, masks);
    let watch = Watch::new(gettid());
    let over = AtomicBool::new(false);
    let (started, traced, killed) = thread::scope(|scope| {
        let end_of_scope = Finish { watch: &watch, over: &over, link: &ours };
        let start = thread::Builder::new().spawn_scoped(scope, || start_and_drain(command, &over));
        let start_clock = || thread::Builder::new().spawn_scoped(scope, || watch.keep(timeout)).map(drop);
        let traced = supervise(&ours, judge, &watch, start_clock);
        let killed = watch.killed();
        drop(end_of_scope);
        let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        (start.and_then(join), traced, killed)
    });
    match (started, traced) {
        (_, Err(error)) => Err(Hitch::Final(error)),
        (Err(error), Ok(_)) => failed_start(error, &steps(&ours), masked),
        (Ok([stdout, stderr]), Ok(end)) => {
            let end = end.or(killed.map(|_| End::TimedOut)).ok_or_else(lost)?;
            Ok(Outcome { end, stdout, stderr, killed: killed.unwrap_or(0) })
        }
    }
}

/// Another thread of this process waited for a child that was not its own, and took the end of ours.
fn lost() -> Hitch {
    Hitch::Final(SmokeError::Supervise { source: Errno::ECHILD.into() })
}

/// Stops the helping threads and kills what is left, also when this thread panics.
struct Finish<'a> {
    watch: &'a Watch,
    over: &'a AtomicBool,
    link: &'a UnixStream,
}

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.watch.stop();
        self.watch.finish();
        self.over.store(true, Ordering::Release);
        // A child that still waits to be seized gives up.
        let _already_closed = self.link.shutdown(Shutdown::Write);
    }
}

/// Seizes the child, lets it go on and follows it to the end. `None` where it was killed.
fn supervise(
    mut link: &UnixStream,
    judge: &mut Judge,
    watch: &Watch,
    start_clock: impl FnOnce() -> io::Result<()>,
) -> Result<Option<End>, SmokeError> {
    let mut pid = [0; 4];
    if link.read_exact(&mut pid).is_err() {
        // The start failed, and its error tells why.
        return Ok(None);
    }
    let pid = Pid::from_raw(i32::from_ne_bytes(pid));
    ptrace::seize(pid, options()).map_err(forbidden)?;
    watch.seen(pid);
    start_clock().and_then(|()| link.write_all(&[1])).map_err(|source| SmokeError::Supervise { source })?;
    Tracer::new(judge, watch).run(pid).map_err(|error| SmokeError::Supervise { source: error.into() })
}

fn forbidden(error: Errno) -> SmokeError {
    match own_tracer() {
        Some(by) => SmokeError::AlreadyTraced { by },
        None => SmokeError::Forbidden { source: error.into() },
    }
}

/// Starts the program and reads its outputs to their end.
fn start_and_drain(mut command: Command, over: &AtomicBool) -> io::Result<[Captured; 2]> {
    let mut child = command.spawn()?;
    // The tracer waits for the child; this end of the link must close.
    drop(command);
    let stdout = child.stdout.take().map(|pipe| File::from(OwnedFd::from(pipe)));
    let stderr = child.stderr.take().map(|pipe| File::from(OwnedFd::from(pipe)));
    let mut outputs = [stdout, stderr].map(Output::new);
    drain(&mut outputs, over);
    Ok(outputs.map(Output::captured))
}

/// The steps the child told.
fn steps(mut link: &UnixStream) -> Vec<u8> {
    let mut told = [0; 8];
    // All it ever told has arrived before the start failed.
    let count = link.set_nonblocking(true).and_then(|()| link.read(&mut told)).unwrap_or(0);
    told[..count].to_vec()
}

/// Sorts out which step failed.
fn failed_start(error: io::Error, told: &[u8], masked: bool) -> Result<Outcome, Hitch> {
    if told.contains(&READY) {
        let end = End::NotStarted(error.raw_os_error().unwrap_or(0));
        return Ok(Outcome { end, stdout: Captured::default(), stderr: Captured::default(), killed: 0 });
    }
    if masked && !told.contains(&MASKED) {
        return Err(Hitch::Masks(error));
    }
    Err(Hitch::Final(SmokeError::Start { source: error }))
}

impl Outcome {
    /// What the outcome itself has to note.
    pub(super) fn note(&self) -> Option<Note> {
        (self.killed > 0 && self.end != End::TimedOut).then_some(Note::LeftRunning { processes: self.killed })
    }
}
