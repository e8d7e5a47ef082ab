//! `relocate repo gc`: what nobody needs any more goes.

use super::{Opened, failure, warn};
use crate::cli::args::RepoGcArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::{json, report};
use crate::publish::{Serials, gc, unlist};
use report::{GREEN, count, paint, say};
use serde_json::json;
use std::fmt::Write as _;

pub(super) fn run(args: &RepoGcArgs) -> Result<Exit, Failure> {
    report::colour(args.common.color);
    let opened = Opened::of(&args.repo, &args.reach)?;
    let signers = opened.signers(&args.keys)?;
    let desk = opened.desk(&signers);
    let unlisted = unlist(&desk, args.dry_run).map_err(|error| failure(&error))?;
    let done = gc(&desk, args.grace_days, args.dry_run).map_err(|error| failure(&error))?;
    if args.common.json {
        let unlisted: Vec<_> = unlisted.iter().map(|(app, serial)| json!({"app": app, "serial": serial})).collect();
        let fields = json!({"dry_run": args.dry_run, "repo": args.repo, "unlisted": unlisted, "removed": done.removed});
        say(&json::of("repo gc", Exit::Done, &fields));
    } else if !args.common.quiet {
        say(&summary(args.dry_run, &unlisted, &done.removed));
    }
    warn(&done.state, args.common.quiet);
    Ok(Exit::Done)
}

fn summary(dry_run: bool, unlisted: &Serials, removed: &[String]) -> String {
    let mut text = String::new();
    for (app, serial) in unlisted {
        let _ = writeln!(text, "release {serial} of {app} is listed no more");
    }
    for name in removed {
        let _ = writeln!(text, "{name}");
    }
    let verb = if dry_run { "would remove" } else { "removed" };
    let _ = writeln!(text, "{}", paint(GREEN, &format!("{verb} {}", count(removed.len(), "file"))));
    text
}
