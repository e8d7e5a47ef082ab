//! A program is asked whether it is well on this machine, and which version it is: its own `--self-test`, with a time limit.

use crate::base::child::{End, Task};
use crate::base::path::printable;
use crate::release::Version;
use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

/// The option by which a program tries itself.
pub const OPTION: &str = "--self-test";
/// How long that may take. It takes some milliseconds where nothing is wrong.
const LIMIT: Duration = Duration::from_secs(5);
/// What a self-test exits with where the machine is at fault.
const OF_MACHINE: i32 = 4;
/// SIGKILL.
const KILLED: i32 = 9;
/// How much of what it printed is told.
const SHOWN: usize = 200;

/// Why a program is not used.
#[derive(Debug)]
pub enum Unwell {
    /// It could not be started, and that may be the machine's doing.
    Start(io::Error),
    /// It is a program for another machine, or none.
    Foreign(io::Error),
    /// It did not end well.
    Ended {
        /// How it ended.
        end: End,
        /// What it printed, in short.
        said: String,
    },
    /// It ended well, and said something else than that it is well.
    Words(String),
    /// It is another version than it was said to be.
    Version {
        /// What it was said to be.
        wanted: Version,
        /// What it says.
        found: Version,
    },
}

impl Unwell {
    /// Whether the program itself is at fault, so that trying again is of no use. A machine without room, memory or time may be
    /// at fault for the rest: the kernel kills what it has no memory for (SIGKILL).
    pub fn is_of_program(&self) -> bool {
        let is_of_machine = matches!(
            self,
            Self::Start(_)
                | Self::Ended {
                    end: End::Killed(KILLED) | End::Exited(OF_MACHINE) | End::Overdue | End::Cancelled,
                    ..
                }
        );
        !is_of_machine
    }

    /// Whether its time was up. That is the machine's doing once, and the program's the second time.
    pub fn is_overdue(&self) -> bool {
        matches!(self, Self::Ended { end: End::Overdue, .. })
    }
}

impl fmt::Display for Unwell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => write!(f, "it cannot be started here: {error}"),
            Self::Foreign(error) => write!(f, "it is no program for this machine: {error}"),
            Self::Ended { end: End::Overdue, .. } => {
                write!(f, "its self-test did not end within {} seconds", LIMIT.as_secs())
            }
            Self::Ended { end: End::Exited(code), said } => write!(f, "its self-test exited with {code}{said}"),
            Self::Ended { end: End::Killed(signal), said } => {
                write!(f, "its self-test was ended by signal {signal}{said}")
            }
            Self::Ended { end: End::Cancelled, .. } => f.write_str("its self-test was stopped"),
            Self::Words(said) => write!(f, "its self-test did not say that it passed{said}"),
            Self::Version { wanted, found } => write!(f, "it says to be {found}, and was published as {wanted}"),
        }
    }
}

impl std::error::Error for Unwell {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start(error) | Self::Foreign(error) => Some(error),
            _ => None,
        }
    }
}

/// What a program prints that is well.
pub fn passed(version: &str) -> String {
    format!("relocate {version}: self-test passed\n")
}

/// Runs a program's self-test; it may write in its directory, which is that of the program. Gives its version.
pub fn try_program(program: &Path, room: &Path) -> Result<Version, Unwell> {
    let task = Task {
        program: program.to_owned(),
        arguments: vec![OPTION.into()],
        environment: vec![("TMPDIR".into(), room.into())],
        directory: room.to_owned(),
        held: None,
    };
    let answer = task.ask_alone(LIMIT).map_err(|error| match error.raw_os_error() {
        // ENOEXEC, and EINVAL for some loaders: not a matter of permissions or memory.
        Some(8 | 22) => Unwell::Foreign(error),
        _ => Unwell::Start(error),
    })?;
    let said = || short(&[answer.stderr.as_slice(), &answer.stdout].concat());
    if !answer.ended.end.is_success() {
        return Err(Unwell::Ended { end: answer.ended.end, said: said() });
    }
    let version = std::str::from_utf8(&answer.stdout).ok().and_then(|text| {
        let version = text.strip_prefix("relocate ")?.split(':').next()?;
        Version::parse(version).filter(|version| passed(&version.to_string()) == text)
    });
    version.ok_or_else(|| Unwell::Words(said()))
}

/// The same for one that was published as a version.
pub fn try_version(program: &Path, room: &Path, wanted: &Version) -> Result<(), Unwell> {
    let found = try_program(program, room)?;
    if found == *wanted { Ok(()) } else { Err(Unwell::Version { wanted: wanted.clone(), found }) }
}

fn short(bytes: &[u8]) -> String {
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return String::new();
    }
    format!("; it printed: {}", printable(&text[..text.len().min(SHOWN)]))
}
