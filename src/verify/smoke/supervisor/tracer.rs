//! The event loop over all processes and threads of a run, by ptrace(2).
//!
//! Takes the first process, already seized, and a judge; gives how that process ended once every descendant has ended too
//! or was killed by the watch. Stops are told apart as ptrace(2) lists them for PTRACE_SEIZE.

use super::filter::Seen;
use super::judge::{Answer, Judge};
use super::watch::Watch;
use crate::verify::smoke::End;
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::process::{self, WaitId, WaitIdOptions, WaitOptions, WaitStatus};
use std::collections::BTreeMap;

/// What the tracer asks the kernel for.
pub(super) fn options() -> ptrace::Options {
    ptrace::Options::PTRACE_O_TRACESYSGOOD
        | ptrace::Options::PTRACE_O_TRACEFORK
        | ptrace::Options::PTRACE_O_TRACEVFORK
        | ptrace::Options::PTRACE_O_TRACECLONE
        | ptrace::Options::PTRACE_O_TRACEEXEC
        | ptrace::Options::PTRACE_O_TRACESECCOMP
        | ptrace::Options::PTRACE_O_EXITKILL
}

/// PTRACE_EVENT_STOP of `linux/ptrace.h`: a group stop, or the first stop of a new thread.
const EVENT_STOP: i32 = 128;

/// The call whose end is awaited.
#[derive(Debug)]
enum Awaited {
    Open { number: u64 },
    Exec(Vec<Vec<u8>>),
}

/// How to let a stopped thread go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Go {
    /// To the next event, with this signal (0: none).
    On(i32),
    /// To the end of the call it is in.
    ToExit,
    /// It stays stopped until SIGCONT.
    Listen,
}

/// The loop's state.
pub(super) struct Tracer<'a> {
    judge: &'a mut Judge,
    watch: &'a Watch,
    awaited: BTreeMap<i32, Awaited>,
    /// Whether the first process has become the program.
    started: bool,
}

impl<'a> Tracer<'a> {
    /// Makes a tracer for the calling thread's tracees.
    pub(super) fn new(judge: &'a mut Judge, watch: &'a Watch) -> Self {
        Self { judge, watch, awaited: BTreeMap::new(), started: false }
    }

    /// Runs until no tracee is left; tells how `first` ended, `None` if the watch killed it.
    pub(super) fn run(mut self, first: Pid) -> Result<Option<End>, Errno> {
        let mut end = None;
        while self.started || !failed_to_start(first) {
            let Some((tid, status)) = next()? else { break };
            if status.stopped() {
                self.stopped(tid, status.as_raw());
                continue;
            }
            if tid == first && self.watch.killed().is_none() {
                end = ended(status);
            }
            self.awaited.remove(&tid.as_raw());
            self.watch.gone(tid);
        }
        Ok(end)
    }

    fn stopped(&mut self, tid: Pid, status: i32) {
        if self.watch.seen(tid) {
            let _gone_meanwhile = kill(tid, Signal::SIGKILL);
            return;
        }
        let go = match (status >> 8 & 0xff, status >> 16) {
            (libc::SIGTRAP, libc::PTRACE_EVENT_SECCOMP) => self.entry(tid).unwrap_or(Go::On(0)),
            (libc::SIGTRAP, libc::PTRACE_EVENT_EXEC) => self.exec(tid),
            (signal, EVENT_STOP) if signal != libc::SIGTRAP => Go::Listen,
            (signal, 0) if signal == libc::SIGTRAP | 0x80 => self.exit(tid).unwrap_or(Go::On(0)),
            (signal, 0) => Go::On(signal),
            _ => Go::On(0),
        };
        // ESRCH: it was killed meanwhile, and the next wait says so.
        let _gone_meanwhile = resume(tid, go);
    }

