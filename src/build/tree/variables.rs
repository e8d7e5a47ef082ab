//! Whether anything in the tree reads a variable: a misspelt one is otherwise ignored in silence.

use super::makefile::variables_read;
use super::{Tree, TreeError};
use crate::base::near::nearest;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// A variable that nothing in the tree reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The variable.
    pub name: String,
    /// The nearest one that is read.
    pub nearest: Option<String>,
}

/// The variables that makefiles read.
#[derive(Debug, Default)]
struct Known {
    whole: BTreeSet<String>,
    /// Beginnings of names whose rest is computed, each ending in a dot, such as `SITES.`.
    begun: BTreeSet<String>,
}

impl Known {
    fn of_text(text: &str) -> Self {
        let mut known = Self::default();
        variables_read(text, &mut |name, open| {
            if !open {
                known.whole.insert(name.to_owned());
            } else if name.ends_with('.') {
                known.begun.insert(name.to_owned());
            }
        });
        known
    }

    fn join(mut self, other: Self) -> Self {
        self.whole.extend(other.whole);
        self.begun.extend(other.begun);
        self
    }

    fn has(&self, name: &str) -> bool {
        let begun = name.match_indices('.').any(|(at, _)| self.begun.contains(&name[..=at]));
        begun || self.whole.contains(name)
    }
}

impl Tree {
    /// Those of `names` that nothing reads, in their order: the tree's machinery is asked first, and only for what that does
    /// not know are the makefiles of all packages read (a second or two for a whole tree).
    pub fn unread(&self, names: &[String]) -> Result<Vec<Unread>, TreeError> {
        let known = scan(&["mk", "pkgtools/bootstrap-mk-files"].map(|dir| self.path.join(dir)))?;
        if names.iter().all(|name| known.has(name)) {
            return Ok(Vec::new());
        }
        let packages: Vec<_> = self.pkgpaths()?.iter().map(|pkgpath| self.path.join(pkgpath)).collect();
        let all = known.join(scan(&packages)?);
        let unread = names.iter().filter(|name| !all.has(name));
        Ok(unread.map(|name| Unread { name: name.clone(), nearest: all.nearest(name) }).collect())
    }

    /// The variables that the tree's own machinery reads, sorted; packages read more.
    pub fn variables(&self) -> Result<BTreeSet<String>, TreeError> {
        Ok(scan(&[self.path.join("mk")])?.whole)
    }
}

impl Known {
    fn nearest(&self, name: &str) -> Option<String> {
        // Names that begin with an underscore are the tree's own.
        let public = self.whole.iter().filter(|known| !known.starts_with('_'));
        nearest(name, public).map(str::to_owned)
    }
}

fn scan(dirs: &[PathBuf]) -> Result<Known, TreeError> {
    let each = dirs.par_iter().map(|dir| {
        makefiles(dir).into_iter().try_fold(Known::default(), |known, path| {
            let bytes = fs::read(&path).map_err(TreeError::read(&path))?;
            Ok(known.join(Known::of_text(&String::from_utf8_lossy(&bytes))))
        })
    });
    each.try_reduce(Known::default, |a, b| Ok(a.join(b)))
}

/// The makefiles below a directory, however deep for the machinery, and of a package those that its Makefile can include.
fn makefiles(dir: &Path) -> Vec<PathBuf> {
    let files = WalkDir::new(dir).max_depth(4).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    let makefiles = files.filter(|entry| {
        let name = entry.file_name().to_string_lossy();
        name.starts_with("Makefile") || name.ends_with(".mk") || name.ends_with(".mk.in") || name == "mk.conf"
    });
    makefiles.map(walkdir::DirEntry::into_path).collect()
}
