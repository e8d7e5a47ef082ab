//! `relocate fix`: a tree that is there gets the path where it is into its files.

use super::args::FixArgs;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::pack::{self, Usage};
use super::progress::Progress;
use super::{install as words, json, report};
use crate::base::finding::{Finding, Severity};
use crate::base::host;
use crate::base::path::{Prefix, RelPath};
use crate::install::{self, Decided, MoveError, Request, State};
use report::{GREEN, Table, YELLOW, count, paint, say, talk};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Runs the command.
pub(super) fn run(args: &FixArgs) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    match work(args) {
        Ok(decided) => tell(args, &decided),
        Err(failure) => failure.tell("fix", if args.common.json { Json::Stdout } else { Json::None }),
    }
}

fn work(args: &FixArgs) -> Result<Decided, Failure> {
    match std::fs::metadata(&args.dir) {
        Err(error) => {
            return Err(Usage::new(format!("cannot read {}: {error}", report::place(&args.dir))).into());
        }
        Ok(found) if !found.is_dir() => {
            let text = format!("{} is no directory", report::place(&args.dir));
            return Err(Usage(text, Some("an archive takes 'relocate install ARCHIVE DEST'".to_owned())).into());
        }
        Ok(_) => {}
    }
    let to = words::path(args.at.as_deref().unwrap_or(&args.dir))?;
    // The disk is asked for the directory as it was typed, whatever the path that is written.
    let root = host::absolute(&args.dir).unwrap_or_else(|_| args.dir.clone());
    let leave: BTreeSet<String> = args.leave.iter().cloned().collect();
    let request = Request { root: &root, to: &to, leave: &leave };
    if args.dry_run || args.check {
        return install::decide(&request).map_err(|error| failure(&root, &error));
    }
    let moved = install::hold(&root).and_then(|held| {
        let decided = install::decide(&request)?;
        install::apply(&decided, &held, &Progress::new(args.common.quiet || args.common.json))?;
        Ok(decided)
    });
    moved.map_err(|error| failure(&root, &error))
}

fn failure(root: &Path, error: &MoveError) -> Failure {
    let (exit, help) = match error {
        MoveError::Misfit(misfit) => (Exit::Refused, Some(misfit.help())),
        MoveError::NoRecord { .. } => {
            (Exit::Usage, Some("name the path it was built for with --old-prefix".to_owned()))
        }
        MoveError::Write(error) => {
            let again = format!("'relocate fix {}' finishes what was begun", report::place(root));
            let help = error.help().map_or_else(|| again.clone(), |help| format!("{help}; then {again}"));
            (Exit::Environment, Some(help))
        }
        MoveError::Record(_) | MoveError::Places { .. } | MoveError::Read { .. } => (Exit::Environment, None),
    };
    Failure::new(exit, error.to_string()).help(help)
}

fn tell(args: &FixArgs, decided: &Decided) -> Exit {
    let findings = findings(decided);
    let stuck = findings.iter().any(|finding| finding.severity == Severity::Error);
    let to_do = args.check && !decided.is_settled();
    let exit = if stuck || to_do { Exit::No } else { Exit::Done };
    let looked_only = args.dry_run || args.check;
    if args.common.json {
        say(&json::fix(decided, &findings, looked_only, exit));
        return exit;
    }
    if args.common.quiet {
        talk(&report::errors(&findings));
        return exit;
    }
    say(&summary(decided, looked_only));
    talk(&report::findings(&findings));
    say(&closing(decided, looked_only, stuck));
    exit
}

/// What a person should know of single files.
fn findings(decided: &Decided) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &decided.files {
        let at = |severity, kind, text: String| Finding::at(&file.path, severity, kind, text);
        findings.extend(match &file.state {
            State::Here | State::Elsewhere(_) | State::Left => None,
            State::Edited(places) => {
                let text = format!("it was edited; the old path is replaced in {}", count(*places, "place"));
                Some(at(Severity::Note, "edited", text))
            }
            State::Freed => {
                let text = "it was changed and does not name an old path any more".to_owned();
                Some(at(Severity::Note, "changed-since", text))
            }
            State::Gone => Some(at(Severity::Note, "gone", "it is not there any more".to_owned())),
            State::Stuck(why) => {
                Some(at(Severity::Error, "left-behind", why.clone()).help("put the packed file back, or rebuild it"))
            }
        });
        if file.unknown_names > 0 && matches!(file.state, State::Elsewhere(_) | State::Edited(_)) {
            let text =
                format!("{} of it outside the record keep the old bytes", count(file.unknown_names as usize, "name"));
            findings.push(at(Severity::Warning, "hard-link-split", text));
        }
    }
    findings.sort();
    findings
}

fn summary(decided: &Decided, looked_only: bool) -> String {
    let mut table = Table::default();
    table.row("tree", report::place(&decided.root));
    let was: BTreeSet<_> = decided.files.iter().filter_map(|file| was(decided, &file.state)).collect();
    if !was.is_empty() {
        table.row("was at", was.into_iter().collect::<Vec<_>>().join(", "));
    }
    let depending = decided.files.iter().filter(|file| file.state != State::Gone).count();
    let changing = decided.changing().count();
    let verb = if looked_only { "would be changed" } else { "changed" };
    table.row("files", format!("{depending} name its path, {changing} of them {verb}"));
    words::left(&mut table, &left(decided));
    if let Some(capacity) = decided.manifest.about.capacity {
        table.row("room", format!("for a path of {capacity} bytes; this one has {}", decided.to.as_bytes().len()));
    }
    table.text()
}

/// The path a file is brought from.
fn was(decided: &Decided, state: &State) -> Option<String> {
    let State::Elsewhere(at) = state else { return None };
    let built_for = || decided.manifest.about.old_prefixes.iter().map(Prefix::display).collect::<Vec<_>>().join(", ");
    Some(at.as_ref().map_or_else(|| format!("{} (built for it)", built_for()), ToString::to_string))
}

/// The files that were left, by class.
fn left(decided: &Decided) -> BTreeMap<String, Vec<RelPath>> {
    let mut left: BTreeMap<String, Vec<RelPath>> = BTreeMap::new();
    for file in decided.files.iter().filter(|file| file.state == State::Left) {
        for class in decided.classes(file) {
            left.entry(class.to_owned()).or_default().push(file.path.clone());
        }
    }
    left
}

fn closing(decided: &Decided, looked_only: bool, stuck: bool) -> String {
    let to = &decided.to;
    let changing = decided.changing().count();
    let text = match (changing, looked_only) {
        _ if stuck => return format!("{}\n", paint(YELLOW, &format!("not all of it is at {to}"))),
        _ if decided.files.is_empty() => format!("nothing in it depends on its path: it runs at {to} as it is"),
        (0, _) => format!("already at {to}"),
        (_, true) => format!("would be brought to {to}"),
        (_, false) => format!("it is at {to} now"),
    };
    format!("{}\n", paint(GREEN, &text))
}
