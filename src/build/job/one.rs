//! One package of a recipe, for an engine that hands packages out to machines: what it needs comes from the shared cache, and it
//! goes there. Refused: a key that is none of the recipe's here, needs that the cache does not have.

use super::{Asked, Event, JobError, Prepared, locked};
use crate::base::digest::Digest;
use crate::build::installed;
use crate::build::schedule;
use crate::build::site::Site;
use crate::recipe::Lock;
use std::fmt;

/// What became of the one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct One {
    /// Its name with its version.
    pub pkgname: String,
    /// Where it is in the tree.
    pub pkgpath: String,
    /// Whether bootstrap brings it, so that there was nothing to make.
    pub is_given: bool,
}

/// Why the one package cannot be made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OneError {
    /// No package of the recipe has this key here.
    NoSuchKey {
        /// What was asked for.
        key: Digest,
        /// The package that was meant and its key here, where the caller said which and the recipe has it.
        meant: Option<(String, Digest)>,
    },
    /// The cache lacks what the package needs.
    Missing {
        /// The package.
        pkgname: String,
        /// What is missing, in the order of installation: names and keys.
        needs: Vec<(String, Digest)>,
    },
}

impl fmt::Display for OneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchKey { key, meant: Some((pkgname, here)) } => {
                write!(f, "{pkgname} has the key {here} here, not {key}")
            }
            Self::NoSuchKey { key, meant: None } => write!(f, "no package of the recipe has the key {key} here"),
            Self::Missing { pkgname, needs } => {
                write!(f, "{pkgname} needs packages that the cache does not have:")?;
                needs.iter().try_for_each(|(name, key)| write!(f, "\n  {name} {key}"))
            }
        }
    }
}

impl std::error::Error for OneError {}

impl OneError {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::NoSuchKey { .. } => {
                "the tree, the recipe, the compiler or the prefix is not what it was for the plan: '--locked' names the field; \
                 or make the plan again here"
            }
            Self::Missing { .. } => "build those first, into the same cache",
        }
        .to_owned()
    }
}

impl Prepared<'_> {
    /// Makes the package of this key and puts it into the cache, with what it needs from there; `meant` is its name, to be told where the
    /// key is another here. A wish without a cache has nothing to take from.
    pub fn build_one(self, key: Digest, meant: Option<&str>) -> Result<One, JobError> {
        let site = self.site();
        let asked = self.ask(&site)?;
        self.hold_to_lock(&asked)?;
        let node = find(&asked, key, meant)?;
        let given = self.given(&site, &asked)?;
        let known = &asked.graph.nodes[node];
        let one = One { pkgname: known.pkgname.clone(), pkgpath: known.pkgpath.clone(), is_given: given[node] };
        if one.is_given {
            return Ok(one);
        }
        let (graph, numbers) = asked.graph.narrowed(node);
        let mut needs = Vec::new();
        for at in numbers.iter().copied().filter(|at| *at != node && !given[*at]) {
            if !self.has(asked.keys[at])? {
                needs.push((asked.graph.nodes[at].pkgname.clone(), asked.keys[at]));
            }
        }
        if !needs.is_empty() {
            return Err(OneError::Missing { pkgname: one.pkgname, needs }.into());
        }
        self.fetch(self.needed(&site, &asked, &[node])?)?;
        let keys: Vec<Digest> = numbers.iter().map(|at| asked.keys[*at]).collect();
        self.wish.listener.event(&Event::Packages(&graph));
        self.packages(&site, &graph, &keys)?;
        self.hand_over(key)?;
        Ok(one)
    }

    /// Which packages bootstrap has brought, in the order of the graph: nobody has to make them.
    pub fn given(&self, site: &Site, asked: &Asked) -> Result<Vec<bool>, JobError> {
        let Some(first) = asked.graph.nodes.first() else { return Ok(Vec::new()) };
        let packages = installed::read(&installed::location(site, &first.pkgpath, self.wish.cancel)?)?;
        Ok(asked.graph.nodes.iter().map(|node| schedule::is_given(node, &packages)).collect())
    }

    /// Refuses what differs from the lock in all that no package has to be asked for, where one must hold.
    pub(super) fn hold_recipe_to_lock(&self) -> Result<(), JobError> {
        let planned = self.request().planned(&self.usage);
        let (Some(kept), Some(arguments)) = (self.wish.locked, planned) else { return Ok(()) };
        locked::compare(kept, &Lock { packages: kept.packages.clone(), ..locked::recipe(self, &arguments) })
    }

    /// Refuses what differs from the lock, where one must hold.
    pub fn hold_to_lock(&self, asked: &Asked) -> Result<(), JobError> {
        self.wish.locked.map_or(Ok(()), |lock| locked::compare(lock, &locked::lock(self, asked, None)))
    }

    fn has(&self, key: Digest) -> Result<bool, JobError> {
        Ok(self.wish.cache.map_or(Ok(false), |cache| cache.has(key))?)
    }

    /// Others wait for this one: what is only a warning for a whole build, a cache that took nothing, is an error here.
    fn hand_over(&self, key: Digest) -> Result<(), JobError> {
        match self.wish.cache {
            Some(cache) if !cache.has(key)? => Ok(cache.put(key, &self.near().place(key))?),
            _ => Ok(()),
        }
    }
}

fn find(asked: &Asked, key: Digest, meant: Option<&str>) -> Result<usize, OneError> {
    let named = |name: &str| asked.graph.nodes.iter().position(|node| node.pkgname == name);
    asked.keys.iter().position(|known| *known == key).ok_or_else(|| OneError::NoSuchKey {
        key,
        meant: meant.and_then(named).map(|at| (asked.graph.nodes[at].pkgname.clone(), asked.keys[at])),
    })
}
