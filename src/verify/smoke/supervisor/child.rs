//! The program's side of the start: a clean environment before the fork, and between fork and exec the steps that only
//! the process itself can take. Those allocate nothing and lock nothing.
//!
//! The two sides talk over a socket: the child tells its process id, waits to be seized, then tells each step it has
//! taken, so that a failure can be laid at the right door.

use super::filter;
use super::mask::Masks;
use nix::libc::{self, sock_filter, sock_fprog};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Told when the mount namespace is ready.
pub(super) const MASKED: u8 = b'm';
/// Told when nothing but the exec is left.
pub(super) const READY: u8 = b'r';

/// What to start, and where.
#[derive(Debug)]
pub(super) struct Launch {
    /// The program's absolute path.
    pub(super) program: PathBuf,
    /// Its arguments, without its name.
    pub(super) arguments: Vec<OsString>,
    /// The root of the tree.
    pub(super) tree: PathBuf,
    /// A fresh directory with `home`, `tmp` and `cwd` in it.
    pub(super) scratch: PathBuf,
    /// Variables beside the clean environment's; the same name wins.
    pub(super) env: Vec<(OsString, OsString)>,
}

impl Launch {
    /// The command, which talks over `theirs` before it becomes the program; `ours` is the other end, to be closed there.
    pub(super) fn command(&self, theirs: UnixStream, ours: &UnixStream, masks: Option<Masks>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", search_path(&self.tree))
            .env("HOME", self.scratch.join("home"))
            .env("TMPDIR", self.scratch.join("tmp"))
            .env("LC_ALL", "C")
            .env("TERM", "dumb")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.scratch.join("cwd"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut steps = Steps { theirs, ours: ours.as_raw_fd(), masks, filter: filter::program() };
        #[expect(unsafe_code, reason = "the steps make system calls only: no allocation, no lock")]
        unsafe {
            command.pre_exec(move || steps.take());
        }
        command
    }
}

fn search_path(tree: &Path) -> OsString {
    let mut path = tree.join("bin").into_os_string();
    path.push(":/usr/bin:/bin");
    path
}

/// What happens between fork and exec.
struct Steps {
    theirs: UnixStream,
    ours: RawFd,
    masks: Option<Masks>,
    filter: Vec<sock_filter>,
}

impl Steps {
    fn take(&mut self) -> io::Result<()> {
        // With our copy of the other end open, the death of the supervisor would go unnoticed.
        nix::unistd::close(self.ours)?;
        self.theirs.write_all(&std::process::id().to_ne_bytes())?;
        if self.theirs.read(&mut [0])? == 0 {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        // A session of its own: no terminal to be stopped by.
        nix::unistd::setsid()?;
        if let Some(masks) = &self.masks {
            masks.put_on()?;
            self.theirs.write_all(&[MASKED])?;
        }
        close_the_rest();
        install(&mut self.filter)?;
        self.theirs.write_all(&[READY])
    }
}

/// Marks whatever else this process holds open to be closed by the exec. Kernels before 5.11 cannot; then a descriptor
/// that was handed to us without that mark goes on to the program.
fn close_the_rest() {
    #[expect(unsafe_code, reason = "a system call with three numbers")]
    let _best_effort = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 1_u32 << 2) };
}

/// Installs the filter. Giving up new privileges is what allows it to an ordinary user.
fn install(filter: &mut [sock_filter]) -> io::Result<()> {
    let program = sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    let no_more = [1 as libc::c_ulong, 0, 0, 0];
    #[expect(unsafe_code, reason = "numbers, and a program that lives longer than the call")]
    let result = unsafe {
        match libc::prctl(libc::PR_SET_NO_NEW_PRIVS, no_more[0], no_more[1], no_more[2], no_more[3]) {
            0 => libc::prctl(libc::PR_SET_SECCOMP, libc::c_ulong::from(libc::SECCOMP_MODE_FILTER), &raw const program),
            failed => failed,
        }
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
