//! The lock of a prefix: one build at a time.
//!
//! A lock of a file beside the prefix, which also says who has it. Commands of a build hold on to it too, so that after a kill it is
//! free only when they are gone. Refused: waiting, where the caller does not want to; told: whom it waits for.

use crate::base::child::Cancel;
use crate::base::hold::{self as base, Hold};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the prefix is not ours.
#[derive(Debug)]
pub enum HoldError {
    /// Another build has it, and we were not to wait.
    Taken {
        /// The prefix's lock.
        path: PathBuf,
        /// Its process, where it is known.
        pid: Option<u32>,
    },
    /// The lock could not be made or written.
    Io {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Asked to stop while waiting.
    Cancelled,
}

impl fmt::Display for HoldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { path, pid } => {
                let who = pid.map_or_else(String::new, |pid| format!(", process {pid}"));
                write!(f, "another build is at work on this prefix{who} (lock {})", path.display())
            }
            Self::Io { path, source } => write!(f, "cannot lock {}: {source}", path.display()),
            Self::Cancelled => write!(f, "asked to stop"),
        }
    }
}

impl std::error::Error for HoldError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// The lock of a prefix: beside it, or in `work` where nothing can be written there.
pub fn place(prefix: &Path, work: &Path) -> PathBuf {
    let name = prefix.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = prefix.with_file_name(format!(".{name}.relocate-lock"));
    let may_write = OpenOptions::new().write(true).create(true).truncate(false).open(&beside).is_ok();
    if may_write { beside } else { work.join("prefix.lock") }
}

/// Takes the lock. Where another has it: gives up, or tells `waiting` its process once and waits.
pub fn hold(
    path: &Path,
    wait: bool,
    cancel: &Cancel,
    waiting: impl FnOnce(Option<u32>),
) -> Result<Arc<File>, HoldError> {
    let mut waiting = Some(waiting);
    let mut waits = |pid| {
        let goes_on = wait && !cancel.is_cancelled();
        if let Some(tell) = waiting.take().filter(|_| goes_on) {
            tell(pid);
        }
        goes_on
    };
    match base::hold(path, &mut waits).map_err(|source| HoldError::Io { path: path.to_owned(), source })? {
        Hold::Ours(file) => Ok(Arc::new(file)),
        Hold::Theirs(_) if wait => Err(HoldError::Cancelled),
        Hold::Theirs(pid) => Err(HoldError::Taken { path: path.to_owned(), pid }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn a_second_build_is_told_who_has_the_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let lock = place(&dir.path().join("p"), dir.path());
        assert_eq!(lock, dir.path().join(".p.relocate-lock"));
        let cancel = Cancel::default();
        let first = hold(&lock, false, &cancel, |_| ()).unwrap();
        let own = std::process::id();
        match hold(&lock, false, &cancel, |_| ()) {
            Err(HoldError::Taken { pid, .. }) => assert_eq!(pid, Some(own)),
            other => panic!("{other:?}"),
        }
        let mut told = None;
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(50));
                drop(first);
            });
            hold(&lock, true, &cancel, |pid| told = pid).unwrap();
        });
        assert_eq!(told, Some(own));
    }

    #[test]
    fn waiting_ends_when_asked_to() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("lock");
        let cancel = Cancel::default();
        let _first = hold(&lock, false, &cancel, |_| ()).unwrap();
        let asked = hold(&lock, true, &cancel, |_| cancel.cancel());
        assert!(matches!(asked, Err(HoldError::Cancelled)));
    }

    #[test]
    fn a_prefix_nobody_may_write_beside_is_locked_in_the_work_directory() {
        assert_eq!(place(Path::new("/nonexistent/dir/p"), Path::new("/w")), Path::new("/w/prefix.lock"));
    }
}
