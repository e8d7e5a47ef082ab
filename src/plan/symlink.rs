//! Symlinks: absolute ones inside the prefix become relative. What then dangles, loops or leaves the tree is for the judge
//! to say, who sees the links as shipped.

use super::Plan;
use crate::base::path::RelPath;
use crate::loader::tree::Tree;
use crate::scan::{Inventory, Kind};

/// Plans every symlink of the inventory.
pub(super) fn plan(inventory: &Inventory, tree: &Tree, plan: &mut Plan) {
    for (path, entry) in &inventory.entries {
        if let Kind::Symlink(target) = &entry.kind
            && let Some(new) = relative(path, target, tree)
        {
            plan.links.insert(path.clone(), new);
        }
    }
}

/// The relative target of an absolute symlink into the tree, whether its target exists or not; `None` for others.
fn relative(path: &RelPath, target: &[u8], tree: &Tree) -> Option<Vec<u8>> {
    if target.first() != Some(&b'/') {
        return None;
    }
    let written = tree.written_inside(target)?;
    let directory = path.parent()?;
    let way = super::way(tree, &directory, &written);
    Some(if way.is_empty() { b".".to_vec() } else { way })
}
