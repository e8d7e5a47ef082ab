//! Runs a program of a moved tree as if the prefix it was built for did not exist, and tells what it asked for there.
//!
//! Takes a tree, a command and the prefixes to hide; gives how the command ended, what it wrote, which paths below a
//! hidden prefix it asked for, and which files outside the tree it read. Refuses (see [`SmokeError`]) where this process
//! may not trace its children.
//!
//! The first witness is a ptrace supervisor: every system call that takes a path stops the program, the path is resolved
//! in the program's own view, and if its text, its end or any symlink on its way lies at or below a hidden prefix, the
//! call fails with ENOENT and is recorded. What the kernel opens by itself, a script's interpreter and a program's loader,
//! is looked up the same way before each exec. The second, where the kernel allows it, is a mount namespace with an empty
//! file system over each hidden directory.
//!
//! This is a witness, not a sandbox. A program that wants to escape can: another thread may change a path between our
//! look and the kernel's, a descriptor may come from outside over a socket, a process may be cloned with CLONE_UNTRACED
//! (its path calls then fail with ENOSYS, but it outlives the run), a datagram may be sent to a socket below the prefix
//! (sendto and sendmsg are not watched), and a bind mount made before the run gives hidden files another name. The clean
//! environment has no LD_* variable, no controlling terminal and no new privileges: setuid programs run as who calls them.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod supervisor;

use crate::base::path::{Prefix, printable};
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What to run, and what to hide from it.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The root of the tree, where it lies now.
    pub tree: &'a Path,
    /// The program, relative to the tree or absolute, and its arguments.
    pub command: &'a [OsString],
    /// The prefixes the program may not see; they need not exist on this machine.
    pub hidden: &'a [Prefix],
    /// After this long everything that still runs is killed.
    pub timeout: Duration,
    /// Variables beside the clean environment's (PATH, HOME, TMPDIR, LC_ALL, TERM); the same name wins.
    pub env: &'a [(OsString, OsString)],
}

/// What was seen of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// How the command itself ended.
    pub end: End,
    /// What it and its descendants wrote to standard output.
    pub stdout: Captured,
    /// What they wrote to standard error.
    pub stderr: Captured,
    /// Paths at or below a hidden prefix that were asked for; sorted, no duplicates.
    pub asked: Vec<Asked>,
    /// Files outside the tree and the scratch directory that were opened for reading or executed; absolute, sorted, no
    /// duplicates, without those of `kernel_reads`.
    pub host_reads: Vec<Vec<u8>>,
    /// The same for files below `/proc`, `/sys` and `/dev`.
    pub kernel_reads: Vec<Vec<u8>>,
    /// Who hid the prefixes.
    pub witness: Witness,
    /// What limits the proof; sorted, no duplicates.
    pub notes: Vec<Note>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It still ran when time was up, and was killed.
    TimedOut,
    /// The kernel did not start it; the number is of `errno.h`. ENOENT with a path in `asked` means that its interpreter
    /// or loader lies below a hidden prefix.
    NotStarted(i32),
}

/// The first part of an output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// At most 1 MiB.
    pub bytes: Vec<u8>,
    /// Whether more was written.
    pub cut: bool,
}

/// A path below a hidden prefix that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The path, absolute.
    pub path: Vec<u8>,
    /// The system call, by its name in section 2 of the manual.
    pub call: &'static str,
    /// Where that is another: the path the call named, which leads there through a symlink; or the file whose first line
    /// or PT_INTERP names it.
    pub via: Option<Vec<u8>>,
    /// How often.
    pub count: u64,
}

/// Who hid the prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// The ptrace supervisor alone.
    Ptrace,
    /// The supervisor, and a mount namespace beside it.
    PtraceAndNamespace,
}

