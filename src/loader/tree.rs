//! A tree as the kernel walks it: directories, files and symlinks, looked up without touching a disk.
//!
//! `..` is physical: after a symlink it leads to the parent of where the symlink led, which is why a run-time path
//! such as `$ORIGIN/../lib` cannot be judged by its text alone (path_resolution(7)).

use crate::base::path::{Prefix, RelPath, parts};
use std::collections::HashMap;

/// How many symlinks the kernel follows in one look-up (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// What a path of the tree is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Dir,
    /// A regular file; the number is its index in the list of objects, for those that are dynamic ELF files.
    File(Option<usize>),
    /// A symlink and its target, as written.
    Link(Vec<u8>),
    /// A socket, fifo or device.
    Other,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// To this path of the tree, which is no symlink.
    Inside(RelPath),
    /// Nowhere: this path of the tree does not exist.
    Missing(RelPath),
    /// Out of the tree: the absolute path it names, or `..` above the tree.
    Outside(Vec<u8>),
    /// Round in a circle of symlinks.
    Loop,
}

/// The tree. Absolute symlinks below one of `prefixes` are taken to lead into it.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    nodes: HashMap<RelPath, Node>,
    prefixes: Vec<Prefix>,
}

impl Tree {
    /// Collects the nodes of a tree; the tree's own directory need not be among them.
    pub fn new(nodes: impl IntoIterator<Item = (RelPath, Node)>, prefixes: Vec<Prefix>) -> Self {
        let mut nodes: HashMap<_, _> = nodes.into_iter().collect();
        nodes.insert(RelPath::root(), Node::Dir);
        Self { nodes, prefixes }
    }

    /// Tells what is at a path; no symlink is followed.
    pub fn node(&self, path: &RelPath) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// Tells what an absolute path is called inside the tree, where it exists there.
    pub fn inside(&self, absolute: &[u8]) -> Option<RelPath> {
        let names = self.prefixes.iter().filter_map(|prefix| prefix.strip(absolute));
        names.into_iter().find(|path| !matches!(self.resolve(path, b""), Place::Missing(_)))
    }

    /// Every path of the tree and what it is, in no order.
    pub fn nodes(&self) -> impl Iterator<Item = (&RelPath, &Node)> {
        self.nodes.iter()
    }

    /// What follows the longest prefix in an absolute path, as written and relative; `None` if it lies outside.
    pub fn written_inside(&self, absolute: &[u8]) -> Option<Vec<u8>> {
        let written = self.prefixes.iter().filter_map(|prefix| prefix.rest(absolute));
        // `/p/root/../root/lib` leaves the prefix on its way; only its text says whether it comes back.
        let written = written.filter(|rest| !climbs_out(rest)).min_by_key(Vec::len);
        let by_text = || self.prefixes.iter().filter_map(|prefix| prefix.strip(absolute)).min_by_key(RelPath::depth);
        written.map(|rest| rest.join(&b'/')).or_else(|| by_text().map(|path| path.as_bytes().to_vec()))
    }

    /// Follows `path` from the directory `from`, through symlinks, to what is no symlink.
    pub fn resolve(&self, from: &RelPath, path: &[u8]) -> Place {
        let mut walk = Walk { tree: self, at: RelPath::root(), links: 0 };
        let start = walk.follow(from.as_bytes());
        start.and_then(|()| walk.follow(path)).err().unwrap_or(Place::Inside(walk.at))
    }
}

/// Whether a relative path has, by its text, more `..` than directories before them.
fn climbs_out(path: &[&[u8]]) -> bool {
    let depth = |depth: usize, part: &&[u8]| if *part == b".." { depth.checked_sub(1) } else { Some(depth + 1) };
    path.iter().try_fold(0, depth).is_none()
}

/// A look-up under way: `at` exists and is no symlink.
struct Walk<'a> {
    tree: &'a Tree,
    at: RelPath,
    links: usize,
}

