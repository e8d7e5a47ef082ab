//! One line for a person: how many files of each sort name an old path, and what becomes of them.

use super::judge::{Finding, Fixable, Remains};
use super::kind::{Kind, Weight};
use crate::base::finding::Severity;
use crate::base::path::RelPath;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What becomes of a file, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Harmless,
    Proof,
    Fixed,
    Left,
    Broken,
}

impl Fate {
    fn of(finding: &Finding) -> Self {
        match (finding.severity, finding.kind.weight(), finding.fixable) {
            (Severity::Error, ..) => Self::Broken,
            (_, Weight::Harmless, _) => Self::Harmless,
            (_, Weight::Proof, _) => Self::Proof,
            (_, _, Fixable::Auto | Fixable::Pad(_)) => Self::Fixed,
            _ => Self::Left,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Harmless => "harmless",
            Self::Proof => "run-time path",
            Self::Fixed => "fixed at the final path",
            Self::Left => "left",
            Self::Broken => "errors",
        }
    }
}

/// Writes the line.
pub(super) fn line(remains: &Remains) -> String {
    let mut files: BTreeMap<(&RelPath, &str), Fate> = BTreeMap::new();
    for finding in remains.findings.iter().filter(|finding| !matches!(finding.kind, Kind::OtherPath | Kind::Record)) {
        let fate = files.entry((&finding.path, finding.kind.group())).or_insert(Fate::Harmless);
        *fate = (*fate).max(Fate::of(finding));
    }
    let mut groups: BTreeMap<&str, BTreeMap<Fate, usize>> = BTreeMap::new();
    for ((_, group), fate) in files {
        *groups.entry(group).or_default().entry(fate).or_default() += 1;
    }
    if groups.is_empty() {
        return "no file names an old path".to_owned();
    }
    let mut sorted: Vec<_> = groups.into_iter().collect();
    sorted.sort_by_key(|(group, fates)| (std::cmp::Reverse(fates.values().sum::<usize>()), *group));
    let mut line = sorted.iter().map(|(group, fates)| one(group, fates)).collect::<Vec<_>>().join(", ");
    if let Some(longest) = remains.longest_new_path {
        let _ = write!(line, "; longest new path: {longest} bytes");
    }
    line
}

fn one(group: &str, fates: &BTreeMap<Fate, usize>) -> String {
    let total = thousands(fates.values().sum());
    if let [(fate, _)] = fates.iter().collect::<Vec<_>>()[..] {
        return format!("{total} {group} ({})", fate.words());
    }
    let each: Vec<_> =
        fates.iter().rev().map(|(fate, number)| format!("{} {}", thousands(*number), fate.words())).collect();
    format!("{total} {group} ({})", each.join(", "))
}

/// `5624` as `5,624`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas() {
        let shown: Vec<_> = [0, 999, 1000, 5624, 1_234_567].into_iter().map(thousands).collect();
        assert_eq!(shown, ["0", "999", "1,000", "5,624", "1,234,567"]);
    }
}
