//! Asks the tree which source archives packages need, where they are, and what sums they have.
//!
//! One question to make for each package: its files, the sites of each (a package may set those of one file), the sites for
//! everything, and its distinfo. A site list in backquotes is the output of a script of the package, which is run.

use super::{Algorithm, Checksum, Distfile, address};
use crate::base::child::{Cancel, Task};
use crate::base::path::RelPath;
use crate::build::digests::{Digests, absolute};
use crate::build::graph::{Graph, Node};
use crate::build::scan::{ScanError, ask};
use crate::build::site::Site;
use pkgsrc::distinfo::Distinfo;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Why it is not known what packages need.
#[derive(Debug)]
pub enum NeededError {
    /// The tree could not be asked.
    Scan(ScanError),
    /// The answer is not as it must be.
    Answer {
        /// The package.
        pkgpath: String,
        /// What is wrong.
        why: String,
    },
    /// A distinfo could not be read.
    Distinfo {
        /// The package.
        pkgpath: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file has no sum in distinfo.
    Unrecorded {
        /// The package.
        pkgpath: String,
        /// The file, with its subdirectory.
        name: String,
        /// The distinfo that lacks it.
        path: PathBuf,
    },
    /// Two packages want different files under one name.
    Different {
        /// The file, with its subdirectory.
        name: String,
        /// One package.
        one: String,
        /// The other.
        other: String,
    },
    /// More than one of these, in the order of packages.
    Several(Vec<NeededError>),
}

impl fmt::Display for NeededError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scan(error) => error.fmt(f),
            Self::Answer { pkgpath, why } => write!(f, "what the tree says of the files of {pkgpath} is no use: {why}"),
            Self::Distinfo { pkgpath, path, source } => {
                write!(f, "cannot read the sums of {pkgpath} from {}: {source}", path.display())
            }
            Self::Unrecorded { pkgpath, name, path } => write!(
                f,
                "{pkgpath} needs {name}, and {} has no sum of it\nhelp: with the right file in DISTDIR, \
                 'bmake makesum' in an overlay of the package adds it",
                path.display()
            ),
            Self::Different { name, one, other } => {
                write!(f, "{one} and {other} need different files, and both call theirs {name}")
            }
            Self::Several(errors) => {
                for (at, error) in errors.iter().enumerate() {
                    write!(f, "{}{error}", if at > 0 { "\n" } else { "" })?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for NeededError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Scan(error) => Some(error),
            Self::Distinfo { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// The files that these nodes of the graph need, sorted by subdirectory and name; `jobs` packages are asked at a time.
pub fn needed(
    site: &Site,
    digests: &Digests,
    graph: &Graph,
    nodes: &[usize],
    jobs: usize,
    cancel: &Cancel,
) -> Result<Vec<Distfile>, NeededError> {
    let nodes: Vec<&Node> = nodes.iter().filter_map(|at| graph.nodes.get(*at)).collect();
    let mut errors = Vec::new();
    let mut files: BTreeMap<(String, String), Distfile> = BTreeMap::new();
    for asked in ask_all(site, digests, &nodes, jobs, cancel) {
        let problems = match asked {
            Ok(found) => found.into_iter().filter_map(|file| merge(&mut files, file).err()).collect(),
            Err(error @ NeededError::Scan(ScanError::Cancelled)) => return Err(error),
            Err(NeededError::Several(several)) => several,
            Err(error) => vec![error],
        };
        errors.extend(problems);
    }
    match errors.len() {
        0 => Ok(files.into_values().collect()),
        1 => Err(errors.remove(0)),
        _ => Err(NeededError::Several(errors)),
    }
}

type Asked = Result<Vec<Distfile>, NeededError>;

fn ask_all(site: &Site, digests: &Digests, nodes: &[&Node], jobs: usize, cancel: &Cancel) -> Vec<Asked> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(node) = nodes.get(at) else { return done };
            done.push((at, of_package(site, digests, node, cancel)));
        }
    };
    let mut asked: Vec<(usize, Asked)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.clamp(1, nodes.len().max(1))).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    asked.sort_by_key(|(at, _)| *at);
    asked.into_iter().map(|(_, asked)| asked).collect()
}

