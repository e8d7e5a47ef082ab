//! The lock of a build: everything its result depends on, and the difference to one that was kept.

use super::{Asked, Had, JobError, Prepared, sources};
use crate::recipe::{Difference, Lock, LockedBootstrap, LockedPackage, LockedToolchain, LockedTree, package_id};
use std::collections::BTreeMap;
use std::fmt;

/// The differences between a lock and what is there now; at least one.
#[derive(Debug)]
pub struct Drift(Vec<Difference>);

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what is there now is not what the lock says:")?;
        for difference in &self.0 {
            write!(f, "\n  {difference}")?;
        }
        Ok(())
    }
}

/// Refuses what differs.
pub(super) fn compare(locked: &Lock, now: &Lock) -> Result<(), JobError> {
    let differences = locked.differences(now);
    if differences.is_empty() { Ok(()) } else { Err(JobError::Drift(Drift(differences))) }
}

/// The lock without packages, as it is now: what is known before the tree was asked for them.
pub(super) fn recipe(prepared: &Prepared<'_>, arguments: &[String]) -> Lock {
    let recipe = prepared.wish.recipe;
    // Neither where it worked nor with how many jobs changes what comes out; the second differs from machine to machine.
    let place = |argument: &&String| !argument.starts_with("--workdir=") && !argument.starts_with("--make-jobs=");
    Lock {
        schema: crate::recipe::LOCK_SCHEMA,
        source_date_epoch: prepared.epoch,
        tree: LockedTree {
            from: recipe.tree.from.text(),
            digest: prepared.tree.digest(),
            sha256: prepared.wish.fetched_tree.map(|present| present.sha256).or(recipe.tree.sha256),
            overlays: recipe.tree.overlays.iter().map(|overlay| overlay.to_string_lossy().into_owned()).collect(),
        },
        bootstrap: LockedBootstrap {
            arguments: arguments.iter().filter(place).cloned().collect(),
            environment: recipe.bootstrap.environment.clone(),
        },
        toolchain: LockedToolchain {
            compiler: prepared.toolchain.cc.to_string_lossy().into_owned(),
            version: prepared.toolchain.compiler.clone(),
            linker: prepared.toolchain.linker.clone(),
            libc: prepared.toolchain.libc.clone(),
            cflags: prepared.flags.cflags.clone(),
            cxxflags: prepared.flags.cxxflags.clone(),
            ldflags: prepared.flags.ldflags.clone(),
        },
        packages: BTreeMap::new(),
    }
}

/// The lock of what was asked for, as it is now; `had` is what was fetched for it.
pub(super) fn lock(prepared: &Prepared<'_>, asked: &Asked, had: Option<&Had>) -> Lock {
    let package = |at: usize| {
        let node = &asked.graph.nodes[at];
        let variables: BTreeMap<String, String> = node.multi.iter().cloned().collect();
        let mut options = asked.grounds[at].options.clone();
        let mut depends = node.depends.clone();
        options.sort();
        depends.sort();
        let locked = LockedPackage {
            pkgpath: node.pkgpath.clone(),
            pkgname: node.pkgname.clone(),
            variables: variables.clone(),
            options,
            depends,
            key: asked.keys[at],
            distfiles: BTreeMap::new(),
        };
        (package_id(&node.pkgpath, &variables), locked)
    };
    let packages = (0..asked.graph.nodes.len()).map(package).collect();
    let mut lock = Lock { packages, ..recipe(prepared, &asked.bootstrapped.arguments) };
    sources::put_down(&mut lock, prepared.wish.kept, had);
    lock
}
