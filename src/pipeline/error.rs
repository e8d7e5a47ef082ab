//! Why a job could not be done. What the tree itself is at fault for is a finding, not an error.

use crate::base::path::{Prefix, RelPath, printable};
use crate::base::write::WriteError;
use crate::contents::ContentsError;
use crate::pack::{CompareError, PackError, UnpackError};
use crate::plan::Ambiguous;
use crate::scan::ScanError;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a job could not be done.
#[derive(Debug)]
pub enum JobError {
    /// ROOT or part of it cannot be read.
    Scan(ScanError),
    /// Several old prefixes are plausible.
    Ambiguous(Ambiguous),
    /// A file of this machine cannot be read.
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A library that `--bundle` names belongs to the host's own glibc.
    BundlePrivate {
        /// Its soname.
        soname: String,
        /// Where it was found.
        source: PathBuf,
    },
    /// A file of ROOT was another when it was read again.
    Changed {
        /// Which.
        path: RelPath,
    },
    /// Writing the archive failed.
    Pack(PackError),
    /// Reading an archive failed.
    Unpack(UnpackError),
    /// Comparing with the manifest failed.
    Compare(CompareError),
    /// Writing a file failed.
    Write(WriteError),
    /// The path of `--dest` has more bytes than the tree's strings have room for.
    DestTooLong {
        /// The path.
        dest: Prefix,
        /// How many bytes there is room for.
        capacity: u64,
    },
    /// The path of `--dest` has a character that files of some class cannot hold.
    DestCharacter {
        /// The path.
        dest: Prefix,
        /// The class.
        class: String,
        /// The byte.
        byte: u8,
        /// A file of that class.
        file: RelPath,
    },
    /// Programs may not be executed where the tree was copied to.
    NoExec {
        /// The scratch directory.
        scratch: PathBuf,
    },
    /// The rewritten bytes are not what was planned: a fault of ours.
    Bug(String),
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scan(error) => error.fmt(f),
            Self::Ambiguous(error) => error.fmt(f),
            Self::Read { path, error } => {
                write!(f, "cannot read {}: {error}", printable(path.as_os_str().as_encoded_bytes()))
            }
            Self::BundlePrivate { soname, source } => {
                write!(
                    f,
                    "will not bundle {soname} ({}): it needs GLIBC_PRIVATE and works with this machine's glibc only",
                    source.display()
                )
            }
            Self::Changed { path } => write!(f, "{path} changed while it was being packed"),
            Self::Pack(error) => error.fmt(f),
            Self::Unpack(error) => error.fmt(f),
            Self::Compare(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
            Self::DestTooLong { dest, capacity } => {
                let len = dest.as_bytes().len();
                write!(f, "--dest {dest}: {len} bytes, and the tree's files have room for {capacity}")
            }
            Self::DestCharacter { dest, class, byte, file } => {
                let shown = printable(std::slice::from_ref(byte)).into_owned();
                write!(f, "--dest {dest}: '{shown}' cannot stand in {class} files such as {file}")
            }
            Self::NoExec { scratch } => {
                write!(f, "programs cannot be run in {}: its file system is mounted noexec", scratch.display())
            }
            Self::Bug(what) => write!(f, "fault in relocate itself: {what}"),
        }
    }
}

impl std::error::Error for JobError {}

impl JobError {
    /// The judge finds in the result what the plan ruled out.
    pub fn broken_promise() -> Self {
        Self::Bug("the rewritten files do not keep what the plan promised".to_owned())
    }

    /// What to do about it, where we know.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Ambiguous(error) => {
                let first = error.candidates.first()?;
                Some(format!("say which with --old-prefix {} (it may be given more than once)", first.prefix))
            }
            Self::BundlePrivate { soname, .. } => Some(format!("--allow-lib '{soname}' takes the target's own")),
            Self::Changed { .. } => Some("stop whatever writes to the tree and run again".to_owned()),
            Self::Write(error) => error.help(),
            Self::DestTooLong { capacity, .. } => Some(format!(
                "take a path of at most {capacity} bytes, or build the prefix at a longer path: 64 bytes are a good length"
            )),
            Self::DestCharacter { .. } => Some("take a path of letters, digits and /._-+".to_owned()),
            Self::NoExec { .. } => Some("set TMPDIR to a directory on another file system".to_owned()),
            Self::Bug(_) => Some("please report it with the file it names; nothing was written".to_owned()),
            _ => None,
        }
    }
}

impl From<ScanError> for JobError {
    fn from(error: ScanError) -> Self {
        Self::Scan(error)
    }
}

impl From<ContentsError> for JobError {
    fn from(ContentsError { path, error }: ContentsError) -> Self {
        Self::Read { path, error }
    }
}

impl From<Ambiguous> for JobError {
    fn from(error: Ambiguous) -> Self {
        Self::Ambiguous(error)
    }
}

impl From<PackError> for JobError {
    fn from(error: PackError) -> Self {
        Self::Pack(error)
    }
}

impl From<UnpackError> for JobError {
    fn from(error: UnpackError) -> Self {
        Self::Unpack(error)
    }
}

impl From<CompareError> for JobError {
    fn from(error: CompareError) -> Self {
        Self::Compare(error)
    }
}

impl From<WriteError> for JobError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}
