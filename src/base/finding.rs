//! Something a person should know about a tree: where, what was found, what to do.

use crate::base::path::RelPath;
use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; nothing breaks.
    Note,
    /// May break something or be abused under conditions we cannot see.
    Warning,
    /// The tree is not what it is meant to be; the job does not succeed.
    Error,
}

/// One finding. Sorted by path, then kind, then text, so that reports do not depend on threads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// The file it is about, relative to ROOT; none for the tree as a whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<RelPath>,
    /// A stable word for programs, such as `runpath-outside`; the list stands in `docs/json.md`.
    pub kind: String,
    /// How much it matters.
    pub severity: Severity,
    /// What was found: lower case, no full stop.
    pub found: String,
    /// What to do about it, where we know.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub help: Option<String>,
}

impl Finding {
    /// Makes a finding about one file.
    pub fn at(path: &RelPath, severity: Severity, kind: &str, found: impl Into<String>) -> Self {
        Self { path: Some(path.clone()), ..Self::of_tree(severity, kind, found) }
    }

    /// Makes a finding about the tree as a whole.
    pub fn of_tree(severity: Severity, kind: &str, found: impl Into<String>) -> Self {
        Self { path: None, kind: kind.to_owned(), severity, found: found.into(), help: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The finding in a few words, after the file it is about.
    pub fn in_short(&self) -> String {
        match &self.path {
            Some(path) => format!("{path}: {}", self.found),
            None => self.found.clone(),
        }
    }

    /// The first of several in short, and how many more there are.
    pub fn first_of(findings: &[Self]) -> String {
        let first = findings.first().map(Self::in_short).unwrap_or_default();
        match findings.len().saturating_sub(1) {
            0 => first,
            more => format!("{first}, and {more} more"),
        }
    }
}
