//! `relocate self publish`: a program that passed its own test becomes a version that machines and projects can follow.

use crate::base::write::Scratch;
use crate::cli::args::SelfPublishArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::pack::Usage;
use crate::cli::repo::{Opened, end, failure, warn};
use crate::cli::{json, report};
use crate::own;
use crate::publish::{PublishedTool, ToolPublication, publish_tool};
use crate::release::Version;
use report::{GREEN, Table, bytes, paint, place, say};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

pub(super) fn run(args: &SelfPublishArgs) -> Exit {
    report::colour(args.common.color);
    end("self publish", &args.common, work(args))
}

fn work(args: &SelfPublishArgs) -> Result<Exit, Failure> {
    let wants = args.min_tool.as_deref().map(version).transpose()?;
    // What is tried, digested and put is one file that nobody else changes.
    let room = Scratch::create("relocate-self-").map_err(|error| Failure::new(Exit::Environment, error.to_string()))?;
    let program = copied(&args.file, room.path())?;
    let version = own::try_program(&program, room.path()).map_err(|error| {
        // Whoever publishes can try again; a program that hangs is not published in any case.
        let is_no = error.is_of_program() || error.is_overdue();
        let exit = if is_no { Exit::No } else { Exit::Environment };
        Failure::new(exit, format!("{} is not published: {error}", place(&args.file)))
    })?;
    let opened = Opened::of(&args.repo, &args.reach)?;
    let signers = opened.signers(&args.keys)?;
    let wish = ToolPublication {
        program: &program,
        version: &version,
        channel: &args.channel,
        platform: &platform(),
        wants: wants.as_ref(),
        dry_run: args.dry_run,
    };
    let done = publish_tool(&opened.desk(&signers), &wish).map_err(|error| failure(&error))?;
    if args.common.json {
        say(&json::of("self publish", Exit::Done, &document(args, &done)));
    } else if !args.common.quiet {
        say(&summary(args, &done));
    }
    warn(&done.state, args.common.quiet);
    Ok(Exit::Done)
}

/// What this program runs on.
pub(in crate::cli) fn platform() -> String {
    format!("{}-linux", std::env::consts::ARCH)
}

fn version(text: &str) -> Result<Version, Failure> {
    let wrong = || Usage::new(format!("'{text}' is no version such as 0.2.0"));
    Ok(Version::parse(text).ok_or_else(wrong)?)
}

fn copied(file: &Path, room: &Path) -> Result<PathBuf, Failure> {
    let program = room.join("relocate");
    let unreadable = |error: std::io::Error| Failure::from(Usage::new(format!("cannot read {}: {error}", place(file))));
    if !fs::metadata(file).map_err(unreadable)?.is_file() {
        return Err(Usage::new(format!("{} is no program", place(file))).into());
    }
    fs::copy(file, &program).map_err(unreadable)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).map_err(unreadable)?;
    Ok(program)
}

fn document(args: &SelfPublishArgs, done: &PublishedTool) -> Value {
    let custom = &done.file.custom;
    json!({
        "dry_run": args.dry_run, "repo": args.repo, "file": json::place(&args.file), "serial": custom.serial, "version": custom.version,
        "channels": custom.channels, "platform": custom.platform, "min_tool": custom.min_tool, "was_there": done.was_there,
        "name": done.file.name, "place": done.place, "bytes": done.file.length, "sha256": done.file.sha256,
    })
}

fn summary(args: &SelfPublishArgs, done: &PublishedTool) -> String {
    let (file, custom) = (&done.file, &done.file.custom);
    let mut table = Table::default();
    table.row("tool", format!("relocate {} for {}, {}", custom.version, args.channel, custom.platform));
    table.row("sha256", file.sha256.to_string());
    table.row("file", format!("{}, {}", done.place, bytes(file.length)));
    let said = match (done.was_there, args.dry_run) {
        (true, _) => "it is published already; nothing was done".to_owned(),
        (false, true) => format!("would publish relocate {}", custom.version),
        (false, false) => format!("published relocate {} (serial {})", custom.version, custom.serial),
    };
    format!("{}{}\n", table.text(), paint(GREEN, &said))
}
