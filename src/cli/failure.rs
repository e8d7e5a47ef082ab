//! A command that was understood and could not do its job: told to a person on standard error, and where `--json` asks for
//! it to a program, in the place where the report would have been.

use super::exit::Exit;
use super::pack::Usage;
use super::{json, report};
use crate::pipeline::JobError;

/// Where the JSON of a failure goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Json {
    /// Nobody asked for any.
    None,
    /// To standard output, while people read standard error.
    Stdout,
    /// To standard error, alone: standard output is the archive's.
    Stderr,
}

/// Why a command could not do its job.
pub(super) struct Failure {
    exit: Exit,
    message: String,
    help: Option<String>,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: String) -> Self {
        Self { exit, message, help: None }
    }

    /// Adds what to do about it.
    pub(super) fn help(self, help: Option<String>) -> Self {
        Self { help, ..self }
    }

    /// Tells it and gives the exit code.
    pub(super) fn tell(self, command: &str, to: Json) -> Exit {
        let Self { exit, message, help } = self;
        // A pipe whose reader went away has no one to tell.
        if message.is_empty() {
            return exit;
        }
        let text = json::failure(command, &message, help.as_deref(), exit);
        match to {
            Json::None => report::error(&message, help.as_deref()),
            Json::Stderr => report::talk(&text),
            Json::Stdout => {
                report::error(&message, help.as_deref());
                report::say(&text);
            }
        }
        exit
    }
}

impl From<Usage> for Failure {
    fn from(Usage(message, help): Usage) -> Self {
        Self { exit: Exit::Usage, message, help }
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        let exit = match &error {
            JobError::Ambiguous(_) => Exit::Usage,
            JobError::BundlePrivate { .. } | JobError::DestTooLong { .. } | JobError::DestCharacter { .. } => {
                Exit::Refused
            }
            JobError::Bug(_) => Exit::Bug,
            _ => Exit::Environment,
        };
        let gone = matches!(&error, JobError::Pack(error) if error.is_broken_pipe());
        let message = if gone { String::new() } else { error.to_string() };
        Self { exit, message, help: error.help() }
    }
}
