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
use crate::pipeline::unrecorded::{self, Unrecorded};
use crate::text::pyc;
use report::{GREEN, Table, YELLOW, count, paint, say, talk};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// How a tree without a record is searched for what names these prefixes.
pub(super) type Look = fn(&Path, &[Prefix], &Progress) -> Result<Unrecorded, Failure>;

/// Searches it here; the program that archives carry cannot.
pub(super) fn look(root: &Path, prefixes: &[Prefix], progress: &Progress) -> Result<Unrecorded, Failure> {
    Ok(unrecorded::look(root, prefixes, progress)?)
}

/// Runs the command.
pub(super) fn run(args: &FixArgs, look: Look) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    match work(args, look) {
        Ok(Outcome { decided, findings }) => tell(args, &decided, findings),
        Err(failure) => failure.tell("fix", if args.common.json { Json::Stdout } else { Json::None }),
    }
}

/// What was decided, or done, and what was found on the way.
struct Outcome {
    decided: Decided,
    findings: Vec<Finding>,
}

fn work(args: &FixArgs, look: Look) -> Result<Outcome, Failure> {
    must_be_a_directory(&args.dir)?;
    let to = words::path(args.at.as_deref().unwrap_or(&args.dir))?;
    // The disk is asked for the directory as it was typed, whatever the path that is written.
    let root = host::absolute(&args.dir).unwrap_or_else(|_| args.dir.clone());
    let leave: BTreeSet<String> = args.leave.iter().cloned().collect();
    let request = Request { root: &root, to: &to, leave: &leave };
    let looks_only = args.dry_run || args.check;
    let failed = |error| failure(&root, &error);
    let mut findings = Vec::new();
    if let Some(Unrecorded { manifest, findings: found }) = without_record(args, &root, look)? {
        findings = found;
        let decided = install::decide_by(manifest, &request).map_err(failed)?;
        if looks_only {
            return Ok(Outcome { decided, findings });
        }
        install::may_write(&decided).map_err(|error| failed(error.into()))?;
        unrecorded::write(&root, &decided.manifest)?;
    }
    let decided = if looks_only {
        install::decide(&request)
    } else {
        install::hold(&root).and_then(|held| {
            let decided = install::decide(&request)?;
            install::apply(&decided, &held, &Progress::new(args.common.quiet || args.common.json))?;
            Ok(decided)
        })
    };
    Ok(Outcome { decided: decided.map_err(failed)?, findings })
}

fn must_be_a_directory(dir: &Path) -> Result<(), Failure> {
    let found =
        std::fs::metadata(dir).map_err(|error| Usage::new(format!("cannot read {}: {error}", report::place(dir))))?;
    if found.is_dir() {
        return Ok(());
    }
    let help = "an archive takes 'relocate install ARCHIVE DEST'".to_owned();
    Err(Usage(format!("{} is no directory", report::place(dir)), Some(help)).into())
}

/// The record of a tree that has none, where the user says what it was built for.
fn without_record(args: &FixArgs, root: &Path, look: Look) -> Result<Option<Unrecorded>, Failure> {
    let given = pack::prefixes("--old-prefix", &args.old_prefix)?;
    let recorded = install::built_for(root).map_err(|error| failure(root, &error))?;
    match recorded {
        None if given.is_empty() => Err(failure(root, &MoveError::NoRecord { root: root.to_owned() })),
        None => {
            let progress = Progress::new(args.common.quiet || args.common.json);
            look(root, &given, &progress).map(Some)
        }
        // A run that was cut short left a record; the same command line finishes it.
        Some(recorded) if given.iter().all(|prefix| recorded.contains(prefix)) => Ok(None),
        Some(recorded) => {
            let recorded = recorded.iter().map(Prefix::display).collect::<Vec<_>>().join(", ");
            let text = format!("--old-prefix: the tree has a record, and that says it was built for {recorded}");
            Err(Usage(text, Some("leave the option out".to_owned())).into())
        }
    }
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

fn tell(args: &FixArgs, decided: &Decided, mut findings: Vec<Finding>) -> Exit {
    findings.extend(of_files(decided));
    findings.sort();
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
fn of_files(decided: &Decided) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &decided.files {
        let at = |severity, kind, text: String| Finding::at(&file.path, severity, kind, text);
        findings.extend(match &file.state {
            State::Here | State::Elsewhere(_) | State::Left => None,
            State::Edited(places) => {
                let text = format!("it was edited; the old path is replaced in {}", count(*places, "place"));
                Some(at(Severity::Note, "edited", text))
            }
            State::Freed if decided.classes(file).contains(pyc::CLASS) => {
                let text = "Python compiled it again since; it goes with the old path".to_owned();
                Some(at(Severity::Note, "changed-since", text))
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
    for file in &decided.ledgers {
        let what = match file.state {
            State::Here | State::Elsewhere(_) | State::Left => continue,
            State::Gone => ("gone", "it is not there any more".to_owned()),
            State::Stuck(ref why) => ("changed-since", why.clone()),
            State::Edited(_) | State::Freed => ("changed-since", "it was changed; the sums in it stay".to_owned()),
        };
        findings.push(Finding::at(&file.path, Severity::Note, what.0, what.1));
    }
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
