//! What became of each file, as a line of text and as JSON.

use super::exit_of;
use crate::base::finding::{Finding, Severity};
use crate::base::path::{printable, serialize_bytes};
use crate::cli::exit::Exit;
use crate::cli::{json, report};
use crate::elf::{RunPaths, Rung};
use crate::loader::object::Tag;
use crate::pipeline::single::{SingleError, Subject};
use report::{GREEN, YELLOW, bytes, paint};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How one file ended.
pub(super) enum Done<'f> {
    /// Its path was to be printed.
    Printed,
    /// It was changed, or was as wanted; `added` bytes; `written` is where, if not to the file itself.
    Changed { rung: Rung, added: u64, written: Option<PathBuf> },
    /// It is a further name of this one, which came before.
    SameAs(&'f Path),
    /// It was left as it was.
    Failed(SingleError, Exit),
}

/// One file's account.
pub(super) struct Account<'f> {
    pub(super) file: &'f Path,
    real: Option<PathBuf>,
    before: Option<RunPaths>,
    after: Option<RunPaths>,
    pub(super) findings: Vec<Finding>,
    pub(super) done: Done<'f>,
}

impl<'f> Account<'f> {
    pub(super) fn new(file: &'f Path, subject: &Subject, done: Done<'f>) -> Self {
        Self {
            file,
            real: Some(subject.path().to_owned()),
            before: subject.facts().is_ok().then(|| subject.run_paths()),
            after: None,
            findings: Vec::new(),
            done,
        }
    }

    /// Adds what the paths become, and what a person should know of it.
    pub(super) fn with(self, after: RunPaths, findings: Vec<Finding>) -> Self {
        Self { after: Some(after), findings, ..self }
    }

    /// An account of a failure; `no_path` is the exit code for a file that can have no run-time path.
    pub(super) fn failed(file: &'f Path, subject: Option<&Subject>, error: SingleError, no_path: Exit) -> Self {
        let exit = exit_of(&error, no_path);
        let done = Done::Failed(error, exit);
        match subject {
            Some(subject) => Self::new(file, subject, done),
            None => Self { file, real: None, before: None, after: None, findings: Vec::new(), done },
        }
    }

    /// The account of a change that could not be made after all.
    pub(super) fn undone(self, error: SingleError) -> Self {
        let exit = exit_of(&error, Exit::Refused);
        Self { after: None, findings: Vec::new(), done: Done::Failed(error, exit), ..self }
    }

    pub(super) fn exit(&self) -> Exit {
        if let Done::Failed(_, exit) = self.done { exit } else { Exit::Done }
    }

    /// Whether the change was made, or was none.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.done, Done::Changed { .. })
    }

    /// The run-time path that counted, empty where there was none.
    pub(super) fn path_before(&self) -> &[u8] {
        self.before.as_ref().and_then(counting).map_or(b"", |(_, path)| path)
    }

    /// What became of it, for people.
    pub(super) fn line(&self, dry_run: bool) -> String {
        let before = described(self.before.as_ref());
        match &self.done {
            Done::Changed { rung: Rung::Unchanged, written: None, .. } => format!("as wanted, {before}"),
            Done::Changed { rung, added, written } => {
                let growth = if *added == 0 { String::new() } else { format!(", {} added", bytes(*added)) };
                let place = written.as_ref().map(|path| format!(", in {}", printable(path.as_os_str().as_bytes())));
                let dry = if dry_run { "; nothing written" } else { "" };
                let after = described(self.after.as_ref());
                format!("{before} -> {after} ({rung}{growth}{}{dry})", place.unwrap_or_default())
            }
            Done::SameAs(first) => format!("another name of {}", printable(first.as_os_str().as_bytes())),
            Done::Printed | Done::Failed(..) => before,
        }
    }

    fn json(&self) -> Value {
        let path = |path: &Path| text(path.as_os_str().as_bytes());
        let (rung, added, written, same_as, error) = match &self.done {
            Done::Printed => (None, None, None, None, None),
            Done::Changed { rung, added, written } => (Some(rung), Some(added), written.as_deref(), None, None),
            Done::SameAs(first) => (None, None, None, Some(*first), None),
            Done::Failed(error, _) => (None, None, None, None, Some(error)),
        };
        let paths = |paths: &RunPaths| json!({"rpath": paths.rpath.as_deref().map(text), "runpath": paths.runpath.as_deref().map(text)});
        json!({
            "file": text(self.file.as_os_str().as_bytes()),
            "path": self.real.as_deref().map(path),
            "exit": self.exit() as u8,
            "before": self.before.as_ref().map(paths),
            "after": self.after.as_ref().map(paths),
            "rung": rung,
            "bytes_added": added,
            "output": written.map(path),
            "same_as": same_as.map(path),
            "error": error.map(ToString::to_string),
            "help": error.and_then(SingleError::help),
            "findings": self.findings,
        })
    }
}

/// The report of the whole run.
pub(super) fn json(accounts: &[Account<'_>], dry_run: bool, exit: Exit) -> String {
    let files: Vec<_> = accounts.iter().map(Account::json).collect();
    json::elf(&files, dry_run, exit)
}

/// Findings of one file as text.
pub(super) fn findings(name: &str, findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let word = match finding.severity {
            Severity::Note => "note:".to_owned(),
            Severity::Warning | Severity::Error => paint(YELLOW, "warning:"),
        };
        let _ = writeln!(out, "{word} {name}: {}", finding.found);
        if let Some(help) = &finding.help {
            let _ = writeln!(out, "{} {help}", paint(GREEN, "help:"));
        }
    }
    out
}

/// The tag that counts, and its path: DT_RUNPATH before DT_RPATH (ld.so(8)).
fn counting(paths: &RunPaths) -> Option<(&'static str, &[u8])> {
    let of = |tag: Tag| paths.of(tag).map(|path| (tag.name(), path));
    of(Tag::Runpath).or_else(|| of(Tag::Rpath))
}

fn described(paths: Option<&RunPaths>) -> String {
    match paths.and_then(counting) {
        None => "no run-time path".to_owned(),
        Some((tag, [])) => format!("empty {tag}"),
        Some((tag, path)) => format!("{tag} {}", printable(path)),
    }
}

/// Bytes in JSON, nothing lost.
fn text(bytes: &[u8]) -> Value {
    serialize_bytes(bytes, serde_json::value::Serializer).unwrap_or(Value::Null)
}
