//! Why a repository is not trusted: one variant for each thing that can be wrong, and what to do about it.

use super::kept::Kept;
use super::moment::Moment;
use super::role::RoleName;
use crate::base::digest::Digest;
use crate::objects::ObjectError;
use std::fmt;
use std::io;

/// A repository that was not followed to its end.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub why: Why,
    /// What to remember all the same: newer roots, and a newer timestamp or snapshot, that were good before something wrong was
    /// met. A key that was taken back must not be good again, and nothing older be taken, because of another fault on the same day
    /// (specification, 5.3.8, 5.4.5, 5.5.7).
    pub keep: Option<Box<Kept>>,
}

/// What is wrong with a repository, its storage, or this machine.
#[derive(Debug)]
pub enum Why {
    /// What was remembered is not what was stored.
    Memory {
        /// Which part.
        role: RoleName,
        /// What is wrong with it.
        why: Box<Why>,
    },
    /// Nothing was remembered that could be used without the repository; which part is missing.
    Forgotten(RoleName),
    /// The storage gave no answer, or said no.
    Unreached(ObjectError),
    /// The answer broke off.
    Cut {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The repository does not have a file that it must have.
    Missing {
        /// The file.
        file: String,
    },
    /// A web page came in the place of metadata.
    Page {
        /// The file.
        file: String,
    },
    /// There is no end to it, or it says so.
    TooLong {
        /// The file.
        file: String,
        /// The most that is taken, in bytes.
        most: u64,
    },
    /// It is no metadata, or not as the specification has it.
    Unreadable {
        /// The file.
        file: String,
        /// What was found.
        why: String,
    },
    /// Its format is newer or other than what is known here.
    Unknown {
        /// The file.
        file: String,
        /// What was found.
        found: String,
    },
    /// One key signed twice, or seems to.
    DoubleKey {
        /// The file.
        file: String,
    },
    /// Too few of the keys that may sign it have done so.
    Unsigned {
        /// The file.
        file: String,
        /// What it is.
        role: RoleName,
        /// The version of the root whose keys were asked for.
        root: u64,
        /// How many good signatures there are.
        good: u64,
        /// How many there must be.
        wanted: u64,
    },
    /// It is older than what was seen before.
    Older {
        /// The file.
        file: String,
        /// What is older: of what it is, or of what it names.
        role: RoleName,
        /// Its version.
        found: u64,
        /// The version that was seen before.
        known: u64,
    },
    /// It is of another version than the one that was asked for.
    Mixed {
        /// The file.
        file: String,
        /// Its version.
        found: u64,
        /// The version that belongs here.
        wanted: u64,
    },
    /// It holds other bytes than those that were signed for.
    Bytes {
        /// The file.
        file: String,
        /// What was signed.
        signed: Digest,
        /// What came.
        found: Digest,
    },
    /// It has another length than the one that was signed for.
    Length {
        /// The file.
        file: String,
        /// What was signed, in bytes.
        signed: u64,
        /// What came.
        found: u64,
    },
    /// It is no longer good.
    Expired {
        /// What.
        role: RoleName,
        /// Until when it was.
        expired: Moment,
        /// The time now.
        now: Moment,
    },
    /// It is no longer good since so long that the clock may be wrong.
    ClockAhead {
        /// What.
        role: RoleName,
        /// Until when it was.
        expired: Moment,
        /// The time now.
        now: Moment,
    },
    /// The time now is before there were such repositories.
    ClockBehind {
        /// The time now.
        now: Moment,
    },
    /// It names a target that cannot be.
    TargetName {
        /// The name, fit to be shown.
        name: String,
    },
    /// There is one new root after the other; how many were followed.
    Roots(u64),
}

impl Why {
    /// Whether the storage is to blame and not what it holds: what was remembered may be used where the user allows that.
    pub fn is_unreached(&self) -> bool {
        matches!(self, Self::Unreached(_) | Self::Cut { .. })
    }

