//! `packages`, `[options]` and `[links]`: what is to be in the prefix.

use super::bootstrap::value;
use super::form::{self, PkgPath};
use super::read::{Item, Problems, Section, Wrong, above};
use crate::base::path::{RelPath, parts};
use std::collections::{BTreeMap, BTreeSet};

/// One package that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its directory in the tree.
    pub path: PkgPath,
    /// Multi-version variables, such as `PYTHON_VERSION_REQD` = `27`; empty: what the tree takes by default.
    pub with: BTreeMap<String, String>,
}

/// The packages in the order of the text.
pub(super) fn packages(top: &mut Section<'_>, problems: &mut Problems<'_>) -> Vec<Package> {
    let example = "write packages = [\"www/nginx\"] above the first [section]";
    let Some(item) = top.item("packages") else {
        problems.missing(top.at(), Wrong::new("there are no packages", example));
        return Vec::new();
    };
    if !item.is_list() {
        item.is_no::<()>("a list, such as [\"www/nginx\"],", problems);
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut packages = Vec::new();
    for item in item.list() {
        let Some(package) = package(&item, problems) else { continue };
        if seen.insert(package.clone()) {
            packages.push(package);
        } else {
            item.wrong(Wrong::new(format!("{} is there twice", package.path), "keep one of them"), problems);
        }
    }
    if item.list().is_empty() {
        item.wrong(Wrong::new("the list is empty", example), problems);
    }
    packages
}

/// `"www/nginx"`, or a table with `path` and `with`.
fn package(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<Package> {
    if !item.is_table() {
        return item.text(problems, form::pkgpath).map(|path| Package { path, with: BTreeMap::new() });
    }
    let mut section = item.section(problems);
    let written = section.item("path");
    if written.is_none() {
        item.wrong(Wrong::new("it has no path", "write path = \"category/name\""), problems);
    }
    let path = written.and_then(|item| item.text(problems, form::pkgpath));
    let with = section.section("with", problems, variables);
    section.end(problems);
    path.map(|path| Package { path, with })
}

fn variables(section: &mut Section<'_>, problems: &mut Problems<'_>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for (item, name) in section.free() {
        match form::variable(name) {
            Ok(name) => variables.extend(value(&item, problems).map(|value| (name, value))),
            Err(wrong) => item.misnamed(wrong, problems),
        }
    }
    variables
}

/// `[options]`: by the name that follows `PKG_OPTIONS.`, the words in the order of the text.
pub(super) fn options(section: &mut Section<'_>, problems: &mut Problems<'_>) -> BTreeMap<String, Vec<String>> {
    let mut options = BTreeMap::new();
    for (item, name) in section.free() {
        if let Err(wrong) = package_of_options(name, &item) {
            item.misnamed(wrong, problems);
            continue;
        }
        options.insert(name.to_owned(), option_words(&item, problems));
    }
    options
}

fn package_of_options(name: &str, item: &Item<'_>) -> Result<(), Wrong> {
    if name == "packages" && item.is_list() {
        return Err(Wrong::new("'packages' is taken for the options of a package of that name", above(name)));
    }
    if let Some(path) = PkgPath::new(name) {
        let help = format!("write what follows PKG_OPTIONS. in the package's makefile, mostly '{}'", path.name());
        return Err(Wrong::new(format!("'{name}' is a path, and options go by name"), help));
    }
    form::variable(&format!("x.{name}")).map(|_| ()).map_err(|_| {
        let found = format!("'{}' is no name of a package", name.escape_debug());
        Wrong::new(found, "write what follows PKG_OPTIONS. in the package's makefile")
    })
}

/// `"a -b"` or `["a", "-b"]`.
fn option_words(item: &Item<'_>, problems: &mut Problems<'_>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for item in item.list() {
        let Some(text) = item.text(problems, form::line) else { continue };
        for word in text.split_whitespace() {
            let bare = |word: &str| word.trim_start_matches('-').to_owned();
            let same = words.iter().find(|known| bare(known) == bare(word));
            let wrong = match (form::option(word), same) {
                (Err(wrong), _) => Some(wrong),
                (_, Some(same)) if same == word => {
                    Some(Wrong::new(format!("'{word}' is there twice"), "keep one of them"))
                }
                (_, Some(same)) => Some(Wrong::new(format!("it has both '{same}' and '{word}'"), "keep one of them")),
                _ => None,
            };
            match wrong {
                Some(wrong) => item.wrong(wrong, problems),
                None => words.push(word.to_owned()),
            }
        }
    }
    words
}

/// `[links]`: where a symlink is to be, and its text, relative to the directory it lies in.
pub(super) fn links(section: &mut Section<'_>, problems: &mut Problems<'_>) -> BTreeMap<RelPath, RelPathText> {
    let mut links = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (item, name) in section.free() {
        let link = match form::inside(name) {
            Ok(link) => link,
            Err(wrong) => {
                item.misnamed(wrong, problems);
                continue;
            }
        };
        if let Some(target) = item.text(problems, |text| target(&link, text)) {
            places.insert(link.clone(), (item.at, item.field.clone()));
            links.insert(link, target);
        }
    }
    for link in links.keys().filter(|link| circles(link, &links)) {
        if let Some((at, field)) = places.get(link) {
            let found = format!("{field}: following it leads back to it");
            problems.add(*at, Wrong::new(found, "let it name a file that a package installs"));
        }
    }
    links
}

/// The text of a symlink, relative to the directory it lies in; it does not lead out of the prefix.
pub type RelPathText = Vec<u8>;

fn target(link: &RelPath, text: &str) -> Result<RelPathText, Wrong> {
    form::filled(text)?;
    if text.starts_with('/') {
        let help = format!("write the way from the directory of {link}, as 'ln -s' takes it");
        return Err(Wrong::new(format!("'{text}' is absolute"), help));
    }
    match leads_to(link, text.as_bytes()) {
        Some(to) if to.is_root() => Err(Wrong::new("it is the prefix itself", "name a file or directory in it")),
        Some(_) => Ok(text.as_bytes().to_vec()),
        None => {
            let help = format!("'..' counts from the directory of {link}");
            Err(Wrong::new(format!("'{text}' leads out of the prefix"), help))
        }
    }
}

/// What a link's text means inside the prefix, by text alone; `None` if it is outside.
fn leads_to(link: &RelPath, text: &[u8]) -> Option<RelPath> {
    let mut place = link.parent()?;
    for part in parts(text) {
        place = if part == b".." { place.parent()? } else { place.join(part) };
    }
    Some(place)
}

/// Whether following a link through the other links comes back to one seen before.
fn circles(link: &RelPath, links: &BTreeMap<RelPath, RelPathText>) -> bool {
    let mut place = link.clone();
    for _ in 0..=links.len() {
        let Some(next) = links.get(&place).and_then(|text| leads_to(&place, text)) else { return false };
        place = next;
    }
    true
}
