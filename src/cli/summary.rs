//! The report of the main job: a table a person can act on, or the same as JSON.

use super::args::PackArgs;
use super::exit::Exit;
use super::left::{self, Shown};
use super::{host_data, json, names, paste, report};
use crate::base::finding::{Finding, Severity};
use crate::pack::Archive;
use crate::pipeline::check::Left;
use crate::pipeline::{Job, Prepared};
use crate::scan::Kind;
use crate::verify::judge::Verdict;
use crate::verify::missing::{Missing, answer};
use report::{BOLD, GREEN, RED, Table, bytes, count, paint, say, talk};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

/// What was written.
pub(super) enum Written {
    /// An archive under its name.
    Archive(Archive),
    /// A tree.
    Tree(PathBuf),
    /// ROOT itself.
    InPlace,
    /// An archive into standard output; the report goes to standard error.
    Pipe,
}

/// Prints the report; in JSON where asked for.
pub(super) fn print(
    args: &PackArgs,
    job: &Job,
    prepared: &Prepared,
    (verdict, left): (&Verdict, Option<&Left>),
    written: Option<&Written>,
    exit: Exit,
    typed: &[OsString],
) {
    let piped = matches!(written, Some(Written::Pipe)) || args.output.as_ref().is_some_and(|output| output == "-");
    let out = |text: &str| if piped { talk(text) } else { _ = say(text) };
    let findings = all_findings(prepared, verdict, left);
    if args.common.json {
        if args.is_step && exit == Exit::Done {
            return;
        }
        out(&json::pack(job, prepared, (verdict, left), &findings, written, exit));
        return;
    }
    let trouble = trouble(args, prepared, (verdict, left), &findings, exit, typed);
    if args.common.quiet {
        if exit != Exit::Done {
            talk(&trouble);
        }
        return;
    }
    if args.dry_run {
        out(&plan(prepared));
    }
    out(&table(args, job, prepared, (verdict, left), written).text());
    talk(&trouble);
    let waits = names::wants_final_path(job, prepared, written);
    let (code, line) = closing(args, exit, (written, waits), left);
    out(&format!("{}\n", paint(code, &line)));
}

/// What plan and judge have to say, each once.
fn all_findings(prepared: &Prepared, verdict: &Verdict, left: Option<&Left>) -> Vec<Finding> {
    let mut findings: Vec<_> = prepared.plan.findings.iter().chain(&verdict.findings).cloned().collect();
    if let Some(left) = left {
        findings.extend(left::findings(&Shown { remains: &left.remains, wanted: &left.wanted, recorded: true }));
    }
    findings.sort();
    findings.dedup_by(|a, b| a.path == b.path && a.kind == b.kind && a.found == b.found);
    findings
}

fn closing(
    args: &PackArgs,
    exit: Exit,
    (written, waits): (Option<&Written>, bool),
    left: Option<&Left>,
) -> (u8, String) {
    match (exit, written) {
        (Exit::Done, None) => (GREEN, "nothing written (--dry-run); the plan holds".to_owned()),
        (Exit::Done, Some(_)) if args.elf_only => {
            (GREEN, "proven: its libraries are found from any path; texts were not looked at".to_owned())
        }
        (Exit::Done, Some(_)) if waits => (
            GREEN,
            "proven: it runs from any path, once that is written into the files that name the old one".to_owned(),
        ),
        (Exit::Done, Some(_)) => (GREEN, "proven: it runs from any path".to_owned()),
        (Exit::Refused, _) => (RED, "nothing written: some files had to be changed and must not be".to_owned()),
        (_, Some(Written::InPlace | Written::Tree(_))) => (RED, "written, and NOT proven".to_owned()),
        (_, Some(_)) => (RED, "written as unproven: it may not run elsewhere".to_owned()),
        (_, None) if args.dry_run => (RED, "the plan does not hold".to_owned()),
        (_, None) if left.is_some_and(left::leads_to_strangers) => {
            (RED, "nothing written: the result would lead back to an old path that others could create".to_owned())
        }
        (_, None) if left.is_some_and(|left| left.remains.has_errors()) => {
            (RED, "nothing written: programs of the result would look for its files at the old path".to_owned())
        }
        (_, None) => (RED, "nothing written: the result would not run from any path".to_owned()),
    }
}

