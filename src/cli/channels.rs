//! `relocate promote` and `relocate retire`: who is to have a release.

use super::args::{ChangeArgs, PromoteArgs, RetireArgs, WhichArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::repo::{Opened, end, failure, warn};
use super::{json, report};
use crate::publish::{self, Changed, Desk, PublishError, Which};
use report::{GREEN, YELLOW, paint, say, talk};
use serde_json::json;

/// Runs `promote`.
pub(super) fn promote(args: &PromoteArgs) -> Exit {
    let (channel, dry_run) = (args.channel.as_str(), args.change.dry_run);
    let work = |desk: &Desk<'_>, which: Which<'_>| publish::promote(desk, which, channel, dry_run);
    end("promote", &args.change.common, change("promote", (&args.repo, &args.which), &args.change, &work))
}

/// Runs `retire`.
pub(super) fn retire(args: &RetireArgs) -> Exit {
    let (channel, dry_run) = (args.channel.as_deref(), args.change.dry_run);
    let work = |desk: &Desk<'_>, which: Which<'_>| publish::retire(desk, which, channel, dry_run);
    end("retire", &args.change.common, change("retire", (&args.repo, &args.which), &args.change, &work))
}

fn change(
    command: &str,
    (repo, which): (&str, &WhichArgs),
    args: &ChangeArgs,
    work: &dyn Fn(&Desk<'_>, Which<'_>) -> Result<Changed, PublishError>,
) -> Result<Exit, Failure> {
    report::colour(args.common.color);
    let opened = Opened::of(repo, &args.reach)?;
    let signers = opened.signers(&args.keys)?;
    let named = Which { app: &which.app, serial: which.serial };
    let done = work(&opened.desk(&signers), named).map_err(|error| failure(&error))?;
    if args.common.json {
        let fields = json!({
            "dry_run": args.dry_run, "repo": repo, "app": which.app, "serial": which.serial, "changed": done.is_new,
            "channels": done.channels, "emptied": done.emptied,
        });
        say(&json::of(command, Exit::Done, &fields));
    } else if !args.common.quiet {
        say(&sentence(which, args.dry_run, &done));
    }
    if !args.common.quiet {
        for channel in &done.emptied {
            talk(&format!("{} nobody has {channel} any more: it has no release\n", paint(YELLOW, "warning:")));
        }
    }
    warn(&done.state, args.common.quiet);
    Ok(Exit::Done)
}

fn sentence(which: &WhichArgs, dry_run: bool, done: &Changed) -> String {
    let channels: Vec<_> = done.channels.iter().map(String::as_str).collect();
    let channels = if channels.is_empty() { "nobody".to_owned() } else { channels.join(", ") };
    let verb = match (done.is_new, dry_run) {
        (false, _) => "is already",
        (true, true) => "would be",
        (true, false) => "is now",
    };
    format!("{}\n", paint(GREEN, &format!("release {} of {} {verb} for {channels}", which.serial, which.app)))
}
