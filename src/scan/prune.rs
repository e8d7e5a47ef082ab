//! What is left out to make a tree smaller: whole kinds of files that no program of it reads, or what the user names.
//!
//! Takes the words of `--prune` and a listing; gives the listing without what they mean, and what was taken out with its
//! size. A directory goes with all below it; a symlink goes with what it leads to; a directory that is emptied goes too.

use super::walk::Found;
use crate::base::glob::Globs;
use crate::base::path::{RelPath, parts};
use rustix::fs::FileType;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A word and the globs it stands for. Where the directories are: hier(7) and pkgsrc's hier; `lib/pythonX.Y/test` is the
/// test suite of Python, which its documentation says is for internal use.
const WORDS: [(&str, &[&str]); 8] = [
    ("docs", &["share/doc", "share/info", "share/gtk-doc", "share/ri", "doc", "info", "share/examples"]),
    ("man", &["share/man", "man"]),
    ("locale", &["share/locale", "lib/locale", "share/i18n"]),
    ("static", &["*.a"]),
    ("headers", &["include"]),
    ("la", &["*.la"]),
    ("pyc", &["*.pyc", "*.pyo", "__pycache__"]),
    ("tests", &["lib/python*/test", "lib/python*/**/tests", "lib/python*/**/test", "lib/python*/**/idle_test"]),
];

/// What is to be left out.
#[derive(Debug, Clone, Default)]
pub struct Prune {
    sets: Vec<(String, Globs)>,
}

/// One path that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// Its path in the tree.
    pub path: RelPath,
    /// The word or glob that names it.
    pub by: String,
    /// Its size in bytes; zero for what has none of its own.
    pub size: u64,
}

/// A word that is neither known nor a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PruneError {
    /// The word.
    pub word: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for PruneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' {}", self.word, self.why)
    }
}

impl std::error::Error for PruneError {}

impl Prune {
    /// Reads words and globs, separated by commas or one at a time. A plain word must be a known one.
    pub fn parse(given: &[String]) -> Result<Self, PruneError> {
        let mut sets = Vec::new();
        for word in given.iter().flat_map(|list| list.split(',')).map(str::trim).filter(|word| !word.is_empty()) {
            let known = WORDS.iter().find(|(name, _)| *name == word).map(|(_, globs)| *globs);
            let is_glob = word.contains(['/', '*', '?', '[', '.']);
            let globs: Vec<String> = match known {
                Some(globs) => globs.iter().map(|glob| rooted(glob)).collect(),
                None if is_glob => vec![word.to_owned()],
                None => {
                    let words: Vec<_> = WORDS.iter().map(|(name, _)| *name).collect();
                    let why = format!("is neither a glob nor one of {}", words.join(", "));
                    return Err(PruneError { word: word.to_owned(), why });
                }
            };
            let error = |error: globset::Error| PruneError { word: word.to_owned(), why: error.to_string() };
            sets.push((word.to_owned(), Globs::new(&globs).map_err(error)?));
        }
        Ok(Self { sets })
    }

    /// The word that names a path, or a directory it lies in.
    fn by(&self, path: &RelPath) -> Option<&str> {
        let mut above = RelPath::root();
        path.parts().find_map(|part| {
            above = above.join(part);
            self.sets.iter().find(|(_, globs)| globs.matches(&above)).map(|(word, _)| word.as_str())
        })
    }

    /// Takes out of a sorted listing of the tree at `root` what is meant; tells what that was, sorted.
    pub(super) fn apply(&self, root: &Path, found: &mut Vec<Found>) -> Vec<Pruned> {
        let mut pruned: BTreeMap<RelPath, Pruned> = BTreeMap::new();
        if self.sets.is_empty() {
            return Vec::new();
        }
        for found in found.iter() {
            if let Some(by) = self.by(&found.path) {
                let gone = Pruned { path: found.path.clone(), by: by.to_owned(), size: found.size };
                pruned.insert(found.path.clone(), gone);
            }
        }
        while !follow(root, found, &mut pruned).is_empty() {}
        emptied(found, &mut pruned);
        found.retain(|found| !pruned.contains_key(&found.path));
        pruned.into_values().collect()
    }
}

/// The globs of a known word: a directory is meant at the top of the tree alone, and a glob with a slash says so.
fn rooted(glob: &str) -> String {
    let anywhere = glob.contains(['/', '*']) || glob == "__pycache__";
    if anywhere { glob.to_owned() } else { format!("/{glob}") }
}

