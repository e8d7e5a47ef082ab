//! Programs that may hang, print without end or leave children behind.
//!
//! Takes a command and gives what it printed and how it ended. It gets no input, a home of its own, and a process
//! group of its own, which is killed when time is up. Output goes to files, so that a child left behind holds nothing
//! up. The environment is inherited: for a cleared one or another PATH std forks, which is slow beside many threads.

use rustix::process::{Pid, Signal, kill_process_group};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long tools and loaders may take, on a busy machine.
pub(crate) const PATIENT: Duration = Duration::from_secs(300);

/// A program that has ended.
pub(crate) struct Ended {
    /// Whether it exited with 0.
    pub(crate) success: bool,
    /// How it ended, in words.
    pub(crate) status: String,
    /// What it printed.
    pub(crate) stdout: Vec<u8>,
    /// What it complained about.
    pub(crate) stderr: Vec<u8>,
}

/// Runs a command; one that cannot be started has ended too, with the reason as its status.
pub(crate) fn run(command: &mut Command, limit: Duration) -> io::Result<Ended> {
    let dir = tempfile::tempdir()?;
    let (out, err) = (dir.path().join("out"), dir.path().join("err"));
    command
        .env("LC_ALL", "C")
        .env("HOME", dir.path())
        .current_dir(dir.path())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(fs::File::create(&out)?)
        .stderr(fs::File::create(&err)?);
    let status = match start(command) {
        Ok(mut child) => wait(&mut child, limit)?,
        Err(error) => return Ok(Ended { success: false, status: error.to_string(), stdout: vec![], stderr: vec![] }),
    };
    let success = status.is_some_and(|status| status.success());
    let status = status.map_or_else(|| "no end in time".to_owned(), |status| status.to_string());
    Ok(Ended { success, status, stdout: fs::read(out)?, stderr: fs::read(err)? })
}

/// A child of another thread that has not come to its exec may still hold the file open for writing (ETXTBSY).
fn start(command: &mut Command) -> io::Result<Child> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && Instant::now() < deadline => {
                sleep(Duration::from_millis(5));
            }
            started => return started,
        }
    }
}

fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > deadline {
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                kill_process_group(group, Signal::KILL)?;
            }
            child.wait()?;
            return Ok(None);
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}
