//! Mentions of all files -> findings with effect and remedy, and what can be done about each.
//!
//! Pure. What a finding weighs depends on whether something in our power writes over the place once the final path is
//! known: then a program that reads the old path is a warning until that is done; else it is an error where it names a
//! file of the tree, or where any user of a target could put something at the old path that is then loaded.

use super::kind::{self, Kind, Weight};
use super::look::Unread;
use super::mention::{Form, Hold, Mention, Spelling};
use super::owner::Packages;
use super::risk::{Load, creatable, load};
use super::variable::variable;
use super::wanted::{Origin, Wanted};
use super::{Looked, summary};
use crate::base::finding::Severity;
use crate::base::glob::Globs;
use crate::base::path::RelPath;
use crate::loader::tree::{Place as TreePlace, Tree};
use std::collections::BTreeMap;

/// What mentions are judged by.
pub struct About<'a> {
    /// What was looked for.
    pub wanted: &'a Wanted,
    /// The tree as shipped.
    pub tree: &'a Tree,
    /// Which package each file belongs to.
    pub packages: &'a Packages,
    /// Whether what stands at this offset of this file is written anew once the final path is known.
    pub fixed_at_final_path: &'a dyn Fn(&RelPath, u64) -> bool,
    /// Files that may name old paths, because the user says so.
    pub allow: &'a Globs,
}

/// What can be done about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fixable {
    /// It is written anew once the final path is known, whatever its length.
    Auto,
    /// The same, for final paths up to so many bytes.
    Pad(u64),
    /// The program takes this variable instead.
    Env(&'static str),
    /// Only building again helps.
    Rebuild,
    /// Nothing needs to be done.
    Ignore,
}

/// Why an error is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Accepted {
    /// The user allows this file to name old paths.
    Allowed,
}

/// Mentions of one file that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub path: RelPath,
    /// What it is.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// Which path is named: its index in [`Wanted::paths`].
    pub wanted: usize,
    /// The first of the mentions.
    pub first: Mention,
    /// Offsets of all of them, sorted.
    pub offsets: Vec<u64>,
    /// Whether the path named is a file or directory of the tree.
    pub in_tree: bool,
    /// What any user of a target could have loaded by creating the old path, and why he could.
    pub risk: Option<(Load, &'static str)>,
    /// What can be done.
    pub fixable: Fixable,
    /// The variable that says where to look instead, where one is known.
    pub variable: Option<&'static str>,
    /// The package the file belongs to.
    pub package: Option<String>,
    /// Why it is no error, where it would be one.
    pub accepted: Option<Accepted>,
}

impl Finding {
    /// Whether it goes away when the final path is written in.
    pub fn is_cured(&self) -> bool {
        matches!(self.fixable, Fixable::Auto | Fixable::Pad(_))
    }

    /// What helps, as a sentence.
    pub fn remedy(&self) -> &'static str {
        if self.kind == Kind::ElfString && !self.is_cured() {
            return "it must not be overwritten: build it for a prefix whose last part is no plausible word, or tell the \
                    program its paths by option or variable";
        }
        self.kind.remedy()
    }
}

/// What is left in a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remains {
    /// All findings, sorted by path, then kind.
    pub findings: Vec<Finding>,
    /// Parts that were not looked into, with the file.
    pub unread: Vec<(RelPath, Unread)>,
    /// Mentions that are not listed because one file has too many: the file and how many.
    pub unlisted: Vec<(RelPath, u64)>,
    /// How many bytes the final path may have, where strings of binary files need to hold it.
    pub longest_new_path: Option<u64>,
    /// One line for a person.
    pub summary: String,
}

impl Remains {
    /// Whether anything in it is an error.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Judges what was found in a tree's files.
pub fn judge(files: impl IntoIterator<Item = (RelPath, Looked)>, about: &About<'_>) -> Remains {
    let mut remains = Remains::default();
    let files = files.into_iter();
    // Most files have at most one; to grow piece by piece would take as much again.
    remains.findings.reserve(files.size_hint().0);
    for (path, looked) in files {
        let mut groups: BTreeMap<Key, Vec<Mention>> = BTreeMap::new();
        for mention in looked.mentions {
            groups.entry(Key::of(&path, &mention, about)).or_default().push(mention);
        }
        remains.findings.extend(groups.into_iter().filter_map(|(key, mentions)| finding(&path, &key, mentions, about)));
        remains.unread.extend(looked.unread.into_iter().map(|unread| (path.clone(), unread)));
        if looked.unlisted > 0 {
            remains.unlisted.push((path, looked.unlisted));
        }
    }
    remains.findings.sort_by(|a, b| (&a.path, a.kind, a.offsets.first()).cmp(&(&b.path, b.kind, b.offsets.first())));
    let pads = remains.findings.iter().filter_map(|finding| match finding.fixable {
        Fixable::Pad(most) => Some(most),
        _ => None,
    });
    remains.longest_new_path = pads.min();
    remains.summary = summary::line(&remains);
    remains
}

/// What mentions of one finding have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: Kind,
    wanted: usize,
    spelling: Spelling,
    hold: Hold,
    inside: Option<Box<[u8]>>,
    section: Option<Box<[u8]>>,
    fixed: bool,
    in_tree: bool,
    bare: bool,
    load: Option<Load>,
    variable: Option<&'static str>,
}

