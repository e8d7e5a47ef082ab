//! One system call at its entry: what its registers and the memory behind them say.
//!
//! Takes a row of the table and a stopped thread, gives texts, start directories and manners of look-up. Refuses, by
//! [`Stop`], what cannot be read.

use super::calls::{Call, Follow, Kind, PathArg};
use super::memory;
use super::view::View;
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use std::io;

/// RESOLVE_IN_ROOT of `linux/openat2.h`.
const RESOLVE_IN_ROOT: u64 = 0x10;

/// One call at its entry.
pub(super) struct Scene {
    /// The stopped thread.
    pub(super) tid: Pid,
    /// The call's row.
    pub(super) call: &'static Call,
    /// Its arguments.
    pub(super) args: [u64; 6],
    /// The thread's view of the file system.
    pub(super) view: View,
}

/// Why a call cannot be judged further.
pub(super) enum Stop {
    /// It meets a hidden path, which is recorded.
    Hidden,
    /// The kernel will refuse it on its own.
    Futile,
    /// Its arguments or its surroundings cannot be read.
    Opaque,
}

impl From<Errno> for Stop {
    fn from(error: Errno) -> Self {
        match error {
            Errno::EFAULT | Errno::ENAMETOOLONG | Errno::ESRCH => Self::Futile,
            _ => Self::Opaque,
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        error.raw_os_error().map_or(Self::Opaque, |code| match Errno::from_raw(code) {
            // The thread was killed meanwhile.
            Errno::ENOENT | Errno::ESRCH => Self::Futile,
            _ => Self::Opaque,
        })
    }
}

/// How a path argument is meant.
pub(super) struct Manner {
    /// Looks through a symlink at the end.
    pub(super) follow: bool,
    /// The start directory is the root.
    pub(super) in_root: bool,
    /// Opens a file (no directory, no O_PATH) for reading.
    pub(super) reads: bool,
}

impl Scene {
    /// The text of a path argument; `None` for a null pointer, which some calls take for "the descriptor itself".
    pub(super) fn text(&self, argument: &PathArg) -> Result<Option<Vec<u8>>, Stop> {
        match self.args[argument.text] {
            0 => Ok(None),
            address => Ok(Some(memory::path(self.tid, address)?)),
        }
    }

    /// The directory a path starts at; any where the path is absolute.
    pub(super) fn start(&self, argument: &PathArg, text: &[u8]) -> Result<Vec<u8>, Stop> {
        let needed = !text.starts_with(b"/") || matches!(argument.follow, Follow::OpenHow(_));
        if !needed {
            return Ok(b"/".to_vec());
        }
        self.directory(argument.dir.map(|dir| self.args[dir] as i32))
    }

    /// The directory of a descriptor argument, or the current one.
    pub(super) fn directory(&self, descriptor: Option<i32>) -> Result<Vec<u8>, Stop> {
        self.view.directory(descriptor)?.ok_or(Stop::Futile)
    }

    /// What the call does with the path.
    pub(super) fn manner(&self, follow: Follow) -> Result<Manner, Stop> {
        let plain = |follow| Manner { follow, in_root: false, reads: false };
        Ok(match follow {
            // creat opens for writing only.
            Follow::Always => plain(true),
            Follow::Never => plain(false),
            Follow::Unless(argument, bit) => plain(self.args[argument] & bit == 0),
            Follow::OnlyWith(argument, bit) => plain(self.args[argument] & bit != 0),
            Follow::Open(argument) => Manner::of_open(self.args[argument], 0),
            Follow::OpenHow(argument) => {
                let how = memory::exactly(self.tid, self.args[argument], 24)?;
                Manner::of_open(word(&how, 0), word(&how, 16))
            }
        })
    }

    /// The path of a UNIX socket address; `None` for other families and for abstract names.
    pub(super) fn socket_path(&self) -> Result<Option<Vec<u8>>, Stop> {
        let (address, len) = match self.call.kind {
            Kind::Socket => (self.args[1], self.args[2]),
            Kind::SocketCall if matches!(self.args[0], 2 | 3) => {
                let args = memory::exactly(self.tid, self.args[1], 12)?;
                (u64::from(half(&args, 4)), u64::from(half(&args, 8)))
            }
            _ => return Ok(None),
        };
        let size = size_of::<libc::sockaddr_un>();
        let len = usize::try_from(len).unwrap_or(size).min(size);
        if len <= 2 {
            return Ok(None);
        }
        let bytes = memory::exactly(self.tid, address, len)?;
        let unix = bytes.first().copied().map(u16::from) == Some(libc::AF_UNIX as u16) && bytes.get(1) == Some(&0);
        let path = bytes[2..].split(|byte| *byte == 0).next().unwrap_or_default();
        Ok((unix && !path.is_empty()).then(|| path.to_vec()))
    }
}

impl Manner {
    fn of_open(flags: u64, resolve: u64) -> Self {
        let has = |bits: i32| flags & u64::from(bits.cast_unsigned()) == u64::from(bits.cast_unsigned());
        let writes_only = flags & libc::O_ACCMODE as u64 == libc::O_WRONLY as u64;
        Self {
            follow: !has(libc::O_NOFOLLOW) && !has(libc::O_CREAT | libc::O_EXCL),
            in_root: resolve & RESOLVE_IN_ROOT != 0,
            reads: !writes_only && !has(libc::O_PATH) && !has(libc::O_DIRECTORY),
        }
    }
}

/// The 64-bit number at `at`; zero beyond the end.
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_ne_bytes)
}

/// The 32-bit number at `at`; zero beyond the end.
fn half(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes)
}
