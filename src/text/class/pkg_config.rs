//! pkg-config's files (`*.pc`): paths below the old prefix become paths from `${pcfiledir}`.
//!
//! The first variable whose name ends in `prefix` and whose value is such a path is what later ones refer to, so that
//! `--define-variable=prefix=...` keeps its meaning. Refuses a file that a symlink makes appear in a directory from which the
//! way to the top is another one: pkg-config sets `pcfiledir` to the directory where it found the file and follows no link.

use super::draft::{Draft, ends_with, lines, up, way_up};
use super::{Answer, Class, Sort, Subject};
use crate::base::path::RelPath;
use crate::text::occurrence::{Occurrence, ends_here};

/// The class.
pub struct PkgConfig;

const COMPUTED: &str = "computed from where pkg-config finds the file";
/// More prefixes than that no file has.
const MOST_VARIABLES: usize = 16;

/// A variable that stands for a directory of the tree.
struct Variable<'a> {
    name: &'a [u8],
    /// What follows the old prefix in its value: empty, or from a slash on.
    below: &'a [u8],
}

impl Class for PkgConfig {
    fn name(&self) -> &'static str {
        "pkg-config"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        if !ends_with(file.path, b".pc") || !lines(file.bytes).any(|(_, line)| is_field(line)) {
            return Answer::NotMine;
        }
        if let Err(why) = way_up(file).and_then(|_| same_way_from_links(file)) {
            return Answer::Refused(why);
        }
        rewrite(file)
    }
}

/// Whether a line is one of the fields every file has (pc(5): Name, Description and Version are mandatory).
fn is_field(line: &[u8]) -> bool {
    [&b"Name"[..], b"Description", b"Version", b"Cflags", b"CFlags", b"Libs"]
        .iter()
        .any(|field| line.strip_prefix(*field).is_some_and(|rest| rest.trim_ascii_start().starts_with(b":")))
}

fn rewrite(file: &Subject<'_>) -> Answer {
    let occurrences = file.occurrences();
    let mut left = occurrences.as_slice();
    let mut draft = Draft::new(file.bytes);
    let mut variables: Vec<Variable<'_>> = Vec::new();
    for (start, line) in lines(file.bytes) {
        let here;
        (here, left) = left.split_at(left.partition_point(|found| found.offset < start + line.len()));
        let Some(first) = here.first() else { continue };
        if line.trim_ascii_start().starts_with(b"#") {
            continue;
        }
        let ends = here.iter().skip(1).map(|next| next.offset).chain([start + line.len()]);
        for (found, end) in here.iter().zip(ends) {
            let (end, to) = spell(file, &variables, found, &file.bytes[found.end()..end]);
            draft.replace(found.offset..end, &to, COMPUTED);
        }
        if let Some((name, value)) = assignment(line)
            && name.ends_with(b"prefix")
            && variables.len() < MOST_VARIABLES
            && let Some(below) = whole_path(value, first.offset - start, first.len, line)
        {
            variables.push(Variable { name, below });
        }
    }
    draft.answer()
}

/// The name and the value (its range in the line) that a line assigns to it.
fn assignment(line: &[u8]) -> Option<(&[u8], std::ops::Range<usize>)> {
    let equals = line.iter().position(|byte| *byte == b'=')?;
    let name = line[..equals].trim_ascii();
    let plain = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte));
    let value = &line[equals + 1..];
    let start = equals + 1 + (value.len() - value.trim_ascii_start().len());
    let end = equals + 1 + value.trim_ascii_end().len();
    plain.then_some((name, start..end.max(start)))
}

/// What follows the prefix at `at` in the line, where the value is nothing but a path that begins with it.
fn whole_path(value: std::ops::Range<usize>, at: usize, len: usize, line: &[u8]) -> Option<&[u8]> {
    let below = line.get(at + len..value.end)?;
    let plain = below.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/_-+.".contains(byte));
    let dots = below.split(|byte| *byte == b'/').any(|part| part == b"..");
    (value.start == at && plain && !dots && !below.ends_with(b"/")).then_some(below)
}

/// How a path below the prefix is spelled: the offset where what it replaces ends, and what stands there then.
fn spell(file: &Subject<'_>, variables: &[Variable<'_>], found: &Occurrence, rest: &[u8]) -> (usize, Vec<u8>) {
    let fits = |variable: &&Variable<'_>| {
        rest.strip_prefix(variable.below).is_some_and(|next| variable.below.is_empty() || ends_here(next))
    };
    // Of the longest the first: `max_by_key` takes the last of equals.
    if let Some(variable) = variables.iter().rev().filter(fits).max_by_key(|variable| variable.below.len()) {
        return (found.end() + variable.below.len(), [b"${", variable.name, b"}"].concat());
    }
    let len = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"/_-+.".contains(byte)).count();
    let directory = file.directory();
    let to = |way: &[u8]| if way.is_empty() { b"${pcfiledir}".to_vec() } else { [b"${pcfiledir}/", way].concat() };
    let leading = rest[..len].iter().take_while(|byte| **byte == b'/').count();
    match RelPath::new(&rest[leading..len]) {
        // The shortest way where the whole path is plain text and nothing follows that could belong to it.
        Some(target) if !rest[..len].ends_with(b"/") && !rest[len..].starts_with(b"$") => {
            (found.end() + len, to(&directory.way_to(&target)))
        }
        _ if directory.is_root() => (found.end(), b"${pcfiledir}".to_vec()),
        _ => (found.end(), to(&up(directory.depth()))),
    }
}

/// Looks through the directories that pkg-config searches in a tree for names of the file from which the way is another.
fn same_way_from_links(file: &Subject<'_>) -> Result<(), String> {
    let own = file.directory();
    let tops = file.around.within(&RelPath::root());
    let libraries = tops.iter().filter(|top| top.name().starts_with(b"lib")).flat_map(|top| file.around.within(top));
    for parent in tops.iter().cloned().chain(libraries.collect::<Vec<_>>()) {
        let searched = parent.join(b"pkgconfig");
        let Some((real, Sort::Dir)) = file.around.leads_to(&searched) else { continue };
        if real.depth() == own.depth() {
            continue;
        }
        let leads_here = |name: &&RelPath| file.around.leads_to(name).is_some_and(|(target, _)| target == *file.path);
        if let Some(link) = file.around.within(&real).iter().find(leads_here) {
            return Err(format!("{link} leads to it, and from there the way to the top is another one"));
        }
    }
    Ok(())
}
