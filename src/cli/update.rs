//! `relocate update`: the newest release of a repository becomes the current one.

use super::args::{Common, ImportArgs, UpdateArgs};
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::pack::{self, Usage};
use super::progress::Progress;
use super::repo::now;
use super::{json, preflight, report};
use crate::base::child::Cancel;
use crate::base::host;
use crate::client::{ClientError, FetchError, RootKey};
use crate::install::InstallError;
use crate::live::{LiveError, Serial, Wait};
use crate::objects::{self, Objects, Variables};
use crate::parcel::ParcelError;
use crate::preflight::Machine;
use crate::release::{Never, Way};
use crate::tuf::{Freshness, Why};
use crate::update::{self, Outcome, Report, Summary, Task, Typed, UpdateError, Wish};
use crate::web::{Settings, Web};
use report::{GREEN, RED, YELLOW, bytes, paint, say, talk};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What the names of variables begin with that say who we are to a repository.
const VARIABLES: &str = "RELOCATE_REPO";

/// Runs the command.
pub(super) fn run(args: &UpdateArgs) -> Exit {
    if args.preflight { preflight::run(args) } else { go("update", args, false) }
}

/// Runs `relocate import`: an update from a copy of the repository that is as old as it is, which is not remembered.
pub(super) fn import(args: &ImportArgs) -> Exit {
    let ImportArgs { root, dir, root_key, app, channel, dry_run, keep, no_hooks, retry_bad, wait, common } =
        args.clone();
    let from = dir.to_str().map(str::to_owned);
    if from.is_none() || !dir.is_dir() {
        let missing = Usage::new(format!("{}: not a directory", report::place(&dir)));
        return Failure::from(missing).tell("import", failed(&common));
    }
    let update = UpdateArgs {
        root,
        from,
        root_key,
        app,
        channel,
        ca_file: None,
        allow_stale: true,
        check: false,
        dry_run,
        preflight: false,
        keep,
        retry_bad,
        no_hooks,
        wait,
        common,
    };
    go("import", &update, true)
}

fn go(command: &str, args: &UpdateArgs, once: bool) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    let warnings = Warnings::new(args.common.json);
    match work(args, once, &warnings, update::update) {
        Ok(done) => tell(command, args, &done, warnings),
        Err(failure) => failure.tell(command, failed(&args.common)),
    }
}

/// Where the JSON of a failure goes.
pub(super) fn failed(common: &Common) -> Json {
    if common.json { Json::Stdout } else { Json::None }
}

/// What was let pass: told at once, or to a program at the end.
pub(super) struct Warnings {
    json: bool,
    told: Mutex<Vec<String>>,
}

impl Warnings {
    /// For a report as JSON, or for a person.
    pub(super) fn new(json: bool) -> Self {
        Self { json, told: Mutex::default() }
    }