/// Takes a file in; one that is there already gets the sites and packages of the new one.
fn merge(files: &mut BTreeMap<(String, String), Distfile>, file: Distfile) -> Result<(), NeededError> {
    let key = (file.subdir.clone(), file.name.clone());
    let Some(known) = files.get_mut(&key) else {
        files.insert(key, file);
        return Ok(());
    };
    let shares = |known: &Distfile| known.checksums.iter().any(|sum| file.checksums.contains(sum));
    let differs = known.size.zip(file.size).is_some_and(|(a, b)| a != b)
        || file
            .checksums
            .iter()
            .any(|sum| known.checksums.iter().any(|other| other.algorithm == sum.algorithm && other.hash != sum.hash));
    if differs || !shares(known) {
        let (one, other) = (known.needed_by.first().cloned(), file.needed_by.first().cloned());
        let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
        return Err(NeededError::Different { name: file.path(), one, other });
    }
    known.size = known.size.or(file.size);
    add(&mut known.checksums, file.checksums);
    known.checksums.sort();
    add(&mut known.urls, file.urls);
    add(&mut known.needed_by, file.needed_by);
    known.needed_by.sort();
    Ok(())
}

fn add<T: PartialEq>(known: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !known.contains(&one) {
            known.push(one);
        }
    }
}

/// Stands between names and sites; neither an address nor a shell's command has it.
const BORDER: &str = "<|>";

/// What make is asked, a line of answer each; the last has name and sites of every file, with borders behind both.
const QUESTIONS: [&str; 5] = [
    "${DIST_SUBDIR}",
    "${DISTINFO_FILE}",
    "${_MASTER_SITE_OVERRIDE}",
    "${_MASTER_SITE_BACKUP}",
    "${_ALLFILES:T:@f@${f}<|>${SITES.${f:S/=/--/}}<|>@}",
];

fn of_package(site: &Site, digests: &Digests, node: &Node, cancel: &Cancel) -> Asked {
    let arguments: Vec<String> = QUESTIONS.iter().flat_map(|one| ["-V".to_owned(), (*one).to_owned()]).collect();
    let depends = |_: &str| Ok(node.scan_depends.clone());
    let answer =
        ask(site, digests, &node.pkgpath, &node.multi, &arguments, cancel, depends).map_err(NeededError::Scan)?;
    let bad = |why: String| NeededError::Answer { pkgpath: node.pkgpath.clone(), why };
    let lines: Vec<&str> = answer.lines().map(str::trim).collect();
    let [subdir, distinfo, before, after, files] = lines[..] else {
        return Err(bad(format!("{} lines came where {} were asked for", lines.len(), QUESTIONS.len())));
    };
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let clean = |name: &str| RelPath::new(name.as_bytes()).is_some_and(|path| path.as_bytes() == name.as_bytes());
    if !clean(subdir) {
        return Err(bad(format!("the subdirectory '{}' leads elsewhere", subdir.escape_debug())));
    }
    let path = absolute(site, &node.pkgpath, Path::new(distinfo));
    let records = read(node, &path)?;
    let mut found = Vec::new();
    let mut errors = Vec::new();
    let mut parts = files.split(BORDER).map(str::trim);
    while let (Some(name), Some(sites)) = (parts.next().filter(|name| !name.is_empty()), parts.next()) {
        if !clean(name) || name.contains('/') || name.starts_with('.') {
            return Err(bad(format!("'{}' is no name of a file", name.escape_debug())));
        }
        let sites = if sites.contains('`') { &run(site, node, sites, cancel)? } else { sites };
        let lists = [before, sites, after];
        let mut urls = Vec::new();
        add(
            &mut urls,
            lists.iter().flat_map(|list| list.split_whitespace()).map(|it| address::of_site(it, name)).collect(),
        );
        let file = Distfile {
            name: name.to_owned(),
            subdir: subdir.to_owned(),
            size: None,
            checksums: Vec::new(),
            urls,
            needed_by: vec![node.pkgname.clone()],
        };
        match recorded(&records, file) {
            Ok(file) => found.push(file),
            Err(name) => {
                errors.push(NeededError::Unrecorded { pkgpath: node.pkgpath.clone(), name, path: path.clone() });
            }
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(NeededError::Several(errors)) }
}

/// The records of a distinfo; one that is not there has none.
fn read(node: &Node, path: &Path) -> Result<Distinfo, NeededError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Distinfo::from_bytes(&bytes)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {
            Ok(Distinfo::default())
        }
        Err(source) => Err(NeededError::Distinfo { pkgpath: node.pkgpath.clone(), path: path.to_owned(), source }),
    }
}

