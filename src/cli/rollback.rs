//! `relocate rollback` and `relocate pin`: what is done with releases that are here already.

use super::args::{Common, PinArgs, RollbackArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::repo::now;
use super::update::{absolute, failed, failure, wait};
use super::{json, pack, report};
use crate::live::Serial;
use crate::update::{self, Back, Rollback};
use report::{GREEN, paint, say};
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

/// Runs `relocate rollback`.
pub(super) fn run(args: &RollbackArgs) -> Exit {
    begin(&args.common);
    let done = absolute(&args.root).and_then(|root| {
        let ask = ask(&root, args.wait, args.dry_run, !args.no_hooks);
        update::rollback(&ask, args.to.map(Serial)).map_err(|error| failure(&error))
    });
    match done {
        Ok(back) => tell(args, &back),
        Err(failure) => failure.tell("rollback", failed(&args.common)),
    }
}

/// Runs `relocate pin`.
pub(super) fn pin(args: &PinArgs) -> Exit {
    begin(&args.common);
    let done: Result<(), Failure> = absolute(&args.root).and_then(|root| {
        let ask = ask(&root, args.wait, args.dry_run, false);
        update::pin(&ask, Serial(args.serial), !args.off).map_err(|error| failure(&error))
    });
    if let Err(failure) = done {
        return failure.tell("pin", failed(&args.common));
    }
    if args.common.json {
        say(&json::of(
            "pin",
            Exit::Done,
            &json!({
                "dry_run": args.dry_run, "root": json::place(&args.root), "serial": args.serial, "pinned": !args.off,
            }),
        ));
    } else if !args.common.quiet {
        let verb = match (args.dry_run, args.off) {
            (true, false) => "would stay",
            (true, true) => "would go when its time comes",
            (false, false) => "stays",
            (false, true) => "goes when its time comes",
        };
        say(&format!("{} release {} {verb}\n", paint(GREEN, "pin:"), args.serial));
    }
    Exit::Done
}

fn begin(common: &Common) {
    report::colour(common.color);
    pack::set_jobs(common.jobs);
}

fn ask(root: &Path, waits: bool, dry_run: bool, hooks: bool) -> Rollback<'_> {
    Rollback { root, wait: wait(waits), dry_run, hooks, tool: env!("CARGO_PKG_VERSION"), clock: &now }
}

fn tell(args: &RollbackArgs, back: &Back) -> Exit {
    if args.common.json {
        say(&json::of(
            "rollback",
            Exit::Done,
            &json!({
                "dry_run": args.dry_run, "root": json::place(&args.root), "before": back.from, "serial": back.to,
                "version": back.version, "bad": back.from.filter(|_| back.marked),
            }),
        ));
    } else if !args.common.quiet {
        let version = back.version.as_ref().map_or_else(String::new, |version| format!(" ({version})"));
        let verb = if args.dry_run { "would be current" } else { "is current" };
        let mut text = format!("{} release {}{version} {verb}", paint(GREEN, "rollback:"), back.to);
        if let Some(from) = back.from {
            let _ = write!(text, " in the place of {from}");
        }
        if let Some(from) = back.from.filter(|_| back.marked) {
            let _ = write!(text, "; {from} does not come again by itself");
        }
        say(&format!("{text}\n"));
    }
    Exit::Done
}
