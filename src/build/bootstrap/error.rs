//! Why there is no prefix: refused before the start, or failed with its log.

use crate::base::path::printable;
use crate::base::write::WriteError;
use crate::build::tree::TreeError;
use crate::build::usage::UsageError;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Why there is no prefix.
#[derive(Debug)]
pub enum BootstrapError {
    /// It was not started; all reasons at once.
    Refused(Vec<Refusal>),
    /// Its usage text could not be had.
    Usage(UsageError),
    /// A program could not be run.
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process bootstraps in this work directory.
    Busy(PathBuf),
    /// It ran and failed.
    Failed(Box<Failure>),
    /// We were asked to stop.
    Cancelled,
    /// A file of ours could not be written.
    Write(WriteError),
}

/// A bootstrap that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How it ended, such as `exited with status 1`.
    pub ended: String,
    /// The first line that says what went wrong, where there is one.
    pub cause: Option<String>,
    /// The last lines of its output, at most twenty.
    pub last: Vec<String>,
    /// Its whole output.
    pub log: PathBuf,
    /// What to type to run it again by hand.
    pub command: String,
}

/// Why it was not started.
#[derive(Debug)]
pub enum Refusal {
    /// An argument is wrong.
    Argument(UsageError),
    /// A path has a character that bootstrap refuses, or the makefiles would trip over.
    Letters {
        /// Which path, such as `the prefix`.
        what: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// The prefix is, or lies below, a symlink.
    Symlink {
        /// As it was given.
        prefix: PathBuf,
        /// Where that really is.
        real: PathBuf,
    },
    /// The prefix cannot be made or written in.
    NotWritable {
        /// The prefix, or the nearest directory above it that is there.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The prefix contains the work directory or the tree.
    Inside {
        /// What lies in the prefix.
        what: &'static str,
        /// Where.
        path: PathBuf,
    },
    /// Only root may bootstrap a prefix that is not unprivileged.
    NotRoot,
    /// The environment has a variable that bootstrap refuses or that has a field.
    Variable {
        /// The variable.
        name: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// The prefix has files, and none of a bootstrap.
    Occupied {
        /// The prefix.
        prefix: PathBuf,
        /// Some of what is there.
        names: Vec<String>,
    },
    /// The prefix was bootstrapped by somebody else, or from another work directory.
    Foreign {
        /// The prefix.
        prefix: PathBuf,
    },
    /// The prefix was bootstrapped from here with something else.
    Other {
        /// The prefix.
        prefix: PathBuf,
        /// What differs: the field, then what it was, then what it would be.
        differs: Vec<(String, String, String)>,
    },
    /// Bootstrap's own directory is there and not ours.
    WorkTaken(PathBuf),
    /// The tree could not be read.
    Tree(TreeError),
}

fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_bytes()).into_owned()
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(wrong) => write!(f, "{wrong}"),
            Self::Letters { what, path } => write!(
                f,
                "{what} '{}' has characters other than letters, digits and '-', '_', '.', '/', which bootstrap refuses",
                shown(path)
            ),
            Self::Symlink { prefix, real } => {
                write!(f, "prefix '{}' leads through a symlink to '{}'", shown(prefix), shown(real))
            }
            Self::NotWritable { path, source } => write!(f, "the prefix cannot be made in '{}': {source}", shown(path)),
            Self::Inside { what, path } => write!(f, "{what} '{}' lies inside the prefix", shown(path)),
            Self::NotRoot => f.write_str("only root may bootstrap a prefix that is not unprivileged"),
            Self::Variable { name, .. } => write!(f, "the environment sets {name}"),
            Self::Occupied { prefix, names } => {
                write!(f, "prefix '{}' is no bootstrap and not empty: it has {}", shown(prefix), names.join(", "))
            }
            Self::Foreign { prefix } => {
                write!(f, "prefix '{}' holds a bootstrap that was not made from this work directory", shown(prefix))
            }
            Self::Other { prefix, differs } => {
                write!(f, "prefix '{}' was bootstrapped with something else:", shown(prefix))?;
                let mut sign = "";
                for (field, was, is) in differs {
                    write!(f, "{sign} {field} was '{was}' and is '{is}'")?;
                    sign = ";";
                }
                Ok(())
            }
            Self::WorkTaken(path) => write!(f, "bootstrap's work directory '{}' is there and not ours", shown(path)),
            Self::Tree(error) => write!(f, "{error}"),
        }
    }
}

impl Refusal {
    /// What to do about it, where we know.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Argument(wrong) => return wrong.help(),
            Self::Letters { .. } => "take another path, such as one below /opt".to_owned(),
            Self::Symlink { real, .. } => format!("name the prefix '{}'", shown(real)),
            Self::NotWritable { path, .. } => {
                format!("make it first: mkdir -p {0} && chown $(id -u) {0}; or name another prefix", shown(path))
            }
            Self::Inside { what, .. } => format!("move {what} elsewhere: everything in the prefix is packed"),
            Self::NotRoot => "set unprivileged = true, or run as root".to_owned(),
            Self::Variable { help, .. } => (*help).to_owned(),
            Self::Occupied { .. } => "name another prefix, or empty this one".to_owned(),
            Self::Foreign { prefix } => {
                format!("name the work directory it was made from, or start afresh: rm -rf {}", shown(prefix))
            }
            Self::Other { prefix, .. } => {
                format!("undo that change, name another prefix, or start afresh: rm -rf {}", shown(prefix))
            }
            Self::WorkTaken(path) => format!("remove it if nobody needs it: rm -rf {}", shown(path)),
            Self::Tree(error) => return error.help(),
        })
    }
}

impl fmt::Display for BootstrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusals) => {
                let texts: Vec<_> = refusals.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join("\n"))
            }
            Self::Usage(source) => write!(f, "{source}"),
            Self::Start { program, source } => write!(f, "cannot run '{}': {source}", shown(program)),
            Self::Busy(work) => write!(f, "another process bootstraps in '{}'", shown(work)),
            Self::Failed(failure) => write!(f, "{failure}"),
            Self::Cancelled => f.write_str("bootstrap was stopped"),
            Self::Write(source) => write!(f, "{source}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ended, cause, last, log, command } = self;
        write!(f, "bootstrap {ended}: {}", cause.as_deref().unwrap_or("its output does not say why"))?;
        for line in last {
            write!(f, "\n  {line}")?;
        }
        write!(f, "\nlog: {}\nagain: {command}", shown(log))
    }
}

impl std::error::Error for BootstrapError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Usage(source) => Some(source),
            Self::Start { source, .. } => Some(source),
            Self::Write(source) => Some(source),
            Self::Refused(_) | Self::Busy(_) | Self::Failed(_) | Self::Cancelled => None,
        }
    }
}

impl BootstrapError {
    /// What to do about it, where we know.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Refused(refusals) => {
                let texts: Vec<_> = refusals.iter().filter_map(Refusal::help).collect();
                (!texts.is_empty()).then(|| texts.join("\n"))
            }
            Self::Usage(source) => source.help(),
            Self::Busy(_) => Some("wait for it, or name another work directory".to_owned()),
            Self::Write(source) => source.help(),
            Self::Start { .. } | Self::Failed(_) | Self::Cancelled => None,
        }
    }
}
