//! Why there is no graph, in words: all that is wrong in the closure, in one go.

use crate::build::scan::ScanError;
use std::fmt;

/// Why there is no graph.
#[derive(Debug)]
pub enum GraphError {
    /// These are in the way, sorted by package path.
    Problems(Vec<Problem>),
    /// Asked to stop.
    Cancelled,
}

/// One thing that is in the way.
#[derive(Debug)]
pub enum Problem {
    /// The tree could not be asked about a package.
    Scan {
        /// Why.
        error: ScanError,
        /// Who needs it; empty where it was asked for.
        needed_by: Vec<String>,
    },
    /// The tree refuses to build a package (PKG_FAIL_REASON, PKG_SKIP_REASON).
    Refused {
        /// Its package path.
        pkgpath: String,
        /// Its name.
        pkgname: String,
        /// The tree's reason.
        reason: String,
        /// The licences to accept, where that is why.
        licences: Vec<String>,
        /// Who needs it, directly or not; empty where it was asked for.
        needed_by: Vec<String>,
    },
    /// A package has several versions and none was chosen.
    Ambiguous {
        /// Its package path.
        pkgpath: String,
        /// Each version's name, and the variables that choose it.
        choices: Vec<(String, Vec<(String, String)>)>,
    },
    /// A package has no version with the variables of the request.
    NoSuchVersion {
        /// Its package path.
        pkgpath: String,
        /// What was asked for.
        wanted: Vec<(String, String)>,
        /// What there is.
        choices: Vec<(String, Vec<(String, String)>)>,
    },
    /// No version of a package is what another one needs.
    Unmatched {
        /// Who needs it.
        pkgname: String,
        /// The pattern.
        pattern: String,
        /// The package path that should have it.
        pkgpath: String,
        /// The names it has.
        found: Vec<String>,
    },
    /// Two paths or versions would be installed under one name.
    Twice {
        /// The name.
        pkgname: String,
        /// The two places.
        pkgpaths: [String; 2],
    },
    /// Packages that need each other: each the next, the last the first.
    Cycle(Vec<String>),
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => write!(f, "asked to stop"),
            Self::Problems(problems) => {
                for (at, problem) in problems.iter().enumerate() {
                    write!(f, "{}{problem}", if at > 0 { "\n" } else { "" })?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for GraphError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scan { error, needed_by } => write!(f, "{error}{}", needed(needed_by)),
            Self::Refused { pkgpath, pkgname, reason, licences, needed_by } => {
                write!(f, "{pkgpath} ({pkgname}) cannot be built{}: {reason}", needed(needed_by))?;
                if !licences.is_empty() {
                    let licences = licences.join(" ");
                    write!(f, "\nhelp: to accept it, add ACCEPTABLE_LICENSES = \"{licences}\" below [mk.append]")?;
                }
                Ok(())
            }
            Self::Ambiguous { pkgpath, choices } => {
                write!(f, "{pkgpath} has several versions and none is chosen\nhelp: choose one of {}", listed(choices))
            }
            Self::NoSuchVersion { pkgpath, wanted, choices } => {
                write!(f, "{pkgpath} has no version with {}\nhelp: there is {}", pairs(wanted), listed(choices))
            }
            Self::Unmatched { pkgname, pattern, pkgpath, found } => {
                write!(f, "{pkgname} needs {pattern}, but {pkgpath} has {}", found.join(", "))
            }
            Self::Twice { pkgname, pkgpaths: [one, other] } => {
                write!(f, "{pkgname} would come twice, from {one} and from {other}")
            }
            Self::Cycle(names) => write!(f, "packages need each other: {} -> {}", names.join(" -> "), names[0]),
        }
    }
}

/// At most this many names are told of those who need something.
const TOLD: usize = 4;

/// ` (needed by A, B and 3 more)`; nothing where nobody does.
pub(in crate::build) fn needed(by: &[String]) -> String {
    match by.len() {
        0 => String::new(),
        count if count > TOLD => format!(" (needed by {} and {} more)", by[..TOLD].join(", "), count - TOLD),
        _ => format!(" (needed by {})", by.join(", ")),
    }
}

fn listed(choices: &[(String, Vec<(String, String)>)]) -> String {
    choices.iter().map(|(name, multi)| format!("{name} ({})", pairs(multi))).collect::<Vec<_>>().join(", ")
}

fn pairs(multi: &[(String, String)]) -> String {
    if multi.is_empty() {
        return "no variables".to_owned();
    }
    multi.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}
