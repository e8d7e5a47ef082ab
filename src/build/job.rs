//! A recipe becomes a prefix, readable from top to bottom: look, bootstrap, ask, lock, build, link.
//!
//! [`prepare`] looks at the recipe, the tree and the machine and changes nothing in the prefix; everything that is wrong is told at
//! once. [`Prepared::build`] does the rest; killed at any moment and called again, it goes on. What it gives is a prefix that
//! holds exactly what the lock says, and nothing of it is packed or proven yet.

mod checks;
mod links;
mod locked;
mod one;
mod settings;
mod sources;

pub use locked::Drift;
pub use one::{One, OneError};
pub use sources::{Had, Sources};

use super::bootstrap::{self, BootstrapError, Bootstrapped};
use super::digests::Digests;
use super::distfile::{self, Distfile, FetchError, NeededError, Present};
use super::graph::{self, Graph, GraphError, Request};
use super::hold::{self, HoldError};
use super::host::{self, Environment, Toolchain};
use super::installed::{self, DatabaseError};
use super::key::{self, Grounds, KeyError};
use super::mkconf::{self, MkConfError, Unwritable};
use super::schedule::{self, BuildError, Order, Outcome};
use super::site::Site;
use super::store::{DirStore, Store, StoreError};
use super::tree::{Base, Source, Tree, TreeError};
use super::usage::Usage;
use crate::base::child::Cancel;
use crate::base::digest::Digest;
use crate::base::finding::{Finding, Severity};
use crate::recipe::{Lock, Recipe};
use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is to be built, and how.
pub struct Wish<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// The directory of the recipe's file, absolute; its relative paths count from there.
    pub directory: &'a Path,
    /// The work directory, absolute; made where it is not there.
    pub work: &'a Path,
    /// The tree's archive and its sum, where the recipe's tree is a URL and it has been fetched.
    pub fetched_tree: Option<&'a Present>,
    /// How source archives are got.
    pub sources: Sources<'a>,
    /// Where source archives lie, absolute.
    pub distfiles: &'a Path,
    /// Binary packages shared with others.
    pub cache: Option<&'a dyn Store>,
    /// The lock that must hold, where one must.
    pub locked: Option<&'a Lock>,
    /// The lock of the last build, where there is one.
    pub kept: Option<&'a Lock>,
    /// The moment written into everything, in seconds since 1970; none takes the tree's own.
    pub epoch: Option<i64>,
    /// Processors to use; the recipe's own number wins.
    pub jobs: usize,
    /// Whether to go on with what does not need a package that failed.
    pub keep_going: bool,
    /// Whether to wait for another build of the same prefix.
    pub wait: bool,
    /// Who is told.
    pub listener: &'a dyn Listener,
    /// Who may stop it.
    pub cancel: &'a Cancel,
}