    /// What to do about it, where we know.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::Memory { .. } => {
                "put back the copy of it that is kept beside it, or begin again with the root that the publisher gives"
            }
            Self::Forgotten(_) => "let it reach the repository once",
            Self::Unreached(_) | Self::Cut { .. } => {
                "try again later; what is installed goes on, and --allow-stale uses what is known"
            }
            Self::Missing { .. } => {
                "check the address; if it is right, tell the publisher that the repository is not whole"
            }
            Self::Page { .. } => {
                "a gateway or a proxy may want you to log in first, or the address is that of a web site: open it in a browser"
            }
            Self::TooLong { .. } | Self::Unreadable { .. } | Self::Bytes { .. } | Self::Length { .. } => {
                "something on the way or on the server changed it: try again, then tell the publisher"
            }
            Self::Unknown { .. } => "a newer relocate may read it",
            Self::DoubleKey { .. } | Self::Unsigned { .. } | Self::Older { .. } | Self::Mixed { .. } => {
                "the server, or somebody between, serves old or forged files: use nothing of it and tell the publisher"
            }
            Self::Expired { .. } => {
                "the publisher must sign it again (relocate repo refresh); --allow-stale uses it as it is"
            }
            Self::ClockAhead { .. } => {
                "look at this machine's clock (date -u); if it is right, nobody has looked after the repository since"
            }
            Self::ClockBehind { .. } => "set this machine's clock; what is known stays",
            Self::TargetName { .. } => "the repository was not made by relocate: tell the publisher",
            Self::Roots(_) => "run it again to follow the rest",
        })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.why)
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { role, why } => write!(f, "the {role} that was trusted so far cannot be used: {why}"),
            Self::Forgotten(role) => write!(f, "no {role} is known of this repository"),
            Self::Unreached(error) => write!(f, "{error}"),
            Self::Cut { file, source } => write!(f, "{file} broke off: {source}"),
            Self::Missing { file } => write!(f, "there is no {file}"),
            Self::Page { file } => write!(f, "a web page came in the place of {file}"),
            Self::TooLong { file, most } => {
                write!(f, "{file} is longer than {most} bytes, the most there is any use for")
            }
            Self::Unreadable { file, why } => write!(f, "{file} is no metadata: {why}"),
            Self::Unknown { file, found } => write!(f, "{file} is not as this relocate knows it: {found}"),
            Self::DoubleKey { file } => write!(f, "{file} has two signatures of one key"),
            Self::Unsigned { file, role, root, good, wanted } => write!(
                f,
                "{file} is not signed as root {root} wants it: {good} good signature{}, {wanted} wanted of the {role}'s keys",
                if *good == 1 { "" } else { "s" }
            ),
            Self::Older { file, role, found, known } => {
                write!(f, "{file} would go back to {role} {found}, and {known} was seen before")
            }
            Self::Mixed { file, found, wanted } => {
                write!(f, "{file} is of version {found}, and {wanted} belongs there")
            }
            Self::Bytes { file, signed, found } => {
                write!(f, "{file} is not what was signed: sha256 {found} instead of {signed}")
            }
            Self::Length { file, signed, found } => write!(f, "{file} has {found} bytes, and {signed} were signed"),
            Self::Expired { role, expired, now } => {
                write!(f, "the repository's {role} was good until {expired}, {} ago", now.since(*expired))
            }
            Self::ClockAhead { role, expired, now } => write!(
                f,
                "the clock says {now}, and the repository's {role} was good until {expired}, {} before that",
                now.since(*expired)
            ),
            Self::ClockBehind { now } => {
                write!(
                    f,
                    "the clock says {now}, when there were no such repositories yet: nothing can be known to be fresh"
                )
            }
            Self::TargetName { name } => {
                write!(f, "the repository names a target '{name}', which is no name for a file")
            }
            Self::Roots(followed) => write!(f, "{followed} new roots were followed, and there may be more"),
        }
    }
}

impl std::error::Error for Why {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreached(error) => Some(error),
            Self::Cut { source, .. } => Some(source),
            Self::Memory { why, .. } => Some(why.as_ref()),
            _ => None,
        }
    }
}
