//! What speaks against a recipe before any work: names the tree does not have, and a machine that cannot build.

use super::Wish;
use super::settings::{self, COMPILER};
use crate::base::finding::{Finding, Severity};
use crate::base::near::nearest;
use crate::build::host::{self, Environment, Room, Wanted};
use crate::build::tree::{ACCEPTING, Tree, TreeError, nearest_pkgpath};
use crate::recipe::Recipe;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What a bootstrap and its objects take, about.
const BOOTSTRAP_ROOM: u64 = 512 << 20;
/// What a package and its objects take on the way, about.
const PACKAGE_ROOM: u64 = 256 << 20;

/// What the recipe names and the tree does not have.
pub(super) fn recipe(recipe: &Recipe, tree: &Tree) -> Result<Vec<Finding>, TreeError> {
    let mut findings = packages(recipe, tree)?;
    findings.extend(options(recipe, tree));
    findings.extend(variables(recipe, tree)?);
    findings.extend(licences(recipe, tree));
    Ok(findings)
}

fn packages(recipe: &Recipe, tree: &Tree) -> Result<Vec<Finding>, TreeError> {
    let unknown: Vec<&str> =
        recipe.packages.iter().map(|package| package.path.as_str()).filter(|path| !tree.has(path)).collect();
    let known = if unknown.is_empty() { Vec::new() } else { tree.pkgpaths()? };
    let finding = |path: &&str| {
        let finding = Finding::of_tree(Severity::Error, "pkgpath", format!("the tree has no package '{path}'"));
        match nearest_pkgpath(path, &known) {
            Some(near) => finding.help(format!("did you mean '{near}'?")),
            None => finding,
        }
    };
    Ok(unknown.iter().map(finding).collect())
}

/// Options of requested packages, as far as their makefiles say plainly what they support; the rest bmake will say.
fn options(recipe: &Recipe, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (package, words) in &recipe.options {
        let named = recipe.packages.iter().find(|asked| asked.path.name() == package && tree.has(asked.path.as_str()));
        let Some(asked) = named else { continue };
        let written = tree.options_written(asked.path.as_str());
        let supported: Vec<String> = written.supported.into_iter().collect();
        if !written.complete {
            continue;
        }
        for word in words {
            let option = word.trim_start_matches('-');
            if supported.iter().any(|known| known == option) {
                continue;
            }
            let found = format!("{} has no option '{option}'", asked.path.as_str());
            let help = match nearest(option, supported.iter().map(String::as_str)) {
                Some(near) => format!("did you mean '{near}'?"),
                None if supported.is_empty() => "it has no options".to_owned(),
                None => format!("it has {}", supported.join(", ")),
            };
            findings.push(Finding::of_tree(Severity::Error, "option", found).help(help));
        }
    }
    findings
}

/// Licences of requested packages that nobody has accepted, as far as makefiles say it plainly. A prefix that is there has a
/// bmake, which knows more and answers at once.
fn licences(recipe: &Recipe, tree: &Tree) -> Vec<Finding> {
    let settings = || [&recipe.mk.set, &recipe.mk.append, &recipe.bootstrap.environment].into_iter().flatten();
    let is_off = settings().any(|(name, _)| ["SKIP_LICENSE_CHECK", "_ACCEPTABLE"].contains(&name.as_str()));
    if is_off || settings::path(&recipe.bootstrap.prefix).join("bin/bmake").exists() {
        return Vec::new();
    }
    let accepting = settings().filter(|(name, _)| ACCEPTING.contains(&name.as_str()));
    let accepted = accepting.flat_map(|(_, value)| value.split_whitespace().map(str::to_owned)).collect();
    let packages: BTreeSet<&str> = recipe.packages.iter().map(|package| package.path.as_str()).collect();
    let finding = |pkgpath: &&str| {
        let licences: Vec<String> = tree.licences_to_accept(pkgpath, &accepted).into_iter().collect();
        let found = format!("{pkgpath} has a licence that is not accepted: {}", licences.join(", "));
        let line = format!("to accept it, add ACCEPTABLE_LICENSES = \"{}\" below [mk.append]", licences.join(" "));
        (!licences.is_empty()).then(|| Finding::of_tree(Severity::Error, "licence", found).help(line))
    };
    packages.iter().filter_map(finding).collect()
}

/// Variables that nothing in the tree reads: a misspelt one is ignored without a word.
fn variables(recipe: &Recipe, tree: &Tree) -> Result<Vec<Finding>, TreeError> {
    let names: BTreeSet<String> = recipe.mk.set.keys().chain(recipe.mk.append.keys()).cloned().collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = names.into_iter().collect();
    let finding = |unread: crate::build::tree::Unread| {
        let found = format!("nothing in the tree reads the variable {}", unread.name);
        let finding = Finding::of_tree(Severity::Warning, "variable-unread", found);
        match unread.nearest {
            Some(near) => finding.help(format!("did you mean {near}?")),
            None => finding,
        }
    };
    Ok(tree.unread(&names)?.into_iter().map(finding).collect())
}

/// What this machine lacks.
pub(super) fn machine(wish: &Wish<'_>, environment: &Environment) -> Vec<Finding> {
    let recipe = wish.recipe;
    let packages = PACKAGE_ROOM.saturating_mul(recipe.packages.len() as u64);
    let rooms = [
        Room { directory: wish.work.to_owned(), bytes: BOOTSTRAP_ROOM.saturating_add(packages) },
        Room { directory: settings::path(&recipe.bootstrap.prefix), bytes: packages },
    ];
    let outputs: [PathBuf; 1] = [wish.directory.join(&recipe.output.file)];
    host::check(&Wanted {
        cc: recipe.toolchain.cc.as_deref().unwrap_or(COMPILER),
        shell: &recipe.bootstrap.shell,
        environment,
        rooms: &rooms,
        outputs: &outputs,
        work: wish.work,
    })
}
