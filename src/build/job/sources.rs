//! The source archives of a job: fetched before anything is compiled, and put down in the lock.

use super::{Asked, Event, JobError, Prepared, Wish};
use crate::base::child::Cancel;
use crate::build::digests::Digests;
use crate::build::distfile::{self, Distfile, FetchOptions, Fetched, Mirror};
use crate::build::site::Site;
use crate::recipe::{Lock, LockedDistfile};
use crate::web::Web;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Files at once, and from one server.
const AT_ONCE: usize = 8;
const PER_HOST: usize = 2;
/// How often one place is tried, and the first pause.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// How source archives are got.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// Makes the requests.
    pub web: &'a Web,
    /// Looked into before the sites of the tree.
    pub mirrors: &'a [Mirror],
}

/// The files that packages need, each as it is here now.
#[derive(Debug)]
pub struct Had {
    /// What was needed.
    pub files: Vec<Distfile>,
    /// What is here, in the same order.
    pub fetched: Fetched,
}

impl<'a> Sources<'a> {
    /// How files are fetched to `distdir`.
    pub fn options(self, distdir: &'a Path, cancel: &'a Cancel) -> FetchOptions<'a> {
        FetchOptions {
            distdir,
            mirrors: self.mirrors,
            web: self.web,
            jobs: AT_ONCE,
            per_host: PER_HOST,
            tries: TRIES,
            pause: PAUSE,
            cancel,
        }
    }
}

impl Prepared<'_> {
    /// Of all files, those of packages that have to be compiled here; a store has the others.
    pub(super) fn missing(&self, site: &Site, asked: &Asked, all: &[Distfile]) -> Result<Vec<Distfile>, JobError> {
        let given = self.given(site, asked)?;
        let nodes: Vec<usize> = (0..asked.graph.nodes.len()).filter(|at| !given[*at]).collect();
        let is_near = self.gather(site, (&asked.graph, &asked.keys), &nodes)?;
        let compiled = nodes.iter().zip(is_near).filter(|(_, is_near)| !is_near);
        let compiled: BTreeSet<&str> = compiled.map(|(at, _)| asked.graph.nodes[*at].pkgname.as_str()).collect();
        let is_needed = |file: &&Distfile| file.needed_by.iter().any(|name| compiled.contains(name.as_str()));
        Ok(all.iter().filter(is_needed).cloned().collect())
    }

    /// What all packages need.
    pub fn all(&self, site: &Site, asked: &Asked) -> Result<Vec<Distfile>, JobError> {
        let given = self.given(site, asked)?;
        let nodes: Vec<usize> = (0..asked.graph.nodes.len()).filter(|at| !given[*at]).collect();
        self.needed(site, asked, &nodes)
    }

    pub(super) fn needed(&self, site: &Site, asked: &Asked, nodes: &[usize]) -> Result<Vec<Distfile>, JobError> {
        let jobs = usize::from(self.jobs());
        Ok(distfile::needed(site, &Digests::default(), &asked.graph, nodes, jobs, self.wish.cancel)?)
    }

    /// Gets what is not here, or says of everything that is missing where it was looked for and where it belongs.
    pub fn fetch(&self, files: Vec<Distfile>) -> Result<Had, JobError> {
        if !files.is_empty() {
            self.tell("source archives");
        }
        let told = Told { files: &files, wish: self.wish };
        let fetched =
            distfile::fetch(&files, &self.wish.sources.options(self.wish.distfiles, self.wish.cancel), &told)?;
        Ok(Had { files, fetched })
    }
}

/// Of these files those that are here and right: what a lock can say of them does not depend on what was compiled this time.
pub(super) fn here(files: Vec<Distfile>, distdir: &Path) -> Result<Had, JobError> {
    let present = distfile::present(&files, distdir)?;
    let (files, there) = files.into_iter().zip(present).filter_map(|(file, there)| Some((file, there?.ok()?))).unzip();
    Ok(Had { files, fetched: Fetched { files: there } })
}

struct Told<'a> {
    files: &'a [Distfile],
    wish: &'a Wish<'a>,
}

impl distfile::Listener for Told<'_> {
    fn event(&self, event: &distfile::Event) {
        self.wish.listener.event(&Event::Source(self.files, event));
    }
}

/// Puts the files' sums into the lock. A package whose files were not needed this time keeps those of `kept`, where its key is
/// the same.
pub(super) fn put_down(lock: &mut Lock, kept: Option<&Lock>, had: Option<&Had>) {
    for (id, package) in &mut lock.packages {
        let before = kept.and_then(|kept| kept.packages.get(id)).filter(|before| before.key == package.key);
        package.distfiles = before.map(|before| before.distfiles.clone()).unwrap_or_default();
        for (file, present) in had.iter().flat_map(|had| had.files.iter().zip(&had.fetched.files)) {
            if file.needed_by.contains(&package.pkgname) {
                package.distfiles.insert(file.path(), LockedDistfile { sha256: present.sha256, size: present.size });
            }
        }
    }
}
