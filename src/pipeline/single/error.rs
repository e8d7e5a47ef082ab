//! Why one file was not done. Which file is said by whoever asked.

use crate::base::write::WriteError;
use crate::elf::{ElfError, Kind, PlanError, Refusal};
use crate::verify::witness::WitnessError;
use std::fmt;
use std::io;

/// Why one file was not done; it is as it was.
#[derive(Debug)]
pub enum SingleError {
    /// It cannot be opened or read.
    Read(io::Error),
    /// It is no regular file; what is there instead.
    NotRegular(&'static str),
    /// It is no ELF file.
    NotElf,
    /// It is an ELF file that is cut short or contradicts itself.
    Damaged(ElfError),
    /// The judge, who reads with another parser, does not understand it.
    Doubtful(WitnessError),
    /// It is an ELF file without a dynamic section, and so without a run-time path.
    NoDynamic(Kind),
    /// It names no dynamic loader.
    NoInterpreter,
    /// No rung of the ladder is safe for it.
    Refused(Refusal),
    /// The loader ignores `$ORIGIN` in it; what makes it privileged.
    Privileged(&'static str),
    /// Somebody else wrote to it meanwhile.
    Changed,
    /// The result cannot be written.
    Write(WriteError),
    /// The new bytes are not what was planned: a fault of ours.
    Bug(String),
}

impl SingleError {
    /// What to do about it, where we know.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Write(error) => error.help(),
            Self::Privileged(_) => {
                Some("set an absolute path, or write a copy without the privilege with --output".to_owned())
            }
            Self::Changed => Some("stop whatever writes to it and run again".to_owned()),
            Self::Bug(_) => Some("please report it with the file; nothing was written".to_owned()),
            _ => None,
        }
    }
}

impl fmt::Display for SingleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "cannot be read: {error}"),
            Self::NotRegular(found) => write!(f, "is {found}, not a file"),
            Self::NotElf => f.write_str("is not an ELF file"),
            Self::Damaged(error) => error.fmt(f),
            Self::Doubtful(error) => write!(f, "is left alone, because a second reading of it fails: {error}"),
            Self::NoDynamic(kind) => write!(f, "has no run-time path: it is {}", name(*kind)),
            Self::NoInterpreter => f.write_str("has no interpreter"),
            Self::Refused(refusal) => write!(f, "is left alone: {refusal}"),
            Self::Privileged(what) => {
                write!(f, "is left alone: it has {what}, and the loader ignores $ORIGIN in privileged programs")
            }
            Self::Changed => f.write_str("changed while it was being read"),
            Self::Write(error) => error.fmt(f),
            Self::Bug(what) => write!(f, "fault in relocate itself: {what}"),
        }
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Relocatable => "a relocatable object",
        Kind::Core => "a core dump",
        Kind::Static => "statically linked",
        Kind::StaticPie => "a static program that relocates itself",
        Kind::Loader => "the dynamic loader",
        Kind::Debug => "debug information split off another file",
        Kind::Dynamic => "a dynamic object",
    }
}

impl std::error::Error for SingleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::Damaged(error) => Some(error),
            Self::Doubtful(error) => Some(error),
            Self::Refused(refusal) => Some(refusal),
            Self::Write(error) => Some(error),
            _ => None,
        }
    }
}

impl From<WriteError> for SingleError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<ElfError> for SingleError {
    fn from(error: ElfError) -> Self {
        match error {
            ElfError::Read(error) => Self::Read(error),
            ElfError::Unfaithful { .. } => Self::Bug(error.to_string()),
            _ => Self::Damaged(error),
        }
    }
}

impl From<PlanError> for SingleError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Refused(refusal) => Self::Refused(refusal),
            PlanError::Elf(error) => error.into(),
        }
    }
}