impl Walk<'_> {
    fn follow(&mut self, path: &[u8]) -> Result<(), Place> {
        if path.first() == Some(&b'/') {
            let inside = self.tree.written_inside(path).ok_or_else(|| Place::Outside(path.to_vec()))?;
            self.at = RelPath::root();
            return self.follow(&inside);
        }
        parts(path).try_for_each(|part| self.step(part, path))
    }

    fn step(&mut self, part: &[u8], whole: &[u8]) -> Result<(), Place> {
        if self.tree.nodes.get(&self.at) != Some(&Node::Dir) {
            return Err(Place::Missing(self.at.join(part)));
        }
        if part == b".." {
            self.at = self.at.parent().ok_or_else(|| Place::Outside(whole.to_vec()))?;
            return Ok(());
        }
        let next = self.at.join(part);
        match self.tree.nodes.get(&next) {
            Some(Node::Link(target)) => {
                self.links += 1;
                if self.links > MAX_LINKS {
                    return Err(Place::Loop);
                }
                self.follow(&target.clone())
            }
            Some(_) => {
                self.at = next;
                Ok(())
            }
            None => Err(Place::Missing(next)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rel(text: &str) -> RelPath {
        RelPath::new(text.as_bytes()).unwrap()
    }

    fn tree() -> Tree {
        let link = |target: &str| Node::Link(target.as_bytes().to_vec());
        Tree::new(
            [
                (rel("lib"), Node::Dir),
                (rel("lib/deep"), Node::Dir),
                (rel("lib/deep/liba.so"), Node::File(None)),
                (rel("lib64"), link("lib/deep")),
                (rel("abs"), link("/p/root/lib")),
                (rel("out"), link("/etc/passwd")),
                (rel("up"), link("../../x")),
                (rel("loop"), link("loop")),
                (rel("gone"), link("lib/none")),
            ],
            vec![Prefix::new(b"/p/root").unwrap()],
        )
    }

    #[test]
    fn dot_dot_after_a_symlink_is_physical() {
        assert_eq!(tree().resolve(&rel("lib64"), b".."), Place::Inside(rel("lib")));
        assert_eq!(tree().resolve(&rel("lib64"), b"../deep/liba.so"), Place::Inside(rel("lib/deep/liba.so")));
    }

    #[test]
    fn absolute_symlinks_below_the_prefix_lead_into_the_tree() {
        assert_eq!(tree().resolve(&rel("abs"), b"deep"), Place::Inside(rel("lib/deep")));
        assert_eq!(tree().resolve(&RelPath::root(), b"out"), Place::Outside(b"/etc/passwd".to_vec()));
        assert_eq!(tree().inside(b"/p/root/abs/deep"), Some(rel("abs/deep")));
        assert_eq!(tree().inside(b"/p/rootX/lib"), None);
        assert_eq!(tree().written_inside(b"/p/root/lib/../../root/lib"), Some(b"lib".to_vec()));
        assert_eq!(tree().written_inside(b"/p/root/lib/../../other"), None);
        assert_eq!(tree().inside(b"/p/root/none"), None);
    }

    #[test]
    fn nothing_lies_below_a_file() {
        let below = tree().resolve(&RelPath::root(), b"lib/deep/liba.so/x");
        assert_eq!(below, Place::Missing(rel("lib/deep/liba.so/x")));
        assert!(matches!(tree().resolve(&rel("lib/deep"), b"liba.so/.."), Place::Missing(_)));
    }

    #[test]
    fn leaving_missing_and_looping_are_told_apart() {
        assert_eq!(tree().resolve(&RelPath::root(), b"up"), Place::Outside(b"../../x".to_vec()));
        assert_eq!(tree().resolve(&RelPath::root(), b"loop"), Place::Loop);
        assert_eq!(tree().resolve(&RelPath::root(), b"gone"), Place::Missing(rel("lib/none")));
        assert_eq!(tree().resolve(&rel("lib"), b"../.."), Place::Outside(b"../..".to_vec()));
    }
}
