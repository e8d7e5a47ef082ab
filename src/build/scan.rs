//! What the tree says of one package directory: the records of `bmake pbulk-index`, one for each version of it.
//!
//! Takes a package path, gives its records in the tree's order, the default version first. An answer is kept in the work
//! directory with the digests of all makefiles it was made from (SCAN_DEPENDS), and asked for again when one has changed.
//! Refused: a directory that is not there, a call that fails, an answer that is not of records.

use crate::base::child::Cancel;
use crate::base::digest::Digest;
use crate::base::path::printable;
use crate::base::write::{self, WriteError};
use crate::build::cause;
use crate::build::digests::{Digests, absolute};
use crate::build::site::{Site, pasteable};
use pkgsrc::ScanIndex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One version of a package, as the tree describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it is in the tree, such as `www/nginx`.
    pub pkgpath: String,
    /// Its name with its version, such as `nginx-1.4.7nb5`.
    pub pkgname: String,
    /// The variables that choose this version, in the tree's order.
    pub multi: Vec<(String, String)>,
    /// What it needs: a pattern, and the package path that has it; in the tree's order.
    pub wants: Vec<(String, String)>,
    /// Why it cannot be built: PKG_FAIL_REASON.
    pub fail: Option<String>,
    /// Why it is not to be built: PKG_SKIP_REASON.
    pub skip: Option<String>,
    /// Every makefile that was read, absolute, in the order of reading.
    pub scan_depends: Vec<PathBuf>,
    /// The phase before which its users and groups must be there.
    pub usergroup_phase: Option<String>,
    /// Whether bootstrap brings it.
    pub is_bootstrap: bool,
}

/// Why a package directory could not be read.
#[derive(Debug)]
pub enum ScanError {
    /// The tree has no such directory.
    Missing {
        /// The package path.
        pkgpath: String,
    },
    /// A command could not be run, or its answer not be kept.
    Io {
        /// The package path.
        pkgpath: String,
        /// What the system said.
        source: io::Error,
    },
    /// make failed.
    Failed {
        /// The package path.
        pkgpath: String,
        /// What it said.
        said: String,
        /// The command, for a shell.
        rerun: String,
    },
    /// The answer is not what pbulk-index prints.
    Answer {
        /// The package path.
        pkgpath: String,
        /// What is wrong with it.
        why: String,
    },
    /// Asked to stop.
    Cancelled,
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { pkgpath } => write!(f, "the tree has no package {pkgpath}"),
            Self::Io { pkgpath, source } => write!(f, "cannot ask the tree about {pkgpath}: {source}"),
            Self::Failed { pkgpath, said, rerun } => {
                write!(f, "the makefile of {pkgpath} does not work: {said}\nhelp: run it again with: {rerun}")
            }
            Self::Answer { pkgpath, why } => write!(f, "what pbulk-index says of {pkgpath} is not understood: {why}"),
            Self::Cancelled => write!(f, "asked to stop"),
        }
    }
}

impl std::error::Error for ScanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// An answer as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// Every makefile with its digest; none for one that was gone right after.
    files: BTreeMap<PathBuf, Option<Digest>>,
    answer: String,
}

/// The records of a package directory.
pub fn scan(site: &Site, digests: &Digests, pkgpath: &str, cancel: &Cancel) -> Result<Vec<Record>, ScanError> {
    let answer = ask(site, digests, pkgpath, &[], &["pbulk-index".to_owned()], cancel, |answer| {
        let mut files = Vec::new();
        for record in records(site, pkgpath, answer)? {
            files.extend(record.scan_depends);
        }
        Ok(files)
    })?;
    records(site, pkgpath, &answer)
}

/// What make answers in a package directory; kept until one of the files that `depends` finds in the answer changes.
pub fn ask(
    site: &Site,
    digests: &Digests,
    pkgpath: &str,
    multi: &[(String, String)],
    arguments: &[String],
    cancel: &Cancel,
    depends: impl Fn(&str) -> Result<Vec<PathBuf>, ScanError>,
) -> Result<String, ScanError> {
    let task = site.ask(pkgpath, multi, arguments);
    if !task.directory.is_dir() {
        return Err(ScanError::Missing { pkgpath: pkgpath.to_owned() });
    }
    let io = |source| ScanError::Io { pkgpath: pkgpath.to_owned(), source };
    let question = Digest::of(pasteable(&task).as_bytes());
    let place =
        site.work.join("scan").join(format!("{}-{}.json", pkgpath.replace('/', "_"), &question.to_string()[..16]));
    if let Some(answer) = kept(digests, &place) {
        return Ok(answer);
    }
    let answer = task.ask(cancel).map_err(io)?;
    if cancel.is_cancelled() {
        return Err(ScanError::Cancelled);
    }
    if !answer.ended.end.is_success() {
        let said =
            cause::first(&answer.stderr).map_or_else(|| cause::tail(&answer.stderr).join("; "), |cause| cause.line);
        return Err(ScanError::Failed { pkgpath: pkgpath.to_owned(), said, rerun: pasteable(&task) });
    }
    let answer = String::from_utf8(answer.stdout).map_err(|error| ScanError::Answer {
        pkgpath: pkgpath.to_owned(),
        why: format!("it is not UTF-8: {}", printable(error.as_bytes()).chars().take(80).collect::<String>()),
    })?;
    let mut files = BTreeMap::new();
    for path in depends(&answer)? {
        let digest = digests.of(&path).map_err(io)?;
        files.insert(path, digest);
    }
    let kept = Kept { files, answer };
    keep(&place, &kept).map_err(|error| io(io::Error::other(error)))?;
    Ok(kept.answer)
}

