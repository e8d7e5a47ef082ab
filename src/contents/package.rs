//! A package as it is told to people and programs, and why it is there: requested, needed by others, or part of the bootstrap.

use crate::base::finding::{Finding, Severity};
use crate::base::path::RelPath;
use pkgsrc::pattern::Pattern;
use serde::Serialize;
use std::collections::BTreeSet;

/// Where a package comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The package database of pkgsrc.
    Pkgsrc,
    /// A Python distribution that pip or the like has installed.
    Wheel,
}

/// Why a package is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Somebody asked for it.
    Requested,
    /// Others need it: their full names, sorted.
    NeededBy(BTreeSet<String>),
    /// The bootstrap brought it (`@option preserve`).
    Bootstrap,
    /// It was installed for others, and none of them is there any more.
    Orphan,
}

/// One package or wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Package {
    /// Where it comes from.
    pub kind: Kind,
    /// Its name without version, such as `nginx`.
    pub name: String,
    /// Its version with revision, such as `1.4.7nb5`.
    pub version: String,
    /// Its directory in the tree of packages, such as `www/nginx`; none for wheels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkgpath: Option<String>,
    /// The options it was built with, sorted.
    pub options: BTreeSet<String>,
    /// Its licence as the package says it, in the words of pkgsrc or of its author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// What it is, in a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Its home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Files and symlinks of it that are there.
    pub files: u64,
    /// Their sizes, in bytes.
    pub bytes: u64,
    /// Files of its list that are not there.
    pub missing: u64,
    /// Whether it installs programs.
    pub programs: bool,
    /// Libraries of the machine that its programs need, by the path they had where it was built; sorted.
    pub host_libraries: BTreeSet<String>,
    /// Why it is there.
    pub why: Why,
    /// The full names of what it depends on, sorted.
    pub depends: BTreeSet<String>,
    /// The patterns of `@pkgdep`, as they stand.
    #[serde(skip)]
    pub(super) patterns: Vec<String>,
    /// Whether it was installed for others only.
    #[serde(skip)]
    pub(super) automatic: bool,
    /// Whether the bootstrap brought it.
    #[serde(skip)]
    pub(super) preserved: bool,
    /// Its record: the directory of its database entry or its metadata file, relative to the tree's root.
    pub place: RelPath,
}

impl Package {
    /// Name and version, as the field writes them: `nginx-1.4.7nb5`.
    pub fn full_name(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

/// Finds for every pattern the package that meets it, and says of each why it is there.
pub(super) fn explain(packages: &mut [Package], findings: &mut Vec<Finding>) {
    let names: Vec<String> = packages.iter().map(Package::full_name).collect();
    let is_pkgsrc: Vec<bool> = packages.iter().map(|package| package.kind == Kind::Pkgsrc).collect();
    let mut needed: Vec<BTreeSet<String>> = vec![BTreeSet::new(); packages.len()];
    for (at, package) in packages.iter_mut().enumerate() {
        for pattern in &package.patterns {
            let met = Pattern::new(pattern).ok().and_then(|pattern| {
                (0..names.len()).find(|other| is_pkgsrc[*other] && pattern.matches(&names[*other]))
            });
            if let Some(other) = met {
                package.depends.insert(names[other].clone());
                needed[other].insert(names[at].clone());
            } else {
                findings.push(
                    Finding::of_tree(
                        Severity::Warning,
                        "dependency-missing",
                        format!("{} needs {pattern}, and no package of the database meets that", names[at]),
                    )
                    .help("install it, or delete the package that needs it"),
                );
            }
        }
    }
    for (package, needed) in packages.iter_mut().zip(needed) {
        package.why = match (package.preserved, package.automatic, needed.is_empty()) {
            (true, _, _) => Why::Bootstrap,
            (false, false, _) => Why::Requested,
            (false, true, false) => Why::NeededBy(needed),
            (false, true, true) => Why::Orphan,
        };
    }
}