/// What happens.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step of the job begins.
    Step(&'static str),
    /// Another build has the prefix; its process, where it is known.
    Waiting(Option<u32>),
    /// A step of the bootstrap.
    Bootstrap(bootstrap::Step<'a>),
    /// The packages that will be built.
    Packages(&'a Graph),
    /// Something about a source archive.
    Source(&'a [Distfile], &'a distfile::Event),
    /// Something about one of them.
    Package(&'a Graph, &'a schedule::Event),
}

/// Takes events from any thread.
pub trait Listener: Sync {
    /// Takes one event; must not block for long.
    fn event(&self, event: &Event<'_>);
}

/// A job that nothing known speaks against.
pub struct Prepared<'a> {
    wish: &'a Wish<'a>,
    tree: Tree,
    usage: Usage,
    environment: Environment,
    toolchain: Toolchain,
    flags: settings::Flags,
    epoch: i64,
    held: Arc<File>,
    /// What a person should know and what does not stop it.
    pub findings: Vec<Finding>,
}

/// A prefix that holds what its lock says.
#[derive(Debug)]
pub struct Staged {
    /// What it was made from.
    pub lock: Lock,
    /// The packages, in the order of installation.
    pub graph: Graph,
    /// What was done for each.
    pub outcome: Outcome,
    /// The full names of packages that the requested ones do not need to run, sorted; empty where the recipe keeps them.
    pub unneeded: BTreeSet<String>,
    /// The moment written into everything, in seconds since 1970.
    pub epoch: i64,
    /// The prefix's lock, until this is dropped.
    pub held: Arc<File>,
}

/// Why there is no prefix.
#[derive(Debug)]
pub enum JobError {
    /// These are in the way, sorted; nothing was begun.
    Findings(Vec<Finding>),
    /// There is no tree.
    Tree(TreeError),
    /// Bootstrap.
    Bootstrap(BootstrapError),
    /// Settings that no makefile can hold.
    Settings(Vec<Unwritable>),
    /// mk.conf.
    MkConf(MkConfError),
    /// The packages.
    Graph(GraphError),
    /// Their keys.
    Key(KeyError),
    /// The lock does not hold.
    Drift(Drift),
    /// What source archives there are to be.
    Needed(NeededError),
    /// Source archives.
    Fetch(FetchError),
    /// A package.
    Build(BuildError),
    /// The prefix's database.
    Database(DatabaseError),
    /// Another build has the prefix.
    Hold(HoldError),
    /// The one package asked for cannot be made here.
    One(OneError),
    /// The shared place for binary packages.
    Store(StoreError),
    /// A file of ours.
    Io {
        /// What was being done, such as `make`.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Findings(findings) => {
                let found: Vec<_> = findings.iter().map(|finding| finding.found.as_str()).collect();
                f.write_str(&found.join("\n"))
            }
            Self::Tree(error) => error.fmt(f),
            Self::Bootstrap(error) => error.fmt(f),
            Self::Settings(wrong) => {
                let wrong: Vec<_> = wrong.iter().map(ToString::to_string).collect();
                f.write_str(&wrong.join("\n"))
            }
            Self::MkConf(error) => error.fmt(f),
            Self::Graph(error) => error.fmt(f),
            Self::Key(error) => error.fmt(f),
            Self::Drift(drift) => drift.fmt(f),
            Self::Needed(error) => error.fmt(f),
            Self::Fetch(error) => error.fmt(f),
            Self::Build(error) => error.fmt(f),
            Self::Database(error) => error.fmt(f),
            Self::Hold(error) => error.fmt(f),
            Self::One(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
        }
    }
}

impl std::error::Error for JobError {}

impl JobError {
    /// What to do about it, where we know and the message does not say it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Tree(error) => error.help(),
            Self::Bootstrap(error) => error.help(),
            Self::Hold(HoldError::Taken { .. }) => Some("wait for it, or run without --no-wait".to_owned()),
            Self::One(error) => Some(error.help()),
            Self::Drift(_) => Some("to take what is there now, run without --locked and commit the lock".to_owned()),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($error:ident => $variant:ident),*) => {
        $(impl From<$error> for JobError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

from!(TreeError => Tree, BootstrapError => Bootstrap, MkConfError => MkConf, GraphError => Graph, KeyError => Key, NeededError => Needed, FetchError => Fetch, BuildError => Build, DatabaseError => Database, HoldError => Hold, OneError => One, StoreError => Store);

fn io(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> JobError {
    let path = path.to_owned();
    move |source| JobError::Io { doing, path: path.clone(), source }
}

/// Takes the prefix's lock and looks at everything; nothing in the prefix is changed.
pub fn prepare<'a>(wish: &'a Wish<'a>) -> Result<Prepared<'a>, JobError> {
    let recipe = wish.recipe;
    let home = wish.work.join("home");
    fs::create_dir_all(&home).map_err(io("make the directory", &home))?;
    let prefix = settings::path(&recipe.bootstrap.prefix);
    let place = hold::place(&prefix, wish.work);
    let held = hold::hold(&place, wish.wait, wish.cancel, |pid| wish.listener.event(&Event::Waiting(pid)))?;
    wish.listener.event(&Event::Step("look at the tree"));
    let tree = Tree::open(&source(wish)?, wish.work, &crate::base::event::Silent)?;
    let epoch = match wish.epoch {
        Some(epoch) => epoch,
        None => settings::newest(tree.path()).map_err(io("read", tree.path()))?,
    };
    let flags = settings::Flags::of(recipe, &host::environment(&home, None, []), wish.work);
    let environment = settings::environment(recipe, &flags, &home, epoch);
    let mut findings = checks::recipe(recipe, &tree)?;
    findings.extend(checks::machine(wish, &environment));
    let site = bootstrap::Site {
        tree: &tree,
        prefix: &prefix,
        work: wish.work,
        unprivileged: recipe.bootstrap.unprivileged,
        environment: &environment,
    };
    // Without a shell or a compiler what can be refused is what needs neither, and told with them.
    let early = || errors(findings.iter().cloned().chain(refused(&site.refusals())).collect());
    let usage = match bootstrap::usage(&tree, &recipe.bootstrap.shell, &environment) {
        Ok(usage) => usage,
        Err(_) if has_errors(&findings) => return Err(early()),
        Err(error) => return Err(error.into()),
    };
    let compiler = recipe.toolchain.cc.as_deref().unwrap_or(settings::COMPILER);
    let Ok(toolchain) = host::toolchain(compiler, &environment, wish.work) else { return Err(early()) };
    let prepared = Prepared { wish, tree, usage, environment, toolchain, flags, epoch, held, findings };
    if !has_errors(&prepared.findings) {
        // Before the prefix is looked at: one of another lock says less than the field that differs.
        prepared.hold_recipe_to_lock()?;
    }
    let refusals = refused(&prepared.request().refusals(&prepared.usage));
    let findings: Vec<Finding> = prepared.findings.iter().cloned().chain(refusals).collect();
    if has_errors(&findings) { Err(errors(findings)) } else { Ok(prepared) }
}

fn refused(refusals: &[bootstrap::Refusal]) -> Vec<Finding> {
    let finding = |refusal: &bootstrap::Refusal| {
        let finding = Finding::of_tree(Severity::Error, "bootstrap", refusal.to_string());
        Finding { help: refusal.help(), ..finding }
    };
    refusals.iter().map(finding).collect()
}

fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

fn errors(mut findings: Vec<Finding>) -> JobError {
    findings.sort();
    JobError::Findings(findings)
}

fn source(wish: &Wish<'_>) -> Result<Source, JobError> {
    let base = match (&wish.recipe.tree.from, wish.fetched_tree) {
        (crate::recipe::Source::Path(path), _) => wish.directory.join(path),
        (crate::recipe::Source::Url(_), Some(present)) => present.place.clone(),
        (crate::recipe::Source::Url(url), None) => {
            let found = format!("the tree is not there yet: {url}");
            return Err(errors(vec![
                Finding::of_tree(Severity::Error, "tree", found).help("run 'relocate fetch' first"),
            ]));
        }
    };
    let base = if base.is_dir() { Base::Directory(base) } else { Base::Archive(base) };
    let overlays = wish.recipe.tree.overlays.iter().map(|overlay| wish.directory.join(overlay)).collect();
    Ok(Source { base, overlays })
}

impl Prepared<'_> {
    fn request(&self) -> bootstrap::Request<'_> {
        let asked = &self.wish.recipe.bootstrap;
        bootstrap::Request {
            tree: &self.tree,
            prefix: &asked.prefix,
            unprivileged: asked.unprivileged,
            prefer_pkgsrc: Some(&asked.prefer_pkgsrc),
            shell: &asked.shell,
            jobs: Some(u32::from(self.jobs())),
            arguments: &asked.arguments,
            environment: &self.environment,
            toolchain: &self.toolchain,
            kits: None,
            work: self.wish.work,
        }
    }

    fn jobs(&self) -> u16 {
        match self.wish.recipe.bootstrap.jobs {
            0 => u16::try_from(self.wish.jobs).unwrap_or(u16::MAX),
            jobs => jobs,
        }
    }

    /// Makes the prefix, or what is missing of it.
    pub fn build(self) -> Result<Staged, JobError> {
        let site = self.site();
        let asked = self.ask(&site)?;
        self.hold_to_lock(&asked)?;
        let all = self.all(&site, &asked)?;
        self.fetch(self.missing(&site, &asked, &all)?)?;
        let now = locked::lock(&self, &asked, Some(&sources::here(all, self.wish.distfiles)?));
        if let Some(locked) = self.wish.locked {
            locked::compare(locked, &now)?;
        }
        self.wish.listener.event(&Event::Packages(&asked.graph));
        let outcome = self.packages(&site, &asked.graph, &asked.keys)?;
        self.tell("links");
        links::make(self.wish, &site.prefix)?;
        let unneeded = self.unneeded(&site, &asked.graph)?;
        Ok(Staged { lock: now, graph: asked.graph, outcome, unneeded, epoch: self.epoch, held: self.held })
    }

    /// The packages and what each is made from; bootstraps first where there is no prefix yet, for only its bmake can say.
    pub fn ask(&self, site: &Site) -> Result<Asked, JobError> {
        let bootstrapped = self.bootstrap()?;
        self.settle(&bootstrapped)?;
        self.tell("ask for the packages");
        let digests = Digests::default();
        let requests: Vec<Request> = self.wish.recipe.packages.iter().map(settings::request).collect();
        let jobs = usize::from(self.jobs());
        let graph = graph::graph(site, &digests, &requests, jobs, self.wish.cancel)?;
        let grounds = key::grounds(site, &digests, &graph, &settings::tools(&self.toolchain), jobs, self.wish.cancel)?;
        let keys = key::keys(&graph, &grounds);
        Ok(Asked { bootstrapped, graph, grounds, keys })
    }

    fn tell(&self, step: &'static str) {
        self.wish.listener.event(&Event::Step(step));
    }

    fn bootstrap(&self) -> Result<Bootstrapped, JobError> {
        self.tell("bootstrap");
        let watch = |step: bootstrap::Step<'_>| self.wish.listener.event(&Event::Bootstrap(step));
        let kits = self.wish.work.join("kits");
        let request = bootstrap::Request { kits: Some(&kits), ..self.request() };
        Ok(request.run(&self.usage, &watch, self.wish.cancel)?)
    }

    fn settle(&self, bootstrapped: &Bootstrapped) -> Result<(), JobError> {
        let text = settings::makefile(self.wish.recipe, &self.flags, self.shares().1, bootstrapped, &self.tree)
            .map_err(JobError::Settings)?;
        mkconf::install(&bootstrapped.etc, &text)?;
        Ok(())
    }

    /// Where it all happens.
    pub fn site(&self) -> Site {
        let asked = &self.wish.recipe.bootstrap;
        let epoch = ("SOURCE_DATE_EPOCH".into(), self.epoch.to_string().into());
        let also = asked.environment.iter().map(|(name, value)| (name.into(), value.into()));
        Site {
            tree: self.tree.path().to_owned(),
            prefix: settings::path(&asked.prefix),
            work: self.wish.work.to_owned(),
            environment: std::iter::once(epoch).chain(also).collect(),
            variables: vec![("DISTDIR".to_owned(), self.wish.distfiles.to_string_lossy().into_owned())],
            held: Some(Arc::clone(&self.held)),
        }
    }

    /// Packages side by side, and jobs in each: about as many of one as of the other, for either alone leaves processors idle.
    fn shares(&self) -> (usize, u32) {
        let jobs = u32::from(self.jobs().max(1));
        let side = (1..=jobs).find(|side| side * side >= jobs).unwrap_or(1);
        (side as usize, jobs.div_ceil(side))
    }

    /// Binary packages of this work directory.
    fn near(&self) -> DirStore {
        DirStore::new(&self.wish.work.join("store"))
    }

    fn packages(&self, site: &Site, graph: &Graph, keys: &[Digest]) -> Result<Outcome, JobError> {
        self.tell("packages");
        self.ordered(site, (graph, keys), schedule::build)
    }

    /// Which of these nodes a store has; what a shared one has is near then.
    fn gather(&self, site: &Site, (graph, keys): (&Graph, &[Digest]), nodes: &[usize]) -> Result<Vec<bool>, JobError> {
        self.ordered(site, (graph, keys), |order| schedule::gather(order, nodes))
    }

    fn ordered<T>(
        &self,
        site: &Site,
        (graph, keys): (&Graph, &[Digest]),
        carry_out: impl FnOnce(&Order<'_>) -> Result<T, BuildError>,
    ) -> Result<T, JobError> {
        let near = self.near();
        let told = Told { graph, listener: self.wish.listener };
        let order = Order {
            site,
            graph,
            keys,
            near: &near,
            far: self.wish.cache,
            jobs: self.shares().0,
            keep_going: self.wish.keep_going,
            epoch: self.epoch,
            listener: &told,
            cancel: self.wish.cancel,
        };
        Ok(carry_out(&order)?)
    }

    /// What the requested packages do not need to run; the prefix keeps it, for the next build needs it.
    fn unneeded(&self, site: &Site, graph: &Graph) -> Result<BTreeSet<String>, JobError> {
        let Some(first) = graph.nodes.first().filter(|_| self.wish.recipe.keep.requested_only) else {
            return Ok(BTreeSet::new());
        };
        let database = installed::location(site, &first.pkgpath, self.wish.cancel)?;
        let packages = installed::read(&database)?;
        let requested = graph.nodes.iter().filter(|node| node.is_requested).map(|node| node.pkgname.clone()).collect();
        let kept = installed::closure(&packages, &requested);
        Ok(packages.keys().filter(|name| !kept.contains(name.as_str())).cloned().collect())
    }
}

/// What a tree says of the packages of a recipe.
#[derive(Debug)]
pub struct Asked {
    /// How the prefix came about.
    pub bootstrapped: Bootstrapped,
    /// The packages, in the order of installation.
    pub graph: Graph,
    /// What each is made from.
    pub grounds: Vec<Grounds>,
    /// The key of each.
    pub keys: Vec<Digest>,
}

/// Passes on what is told of packages.
struct Told<'a> {
    graph: &'a Graph,
    listener: &'a dyn Listener,
}

impl schedule::Listener for Told<'_> {
    fn event(&self, event: &schedule::Event) {
        self.listener.event(&Event::Package(self.graph, event));
    }
}
