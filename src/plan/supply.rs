//! Adds a run-time path entry where a library of the tree is needed and the loader's own rules do not find it.
//!
//! An entry goes into the tag the object has. An object without one gets DT_RPATH unless the user wants otherwise: a new
//! DT_RUNPATH would make the loader ignore the paths the object inherits from its loaders.

use super::runpath::origin_entry;
use super::{Plan, Policy, Reason, Rewrite};
use crate::base::path::{RelPath, printable};
use crate::elf::RunPaths;
use crate::loader::closure::{Member, Miss, Unresolved, World};
use crate::loader::object::{Arch, Tag};
use crate::loader::tree::{Node, Place, Tree};
use std::collections::{BTreeSet, HashMap};

/// Computes the closure over planned run-time paths, adding entries until nothing of the tree is missing any more.
///
/// What a program lacks is added before what a library lacks that is loaded by itself: what the program gets may be
/// inherited by the library. Each round but the last adds an entry there was not, so there is a last.
pub(super) fn plan(tree: &Tree, members: &mut [Member], policy: &Policy<'_>, plan: &mut Plan) {
    let shelves = shelves(tree, members);
    loop {
        let world = World { tree, members, libc: policy.libc, is_system: policy.is_system };
        plan.closure = world.closure();
        let mut unresolved = plan.closure.unresolved.clone();
        unresolved.sort_by_key(|unresolved| unresolved.met);
        let mut added = None;
        for unresolved in unresolved {
            if added.is_none_or(|met| met == unresolved.met) && supply(&unresolved, &shelves, members, policy, plan) {
                added = Some(unresolved.met);
            }
        }
        if added.is_none() {
            return;
        }
    }
}

/// Where libraries lie: (file name, architecture) to the real directories that have it.
type Shelves = HashMap<(Vec<u8>, Arch), BTreeSet<RelPath>>;

fn shelves(tree: &Tree, members: &[Member]) -> Shelves {
    let mut shelves = Shelves::new();
    for (path, node) in tree.nodes() {
        let Some(directory) = path.parent() else { continue };
        let file = match node {
            Node::Link(_) => match tree.resolve(&directory, path.name()) {
                Place::Inside(file) => tree.node(&file),
                _ => None,
            },
            node => Some(node),
        };
        // Variants for newer processors are not found by naming their directory.
        let variant = directory.parts().any(|part| part == b"glibc-hwcaps");
        if let (Some(Node::File(Some(object))), false) = (file, variant) {
            let arch = members[*object].object.arch;
            shelves.entry((path.name().to_vec(), arch)).or_default().insert(directory);
        }
    }
    shelves
}

/// Adds the entry that makes one needed library found; tells whether there was one to add.
fn supply(
    unresolved: &Unresolved,
    shelves: &Shelves,
    members: &mut [Member],
    policy: &Policy<'_>,
    plan: &mut Plan,
) -> bool {
    let member = &mut members[unresolved.object];
    if !matches!(unresolved.miss, Miss::NotFound | Miss::WrongArch(_)) || policy.skip.matches(&member.path) {
        return false;
    }
    let Some(directories) = shelves.get(&(unresolved.needed.clone(), member.object.arch)) else { return false };
    let Some(target) = choose(directories, &member.path) else { return false };
    let before = member.object.run_path().map(|(tag, path)| (tag, path.to_vec()));
    let tag = before.as_ref().map_or(policy.tag.unwrap_or(Tag::Rpath), |(tag, _)| *tag);
    let mut path = before.map(|(_, path)| path).unwrap_or_default();
    let mut added = Vec::new();
    for entry in member.opened_in.iter().map(|directory| origin_entry(directory, target)) {
        if !path.split(|byte| *byte == b':').any(|old| old == entry) {
            if !path.is_empty() {
                path.push(b':');
            }
            path.extend_from_slice(&entry);
            added.push(entry);
        }
    }
    match tag {
        Tag::Rpath => member.object.rpath = Some(path),
        Tag::Runpath => member.object.runpath = Some(path),
    }
    record(member, &added, unresolved, plan);
    !added.is_empty()
}

fn record(member: &Member, added: &[Vec<u8>], unresolved: &Unresolved, plan: &mut Plan) {
    if added.is_empty() {
        return;
    }
    let wanted = RunPaths { rpath: member.object.rpath.clone(), runpath: member.object.runpath.clone() };
    let rewrite = plan.rewrites.entry(member.path.clone());
    let rewrite = rewrite.or_insert_with(|| Rewrite { wanted: wanted.clone(), reasons: Vec::new() });
    rewrite.wanted = wanted;
    for entry in added {
        let why = format!("finds {}, which it needs", printable(&unresolved.needed));
        rewrite.reasons.push(Reason { what: "added", entry: printable(entry).into_owned(), why });
    }
}

/// Of several directories that have the library: the object's own, then the prefix's `lib`, then the first by name.
fn choose<'a>(directories: &'a BTreeSet<RelPath>, path: &RelPath) -> Option<&'a RelPath> {
    let own = path.parent().unwrap_or_default();
    let preferred = [own.as_bytes(), b"lib", b"lib64"];
    let found =
        preferred.into_iter().find_map(|wanted| directories.iter().find(|directory| directory.as_bytes() == wanted));
    found.or_else(|| directories.first())
}
