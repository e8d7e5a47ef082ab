//! The tree as the classes of text ask about it.

use crate::base::path::RelPath;
use crate::loader::tree::{Node, Place, Tree};
use crate::scan::{Inventory, Kind};
use crate::text::class::{self, Sort};
use std::collections::HashMap;

/// An inventory, its tree, and its hard-link sets.
pub(super) struct Around<'a> {
    inventory: &'a Inventory,
    tree: &'a Tree,
    /// All names of the files that have several, by the first; sorted.
    names: HashMap<&'a RelPath, Vec<&'a RelPath>>,
}

impl<'a> Around<'a> {
    pub(super) fn new(inventory: &'a Inventory, tree: &'a Tree) -> Self {
        let mut names: HashMap<_, Vec<_>> = HashMap::new();
        for (path, entry) in &inventory.entries {
            if let Kind::HardLink(first) = &entry.kind {
                names.entry(first).or_insert_with(|| vec![first]).push(path);
            }
        }
        Self { inventory, tree, names }
    }

    /// The first name of a file: where its entry is.
    fn first<'b>(&'b self, path: &'b RelPath) -> &'b RelPath {
        match self.inventory.entries.get(path).map(|entry| &entry.kind) {
            Some(Kind::HardLink(first)) => first,
            _ => path,
        }
    }
}

impl class::Around for Around<'_> {
    fn leads_to(&self, path: &RelPath) -> Option<(RelPath, Sort)> {
        let Place::Inside(real) = self.tree.resolve(&RelPath::root(), path.as_bytes()) else { return None };
        let sort = match self.tree.node(&real)? {
            Node::Dir => Sort::Dir,
            Node::File(_) => Sort::File { mode: self.inventory.entries.get(self.first(&real))?.mode },
            Node::Link(_) | Node::Other => return None,
        };
        Some((real, sort))
    }

    fn names(&self, path: &RelPath) -> Vec<RelPath> {
        match self.names.get(self.first(path)) {
            Some(names) => names.iter().map(|name| (*name).clone()).collect(),
            None => vec![path.clone()],
        }
    }

    fn within(&self, directory: &RelPath) -> Vec<RelPath> {
        let below = self.inventory.entries.range(directory.clone()..).map(|(path, _)| path);
        let below = below.take_while(|path| path.starts_with(directory));
        below.filter(|path| path.lies_in(directory)).cloned().collect()
    }
}