fn table(
    args: &PackArgs,
    job: &Job,
    prepared: &Prepared,
    (verdict, left): (&Verdict, Option<&Left>),
    written: Option<&Written>,
) -> Table {
    let mut table = Table::default();
    table.row("root", report::place(&job.root));
    table.row("old prefix", prepared.choice.line());
    table.row("tree", contents(prepared));
    table.row("run-time paths", run_paths(prepared));
    table.row("symlinks", symlinks(prepared));
    if let Some(pruned) = names::pruned(prepared) {
        table.row("pruned", pruned);
    }
    if job.strip {
        table.row("stripped", names::stripped(prepared));
    }
    if let Some(texts) = names::texts(job, prepared) {
        table.row("texts", texts);
    }
    if let Some(places) = names::places(job, prepared, written) {
        table.row("final path", places);
    }
    if let Some(left) = left.filter(|left| !left.remains.findings.is_empty()) {
        table.row("left", left.remains.summary.clone());
    }
    if let Some(left) = left.filter(|left| !left.taken.is_empty()) {
        table.row("host data", host_data::short(&left.taken));
    }
    if !prepared.copied.is_empty() {
        let names: Vec<_> = prepared.copied.keys().map(ToString::to_string).collect();
        table.row("copied in", names.join(" "));
    }
    table.row("libraries", libraries(verdict));
    table.row("floor", floor(verdict));
    match written {
        // The build gives it its name, and tells that then.
        Some(Written::Archive(_)) if args.is_step => {}
        Some(Written::Archive(archive)) => {
            table.row(
                "written",
                format!("{}  {}\nsha256 {}", report::place(&archive.path), bytes(archive.size), archive.sha256),
            );
        }
        Some(Written::Tree(path)) => table.row("written", report::place(path)),
        Some(Written::InPlace) => table.row("written", format!("{} itself", report::place(&job.root))),
        Some(Written::Pipe) => table.row("written", "to standard output"),
        None => {}
    }
    table
}

fn contents(prepared: &Prepared) -> String {
    let entries = prepared.inventory.entries.values();
    let files = entries.clone().filter_map(|entry| entry.file());
    let size: u64 = files.clone().map(|file| file.size).sum();
    let elf = entries.filter(|entry| entry.elf().is_some()).count();
    format!("{}, {}, {} of them dynamic ELF", count(files.count(), "file"), bytes(size), elf)
}

fn run_paths(prepared: &Prepared) -> String {
    if prepared.plan.rewrites.is_empty() {
        return "none to change".to_owned();
    }
    let mut rungs: BTreeMap<String, usize> = BTreeMap::new();
    for fit in prepared.fits.values() {
        *rungs.entry(fit.rung.to_string()).or_default() += 1;
    }
    let by_rung: Vec<_> = rungs.into_iter().map(|(rung, number)| format!("{number} {rung}")).collect();
    let added: u64 = prepared.fits.values().map(|fit| fit.added).sum();
    let growth = if added == 0 { String::new() } else { format!("; {} added", bytes(added)) };
    format!("{} rewritten ({}){growth}", prepared.fits.len(), by_rung.join(", "))
}

fn symlinks(prepared: &Prepared) -> String {
    let all = prepared.inventory.entries.values().filter(|entry| matches!(entry.kind, Kind::Symlink(_))).count();
    format!("{}, {} made relative", count(all, "symlink"), prepared.plan.links.len())
}

/// Needed libraries: how many look-ups, what the host gives.
pub(super) fn libraries(verdict: &Verdict) -> String {
    let host: Vec<_> = verdict.closure.from_host.keys().map(|name| String::from_utf8_lossy(name)).collect();
    let missing =
        if verdict.missing.is_empty() { String::new() } else { format!(", {} missing", verdict.missing.len()) };
    let from = if host.is_empty() { String::new() } else { format!("\nfrom the host: {}", host.join(" ")) };
    format!(
        "{} resolved for {}{missing}{from}",
        count(verdict.closure.lookups as usize, "need"),
        count(verdict.members.len(), "object")
    )
}