    /// All that was told.
    pub(super) fn told(self) -> Vec<String> {
        self.told.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self, text: String) {
        if !self.json {
            talk(&format!("{} {text}\n", paint(YELLOW, "warning:")));
        }
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}

/// Does something with what was typed.
pub(super) fn work<T>(
    args: &UpdateArgs,
    once: bool,
    warnings: &Warnings,
    act: impl FnOnce(&Wish<'_>) -> Result<T, UpdateError>,
) -> Result<T, Failure> {
    let root = absolute(&args.root)?;
    let root_key = args.root_key.as_deref().map(RootKey::read).transpose().map_err(|error| failure(&error.into()))?;
    let task = match (args.check, args.dry_run) {
        (true, _) => Task::Check,
        (_, dry) if dry || args.preflight => Task::DryRun,
        _ => Task::Update,
    };
    let from = args.from.as_deref().map(place).transpose()?;
    let ca_file = args.ca_file.as_deref().map(absolute).transpose()?;
    let (app, channel) = (args.app.clone(), args.channel.clone());
    let platform = platform();
    let progress = Progress::new(args.common.quiet || args.common.json);
    let machine = Machine::this();
    act(&Wish {
        root: &root,
        task,
        typed: Typed { from, app, channel, ca_file, keep: args.keep.map(usize::from) },
        once,
        root_key: root_key.as_ref(),
        freshness: if args.allow_stale { Freshness::Waived } else { Freshness::Required },
        wait: wait(args.wait),
        hooks: !args.no_hooks,
        retry: args.retry_bad.map(Serial),
        platform: &platform,
        machine: &machine,
        tool: env!("CARGO_PKG_VERSION"),
        open: &open,
        clock: &now,
        warn: &|text| warnings.take(text),
        listener: &progress,
        cancel: &Cancel::default(),
    })
    .map_err(|error| failure(&error))
}

/// The absolute path of what was typed.
pub(super) fn absolute(typed: &Path) -> Result<PathBuf, Failure> {
    host::absolute(typed).map_err(|error| {
        Failure::new(Exit::Environment, format!("cannot tell where {} is: {error}", report::place(typed)))
    })
}

/// Whether to wait for others.
pub(super) fn wait(typed: bool) -> Wait {
    if typed { Wait::Yes } else { Wait::No }
}

/// A repository as it is kept: a directory by its absolute path, since the next run may be started elsewhere.
pub(super) fn place(typed: &str) -> Result<String, Failure> {
    if typed.contains("://") || typed.is_empty() {
        return Ok(typed.to_owned());
    }
    let absolute = absolute(Path::new(typed))?;
    let text = absolute.to_str().map(str::to_owned);
    text.ok_or_else(|| Usage::new(format!("--from {}: the path is no text", report::place(&absolute))).into())
}

/// What runs here, as releases have it.
pub(super) fn platform() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

/// Opens a repository that is read.
pub(super) fn open(from: &str, ca_file: Option<&Path>) -> Result<Box<dyn Objects>, UpdateError> {
    let reach = |error: &dyn std::fmt::Display| UpdateError::Reach(error.to_string());
    let mut settings = Settings::from_environment(host::variable).map_err(|error| reach(&error))?;
    settings.ca_file = ca_file.map(Path::to_owned).or(settings.ca_file);
    let web = Arc::new(Web::new(&settings).map_err(|error| reach(&error))?);
    let variable = |name: &str| host::variable(name).and_then(|value| value.into_string().ok());
    let opened = objects::open(from, &web, &Variables { variable: &variable, begin: VARIABLES });
    Ok(opened.map_err(UpdateError::Open)?.objects())
}

/// An error with its exit code.
pub(super) fn failure(error: &UpdateError) -> Failure {
    let exit = match error {
        UpdateError::NoApp { found, .. } if found.is_empty() => Exit::No,
        UpdateError::Live(LiveError::Busy { .. }) => Exit::InUse,
        UpdateError::NoSource(_)
        | UpdateError::Client(ClientError::NoRootKey)
        | UpdateError::OtherRoot { .. }
        | UpdateError::Open(_)
        | UpdateError::Reach(_)
        | UpdateError::OtherApp { .. }
        | UpdateError::NoApp { typed: None, .. }
        | UpdateError::Policy { .. }
        | UpdateError::Place(_) => Exit::Usage,
        UpdateError::Never { why: Never::TooLong { .. }, .. }
        | UpdateError::Install(InstallError::Misfit(_))
        | UpdateError::Parcel(ParcelError::Misfit(_)) => Exit::Refused,
        UpdateError::Trust(Why::ClockBehind { .. } | Why::ClockAhead { .. }) => Exit::Environment,
        UpdateError::Trust(why) if why.is_unreached() => Exit::Environment,
        UpdateError::Trust(_)
        | UpdateError::Client(
            ClientError::RootKey(_) | ClientError::Fetch(FetchError::Missing { .. } | FetchError::Wrong { .. }),
        )
        | UpdateError::NoApp { .. }
        | UpdateError::Never { .. }
        | UpdateError::Tool { .. }
        | UpdateError::Differs { .. }
        | UpdateError::Current(_)
        | UpdateError::Denied { .. }
        | UpdateError::Unwell { .. }
        | UpdateError::Install(InstallError::Differs { .. })
        | UpdateError::Live(
            LiveError::Missing { .. } | LiveError::NoPrevious | LiveError::NoCurrent | LiveError::InUse { .. },
        ) => Exit::No,
        _ => Exit::Environment,
    };
    Failure::new(exit, error.to_string()).help(error.help())
}

fn tell(command: &str, args: &UpdateArgs, done: &Report, warnings: Warnings) -> Exit {
    let exit = match &done.outcome {
        Outcome::Available(_) if args.check => Exit::Available,
        Outcome::Returned { .. } => Exit::Returned,
        _ => Exit::Done,
    };
    if args.common.json {
        say(&as_json(command, args, done, &warnings.told(), exit));
    } else if !args.common.quiet {
        say(&text(args, done));
    }
    exit
}

fn text(args: &UpdateArgs, done: &Report) -> String {
    let (app, root) = (&done.app, report::place(&done.root));
    let current = done.before.map_or_else(|| "nothing".to_owned(), |serial| format!("release {serial}"));
    match &done.outcome {
        Outcome::Nothing => {
            format!("{} {current} of {app} is the newest in {}\n", paint(GREEN, "up to date:"), done.channel)
        }
        Outcome::Stays(why) => {
            let help = match why {
                Never::Bad { serial } => format!("; --retry-bad {serial} takes it all the same"),
                _ => String::new(),
            };
            format!("{} {current} of {app} stays: {why}{help}\n", paint(YELLOW, "as before:"))
        }
        Outcome::Available(release) => {
            let verb = if args.dry_run { "would update:" } else { "available:" };
            let (named, way) = (named(app, release), way(release.way));
            format!("{} {named}, {way}; {current} is current in {root}\n", paint(GREEN, verb))
        }
        Outcome::Returned { serial, to, failed } => {
            let to =
                to.map_or_else(|| "no release is current".to_owned(), |to| format!("release {to} is current again"));
            let label = paint(RED, "rolled back:");
            format!(
                "{label} release {serial} of {app} was not well: {failed}; {to}, and {serial} does not come again by itself\n"
            )
        }
        Outcome::Updated { release, gone, leased } => {
            let (named, way) = (named(app, release), way(release.way));
            let before = done.before.map_or_else(String::new, |before| format!(" in the place of {before}"));
            let mut text = format!("{} {named} is current{before}, {way}, in {root}\n", paint(GREEN, "updated:"));
            text += &listed("removed", gone);
            text + &listed("still running, removed later", leased)
        }
    }
}

fn named(app: &str, release: &Summary) -> String {
    format!("{app} {} (release {})", release.version, release.serial)
}

fn way(way: Way) -> String {
    match way {
        Way::Installed => "which is here already".to_owned(),
        Way::Delta { base, bytes: size } => format!("{} as a change from release {base}", bytes(size)),
        Way::Full { bytes: size } => format!("{} as a whole", bytes(size)),
    }
}

fn listed(label: &str, serials: &[Serial]) -> String {
    if serials.is_empty() {
        return String::new();
    }
    let names: Vec<_> = serials.iter().map(ToString::to_string).collect();
    format!("{label}: {} {}\n", if names.len() == 1 { "release" } else { "releases" }, names.join(", "))
}

fn as_json(command: &str, args: &UpdateArgs, done: &Report, warnings: &[String], exit: Exit) -> String {
    let release = |release: &Summary| {
        let (way, base, fetched) = match release.way {
            Way::Installed => ("installed", None, 0),
            Way::Delta { base, bytes } => ("delta", Some(base), bytes),
            Way::Full { bytes } => ("full", None, bytes),
        };
        json!({ "serial": release.serial, "version": release.version, "way": way, "base": base, "fetched": fetched })
    };
    let (outcome, about) = match &done.outcome {
        Outcome::Nothing => ("nothing new", Value::Null),
        Outcome::Stays(why) => ("stays", json!(why.to_string())),
        Outcome::Returned { failed, .. } => ("rolled back", json!(failed.to_string())),
        Outcome::Available(found) => ("available", release(found)),
        Outcome::Updated { release: found, .. } => ("updated", release(found)),
    };
    let (gone, leased) = match &done.outcome {
        Outcome::Updated { gone, leased, .. } => (gone.as_slice(), leased.as_slice()),
        _ => (&[][..], &[][..]),
    };
    let returned = match &done.outcome {
        Outcome::Returned { serial, to, .. } => json!({ "from": serial, "to": to }),
        _ => Value::Null,
    };
    let (why, release) = if about.is_string() { (about, Value::Null) } else { (Value::Null, about) };
    json::of(
        command,
        exit,
        &json!({
            "dry_run": args.dry_run, "root": json::place(&done.root), "app": done.app, "channel": done.channel,
            "before": done.before, "outcome": outcome, "release": release, "why": why,
            "returned": returned, "removed": gone, "leased": leased, "warnings": warnings,
        }),
    )
}
