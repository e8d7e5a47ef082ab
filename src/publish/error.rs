//! Why a repository was not changed, and what to do about it.

use super::repack::RepackError;
use crate::base::write::WriteError;
use crate::objects::ObjectError;
use crate::pack::UnpackError;
use crate::parcel::ParcelError;
use crate::tuf::{RoleName, SignError, TargetError, Why};
use std::fmt;

/// A change to a repository that was not made, or not to its end.
#[derive(Debug)]
pub enum PublishError {
    /// There is no repository.
    None {
        /// Where its first root would be.
        place: String,
    },
    /// There is one already.
    Taken {
        /// Where its first root is.
        place: String,
    },
    /// It cannot be trusted, or what was to be published could not be.
    Distrusted(Box<Why>),
    /// Something could not be signed.
    Sign(SignError),
    /// The storage gave no answer, or said no.
    Object(ObjectError),
    /// A file of it could not be read.
    Target(TargetError),
    /// The archive makes no release.
    Repack(RepackError),
    /// A pack of an older release could not be unpacked.
    Unpack(UnpackError),
    /// What leads to the release from an older one could not be made.
    Delta(ParcelError),
    /// A file could not be written on this machine.
    Write(WriteError),
    /// Somebody else changed it at the same moment.
    Busy {
        /// What they wrote first.
        place: String,
    },
    /// A key is needed that was not given.
    NoKey(RoleName),
    /// What was asked for cannot be; why, and what to do.
    Wish(String, Option<String>),
}

impl PublishError {
    /// What to do about it, where we know.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::None { .. } => Some("make one with 'relocate repo init', or check the address".to_owned()),
            Self::Taken { .. } => Some("'relocate repo status' shows it".to_owned()),
            Self::Distrusted(why) => why.help().map(str::to_owned),
            Self::Busy { .. } => {
                Some("nothing is lost: run it again, and it goes on from what the other one did".to_owned())
            }
            Self::NoKey(RoleName::Targets) => {
                Some("name the release key with --release-key or RELOCATE_RELEASE_KEY".to_owned())
            }
            Self::NoKey(RoleName::Root) => Some("name root keys with --root-key".to_owned()),
            Self::NoKey(_) => Some("name the online key with --online-key or RELOCATE_ONLINE_KEY".to_owned()),
            Self::Repack(RepackError::Unproven { .. }) => {
                Some("pack it again without --unproven, and see what the proof lacks".to_owned())
            }
            Self::Repack(RepackError::Differs { .. }) => {
                Some("it was changed since it was packed: pack it again".to_owned())
            }
            Self::Sign(SignError::Foreign(role, _)) => Some(format!(
                "the root of this repository has another {role} key; 'relocate repo status' lists the ids"
            )),
            Self::Wish(_, help) => help.clone(),
            Self::Write(error) => error.help(),
            Self::Sign(_) | Self::Object(_) | Self::Target(_) | Self::Repack(_) | Self::Unpack(_) | Self::Delta(_) => {
                None
            }
        }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None { place } => write!(f, "there is no repository: {place} is missing"),
            Self::Taken { place } => write!(f, "there is a repository already: {place}"),
            Self::Distrusted(why) => why.fmt(f),
            Self::Sign(source) => source.fmt(f),
            Self::Object(source) => source.fmt(f),
            Self::Target(source) => source.fmt(f),
            Self::Repack(source) => source.fmt(f),
            Self::Unpack(source) => source.fmt(f),
            Self::Delta(source) => source.fmt(f),
            Self::Write(source) => source.fmt(f),
            Self::Busy { place } => write!(f, "somebody else was faster: {place} is there already"),
            Self::NoKey(role) => write!(f, "the {role} must be signed, and its key was not given"),
            Self::Wish(why, _) => f.write_str(why),
        }
    }
}

impl std::error::Error for PublishError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Distrusted(why) => Some(why.as_ref()),
            Self::Sign(source) => Some(source),
            Self::Object(source) => Some(source),
            Self::Target(source) => Some(source),
            Self::Repack(source) => Some(source),
            Self::Unpack(source) => Some(source),
            Self::Delta(source) => Some(source),
            Self::Write(source) => Some(source),
            Self::None { .. } | Self::Taken { .. } | Self::Busy { .. } | Self::NoKey(_) | Self::Wish(..) => None,
        }
    }
}

impl From<SignError> for PublishError {
    fn from(error: SignError) -> Self {
        Self::Sign(error)
    }
}

impl From<ObjectError> for PublishError {
    fn from(error: ObjectError) -> Self {
        Self::Object(error)
    }
}

impl From<TargetError> for PublishError {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

impl From<RepackError> for PublishError {
    fn from(error: RepackError) -> Self {
        Self::Repack(error)
    }
}

impl From<Why> for PublishError {
    fn from(why: Why) -> Self {
        Self::Distrusted(Box::new(why))
    }
}

impl From<UnpackError> for PublishError {
    fn from(error: UnpackError) -> Self {
        Self::Unpack(error)
    }
}

impl From<ParcelError> for PublishError {
    fn from(error: ParcelError) -> Self {
        Self::Delta(error)
    }
}

impl From<WriteError> for PublishError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}
