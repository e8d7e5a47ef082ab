//! `relocate check`: proves a tree or an archive, made by us or not, and runs programs of it at a fresh path with the old
//! prefix hidden.

use super::args::CheckArgs;
use super::config::Config;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::pack::{self, Usage};
use super::progress::Progress;
use super::{host_data, json, left, report, summary};
use crate::base::finding::Finding;
use crate::base::path::{Prefix, printable};
use crate::base::words;
use crate::pipeline::check::{self, Checked, Subject};
use crate::verify::judge::Law;
use crate::verify::smoke::{self, End, Observed, Run, SmokeError, Witness};
use report::{BOLD, GREEN, RED, Table, YELLOW, bytes, count, paint, say, talk};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::Duration;

/// How much of a program's output is shown where its run failed, in lines from the end.
const TAIL: usize = 12;
/// How many of the files read outside the tree are shown.
const HOST_READS: usize = 12;

/// Runs the command.
pub(super) fn run(args: &CheckArgs) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    let understood = understand(args);
    let progress = Progress::new(args.common.quiet || args.common.json);
    let done = understood.map_err(Failure::from).and_then(|Understood { law, old_prefixes, build_dirs, commands }| {
        let subject = check::open(&args.tree, &commands_need_a_copy(&commands), &progress)?;
        let asked = check::Asked { old_prefixes: &old_prefixes, build_dirs: &build_dirs, law: &law };
        let checked = check::directory(subject.root(), &asked, &progress)?;
        let runs = run_all(args, &checked, &subject, &commands)?;
        Ok(judge(args, &checked, &runs))
    });
    done.unwrap_or_else(|failure| failure.tell("check", if args.common.json { Json::Stdout } else { Json::None }))
}

fn commands_need_a_copy(commands: &[Vec<OsString>]) -> check::Purpose {
    if commands.is_empty() { check::Purpose::Look } else { check::Purpose::Run }
}

/// What was typed, and what the configuration adds.
struct Understood {
    law: Law,
    old_prefixes: Vec<Prefix>,
    build_dirs: Vec<Prefix>,
    commands: Vec<Vec<OsString>>,
}

fn understand(args: &CheckArgs) -> Result<Understood, Usage> {
    if let Err(error) = std::fs::metadata(&args.tree) {
        return Err(Usage::new(format!("cannot read {}: {error}", report::place(&args.tree))));
    }
    let config = Config::find(args.law.config.as_deref(), &args.tree).map_err(|error| Usage::new(error.to_string()))?;
    let mut law = args.law.clone();
    config.add_law(&mut law);
    let commands = args.run.iter().map(|text| command(text)).collect::<Result<_, _>>()?;
    Ok(Understood {
        law: pack::law(&law)?,
        old_prefixes: pack::prefixes("--old-prefix", &args.old_prefix)?,
        build_dirs: pack::prefixes("--build-dir", &config.build_dirs(&args.build_dir))?,
        commands,
    })
}

fn command(text: &str) -> Result<Vec<OsString>, Usage> {
    let words =
        words::split(text.as_bytes()).ok_or_else(|| Usage::new(format!("--run {text}: a quote is not closed")))?;
    if words.is_empty() {
        return Err(Usage::new("--run: there is no program to run"));
    }
    Ok(words.into_iter().map(OsString::from_vec).collect())
}

type Runs = Vec<(Vec<OsString>, Observed)>;

/// Runs every command, each by itself.
fn run_all(
    args: &CheckArgs,
    checked: &Checked,
    subject: &Subject,
    commands: &[Vec<OsString>],
) -> Result<Runs, Failure> {
    let mut runs = Runs::new();
    for command in commands {
        let timeout = Duration::from_secs(args.timeout);
        let run = Run { tree: subject.root(), command, hidden: &checked.old_prefixes, timeout, env: &[] };
        let observed = smoke::run(&run).map_err(|error| {
            let no_program = matches!(error, SmokeError::NoProgram { .. });
            Failure::new(if no_program { Exit::No } else { Exit::Environment }, error.to_string())
        })?;
        runs.push((command.clone(), observed));
    }
    Ok(runs)
}

fn judge(args: &CheckArgs, checked: &Checked, runs: &Runs) -> Exit {
    let clean = runs.iter().all(|(_, observed)| is_clean(observed));
    let holds = checked.verdict.holds() && !checked.left.remains.has_errors();
    let exit = if holds && clean { Exit::Done } else { Exit::No };
    if args.common.json {
        let runs: Vec<_> = runs.iter().map(|(command, observed)| run_json(command, observed)).collect();
        say(&json::check(&args.tree, checked, &runs, exit));
        return exit;
    }
    if !args.common.quiet {
        say(&table(&args.tree, checked).text());
        talk(&report::findings(&findings(checked)));
    } else if exit != Exit::Done {
        talk(&report::errors(&findings(checked)));
    }
    talk(&summary::missing(&checked.verdict.missing));
    for (command, observed) in runs {
        if !args.common.quiet || !is_clean(observed) {
            say(&run_text(command, observed));
        }
    }
    if !args.common.quiet {
        say(&closing(exit));
    }
    exit
}

/// What the proof says, and what is left.
fn findings(checked: &Checked) -> Vec<Finding> {
    let left = &checked.left;
    let shown = left::Shown { remains: &left.remains, wanted: &left.wanted, recorded: checked.about.is_some() };
    let host = host_data::findings(&left.taken);
    checked.verdict.findings.iter().cloned().chain(left::findings(&shown)).chain(host).collect()
}

