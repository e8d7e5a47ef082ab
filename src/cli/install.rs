//! `relocate install`: an archive becomes a tree at its final path.

use super::args::InstallArgs;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::pack::{self, Usage};
use super::progress::Progress;
use super::{json, report};
use crate::base::host;
use crate::base::path::{Prefix, RelPath};
use crate::install::{self, Install, InstallError, Installed};
use crate::pack::{Limits, Refusal, RestoreError, UnpackError};
use report::{GREEN, Table, bytes, count, paint, say};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Runs the command.
pub(super) fn run(args: &InstallArgs) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    match work(args) {
        Ok((dest, installed)) => tell(args, &dest, &installed),
        Err(failure) => failure.tell("install", if args.common.json { Json::Stdout } else { Json::None }),
    }
}

fn work(args: &InstallArgs) -> Result<(Prefix, Installed), Failure> {
    if let Err(error) = std::fs::metadata(&args.archive) {
        return Err(Usage::new(format!("cannot read {}: {error}", report::place(&args.archive))).into());
    }
    let dest = path(&args.dest)?;
    let leave: BTreeSet<String> = args.leave.iter().cloned().collect();
    let limits = Limits { set_id: args.allow_setuid, ..Limits::default() };
    let install =
        Install { archive: &args.archive, dest: &dest, leave: &leave, limits: &limits, dry_run: args.dry_run };
    let progress = Progress::new(args.common.quiet || args.common.json);
    let installed = install::archive(&install, &progress).map_err(|error| failure(&args.archive, &error))?;
    Ok((dest, installed))
}

/// The absolute path that is meant, and that files can name.
pub(super) fn path(typed: &Path) -> Result<Prefix, Failure> {
    let absolute = host::absolute(typed).map_err(|error| {
        Failure::new(Exit::Environment, format!("cannot tell where {} is: {error}", report::place(typed)))
    })?;
    let prefix = Prefix::new(absolute.as_os_str().as_bytes());
    prefix.ok_or_else(|| Usage::new(format!("{} is no place for a tree of its own", report::place(typed))).into())
}

fn failure(archive: &Path, error: &InstallError) -> Failure {
    let (exit, help) = match error {
        InstallError::Misfit(misfit) => (Exit::Refused, Some(misfit.help())),
        InstallError::Differs { .. } => {
            (Exit::No, Some("get the archive again, and compare its sha256 with the published one".to_owned()))
        }
        InstallError::Archive(RestoreError::NoRecord { .. }) => {
            let file = report::place(archive);
            let help = format!("unpack it with 'tar xf {file}', then run 'relocate fix DIR --old-prefix PATH'");
            (Exit::Environment, Some(help))
        }
        InstallError::Archive(RestoreError::Archive(UnpackError::Entry { why: Refusal::SetId(_), .. })) => {
            (Exit::Environment, Some("where you trust the archive, --allow-setuid unpacks it".to_owned()))
        }
        InstallError::Write(error) => (Exit::Environment, error.help()),
        InstallError::Archive(_) | InstallError::Record { .. } => (Exit::Environment, None),
    };
    Failure::new(exit, error.to_string()).help(help)
}

fn tell(args: &InstallArgs, dest: &Prefix, installed: &Installed) -> Exit {
    if args.common.json {
        say(&json::install(&args.archive, dest, installed, args.dry_run));
    } else if !args.common.quiet {
        say(&summary(args, dest, installed));
    }
    Exit::Done
}

fn summary(args: &InstallArgs, dest: &Prefix, installed: &Installed) -> String {
    let mut table = Table::default();
    table.row("archive", format!("{}, built for {}", report::place(&args.archive), built_for(installed)));
    table.row("tree", format!("{} entries, {}", installed.entries, bytes(installed.bytes)));
    let filled = match installed.files {
        0 => "none: nothing in it depends on its path".to_owned(),
        files => format!("{} in {}", count(installed.places, "place"), count(files, "file")),
    };
    table.row("path written", filled);
    left(&mut table, &installed.left);
    if let Some(capacity) = installed.about.capacity {
        table.row("room", format!("for a path of {capacity} bytes; this one has {}", dest.as_bytes().len()));
    }
    let (verb, proof) = match (args.dry_run, installed.about.proven) {
        (true, _) => ("would install to", ""),
        (false, true) => ("installed to", ""),
        (false, false) => ("installed to", " (its closure was not proven when it was packed)"),
    };
    format!("{}{}\n", table.text(), paint(GREEN, &format!("{verb} {dest}{proof}")))
}

fn built_for(installed: &Installed) -> String {
    let prefixes: Vec<_> = installed.about.old_prefixes.iter().map(Prefix::display).collect();
    if prefixes.is_empty() { "no prefix that is known".to_owned() } else { prefixes.join(", ") }
}

/// A row for each class that was left as it is.
pub(super) fn left(table: &mut Table, left: &BTreeMap<String, Vec<RelPath>>) {
    for (class, files) in left {
        let first = files.first().map(|path| path.display().into_owned()).unwrap_or_default();
        let text = format!("class {class}: {}, such as {first}, name the path they had", count(files.len(), "file"));
        table.row("left", text);
    }
}
