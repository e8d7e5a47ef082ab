//! `relocate self status`: which version runs, which are here, and what is known of the repository.

use super::with;
use crate::cli::args::SelfStatusArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::json;
use crate::cli::repo::{end, now};
use crate::cli::report::{self, Table, place, say};
use crate::own::{self, OneCopy, Status};
use crate::tuf::Moment;
use crate::web::shown_url;
use serde_json::{Value, json};

pub(super) fn run(args: &SelfStatusArgs) -> Exit {
    report::colour(args.common.color);
    end("self status", &args.common, work(args))
}

fn work(args: &SelfStatusArgs) -> Result<Exit, Failure> {
    #[expect(clippy::redundant_closure_for_method_calls, reason = "a method is not general enough over lifetimes")]
    let status = with(|own| own.status())?;
    if args.common.json {
        say(&json::of("self status", Exit::Done, &document(&status)));
    } else if !args.common.quiet {
        say(&text(&status));
    }
    Ok(Exit::Done)
}

fn text(status: &Status) -> String {
    let mut table = Table::default();
    table.row("installed", format!("relocate {}", own::VERSION));
    let runs = status.runs.as_ref().map_or_else(|| "this one".to_owned(), |version| format!("relocate {version}"));
    table.row("runs", runs);
    for copy in &status.copies {
        table.row("copy", format!("{}{}\n{}", copy.version, role(copy), place(&copy.path)));
    }
    for (digest, bad) in &status.bad {
        table.row("bad", format!("{} ({digest}): {}", bad.version, bad.why));
    }
    for (digest, version) in &status.left {
        table.row("left", format!("{version} ({digest}): gone back from"));
    }
    let Some(source) = &status.source else {
        table.row("follows", "nothing; 'relocate self update --from PLACE --root-key FILE|SHA256' begins");
        return table.text();
    };
    let project = status.project.as_ref().map_or_else(String::new, |file| format!(", by {}", place(file)));
    table.row("follows", format!("{}, channel {}{project}", shown_url(&source.from), source.channel));
    table.row("policy", source.policy.to_string());
    let since = |moment: Moment| format!("{moment} ({} ago)", now().since(moment));
    table.row("asked", status.asked.map_or_else(|| "not yet".to_owned(), since));
    let available = match (&status.available, &status.unknown) {
        (Some(version), _) => format!("relocate {version}"),
        (None, Some(why)) => format!("not known: {why}"),
        (None, None) => "nothing newer".to_owned(),
    };
    table.row("available", available);
    if let Some(version) = &status.fetching {
        table.row("fetching", format!("relocate {version}"));
    }
    let good = status
        .good_until
        .map(|until| if until <= now() { format!("; EXPIRED since {until}") } else { format!("; good until {until}") });
    if let Some(checked) = status.checked {
        table.row("known", format!("found good {}{}", since(checked), good.unwrap_or_default()));
    }
    table.text()
}

fn role(copy: &OneCopy) -> &'static str {
    match (copy.is_current, copy.is_previous) {
        (true, _) => ", entered",
        (_, true) => ", a rollback goes here",
        _ => "",
    }
}

fn document(status: &Status) -> Value {
    let moment = |moment: Option<Moment>| moment.map(|moment| moment.to_string());
    let copy = |copy: &OneCopy| {
        json!({
            "version": copy.version, "sha256": copy.sha256, "path": json::place(&copy.path), "current": copy.is_current,
            "previous": copy.is_previous,
        })
    };
    let bad =
        status.bad.iter().map(|(digest, bad)| json!({ "version": bad.version, "sha256": digest, "why": bad.why }));
    let left = status.left.iter().map(|(digest, version)| json!({ "version": version, "sha256": digest }));
    let source = status.source.as_ref();
    let version = |version: Option<&crate::release::Version>| version.map(ToString::to_string);
    json!({
        "installed": own::VERSION, "runs": version(status.runs.as_ref()).unwrap_or_else(|| own::VERSION.to_owned()),
        "home": status.home.as_deref().map(json::place), "project": status.project.as_deref().map(json::place),
        "copies": status.copies.iter().map(copy).collect::<Vec<_>>(), "bad": bad.collect::<Vec<_>>(), "left": left.collect::<Vec<_>>(),
        "from": source.map(|source| shown_url(&source.from)), "channel": source.map(|source| &source.channel),
        "policy": source.map(|source| source.policy), "asked": moment(status.asked), "checked": moment(status.checked),
        "good_until": moment(status.good_until), "expired": status.good_until.map(|until| until <= now()),
        "available": version(status.available.as_ref()), "fetching": status.fetching, "unknown": status.unknown,
    })
}