/// What the host must have, and who says so.
pub(super) fn floor(verdict: &Verdict) -> String {
    let mut lines = Vec::new();
    for (_, demand) in verdict.floor.demands() {
        let symbol = demand.symbol.as_ref().map_or(String::new(), |symbol| format!(" ({symbol})"));
        lines.push(format!("{}  for {}{symbol}", demand.name, demand.file));
    }
    if lines.is_empty() {
        lines.push("asks nothing of the host".to_owned());
    }
    let runs = if verdict.runs_on.is_empty() { "no system we know".to_owned() } else { verdict.runs_on.join(" ") };
    lines.push(format!("runs on: {runs}"));
    lines.join("\n")
}

/// Findings, refusals and missing libraries, with what to do, ending in one command to paste.
fn trouble(
    args: &PackArgs,
    prepared: &Prepared,
    (verdict, left): (&Verdict, Option<&Left>),
    findings: &[Finding],
    exit: Exit,
    typed: &[OsString],
) -> String {
    let mut text = String::new();
    let quiet = |finding: &&Finding| !args.common.quiet || finding.severity == Severity::Error;
    text += &report::findings(&findings.iter().filter(quiet).cloned().collect::<Vec<_>>());
    for (path, why) in prepared.refused() {
        let _ = writeln!(text, "{} {path} {why}", paint(RED, "refused:"));
    }
    let mut options = Vec::new();
    if !prepared.refused().is_empty() {
        let _ = writeln!(text, "{} --skip leaves such a file as it is and records it", paint(GREEN, "help:"));
        options.extend(prepared.refused().keys().map(|path| ("--skip", path.to_string())));
    }
    text += &missing(&verdict.missing);
    options.extend(answer(&verdict.missing));
    options.extend(left.into_iter().flat_map(left::answer));
    if exit != Exit::Done && !options.is_empty() {
        let _ = writeln!(text, "{} if that is what you want, this answers all of it:", paint(GREEN, "help:"));
        let _ = writeln!(text, "  {}", paint(BOLD, &paste::command(typed, &options)));
    }
    text
}

/// Missing libraries, grouped, with who needs each and where this machine has it.
pub(super) fn missing(missing: &[Missing]) -> String {
    let mut text = String::new();
    for missing in missing {
        let shown: Vec<_> = missing.needed_by.iter().take(3).map(ToString::to_string).collect();
        let more = missing.needed_by.len().saturating_sub(shown.len());
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let host = missing.on_this_host.as_ref().map_or_else(
            || "; this machine has none".to_owned(),
            |path| format!("; this machine has {}", report::place(path)),
        );
        let instead = missing.instead.as_ref().map_or(String::new(), |instead| format!("; {instead}"));
        let word = paint(RED, "missing:");
        let _ = writeln!(text, "{word} {} needed by {}{more}{host}{instead}", missing.soname, shown.join(", "));
    }
    text
}

/// The plan, file by file.
fn plan(prepared: &Prepared) -> String {
    let mut text = String::new();
    for (path, rewrite) in &prepared.plan.rewrites {
        let rung = prepared.fits.get(path).map_or("refused".to_owned(), |fit| fit.rung.to_string());
        let old = prepared
            .inventory
            .entries
            .get(path)
            .and_then(|entry| entry.elf())
            .and_then(|facts| facts.object.run_path());
        let show = |path: Option<&[u8]>| {
            path.map_or("none".to_owned(), |path| crate::base::path::printable(path).into_owned())
        };
        let new = rewrite.wanted.runpath.as_deref().or(rewrite.wanted.rpath.as_deref());
        let _ = writeln!(text, "{path}: {} -> {} ({rung})", show(old.map(|(_, path)| path)), show(new));
    }
    for (path, strip) in prepared.stripped() {
        let _ = writeln!(text, "{path}: without debug sections, {} less", bytes(strip.saved));
    }
    for (path, target) in &prepared.plan.links {
        let _ = writeln!(text, "{path}: symlink -> {}", crate::base::path::printable(target));
    }
    text
}
