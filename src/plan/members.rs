//! The inventory as the loader rules want it: a tree of nodes and a list of objects.

use crate::base::path::{Prefix, RelPath};
use crate::loader::closure::{Member, opened_in};
use crate::loader::libc::Libc;
use crate::loader::tree::{Node, Tree};
use crate::scan::{Entry, Inventory, Kind};
use std::collections::HashMap;

/// The dynamic ELF files of an inventory, sorted by path; their order is the numbering of [`Node::File`].
fn objects(inventory: &Inventory) -> impl Iterator<Item = (&RelPath, &Entry)> {
    inventory.entries.iter().filter(|(_, entry)| entry.elf().is_some())
}

/// The tree of an inventory; absolute symlinks below `prefixes` lead into it.
pub fn tree(inventory: &Inventory, prefixes: Vec<Prefix>) -> Tree {
    let numbers: HashMap<&RelPath, usize> = objects(inventory).enumerate().map(|(at, (path, _))| (path, at)).collect();
    let node = |path: &RelPath, entry: &Entry| match &entry.kind {
        Kind::Dir => Node::Dir,
        Kind::File(_) => Node::File(numbers.get(path).copied()),
        Kind::HardLink(first) => Node::File(numbers.get(first).copied()),
        Kind::Symlink(target) => Node::Link(target.clone()),
        Kind::Special(_) => Node::Other,
    };
    Tree::new(inventory.entries.iter().map(|(path, entry)| (path.clone(), node(path, entry))), prefixes)
}

/// The objects of an inventory, sorted by path.
pub fn members(inventory: &Inventory, tree: &Tree) -> Vec<Member> {
    let facts: Vec<_> = objects(inventory).filter_map(|(path, entry)| Some((path, entry.elf()?))).collect();
    let mut directories = opened_in(tree, &|at| facts[at].1.object.is_program());
    let member = |(at, (path, facts)): (usize, (&RelPath, &crate::elf::Facts))| Member {
        path: path.clone(),
        object: facts.object.clone(),
        opened_in: directories.remove(&at).unwrap_or_default(),
    };
    facts.into_iter().enumerate().map(member).collect()
}

/// Which C library the objects are for; glibc where nothing speaks for musl alone.
pub fn libc(members: &[Member]) -> Libc {
    let said: Vec<Libc> = members.iter().filter_map(|member| Some(Libc::of(&member.object)?.0)).collect();
    if said.contains(&Libc::Musl) && !said.contains(&Libc::Glibc) { Libc::Musl } else { Libc::Glibc }
}
