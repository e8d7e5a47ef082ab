//! Which package a file of the tree belongs to: pkgsrc's package database, and Python's dist-info directories.
//!
//! Takes the bytes of the lists that lie in the tree; refuses none, and believes of each only paths inside the tree.

use crate::base::path::{Prefix, RelPath};
use std::collections::HashMap;

/// Files and their packages.
#[derive(Debug, Clone, Default)]
pub struct Packages {
    owners: HashMap<RelPath, String>,
}

/// The lists of one package.
pub type Claims = Vec<(RelPath, String)>;

impl Packages {
    /// Takes what several lists claim; where two claim a file, the first name in the alphabet has it.
    pub fn new(claims: impl IntoIterator<Item = (RelPath, String)>) -> Self {
        let mut owners: HashMap<RelPath, String> = HashMap::new();
        for (path, package) in claims {
            let owner = owners.entry(path).or_insert_with(|| package.clone());
            if package < *owner {
                *owner = package;
            }
        }
        Self { owners }
    }

    /// The package of a file.
    pub fn owner(&self, path: &RelPath) -> Option<&str> {
        self.owners.get(path).map(String::as_str)
    }
}

/// What a file claims for a package, where it is such a list; `prefixes` are what absolute paths in it may begin with.
pub fn claims(path: &RelPath, bytes: &[u8], prefixes: &[Prefix]) -> Claims {
    let Some(directory) = path.parent() else { return Vec::new() };
    match path.name() {
        b"+CONTENTS" => pkgsrc(&directory, bytes, prefixes),
        b"RECORD" if directory.name().ends_with(b".dist-info") => python(&directory, bytes),
        _ => Vec::new(),
    }
}

/// Whether a file is a list of a package's files, by its name.
pub fn is_list(path: &RelPath) -> bool {
    path.name() == b"+CONTENTS" || (path.name() == b"RECORD" && path.as_bytes().ends_with(b".dist-info/RECORD"))
}

/// pkg_create(1): plain lines are paths below the last `@cwd`; the directory of the list is the package's name.
fn pkgsrc(directory: &RelPath, bytes: &[u8], prefixes: &[Prefix]) -> Claims {
    let package = String::from_utf8_lossy(directory.name()).into_owned();
    let mut base = Some(RelPath::root());
    let mut claims = vec![];
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Some(cwd) = line.strip_prefix(b"@cwd ") {
            base = prefixes.iter().find_map(|prefix| prefix.strip(cwd.trim_ascii()));
        } else if !line.starts_with(b"@") && !line.is_empty() {
            let path = base.as_ref().and_then(|base| Some(base.join_path(&RelPath::new(line)?)));
            claims.extend(path.map(|path| (path, package.clone())));
        }
    }
    claims
}

/// PEP 376 and 627: rows of path, hash, size; paths are relative to the directory above, and may lead out of it.
fn python(directory: &RelPath, bytes: &[u8]) -> Claims {
    let Some(base) = directory.parent() else { return Vec::new() };
    let name = directory.name().strip_suffix(b".dist-info").unwrap_or(directory.name());
    let package = String::from_utf8_lossy(name).into_owned();
    let row = |line: &[u8]| {
        let path = match line.strip_prefix(b"\"") {
            Some(quoted) => quoted.split(|byte| *byte == b'"').next()?,
            None => line.split(|byte| *byte == b',').next()?,
        };
        Some((climb(&base, path)?, package.clone()))
    };
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).filter_map(row).collect()
}

/// Follows a relative path with `..` by its text; `None` where it leaves the tree or is absolute.
fn climb(base: &RelPath, path: &[u8]) -> Option<RelPath> {
    if path.first() == Some(&b'/') || path.contains(&0) {
        return None;
    }
    let mut at = base.clone();
    for part in crate::base::path::parts(path) {
        at = if part == b".." { at.parent()? } else { at.join(part) };
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rel(text: &str) -> RelPath {
        RelPath::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn files_belong_to_the_package_that_lists_them() {
        let prefixes = [Prefix::new(b"/p/root").unwrap()];
        let contents = b"@comment PKG\n@name nginx-1.26\n@cwd /p/root\nsbin/nginx\n@comment MD5:x\n../../etc/x\n@cwd /elsewhere\nlost\n";
        let mut all = claims(&rel("pkgdb/nginx-1.26/+CONTENTS"), contents, &prefixes);
        let record =
            b"../../../bin/f2py,sha256=x,1\nnumpy/a.py,,\n\"numpy/b,c.py\",,\n/etc/passwd,,\n../../../../../x,,\n";
        all.extend(claims(&rel("lib/python3/site-packages/numpy-1.2.dist-info/RECORD"), record, &prefixes));
        let packages = Packages::new(all);
        assert_eq!(packages.owner(&rel("sbin/nginx")), Some("nginx-1.26"));
        assert_eq!(packages.owner(&rel("lost")), None);
        assert_eq!(packages.owner(&rel("bin/f2py")), Some("numpy-1.2"));
        assert_eq!(packages.owner(&rel("lib/python3/site-packages/numpy/b,c.py")), Some("numpy-1.2"));
        assert_eq!(packages.owner(&rel("etc/passwd")), None);
        assert!(claims(&rel("x/RECORD"), record, &prefixes).is_empty());
    }
}
