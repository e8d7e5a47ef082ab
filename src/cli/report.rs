//! What a person reads: the summary of a job, its findings, errors with their remedy.

use super::args::Color;
use crate::base::finding::{Finding, Severity};
use crate::base::path::printable;
use crate::recipe::RecipeError;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the talk on stderr and the summary are coloured; set once, before anything is printed.
static COLOURED: AtomicBool = AtomicBool::new(false);

/// How many findings of one kind are printed before the rest is counted.
const SHOWN: usize = 8;

/// Decides about colour: what was typed, else NO_COLOR (no-color.org), else whether stderr is a terminal.
pub(super) fn colour(choice: Color) {
    let on = match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => crate::base::host::wants_colour() && io::stderr().is_terminal(),
    };
    COLOURED.store(on, Ordering::Relaxed);
}

/// Paints text where colour is on; `code` is an SGR number.
pub(super) fn paint(code: u8, text: &str) -> String {
    if COLOURED.load(Ordering::Relaxed) { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

pub(super) const RED: u8 = 31;
pub(super) const GREEN: u8 = 32;
pub(super) const YELLOW: u8 = 33;
pub(super) const BOLD: u8 = 1;

/// Prints an error and what to do about it.
pub(super) fn error(message: &str, help: Option<&str>) {
    let mut text = format!("{} {message}\n", paint(RED, "error:"));
    if let Some(help) = help {
        let _ = writeln!(text, "{} {help}", paint(GREEN, "help:"));
    }
    talk(&text);
}

/// A path of this machine as text: bytes that are no text, and control characters, are escaped.
pub(super) fn place(path: &Path) -> Cow<'_, str> {
    printable(path.as_os_str().as_bytes())
}

/// What is wrong with a text of the user's, one `FILE:LINE:COLUMN: ...` a line, as editors find their way by.
pub(super) fn problems(file: &Path, problems: &[RecipeError]) -> String {
    let file = place(file);
    let line = |problem: &RecipeError| format!("{file}:{}:{}: {}", problem.line, problem.column, problem.sentence());
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Writes to stderr; a closed stderr is no reason to fail.
pub(super) fn talk(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes to stdout; a broken pipe ends the output and is no error (as in other command-line tools).
pub(super) fn say(text: &str) -> bool {
    say_bytes(text.as_bytes())
}

/// The same for bytes of a file, which need not be text.
pub(super) fn say_bytes(bytes: &[u8]) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).is_ok()
}

/// A table of labels and values; a value of several lines is indented.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<(String, String)>);

impl Table {
    /// Adds a row.
    pub(super) fn row(&mut self, label: &str, value: impl Into<String>) {
        self.0.push((label.to_owned(), value.into()));
    }

    /// The table as text, each line ending in a newline.
    pub(super) fn text(&self) -> String {
        let width = self.0.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        let mut text = String::new();
        for (label, value) in &self.0 {
            for (at, line) in value.lines().enumerate() {
                let label = if at == 0 { label.as_str() } else { "" };
                let _ = writeln!(text, "{}  {line}", paint(BOLD, &format!("{label:<width$}")));
            }
        }
        text
    }
}

/// Findings as text: errors and warnings one by one, up to some of each kind; notes counted by kind with one example.
pub(super) fn findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for (severity, code, word) in [(Severity::Error, RED, "error"), (Severity::Warning, YELLOW, "warning")] {
        for (_, same) in by_kind(findings, severity) {
            for finding in same.iter().take(SHOWN) {
                let _ = writeln!(text, "{} {}", paint(code, &format!("{word}:")), sentence(finding));
            }
            if same.len() > SHOWN {
                let _ = writeln!(
                    text,
                    "{} and {} more of this kind (--json lists all)",
                    paint(code, &format!("{word}:")),
                    same.len() - SHOWN
                );
            }
            if let Some(help) = same.iter().find_map(|finding| finding.help.as_ref()) {
                let _ = writeln!(text, "{} {help}", paint(GREEN, "help:"));
            }
        }
    }
    for (kind, same) in by_kind(findings, Severity::Note) {
        let more = if same.len() == 1 { String::new() } else { format!(" and {} more {kind}", same.len() - 1) };
        let _ = writeln!(text, "note: {}{more}", same.first().map(|finding| sentence(finding)).unwrap_or_default());
    }
    text
}

/// The errors among findings, as text.
pub(super) fn errors(all: &[Finding]) -> String {
    findings(&all.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect::<Vec<_>>())
}

fn by_kind(findings: &[Finding], severity: Severity) -> BTreeMap<&str, Vec<&Finding>> {
    let mut kinds: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.severity == severity) {
        kinds.entry(&finding.kind).or_default().push(finding);
    }
    kinds
}

fn sentence(finding: &Finding) -> String {
    match &finding.path {
        Some(path) => format!("{path}: {}", finding.found),
        None => finding.found.clone(),
    }
}

/// A number of bytes for people: `16.3 MB`, in powers of ten as ls(1) --si and disks have them.
pub(super) fn bytes(count: u64) -> String {
    let (unit, name) = match count {
        0..1_000 => return format!("{count} B"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    format!("{}.{} {name}", count / unit, count % unit * 10 / unit)
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, what: &str) -> String {
    let ending = match what {
        _ if number == 1 => what.to_owned(),
        what if what.ends_with('y') => format!("{}ies", &what[..what.len() - 1]),
        what => format!("{what}s"),
    };
    format!("{number} {ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(16_345_678), "16.3 MB");
        assert_eq!(count(1, "library"), "1 library");
        assert_eq!(count(2, "library"), "2 libraries");
    }
}