/// Something that limits what a run proves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// The kernel or the container refused the mount namespace, with this error of `errno.h`.
    NamespaceRefused(i32),
    /// The mount namespace left this prefix bare, because the tree or the scratch directory lies below it.
    NotMasked {
        /// The prefix, absolute.
        prefix: Vec<u8>,
    },
    /// A program made calls by an ABI other than x86-64's and i386's (x32): those were not judged.
    ForeignAbi,
    /// A program asked for io_uring and was told that the kernel has none.
    IoUringRefused,
    /// The arguments of a call could not be read: it was not judged.
    Opaque {
        /// The system call.
        call: &'static str,
    },
    /// A setuid or setgid program was executed: under a tracer it gains no privileges.
    PrivilegesDropped {
        /// Its absolute path.
        program: Vec<u8>,
    },
    /// The command ended by itself, but processes it left behind had to be killed when time was up.
    LeftRunning {
        /// How many.
        processes: usize,
    },
    /// More than 65,536 different paths were met; the lists end there.
    Incomplete,
    /// The scratch directory could not be removed.
    ScratchLeft {
        /// Its absolute path.
        path: PathBuf,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NamespaceRefused(code) => {
                write!(f, "no mount namespace beside the supervisor: {}", io::Error::from_raw_os_error(*code))
            }
            Self::NotMasked { prefix } => {
                write!(f, "{} is hidden by the supervisor alone: the tree or TMPDIR lies below it", printable(prefix))
            }
            Self::ForeignAbi => f.write_str("x32 system calls were made and not watched"),
            Self::IoUringRefused => f.write_str("io_uring was asked for and refused, because it cannot be watched"),
            Self::Opaque { call } => {
                write!(f, "a call of {call} could not be looked into and was let through")
            }
            Self::PrivilegesDropped { program } => {
                write!(f, "{} is setuid or setgid and ran without those privileges", printable(program))
            }
            Self::LeftRunning { processes } => {
                write!(f, "{processes} left-over processes were killed when time was up")
            }
            Self::Incomplete => f.write_str("too many different paths were asked for: the list is incomplete"),
            Self::ScratchLeft { path } => write!(f, "{} could not be removed", path.display()),
        }
    }
}

/// Why there was no run.
#[derive(Debug)]
pub enum SmokeError {
    /// This machine is not x86-64 Linux.
    Unsupported,
    /// The command is empty.
    NoCommand,
    /// The tree is not there.
    NoTree {
        /// Where it was looked for.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The tree has no such program.
    NoProgram {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The tree lies at the very prefix that is to be hidden.
    NotMoved {
        /// The prefix.
        prefix: Prefix,
    },
    /// The scratch directory could not be made.
    Scratch {
        /// Why not.
        source: io::Error,
    },
    /// The program could not be brought to the point of its start.
    Start {
        /// Why not.
        source: io::Error,
    },
    /// Tracing is forbidden here.
    Forbidden {
        /// What the kernel said.
        source: io::Error,
    },
    /// This process is itself traced, with its children.
    AlreadyTraced {
        /// By whom.
        by: i32,
    },
    /// Tracing failed on the way.
    Supervise {
        /// What the kernel said.
        source: io::Error,
    },
}

impl fmt::Display for SmokeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => f.write_str("programs can be run with a path hidden on x86-64 Linux only"),
            Self::NoCommand => f.write_str("there is no command to run"),
            Self::NoTree { path, source } => write!(f, "the tree {} cannot be run: {source}", path.display()),
            Self::NoProgram { path } => write!(f, "there is no program {}", path.display()),
            Self::NotMoved { prefix } => {
                write!(f, "the tree lies at {prefix}, the prefix to hide: a run there proves nothing; move it first")
            }
            Self::Scratch { source } => write!(f, "no scratch directory could be made: {source}"),
            Self::Start { source } => write!(f, "the program could not be prepared for its run: {source}"),
            Self::Forbidden { source } => write!(
                f,
                "the program may not be traced: {source}; help: in a container allow ptrace (docker: a kernel from 4.8 \
                 on, or --cap-add SYS_PTRACE), on a host set kernel.yama.ptrace_scope to 0 or 1"
            ),
            Self::AlreadyTraced { by } => write!(
                f,
                "the program may not be traced, because process {by} (strace, a debugger) traces this one; help: run \
                 it without"
            ),
            Self::Supervise { source } => write!(f, "tracing the program failed: {source}"),
        }
    }
}

impl std::error::Error for SmokeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoTree { source, .. }
            | Self::Scratch { source }
            | Self::Start { source }
            | Self::Forbidden { source }
            | Self::Supervise { source } => Some(source),
            Self::Unsupported
            | Self::NoCommand
            | Self::NoProgram { .. }
            | Self::NotMoved { .. }
            | Self::AlreadyTraced { .. } => None,
        }
    }
}

/// Runs a command of the tree with the prefixes hidden, in a clean environment, in a fresh directory.
///
/// Returns when the command and all it started have ended, or were killed when time was up.
pub fn run(run: &Run<'_>) -> Result<Observed, SmokeError> {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    return supervisor::run(run);
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    {
        let _nothing_to_run = run;
        Err(SmokeError::Unsupported)
    }
}
