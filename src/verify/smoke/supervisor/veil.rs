//! Which absolute paths a run may not see: those at or below a hidden prefix, but not those of the tree itself.
//!
//! Pure: takes clean absolute paths (no `.`, `..`, doubled or trailing slash) and compares their text.

/// The hidden prefixes and the directories that stay visible even below one.
#[derive(Debug, Clone)]
pub(super) struct Veil {
    hidden: Vec<Vec<u8>>,
    kept: Vec<Vec<u8>>,
}

impl Veil {
    /// Hides `hidden`, except for `kept` and what leads to it. Where both cover a path, the longer one decides.
    pub(super) fn new(hidden: Vec<Vec<u8>>, kept: Vec<Vec<u8>>) -> Self {
        Self { hidden, kept }
    }

    /// Whether `path` is hidden. The directories on the way to something kept are not: `realpath` looks at each.
    pub(super) fn covers(&self, path: &[u8]) -> bool {
        let Some(hidden) = longest(&self.hidden, path) else { return false };
        let kept = longest(&self.kept, path).is_some_and(|kept| kept >= hidden);
        !kept && !self.kept.iter().any(|dir| is_within(dir, path))
    }

    /// Whether `path` is of the tree or the scratch directory, so that opening it tells nothing about the host.
    pub(super) fn keeps(&self, path: &[u8]) -> bool {
        longest(&self.kept, path).is_some()
    }
}

/// The length in bytes of the longest of `dirs` that holds `path`.
fn longest(dirs: &[Vec<u8>], path: &[u8]) -> Option<usize> {
    dirs.iter().filter(|dir| is_within(path, dir)).map(Vec::len).max()
}

/// Whether `path` is `dir` or lies below it: `/p/rootX` does not lie below `/p/root`.
pub(super) fn is_within(path: &[u8], dir: &[u8]) -> bool {
    dir == b"/" || path.strip_prefix(dir).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn veil(hidden: &str, kept: &str) -> Veil {
        Veil::new(vec![hidden.into()], vec![kept.into()])
    }

    #[test]
    fn a_prefix_hides_itself_and_what_is_below_but_no_longer_name() {
        let veil = veil("/p/root", "/elsewhere");
        for (path, covered) in
            [("/p/root", true), ("/p/root/lib/a", true), ("/p/rootX", false), ("/p", false), ("/", false)]
        {
            assert_eq!(veil.covers(path.as_bytes()), covered, "{path}");
        }
    }

    #[test]
    fn a_tree_below_the_prefix_stays_visible_with_the_way_to_it() {
        let veil = veil("/home/x", "/home/x/tmp/tree");
        for (path, covered) in [
            ("/home/x", false),
            ("/home/x/tmp", false),
            ("/home/x/tmp/tree/bin", false),
            ("/home/x/tmp/other", true),
            ("/home/x/lib", true),
        ] {
            assert_eq!(veil.covers(path.as_bytes()), covered, "{path}");
        }
    }

    #[test]
    fn a_prefix_inside_the_tree_is_still_hidden() {
        assert!(veil("/t/tree/old", "/t/tree").covers(b"/t/tree/old/lib"));
    }
}
