//! Judges every run-time path entry by entry, and says what the path becomes.
//!
//! Inside the prefix: `$ORIGIN` and the way there, once for each directory the object can be opened in. Outside: dropped
//! (a build directory, a host directory); if it supplied a library, the closure names it as missing. Relative or
//! empty: dropped and reported, because it means whatever directory the process happens to be in. What already begins
//! with `$ORIGIN` and stays in the tree is left alone, letter by letter.

use super::{Plan, Policy, Reason, Rewrite};
use crate::base::finding::{Finding, Severity};
use crate::base::path::{RelPath, parts, printable};
use crate::elf::{Facts, RunPaths};
use crate::loader::closure::Member;
use crate::loader::entry::{depends_on_target, entries, expand, starts_at_origin, voids};
use crate::loader::libc::Libc;
use crate::loader::object::Tag;
use crate::loader::tree::{Node, Place, Tree};
use crate::scan::Inventory;

/// Plans the run-time paths of all objects; `members` then carry the planned ones.
pub(super) fn plan(inventory: &Inventory, tree: &Tree, members: &mut [Member], policy: &Policy<'_>, plan: &mut Plan) {
    for member in members {
        let Some(facts) = inventory.entries.get(&member.path).and_then(|entry| entry.elf()) else { continue };
        if facts.run_paths.is_empty() {
            continue;
        }
        let skipped = policy.skip.matches(&member.path);
        let mut judge = Judge { tree, libc: policy.libc, member, plan, skipped, reasons: Vec::new() };
        let wanted = judge.wanted(facts, policy.tag);
        let reasons = std::mem::take(&mut judge.reasons);
        if judge.skipped {
            skip(member, facts, &wanted, plan);
        } else if differs(facts, &wanted) {
            member.object.rpath.clone_from(&wanted.rpath);
            member.object.runpath.clone_from(&wanted.runpath);
            plan.rewrites.insert(member.path.clone(), Rewrite { wanted, reasons });
        }
    }
}

/// Whether any tag of the file, overridden duplicates included, is not as wanted.
fn differs(facts: &Facts, wanted: &RunPaths) -> bool {
    let of = |tag| match tag {
        Tag::Rpath => &wanted.rpath,
        Tag::Runpath => &wanted.runpath,
    };
    let all_right = facts.run_paths.iter().all(|path| of(path.tag).as_ref() == Some(&path.value));
    let nothing_new = [Tag::Rpath, Tag::Runpath]
        .into_iter()
        .all(|tag| of(tag).is_none() || facts.run_paths.iter().any(|path| path.tag == tag));
    !(all_right && nothing_new)
}

fn skip(member: &Member, facts: &Facts, wanted: &RunPaths, plan: &mut Plan) {
    if differs(facts, wanted) {
        let found = "left as it is by --skip, and its run-time path still names the old place";
        plan.findings.push(Finding::at(&member.path, Severity::Warning, "skipped", found));
    }
}

/// What an entry turns out to be.
enum Verdict {
    /// These entries instead.
    Becomes(Vec<Vec<u8>>, &'static str),
    /// Nothing; `kind` is the finding's word.
    Dropped { kind: &'static str, severity: Severity, why: &'static str, help: Option<&'static str> },
    /// As it is.
    Kept,
}

struct Judge<'a> {
    tree: &'a Tree,
    libc: Libc,
    member: &'a Member,
    plan: &'a mut Plan,
    skipped: bool,
    reasons: Vec<Reason>,
}

impl Judge<'_> {
    fn wanted(&mut self, facts: &Facts, tag: Option<Tag>) -> RunPaths {
        let last = |wanted| facts.run_paths.iter().rfind(|path| path.tag == wanted).map(|path| path.value.clone());
        let (rpath, runpath) = (last(Tag::Rpath), last(Tag::Runpath));
        // DT_RPATH beside DT_RUNPATH is dead for the loader, but it is still a string that names the old place.
        let rpath = rpath.map(|path| self.rewritten(&path));
        let runpath = runpath.map(|path| self.rewritten(&path));
        match tag {
            None => RunPaths { rpath, runpath },
            Some(Tag::Rpath) => RunPaths { rpath: runpath.or(rpath), runpath: None },
            Some(Tag::Runpath) => RunPaths { rpath: None, runpath: runpath.or(rpath) },
        }
    }

    fn rewritten(&mut self, path: &[u8]) -> Vec<u8> {
        let mut new: Vec<Vec<u8>> = Vec::new();
        let mut add = |entry: Vec<u8>| {
            if !new.contains(&entry) {
                new.push(entry);
            }
        };
        for entry in entries(path, self.libc) {
            match self.judge(entry) {
                Verdict::Kept => add(entry.to_vec()),
                Verdict::Becomes(entries, why) => {
                    self.reason("converted", entry, why);
                    entries.into_iter().for_each(&mut add);
                }
                Verdict::Dropped { kind, severity, why, help } => {
                    self.reason("dropped", entry, why);
                    self.report(entry, kind, severity, why, help);
                }
            }
        }
        if new.iter().map(Vec::as_slice).eq(entries(path, self.libc)) {
            return path.to_vec();
        }
        new.join(&b':')
    }

