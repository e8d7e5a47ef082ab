//! `relocate fetch`: the source archives of everything a recipe needs, so that a build can run without the network.

use super::args::FetchArgs;
use super::build::{Read, failure, read};
use super::building::Building;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::sources::Reach;
use super::{pack, report};
use crate::base::child::Cancel;
use crate::build::distfile::{self, Distfile};
use crate::build::job::{self, Had, JobError};
use report::{GREEN, bytes, count, paint, say, talk};
use serde_json::json;
use std::fmt::Write as _;

/// Runs the command.
pub(super) fn run(args: &FetchArgs) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    fetch(args)
        .unwrap_or_else(|failure| failure.tell("fetch", if args.common.json { Json::Stdout } else { Json::None }))
}

fn fetch(args: &FetchArgs) -> Result<Exit, Failure> {
    let read = read(&args.recipe, &args.places, false)?;
    let reach = Reach::of(&read, &args.places)?;
    let building = Building::new(args.common.quiet || args.common.json);
    let cancel = Cancel::default();
    let tree = reach.tree(&read, &building, &cancel)?;
    let wish = reach.wish(&read, tree.as_ref(), args.common.jobs, (&building, &cancel))?;
    let done = job::prepare(&wish).and_then(|prepared| {
        if !args.common.quiet {
            talk(&report::findings(&prepared.findings));
        }
        let site = prepared.site();
        let files = prepared.all(&site, &prepared.ask(&site)?)?;
        if args.dry_run { Ok((files, None)) } else { prepared.fetch(files).map(|had| (Vec::new(), Some(had))) }
    });
    building.end();
    match done.map_err(|error| failure(&error))? {
        (_, Some(had)) => Ok(fetched(args, &read, &had)),
        (files, None) => looked(args, &read, &files),
    }
}

fn fetched(args: &FetchArgs, read: &Read, had: &Had) -> Exit {
    let size: u64 = had.fetched.files.iter().map(|file| file.size).sum();
    if args.common.json {
        let files = had.files.iter().zip(&had.fetched.files).map(|(file, present)| {
            let from = present.from.as_deref();
            json!({ "file": file.path(), "size": present.size, "sha256": present.sha256.to_string(), "from": from, "needed_by": file.needed_by })
        });
        let files: Vec<_> = files.collect();
        say(&super::json::line(&json!({ "command": "fetch", "files": files })));
    } else if !args.common.quiet {
        let files = count(had.files.len(), "source archive");
        say(&format!("{} {files}, {}, in {}\n", paint(GREEN, "here:"), bytes(size), report::place(&read.distfiles)));
    }
    Exit::Done
}

/// What would be fetched; 1 where something is.
fn looked(args: &FetchArgs, read: &Read, files: &[Distfile]) -> Result<Exit, Failure> {
    let there = distfile::present(files, &read.distfiles).map_err(|error| failure(&JobError::Fetch(error)))?;
    let missing: Vec<&Distfile> =
        files.iter().zip(&there).filter(|(_, there)| !matches!(there, Some(Ok(_)))).map(|(file, _)| file).collect();
    let exit = if missing.is_empty() { Exit::Done } else { Exit::No };
    if args.common.json {
        let files = missing.iter().map(|file| {
            let place = file.place(&read.distfiles);
            let place = super::json::bytes(place.as_os_str().as_encoded_bytes());
            json!({ "file": file.path(), "size": file.size, "urls": file.urls, "place": place, "needed_by": file.needed_by })
        });
        let missing: Vec<_> = files.collect();
        say(&super::json::line(
            &json!({ "command": "fetch", "dry_run": true, "missing": missing, "exit": exit as u8 }),
        ));
        return Ok(exit);
    }
    let mut text = String::new();
    for file in &missing {
        let size = file.size.map_or_else(String::new, |size| format!(" ({})", bytes(size)));
        let _ = writeln!(text, "{}{size}, needed by {}", file.path(), file.needed_by.join(", "));
        let _ = writeln!(text, "  belongs to {}", report::place(&file.place(&read.distfiles)));
        for url in &file.urls {
            let _ = writeln!(text, "  {url}");
        }
    }
    let _ = writeln!(text, "{} of {} missing", missing.len(), count(files.len(), "source archive"));
    say(&text);
    Ok(exit)
}
