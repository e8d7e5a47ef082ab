//! `relocate repo`: a repository of releases is made, shown and looked after.

mod gc;
mod init;
mod rotate;
mod status;

use super::args::{KeyArgs, ReachArgs, RepoArgs, RepoCommand, RepoRefreshArgs};
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::keys::Signers;
use super::pack::Usage;
use super::{json, report};
use crate::base::host;
use crate::objects::{self, Objects, Place, Variables};
use crate::publish::{Desk, Lives, PublishError, RepackError, State};
use crate::tuf::{Moment, RoleName};
use crate::web::{Settings, Web};
use report::{GREEN, Table, YELLOW, paint, say, talk};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs the command.
pub(super) fn run(args: &RepoArgs) -> Exit {
    match &args.command {
        RepoCommand::Init(args) => end("repo init", &args.common, init::run(args)),
        RepoCommand::Refresh(args) => end("repo refresh", &args.common, refresh(args)),
        RepoCommand::Gc(args) => end("repo gc", &args.common, gc::run(args)),
        RepoCommand::RotateKey(args) => end("repo rotate-key", &args.common, rotate::run(args)),
        RepoCommand::SignRoot(args) => end("repo sign-root", &args.common, rotate::sign(args)),
        RepoCommand::Status(args) => end("repo status", &args.common, status::run(args)),
    }
}

/// What a command came to, or why it did not.
pub(super) fn end(command: &str, common: &super::args::Common, done: Result<Exit, Failure>) -> Exit {
    done.unwrap_or_else(|failure| failure.tell(command, if common.json { Json::Stdout } else { Json::None }))
}

/// A repository as it was named on the command line.
pub(super) struct Opened {
    /// Its files.
    pub(super) objects: Box<dyn Objects>,
    /// Where it is, if that is on this machine.
    pub(super) directory: Option<PathBuf>,
}

impl Opened {
    /// Opens it; connects to nothing. `RELOCATE_REPO_TOKEN` and its like say who we are to a web server.
    pub(super) fn of(text: &str, reach: &ReachArgs) -> Result<Self, Failure> {
        let wrong = |error: &dyn std::fmt::Display| Failure::from(Usage::new(error.to_string()));
        let mut settings = Settings::from_environment(host::variable).map_err(|error| wrong(&error))?;
        settings.ca_file = reach.ca_file.clone().or(settings.ca_file);
        let web = Arc::new(Web::new(&settings).map_err(|error| wrong(&error))?);
        let variable = |name: &str| host::variable(name).and_then(|value| value.into_string().ok());
        let variables = Variables { variable: &variable, begin: "RELOCATE_REPO" };
        match objects::open(text, &web, &variables).map_err(|error| wrong(&error))? {
            Place::Directory(directory) => {
                let at = directory.place("");
                Ok(Self { directory: Some(at), objects: Box::new(directory) })
            }
            Place::Remote(objects) => Ok(Self { objects, directory: None }),
        }
    }

    /// The keys that were named for it.
    pub(super) fn signers(&self, keys: &KeyArgs) -> Result<Signers, Failure> {
        Signers::of(keys, self.directory.as_deref())
    }

    /// With keys, at this moment.
    pub(super) fn desk<'a>(&'a self, signers: &'a Signers) -> Desk<'a> {
        let (release, online) = (signers.release.as_ref(), signers.online.as_ref());
        Desk { objects: self.objects.as_ref(), release, online, now: now(), lives: Lives::default() }
    }
}

/// The time now; a clock before 1970 is one that metadata refuses anyway.
pub(super) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::from_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Why a repository was not changed, for a person.
pub(super) fn failure(error: &PublishError) -> Failure {
    let exit = match error {
        PublishError::None { .. } | PublishError::NoKey(_) | PublishError::Sign(_) | PublishError::Wish(..) => {
            Exit::Usage
        }
        PublishError::Distrusted(why) if !why.is_unreached() => Exit::No,
        PublishError::Target(_) | PublishError::Repack(RepackError::Unproven { .. } | RepackError::Differs { .. }) => {
            Exit::No
        }
        PublishError::Busy { .. } => Exit::InUse,
        PublishError::Unpack(_)
        | PublishError::Delta(_)
        | PublishError::Write(_)
        | PublishError::Taken { .. }
        | PublishError::Distrusted(_)
        | PublishError::Object(_)
        | PublishError::Repack(_) => Exit::Environment,
    };
    Failure::new(exit, error.to_string()).help(error.help())
}

fn refresh(args: &RepoRefreshArgs) -> Result<Exit, Failure> {
    report::colour(args.common.color);
    let opened = Opened::of(&args.repo, &args.reach)?;
    let signers = Signers::online(&args.keys, opened.directory.as_deref())?;
    let state = opened.desk(&signers).refresh().map_err(|error| failure(&error))?;
    if args.common.json {
        say(&json::of("repo refresh", Exit::Done, &json!({"repo": args.repo, "roles": roles(&state)})));
    } else if !args.common.quiet {
        let mut table = Table::default();
        role_rows(&mut table, &state);
        say(&format!("{}{}\n", table.text(), paint(GREEN, "signed anew")));
    }
    warn(&state, args.common.quiet);
    Ok(Exit::Done)
}

/// Version and end of each role.
fn roles(state: &State) -> Value {
    let role = |role: RoleName| {
        let edition = edition(state, role);
        json!({"version": edition.version, "expires": edition.expires.to_string()})
    };
    RoleName::ALL.iter().map(|name| (name.to_string(), role(*name))).collect::<serde_json::Map<_, _>>().into()
}

fn role_rows(table: &mut Table, state: &State) {
    for role in RoleName::ALL {
        let edition = edition(state, role);
        table.row(&role.to_string(), format!("{}, good until {}", edition.version, edition.expires));
    }
}

fn edition(state: &State, role: RoleName) -> crate::tuf::Edition {
    if role == RoleName::Root { state.root.edition() } else { state.trusted.edition(role) }
}

/// From so many days before its end on, people are told.
const SOON: u32 = 14;

/// What somebody has to do soon, said on standard error.
pub(super) fn warn(state: &State, quiet: bool) {
    if quiet {
        return;
    }
    let soon = now().plus_days(SOON);
    let told = |what: &str| talk(&format!("{} {what}\n", paint(YELLOW, "warning:")));
    if state.is_torn {
        told(
            "a new root wants other signatures than there are, and clients wait: run 'relocate repo refresh' with the new keys",
        );
    }
    for (role, what) in [
        (RoleName::Root, "'relocate repo rotate-key' makes one that is good for another year"),
        (RoleName::Targets, "'relocate repo refresh --release-key FILE' signs them again"),
    ] {
        let expires = edition(state, role).expires;
        if expires < soon {
            told(&format!("the {role} is good until {expires}; {what}"));
        }
    }
}
