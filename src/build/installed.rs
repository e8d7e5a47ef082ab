//! What the prefix holds, by its own package database, and the only things that change it: add, delete, repair, settle.
//!
//! Takes the database where the tree says it is. A marker in the work directory names the package that is being changed, so
//! that a change cut short is found: pkg_add writes `+CONTENTS` before the files. Changes are made by one thread.

mod absences;
mod change;
mod same;

pub use change::{Prefix, fixed_date};
pub use same::{is_of, is_whole};

use crate::base::child::Cancel;
use crate::build::site::{Site, pasteable};
use pkgsrc::{Pattern, Plist};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A package as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Patterns of what it needs to run, in the order of its list.
    pub needs: Vec<String>,
    /// Names of the packages that need it, in the order they came.
    pub required_by: Vec<String>,
    /// Whether it came because something needs it.
    pub is_automatic: bool,
    /// Whether bootstrap brought it: it is not deleted without force.
    pub is_preserved: bool,
    /// What is wrong with its entry; nothing in a whole one.
    pub damage: Option<String>,
    /// Files of its list that are not on disk, in the order of the list. Its own scripts may have removed them.
    pub absent: Vec<PathBuf>,
}

/// Why the database could not be read or changed.
#[derive(Debug)]
pub enum DatabaseError {
    /// A file of it could not be read or written.
    Io {
        /// What was being done.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A package tool failed.
    Tool {
        /// The tool, such as `pkg_delete`.
        tool: &'static str,
        /// The package.
        pkgname: String,
        /// The last lines it printed.
        said: Vec<String>,
        /// The command, for a shell.
        rerun: String,
        /// Its log.
        log: PathBuf,
    },
    /// The tree does not say where the database is.
    Nowhere {
        /// What it said.
        said: String,
    },
    /// Packages that need each other stand in the way of their deletion.
    Knot(Vec<String>),
    /// Asked to stop.
    Cancelled,
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
            Self::Tool { tool, pkgname, said, rerun, log } => write!(
                f,
                "{tool} of {pkgname} failed: {}\nlog: {}\nhelp: run it again with: {rerun}",
                said.join("; "),
                log.display()
            ),
            Self::Nowhere { said } => write!(f, "the tree does not say where the package database is: '{said}'"),
            Self::Knot(names) => write!(f, "cannot delete packages that need each other: {}", names.join(", ")),
            Self::Cancelled => write!(f, "asked to stop"),
        }
    }
}

impl std::error::Error for DatabaseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

fn failed(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> DatabaseError {
    let path = path.to_owned();
    move |source| DatabaseError::Io { doing, path: path.clone(), source }
}

/// Where the tree keeps the database of this prefix, asked in the directory of any package; it was moved over the years.
pub fn location(site: &Site, pkgpath: &str, cancel: &Cancel) -> Result<PathBuf, DatabaseError> {
    let task = site.ask(pkgpath, &[], &["show-var".to_owned(), "VARNAME=PKG_DBDIR".to_owned()]);
    let answer = task.ask(cancel).map_err(failed("ask for PKG_DBDIR in", &task.directory))?;
    let said = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    if answer.ended.end.is_success() && said.starts_with('/') {
        return Ok(PathBuf::from(said));
    }
    // A tree in which the variable is the tools' own affair: the two places it has been.
    let known = ["var/db/pkg", "pkgdb"].iter().map(|place| site.prefix.join(place)).find(|place| place.is_dir());
    known.ok_or_else(|| DatabaseError::Nowhere { said: if said.is_empty() { pasteable(&task) } else { said } })
}

/// All packages of a database by name; one that is not there holds none.
pub fn read(database: &Path) -> Result<BTreeMap<String, Package>, DatabaseError> {
    let mut packages = BTreeMap::new();
    let entries = match fs::read_dir(database) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(packages),
        other => other.map_err(failed("read", database))?,
    };
    for entry in entries {
        let entry = entry.map_err(failed("read", database))?;
        let path = entry.path();
        // A name without a version is no package's.
        let name = entry.file_name().into_string().ok().filter(|name| name.contains('-') && path.is_dir());
        if let Some(name) = name {
            packages.insert(name, package(&path)?);
        }
    }
    unregistered(&mut packages);
    Ok(packages)
}

fn package(path: &Path) -> Result<Package, DatabaseError> {
    let text = |name: &str| optional(&path.join(name));
    let automatic = |line: &str| line.trim().eq_ignore_ascii_case("automatic=yes");
    let lines = |text: Option<Vec<u8>>| -> Vec<String> {
        let text = text.unwrap_or_default();
        String::from_utf8_lossy(&text)
            .lines()
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect()
    };
    let list = text("+CONTENTS")?;
    let parsed = list.as_deref().map(Plist::from_bytes);
    let (needs, damage, absent) = match &parsed {
        None => (Vec::new(), Some("+CONTENTS is missing".to_owned()), Vec::new()),
        Some(Err(error)) => (Vec::new(), Some(format!("+CONTENTS is not a packing list: {error}")), Vec::new()),
        Some(Ok(list)) => (list.depends().map(str::to_owned).collect(), None, absent(list)),
    };
    Ok(Package {
        needs,
        required_by: lines(text("+REQUIRED_BY")?),
        is_automatic: lines(text("+INSTALLED_INFO")?).iter().any(|line| automatic(line)),
        is_preserved: text("+PRESERVE")?.is_some(),
        damage,
        absent,
    })
}

/// The bytes of a file that need not be there.
fn optional(path: &Path) -> Result<Option<Vec<u8>>, DatabaseError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// The files of a list that are not on disk.
fn absent(list: &Plist) -> Vec<PathBuf> {
    list.files_prefixed().filter(|path| path.symlink_metadata().is_err()).collect()
}

/// Marks packages that those they need know nothing of: the last thing pkg_add does is to tell them.
fn unregistered(packages: &mut BTreeMap<String, Package>) {
    let mut found = Vec::new();
    for (name, package) in packages.iter().filter(|(_, package)| package.damage.is_none()) {
        for pattern in &package.needs {
            // Any that matches will do: a better match may have come later.
            let matching = Pattern::new(pattern).ok();
            let is_meant = |other: &str| matching.as_ref().is_some_and(|pattern| pattern.matches(other));
            if !packages.iter().any(|(other, needs)| needs.required_by.contains(name) && is_meant(other)) {
                found.push((name.clone(), format!("what it needs as {pattern} does not know of it")));
            }
        }
    }
    for (name, damage) in found {
        if let Some(package) = packages.get_mut(&name) {
            package.damage = Some(damage);
        }
    }
}

/// The best of some names for a pattern, as the package tools choose.
fn best<'a>(names: impl Iterator<Item = &'a String>, pattern: &str) -> Option<&'a str> {
    let pattern = Pattern::new(pattern).ok()?;
    names.fold(None, |best, name| pattern.best_match(best, name).ok().flatten().or(best))
}

/// The packages that were asked for, and all they need to run; what bootstrap brought is kept only where it is needed.
pub fn closure<'a>(packages: &'a BTreeMap<String, Package>, requested: &BTreeSet<String>) -> BTreeSet<&'a str> {
    let mut kept = BTreeSet::new();
    let mut ahead: Vec<&str> = packages.keys().filter(|name| requested.contains(*name)).map(String::as_str).collect();
    while let Some(name) = ahead.pop() {
        if kept.insert(name) {
            let needs = packages.get(name).map(|package| package.needs.as_slice()).unwrap_or_default();
            ahead.extend(needs.iter().filter_map(|pattern| best(packages.keys(), pattern)));
        }
    }
    kept
}

#[cfg(test)]
mod tests;
