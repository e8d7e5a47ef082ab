//! Globs as people type them: one without a slash is about the last component, one with a slash about the whole path.

use crate::base::path::RelPath;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A set of globs, each without a slash (matched against a name) or with one (matched against a path inside the tree).
#[derive(Debug, Clone)]
pub struct Globs {
    names: GlobSet,
    paths: GlobSet,
}

impl Default for Globs {
    fn default() -> Self {
        Self { names: GlobSet::empty(), paths: GlobSet::empty() }
    }
}

impl Globs {
    /// Compiles globs; the error names the first that is none. `*` does not cross a slash, `**` does.
    pub fn new(patterns: &[String]) -> Result<Self, globset::Error> {
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns {
            let clean = pattern.strip_prefix("./").unwrap_or(pattern).trim_end_matches('/');
            let glob = GlobBuilder::new(clean.trim_start_matches('/')).literal_separator(true).build()?;
            if clean.contains('/') {
                paths.add(glob)
            } else {
                names.add(glob)
            };
        }
        Ok(Self { names: names.build()?, paths: paths.build()? })
    }

    /// Whether a path inside the tree is meant.
    pub fn matches(&self, path: &RelPath) -> bool {
        self.matches_name(path.name()) || self.paths.is_match(Path::new(OsStr::from_bytes(path.as_bytes())))
    }

    /// Whether a bare name, such as a soname, is meant.
    pub fn matches_name(&self, name: &[u8]) -> bool {
        self.names.is_match(Path::new(OsStr::from_bytes(name)))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.paths.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_without_a_slash_is_about_the_name() {
        let globs = Globs::new(&["*.so.1".into(), "lib/plugins/**".into(), "./share/".into()]).unwrap();
        let matches = |path: &[u8]| globs.matches(&RelPath::new(path).unwrap());
        assert!(matches(b"lib/deep/libx.so.1"));
        assert!(matches(b"lib/plugins/a/b"));
        assert!(matches(b"share"));
        assert!(!matches(b"lib/libx.so.12"));
        assert!(Globs::new(&["[".into()]).is_err());
    }
}
