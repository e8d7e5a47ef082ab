//! `[tree]` and `[fetch]`: where sources come from.

use super::form;
use super::read::{Problems, Section, Wrong};
use crate::base::digest::Digest;
use std::path::PathBuf;

/// Where a pkgsrc tree comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An archive at an http or https address.
    Url(String),
    /// A directory or an archive of this machine; a relative path counts from where the recipe lies.
    Path(PathBuf),
}

impl Source {
    /// The text that a recipe has for it.
    pub fn text(&self) -> String {
        match self {
            Self::Url(url) => url.clone(),
            Self::Path(path) => path.to_string_lossy().into_owned(),
        }
    }
}

/// `[tree]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// What it is.
    pub from: Source,
    /// The sum of the archive; `None`: that of the lock, or none yet.
    pub sha256: Option<Digest>,
    /// Directories laid over it, in this order: the last one wins.
    pub overlays: Vec<PathBuf>,
}

/// `[fetch]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fetch {
    /// Where source archives are looked for before the sites that the tree names, in this order.
    pub mirrors: Vec<Source>,
    /// Never connect.
    pub offline: bool,
    /// The directory of source archives; `None`: one below the work directory.
    pub distfiles: Option<PathBuf>,
}

pub(super) fn tree(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Tree {
    let item = section.item("from");
    if item.is_none() {
        let help = "write from = \"URL, directory or archive\" below [tree]";
        problems.missing(section.at(), Wrong::new("nothing says where the pkgsrc tree is", help));
    }
    let from = item.as_ref().and_then(|item| item.text(problems, source));
    let sha256 = section.text("sha256", problems, form::sha256);
    let overlays = section.texts("overlays", problems, form::path);
    let from = from.unwrap_or_else(|| Source::Path(PathBuf::new()));
    Tree { from, sha256, overlays }
}

pub(super) fn fetch(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Fetch {
    Fetch {
        mirrors: section.texts("mirrors", problems, source),
        offline: section.flag("offline", problems).unwrap_or(false),
        distfiles: section.text("distfiles", problems, form::path),
    }
}

/// An address, or a path.
fn source(text: &str) -> Result<Source, Wrong> {
    if text.starts_with("file:") {
        return form::file_url(text).map(Source::Path);
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    if scheme.is_some_and(|scheme| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return form::url(text).map(Source::Url);
    }
    form::path(text).map(Source::Path)
}
