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

    /// Steps over what lies deeper, which in large trees is nearly all there is.
    fn within(&self, directory: &RelPath) -> Vec<RelPath> {
        let mut found = Vec::new();
        let mut below = self.inventory.entries.range(directory.clone()..);
        while let Some((path, _)) = below.next() {
            if !path.starts_with(directory) {
                break;
            }
            if path.lies_in(directory) {
                found.push(path.clone());
            } else if let Some(part) = path.parts().nth(directory.depth()) {
                // No name has a byte below 1, so this is where the next one can stand.
                below = self.inventory.entries.range(directory.join(&[part, b"\x01"].concat())..);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::class::Around as _;
    use super::*;
    use crate::scan::Entry;
    use std::path::Path;

    #[test]
    fn what_lies_deeper_is_stepped_over() {
        let mut inventory = Inventory::default();
        // `x/y` has no entry of its own, as where it was left out.
        let paths = ["", "a", "a/b", "a/b/c", "a/b/c/d", "a/b!", "a/b.d", "a/bc", "a/bc/e", "ab", "x", "x/y/z"];
        for path in paths {
            let entry =
                Entry { kind: Kind::Dir, mode: 0o755, uid: 0, gid: 0, mtime: 0, source: Path::new(path).into() };
            inventory.entries.insert(RelPath::new(path.as_bytes()).unwrap(), entry);
        }
        let tree = crate::plan::tree(&inventory, Vec::new());
        let around = Around::new(&inventory, &tree);
        let within = |directory: &str| {
            let found = around.within(&RelPath::new(directory.as_bytes()).unwrap());
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(within("a"), ["a/b", "a/b!", "a/b.d", "a/bc"]);
        assert_eq!(within("a/b"), ["a/b/c"]);
        assert_eq!(within(""), ["a", "ab", "x"]);
        assert!(within("x").is_empty() && within("a/b/c/d").is_empty() && within("nowhere").is_empty());
    }
}
