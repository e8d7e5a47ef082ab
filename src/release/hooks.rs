//! What a release wants to be run when it becomes current: programs that take it into use, and programs that say whether it is well.
//!
//! Part of what is signed of a release. A command is a list of words, never a line for a shell. Refused, with the whole release:
//! commands without a program, paths that lead out of the release, more than a machine should be made to run.

use crate::base::path::RelPath;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The most commands of a kind.
const MOST: usize = 16;
/// The most bytes of a command, all words together.
const LONGEST: usize = 8 << 10;
/// How long a command may take of who does not say, in seconds.
const SECONDS: u32 = 60;
/// The longest it may ever take, in seconds.
const MOST_SECONDS: u32 = 3600;

/// Commands of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Said", deny_unknown_fields)]
pub struct Hooks {
    /// Run one after the other once the release is current, such as what restarts a service. All must succeed.
    pub activate: Vec<Argv>,
    /// Run after those, again and again until each has succeeded once or the time is up.
    pub health: Vec<Argv>,
    /// How long each command of `activate` may take, and all of `health` together, in seconds.
    pub seconds: u32,
}

/// The words of a command; the first names the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Argv(Vec<String>);

/// The program of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program<'a> {
    /// One of the release.
    Release(RelPath),
    /// One of the machine, by its absolute path.
    Host(&'a str),
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    #[serde(default)]
    activate: Vec<Argv>,
    #[serde(default)]
    health: Vec<Argv>,
    #[serde(default = "seconds")]
    seconds: u32,
}

fn seconds() -> u32 {
    SECONDS
}

/// Why commands are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadHooks {
    /// A command has no words.
    Empty,
    /// A program is neither in the release nor an absolute path.
    Program(String),
    /// A word has a zero byte, or a command is too long.
    Words(String),
    /// There are too many.
    Many(usize),
    /// The time is none.
    Seconds(u32),
}

impl fmt::Display for BadHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a command of the hooks has no words"),
            Self::Program(program) => {
                write!(f, "'{program}' is no program of the release, such as bin/check, nor an absolute path")
            }
            Self::Words(program) => {
                write!(f, "the command of '{program}' has a zero byte or more than {LONGEST} bytes")
            }
            Self::Many(count) => write!(f, "{count} commands are more than {MOST}"),
            Self::Seconds(seconds) => write!(f, "{seconds} seconds are not between 1 and {MOST_SECONDS}"),
        }
    }
}

impl std::error::Error for BadHooks {}

impl Hooks {
    /// Whether nothing is to be run.
    pub fn is_empty(&self) -> bool {
        self.activate.is_empty() && self.health.is_empty()
    }

    /// All commands, in the order they are run.
    pub fn commands(&self) -> impl Iterator<Item = &Argv> {
        self.activate.iter().chain(&self.health)
    }
}

impl Argv {
    /// The program. A path with `..` or none at all was refused when it was read.
    pub fn program(&self) -> Option<Program<'_>> {
        let first = self.0.first()?;
        if first.starts_with('/') {
            return Some(Program::Host(first));
        }
        RelPath::new(first.as_bytes()).filter(|path| !path.is_root()).map(Program::Release)
    }

    /// The words after the program.
    pub fn arguments(&self) -> &[String] {
        self.0.get(1..).unwrap_or_default()
    }
}

impl fmt::Display for Argv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl TryFrom<Said> for Hooks {
    type Error = BadHooks;

    fn try_from(said: Said) -> Result<Self, BadHooks> {
        let hooks = Self { activate: said.activate, health: said.health, seconds: said.seconds };
        if let Some(many) = [hooks.activate.len(), hooks.health.len()].into_iter().find(|many| *many > MOST) {
            return Err(BadHooks::Many(many));
        }
        if !(1..=MOST_SECONDS).contains(&hooks.seconds) {
            return Err(BadHooks::Seconds(hooks.seconds));
        }
        for argv in hooks.commands() {
            let Some(first) = argv.0.first() else { return Err(BadHooks::Empty) };
            if argv.0.iter().map(|word| word.len() + 1).sum::<usize>() > LONGEST
                || argv.0.iter().any(|word| word.contains('\0'))
            {
                return Err(BadHooks::Words(first.clone()));
            }
            if argv.program().is_none() {
                return Err(BadHooks::Program(first.clone()));
            }
        }
        Ok(hooks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Hooks, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn commands_read_back_as_they_were_written() {
        let hooks =
            read(r#"{"activate": [["bin/svc", "restart"]], "health": [["/usr/bin/curl", "-f", "x"]]}"#).unwrap();
        assert_eq!(hooks.seconds, SECONDS);
        assert_eq!(hooks.activate[0].program(), RelPath::new(b"bin/svc").map(Program::Release));
        assert_eq!(hooks.health[0].program(), Some(Program::Host("/usr/bin/curl")));
        assert_eq!(hooks.health[0].arguments(), ["-f", "x"]);
        assert_eq!(hooks.health[0].to_string(), "/usr/bin/curl -f x");
        let written = serde_json::to_string(&hooks).unwrap();
        assert_eq!(read(&written).unwrap(), hooks);
        assert!(read("{}").unwrap().is_empty());
    }

    #[test]
    fn what_no_machine_should_run_is_refused() {
        let long = format!("{{\"health\": [[\"bin/x\", \"{}\"]]}}", "y".repeat(LONGEST));
        let many = format!("{{\"health\": [{}]}}", vec!["[\"bin/x\"]"; MOST + 1].join(","));
        for (text, why) in [
            (r#"{"activate": [[]]}"#, "no words"),
            (r#"{"activate": [["../x"]]}"#, "no program of the release"),
            (r#"{"activate": [["bin/../../x"]]}"#, "no program of the release"),
            (r#"{"activate": [[""]]}"#, "no program of the release"),
            (r#"{"activate": [["bin/x", "a\u0000b"]]}"#, "zero byte"),
            (r#"{"seconds": 0}"#, "between 1 and"),
            (r#"{"seconds": 3601}"#, "between 1 and"),
            (r#"{"shell": "rm -rf /"}"#, "unknown field"),
            (&long, "bytes"),
            (&many, "more than"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
