//! `relocate self`: the program's own versions; and what comes before the work, which may be done by a newer copy.

mod publish;
mod show;
mod update;

use super::args::{SelfArgs, SelfCommand, SelfPolicyArgs, SelfRollbackArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::repo::{end, now};
use super::report::{self, GREEN, YELLOW, paint, say, talk};
use super::{json, update as releases};
use crate::base::host;
use crate::client::{ClientError, FetchError};
use crate::own::{self, Begin, Note, OPTION, Open, Own, OwnError, Policy};
use crate::release::Version;
use crate::tuf::Why;
use serde_json::json;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

/// Runs the command.
pub(super) fn run(args: &SelfArgs, arguments: &[OsString]) -> Exit {
    match &args.command {
        SelfCommand::Update(args) => update::run(args, arguments),
        SelfCommand::Status(args) => show::run(args),
        SelfCommand::Rollback(args) => end("self rollback", &args.common, rollback(args)),
        SelfCommand::Policy(args) => end("self policy", &args.common, policy(args)),
        SelfCommand::Publish(args) => publish::run(args),
    }
}

/// What comes before the work: a newer copy is entered, and this does not come back; or a person is told, in a line.
pub(super) fn begin(arguments: &[OsString]) {
    let Some(version) = Version::parse(own::VERSION) else { return };
    let begin = Begin {
        arguments,
        variable: &host::variable,
        version: &version,
        platform: &releases::platform(),
        pid: std::process::id(),
        clock: &now,
        open: open(),
        limit: own::LIMIT,
    };
    let begun = own::begin(&begin);
    if !begun.notes.is_empty() && may_talk(arguments) {
        begun.notes.iter().for_each(tell);
    }
    let Some(entrance) = begun.enter else { return };
    let error = entrance.go(arguments, std::process::id());
    if may_talk(arguments) {
        let text = format!("a newer relocate could not be entered, and {version} goes on: {error}");
        tell(&Note::Warning(text));
    }
}

fn tell(note: &Note) {
    match note {
        Note::Warning(text) => talk(&format!("{} {text}\n", paint(YELLOW, "warning:"))),
        Note::Notice(text) => talk(&format!("{} {text}\n", paint(GREEN, "note:"))),
    }
}

/// Whether a line on standard error is welcome: not with `--quiet`, and not where a program reads JSON there, since the archive
/// goes to standard output. The arguments are not understood yet; where in doubt nothing is said.
fn may_talk(arguments: &[OsString]) -> bool {
    let has = |words: &[&str]| arguments.iter().any(|argument| words.iter().any(|word| argument == word));
    let is_piped = has(&["-", "-o-", "-o=-", "--output=-"]);
    !(has(&["--quiet", "-q"]) || (has(&["--json"]) && is_piped))
}

/// The one way to a repository of versions.
pub(super) fn open() -> Arc<Open> {
    Arc::new(|from: &str, ca_file: Option<&Path>| releases::open(from, ca_file).map_err(|error| error.to_string()))
}

/// Does something with the program's own versions.
fn with<T>(act: impl FnOnce(&Own<'_>) -> Result<T, OwnError>) -> Result<T, Failure> {
    let unknown = || Failure::new(Exit::Bug, format!("this program's version {} is none", own::VERSION));
    let version = Version::parse(own::VERSION).ok_or_else(unknown)?;
    let own = Own {
        variable: &host::variable,
        version: &version,
        platform: &releases::platform(),
        pid: std::process::id(),
        now: now(),
        open: open(),
    };
    act(&own).map_err(|error| failure(&error))
}

/// An error with its exit code.
fn failure(error: &OwnError) -> Failure {
    let exit = match error {
        OwnError::NoSource
        | OwnError::NoHome
        | OwnError::OtherRoot { .. }
        | OwnError::Open(_)
        | OwnError::OfProject(_)
        | OwnError::Pinned { .. }
        | OwnError::Client(ClientError::NoRootKey) => Exit::Usage,
        OwnError::Busy(_) => Exit::InUse,
        OwnError::Client(ClientError::Trust(why))
            if why.is_unreached() || matches!(why, Why::ClockBehind { .. } | Why::ClockAhead { .. }) =>
        {
            Exit::Environment
        }
        OwnError::Client(
            ClientError::Trust(_)
            | ClientError::RootKey(_)
            | ClientError::Fetch(FetchError::Missing { .. } | FetchError::Wrong { .. }),
        )
        | OwnError::Empty { .. }
        | OwnError::NothingBefore => Exit::No,
        OwnError::Unwell { why, .. } if why.is_of_program() => Exit::No,
        _ => Exit::Environment,
    };
    Failure::new(exit, error.to_string()).help(error.help())
}

fn rollback(args: &SelfRollbackArgs) -> Result<Exit, Failure> {
    report::colour(args.common.color);
    let (from, to) = with(|own| own.rollback(args.wait))?;
    let to = to.map_or_else(|| own::VERSION.to_owned(), |to| to.to_string());
    if args.common.json {
        say(&json::of("self rollback", Exit::Done, &json!({ "from": from.to_string(), "to": to })));
    } else if !args.common.quiet {
        say(&format!("{} relocate {to} runs again; {from} does not come again by itself\n", paint(GREEN, "rollback:")));
    }
    Ok(Exit::Done)
}

fn policy(args: &SelfPolicyArgs) -> Result<Exit, Failure> {
    let policy = with(|own| own.policy(args.policy.as_deref().and_then(Policy::named)))?;
    if args.common.json {
        say(&json::of("self policy", Exit::Done, &json!({ "policy": policy })));
    } else if !args.common.quiet {
        say(&format!("{policy}\n"));
    }
    Ok(Exit::Done)
}

/// Whether the program is asked to try itself.
pub(super) fn is_self_test(arguments: &[OsString]) -> bool {
    matches!(arguments, [_, option] if option == OPTION)
}

/// Tries what the program needs of this machine, in the directory for temporary files.
pub(super) fn self_test() -> Exit {
    match own::self_test(&std::env::temp_dir()) {
        Ok(()) => {
            // Whoever asked reads it; without it nothing passed.
            if say(&own::passed(own::VERSION)) { Exit::Done } else { Exit::Environment }
        }
        Err(why) => {
            report::error(&format!("relocate {}: self-test failed: {why}", own::VERSION), None);
            match why {
                own::Failed::Program(_) => Exit::No,
                own::Failed::Machine(_) => Exit::Environment,
            }
        }
    }
}
