//! The judge: exhibits taken from the bytes as shipped -> a verdict, and a [`Verified`] where it holds.
//!
//! Knows nothing of what the plan meant to do. Every needed library must be found inside the tree by the loader's own
//! rules or be a system library; no absolute run-time path, no absolute symlink, no demand beyond the target.

use super::missing::{self, Missing};
use super::system::is_system_library;
use super::targets::{Target, exceeds, runs_on};
use super::witness::{Testimony, WitnessError};
use crate::base::finding::{Finding, Severity};
use crate::base::glob::Globs;
use crate::base::path::{RelPath, printable};
use crate::loader::closure::{Closure, Member, Unresolved, World, opened_in};
use crate::loader::entry::{entries, starts_at_origin};
use crate::loader::floor::{Floor, LibcUse, floor};
use crate::loader::libc::Libc;
use crate::loader::object::{Arch, Object, Tag};
use crate::loader::tree::{Node, Place, Tree};
use std::collections::BTreeSet;

/// One path of the tree as shipped.
#[derive(Debug, Clone)]
pub struct Exhibit {
    /// Where.
    pub path: RelPath,
    /// Permission bits (07777).
    pub mode: u32,
    /// What.
    pub what: What,
}

/// What a path is, as shipped.
#[derive(Debug, Clone)]
pub enum What {
    /// A directory.
    Dir,
    /// A regular file that is no dynamic ELF file.
    Plain,
    /// A dynamic ELF file.
    Dynamic(Box<Object>, Vec<(Tag, Vec<u8>)>),
    /// A file that begins as ELF and cannot be read as such.
    Unreadable(String),
    /// Another name of a file.
    HardLink(RelPath),
    /// A symlink and its target.
    Symlink(Vec<u8>),
    /// Anything else.
    Special,
}

impl From<Result<Testimony, WitnessError>> for What {
    fn from(testimony: Result<Testimony, WitnessError>) -> Self {
        match testimony {
            Ok(Testimony::Dynamic { object, run_paths }) => Self::Dynamic(object, run_paths),
            Ok(_) => Self::Plain,
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }
}

/// What the user allows and demands.
#[derive(Debug, Clone, Default)]
pub struct Law {
    /// Libraries taken as the host's.
    pub allow_lib: Globs,
    /// Sonames, or files, whose missing libraries are no error.
    pub allow_missing: Globs,
    /// Symlinks that may leave the tree.
    pub allow_link: Globs,
    /// Files that may name old paths which any user of a target could create.
    pub allow_old_path: Globs,
    /// Files that were left as they are on purpose.
    pub skip: Globs,
    /// The oldest system it must run on.
    pub target: Option<Target>,
}

impl Law {
    /// Whether the host supplies a library.
    pub fn is_system(&self, soname: &[u8], libc: Libc) -> bool {
        is_system_library(soname, libc) || self.allow_lib.matches_name(soname)
    }

    /// Whether a missing library is none that matters.
    pub fn forgives(&self, unresolved: &Unresolved, members: &[Member]) -> bool {
        self.allow_missing.matches_name(&unresolved.needed) || {
            let path = &members[unresolved.object].path;
            self.allow_missing.matches(path) || self.skip.matches(path)
        }
    }
}

/// What the judge found.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What the tree demands of its host.
    pub floor: Floor,
    /// Distributions that meet the floor.
    pub runs_on: Vec<&'static str>,
    /// Who found what.
    pub closure: Closure,
    /// The objects the closure speaks of.
    pub members: Vec<Member>,
    /// Missing libraries, grouped by soname.
    pub missing: Vec<Missing>,
    /// Everything else, sorted.
    pub findings: Vec<Finding>,
}

/// Proof that a verdict held: only [`Verdict::verified`] makes one.
#[derive(Debug)]
pub struct Verified(());

impl Verdict {
    /// Whether nothing speaks against the tree.
    pub fn holds(&self) -> bool {
        self.missing.is_empty() && self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }

    /// The proof, if nothing speaks against the tree.
    pub fn verified(&self) -> Option<Verified> {
        self.holds().then_some(Verified(()))
    }
}

