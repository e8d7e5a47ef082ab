//! Everything a bootstrapped prefix depends on, and the digest of it: what a kit is kept under.
//!
//! Of the tree only what bootstrap reads counts: its own directory, `mk`, the packages it names and those that these name.
//! A new version of any other package leaves the kit good. Where it worked and with how many jobs does not count.

use super::record::{Record, State};
use super::{Refusal, Request};
use crate::base::digest::{Digest, Digester};
use crate::build::tree::digest::digest_of;
use crate::build::tree::{Tree, TreeError};
use crate::build::usage::Arguments;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The record of a bootstrap that has not begun.
pub(super) fn key(request: &Request<'_>, arguments: &Arguments) -> Result<Record, Refusal> {
    let mut fields = BTreeMap::from([
        ("prefix".to_owned(), request.prefix.display().into_owned()),
        ("shell".to_owned(), request.shell.display().to_string()),
        ("compiler".to_owned(), format!("{} for {}", request.toolchain.compiler, request.toolchain.target)),
        ("linker".to_owned(), request.toolchain.linker.clone()),
        ("C library".to_owned(), request.toolchain.libc.clone()),
        ("tree".to_owned(), of_tree(request.tree).map_err(Refusal::Tree)?.to_string()),
    ]);
    let place = |argument: &&String| !argument.starts_with("--workdir=") && !argument.starts_with("--make-jobs=");
    let counted: Vec<_> = arguments.list.iter().filter(place).map(String::as_str).collect();
    fields.insert("arguments".to_owned(), counted.join(" "));
    for (name, value) in request.environment.iter().filter(|(name, _)| *name != "HOME") {
        fields.insert(format!("variable {}", name.display()), value.display().to_string());
    }
    let mut whole = Digester::default();
    for (name, value) in &fields {
        whole.update(format!("{}:{name}={}:{value}", name.len(), value.len()).as_bytes());
    }
    Ok(Record { state: State::Begun, key: whole.finish(), fields, inode: None })
}

/// The digest of the parts of the tree that bootstrap reads.
fn of_tree(tree: &Tree) -> Result<Digest, TreeError> {
    let mut parts = BTreeSet::from(["bootstrap".to_owned(), "mk".to_owned()]);
    parts.extend(packages(tree)?);
    let mut whole = Digester::default();
    for part in parts {
        whole.update(part.as_bytes());
        whole.update(&digest_of(&tree.path().join(&part), None)?.bytes());
    }
    Ok(whole.finish())
}

/// The packages that the bootstrap script names, and those that their makefiles name, and so on.
fn packages(tree: &Tree) -> Result<BTreeSet<String>, TreeError> {
    let script = fs::read(tree.bootstrap_script()).map_err(TreeError::read(&tree.bootstrap_script()))?;
    let mut ahead = named(&script, tree);
    let mut packages = BTreeSet::new();
    while let Some(package) = ahead.pop() {
        if packages.insert(package.clone()) {
            for makefile in makefiles(&tree.path().join(&package)).map_err(TreeError::read(tree.path()))? {
                let text = fs::read(&makefile).map_err(TreeError::read(&makefile))?;
                ahead.extend(named(&text, tree));
            }
        }
    }
    Ok(packages)
}

fn makefiles(dir: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    let paths = fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path()));
    let paths = paths.collect::<std::io::Result<Vec<_>>>()?;
    let is_makefile = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_file() && (name.starts_with("Makefile") || name.ends_with(".mk"))
    };
    Ok(paths.into_iter().filter(is_makefile).collect())
}

/// Every `category/name` in a text that is a package of the tree.
fn named(text: &[u8], tree: &Tree) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "_+-./".contains(c)));
    let pairs = words.filter_map(|word| {
        let mut parts = word.split('/').filter(|part| !part.is_empty() && *part != "..");
        Some(format!("{}/{}", parts.next()?, parts.next()?))
    });
    pairs.collect::<BTreeSet<_>>().into_iter().filter(|pkgpath| tree.has(pkgpath)).collect()
}
