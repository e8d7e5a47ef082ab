//! Why a request was not done, and what to do about it. What was current still is.

use super::request::BadRequest;
use crate::base::path::RelPath;
use crate::base::write::WriteError;
use crate::live::LiveError;
use crate::pack::{Inadmissible, UnpackError};
use crate::parcel::ParcelError;
use crate::update::UpdateError;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why nothing was deployed.
#[derive(Debug)]
pub enum DeployError {
    /// What was asked is not understood.
    Request(BadRequest),
    /// The policy cannot be used.
    Policy {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Whoever asked has gone before anybody could write down whose key it was.
    Gone {
        /// Who asked.
        caller: String,
    },
    /// Nobody allowed that. The same for an application that is not there, which is nobody's business either.
    Denied {
        /// Who asked.
        caller: String,
        /// For what.
        what: String,
    },
    /// The repository has no such ref or commit.
    NoRef {
        /// What was asked for.
        reference: String,
    },
    /// A name means a branch and a tag, which are different commits.
    Ambiguous {
        /// What was asked for.
        reference: String,
    },
    /// The policy does not say how documentation is built.
    NoDocs {
        /// The application.
        app: String,
    },
    /// Git did not do it.
    Git {
        /// What it was asked to do.
        doing: String,
        /// What it said.
        why: String,
    },
    /// The documentation could not be built.
    Docs {
        /// The command.
        command: String,
        /// How it ended.
        how: String,
    },
    /// The build of the documentation wrote where nothing of it belongs.
    Outside {
        /// The path in the release.
        path: RelPath,
    },
    /// The base has something where the commit belongs.
    Taken {
        /// The path in the release.
        path: RelPath,
    },
    /// The commit has what no release may have.
    Inadmissible(Inadmissible),
    /// The commit could not be unpacked.
    Unpack(UnpackError),
    /// The base could not be taken.
    Parcel(ParcelError),
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
    /// The release could not be put in use.
    Update(UpdateError),
    /// Somebody asked to stop.
    Cancelled,
}

impl DeployError {
    pub(super) fn io(doing: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// What to do about it, where we know.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Request(_) => {
                "send one line such as {\"format\": 1, \"app\": \"web\", \"ref\": \"main\"}, or use 'relocate deploy'"
            }
            Self::Policy { .. } => {
                "docs/deploy.md has the form; root or this user owns the file and its directory, and nobody else may write there"
            }
            Self::Gone { .. } => "ask again, and stay until it has begun",
            Self::Denied { .. } => "ask whoever owns the machine; the policy says who may deploy what",
            Self::NoRef { .. } => "push it first, or name a branch, a tag or a whole commit id that is there",
            Self::Ambiguous { .. } => "name it in full: refs/heads/NAME or refs/tags/NAME",
            Self::NoDocs { .. } => "set docs in the policy, or deploy without",
            Self::Docs { .. } => "build it in a clone until it succeeds; what was current still is",
            Self::Outside { .. } => "have it write to RELOCATE_DOCS, or below the checkout",
            Self::Taken { .. } => "choose another place with into or docs-into in the policy",
            Self::Write(error) => return error.help(),
            Self::Live(error) => return error.help(),
            Self::Update(UpdateError::Differs { .. }) => {
                "something wrote into the release while it was made: look at what builds the documentation"
            }
            Self::Update(error) => return error.help(),
            Self::Parcel(ParcelError::Misfit(misfit)) => return Some(misfit.help()),
            Self::Parcel(_) => "install the base anew, or let 'relocate verify' tell what is wrong with it",
            Self::Cancelled => "ask again",
            Self::Git { .. } | Self::Inadmissible(_) | Self::Unpack(_) | Self::Io { .. } => return None,
        };
        Some(text.to_owned())
    }
}

impl fmt::Display for DeployError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(bad) => bad.fmt(f),
            Self::Policy { path, why } => write!(f, "the policy '{}' cannot be used: {why}", path.display()),
            Self::Gone { caller } => write!(f, "sshd no longer says by which key {caller} came in"),
            Self::Denied { caller, what } => write!(f, "{caller} may not deploy {what} here"),
            Self::NoRef { reference } => write!(f, "the repository has no '{reference}'"),
            Self::Ambiguous { reference } => write!(f, "'{reference}' is a branch and a tag, and they differ"),
            Self::NoDocs { app } => write!(f, "the policy does not say how the documentation of {app} is built"),
            Self::Git { doing, why } => write!(f, "git {doing} failed: {why}"),
            Self::Docs { command, how } => write!(f, "the documentation could not be built: '{command}' {how}"),
            Self::Outside { path } => write!(f, "the build of the documentation wrote '{path}'"),
            Self::Taken { path } => write!(f, "the base has '{path}' already"),
            Self::Inadmissible(error) => error.fmt(f),
            Self::Unpack(error) => error.fmt(f),
            Self::Parcel(error) => error.fmt(f),
            Self::Io { doing, path, source } => write!(f, "cannot {doing} '{}': {source}", path.display()),
            Self::Write(error) => error.fmt(f),
            Self::Live(error) => error.fmt(f),
            Self::Update(error) => error.fmt(f),
            Self::Cancelled => f.write_str("stopped, because that was asked for"),
        }
    }
}

impl std::error::Error for DeployError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Request(source) => Some(source),
            Self::Inadmissible(source) => Some(source),
            Self::Unpack(source) => Some(source),
            Self::Parcel(source) => Some(source),
            Self::Io { source, .. } => Some(source),
            Self::Write(source) => Some(source),
            Self::Live(source) => Some(source),
            Self::Update(source) => Some(source),
            _ => None,
        }
    }
}

impl From<BadRequest> for DeployError {
    fn from(error: BadRequest) -> Self {
        Self::Request(error)
    }
}

impl From<WriteError> for DeployError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<LiveError> for DeployError {
    fn from(error: LiveError) -> Self {
        Self::Live(error)
    }
}

impl From<UpdateError> for DeployError {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::Live(error) => Self::Live(error),
            UpdateError::Write(error) => Self::Write(error),
            UpdateError::Cancelled => Self::Cancelled,
            error => Self::Update(error),
        }
    }
}

impl From<ParcelError> for DeployError {
    fn from(error: ParcelError) -> Self {
        Self::Parcel(error)
    }
}
