//! Runs the program under ptrace and stops it before its Nth system call that changes a file system: the named points at
//! which a kill, or a change made by somebody else, must do no harm. The calls of all its threads are counted.

use crate::call::Call;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The calls that count; also those that make a file by opening it.
const CHANGES: [libc::c_long; 22] = [
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_link,
    libc::SYS_linkat,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_symlink,
    libc::SYS_symlinkat,
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_rmdir,
    libc::SYS_fsync,
    libc::SYS_syncfs,
    libc::SYS_chmod,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fsetxattr,
    libc::SYS_lremovexattr,
    libc::SYS_utimensat,
    libc::SYS_ftruncate,
];

/// How a stepped run went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Went {
    /// It was killed at the point.
    Killed,
    /// It never came to the point and exited with this code.
    Ended(i32),
}

/// Runs `call` and kills it right before its change number `point`, counted from 0.
pub(crate) fn kill_at(call: &Call, point: usize) -> Went {
    let mut stepped = Stepped::begin(call);
    if let Some(code) = stepped.until(point) {
        return Went::Ended(code);
    }
    kill(stepped.pid, Signal::SIGKILL).unwrap();
    while !matches!(stepped.wait(), WaitStatus::Signaled(of, ..) if of == stepped.pid) {}
    Went::Killed
}

/// Runs `call`, does `act` right before its change number `point`, lets it run on, and tells its exit code and what it
/// said on standard error.
pub(crate) fn act_at(call: &Call, point: usize, act: impl FnOnce()) -> (i32, String) {
    let mut stepped = Stepped::begin(call);
    assert_eq!(stepped.until(point), None, "it ended before that point");
    act();
    stepped.resume(stepped.stopped, None);
    let code = stepped.until(usize::MAX).unwrap();
    let mut said = String::new();
    stepped.said.rewind().unwrap();
    stepped.said.read_to_string(&mut said).unwrap();
    (code, said)
}

struct Stepped {
    /// The process, and its first thread.
    pid: Pid,
    /// The thread that stands before the point.
    stopped: Pid,
    said: File,
}

impl Stepped {
    /// Starts the program stopped, and takes hold of it.
    #[expect(clippy::zombie_processes, reason = "waitpid(2) is called until it has ended")]
    fn begin(call: &Call) -> Self {
        let said = tempfile::tempfile().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "kill -STOP $$; exec \"$0\" \"$@\""]);
        command.arg(call.0.get_program()).args(call.0.get_args()).current_dir(call.0.get_current_dir().unwrap());
        // A Command does not tell what its standard input was to be.
        let input = call.0.get_envs().find(|(name, _)| *name == "STEP_STDIN").and_then(|(_, path)| path);
        command.stdin(input.map_or_else(Stdio::null, |path| File::open(path).unwrap().into()));
        command.stdout(Stdio::null()).stderr(said.try_clone().unwrap());
        for (name, value) in call.0.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.process_group(0);
        let child = command.spawn().unwrap();
        let pid = Pid::from_raw(child.id().cast_signed());
        while !matches!(waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap(), WaitStatus::Stopped(..)) {}
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACEEXEC
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_EXITKILL;
        ptrace::seize(pid, options).unwrap();
        kill(pid, Signal::SIGCONT).unwrap();
        Self { pid, stopped: pid, said }
    }

    /// What any of its threads does next; they are the process group.
    fn wait(&self) -> WaitStatus {
        waitpid(Pid::from_raw(-self.pid.as_raw()), Some(WaitPidFlag::__WALL)).unwrap()
    }

    /// Lets it run up to its change number `point` from here; the exit code where it ends before.
    fn until(&mut self, point: usize) -> Option<i32> {
        let mut seen = 0;
        loop {
            let status = self.wait();
            match status {
                WaitStatus::Exited(of, code) if of == self.pid => return Some(code),
                WaitStatus::Signaled(of, signal, _) if of == self.pid => panic!("it was killed by {signal}"),
                WaitStatus::Exited(..) | WaitStatus::Signaled(..) => {}
                WaitStatus::PtraceSyscall(thread) if Self::is_change(thread) => {
                    if seen == point {
                        self.stopped = thread;
                        return None;
                    }
                    seen += 1;
                    self.resume(thread, None);
                }
                // The stop that begins it all, and its end, are of this test's own making.
                WaitStatus::Stopped(thread, signal) if ![Signal::SIGSTOP, Signal::SIGCONT].contains(&signal) => {
                    self.resume(thread, Some(signal));
                }
                _ => self.resume(status.pid().unwrap(), None),
            }
        }
    }

    /// Whether it stands before a call that counts; at the end of a call the result is another.
    fn is_change(thread: Pid) -> bool {
        let registers = ptrace::getregs(thread).unwrap();
        let entering = registers.rax.cast_signed() == -i64::from(libc::ENOSYS);
        let number = registers.orig_rax.cast_signed();
        let flags = match number {
            libc::SYS_open => registers.rsi,
            libc::SYS_openat => registers.rdx,
            _ => 0,
        };
        let makes = libc::O_CREAT | (libc::O_TMPFILE & !libc::O_DIRECTORY);
        entering && (CHANGES.contains(&number) || flags & u64::from(makes.cast_unsigned()) != 0)
    }

    fn resume(&self, thread: Pid, signal: Option<Signal>) {
        // A thread that was killed meanwhile, by the end of all, is waited for next.
        match ptrace::syscall(thread, signal) {
            Ok(()) => {}
            Err(nix::errno::Errno::ESRCH) if thread != self.pid => {}
            Err(error) => panic!("{thread}: {error}"),
        }
    }
}
