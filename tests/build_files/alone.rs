//! A tree for classes that are asked about one file.

use relocate::base::path::RelPath;
use relocate::text::class::{Around, Sort};

/// A tree with nothing in it but the file that is asked about.
pub(crate) struct Alone;

impl Around for Alone {
    fn leads_to(&self, _: &RelPath) -> Option<(RelPath, Sort)> {
        None
    }

    fn names(&self, path: &RelPath) -> Vec<RelPath> {
        vec![path.clone()]
    }

    fn within(&self, _: &RelPath) -> Vec<RelPath> {
        Vec::new()
    }
}
