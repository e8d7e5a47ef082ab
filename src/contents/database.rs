//! One entry of a pkgsrc package database: takes its `+CONTENTS` and the files beside it, gives the package and the files it
//! claims. Names in a listing are relative to `@cwd`, which is the prefix it was built for, or in a relocated tree a path relative
//! to the entry's own directory. Sources: pkg_create(1), pkg_info(1).

use super::Sizes;
use super::package::{Kind, Package, Why};
use crate::base::finding::{Finding, Severity};
use crate::base::path::RelPath;
use pkgsrc::plist::{self, PlistEntry, PlistOption};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// The file every entry has.
pub(super) const LISTING: &str = "+CONTENTS";
/// What the database itself keeps beside its entries.
const INDEXES: [&str; 2] = ["pkgdb.byfile.db", "pkg-vulnerabilities"];

/// Whether a path is part of a package database, and so claimed by nobody.
pub(super) fn is_part(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_bytes().starts_with(b"+") || INDEXES.iter().any(|index| name == *index)
}

/// Reads the entry whose listing is `listing`, relative to `root`.
pub(super) fn read(root: &Path, listing: &Path, sizes: &Sizes) -> Result<(Package, BTreeSet<PathBuf>), Box<Finding>> {
    let wrong = |found: String| Box::new(unreadable(listing, found));
    let entry = listing.parent().unwrap_or(Path::new(""));
    let bytes = fs::read(root.join(listing)).map_err(|error| wrong(error.to_string()))?;
    let listed = Listed::parse(&bytes, entry).map_err(wrong)?;
    let full_name = listed.name.clone().ok_or_else(|| wrong("its list has no @name".to_owned()))?;
    let (name, version) = full_name.rsplit_once('-').ok_or_else(|| wrong(format!("'{full_name}' has no version")))?;
    let text = |file: &str| beside(root, entry, file);
    let build = Build::parse(&text("+BUILD_INFO").map_err(|error| wrong(error.to_string()))?);
    let status = text("+INSTALLED_INFO").map_err(|error| wrong(error.to_string()))?;
    let comment = text("+COMMENT").map_err(|error| wrong(error.to_string()))?;
    let there: Vec<u64> = listed.files.iter().filter_map(|file| sizes.get(file).copied()).collect();
    let package = Package {
        kind: Kind::Pkgsrc,
        name: name.to_owned(),
        version: version.to_owned(),
        pkgpath: build.one("PKGPATH"),
        options: build
            .one("PKG_OPTIONS")
            .map(|words| words.split_whitespace().map(str::to_owned).collect())
            .unwrap_or_default(),
        license: build.one("LICENSE"),
        comment: comment.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()),
        homepage: build.one("HOMEPAGE"),
        files: there.len() as u64,
        bytes: there.iter().sum(),
        missing: (listed.files.len() - there.len()) as u64,
        programs: listed.files.iter().any(|file| file.starts_with("bin") || file.starts_with("sbin")),
        host_libraries: build.all("REQUIRES").into_iter().filter(|path| !listed.is_below_prefix(path)).collect(),
        why: Why::Requested,
        depends: BTreeSet::new(),
        patterns: listed.depends.clone(),
        automatic: status.lines().any(|line| line.trim().eq_ignore_ascii_case("automatic=yes")),
        preserved: listed.preserved || sizes.contains_key(&entry.join("+PRESERVE")),
        place: RelPath::new(entry.as_os_str().as_bytes()).unwrap_or_else(RelPath::root),
    };
    Ok((package, listed.files))
}

fn unreadable(listing: &Path, found: String) -> Finding {
    let path = RelPath::new(listing.as_os_str().as_bytes());
    let finding = Finding::of_tree(Severity::Warning, "package-unreadable", found);
    Finding { path, ..finding }.help("reinstall the package; it is missing from what is told here")
}

/// The text of a file beside the listing; empty where it has none.
fn beside(root: &Path, entry: &Path, file: &str) -> io::Result<String> {
    match fs::read(root.join(entry).join(file)) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// What a listing says.
#[derive(Debug, Default)]
struct Listed {
    name: Option<String>,
    prefix: Option<PathBuf>,
    files: BTreeSet<PathBuf>,
    depends: Vec<String>,
    preserved: bool,
}

impl Listed {
    /// `entry` is the directory of the listing, relative to the root.
    fn parse(bytes: &[u8], entry: &Path) -> Result<Self, String> {
        let mut listed = Self::default();
        // Where names are relative to, below the root; none is outside it.
        let mut here = Some(PathBuf::new());
        let mut is_ignored = false;
        for line in plist::parse(bytes) {
            match line.map_err(|error| error.to_string())? {
                PlistEntry::Name(name) => listed.name = Some(name.into_owned()),
                PlistEntry::PkgDep(pattern) => listed.depends.push(pattern.into_owned()),
                PlistEntry::PkgOpt(PlistOption::Preserve) => listed.preserved = true,
                PlistEntry::Cwd(path) => here = listed.enter(&path, entry),
                PlistEntry::Ignore => is_ignored = true,
                PlistEntry::File(name) if !is_ignored => {
                    listed.files.extend(here.as_ref().and_then(|here| normal(&here.join(&name))));
                }
                PlistEntry::File(_) => is_ignored = false,
                _ => {}
            }
        }
        Ok(listed)
    }

    /// Where `@cwd PATH` leads, below the root. The first absolute one is the prefix.
    fn enter(&mut self, path: &Path, entry: &Path) -> Option<PathBuf> {
        if !path.is_absolute() {
            return normal(&entry.join(path));
        }
        let prefix = self.prefix.get_or_insert_with(|| path.to_owned());
        path.strip_prefix(prefix).ok().map(Path::to_owned)
    }

    fn is_below_prefix(&self, path: &str) -> bool {
        self.prefix.as_ref().is_some_and(|prefix| Path::new(path).starts_with(prefix))
    }
}

/// The path without `.` and `..`; none where it leads out of the root.
pub(super) fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => normal.push(name),
            Component::CurDir => {}
            Component::ParentDir if normal.pop() => {}
            _ => return None,
        }
    }
    Some(normal)
}

/// The lines of `+BUILD_INFO`: `NAME=value`, some names more than once.
#[derive(Debug, Default)]
struct Build(BTreeMap<String, Vec<String>>);

impl Build {
    fn parse(text: &str) -> Self {
        let mut build = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            build.0.entry(name.trim().to_owned()).or_default().push(value.trim().to_owned());
        }
        build
    }

    fn one(&self, name: &str) -> Option<String> {
        self.0.get(name)?.first().filter(|value| !value.is_empty()).cloned()
    }

    fn all(&self, name: &str) -> Vec<String> {
        self.0.get(name).cloned().unwrap_or_default()
    }
}
