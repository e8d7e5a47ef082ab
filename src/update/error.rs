//! Why an update was not done, and what to do about it. What was current still is.

use super::room::Short;
use super::trial::Failed;
use crate::base::digest::Digest;
use crate::base::finding::Finding;
use crate::base::write::WriteError;
use crate::client::ClientError;
use crate::install::InstallError;
use crate::live::{LiveError, Serial};
use crate::objects::OpenError;
use crate::pack::CompareError;
use crate::parcel::ParcelError;
use crate::release::Never;
use crate::tuf::Why;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why nothing was changed.
#[derive(Debug)]
pub enum UpdateError {
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
    /// The directory of releases cannot be used.
    Live(LiveError),
    /// The path of releases can stand in no file.
    Place(PathBuf),
    /// Our own settings are not what was written.
    Settings {
        /// Their file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Nobody said where releases come from.
    NoSource(PathBuf),
    /// The directory follows a repository, and something else was to put releases into it.
    Followed {
        /// The directory.
        root: PathBuf,
        /// The repository, as it may be shown.
        from: String,
    },
    /// The repository could not be followed, or a file of it did not come.
    Client(ClientError),
    /// Trust began with another root here.
    OtherRoot {
        /// The sha256 of the one it began with.
        here: Digest,
        /// The sha256 of the one that was named.
        typed: Digest,
        /// Where the trust is.
        trust: PathBuf,
    },
    /// The place of the repository cannot be used.
    Open(OpenError),
    /// Requests cannot be made as they are to be made.
    Reach(String),
    /// What was trusted is damaged, and so is what was trusted before.
    Trust(Why),
    /// The directory has releases of another application.
    OtherApp {
        /// The one it has.
        here: String,
        /// The one that was named.
        typed: String,
    },
    /// The repository does not have the application for this platform, or it has several and none was named.
    NoApp {
        /// The one that was named.
        typed: Option<String>,
        /// The platform.
        platform: String,
        /// Those it has for this platform.
        found: Vec<String>,
    },
    /// The newest release cannot come.
    Never {
        /// Why.
        why: Never,
        /// The channel.
        channel: String,
    },
    /// The newest release wants a newer version of this program.
    Tool {
        /// The release.
        serial: u32,
        /// The oldest version that can install it.
        wants: String,
        /// The version of this one.
        have: String,
    },
    /// There is no room.
    Room(Short),
    /// The archive could not be installed.
    Install(InstallError),
    /// The release could not be built from an installed one.
    Parcel(ParcelError),
    /// A release could not be compared with its manifest.
    Compare(CompareError),
    /// A release is not what its manifest says.
    Differs {
        /// The release.
        serial: Serial,
        /// What is different.
        findings: Vec<Finding>,
    },
    /// The release that is to be gone back to is the current one.
    Current(Serial),
    /// What may be run here is not understood.
    Policy {
        /// The file that says it.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The release wants something to be run that may not be.
    Denied {
        /// The command.
        command: String,
        /// The file that says what may be run.
        policy: PathBuf,
    },
    /// A release is current, and what takes it into use or asks whether it is well failed.
    Unwell {
        /// The release.
        serial: Serial,
        /// What failed.
        failed: Failed,
    },
    /// We were asked to stop.
    Cancelled,
}

impl UpdateError {
    /// What to do about it, where we know.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Write(error)
            | Self::Install(InstallError::Write(error))
            | Self::Parcel(ParcelError::Write(error)) => return error.help(),
            Self::Live(error) => return error.help(),
            Self::Place(_) => "choose a directory whose path has no newline and is not the root",
            Self::Settings { path, .. } => {
                return Some(format!(
                    "remove '{}' and run it with --from again; what is trusted stays",
                    path.display()
                ));
            }
            Self::NoSource(_) => "name the repository with --from URL or --from DIR",
            Self::Followed { .. } => "name another directory: serials here are the repository's",
            Self::Client(error) => return error.help(),
            Self::OtherRoot { trust, .. } => {
                return Some(format!(
                    "leave --root-key out; to begin anew with that root, remove '{}'",
                    trust.display()
                ));
            }
            Self::Open(_) => "write a directory, http://HOST/DIR, https://HOST/DIR or s3://BUCKET/DIR",
            Self::Trust(why) => return why.help().map(str::to_owned),
            Self::OtherApp { .. } => "use another directory for another application",
            Self::NoApp { found, .. } if found.is_empty() => "look at the address and at the platform",
            Self::NoApp { .. } => "name one of them with --app",
            Self::Never { why: Never::Empty, .. } => "name another channel with --channel, or ask the publisher",
            Self::Never { why: Never::TooLong { .. }, .. }
            | Self::Install(InstallError::Misfit(_))
            | Self::Parcel(ParcelError::Misfit(_)) => "use a directory with a shorter path",
            Self::Policy { .. } => {
                "write 'hooks = true' or 'hooks = false', and 'programs = [\"/usr/bin/systemctl\"]' for what releases may run of the machine's programs"
            }
            Self::Denied { policy, .. } => {
                return Some(format!(
                    "allow it in '{}', or update with --no-hooks and do yourself what it is for",
                    policy.display()
                ));
            }
            Self::Unwell { .. } => "look at the service; 'relocate rollback --to SERIAL' goes to another release",
            Self::Cancelled => "run it again: it goes on where it stopped",
            Self::Io { .. } | Self::Reach(_) | Self::Compare(_) | Self::Never { .. } => return None,
            Self::Tool { .. } => "install a newer relocate, then run it again",
            Self::Room(_) => "make room there, or use a directory on another file system",
            Self::Install(_) | Self::Parcel(_) => "tell the publisher: the archive is what was signed",
            Self::Differs { .. } => "choose another release with --to; an update fetches this one anew",
            Self::Current(_) => "there is nothing to do",
        };
        Some(text.to_owned())
    }
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, source } => write!(f, "cannot {doing} '{}': {source}", path.display()),
            Self::Write(error) => error.fmt(f),
            Self::Live(error) => error.fmt(f),
            Self::Place(path) => write!(f, "releases cannot be at '{}'", path.display()),
            Self::Settings { path, why } | Self::Policy { path, why } => {
                write!(f, "'{}' cannot be used: {why}", path.display())
            }
            Self::NoSource(path) => write!(f, "nothing says where the releases of '{}' come from", path.display()),
            Self::Followed { root, from } => {
                write!(f, "'{}' follows the repository {from}, and has its releases alone", root.display())
            }
            Self::Client(error) => error.fmt(f),
            Self::OtherRoot { here, typed, .. } => {
                write!(f, "trust began here with the root {here}, and --root-key names {typed}")
            }
            Self::Open(error) => error.fmt(f),
            Self::Reach(why) => f.write_str(why),
            Self::Trust(why) => why.fmt(f),
            Self::OtherApp { here, typed } => write!(f, "this directory has releases of {here}, not of {typed}"),
            Self::NoApp { typed: Some(app), platform, found } if found.is_empty() => {
                write!(f, "the repository has no {app} for {platform}, nor anything else for it")
            }
            Self::NoApp { typed: Some(app), platform, found } => {
                write!(f, "the repository has no {app} for {platform}; it has {}", found.join(", "))
            }
            Self::NoApp { typed: None, platform, found } if found.is_empty() => {
                write!(f, "the repository has nothing for {platform}")
            }
            Self::NoApp { typed: None, platform, found } => {
                write!(f, "the repository has several applications for {platform}: {}", found.join(", "))
            }
            Self::Never { why: Never::Empty, channel } => write!(f, "the channel {channel} has no release"),
            Self::Never { why, .. } => why.fmt(f),
            Self::Tool { serial, wants, have } => {
                write!(f, "release {serial} wants relocate {wants} or newer, and this is {have}")
            }
            Self::Room(short) => short.fmt(f),
            Self::Install(error) => error.fmt(f),
            Self::Parcel(error) => error.fmt(f),
            Self::Compare(error) => error.fmt(f),
            Self::Differs { serial, findings } => {
                write!(f, "release {serial} is not what its manifest says: {}", Finding::first_of(findings))
            }
            Self::Current(serial) => write!(f, "release {serial} is the current one"),
            Self::Denied { command, policy } => {
                write!(f, "the release wants '{command}' to be run, which '{}' does not allow", policy.display())
            }
            Self::Unwell { serial, failed } => write!(f, "release {serial} is current, but {failed}"),
            Self::Cancelled => f.write_str("stopped, because that was asked for"),
        }
    }
}

impl std::error::Error for UpdateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Write(source) => Some(source),
            Self::Live(source) => Some(source),
            Self::Open(source) => Some(source),
            Self::Client(source) => Some(source),
            Self::Trust(source) => Some(source),
            Self::Install(source) => Some(source),
            Self::Parcel(source) => Some(source),
            Self::Compare(source) => Some(source),
            _ => None,
        }
    }
}

impl From<WriteError> for UpdateError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<ClientError> for UpdateError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Io { doing, path, source } => Self::Io { doing, path, source },
            ClientError::Write(error) => Self::Write(error),
            ClientError::Trust(why) => Self::Trust(why),
            other => Self::Client(other),
        }
    }
}

impl From<LiveError> for UpdateError {
    fn from(error: LiveError) -> Self {
        Self::Live(error)
    }
}
