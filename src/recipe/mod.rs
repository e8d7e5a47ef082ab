//! Recipes: the text that says what `relocate build` builds, where from, and what becomes of it.
//!
//! Takes the text of a recipe and gives a [`Recipe`] in which every field is valid, or every problem with its place. What
//! only a machine or a pkgsrc tree can tell (whether a package exists, whether a prefix is free) is not asked here.

mod advice;
mod bootstrap;
mod form;
mod lock;
mod origin;
mod outcome;
mod pack;
mod package;
mod propose;
mod read;
mod template;
mod write;

pub use bootstrap::{Bootstrap, CFLAGS, Mk, Mneeded, SHELL, Toolchain};
pub use form::PkgPath;
pub use lock::{
    Difference, LOCK_SCHEMA, Lock, LockedBootstrap, LockedDistfile, LockedPackage, LockedToolchain, LockedTree,
    package_id,
};
pub use origin::{Fetch, Source, Tree};
pub use outcome::{Format, Keep, Output, OutputOwner, Smoke};
pub use pack::{Pack, TagWord};
pub use package::{Package, RelPathText};
pub use propose::{LENGTH as PROPOSED_LENGTH, prefix as propose_prefix};
pub use read::RecipeError;
pub use template::template;

use crate::base::path::{Prefix, RelPath};
use read::{Problems, Section, Wrong, document};
use std::collections::BTreeMap;

/// The number of the form that recipes have; it grows when a key changes its meaning or goes away.
pub const SCHEMA: u64 = 1;

/// A recipe, understood. Relative paths of the machine count from the directory it lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// What it is called: letters, digits, `.`, `_`, `+`, `-`; at most 40 bytes.
    pub name: String,
    /// The pkgsrc tree.
    pub tree: Tree,
    /// Where and how the packaging tools are built.
    pub bootstrap: Bootstrap,
    /// Compilers and their flags.
    pub toolchain: Toolchain,
    /// More variables of mk.conf.
    pub mk: Mk,
    /// By the name that follows `PKG_OPTIONS.`: words, each once, those switched off with `-`; as written.
    pub options: BTreeMap<String, Vec<String>>,
    /// The packages asked for, as written, none twice; at least one.
    pub packages: Vec<Package>,
    /// Symlinks inside the prefix: where, and their text.
    pub links: BTreeMap<RelPath, RelPathText>,
    /// What stays in the prefix.
    pub keep: Keep,
    /// How the archive is made and proven.
    pub pack: Pack,
    /// What the result must be able to do.
    pub smoke: Smoke,
    /// How sources are fetched.
    pub fetch: Fetch,
    /// The archive.
    pub output: Output,
}

impl Recipe {
    /// Understands a text. Gives every problem there is, in the order of the text; never an empty list.
    pub fn parse(text: &str) -> Result<Self, Vec<RecipeError>> {
        document(text, recipe)
    }

    /// Takes what a recipe may be called; else what is wrong, and what to do.
    pub fn check_name(text: &str) -> Result<String, (String, Option<String>)> {
        form::name(text).map_err(|wrong| (wrong.what, wrong.help))
    }

    /// Takes a prefix that a recipe may have; else what is wrong, and what to do.
    pub fn check_prefix(text: &str) -> Result<Prefix, (String, Option<String>)> {
        form::prefix(text).map_err(|wrong| (wrong.what, wrong.help))
    }
}

fn recipe(top: &mut Section<'_>, problems: &mut Problems<'_>) -> Recipe {
    schema(top, problems);
    let named = top.item("name");
    if named.is_none() {
        problems.missing(0, Wrong::new("the recipe has no name", "write name = \"...\" above the first [section]"));
    }
    let name = named.and_then(|item| item.text(problems, form::name)).unwrap_or_default();
    Recipe {
        packages: package::packages(top, problems),
        tree: top.section("tree", problems, origin::tree),
        bootstrap: top
            .section("bootstrap", problems, |section, problems| bootstrap::bootstrap(section, problems, &name)),
        toolchain: top.section("toolchain", problems, bootstrap::toolchain),
        mk: top.section("mk", problems, bootstrap::mk),
        options: top.section("options", problems, package::options),
        links: top.section("links", problems, package::links),
        keep: top.section("keep", problems, outcome::keep),
        pack: top.section("pack", problems, pack::pack),
        smoke: top.section("smoke", problems, outcome::smoke),
        fetch: top.section("fetch", problems, origin::fetch),
        output: top.section("output", problems, |section, problems| outcome::output(section, problems, &name)),
        name,
    }
}

/// The number of the form must be there, so that a later version knows what it reads.
fn schema(top: &mut Section<'_>, problems: &mut Problems<'_>) {
    let Some(item) = top.item("schema") else {
        problems.missing(
            0,
            Wrong::new("the recipe does not say its schema", format!("write schema = {SCHEMA} at its top")),
        );
        return;
    };
    match item.number() {
        Some(SCHEMA) => {}
        Some(newer) if newer > SCHEMA => {
            let help = format!("this version of relocate reads {SCHEMA}; take a newer one");
            item.wrong(Wrong::new(format!("schema {newer} is not known"), help), problems);
        }
        _ => {
            item.is_no::<()>(&format!("the number {SCHEMA}"), problems);
        }
    }
}

#[cfg(test)]
mod tests;
