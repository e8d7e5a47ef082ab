//! Called as `patchelf` or `chrpath`, through a link of that name, the program speaks their language.
//!
//! What scripts look at is theirs: options, standard output, exit codes. How the file is written is ours: the ladder, a
//! self-check, a new file in the place of the old one in one step.

mod chrpath;
mod patchelf;

use crate::base::path::printable;
use crate::pipeline::single::{Decision, SingleError, Subject};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A program whose options are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// patchelf(1).
    Patchelf,
    /// chrpath(1).
    Chrpath,
}

/// Looks at the program's own name.
pub(super) fn called_as(arguments: &[OsString]) -> Option<Peer> {
    match Path::new(arguments.first()?).file_name()?.to_str()? {
        "patchelf" => Some(Peer::Patchelf),
        "chrpath" => Some(Peer::Chrpath),
        _ => None,
    }
}

/// Does what the peer would do; `arguments` has the program's name first.
pub(super) fn run(peer: Peer, arguments: &[OsString]) -> ExitCode {
    let arguments = arguments.get(1..).unwrap_or_default();
    match peer {
        Peer::Patchelf => patchelf::run(arguments),
        Peer::Chrpath => chrpath::run(arguments),
    }
}

/// Puts a decided change on the disk, in the place of the file, and tells on stderr which names it leaves behind.
fn replace(peer: &str, subject: &Subject, decision: &Decision, names: &[PathBuf]) -> Result<(), SingleError> {
    let split = subject.split(decision, names);
    subject.replace(decision, names)?;
    if let Some(finding) = split {
        let name = printable(subject.path().as_os_str().as_bytes());
        super::report::talk(&format!("{peer}: warning: {name} {}\n", finding.found));
    }
    Ok(())
}

/// Prints why one file was not done.
fn complain(peer: &str, file: &Path, error: &SingleError) {
    let help = error.help().map_or(String::new(), |help| format!("; {help}"));
    super::report::talk(&format!("{peer}: {}: {error}{help}\n", printable(file.as_os_str().as_bytes())));
}
