//! What could not be fetched: every file at once, where it was looked for, why that failed, and where a person may put it.

use super::{Distfile, Wrong};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A place that was asked for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Its address, without passwords.
    pub url: String,
    /// Why the file did not come from there.
    pub reason: String,
}

/// A file that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub file: Distfile,
    /// Where it belongs.
    pub place: PathBuf,
    /// How the file that is there is wrong, where one is.
    pub found: Option<Wrong>,
    /// Where it was looked for, in that order.
    pub tried: Vec<Tried>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.path())?;
        if let Some(size) = self.file.size {
            write!(f, ", {size} bytes")?;
        }
        if !self.file.needed_by.is_empty() {
            write!(f, " (needed by {})", self.file.needed_by.join(", "))?;
        }
        if let Some(wrong) = &self.found {
            write!(f, "\n    {}: {wrong}", self.place.display())?;
        }
        let mut told: Vec<&str> = Vec::new();
        for Tried { url, reason } in &self.tried {
            if told.contains(&reason.as_str()) {
                continue;
            }
            told.push(reason);
            let same: Vec<&str> =
                self.tried.iter().filter(|other| other.reason == *reason).map(|other| other.url.as_str()).collect();
            // Old trees name a dozen sites that all fail for one reason.
            match same.len() {
                1 => write!(f, "\n    {url}: {reason}")?,
                _ => write!(f, "\n    {reason}:\n      {}", same.join("\n      "))?,
            }
        }
        if self.tried.is_empty() {
            write!(f, "\n    the tree names no site for it")?;
        }
        write!(f, "\n    help: put it at {}", self.place.display())
    }
}

/// Why not every file is there.
#[derive(Debug)]
pub enum FetchError {
    /// These are missing, in the order of the files; never empty.
    Missing {
        /// Which.
        missing: Vec<Missing>,
        /// Of how many.
        of: usize,
    },
    /// The directory of source archives could not be read or written.
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Asked to stop.
    Cancelled,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { missing, of } => {
                let files = if *of == 1 { "file is" } else { "files are" };
                write!(f, "{} of {of} {files} missing", missing.len())?;
                missing.iter().try_for_each(|one| write!(f, "\n  {one}"))
            }
            Self::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
            Self::Cancelled => write!(f, "asked to stop"),
        }
    }
}

impl std::error::Error for FetchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_failed_for_one_reason_are_told_together() {
        let tried = |url: &str, reason: &str| Tried { url: url.to_owned(), reason: reason.to_owned() };
        let file = Distfile {
            name: "a.tgz".to_owned(),
            subdir: "s".to_owned(),
            size: None,
            checksums: Vec::new(),
            urls: Vec::new(),
            needed_by: Vec::new(),
        };
        let tried = vec![tried("ftp://a", "no ftp"), tried("http://b", "gone"), tried("ftp://c", "no ftp")];
        let missing = Missing { file, place: "/d/s/a.tgz".into(), found: None, tried };
        assert_eq!(
            missing.to_string(),
            "s/a.tgz\n    no ftp:\n      ftp://a\n      ftp://c\n    http://b: gone\n    help: put it at /d/s/a.tgz"
        );
    }
}