/// Judges a tree; `exhibits` are sorted by path.
pub fn judge(exhibits: &[Exhibit], law: &Law) -> Verdict {
    let (tree, members) = reconstruct(exhibits);
    let mut findings = Vec::new();
    let sonames: BTreeSet<&[u8]> = members.iter().map(soname).collect();
    let objects = || members.iter().map(|member| (&member.path, &member.object));
    let libc = libc(&floor(objects(), &|_| false).libcs, &mut findings);
    let is_system = |soname: &[u8], _: Arch| law.is_system(soname, libc);
    let world = World { tree: &tree, members: &members, libc, is_system: &is_system };
    let mut closure = world.closure();
    closure.unresolved.retain(|unresolved| !law.forgives(unresolved, &members));
    // A library that lies in the tree and is taken from the host all the same is the host's.
    let is_host = |file: &[u8]| closure.from_host.contains_key(file) || !sonames.contains(file);
    let floor = floor(objects(), &is_host);
    private(&floor, &mut findings);
    libc_inside(&closure, &members, &mut findings);
    over_target(&floor, law, &mut findings);
    for exhibit in exhibits {
        inspect(exhibit, &tree, libc, law, &mut findings);
    }
    findings.sort();
    Verdict { runs_on: runs_on(&floor), floor, missing: missing::group(&closure, &members), closure, members, findings }
}

fn soname(member: &Member) -> &[u8] {
    member.object.soname.as_deref().unwrap_or(member.path.name())
}

fn reconstruct(exhibits: &[Exhibit]) -> (Tree, Vec<Member>) {
    let objects: Vec<_> = exhibits
        .iter()
        .filter_map(|exhibit| match &exhibit.what {
            What::Dynamic(object, _) => Some((&exhibit.path, &**object)),
            _ => None,
        })
        .collect();
    let number = |path: &RelPath| objects.binary_search_by(|(other, _)| (*other).cmp(path)).ok();
    let node = |exhibit: &Exhibit| match &exhibit.what {
        What::Dir => Node::Dir,
        What::Plain | What::Dynamic(..) | What::Unreadable(_) => Node::File(number(&exhibit.path)),
        What::HardLink(first) => Node::File(number(first)),
        What::Symlink(target) => Node::Link(target.clone()),
        What::Special => Node::Other,
    };
    let tree = Tree::new(exhibits.iter().map(|exhibit| (exhibit.path.clone(), node(exhibit))), Vec::new());
    let mut directories = opened_in(&tree, &|at| objects[at].1.is_program());
    let member = |(at, (path, object)): (usize, &(&RelPath, &Object))| Member {
        path: (*path).clone(),
        object: (**object).clone(),
        opened_in: directories.remove(&at).unwrap_or_default(),
    };
    let members = objects.iter().enumerate().map(member).collect();
    (tree, members)
}

/// Which C library the tree is for; two in one tree is an error.
fn libc(libcs: &[LibcUse], findings: &mut Vec<Finding>) -> Libc {
    if let [first, second, ..] = libcs {
        let found =
            format!("is for {}, and {} is for {}: two C libraries in one tree", first.libc, second.file, second.libc);
        let finding = Finding::at(&first.file, Severity::Error, "two-libcs", found);
        findings.push(finding.help("make two trees of it, or leave one part out with --exclude"));
    }
    libcs.first().map_or(Libc::Glibc, |first| first.libc)
}

/// A glibc of the tree's own, loaded by the host's loader: the two must be of one build and are not.
fn libc_inside(closure: &Closure, members: &[Member], findings: &mut Vec<Finding>) {
    for member in closure.found.iter().map(|at| &members[*at]).filter(|member| soname(member) == b"libc.so.6") {
        let found = "is found by programs that the host's loader starts: two C libraries in one process";
        let finding = Finding::at(&member.path, Severity::Error, "libc-inside", found);
        findings.push(finding.help(format!("leave it out with --exclude '{}', every target has its own", member.path)));
    }
}

/// What ties a tree to one build of glibc.
fn private(floor: &Floor, findings: &mut Vec<Finding>) {
    for path in &floor.glibc_private {
        let found = "needs GLIBC_PRIVATE, and so the very glibc it was built with";
        findings.push(Finding::at(path, Severity::Warning, "glibc-private", found));
    }
    for unranked in &floor.unranked {
        let found = format!("needs {}, which no release number ranks", unranked.name);
        findings.push(Finding::at(&unranked.file, Severity::Note, "version-unranked", found));
    }
}

fn over_target(floor: &Floor, law: &Law, findings: &mut Vec<Finding>) {
    let Some(target) = &law.target else { return };
    for excess in exceeds(floor, target) {
        let finding = Finding::at(&excess.file, Severity::Error, "floor", excess.to_string());
        findings.push(finding.help(format!("build on {} or something older", target.name)));
    }
}

