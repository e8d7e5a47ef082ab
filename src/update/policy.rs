//! `R/policy.toml`: what releases may have run on this machine. Written by whoever owns the directory, never by us.
//!
//! Without it, a release may have its own programs run, which run here anyway, and none of the machine's.

use super::error::UpdateError;
use crate::release::{Argv, Hooks, Program};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file's name.
const NAME: &str = "policy.toml";

/// What may be run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Policy {
    /// Whether releases may have anything run.
    #[serde(default = "yes")]
    pub hooks: bool,
    /// Programs of the machine that a release may have run, by their absolute paths.
    #[serde(default)]
    pub programs: BTreeSet<String>,
}

fn yes() -> bool {
    true
}

impl Policy {
    /// Reads that of a directory of releases.
    pub(super) fn read(root: &Path) -> Result<Self, UpdateError> {
        let path = root.join(NAME);
        let wrong = |why: String| UpdateError::Policy { path: path.clone(), why };
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| wrong(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self { hooks: true, programs: BTreeSet::new() })
            }
            Err(source) => Err(UpdateError::Io { doing: "read", path, source }),
        }
    }

    /// Refuses commands that may not be run here.
    pub(super) fn permits(&self, hooks: &Hooks, root: &Path) -> Result<(), UpdateError> {
        let denied = |command: &Argv| UpdateError::Denied { command: command.to_string(), policy: path(root) };
        let mut commands = hooks.commands();
        let is_denied = |command: &&Argv| match command.program() {
            Some(Program::Release(_)) => !self.hooks,
            Some(Program::Host(program)) => !self.hooks || !self.programs.contains(program),
            None => true,
        };
        commands.find(is_denied).map_or(Ok(()), |command| Err(denied(command)))
    }
}

fn path(root: &Path) -> PathBuf {
    root.join(NAME)
}
