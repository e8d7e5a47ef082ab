//! What has to be built for the packages asked for: asks the tree about each, and about what they need, before any work.
//!
//! Takes package paths with the variables that choose one of several versions. Gives every package of the closure in the
//! order they will be installed in, which depends on the tree alone. Refused, all at once: packages that the tree refuses
//! to build, with who needs them, licences with the line to add, versions that are not chosen or not there, cycles.

mod order;
mod refusal;
mod resolve;

pub(super) use refusal::needed;
pub use refusal::{GraphError, Problem};

use crate::base::child::Cancel;
use crate::build::digests::Digests;
use crate::build::scan::{Record, ScanError, scan};
use crate::build::site::Site;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// A package that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where it is in the tree, such as `www/nginx`.
    pub pkgpath: String,
    /// Variables that choose one of its versions, such as `PYTHON_VERSION_REQD` and `27`; empty where there is one.
    pub multi: Vec<(String, String)>,
}

/// One package to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it is in the tree.
    pub pkgpath: String,
    /// Its name with its version.
    pub pkgname: String,
    /// The variables that choose this version, in the tree's order.
    pub multi: Vec<(String, String)>,
    /// Names of the packages it needs, sorted.
    pub depends: Vec<String>,
    /// Every makefile the tree reads for it, absolute, in the order of reading.
    pub scan_depends: Vec<PathBuf>,
    /// The phase before which its users and groups must be there.
    pub usergroup_phase: Option<String>,
    /// Whether bootstrap brings it.
    pub is_bootstrap: bool,
    /// Whether it was asked for, and not only needed.
    pub is_requested: bool,
}

/// The closure of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// Packages in the order of installation: each after all it needs; those that need the shorter chains first, then by name.
    pub nodes: Vec<Node>,
    /// For each node, which ones it needs, sorted.
    pub edges: Vec<Vec<usize>>,
}

impl Graph {
    /// The names of the packages that need this one, directly or not, in the order of installation.
    pub fn needed_by(&self, node: usize) -> Vec<&str> {
        let mut needs = BTreeSet::from([node]);
        let mut names = Vec::new();
        for (at, edges) in self.edges.iter().enumerate() {
            if edges.iter().any(|edge| needs.contains(edge)) {
                needs.insert(at);
                names.push(self.nodes[at].pkgname.as_str());
            }
        }
        names
    }

    /// The graph of this node and what it needs, directly or not, and for each node of it the number it has here.
    pub fn narrowed(&self, node: usize) -> (Self, Vec<usize>) {
        let mut is_wanted = vec![false; self.nodes.len()];
        if let Some(is_wanted) = is_wanted.get_mut(node) {
            *is_wanted = true;
        }
        // Nodes come after all they need.
        for at in (0..self.nodes.len()).rev().filter(|at| *at <= node) {
            if is_wanted[at] {
                self.edges[at].iter().for_each(|edge| is_wanted[*edge] = true);
            }
        }
        let wanted: Vec<usize> = (0..self.nodes.len()).filter(|at| is_wanted[*at]).collect();
        let here = |edge: &usize| wanted.binary_search(edge).ok();
        let edges = wanted.iter().map(|at| self.edges[*at].iter().filter_map(here).collect()).collect();
        (Self { nodes: wanted.iter().map(|at| self.nodes[*at].clone()).collect(), edges }, wanted)
    }
}

/// Asks the tree about the requested packages and all they need, `jobs` directories at a time.
pub fn graph(
    site: &Site,
    digests: &Digests,
    requests: &[Request],
    jobs: usize,
    cancel: &Cancel,
) -> Result<Graph, GraphError> {
    let mut walk = Walk::default();
    let mut ahead: Vec<Want> = requests.iter().map(Want::of_request).collect();
    while !ahead.is_empty() {
        walk.scan(site, digests, &ahead, jobs, cancel)?;
        ahead = ahead.iter().flat_map(|want| walk.follow(want)).collect();
    }
    if walk.problems.is_empty() {
        return resolve::resolve(&walk.scanned, requests);
    }
    // What could not be read matches nothing, which needs no second mention.
    if let Err(GraphError::Problems(more)) = resolve::resolve(&walk.scanned, requests) {
        let unread = |path: &String| walk.scanned.get(path).is_none_or(Vec::is_empty);
        walk.problems.extend(more.into_iter().filter(|problem| match problem {
            Problem::Unmatched { pkgpath, .. } | Problem::NoSuchVersion { pkgpath, .. } => !unread(pkgpath),
            _ => true,
        }));
    }
    Err(GraphError::Problems(walk.problems))
}

/// Something to be looked for in a package directory.
struct Want {
    pkgpath: String,
    kind: Kind,
}

enum Kind {
    Request(Request),
    Need { pattern: String, by: String },
}

impl Want {
    fn of_request(request: &Request) -> Self {
        Self { pkgpath: request.pkgpath.clone(), kind: Kind::Request(request.clone()) }
    }
}

/// What has been read on the way from the requests down: in waves, because what is needed by one wave is the next.
#[derive(Default)]
struct Walk {
    scanned: BTreeMap<String, Vec<Record>>,
    seen: BTreeSet<(String, usize)>,
    problems: Vec<Problem>,
}

impl Walk {
    /// Reads the directories of a wave that have not been read.
    fn scan(
        &mut self,
        site: &Site,
        digests: &Digests,
        ahead: &[Want],
        jobs: usize,
        cancel: &Cancel,
    ) -> Result<(), GraphError> {
        let mut paths: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for want in ahead.iter().filter(|want| !self.scanned.contains_key(&want.pkgpath)) {
            let by = paths.entry(&want.pkgpath).or_default();
            if let Kind::Need { by: name, .. } = &want.kind {
                by.insert(name.clone());
            }
        }
        let list: Vec<&str> = paths.keys().copied().collect();
        let answers = in_parallel(&list, jobs, |path| scan(site, digests, path, cancel));
        for (path, answer) in list.into_iter().zip(answers) {
            let records = answer.or_else(|error| match error {
                ScanError::Cancelled => Err(GraphError::Cancelled),
                error => {
                    let needed_by = paths[path].iter().cloned().collect();
                    self.problems.push(Problem::Scan { error, needed_by });
                    Ok(Vec::new())
                }
            })?;
            self.scanned.insert(path.to_owned(), records);
        }
        Ok(())
    }

    /// What the version that a want means needs in turn; nothing where it was seen before, or there is none.
    fn follow(&mut self, want: &Want) -> Vec<Want> {
        let place = match &want.kind {
            Kind::Request(request) => resolve::choose(&self.scanned, request).ok(),
            Kind::Need { pattern, .. } => {
                resolve::best(&self.scanned, pattern, &want.pkgpath).map(|at| (want.pkgpath.clone(), at))
            }
        };
        let Some(place) = place.filter(|place| self.seen.insert(place.clone())) else { return Vec::new() };
        let record = &self.scanned[&place.0][place.1];
        let need = |(pattern, path): &(String, String)| Want {
            pkgpath: path.clone(),
            kind: Kind::Need { pattern: pattern.clone(), by: record.pkgname.clone() },
        };
        record.wants.iter().map(need).collect()
    }
}

/// Does the same for each of a list, several at a time; the results are in the order of the list.
pub(super) fn in_parallel<T: Sync, R: Send>(list: &[T], jobs: usize, act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done: Mutex<BTreeMap<usize, R>> = Mutex::default();
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = list.get(at) else { return };
            let result = act(item);
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(at, result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..jobs.min(list.len()).max(1) {
            scope.spawn(work);
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}