/// Libraries named by an absolute path: no run-time path changes where they are looked for.
fn absolute_names(path: &RelPath, object: &Object, law: &Law, findings: &mut Vec<Finding>) {
    let severity = if law.skip.matches(path) { Severity::Warning } else { Severity::Error };
    for name in object
        .needed
        .iter()
        .chain(&object.filters)
        .chain(&object.auxiliaries)
        .filter(|name| name.first() == Some(&b'/'))
    {
        let found = format!("needs {} by its absolute path", printable(name));
        let help =
            "give that library a soname and link again, so that its name alone is recorded; or --exclude the file";
        findings.push(Finding::at(path, severity, "needed-absolute", found).help(help));
    }
}

fn inspect(exhibit: &Exhibit, tree: &Tree, libc: Libc, law: &Law, findings: &mut Vec<Finding>) {
    let path = &exhibit.path;
    if let What::Dynamic(object, _) = &exhibit.what {
        absolute_names(path, object, law, findings);
    }
    let mut find = |severity, kind: &str, found: String| findings.push(Finding::at(path, severity, kind, found));
    match &exhibit.what {
        What::Dynamic(object, run_paths) => {
            let left = if law.skip.matches(path) { Severity::Warning } else { Severity::Error };
            for (tag, run_path) in run_paths {
                for entry in entries(run_path, libc).filter(|entry| !starts_at_origin(entry, libc)) {
                    let (kind, severity) = if entry.first() == Some(&b'/') {
                        ("runpath-absolute", left)
                    } else {
                        ("runpath-insecure", left)
                    };
                    find(severity, kind, format!("{} has the entry '{}'", tag.name(), printable(entry)));
                }
            }
            if object.text_relocations {
                find(Severity::Note, "text-relocations", "has text relocations, which SELinux may forbid".to_owned());
            }
            if object.executable_stack {
                find(Severity::Note, "executable-stack", "asks for an executable stack".to_owned());
            }
            if exhibit.mode & 0o6000 != 0 && object.is_program() && object.run_path().is_some() {
                let found = "is setuid or setgid and has a run-time path with $ORIGIN, which the loader then ignores";
                find(Severity::Warning, "setuid-origin", found.to_owned());
            }
        }
        What::Unreadable(why) => find(Severity::Warning, "elf-unreadable", why.clone()),
        What::Symlink(target) => symlink(path, target, tree, law, findings),
        _ => {}
    }
    access(exhibit, findings);
}

fn symlink(path: &RelPath, target: &[u8], tree: &Tree, law: &Law, findings: &mut Vec<Finding>) {
    let shown = printable(target);
    let find = |severity, kind: &str, found: String| Finding::at(path, severity, kind, found);
    if target.first() == Some(&b'/') {
        let found = format!("absolute symlink to {shown}, outside the tree");
        findings.push(if law.allow_link.matches(path) {
            find(Severity::Note, "symlink-allowed", found)
        } else {
            let help = "--copy-link brings the target in, --allow-link keeps the symlink, --exclude leaves it out";
            find(Severity::Error, "symlink-absolute", found).help(help)
        });
        return;
    }
    findings.push(match tree.resolve(&path.parent().unwrap_or_default(), target) {
        Place::Inside(_) => return,
        Place::Outside(_) => {
            find(Severity::Warning, "symlink-leaves-tree", format!("symlink to {shown} leaves the tree"))
        }
        Place::Missing(_) => find(Severity::Note, "symlink-dangling", format!("symlink to {shown} leads nowhere")),
        Place::Loop => find(Severity::Note, "symlink-loop", format!("symlink to {shown} goes round in a circle")),
    });
}

/// What a service user could not read, and what anybody could write.
fn access(exhibit: &Exhibit, findings: &mut Vec<Finding>) {
    if matches!(exhibit.what, What::Symlink(_) | What::HardLink(_) | What::Special) {
        return;
    }
    let path = &exhibit.path;
    let sticky_dir = matches!(exhibit.what, What::Dir) && exhibit.mode & 0o1000 != 0;
    if exhibit.mode & 0o002 != 0 && !sticky_dir {
        findings.push(Finding::at(
            path,
            Severity::Note,
            "world-writable",
            format!("is world-writable ({:04o})", exhibit.mode),
        ));
    }
    let needed = if matches!(exhibit.what, What::Dir) { 0o005 } else { 0o004 };
    if exhibit.mode & needed != needed {
        let found = format!("cannot be read by other users ({:04o})", exhibit.mode);
        findings.push(Finding::at(path, Severity::Note, "not-world-readable", found));
    }
}
