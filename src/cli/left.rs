//! What is left, for people and as JSON.
//!
//! A person reads errors one by one, warnings as one line for each kind, and the rest in the summary's line; JSON has
//! everything.

use super::json::bytes as json_bytes;
use super::report::count;
use crate::base::finding::{self, Severity};
use crate::base::path::printable;
use crate::pipeline::check::Left;
use crate::remains::{Accepted, Finding, Fixable, Kind, Load, Remains, Wanted};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What helps where a final path has to be written in.
const FIX: &str = "install with 'relocate install ARCHIVE DEST', or run 'relocate fix DIR' once after tar";
const PACK: &str = "'relocate ROOT' makes an archive that needs none of it, or has it written in where it is unpacked";
const ALLOW: &str =
    "--allow-old-path lets a file name such a path, where you know that nobody can create it on your targets";

/// What is printed of an remains; `recorded` tells whether the tree has a record of what an installer writes anew.
pub(super) struct Shown<'a> {
    pub(super) remains: &'a Remains,
    pub(super) wanted: &'a Wanted,
    pub(super) recorded: bool,
}

/// The findings to be printed: errors each, what the final path cures as one, other warnings by kind.
pub(super) fn findings(shown: &Shown<'_>) -> Vec<finding::Finding> {
    let of = |severity| shown.remains.findings.iter().filter(move |finding| finding.severity == severity);
    let mut all: Vec<_> = of(Severity::Error).map(|finding| error(finding, shown.wanted)).collect();
    let (cured, others): (Vec<_>, Vec<_>) = of(Severity::Warning).partition(|finding| finding.is_cured());
    all.extend(until_fixed(shown, &cured));
    all.extend(risk(shown, &cured));
    let mut kinds: BTreeMap<Kind, Vec<&Finding>> = BTreeMap::new();
    for finding in others {
        kinds.entry(finding.kind).or_default().push(finding);
    }
    all.extend(kinds.into_iter().map(|(kind, same)| warning(kind, &same)));
    all.extend(unread(shown.remains));
    all
}

/// One line about all that is cured once the final path is known.
fn until_fixed(shown: &Shown<'_>, cured: &[&Finding]) -> Option<finding::Finding> {
    let example = cured.iter().find(|finding| finding.in_tree).or(cured.first())?;
    let files: BTreeSet<_> = cured.iter().map(|finding| &finding.path).collect();
    let found = format!(
        "{} look at the old path until the final one is written in: {}; such as {} ({}: {})",
        count(files.len(), "file"),
        by_kind(cured),
        example.path,
        place(example),
        example.first.shown()
    );
    let help = if shown.recorded { FIX } else { PACK };
    Some(finding::Finding::of_tree(Severity::Warning, "left-until-fixed", found).help(help))
}

/// `3 pkg-config, 1 string`: how many files have findings of each kind.
fn by_kind(findings: &[&Finding]) -> String {
    let mut kinds: BTreeMap<Kind, BTreeSet<_>> = BTreeMap::new();
    for finding in findings {
        kinds.entry(finding.kind).or_default().insert(&finding.path);
    }
    let each: Vec<_> = kinds.iter().map(|(kind, files)| format!("{} {}", files.len(), kind.word())).collect();
    each.join(", ")
}

fn error(finding: &Finding, wanted: &Wanted) -> finding::Finding {
    let prefix = wanted.path(finding.wanted).map_or_else(String::new, ToString::to_string);
    let why = match finding.risk {
        Some((load, why)) => crate::remains::risk_sentence(load, why, &prefix),
        None => finding.kind.effect().to_owned(),
    };
    let found = format!("names {} ({}): {why}", finding.first.shown(), place(finding));
    let help = match (finding.risk, finding.kind) {
        (_, Kind::Shebang) | (None, _) => finding.remedy().to_owned(),
        (Some(_), _) => format!("{}; {ALLOW}", finding.remedy()),
    };
    finding::Finding::at(&finding.path, Severity::Error, &word(finding.kind), found).help(help)
}

/// The word of a kind among the findings of the whole tool.
fn word(kind: Kind) -> String {
    format!("left-{}", kind.word())
}

fn warning(kind: Kind, same: &[&Finding]) -> finding::Finding {
    let files: BTreeSet<_> = same.iter().map(|finding| &finding.path).collect();
    let example = same.iter().find(|finding| finding.in_tree).or(same.first());
    let example = example.map_or_else(String::new, |finding| {
        format!(", such as {} ({}: {})", finding.path, place(finding), finding.first.shown())
    });
    let variable = same.iter().find_map(|finding| finding.variable);
    let found = format!("{} with {} left{example}: {}", count(files.len(), "file"), kind.word(), kind.effect());
    let remedy = same.first().map_or(kind.remedy(), |finding| finding.remedy());
    let help = match variable {
        Some(variable) => format!("{remedy}; {variable} says where to look instead"),
        None => remedy.to_owned(),
    };
    finding::Finding::of_tree(Severity::Warning, &word(kind), found).help(help)
}