/// The kept answer, where nothing it depends on has changed. One that cannot be read is as good as none.
fn kept(digests: &Digests, place: &Path) -> Option<String> {
    let kept: Kept = serde_json::from_slice(&fs::read(place).ok()?).ok()?;
    let same = kept.files.iter().all(|(path, digest)| digests.of(path).is_ok_and(|now| now == *digest));
    same.then_some(kept.answer)
}

fn keep(place: &Path, kept: &Kept) -> Result<(), WriteError> {
    let bytes = serde_json::to_vec(kept).unwrap_or_default();
    write::Parents::make(place)?.keep();
    write::record(place, &bytes)
}

/// Takes an answer of pbulk-index apart.
pub fn records(site: &Site, pkgpath: &str, answer: &str) -> Result<Vec<Record>, ScanError> {
    let bad = |why: String| ScanError::Answer { pkgpath: pkgpath.to_owned(), why };
    let mut records = Vec::new();
    for index in ScanIndex::from_reader(answer.as_bytes()) {
        records.push(record(site, pkgpath, index.map_err(|error| bad(error.to_string()))?).map_err(bad)?);
    }
    if records.is_empty() {
        return Err(bad("it has no PKGNAME".to_owned()));
    }
    Ok(records)
}

fn record(site: &Site, pkgpath: &str, index: ScanIndex) -> Result<Record, String> {
    // A variable that is set to nothing is printed all the same, and read as an empty text.
    let full = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let mut wants = Vec::new();
    for depend in index.all_depends.iter().flatten() {
        let depend = depend.map_err(|error| error.to_string())?;
        let path = depend.pkgpath();
        let path = path.strip_prefix("../../").unwrap_or(path).trim_end_matches('/');
        let want = (depend.pattern().to_owned(), path.to_owned());
        if path.split('/').count() != 2 || path.split('/').any(|part| part.is_empty() || part == "..") {
            return Err(format!("{} depends on '{}', which is no CATEGORY/PACKAGE", index.pkgname, depend.pkgpath()));
        }
        if !wants.contains(&want) {
            wants.push(want);
        }
    }
    let multi = index.multi_version.unwrap_or_default();
    let pair = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let files = index
        .scan_depends
        .iter()
        .flat_map(|files| files.iter().map(|file| absolute(site, pkgpath, file)).collect::<Vec<_>>());
    let mut scan_depends: Vec<PathBuf> = files.collect();
    let mut seen = std::collections::BTreeSet::new();
    scan_depends.retain(|file| seen.insert(file.clone()));
    Ok(Record {
        pkgpath: pkgpath.to_owned(),
        pkgname: index.pkgname.to_string(),
        multi: multi.iter().filter_map(pair).collect(),
        wants,
        fail: full(index.pkg_fail_reason),
        skip: full(index.pkg_skip_reason),
        scan_depends,
        usergroup_phase: full(index.usergroup_phase),
        is_bootstrap: index.bootstrap_pkg.is_some_and(|flag| flag.is_bootstrap()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site {
            tree: "/t".into(),
            prefix: "/p".into(),
            work: "/w".into(),
            environment: Vec::new(),
            variables: Vec::new(),
            held: None,
        }
    }

    #[test]
    fn records_of_two_versions_are_told_apart() {
        let answer = "PKGNAME=a-1\nALL_DEPENDS=b>=1:../../c/b b>=1:../../c/b\nPKG_SKIP_REASON=\nPKG_FAIL_REASON= \nBOOTSTRAP_PKG=yes\n\
                      SCAN_DEPENDS=Makefile ../../mk/bsd.pkg.mk /p/etc/mk.conf Makefile\nMULTI_VERSION= V=1 W=2\n\
                      PKGNAME=a-2\nALL_DEPENDS=\nPKG_SKIP_REASON=\nPKG_FAIL_REASON=no good\nMULTI_VERSION= V=2 W=2\n";
        let records = records(&site(), "x/a", answer).unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!((&records[0].fail, &records[0].skip), (&None, &None));
        assert_eq!(records[0].wants, [("b>=1".to_owned(), "c/b".to_owned())]);
        assert_eq!(records[0].multi, [("V".to_owned(), "1".to_owned()), ("W".to_owned(), "2".to_owned())]);
        let files: Vec<_> = records[0].scan_depends.iter().map(|path| path.to_string_lossy()).collect();
        assert_eq!(files, ["/t/x/a/Makefile", "/t/mk/bsd.pkg.mk", "/p/etc/mk.conf"]);
        assert!(records[0].is_bootstrap && !records[1].is_bootstrap);
        assert_eq!(records[1].fail.as_deref(), Some("no good"));
    }

    #[test]
    fn answers_that_are_none_are_refused() {
        for answer in ["", "hello\n", "PKGNAME=a-1\nALL_DEPENDS=b>=1\n", "PKGNAME=a-1\nALL_DEPENDS=b:../../../etc\n"] {
            assert!(matches!(records(&site(), "x/a", answer), Err(ScanError::Answer { .. })), "{answer}");
        }
    }
}
