//! Child processes that are run to their end, with what they print.

use std::ffi::OsStr;
use std::io;
use std::process::{Command, Stdio};

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
    let ended = command.args(arguments).stdin(Stdio::null()).env_remove("LD_LIBRARY_PATH").output()?;
    Ok(Finished { success: ended.status.success(), output: [ended.stdout, ended.stderr].concat() })
}
