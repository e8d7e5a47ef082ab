//! From the graph to a prefix that holds it: builds side by side, installs in one order.
//!
//! Takes the graph, its keys, and the places for binary packages. What is done is read from the prefix's database and from
//! those places, so that a run that was killed goes on where it was. The packages of a prefix are always the first so many
//! of the order, each the binary package of its key: what comes after the first that is not, is taken out and added again.
//! Hence two prefixes of one graph are the same whatever happened on the way. One thread changes the prefix.

mod estimate;
mod forecast;
mod run;

pub use estimate::Estimates;
pub use forecast::{Forecast, Left, forecast};

use crate::base::child::Cancel;
use crate::base::digest::{Digest, Digester};
use crate::base::write::WriteError;
use crate::build::graph::{Graph, Node, in_parallel};
use crate::build::installed::{self, DatabaseError, Package, Prefix};
use crate::build::phase::Failure;
use crate::build::site::Site;
use crate::build::store::{DirStore, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How many binary packages are fetched at once, at least.
const FETCHES: usize = 8;

/// What is to be done, and how.
pub struct Order<'a> {
    /// Where.
    pub site: &'a Site,
    /// What.
    pub graph: &'a Graph,
    /// The key of each node.
    pub keys: &'a [Digest],
    /// Binary packages of this machine.
    pub near: &'a DirStore,
    /// Binary packages shared with others.
    pub far: Option<&'a dyn Store>,
    /// How many packages are made at once.
    pub jobs: usize,
    /// Whether to go on with what does not need a package that failed.
    pub keep_going: bool,
    /// The moment written into the database, in seconds since 1970.
    pub epoch: i64,
    /// Who is told.
    pub listener: &'a dyn Listener,
    /// Who may stop it.
    pub cancel: &'a Cancel,
}

/// What happens to packages, by their number in the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An interrupted change of this package was put right.
    Repaired(String),
    /// A package that is no longer wanted, or that is to be added again, is taken out.
    Removed(String),
    /// The prefix has it already.
    Present(usize),
    /// It is being made; seconds it took the last time, where known.
    Started(usize, Option<u64>),
    /// It is in this phase now.
    Phase(usize, &'static str),
    /// A binary package of its key was there.
    Cached(usize),
    /// It has been made, in so many seconds.
    Made(usize, u64),
    /// It is in the prefix.
    Done(usize),
    /// It could not be made or added.
    Failed(usize),
    /// What is left to do, whenever something has begun or ended and something is under way.
    Ahead {
        /// What is left of each package, by its number.
        left: Vec<Left>,
        /// How many are made at once.
        jobs: usize,
    },
    /// A place for binary packages could not be used; the build goes on without it.
    StoreFailed(String),
}

/// Takes events from any thread.
pub trait Listener: Sync {
    /// Takes one event; must not block for long.
    fn event(&self, event: &Event);
}

/// What came of it, when nothing failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Packages that were made, in the order of installation.
    pub made: Vec<usize>,
    /// Packages that came from a store.
    pub cached: Vec<usize>,
    /// Packages the prefix had.
    pub present: Vec<usize>,
}