    fn judge(&mut self, entry: &[u8]) -> Verdict {
        if entry.is_empty() {
            return insecure("an empty entry means the current directory");
        }
        if voids(entry, self.libc) {
            return dropped("runpath-token", "has a '$' at which musl ignores the whole run-time path");
        }
        if starts_at_origin(entry, self.libc) {
            return self.judge_origin(entry);
        }
        if entry.first() != Some(&b'/') {
            return insecure("a relative entry means a place below the current directory");
        }
        let Some(written) = self.tree.written_inside(entry) else {
            self.plan.outside.entry(self.member.path.clone()).or_default().push(entry.to_vec());
            return dropped("runpath-outside", "lies outside the prefix");
        };
        self.judge_inside(entry, &written)
    }

    /// An absolute entry below a prefix; `written` is the rest, relative.
    fn judge_inside(&self, entry: &[u8], written: &[u8]) -> Verdict {
        if depends_on_target(entry, self.libc) {
            let top = |directory: &RelPath| directory.way_to(&RelPath::root());
            let entries = self.member.opened_in.iter().map(|directory| from_origin(&[&top(directory), written]));
            return Verdict::Becomes(entries.collect(), "inside the prefix; the token stays");
        }
        let why = match self.tree.resolve(&RelPath::root(), written) {
            Place::Inside(path) if self.tree.node(&path) != Some(&Node::Dir) => {
                return dropped("runpath-no-directory", "is no directory of the tree");
            }
            Place::Inside(_) => "inside the prefix",
            Place::Missing(_) => "inside the prefix, though the tree has no such directory yet",
            Place::Outside(_) => "inside the prefix, where a symlink leads out of it",
            Place::Loop => return dropped("runpath-no-directory", "is a circle of symlinks"),
        };
        let way = |directory| from_origin(&[&super::way(self.tree, directory, written)]);
        Verdict::Becomes(self.member.opened_in.iter().map(way).collect(), why)
    }

    fn judge_origin(&self, entry: &[u8]) -> Verdict {
        let leads_out = |directory: &RelPath| {
            // A made-up directory above the tree, so that `$ORIGIN` of a file at its top is no empty text.
            let expanded = expand(entry, directory.as_bytes(), self.libc);
            expanded.iter().all(|text| {
                let text = text.strip_prefix(b"/").filter(|_| directory.is_root()).unwrap_or(text);
                matches!(self.tree.resolve(&RelPath::root(), text), Place::Outside(_))
            })
        };
        if !self.member.opened_in.is_empty() && self.member.opened_in.iter().all(leads_out) {
            return Verdict::Dropped {
                kind: "runpath-leaves-tree",
                severity: Severity::Warning,
                why: "leads out of the tree",
                help: Some("what it supplied must be brought in, see --bundle"),
            };
        }
        Verdict::Kept
    }

    fn reason(&mut self, what: &'static str, entry: &[u8], why: &str) {
        self.reasons.push(Reason { what, entry: printable(entry).into_owned(), why: why.to_owned() });
    }

    fn report(&mut self, entry: &[u8], kind: &str, severity: Severity, why: &str, help: Option<&str>) {
        if self.skipped {
            return;
        }
        let found = format!("run-time path entry '{}' dropped: {why}", printable(entry));
        let finding = Finding::at(&self.member.path, severity, kind, found);
        self.plan.findings.push(match help {
            Some(help) => finding.help(help),
            None => finding,
        });
    }
}

fn dropped(kind: &'static str, why: &'static str) -> Verdict {
    Verdict::Dropped { kind, severity: Severity::Note, why, help: None }
}

fn insecure(why: &'static str) -> Verdict {
    let help = Some(
        "whoever can write there can run code as the program's user; find the -rpath in its build that put it there",
    );
    Verdict::Dropped { kind: "runpath-insecure", severity: Severity::Warning, why, help }
}

/// `$ORIGIN`, or `$ORIGIN/` and the way from `directory` to `target`.
pub(super) fn origin_entry(directory: &RelPath, target: &RelPath) -> Vec<u8> {
    from_origin(&[&directory.way_to(target)])
}

/// `$ORIGIN` and these ways one after the other, without doubled or trailing slashes.
fn from_origin(ways: &[&[u8]]) -> Vec<u8> {
    let ways = ways.iter().flat_map(|way| parts(way));
    std::iter::once(&b"$ORIGIN"[..]).chain(ways).collect::<Vec<_>>().join(&b'/')
}
