//! `relocate releases`: the state of a directory of releases, as a person can read it.

use super::args::ReleasesArgs;
use super::exit::Exit;
use super::failure::Json;
use super::repo::now;
use super::update::{absolute, failure, platform};
use super::{json, report};
use crate::live::Serial;
use crate::tuf::Moment;
use crate::update::{self, Installed, Status};
use crate::web::shown_url;
use report::{Table, say};
use serde_json::json;
use std::fmt::Write as _;

/// Runs the command.
pub(super) fn run(args: &ReleasesArgs) -> Exit {
    report::colour(args.common.color);
    let (now, platform) = (now(), platform());
    let looked =
        absolute(&args.root).and_then(|root| update::status(&root, &platform, now).map_err(|error| failure(&error)));
    match looked {
        Ok(status) if args.common.json => say(&as_json(&status, now)),
        Ok(status) => say(&text(&status, now)),
        Err(failure) => return failure.tell("releases", if args.common.json { Json::Stdout } else { Json::None }),
    };
    Exit::Done
}

fn text(status: &Status, now: Moment) -> String {
    let mut table = Table::default();
    if let Some(source) = &status.source {
        table.row("application", format!("{}, channel {}", source.app, source.channel));
        table.row("from", shown_url(&source.from));
    }
    table.row("current", current(status, now));
    let marks = |release: &Installed| marks(status, release);
    let here: Vec<_> = status.installed.iter().rev().map(marks).collect();
    table.row("installed", if here.is_empty() { "nothing".to_owned() } else { here.join("\n") });
    let absent = status.bad.iter().filter(|serial| !status.installed.iter().any(|release| release.serial == **serial));
    let absent: Vec<_> = absent.map(ToString::to_string).collect();
    if !absent.is_empty() {
        table.row("bad", format!("{} too, no longer here", absent.join(", ")));
    }
    table.row("available", available(status));
    table.row("known", fresh(status, now));
    table.text()
}

fn current(status: &Status, now: Moment) -> String {
    let Some(serial) = status.current else { return "nothing yet".to_owned() };
    let found = status.installed.iter().find(|release| release.serial == serial);
    let version = found.and_then(|release| release.version.as_deref()).unwrap_or("of an unknown version");
    let since = status.since.map_or_else(String::new, |since| format!(", since {since} ({})", now.since(since)));
    format!("release {serial}, {version}{since}")
}

fn marks(status: &Status, release: &Installed) -> String {
    let mut text = release.serial.to_string();
    if let Some(version) = &release.version {
        let _ = write!(text, "  {version}");
    }
    if let Some(moment) = release.installed {
        let _ = write!(text, "  installed {moment}");
    }
    let marks = [
        (status.current == Some(release.serial), "current"),
        (status.back == Some(release.serial), "a rollback goes here"),
        (release.pinned, "pinned"),
        (release.bad, "bad: no update takes it"),
    ];
    for (_, word) in marks.into_iter().filter(|(is_so, _)| *is_so) {
        let _ = write!(text, "  ({word})");
    }
    text
}

fn available(status: &Status) -> String {
    let Some((serial, version)) = &status.newest else { return "nothing that is known".to_owned() };
    let bad = if status.bad.contains(serial) { ", which was gone back from" } else { "" };
    match status.current.map(|current| current.cmp(serial)) {
        Some(std::cmp::Ordering::Equal) => "nothing newer".to_owned(),
        Some(std::cmp::Ordering::Greater) => format!("nothing newer; the newest there is {serial}, {version}"),
        _ => format!("release {serial}, {version}{bad}"),
    }
}

/// How fresh what is known of the repository is.
fn fresh(status: &Status, now: Moment) -> String {
    if let Some(why) = &status.unknown {
        return why.clone();
    }
    let checked = status.checked.map_or_else(
        || "never found good".to_owned(),
        |checked| format!("found good {checked} ({} ago)", now.since(checked)),
    );
    match status.good_until {
        Some(until) if until <= now => format!("{checked}; EXPIRED since {until}"),
        Some(until) => format!("{checked}; good until {until}, {} from now", until.since(now)),
        None => checked,
    }
}

fn as_json(status: &Status, now: Moment) -> String {
    let moment = |moment: Option<Moment>| moment.map(|moment| moment.to_string());
    let release = |release: &Installed| {
        json!({
            "serial": release.serial, "version": release.version, "installed": moment(release.installed),
            "pinned": release.pinned, "bad": release.bad,
        })
    };
    let installed: Vec<_> = status.installed.iter().map(release).collect();
    let newest = status.newest.as_ref().map(|(serial, version)| json!({ "serial": serial, "version": version }));
    let source = status.source.as_ref();
    let bad: Vec<Serial> = status.bad.clone();
    json::of(
        "releases",
        Exit::Done,
        &json!({
            "root": json::place(&status.root), "app": source.map(|source| &source.app),
            "channel": source.map(|source| &source.channel), "from": source.map(|source| shown_url(&source.from)),
            "current": status.current, "since": moment(status.since), "back": status.back, "installed": installed,
            "bad": bad, "newest": newest, "checked": moment(status.checked), "good_until": moment(status.good_until),
            "expired": status.good_until.map(|until| until <= now), "unknown": status.unknown,
        }),
    )
}