/// The file with its size and sums; its path where it has no sum.
fn recorded(records: &Distinfo, mut file: Distfile) -> Result<Distfile, String> {
    let path = file.path();
    // GNU patch's own archive is called like a patch.
    let entry = records.distfile(&path).or_else(|| records.patchfile(&path));
    let Some(entry) = entry.filter(|entry| !entry.checksums().is_empty()) else { return Err(path) };
    file.size = entry.size();
    let sums = entry.checksums().iter();
    file.checksums =
        sums.map(|sum| Checksum { algorithm: Algorithm(sum.digest), hash: sum.hash.to_ascii_lowercase() }).collect();
    file.checksums.sort();
    Ok(file)
}

/// Runs the script that a package has for its sites, as the tree would.
fn run(site: &Site, node: &Node, sites: &str, cancel: &Cancel) -> Result<String, NeededError> {
    let make = site.ask(&node.pkgpath, &node.multi, &[]);
    let arguments = ["-c".into(), format!("printf '%s\\n' {sites}").into()].into();
    let task = Task { program: "/bin/sh".into(), arguments, ..make };
    let bad = |why: String| NeededError::Answer { pkgpath: node.pkgpath.clone(), why };
    let answer = task.ask(cancel).map_err(|error| bad(format!("its script for sites cannot be run: {error}")))?;
    if !answer.ended.end.is_success() {
        return Err(bad("its script for sites failed".to_owned()));
    }
    String::from_utf8(answer.stdout).map_err(|_| bad("its script for sites printed no UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, by: &str, sum: &str) -> Distfile {
        Distfile {
            name: name.to_owned(),
            subdir: String::new(),
            size: Some(1),
            checksums: vec![Checksum { algorithm: Algorithm::SHA256, hash: sum.to_owned() }],
            urls: vec![format!("http://{by}/{name}")],
            needed_by: vec![by.to_owned()],
        }
    }

    #[test]
    fn one_file_of_two_packages_is_fetched_once_and_two_of_one_name_are_refused() {
        let mut files = BTreeMap::new();
        merge(&mut files, file("a", "p", "00")).unwrap();
        merge(&mut files, file("a", "o", "00")).unwrap();
        let known = files.values().next().unwrap();
        assert_eq!(known.needed_by, ["o", "p"]);
        assert_eq!(known.urls, ["http://p/a", "http://o/a"]);
        let error = merge(&mut files, file("a", "q", "11")).unwrap_err();
        assert_eq!(error.to_string(), "o and q need different files, and both call theirs a");
    }

    #[test]
    fn a_file_called_like_a_patch_is_found() {
        let records =
            Distinfo::from_bytes(b"SHA1 (patch-2.7.tar.gz) = AB\nSize (patch-2.7.tar.gz) = 5 bytes\nSize (b) = 1\n");
        let found = recorded(&records, file("patch-2.7.tar.gz", "p", "")).unwrap();
        assert_eq!((found.size, found.checksums[0].hash.as_str()), (Some(5), "ab"));
        assert_eq!(recorded(&records, file("b", "p", "")), Err("b".to_owned()));
    }
}
