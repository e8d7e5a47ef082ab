//! `relocate self update`: the newest version is fetched, tried, and used from the next start on.

use super::with;
use crate::base::child::Cancel;
use crate::cli::args::SelfUpdateArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::json;
use crate::cli::progress::Progress;
use crate::cli::repo::end;
use crate::cli::report::{self, GREEN, YELLOW, paint, say};
use crate::cli::update::{Warnings, absolute, failed, place};
use crate::client::RootKey;
use crate::own::{self, OwnError, Typed, Update, Updated};
use serde_json::{Value, json};
use std::ffi::OsString;

pub(super) fn run(args: &SelfUpdateArgs, arguments: &[OsString]) -> Exit {
    report::colour(args.common.color);
    let warnings = Warnings::new(args.common.json);
    match work(args, &warnings) {
        Ok(Updated::Enter(entrance)) => {
            let error = entrance.go(arguments, std::process::id());
            let text = format!("the copy in use could not be entered: {error}");
            end("self update", &args.common, Err(Failure::new(Exit::Environment, text)))
        }
        Ok(done) => tell(args, done, warnings, arguments),
        Err(failure) => failure.tell("self update", failed(&args.common)),
    }
}

fn work(args: &SelfUpdateArgs, warnings: &Warnings) -> Result<Updated, Failure> {
    let read = args.root_key.as_deref().map(RootKey::read).transpose();
    let root_key = read.map_err(|error| super::failure(&OwnError::from(error)))?;
    let typed = Typed {
        from: args.from.as_deref().map(place).transpose()?,
        channel: args.channel.clone(),
        ca_file: args.ca_file.as_deref().map(absolute).transpose()?,
    };
    let progress = Progress::new(args.common.quiet || args.common.json);
    let update = Update {
        typed,
        root_key: root_key.as_ref(),
        check: args.check,
        again: args.retry_bad,
        wait: args.wait,
        warn: &|text| warnings.take(text),
        listener: &progress,
        cancel: &Cancel::default(),
    };
    with(|own| own.update(&update))
}

fn tell(args: &SelfUpdateArgs, mut done: Updated, warnings: Warnings, arguments: &[OsString]) -> Exit {
    if let Updated::Taken { version, next, .. } = &mut done
        && let Some(entrance) = next.take()
    {
        // What it takes is what is told; this program tells where it cannot.
        let error = entrance.go(arguments, std::process::id());
        warnings.take(format!("relocate {version} could not be entered to take a newer one: {error}"));
    }
    let exit = if matches!(done, Updated::Available(_)) { Exit::Available } else { Exit::Done };
    if args.common.json {
        say(&json::of("self update", exit, &document(&done, warnings)));
    } else if !args.common.quiet {
        say(&text(&done));
    }
    exit
}

fn text(done: &Updated) -> String {
    let have = own::VERSION;
    match done {
        Updated::Nothing(channel) => {
            format!("{} relocate {have} is the newest in {channel}\n", paint(GREEN, "up to date:"))
        }
        Updated::Stays(version) => {
            let why = format!("{version} failed here or was gone back from; --retry-bad takes it all the same");
            format!("{} relocate {have} stays: {why}\n", paint(YELLOW, "as before:"))
        }
        Updated::Available(version) => {
            format!("{} relocate {version}; this is {have}\n", paint(GREEN, "available:"))
        }
        Updated::OutOfReach { version, wants } => {
            let why = format!("{version} wants {wants} to take it, and there is no way to that");
            format!("{} relocate {have} stays: {why}\n", paint(YELLOW, "as before:"))
        }
        Updated::Taken { version, .. } => {
            format!("{} relocate {version} is used from now on in the place of {have}\n", paint(GREEN, "updated:"))
        }
        Updated::Enter(_) => String::new(),
    }
}

fn document(done: &Updated, warnings: Warnings) -> Value {
    let (outcome, version, sha256) = match done {
        Updated::Nothing(_) | Updated::Enter(_) => ("nothing new", None, None),
        Updated::Stays(version) => ("stays", Some(version), None),
        Updated::OutOfReach { version, .. } => ("out of reach", Some(version), None),
        Updated::Available(version) => ("available", Some(version), None),
        Updated::Taken { version, sha256, .. } => ("updated", Some(version), Some(sha256)),
    };
    let version = version.map(ToString::to_string);
    json!({
        "outcome": outcome, "before": own::VERSION, "version": version, "sha256": sha256, "warnings": warnings.told(),
    })
}
