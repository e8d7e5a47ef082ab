//! Warns of a library that may be found in another place than before.
//!
//! An object that is opened in several directories has an entry for each, and the loader tries all of them from whichever
//! directory it was opened in. Seen from there, an entry meant for another directory may lead to a directory of the tree
//! that has a library of the same name.

use super::{Plan, Policy};
use crate::base::finding::{Finding, Severity};
use crate::base::path::{RelPath, printable};
use crate::loader::closure::{Member, World};
use crate::loader::entry::{entries, starts_at_origin};
use crate::loader::tree::{Node, Place, Tree};
use crate::scan::Inventory;

/// Looks at every rewritten object that can be opened in more than one directory.
pub(super) fn warn(inventory: &Inventory, tree: &Tree, members: &[Member], policy: &Policy<'_>, plan: &mut Plan) {
    let world = World { tree, members, libc: policy.libc, is_system: policy.is_system };
    for member in members.iter().filter(|member| member.opened_in.len() > 1 && plan.rewrites.contains_key(&member.path))
    {
        let before = inventory.entries.get(&member.path).and_then(|entry| entry.elf()?.object.run_path());
        let (Some((_, before)), Some((_, after))) = (before, member.object.run_path()) else { continue };
        for origin in &member.opened_in {
            let before = meant(&world, before, origin);
            let after = world.directories(after, origin);
            for needed in &member.object.needed {
                let found = |directories: &[RelPath]| {
                    let mut found =
                        directories.iter().map(|directory| world.accepts(directory, needed, member.object.arch));
                    found.find_map(|found| found)
                };
                if let (Some(was), Some(is)) = (found(&before), found(&after))
                    && was != is
                {
                    plan.findings.push(finding(member, origin, needed, &members[was].path, &members[is].path));
                }
            }
        }
    }
}

/// The directories of the tree that a run-time path meant at the old place.
fn meant(world: &World<'_>, path: &[u8], origin: &RelPath) -> Vec<RelPath> {
    let directories = |entry: &[u8]| {
        if starts_at_origin(entry, world.libc) {
            return world.directory(entry, origin);
        }
        let inside = world.tree.written_inside(entry).map(|written| world.tree.resolve(&RelPath::root(), &written));
        match inside {
            Some(Place::Inside(path)) if world.tree.node(&path) == Some(&Node::Dir) => vec![path],
            _ => Vec::new(),
        }
    };
    entries(path, world.libc).flat_map(directories).collect()
}

fn finding(member: &Member, origin: &RelPath, needed: &[u8], was: &RelPath, is: &RelPath) -> Finding {
    let found = format!("opened in {origin}, it finds {} at {is}, where it found {was}", printable(needed));
    let finding = Finding::at(&member.path, Severity::Warning, "runpath-shadowed", found);
    finding
        .help("it is opened in several directories; leave out the name that is not needed, or the library that shadows")
}