    /// A call of the table begins.
    fn entry(&mut self, tid: Pid) -> Result<Go, Errno> {
        let seen = Seen::from_message(ptrace::getevent(tid)?);
        let mut regs = ptrace::getregs(tid)?;
        let answer = self.judge.entry(tid, seen, &regs);
        self.awaited.remove(&tid.as_raw());
        match answer {
            Answer::Pass => Ok(Go::On(0)),
            Answer::Refuse(error) => {
                // No call has the number -1: the kernel makes none and leaves the result as it finds it.
                regs.orig_rax = u64::MAX;
                regs.rax = i64::from(-(error as i32)).cast_unsigned();
                ptrace::setregs(tid, regs)?;
                Ok(Go::On(0))
            }
            Answer::AwaitOpen => {
                self.awaited.insert(tid.as_raw(), Awaited::Open { number: regs.orig_rax });
                Ok(Go::ToExit)
            }
            Answer::AwaitExec(files) => {
                self.awaited.insert(tid.as_raw(), Awaited::Exec(files));
                Ok(Go::On(0))
            }
        }
    }

    /// An awaited call is over.
    fn exit(&mut self, tid: Pid) -> Result<Go, Errno> {
        let regs = ptrace::getregs(tid)?;
        let result = regs.rax.cast_signed();
        match self.awaited.remove(&tid.as_raw()) {
            // Kernels before 4.8 show the entry after the seccomp stop; this is how it looks.
            Some(awaited @ Awaited::Open { number })
                if number == regs.orig_rax && result == -i64::from(libc::ENOSYS) =>
            {
                self.awaited.insert(tid.as_raw(), awaited);
                return Ok(Go::ToExit);
            }
            Some(Awaited::Open { number }) if number == regs.orig_rax => {
                if let Some(descriptor) = i32::try_from(result).ok().filter(|number| *number >= 0) {
                    self.judge.opened(tid, descriptor);
                }
            }
            _ => {}
        }
        Ok(Go::On(0))
    }

    /// A program was started. If another thread than the first did it, that thread has taken over the first's number.
    fn exec(&mut self, tid: Pid) -> Go {
        self.started = true;
        let former = ptrace::getevent(tid).ok().and_then(|former| i32::try_from(former).ok()).unwrap_or(tid.as_raw());
        if let Some(Awaited::Exec(files)) = self.awaited.remove(&former) {
            self.judge.executed(files);
        }
        if former != tid.as_raw() {
            self.awaited.remove(&tid.as_raw());
            self.watch.gone(Pid::from_raw(former));
        }
        Go::On(0)
    }
}

/// Waits until the process stops or ends before its exec; tells whether it ended. It is then left to be reaped by the thread
/// that tried to start it: the standard library panics if its failed child is gone.
fn failed_to_start(first: Pid) -> bool {
    let Some(first) = process::Pid::from_raw(first.as_raw()) else { return true };
    let either = WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT;
    loop {
        match process::waitid(WaitId::Pid(first), either) {
            Ok(Some(status)) => return !status.trapped() && !status.stopped(),
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return true,
        }
    }
}

/// Waits for the next tracee of this very thread; other threads of this process have children of their own.
fn next() -> Result<Option<(Pid, WaitStatus)>, Errno> {
    let options = WaitOptions::from_bits_retain((libc::__WALL | libc::__WNOTHREAD).cast_unsigned());
    loop {
        match process::wait(options) {
            Ok(Some((pid, status))) => return Ok(Some((Pid::from_raw(pid.as_raw_nonzero().get()), status))),
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::CHILD) => return Ok(None),
            Err(error) => return Err(Errno::from_raw(error.raw_os_error())),
        }
    }
}

fn ended(status: WaitStatus) -> Option<End> {
    status.exit_status().map(End::Exited).or_else(|| status.terminating_signal().map(End::Signalled))
}

/// Lets a stopped thread go on. The wrapper of `nix` cannot pass on a real-time signal, and threads use those.
fn resume(tid: Pid, go: Go) -> Result<(), Errno> {
    let (request, signal) = match go {
        Go::On(signal) => (libc::PTRACE_CONT, signal),
        Go::ToExit => (libc::PTRACE_SYSCALL, 0),
        Go::Listen => (libc::PTRACE_LISTEN, 0),
    };
    let none = std::ptr::null_mut::<libc::c_void>();
    let signal = std::ptr::without_provenance_mut::<libc::c_void>(signal.unsigned_abs() as usize);
    #[expect(unsafe_code, reason = "these requests read and write no memory of this process")]
    let result = unsafe { libc::ptrace(request, tid.as_raw(), none, signal) };
    Errno::result(result).map(drop)
}