/// One line about old paths that others could create, where the final path will be written over them.
fn risk(shown: &Shown<'_>, cured: &[&Finding]) -> Option<finding::Finding> {
    let mut loads: BTreeMap<Load, BTreeSet<_>> = BTreeMap::new();
    let mut first = None;
    for finding in cured {
        let Some((load, why)) = finding.risk else { continue };
        loads.entry(load).or_default().insert(&finding.path);
        first = first.or(Some((finding.wanted, why)));
    }
    let (at, why) = first?;
    let prefix = shown.wanted.path(at)?;
    let counted: Vec<_> = loads
        .iter()
        .map(|(load, files)| format!("{} (named by {})", load.word(), count(files.len(), "file")))
        .collect();
    let found = format!("until then what lies below {prefix} is loaded as {}, and {why}", counted.join(", "));
    let help = format!("do not run the tree before that where others could create {prefix}");
    Some(finding::Finding::of_tree(Severity::Warning, "left-until-fixed-creatable", found).help(help))
}

fn unread(remains: &Remains) -> Vec<finding::Finding> {
    let unread = remains.unread.iter().map(|(path, unread)| {
        let inside = unread.inside.as_ref().map_or_else(String::new, |inside| format!("{} in it ", printable(inside)));
        finding::Finding::at(path, Severity::Note, "left-unread", format!("{inside}{}", unread.why))
    });
    let unlisted = remains.unlisted.iter().map(|(path, number)| {
        finding::Finding::at(path, Severity::Note, "left-unlisted", format!("{number} more mentions are not listed"))
    });
    unread.chain(unlisted).collect()
}

/// Whether something is loaded from an old path that others could create.
pub(super) fn leads_to_strangers(left: &Left) -> bool {
    left.remains.findings.iter().any(|finding| finding.severity == Severity::Error && finding.risk.is_some())
}

/// The options that let the errors pass: one for each file.
pub(super) fn answer(left: &Left) -> Vec<(&'static str, String)> {
    let errors = left.remains.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let files: BTreeSet<_> = errors.map(|finding| finding.path.to_string()).collect();
    files.into_iter().map(|path| ("--allow-old-path", path)).collect()
}

/// Where in its file a finding is, for people.
fn place(finding: &Finding) -> String {
    let inside = finding.first.inside.as_ref().map_or_else(String::new, |inside| format!("in {}, ", printable(inside)));
    let section = finding.first.section.as_ref().map_or_else(String::new, |name| format!(" in {}", printable(name)));
    match finding.first.line {
        Some(line) => format!("{inside}line {line}"),
        None => format!("{inside}offset {:#x}{section}", finding.first.offset),
    }
}

/// Everything, as JSON.
pub(super) fn json(remains: &Remains, wanted: &Wanted) -> Value {
    let paths: Vec<_> = wanted
        .paths
        .iter()
        .map(
            |(path, origin)| json!({"path": path, "origin": origin.word(), "creatable": crate::remains::creatable(path)}),
        )
        .collect();
    let unread: Vec<_> = remains
        .unread
        .iter()
        .map(|(path, unread)| {
            json!({"path": path, "inside": unread.inside.as_deref().map(json_bytes), "why": unread.why.to_string()})
        })
        .collect();
    let unlisted: Vec<_> =
        remains.unlisted.iter().map(|(path, number)| json!({"path": path, "count": number})).collect();
    json!({
        "summary": remains.summary,
        "longest_new_path": remains.longest_new_path,
        "wanted": paths,
        "findings": remains.findings.iter().map(one).collect::<Vec<_>>(),
        "unread": unread,
        "unlisted": unlisted,
    })
}

fn one(finding: &Finding) -> Value {
    let first = &finding.first;
    json!({
        "path": finding.path,
        "kind": finding.kind.word(),
        "severity": finding.severity,
        "wanted": finding.wanted,
        "spelling": first.spelling.word(),
        "harmless_because": first.hold.why_harmless().or_else(|| harmless(finding.kind)),
        "count": finding.offsets.len(),
        "offset": first.offset,
        "line": first.line,
        "section": first.section.as_deref().map(json_bytes),
        "inside": first.inside.as_deref().map(json_bytes),
        "sample": first.shown(),
        "offsets": finding.offsets,
        "in_tree": finding.in_tree,
        "loads": finding.risk.map(|(load, _)| load.word()),
        "effect": finding.kind.effect(),
        "remedy": finding.remedy(),
        "fixable": fixable(finding.fixable),
        "variable": finding.variable,
        "package": finding.package,
        "accepted": finding.accepted.map(|Accepted::Allowed| "allow-old-path"),
    })
}

/// Why a kind is harmless, where it is.
fn harmless(kind: Kind) -> Option<&'static str> {
    kind.is_harmless().then(|| kind.effect())
}

fn fixable(fixable: Fixable) -> Value {
    match fixable {
        Fixable::Auto => json!({"how": "auto"}),
        Fixable::Pad(longest) => json!({"how": "pad", "longest": longest}),
        Fixable::Env(name) => json!({"how": "env", "variable": name}),
        Fixable::Rebuild => json!({"how": "rebuild"}),
        Fixable::Ignore => json!({"how": "ignore"}),
    }
}