/// Adds the symlinks that lead, by their text, to what is gone; tells which those were.
fn follow(root: &Path, found: &[Found], pruned: &mut BTreeMap<RelPath, Pruned>) -> Vec<RelPath> {
    let mut more = Vec::new();
    for found in found.iter().filter(|found| found.facts.kind == FileType::Symlink && !pruned.contains_key(&found.path))
    {
        let Ok(target) = fs::read_link(found.path.under(root)) else { continue };
        let leads = leads(&found.path.parent().unwrap_or_default(), target.as_os_str().as_bytes());
        if let Some(gone) = leads.and_then(|path| pruned.get(&path)) {
            more.push(Pruned { path: found.path.clone(), by: gone.by.clone(), size: 0 });
        }
    }
    let paths = more.iter().map(|pruned| pruned.path.clone()).collect();
    pruned.extend(more.into_iter().map(|gone| (gone.path.clone(), gone)));
    paths
}

/// Where a relative target leads from a directory, by its text.
fn leads(directory: &RelPath, target: &[u8]) -> Option<RelPath> {
    if target.first() == Some(&b'/') {
        return None;
    }
    parts(target).try_fold(directory.clone(), |at, part| if part == b".." { at.parent() } else { Some(at.join(part)) })
}

/// Adds the directories that have nothing left in them; one that was empty from the start stays, somebody may want to put
/// something there.
fn emptied(found: &[Found], pruned: &mut BTreeMap<RelPath, Pruned>) {
    let mut left: HashMap<RelPath, usize> = HashMap::new();
    let mut lost: HashMap<RelPath, String> = HashMap::new();
    for found in found {
        let Some(parent) = found.path.parent() else { continue };
        match pruned.get(&found.path) {
            Some(gone) => drop(lost.insert(parent, gone.by.clone())),
            None => *left.entry(parent).or_default() += 1,
        }
    }
    // Sorted by path, what a directory holds comes behind it.
    for directory in found.iter().rev().filter(|found| found.facts.kind == FileType::Directory) {
        let path = &directory.path;
        let Some(by) = lost.get(path).filter(|_| left.get(path).is_none_or(|left| *left == 0)).cloned() else {
            continue;
        };
        if pruned.contains_key(path) {
            continue;
        }
        pruned.insert(path.clone(), Pruned { path: path.clone(), by: by.clone(), size: 0 });
        if let Some(parent) = path.parent() {
            left.entry(parent.clone()).and_modify(|left| *left -= 1);
            lost.insert(parent, by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::walk::walk;
    use super::*;
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    fn pruned(words: &[&str]) -> (Vec<String>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for path in [
            "share/man/man1",
            "share/doc/x",
            "lib/python3.11/test",
            "lib/python3.11/json/tests",
            "doc",
            "empty",
            "src/doc",
        ] {
            create_dir_all(root.join(path)).unwrap();
        }
        for path in [
            "share/man/man1/a.1",
            "share/doc/x/README",
            "lib/python3.11/test/t.py",
            "lib/python3.11/json/a.py",
            "lib/libz.a",
            "lib/libz.so",
            "doc/x",
            "src/doc/x",
        ] {
            write(root.join(path), "0123456789").unwrap();
        }
        symlink("a.1", root.join("share/man/man1/b.1")).unwrap();
        symlink("share/doc/x/README", root.join("README")).unwrap();
        symlink("README", root.join("README.1")).unwrap();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (mut found, _) = walk(root, &Globs::default());
        let gone = Prune::parse(&words).unwrap().apply(root, &mut found);
        let gone = gone.iter().map(|gone| gone.path.to_string()).collect();
        (gone, found.iter().map(|found| found.path.to_string()).collect())
    }

    #[test]
    fn a_word_takes_its_directory_what_leads_there_and_what_is_emptied() {
        let (gone, left) = pruned(&["docs,man"]);
        assert_eq!(
            gone,
            [
                "README",
                "README.1",
                "doc",
                "doc/x",
                "share",
                "share/doc",
                "share/doc/x",
                "share/doc/x/README",
                "share/man",
                "share/man/man1",
                "share/man/man1/a.1",
                "share/man/man1/b.1"
            ]
        );
        assert!(left.contains(&"src/doc/x".to_owned()) && left.contains(&"empty".to_owned()), "{left:?}");
    }

    #[test]
    fn tests_of_python_and_static_libraries_go_and_the_rest_stays() {
        let (gone, _) = pruned(&["tests", "static"]);
        assert_eq!(
            gone,
            ["lib/libz.a", "lib/python3.11/json/tests", "lib/python3.11/test", "lib/python3.11/test/t.py"]
        );
    }

    #[test]
    fn a_glob_of_the_users_is_about_names_or_paths() {
        assert_eq!(pruned(&["lib/*.so"]).0, ["lib/libz.so"]);
        assert_eq!(pruned(&["*.a"]).0, ["lib/libz.a"]);
        let error = Prune::parse(&["doc".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("'doc' is neither a glob nor one of docs, man"), "{error}");
    }
}
