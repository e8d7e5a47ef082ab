//! The table, in Markdown: takes all trials, counts, and names every file that is not as it was.

use crate::files::Found;
use crate::trial::{CHECKS, EDITS, Trial};
use crate::wish::{By, Edited, Editor};
use relocate::elf::Rung;
use std::collections::BTreeMap;
use std::fmt::Write;

const RUNGS: [Rung; 6] =
    [Rung::Unchanged, Rung::InPlace, Rung::Reuse, Rung::Slack, Rung::NewSegment, Rung::LongerTable];

/// What one editor did to all files with one length.
#[derive(Default)]
struct Column {
    rungs: BTreeMap<Rung, usize>,
    edited: usize,
    grown: usize,
    added: i64,
    /// Names of refused files by reason.
    refused: BTreeMap<String, Vec<String>>,
    /// By check: names of files that do not do what they did.
    broken: [Vec<String>; 4],
    /// Files with more findings than before, and how many more.
    linted: usize,
    findings: usize,
}

/// Renders everything.
pub(crate) fn render(found: &Found, trials: &[Trial], tools: &[String]) -> String {
    let columns: Vec<Column> = (0..EDITS.len()).map(|at| column(trials, at)).collect();
    let mut text = include_str!("caption.md").to_owned();
    counts(&mut text, found, trials);
    grid(&mut text, &columns);
    names(&mut text, &columns);
    list(&mut text, "Not readable, not tried", &found.unreadable);
    list(&mut text, "System and tools", tools);
    text
}

fn column(trials: &[Trial], at: usize) -> Column {
    let mut column = Column::default();
    for trial in trials {
        let name = trial.path.display().to_string();
        match &trial.after[at] {
            (Edited::Refused(reason), _) => {
                let reason = reason.replace(|c: char| c.is_ascii_digit(), "#").replace("##", "#").replace("##", "#");
                column.refused.entry(reason).or_default().push(name);
            }
            (Edited::Done { rung, added }, outcome) => {
                column.edited += 1;
                column.added += added;
                column.grown += usize::from(*added > 0);
                if let Some(rung) = rung {
                    *column.rungs.entry(*rung).or_default() += 1;
                }
                let Some(outcome) = outcome else { continue };
                let more = new_lines(&trial.before.findings, &outcome.findings);
                column.linted += usize::from(more > 0);
                column.findings += more;
                for check in 0..CHECKS.len() {
                    if outcome.answers[check] != trial.before.answers[check] {
                        column.broken[check].push(name.clone());
                    }
                }
            }
        }
    }
    column
}

/// How many of the lines afterwards were not there before, each as often as it is there.
fn new_lines(before: &[String], after: &[String]) -> usize {
    let mut left = before.to_vec();
    let is_new = |line: &&String| match left.iter().position(|known| known == *line) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    };
    after.iter().filter(is_new).count()
}

fn counts(text: &mut String, found: &Found, trials: &[Trial]) {
    let answered = |check: usize| trials.iter().filter(|trial| trial.before.answers[check].is_some()).count();
    let good = |check: usize| {
        let answers = trials.iter().filter_map(|trial| trial.before.answers[check].as_ref());
        answers.filter(|answer| answer.starts_with("exit status: 0") && !answer.contains("not found")).count()
    };
    let _ = write!(
        text,
        "Tried: {} of {} dynamic ELF files ({} other ELF files have no run-time path). A loader of this machine fits {} of \
         them; {} load with nothing missing before any edit, the others must say the same afterwards. {} answer `--version`.\n\n",
        trials.len(),
        found.dynamic.len(),
        found.others,
        answered(0),
        good(0),
        answered(1),
    );
}

fn grid(text: &mut String, columns: &[Column]) {
    let title = |(by, editor): &(By, Editor)| {
        let editor = if *editor == Editor::Relocate { "relocate" } else { "patchelf" };
        format!("{editor} {}", if *by == By::Sixty { "+60" } else { "+1" })
    };
    let titles: Vec<String> = EDITS.iter().map(title).collect();
    let _ = writeln!(text, "| | {} |\n|---|{}", titles.join(" | "), "--:|".repeat(columns.len()));
    for rung in RUNGS {
        let count = |column: &Column| match column.rungs.get(&rung) {
            _ if column.rungs.is_empty() => "-".to_owned(),
            count => count.copied().unwrap_or(0).to_string(),
        };
        row(text, &rung.to_string(), columns, count);
    }
    row(text, "edited", columns, |column| column.edited.to_string());
    row(text, "refused", columns, |column| column.refused.values().map(Vec::len).sum::<usize>().to_string());
    for (check, name) in CHECKS.iter().enumerate() {
        row(text, &format!("differs: {name}"), columns, |column| column.broken[check].len().to_string());
    }
    row(text, "files with new `eu-elflint` findings", columns, |column| column.linted.to_string());
    row(text, "new findings", columns, |column| column.findings.to_string());
    row(text, "files that grew", columns, |column| column.grown.to_string());
    row(text, "bytes added", columns, |column| column.added.to_string());
}

fn row(text: &mut String, name: &str, columns: &[Column], cell: impl Fn(&Column) -> String) {
    let cells: Vec<String> = columns.iter().map(cell).collect();
    let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
}

fn names(text: &mut String, columns: &[Column]) {
    for ((by, editor), column) in EDITS.iter().zip(columns) {
        let who = if *editor == Editor::Relocate { "relocate" } else { "patchelf" };
        let long = if *by == By::Sixty { "60 bytes" } else { "1 byte" };
        for (reason, files) in &column.refused {
            list(text, &format!("{who}, {long} longer, {} not edited: {reason}", files.len()), files);
        }
        for (check, files) in CHECKS.iter().zip(&column.broken) {
            list(text, &format!("{who}, {long} longer, differs: {check}"), files);
        }
    }
}

/// A heading and a list; nothing where the list is empty.
fn list(text: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n## {title}");
    for item in items {
        let _ = writeln!(text, "- {}", item.replace('\n', " "));
    }
}
