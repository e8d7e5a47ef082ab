//! The tree as the classes of text ask about it.

use crate::base::path::RelPath;
use crate::loader::tree::{Node, Place, Tree};
use crate::scan::{Inventory, Kind};
use crate::text::class::{self, Sort};
use std::collections::HashMap;

/// A tree as it was found: what is left out or brought in later changes nothing here.
pub(super) struct Around<'a> {
    tree: &'a Tree,
    /// Every path with its mode, sorted.
    paths: Vec<(RelPath, u32)>,
    /// The hard-link sets, each sorted.
    sets: Vec<Vec<RelPath>>,
    /// The set of each name of the files that have several.
    set_of: HashMap<RelPath, usize>,
}

impl<'a> Around<'a> {
    pub(super) fn new(inventory: &Inventory, tree: &'a Tree) -> Self {
        let paths = inventory.entries.iter().map(|(path, entry)| (path.clone(), entry.mode)).collect();
        let mut around = Self { tree, paths, sets: Vec::new(), set_of: HashMap::new() };
        for (path, entry) in &inventory.entries {
            if let Kind::HardLink(first) = &entry.kind {
                let set = *around.set_of.entry(first.clone()).or_insert_with(|| {
                    around.sets.push(vec![first.clone()]);
                    around.sets.len() - 1
                });
                around.sets[set].push(path.clone());
                around.set_of.insert(path.clone(), set);
            }
        }
        around
    }

    /// Where a path is in the list, or would be.
    fn place(&self, path: &RelPath) -> usize {
        self.paths.partition_point(|(other, _)| other < path)
    }

    /// All names of a file have one mode.
    fn mode(&self, path: &RelPath) -> Option<u32> {
        self.paths.get(self.place(path)).filter(|(found, _)| found == path).map(|(_, mode)| *mode)
    }
}

impl class::Around for Around<'_> {
    fn leads_to(&self, path: &RelPath) -> Option<(RelPath, Sort)> {
        let Place::Inside(real) = self.tree.resolve(&RelPath::root(), path.as_bytes()) else { return None };
        let sort = match self.tree.node(&real)? {
            Node::Dir => Sort::Dir,
            Node::File(_) => Sort::File { mode: self.mode(&real)? },
            Node::Link(_) | Node::Other => return None,
        };
        Some((real, sort))
    }

    fn names(&self, path: &RelPath) -> Vec<RelPath> {
        self.set_of.get(path).map_or_else(|| vec![path.clone()], |set| self.sets[*set].clone())
    }

    /// Steps over what lies deeper, which in large trees is nearly all there is.
    fn within(&self, directory: &RelPath) -> Vec<RelPath> {
        let mut found = Vec::new();
        let mut at = self.place(directory);
        while let Some((path, _)) = self.paths.get(at).filter(|(path, _)| path.starts_with(directory)) {
            if path.lies_in(directory) {
                found.push(path.clone());
                at += 1;
            } else if let Some(part) = path.parts().nth(directory.depth()) {
                // No name has a byte below 1, so this is where the next one can stand.
                at = self.place(&directory.join(&[part, b"\x01"].concat()));
            } else {
                at += 1;
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

    #[test]
    fn what_lies_deeper_is_stepped_over() {
        let mut inventory = Inventory::default();
        // `x/y` has no entry of its own, as where it was left out.
        let paths = ["", "a", "a/b", "a/b/c", "a/b/c/d", "a/b!", "a/b.d", "a/bc", "a/bc/e", "ab", "x", "x/y/z"];
        for path in paths {
            let entry = Entry { kind: Kind::Dir, mode: 0o755, uid: 0, gid: 0, mtime: 0 };
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
