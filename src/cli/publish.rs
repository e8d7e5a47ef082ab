//! `relocate publish`: a proven archive becomes a release of a repository.

use super::args::PublishArgs;
use super::exit::Exit;
use super::failure::Failure;
use super::pack;
use super::progress::Progress;
use super::repo::{Opened, end, failure, warn};
use super::{json, report};
use crate::base::host;
use crate::pack::Limits;
use crate::publish::{Publication, Published, publish};
use crate::release::File;
use report::{GREEN, Table, bytes, count, paint, place, say, talk};
use serde_json::{Value, json};

/// Runs the command.
pub(super) fn run(args: &PublishArgs) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    end("publish", &args.common, work(args))
}

fn work(args: &PublishArgs) -> Result<Exit, Failure> {
    if let Err(error) = std::fs::metadata(&args.archive) {
        return Err(pack::Usage::new(format!("cannot read {}: {error}", place(&args.archive))).into());
    }
    let opened = Opened::of(&args.repo, &args.reach)?;
    let signers = opened.signers(&args.keys)?;
    let platform = args.platform.clone().unwrap_or_else(|| format!("{}-linux", std::env::consts::ARCH));
    let publication = Publication {
        archive: &args.archive,
        app: &args.app,
        version: args.version.as_deref(),
        channel: &args.channel,
        platform: &platform,
        serial: args.serial,
        deltas: args.deltas,
        limits: &Limits { set_id: args.allow_setuid, ..Limits::default() },
        level: args.level,
        jobs: args.common.jobs.map_or_else(host::processors, usize::from),
        dry_run: args.dry_run,
    };
    let progress = Progress::new(args.common.quiet || args.common.json);
    let done = publish(&opened.desk(&signers), &publication, &progress).map_err(|error| failure(&error))?;
    if args.common.json {
        say(&json::of("publish", Exit::Done, &document(args, &done)));
    } else if !args.common.quiet {
        say(&summary(args, &done));
    }
    if !args.common.quiet {
        done.passed_over.iter().for_each(|why| talk(&format!("note: {why}\n")));
    }
    warn(&done.state, args.common.quiet);
    Ok(Exit::Done)
}

fn document(args: &PublishArgs, done: &Published) -> Value {
    let custom = &done.release.custom;
    let file = |file: &File| json!({"name": file.name, "bytes": file.length, "sha256": file.sha256});
    let deltas =
        done.release.deltas.iter().map(
            |(base, delta)| json!({"from": base, "name": delta.name, "bytes": delta.length, "sha256": delta.sha256}),
        );
    json!({
        "dry_run": args.dry_run, "repo": args.repo, "archive": json::place(&args.archive), "app": custom.app, "serial": custom.serial,
        "version": custom.version, "channels": custom.channels, "platform": custom.platform, "was_there": done.was_there,
        "capacity": custom.capacity, "longest_root": done.longest_root, "installed_bytes": custom.installed_bytes,
        "full": file(&done.release.full), "manifest": file(&done.release.manifest), "deltas": deltas.collect::<Vec<_>>(),
        "passed_over": done.passed_over, "written_files": done.written.0, "written_bytes": done.written.1,
    })
}

fn summary(args: &PublishArgs, done: &Published) -> String {
    let (release, custom) = (&done.release, &done.release.custom);
    let mut table = Table::default();
    table.row("release", format!("{} {} ({}), for {}", custom.app, custom.serial, custom.version, args.channel));
    let size = bytes(custom.installed_bytes);
    table.row("full pack", format!("{}, {size} installed", bytes(release.full.length)));
    for (base, delta) in &release.deltas {
        table.row(&format!("from {base}"), bytes(delta.length));
    }
    let room = match done.longest_root {
        Some(longest) => format!("a path of at most {longest} bytes"),
        None => "a path of any length".to_owned(),
    };
    table.row("room", format!("{room}, below which it lies in r/{}", custom.serial));
    let said = match (done.was_there, args.dry_run) {
        (true, _) => "it is published already; nothing was done".to_owned(),
        (false, true) => format!("would publish release {}", custom.serial),
        (false, false) => {
            let (files, size) = done.written;
            format!("published release {}: {}, {}", custom.serial, count(files, "file"), bytes(size))
        }
    };
    format!("{}{}\n", table.text(), paint(GREEN, &said))
}
