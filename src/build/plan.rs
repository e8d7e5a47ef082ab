//! The packages of a recipe as tasks for an engine that somebody has already: a GitLab pipeline, an Argo workflow, a makefile.
//!
//! Pure. Takes the graph, its keys and the words of the calls; gives sorted text that depends on those alone. Each task is one
//! call and the tasks it comes after; needs that follow from others are left out. Refused: words that a format cannot hold.

mod argo;
mod gitlab;
mod make;

use super::graph::Graph;
use crate::base::digest::Digest;
use std::collections::BTreeSet;
use std::fmt;

/// How long the readable part of a task's name may get: with the key's it stays below what every engine takes.
const NAME_LIMIT: usize = 50;
/// How much of the key is in a task's name, in hex digits: enough to tell the packages of one recipe apart.
const KEY_DIGITS: usize = 12;

/// An engine's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A child pipeline of GitLab.
    Gitlab,
    /// A workflow of Argo.
    Argo,
    /// A makefile for GNU and BSD make.
    Make,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Letters, digits and `-`, at most 63 bytes; no two tasks share it.
    pub name: String,
    /// The package's full name.
    pub pkgname: String,
    /// Where it is in the tree.
    pub pkgpath: String,
    /// Its key.
    pub key: Digest,
    /// The tasks it comes after, by number, sorted; what those come after is not among them.
    pub needs: Vec<usize>,
}

/// The words of the calls, each a word of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What follows `relocate build-one KEY --package NAME`.
    pub one: Vec<String>,
    /// What follows `relocate`, for the last call, which makes the archive.
    pub last: Vec<String>,
}

/// All there is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The recipe's name.
    pub recipe: String,
    /// One task a package, in the order of installation.
    pub tasks: Vec<Task>,
    /// The words of the calls.
    pub words: Words,
}

/// Words that a format cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanError {
    /// A control character, such as the end of a line.
    Control(String),
    /// `{{`, which Argo replaces wherever it stands.
    Braces(String),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control(word) => write!(f, "'{}' has a character that no plan can hold", word.escape_debug()),
            Self::Braces(word) => write!(f, "'{word}' has '{{{{', which argo would replace; use a path without it"),
        }
    }
}

impl std::error::Error for PlanError {}

impl Plan {
    /// The tasks of a graph; `given` says which packages bootstrap brings, so that nobody has to make them.
    pub fn new(recipe: &str, graph: &Graph, keys: &[Digest], given: &[bool], words: Words) -> Self {
        let is_given = |at: usize| given.get(at).copied().unwrap_or(false);
        let made: Vec<usize> = (0..graph.nodes.len()).filter(|at| !is_given(*at)).collect();
        let edges: Vec<Vec<usize>> = made
            .iter()
            .map(|at| graph.edges[*at].iter().filter_map(|edge| made.binary_search(edge).ok()).collect())
            .collect();
        let task = |(at, needs): (&usize, Vec<usize>)| {
            let node = &graph.nodes[*at];
            let name = name(&node.pkgname, keys[*at]);
            Task { name, pkgname: node.pkgname.clone(), pkgpath: node.pkgpath.clone(), key: keys[*at], needs }
        };
        Self { recipe: recipe.to_owned(), tasks: made.iter().zip(reduced(&edges)).map(task).collect(), words }
    }

    /// The whole as text.
    pub fn text(&self, format: Format) -> Result<String, PlanError> {
        let words = || self.words.one.iter().chain(&self.words.last);
        if let Some(word) = words().find(|word| word.chars().any(char::is_control)) {
            return Err(PlanError::Control(word.clone()));
        }
        match format {
            Format::Gitlab => Ok(gitlab::text(self)),
            Format::Make => Ok(make::text(self)),
            Format::Argo => match words().find(|word| word.contains("{{")) {
                Some(word) => Err(PlanError::Braces(word.clone())),
                None => Ok(argo::text(self)),
            },
        }
    }

    /// The tasks that no other comes after: when they are done, all are.
    fn ends(&self) -> Vec<usize> {
        let needed: BTreeSet<usize> = self.tasks.iter().flat_map(|task| task.needs.iter().copied()).collect();
        (0..self.tasks.len()).filter(|at| !needed.contains(at)).collect()
    }

    fn names(&self, tasks: &[usize]) -> Vec<&str> {
        tasks.iter().map(|at| self.tasks[*at].name.as_str()).collect()
    }

    /// The words of a task's call, after the program's name.
    fn call<'a>(&'a self, task: &'a Task, key: &'a str) -> Vec<&'a str> {
        let first = ["build-one", key, "--package", task.pkgname.as_str()];
        first.into_iter().chain(self.words.one.iter().map(String::as_str)).collect()
    }
}

/// A name that every engine takes and a person can read: the package's, then of its key.
fn name(pkgname: &str, key: Digest) -> String {
    let plain: String = pkgname.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain: String = plain.trim_start_matches('-').chars().take(NAME_LIMIT).collect();
    format!("{plain}-{}", &key.to_string()[..KEY_DIGITS]).trim_start_matches('-').to_owned()
}

/// The needs of each node without those that follow from others; nodes come after all they need.
fn reduced(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut below: Vec<BTreeSet<usize>> = Vec::with_capacity(edges.len());
    for needs in edges {
        let deeper = needs.iter().flat_map(|need| below[*need].iter().copied());
        below.push(needs.iter().copied().chain(deeper).collect());
    }
    let follows = |needs: &[usize], need: usize| needs.iter().any(|other| below[*other].contains(&need));
    edges
        .iter()
        .map(|needs| {
            let left: BTreeSet<usize> = needs.iter().copied().filter(|need| !follows(needs, *need)).collect();
            left.into_iter().collect()
        })
        .collect()
}

/// A string of YAML, in the form it shares with JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if c == '"' || c == '\\' {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// A list of YAML on one line.
fn list<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| quoted(word.as_ref())).collect();
    format!("[{}]", words.join(", "))
}

/// A command line of a POSIX shell.
fn shell<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    let quote = |word: &str| {
        if !word.is_empty() && word.chars().all(plain) {
            word.to_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    let words: Vec<String> = words.into_iter().map(|word| quote(word.as_ref())).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests;