/// Why the prefix does not hold the graph.
#[derive(Debug)]
pub enum BuildError {
    /// These packages failed, in the order of installation; the names are those that were not tried for want of them.
    Failed {
        /// What failed.
        failures: Vec<Failure>,
        /// Names of packages that need one that failed, or were not begun.
        untried: Vec<String>,
    },
    /// The package database could not be read or changed.
    Database(DatabaseError),
    /// The packages of this machine could not be read or kept.
    Store(StoreError),
    /// A file of the work directory could not be read or written.
    Io {
        /// What was being done.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Asked to stop.
    Cancelled,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { failures, untried } => {
                for (at, failure) in failures.iter().enumerate() {
                    write!(f, "{}{failure}", if at > 0 { "\n" } else { "" })?;
                }
                if !untried.is_empty() {
                    write!(f, "\nnot tried: {}", untried.join(", "))?;
                }
                Ok(())
            }
            Self::Database(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
            Self::Cancelled => write!(f, "asked to stop"),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Database(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Io { source, .. } => Some(source),
            Self::Failed { .. } | Self::Cancelled => None,
        }
    }
}

impl From<DatabaseError> for BuildError {
    fn from(error: DatabaseError) -> Self {
        if matches!(error, DatabaseError::Cancelled) { Self::Cancelled } else { Self::Database(error) }
    }
}

impl From<StoreError> for BuildError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn io_error(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> BuildError {
    let path = path.to_owned();
    move |source| BuildError::Io { doing, path: path.clone(), source }
}

fn unwritten(path: &Path) -> impl Fn(WriteError) -> BuildError {
    let path = path.to_owned();
    move |error| io_error("write", &path)(io::Error::other(error))
}

/// Has what others have made come near, before it is decided what has to be made here: a place that says it has a package and
/// then cannot give it counts as one that has none. Says of each of the nodes whether it is near.
pub fn gather(order: &Order<'_>, nodes: &[usize]) -> Result<Vec<bool>, BuildError> {
    let temporary = order.site.temporary();
    fs::create_dir_all(&temporary).map_err(io_error("make the directory", &temporary))?;
    // A connection waits more than it works.
    let jobs = if order.far.is_some() { order.jobs.max(FETCHES) } else { order.jobs };
    in_parallel(nodes, jobs, |at| run::fetch(order, *at)).into_iter().collect()
}

/// Makes and installs what the graph has.
pub fn build(order: &Order<'_>) -> Result<Outcome, BuildError> {
    let Some(first) = order.graph.nodes.first() else { return Ok(Outcome::default()) };
    let temporary = order.site.temporary();
    match fs::remove_dir_all(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error("remove", &temporary)(error)),
        _ => fs::create_dir_all(&temporary).map_err(io_error("make the directory", &temporary))?,
    }
    let database = installed::location(order.site, &first.pkgpath, order.cancel)?;
    let prefix = Prefix::new(order.site, database, order.cancel);
    let log = order.site.work.join("logs").join("prefix.log");
    let repaired = prefix.repair(&log)?;
    let was_whole = repaired.is_empty();
    for name in repaired {
        order.listener.event(&Event::Repaired(name));
    }
    let steps = Steps::new(order, &prefix.packages()?);
    let kept = go_back(order, &prefix, &steps, was_whole, &log)?;
    let outcome = run::run(order, &prefix, &steps, kept)?;
    prefix.settle(order.epoch)?;
    Ok(outcome)
}

/// Whether the prefix has a package from bootstrap, so that it is never made here.
pub(super) fn is_given(node: &Node, packages: &BTreeMap<String, Package>) -> bool {
    packages.get(&node.pkgname).is_some_and(|package| package.is_preserved || node.is_bootstrap)
}

/// The order of installation, without what bootstrap brought.
struct Steps {
    /// Nodes in their order.
    nodes: Vec<usize>,
    /// Nodes that the prefix has from bootstrap.
    given: BTreeSet<usize>,
    /// What the prefix is after so many steps: one more than there are nodes.
    ids: Vec<Digest>,
}

impl Steps {
    fn new(order: &Order<'_>, packages: &BTreeMap<String, Package>) -> Self {
        let (given, nodes): (Vec<usize>, Vec<usize>) =
            (0..order.graph.nodes.len()).partition(|at| is_given(&order.graph.nodes[*at], packages));
        let mut digester = Digester::default();
        for (name, _) in packages.iter().filter(|(_, package)| package.is_preserved) {
            digester.update(name.as_bytes());
            digester.update(b"\n");
        }
        let mut ids = vec![digester.finish()];
        for at in &nodes {
            let mut digester = Digester::default();
            digester.update(&ids[ids.len() - 1].bytes());
            digester.update(&order.keys[*at].bytes());
            digester.update(&[u8::from(order.graph.nodes[*at].is_requested)]);
            ids.push(digester.finish());
        }
        Self { nodes, given: given.into_iter().collect(), ids }
    }
}

/// Takes out everything after the first step that is not as it should be; gives how many steps are left.
fn go_back(
    order: &Order<'_>,
    prefix: &Prefix<'_>,
    steps: &Steps,
    was_whole: bool,
    log: &Path,
) -> Result<usize, BuildError> {
    let packages = prefix.packages()?;
    let is_done = |at: &usize| {
        let node = &order.graph.nodes[*at];
        packages.get(&node.pkgname).is_some_and(|package| package.is_automatic != node.is_requested)
            && run::fetch(order, *at).unwrap_or(false)
            && installed::is_of(&prefix.entry(&node.pkgname), &order.near.place(order.keys[*at]), &order.site.work)
    };
    let kept = steps.nodes.iter().take_while(|at| is_done(at)).count();
    let stays: BTreeSet<&str> =
        steps.nodes[..kept].iter().chain(&steps.given).map(|at| order.graph.nodes[*at].pkgname.as_str()).collect();
    let removed: BTreeSet<String> = packages
        .iter()
        .filter(|(name, package)| !package.is_preserved && !stays.contains(name.as_str()))
        .map(|(name, _)| name.clone())
        .collect();
    for name in &removed {
        order.listener.event(&Event::Removed(name.clone()));
    }
    prefix.delete(&removed, log)?;
    // A run that was killed right after pkg_add kept no copy; the index is as pkg_add left it unless something was undone.
    if !prefix.recall(steps.ids[kept])? && (was_whole && removed.is_empty() || kept == 0) {
        prefix.remember(steps.ids[kept])?;
    }
    Ok(kept)
}
