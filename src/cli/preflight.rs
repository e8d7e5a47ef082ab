//! `relocate update --preflight`: what of this machine would stop releases, with the command that ends it.

use super::args::UpdateArgs;
use super::exit::Exit;
use super::update::{Warnings, failed, work};
use super::{json, report};
use crate::base::finding::{Finding, Severity};
use crate::release::Way;
use crate::update::{self, Preflight};
use report::{GREEN, RED, Table, YELLOW, bytes, paint, say};
use serde_json::json;
use std::fmt::Write as _;

/// Runs the command.
pub(super) fn run(args: &UpdateArgs) -> Exit {
    report::colour(args.common.color);
    let warnings = Warnings::new(args.common.json);
    let looked = work(args, false, &warnings, |wish| Ok(update::preflight(wish)));
    let found = match looked {
        Ok(found) => found,
        Err(failure) => return failure.tell("update", failed(&args.common)),
    };
    let exit = if found.seen.is_well() { Exit::Done } else { Exit::No };
    if args.common.json {
        say(&as_json(&found, &warnings.told(), exit));
    } else {
        say(&text(&found, args.common.quiet));
    }
    exit
}

fn text(found: &Preflight, quiet: bool) -> String {
    let mut text = String::new();
    if !quiet {
        let mut table = Table::default();
        if let Some((app, channel)) = &found.follows {
            table.row("application", format!("{app}, channel {channel}"));
        }
        if let Some(newest) = &found.newest {
            table.row("release", format!("{} ({}), {}", newest.serial, newest.version, way(newest.way)));
        }
        for (what, how) in &found.seen.rows {
            table.row(what, how.as_str());
        }
        text += &table.text();
    }
    let shown = |finding: &&Finding| !quiet || finding.severity == Severity::Error;
    let mut findings: Vec<_> = found.seen.findings.iter().filter(shown).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in findings {
        let label = match finding.severity {
            Severity::Error => paint(RED, "error:"),
            Severity::Warning => paint(YELLOW, "warning:"),
            Severity::Note => "note:".to_owned(),
        };
        let _ = writeln!(text, "{label} {}", finding.found);
        if let Some(help) = &finding.help {
            let _ = writeln!(text, "{} {help}", paint(GREEN, "help:"));
        }
    }
    if !quiet {
        text += &last(found);
    }
    text
}

fn last(found: &Preflight) -> String {
    let root = report::place(&found.root);
    let count = |severity| found.seen.findings.iter().filter(|finding| finding.severity == severity).count();
    match count(Severity::Error) {
        0 => format!("{} nothing that was looked at stops releases in {root}\n", paint(GREEN, "ready:")),
        1 => format!("{} one thing stops releases in {root}\n", paint(RED, "not ready:")),
        many => format!("{} {many} things stop releases in {root}\n", paint(RED, "not ready:")),
    }
}

fn way(way: Way) -> String {
    match way {
        Way::Installed => "which is here".to_owned(),
        Way::Delta { base, bytes: size } => format!("{} as a change from release {base}", bytes(size)),
        Way::Full { bytes: size } => format!("{} as a whole", bytes(size)),
    }
}

fn as_json(found: &Preflight, warnings: &[String], exit: Exit) -> String {
    let rows: Vec<_> = found.seen.rows.iter().map(|(what, how)| json!({ "what": what, "how": how })).collect();
    let newest = found.newest.as_ref().map(|newest| json!({ "serial": newest.serial, "version": newest.version }));
    let follows = found.follows.as_ref();
    json::line(&json!({
        "schema": json::SCHEMA, "command": "update", "preflight": true, "result": json::result(exit), "exit": exit as u8,
        "root": json::place(&found.root), "app": follows.map(|(app, _)| app), "channel": follows.map(|(_, channel)| channel),
        "newest": newest, "seen": rows, "findings": found.seen.findings, "warnings": warnings,
    }))
}
