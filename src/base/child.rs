//! Child processes that are run to their end, with what they print.
//!
//! [`run`] is for a program that answers at once. A [`Task`] is for one that may take hours and start others: it gets an
//! environment of its own, a directory, and a process group that ends as a whole, also when this process is killed. Each
//! group has a leash: a shell that is its first member and reads from a pipe of ours, which ends when we do.
//! `PR_SET_PDEATHSIG` would need code between fork and exec, and reaches the first process only.

mod alone;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What the leash does: a group that makes groups of its own (bmake's parallel jobs) is asked first, then all are killed.
const LEASH: &str = "trap '' TERM INT HUP; read -r _; kill -TERM 0; sleep 0.2 || sleep 1; kill -KILL 0";
/// How long a group that was asked to end may take.
const GRACE: Duration = Duration::from_secs(2);
/// The longest sleep between two looks at a running process.
const LOOK: Duration = Duration::from_millis(20);
/// How long a program that somebody has open for writing is waited for, in pauses that double from a millisecond.
const BUSY: Duration = Duration::from_millis(500);

/// A process that has ended.
#[derive(Debug)]
pub struct Finished {
    /// Whether it exited with 0.
    pub success: bool,
    /// What it printed: standard output, then standard error.
    pub output: Vec<u8>,
}

/// Runs a program with arguments, no input, and LD_LIBRARY_PATH unset; fails where it cannot be started.
pub fn run<S: AsRef<OsStr>>(command: &[S]) -> io::Result<Finished> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no program to run"))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = spawn(command.env_remove("LD_LIBRARY_PATH"))?.wait_with_output()?;
    Ok(Finished { success: ended.status.success(), output: [ended.stdout, ended.stderr].concat() })
}

/// Starts a program, also one that was written a moment ago: a child that another thread started meanwhile has our
/// descriptors until its exec, and while one of them is open for writing the program is "busy" (ETXTBSY).
fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut pause = Duration::from_millis(1);
    loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && pause < BUSY => thread::sleep(pause),
            started => return started,
        }
        pause *= 2;
    }
}

/// A wish to stop that all clones share.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks every task that was given this wish to end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It exited with this code.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
    /// We ended it because we were asked to.
    Cancelled,
    /// We ended it because its time was up.
    Overdue,
}

impl End {
    /// Whether it exited with 0.
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }
}

/// A task that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub end: End,
    /// How long it ran.
    pub elapsed: Duration,
}

/// What a task printed, where it was not sent to a log.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub ended: Ended,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// A program to run without input, with this environment and nothing of ours.
#[derive(Debug, Clone)]
pub struct Task {
    /// The program; without a slash it is searched for in the PATH of `environment`.
    pub program: PathBuf,
    /// Its arguments, without its name.
    pub arguments: Vec<OsString>,
    /// All its variables.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it starts.
    pub directory: PathBuf,
    /// A file the leash keeps open until the whole group is gone: a lock on it outlives us for as long as they do.
    pub held: Option<Arc<File>>,
}

impl Task {
    /// Runs it to its end with both streams in a new file at `log`; fails where it cannot be started.
    pub fn run_logged(&self, log: &Path, cancel: &Cancel) -> io::Result<Ended> {
        let file = File::create(log)?;
        let both = file.try_clone()?;
        self.start(file, both)?.wait(cancel)
    }

    /// Runs it to its end and gives what it printed.
    pub fn ask(&self, cancel: &Cancel) -> io::Result<Answer> {
        self.ask_within(Duration::MAX, cancel)
    }

    /// The same, but it is ended, with all it started, when it has run for so long.
    pub fn ask_within(&self, limit: Duration, cancel: &Cancel) -> io::Result<Answer> {
        // Files, not pipes: a grandchild that keeps a pipe open would keep us waiting.
        let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let ended = self.start(stdout.try_clone()?, stderr.try_clone()?)?.wait_within(limit, cancel)?;
        Ok(Answer { ended, stdout: whole(&mut stdout)?, stderr: whole(&mut stderr)? })
    }

    /// Starts it with its streams in two files.
    pub fn start(&self, stdout: File, stderr: File) -> io::Result<Running> {
        let leash = self.leash()?;
        let mut command = self.command(stdout, stderr, leash.group());
        let group = Group(leash);
        let child = spawn(&mut command)?;
        Ok(Running { child, group, started: Instant::now() })
    }

    /// It, in this process group; 0 is one of its own.
    fn command(&self, stdout: File, stderr: File, group: i32) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(group);
        command
    }

    /// The first member of the group, there before any other.
    fn leash(&self) -> io::Result<Leash> {
        let held = self.held.as_ref().map_or(Ok(Stdio::null()), |file| file.try_clone().map(Stdio::from))?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", LEASH])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(held)
            .stderr(Stdio::null())
            .process_group(0);
        Ok(Leash(spawn(&mut command)?))
    }
}

fn whole(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The shell that ends a group when we end.
#[derive(Debug)]
struct Leash(Child);

impl Leash {
    /// The number of its group, which is its own: taken for as long as it has not been waited for.
    fn group(&self) -> i32 {
        self.0.id().cast_signed()
    }
}

/// A process group, killed when dropped.
#[derive(Debug)]
struct Group(Leash);

impl Group {
    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(group) = rustix::process::Pid::from_raw(self.0.group()) {
            // It fails where nobody is left, which is what was wanted.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(rustix::process::Signal::KILL);
        // The leash is a child of ours and dead: this takes its number off the list.
        let _ = self.0.0.wait();
    }
}

/// A task under way; dropped, it is killed with all it started.
#[derive(Debug)]
pub struct Running {
    child: Child,
    group: Group,
    started: Instant,
}

impl Running {
    /// Waits for its end, then kills what it left behind in its group.
    pub fn wait(self, cancel: &Cancel) -> io::Result<Ended> {
        self.wait_within(Duration::MAX, cancel)
    }

    /// The same, but it is ended, with all it started, when it has run for so long.
    pub fn wait_within(mut self, limit: Duration, cancel: &Cancel) -> io::Result<Ended> {
        let mut pause = Duration::from_millis(1);
        let mut asked: Option<(Instant, End)> = None;
        loop {
            if let Some(status) = self.child.try_wait()? {
                let end = asked.map_or_else(|| end(status), |(_, why)| why);
                return Ok(Ended { end, elapsed: self.started.elapsed() });
            }
            match asked {
                None if cancel.is_cancelled() || self.started.elapsed() > limit => {
                    self.group.signal(rustix::process::Signal::TERM);
                    let why = if cancel.is_cancelled() { End::Cancelled } else { End::Overdue };
                    asked = Some((Instant::now(), why));
                }
                Some((when, _)) if when.elapsed() > GRACE => self.group.signal(rustix::process::Signal::KILL),
                _ => {}
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LOOK);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.group.signal(rustix::process::Signal::KILL);
            // Killed a moment ago: this cannot take long, and its result tells nothing new.
            let _ = self.child.wait();
        }
    }
}

fn end(status: ExitStatus) -> End {
    match status.code() {
        Some(code) => End::Exited(code),
        None => End::Killed(status.signal().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