/// A run is good when the program says so and asked for nothing of the old place.
pub(super) fn is_clean(observed: &Observed) -> bool {
    observed.end == End::Exited(0) && observed.asked.is_empty()
}

fn closing(exit: Exit) -> String {
    let (code, text) =
        if exit == Exit::Done { (GREEN, "it holds: it runs from any path") } else { (RED, "it does not hold") };
    format!("{}\n", paint(code, text))
}

fn table(tree: &Path, checked: &Checked) -> Table {
    let mut table = Table::default();
    table.row("tree", format!("{}: {}, {}", report::place(tree), count(checked.files, "file"), bytes(checked.bytes)));
    let prefixes: Vec<_> = checked.old_prefixes.iter().map(|prefix| prefix.display().into_owned()).collect();
    table.row("old prefix", if prefixes.is_empty() { "none known".to_owned() } else { prefixes.join(", ") });
    if let Some(about) = &checked.about {
        let proven = if about.proven { "proven" } else { "NOT proven" };
        table.row("made by", format!("relocate {}, {proven}", about.tool));
    }
    table.row("libraries", summary::libraries(&checked.verdict));
    table.row("floor", summary::floor(&checked.verdict));
    if !checked.old_prefixes.is_empty() {
        table.row("what is left", &checked.left.remains.summary);
    }
    if !checked.left.taken.is_empty() {
        table.row("host data", host_data::lines(&checked.left.taken));
    }
    table
}

fn end(observed: &Observed) -> String {
    match observed.end {
        End::Exited(code) => format!("exit {code}"),
        End::Signalled(signal) => format!("killed by signal {signal}"),
        End::TimedOut => "still ran when time was up".to_owned(),
        End::NotStarted(code) => format!("could not be started: {}", std::io::Error::from_raw_os_error(code)),
    }
}

fn witness(observed: &Observed) -> &'static str {
    match observed.witness {
        Witness::Ptrace => "ptrace",
        Witness::PtraceAndNamespace => "ptrace and a mount namespace",
    }
}

fn shown(command: &[OsString]) -> String {
    command.iter().map(|word| printable(word.as_encoded_bytes()).into_owned()).collect::<Vec<_>>().join(" ")
}

/// A run as a person reads it.
pub(super) fn run_text(command: &[OsString], observed: &Observed) -> String {
    let (code, word) = match observed.end {
        End::Exited(0) if observed.asked.is_empty() => (GREEN, "ran"),
        End::Exited(0) => (YELLOW, "ran, and asked for the old prefix"),
        _ => (RED, "failed"),
    };
    let mut text = format!(
        "{} {}: {}, old prefix hidden by {}\n",
        paint(BOLD, "run"),
        shown(command),
        paint(code, word),
        witness(observed)
    );
    let _ = writeln!(text, "  {}; {} read outside the tree", end(observed), count(observed.host_reads.len(), "file"));
    let shown = observed.host_reads.iter().take(HOST_READS).map(|path| printable(path));
    for path in shown {
        let _ = writeln!(text, "    {path}");
    }
    if observed.host_reads.len() > HOST_READS {
        let _ = writeln!(text, "    and {} more (--json lists all)", observed.host_reads.len() - HOST_READS);
    }
    for asked in &observed.asked {
        let via = asked.via.as_ref().map_or(String::new(), |via| format!(" through {}", printable(via)));
        let _ = writeln!(
            text,
            "  {} {} ({}, {} times){via}",
            paint(RED, "asked for"),
            printable(&asked.path),
            asked.call,
            asked.count
        );
    }
    for note in &observed.notes {
        let _ = writeln!(text, "  note: {note}");
    }
    if observed.end != End::Exited(0) {
        let output = [observed.stdout.bytes.as_slice(), &observed.stderr.bytes].concat();
        let output = String::from_utf8_lossy(&output);
        let lines: Vec<_> = output.lines().collect();
        for line in &lines[lines.len().saturating_sub(TAIL)..] {
            let _ = writeln!(text, "  | {}", printable(line.as_bytes()));
        }
    }
    text
}

/// A run as a program reads it.
pub(super) fn run_json(command: &[OsString], observed: &Observed) -> Value {
    let texts = |paths: &[Vec<u8>]| paths.iter().map(|path| printable(path).into_owned()).collect::<Vec<_>>();
    let asked: Vec<_> = observed
        .asked
        .iter()
        .map(|asked| {
            let via = asked.via.as_ref().map(|via| printable(via).into_owned());
            json!({"path": printable(&asked.path), "call": asked.call, "count": asked.count, "via": via})
        })
        .collect();
    let (code, signal) = match observed.end {
        End::Exited(code) => (Some(code), None),
        End::Signalled(signal) => (None, Some(signal)),
        End::TimedOut | End::NotStarted(_) => (None, None),
    };
    json!({
        "command": shown(command),
        "clean": is_clean(observed),
        "end": end(observed),
        "exit": code,
        "signal": signal,
        "asked": asked,
        "host_reads": texts(&observed.host_reads),
        "kernel_reads": texts(&observed.kernel_reads),
        "witness": witness(observed),
        "notes": observed.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "stdout": String::from_utf8_lossy(&observed.stdout.bytes),
        "stderr": String::from_utf8_lossy(&observed.stderr.bytes),
    })
}
