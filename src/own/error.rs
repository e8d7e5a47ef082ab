//! Why nothing became of a newer version, and what to do about it. What was in use still is.

use super::trial::Unwell;
use crate::base::digest::Digest;
use crate::base::write::WriteError;
use crate::client::ClientError;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why nothing was changed.
#[derive(Debug)]
pub enum OwnError {
    /// The operating system said no.
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something could not be written.
    Write(WriteError),
    /// The repository could not be followed, or the program did not come.
    Client(ClientError),
    /// The place of the repository cannot be used.
    Open(String),
    /// There is no directory to keep versions in.
    NoHome,
    /// It belongs to another user.
    Foreign(PathBuf),
    /// It is not for this user alone.
    Home {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A record of ours cannot be read.
    Record {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A record of ours was written by a newer version.
    Newer {
        /// Its file.
        path: PathBuf,
        /// The version of its form.
        format: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// What the project pins is not understood.
    Pinned {
        /// The file that says it.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The project says it, and nobody else.
    OfProject(PathBuf),
    /// Nobody said where newer versions come from.
    NoSource,
    /// Trust began with another root here.
    OtherRoot {
        /// The sha256 of the one it began with.
        here: Digest,
        /// The sha256 of the one that was named.
        typed: Digest,
        /// Where the trust is.
        trust: PathBuf,
    },
    /// Another process is at it.
    Busy(Option<u32>),
    /// The channel has no version for this platform.
    Empty {
        /// The channel.
        channel: String,
        /// The platform.
        platform: String,
    },
    /// A version is not well here.
    Unwell {
        /// Which.
        version: String,
        /// Why.
        why: Box<Unwell>,
    },
    /// It is not given up: nothing else was ever in use.
    NothingBefore,
}

impl OwnError {
    /// What to do about it, where we know.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Io { .. } | Self::Open(_) => return None,
            Self::Newer { .. } => "install that version of relocate",
            Self::Record { .. } => "'relocate self update' writes state.json anew; remove another one",
            Self::Write(error) => return error.help(),
            Self::Client(error) => return error.help(),
            Self::NoHome => "set RELOCATE_HOME, or HOME, to a directory where this user may write",
            Self::Foreign(_) | Self::Home { .. } => {
                "run it as the owner of that directory, or name another one with RELOCATE_HOME"
            }
            Self::Pinned { .. } => "mend that line; 'relocate wrapper bump' writes the file",
            Self::OfProject(path) => {
                return Some(format!("change it in '{}', for all who work on the project", path.display()));
            }
            Self::NoSource => {
                "name the repository with --from, and how trust begins with --root-key; both are needed once"
            }
            Self::OtherRoot { trust, .. } => {
                return Some(format!(
                    "leave --root-key out; to begin anew with that root, remove '{}'",
                    trust.display()
                ));
            }
            Self::Busy(_) => "try again when it has ended, or wait for it with --wait",
            Self::Empty { .. } => "name another channel with --channel, or ask the publisher",
            Self::Unwell { why, .. } if why.is_of_program() => "tell the publisher; the version in use stays",
            Self::Unwell { why, .. } if !matches!(**why, Unwell::Start(_)) => {
                "it is tried again; it needs some room, memory and time there"
            }
            Self::Unwell { .. } => {
                "programs must be allowed to start there (mount without noexec); else name another place with RELOCATE_HOME"
            }
            Self::NothingBefore => "the installed program is in use; replace it to have another one",
        };
        Some(text.to_owned())
    }
}

impl fmt::Display for OwnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, source } => write!(f, "cannot {doing} '{}': {source}", path.display()),
            Self::Write(error) => error.fmt(f),
            Self::Client(error) => error.fmt(f),
            Self::Open(why) => f.write_str(why),
            Self::NoHome => f.write_str("there is no directory to keep versions of relocate in"),
            Self::Foreign(path) => write!(f, "'{}' belongs to another user", path.display()),
            Self::Home { path, why } => write!(f, "'{}' cannot be used: {why}", path.display()),
            Self::Record { path, why } | Self::Pinned { path, why } => {
                write!(f, "'{}' cannot be used: {why}", path.display())
            }
            Self::Newer { path, format, known } => {
                let path = path.display();
                write!(f, "'{path}' cannot be used: a newer version wrote it (format {format}, this one knows {known})")
            }
            Self::OfProject(path) => write!(f, "'{}' decides that here", path.display()),
            Self::NoSource => f.write_str("nothing says where newer versions of relocate come from"),
            Self::OtherRoot { here, typed, .. } => {
                write!(f, "trust began here with the root {here}, and --root-key names {typed}")
            }
            Self::Busy(Some(pid)) => write!(f, "process {pid} is fetching a newer relocate"),
            Self::Busy(None) => f.write_str("another process is fetching a newer relocate"),
            Self::Empty { channel, platform } => {
                write!(f, "the channel {channel} has no relocate for {platform}")
            }
            Self::Unwell { version, why } => write!(f, "relocate {version} is not used: {why}"),
            Self::NothingBefore => f.write_str("there is nothing to go back to"),
        }
    }
}

impl std::error::Error for OwnError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Write(source) => Some(source),
            Self::Client(source) => Some(source),
            Self::Unwell { why, .. } => Some(why.as_ref()),
            _ => None,
        }
    }
}

impl From<WriteError> for OwnError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<ClientError> for OwnError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}