impl Key {
    fn of(path: &RelPath, mention: &Mention, about: &About<'_>) -> Self {
        let rest = match mention.hold {
            Hold::Whole => about.wanted.path(mention.wanted).and_then(|prefix| prefix.strip(mention.path())),
            _ => None,
        };
        let kind = match kind::of(path, mention) {
            Kind::ElfString if rest.as_ref().is_some_and(RelPath::is_root) && kind::is_python(path) => {
                Kind::PythonFallback
            }
            kind => kind,
        };
        let matters = matches!(kind.weight(), Weight::Matters | Weight::Breaks);
        let rest = rest.filter(|_| matters);
        let old = about.wanted.origin(mention.wanted) != Some(Origin::BuildDirectory);
        let names = |rest: &RelPath| old && matches!(about.tree.resolve(rest, b""), TreePlace::Inside(_));
        Self {
            kind,
            wanted: mention.wanted,
            spelling: mention.spelling,
            hold: mention.hold,
            inside: mention.inside.clone(),
            section: mention.section.clone(),
            fixed: matters && may_be_fixed(mention) && (about.fixed_at_final_path)(path, mention.offset),
            in_tree: rest.as_ref().is_some_and(names),
            bare: rest.as_ref().is_some_and(RelPath::is_root),
            // Where a path goes on cannot be seen: anything below the prefix may be meant.
            load: if mention.hold == Hold::Whole { rest.as_ref().and_then(load) } else { Some(Load::Code) },
            variable: rest.as_ref().filter(|_| takes_variables(kind)).and_then(variable),
        }
    }
}

/// Whether it is a program that looks at the path, and so may look at a variable first.
fn takes_variables(kind: Kind) -> bool {
    matches!(kind, Kind::ElfString | Kind::ElfUnbounded | Kind::ElfSplit | Kind::Script)
}

/// Whether a mention can be written over at all: what is packed, split or spelled in another way cannot.
fn may_be_fixed(mention: &Mention) -> bool {
    mention.inside.is_none() && mention.hold == Hold::Whole && mention.spelling == Spelling::Plain
}

fn finding(path: &RelPath, key: &Key, mentions: Vec<Mention>, about: &About<'_>) -> Option<Finding> {
    let prefix = about.wanted.path(key.wanted)?;
    let risk = key.load.filter(|_| is_loaded(key)).and_then(|load| Some((load, creatable(prefix)?)));
    let mut severity = severity(key, risk.is_some());
    let accepted = (severity == Severity::Error && about.allow.matches(path)).then_some(Accepted::Allowed);
    if accepted.is_some() {
        severity = Severity::Note;
    }
    let offsets = mentions.iter().map(|mention| mention.offset).collect();
    let first = mentions.into_iter().next()?;
    let fixable = fixable(key, first.form, prefix.as_bytes().len() as u64);
    Some(Finding {
        path: path.clone(),
        kind: key.kind,
        severity,
        wanted: key.wanted,
        first,
        offsets,
        in_tree: key.in_tree,
        risk,
        fixable,
        variable: key.variable,
        package: about.packages.owner(path).map(str::to_owned),
        accepted,
    })
}

/// Whether a running program comes upon the path, so that what lies there matters. Files for building software are used by
/// who builds, with other risks.
fn is_loaded(key: &Key) -> bool {
    matches!(
        key.kind,
        Kind::Shebang
            | Kind::ElfString
            | Kind::ElfUnbounded
            | Kind::ElfSplit
            | Kind::Configuration
            | Kind::Script
            | Kind::PycConstant
    )
}

fn severity(key: &Key, risk: bool) -> Severity {
    match key.kind.weight() {
        Weight::Harmless | Weight::Proof => Severity::Note,
        Weight::Breaks | Weight::Matters if key.fixed => Severity::Warning,
        Weight::Breaks => Severity::Error,
        Weight::Matters if risk => Severity::Error,
        // The prefix alone names no file; what is put together from it is not known.
        Weight::Matters if key.kind == Kind::ElfString && key.in_tree && !key.bare => Severity::Error,
        Weight::Matters => Severity::Warning,
    }
}

fn fixable(key: &Key, form: Form, len: u64) -> Fixable {
    match key.kind.weight() {
        Weight::Harmless => Fixable::Ignore,
        _ if key.fixed && form.is_text() => Fixable::Auto,
        _ if key.fixed => Fixable::Pad(len),
        Weight::Proof => Fixable::Auto,
        Weight::Breaks | Weight::Matters => key.variable.map_or(Fixable::Rebuild, Fixable::Env),
    }
}

/// What any user could do, as a sentence.
pub fn risk_sentence(load: Load, why: &str, prefix: &str) -> String {
    format!("{} is loaded from below {prefix}, and {why}", load.word())
}
