//! `.relocate/place.json`: which path the files of a tree name in their places, and which one they are on the way to.
//!
//! An archive has none: what its files name stands in its `about.json`. Written when a tree is installed, and before and
//! after each later move, so that a move that was cut short can be told from one that never began.

use super::{FORMAT, FormatOnly, ManifestError, PLACE, pretty, read};
use crate::base::path::Prefix;
use serde::{Deserialize, Serialize};

/// Where a tree is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// The version of the tool that wrote it.
    pub tool: String,
    /// The path its files name; none where they still name what its record says.
    #[serde(default)]
    pub at: Option<Prefix>,
    /// The paths that some of its files name already: one for each move that was cut short, the last one last. Empty when
    /// all is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moving_to: Vec<Prefix>,
    /// The paths that files still name which were left as they are, by request or because somebody changed them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_at: Vec<Prefix>,
}

impl Whereabouts {
    /// A tree that is at one path.
    pub fn at(path: Option<&Prefix>) -> Self {
        let tool = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, tool, at: path.cloned(), moving_to: Vec::new(), left_at: Vec::new() }
    }

    /// Every path that one of its files may name, the last one last; what it was built for is not among them.
    pub fn paths(&self) -> impl DoubleEndedIterator<Item = &Prefix> {
        self.left_at.iter().chain(&self.at).chain(&self.moving_to)
    }

    /// The tree arrived: at `to`, but for files that were left where they were.
    #[must_use]
    pub fn arrived(&self, to: &Prefix, all: bool) -> Self {
        let mut left_at: Vec<Prefix> = if all { Vec::new() } else { self.paths().cloned().collect() };
        left_at.retain(|path| path != to);
        Self { left_at, ..Self::at(Some(to)) }
    }

    /// The same tree on the way to another path.
    #[must_use]
    pub fn moving(&self, to: &Prefix) -> Self {
        let mut moving_to = self.moving_to.clone();
        moving_to.retain(|path| path != to);
        moving_to.push(to.clone());
        Self { moving_to, left_at: self.left_at.clone(), ..Self::at(self.at.as_ref()) }
    }

    /// The record as it stands in the tree, with a newline at the end.
    pub fn to_bytes(&self) -> Vec<u8> {
        pretty(self)
    }

    /// Reads `place.json`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let format: FormatOnly = read(PLACE, bytes)?;
        format.check(PLACE)?;
        read(PLACE, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_is_moved_while_it_moves_remembers_every_path() {
        let path = |text: &[u8]| Prefix::new(text).unwrap();
        let installed = Whereabouts::at(Some(&path(b"/srv/a")));
        let cut_short = installed.moving(&path(b"/srv/\xff")).moving(&path(b"/srv/c")).moving(&path(b"/srv/\xff"));
        assert_eq!(cut_short.moving_to, [path(b"/srv/c"), path(b"/srv/\xff")]);
        assert_eq!(cut_short.at, installed.at);
        let arrived = cut_short.arrived(&path(b"/srv/d"), false);
        assert_eq!(arrived.left_at, [path(b"/srv/a"), path(b"/srv/c"), path(b"/srv/\xff")]);
        assert_eq!(arrived.arrived(&path(b"/srv/d"), true), Whereabouts::at(Some(&path(b"/srv/d"))));
        for record in [&installed, &cut_short, &arrived] {
            assert_eq!(Whereabouts::parse(&record.to_bytes()).unwrap(), *record);
        }
        let newer = Whereabouts { format: 9, tool: "4.0.0".to_owned(), ..installed };
        let error = Whereabouts::parse(&newer.to_bytes()).unwrap_err().to_string();
        assert!(error.contains("place.json") && error.contains("use relocate 4.0.0 or newer"), "{error}");
    }
}
