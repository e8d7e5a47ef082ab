//! The one table of exit codes. `docs/exit-codes.md` says the same in words.

use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, and proven where there was something to prove.
    Done = 0,
    /// The answer is no: a leak, a missing library, a floor too high, a smoke run that failed.
    No = 1,
    /// The command line or the configuration is not understood.
    Usage = 2,
    /// A needed edit was refused.
    Refused = 3,
    /// The machine did not let us: permissions, disk, a file that changed under us.
    Environment = 4,
    /// A bootstrap or a package could not be built.
    Build = 5,
    /// A release was not well, and the one before is current again.
    Returned = 6,
    /// There is something newer.
    Available = 100,
    /// A fault of ours.
    Bug = 70,
    /// Another process is at work there, and we were not to wait.
    InUse = 75,
}

impl Exit {
    /// How a run ended that another process tells of; a code that is none of ours is the machine's doing.
    pub fn from_code(code: u8) -> Self {
        let all = [
            Self::Done,
            Self::No,
            Self::Usage,
            Self::Refused,
            Self::Environment,
            Self::Build,
            Self::Returned,
            Self::Available,
            Self::Bug,
            Self::InUse,
        ];
        all.into_iter().find(|exit| *exit as u8 == code).unwrap_or(Self::Environment)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
