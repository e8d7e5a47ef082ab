//! The links of a recipe, inside the prefix: made, and removed again when the recipe no longer has them. A file of a package is
//! never touched.

use super::{JobError, Wish, io};
use crate::base::finding::{Finding, Severity};
use crate::base::path::RelPath;
use crate::base::write::record;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

/// What was made, in the work directory.
const MADE: &str = "links.json";

/// The links that were made and their texts; directories made for them have none.
type Made = BTreeMap<RelPath, Vec<u8>>;

/// Makes the links; one that is there and leads where it should is left.
pub(super) fn make(wish: &Wish<'_>, prefix: &Path) -> Result<(), JobError> {
    let file = wish.work.join(MADE);
    let mut made: Made = match fs::read(&file) {
        // A record that cannot be read says nothing; what is in the way is then told below.
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => Made::new(),
    };
    forget(&mut made, &wish.recipe.links, prefix)?;
    let mut in_the_way = Vec::new();
    for (path, text) in &wish.recipe.links {
        let place = path.under(prefix);
        if leads(&place).as_ref() == Some(text) {
            continue;
        }
        // Written down first: a run that is killed between the two leaves nothing that the next one does not know.
        let missing = std::iter::successors(path.parent(), RelPath::parent);
        made.extend(missing.take_while(|dir| !dir.under(prefix).exists()).map(|dir| (dir, Vec::new())));
        made.insert(path.clone(), text.clone());
        keep(&file, &made)?;
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(io("make the directory", parent))?;
        }
        match symlink(OsStr::from_bytes(text), &place) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => in_the_way.push(taken(path)),
            made => made.map_err(io("make the link", &place))?,
        }
    }
    if in_the_way.is_empty() { Ok(()) } else { Err(JobError::Findings(in_the_way)) }
}

/// Removes what the recipe no longer has, and the directories that were made for it and are empty then.
fn forget(made: &mut Made, wanted: &Made, prefix: &Path) -> Result<(), JobError> {
    for (path, text) in made.iter().filter(|(path, text)| !text.is_empty() && wanted.get(*path) != Some(*text)) {
        let place = path.under(prefix);
        if leads(&place).as_ref() == Some(text) {
            fs::remove_file(&place).map_err(io("remove the link", &place))?;
        }
    }
    // What lies in a directory comes after it. One that others use by now is not empty, and stays.
    for path in made.iter().rev().filter(|(_, text)| text.is_empty()).map(|(path, _)| path) {
        let _ = fs::remove_dir(path.under(prefix));
    }
    made.retain(
        |path, text| if text.is_empty() { path.under(prefix).is_dir() } else { wanted.get(path) == Some(text) },
    );
    Ok(())
}

fn keep(file: &Path, made: &Made) -> Result<(), JobError> {
    let bytes = serde_json::to_vec(made).unwrap_or_default();
    record(file, &bytes).map_err(|error| io("write", file)(Error::other(error)))
}

fn taken(path: &RelPath) -> Finding {
    let found = format!("the link {} cannot be made: a file of a package is there", path.display());
    Finding::of_tree(Severity::Error, "link", found).help("take it out of [links], or give it another name")
}

fn leads(place: &Path) -> Option<Vec<u8>> {
    fs::read_link(place).ok().map(|text| text.as_os_str().as_bytes().to_vec())
}
