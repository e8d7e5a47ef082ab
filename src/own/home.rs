//! Where versions of the program are kept: `$RELOCATE_HOME`, else `$XDG_DATA_HOME/relocate`, else `~/.local/share/relocate`.
//!
//! ```text
//! HOME/tool/          what a user follows; HOME/tool-of/SHA256/ the same for what a project pins
//!   source.json       where versions come from, and how
//!   state.json        which copy is entered, which are bad, when the repository was last asked
//!   trust/            what is trusted of the repository
//!   copies/SHA256/relocate
//!   entering/         a mark for each process that is on its way into a copy
//!   cache/            what is being fetched
//!   lock, audit.jsonl
//! ```
//!
//! Whoever can write there can have programs run as that user, so it must be that user's, and writable by nobody else.

use super::error::OwnError;
use crate::base::hold::{self, Hold};
use crate::base::write::{Parents, WriteError};
use rustix::fs::{Mode, OFlags};
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The directory of marks.
pub(super) const ENTERING: &str = "entering";

/// What variables of the environment say.
pub type Variable<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// The directory of the program for this user; none where nothing says where that is.
pub(super) fn home(variable: &Variable<'_>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("RELOCATE_HOME")
        .or_else(|| Some(absolute("XDG_DATA_HOME")?.join("relocate")))
        .or_else(|| Some(absolute("HOME")?.join(".local/share/relocate")))
}

/// Opens a file. Anything else is refused at once: nobody may ever write to a pipe.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::new(NO_FILE, "it is no regular file")) }
}

/// What is wrong where something is no regular file.
pub(super) const NO_FILE: io::ErrorKind = io::ErrorKind::InvalidInput;

/// Reads a file of at most so many bytes.
pub(super) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_open(open(path)?, most)
}

/// The same for one that is open.
pub(super) fn read_open(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file.take(most + 1).read_to_end(&mut bytes)? as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {most} bytes")));
    }
    Ok(bytes)
}

/// A directory of versions.
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

impl Home {
    /// One at this path, which need not be there.
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn copies(&self) -> PathBuf {
        self.0.join("copies")
    }

    pub(super) fn entering(&self) -> PathBuf {
        self.0.join(ENTERING)
    }

    pub(super) fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    pub(super) fn trust(&self) -> PathBuf {
        self.0.join("trust")
    }

    pub(super) fn audit(&self) -> PathBuf {
        self.0.join("audit.jsonl")
    }

    /// Whether what is there may be acted on: false where nothing is there, an error where it is not ours alone.
    pub(super) fn is_ours(&self) -> Result<bool, OwnError> {
        let found = match fs::metadata(&self.0) {
            Ok(found) => found,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(false);
            }
            Err(source) => return Err(OwnError::Io { doing: "look at", path: self.0.clone(), source }),
        };
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(OwnError::Foreign(self.0.clone()));
        }
        if found.mode() & 0o022 != 0 {
            return Err(OwnError::Home { path: self.0.clone(), why: "others can write in it" });
        }
        Ok(true)
    }

    /// Makes it, for its owner alone. Root makes nothing in the home of somebody else, as `sudo` would have it.
    pub(super) fn make(&self) -> Result<(), OwnError> {
        if self.is_ours()? {
            return Ok(());
        }
        let user = rustix::process::geteuid();
        let above = self.0.ancestors().find_map(|above| fs::metadata(above).ok());
        if user.is_root() && above.is_some_and(|above| above.uid() != user.as_raw()) {
            return Err(OwnError::Home { path: self.0.clone(), why: "it is in a directory of another user" });
        }
        Parents::make(&self.0.join("any"))?.keep();
        let shut = fs::set_permissions(&self.0, Permissions::from_mode(0o700));
        shut.map_err(WriteError::io("set the mode of", &self.0))?;
        Ok(())
    }

    /// Keeps others out; where somebody else is at it, `waits` is asked again and again whether to try once more.
    pub(super) fn hold(&self, waits: &mut dyn FnMut(Option<u32>) -> bool) -> Result<File, OwnError> {
        let path = self.0.join("lock");
        match hold::hold(&path, waits) {
            Ok(Hold::Ours(file)) => Ok(file),
            Ok(Hold::Theirs(pid)) => Err(OwnError::Busy(pid)),
            Err(source) => Err(OwnError::Io { doing: "lock", path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_an_absolute_path_says_where_it_is() {
        let at = |pairs: &[(&str, &str)]| {
            let find = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
            home(&find).map(|home| home.display().to_string())
        };
        assert_eq!(at(&[("RELOCATE_HOME", "/r"), ("HOME", "/h")]).as_deref(), Some("/r"));
        assert_eq!(at(&[("XDG_DATA_HOME", "/x"), ("HOME", "/h")]).as_deref(), Some("/x/relocate"));
        assert_eq!(
            at(&[("RELOCATE_HOME", ""), ("XDG_DATA_HOME", "x"), ("HOME", "/h")]).as_deref(),
            Some("/h/.local/share/relocate")
        );
        assert_eq!(at(&[("RELOCATE_HOME", "r")]), None);
        assert_eq!(at(&[]), None);
    }
}
