//! Another program goes on in the place of this one: the same process, arguments and environment (execve(2)).
//!
//! Not [`std::process::Command`], which would set signals back that whoever started us had set.

use rustix::process::{getegid, geteuid, getgid, getuid};
use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The key of the auxiliary vector (linux/auxvec.h).
const AT_SECURE: u64 = 23;

/// Enters a program, with all arguments (the name first) and the whole environment, one variable changed. Comes back only where
/// that failed, with the reason.
pub fn enter(program: &Path, arguments: &[OsString], variable: (&str, &OsStr)) -> io::Error {
    let name = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::from);
    let pair = |name: &OsStr, value: &OsStr| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat());
    let all = || {
        let program = name(program.as_os_str().as_bytes())?;
        let arguments = arguments.iter().map(|argument| name(argument.as_bytes())).collect::<io::Result<Vec<_>>>()?;
        let others = env::vars_os().filter(|(name, _)| name != variable.0);
        let changed = (OsString::from(variable.0), variable.1.to_owned());
        let variables = others.chain([changed]).map(|(name, value)| pair(&name, &value).map_err(io::Error::from));
        let variables = variables.collect::<io::Result<Vec<_>>>()?;
        match nix::unistd::execve(&program, &arguments, &variables) {
            Ok(never) => match never {},
            Err(error) => Err(io::Error::from(error)),
        }
    };
    let failed: io::Result<std::convert::Infallible> = all();
    match failed {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// Lets a program that is entered have an open file. Its number tells which.
pub fn inherit(file: &File) -> io::Result<i32> {
    use std::os::fd::AsRawFd;
    rustix::io::fcntl_setfd(file, rustix::io::FdFlags::empty())?;
    Ok(file.as_raw_fd())
}

/// Closes a file that was had from the program before, by its number.
pub fn disown(number: i32) {
    // One that is not open is as good as closed.
    let _ = nix::unistd::close(number);
}

/// Whether whoever started this process has fewer rights than it (setuid, setgid, capabilities of the file): what they say is not
/// to be acted on. The kernel says it in the auxiliary vector (getauxval(3), AT_SECURE); without /proc users and groups do.
pub fn has_borrowed_rights() -> bool {
    let users = getuid() != geteuid() || getgid() != getegid();
    let vector = fs::read("/proc/self/auxv").unwrap_or_default();
    let word = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).ok();
    let mut pairs = vector.chunks_exact(16).filter_map(|pair| word(&pair[..8]).zip(word(&pair[8..])));
    users || pairs.any(|(kind, value)| kind == AT_SECURE && value != 0)
}
