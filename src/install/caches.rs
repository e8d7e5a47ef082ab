//! What Python compiled in the tree since it was packed goes when its source gets another path.
//!
//! Python compares time and size of a source with those in the compiled file. Both stay when a path is replaced by another one of
//! the same length, so it would go on with the old path. Only files that the record does not know, or not as they are, are
//! removed; Python makes them again.

use super::look::{Decided, File, MoveError};
use super::sums::is_known;
use crate::base::path::RelPath;
use crate::base::write;
use crate::text::pyc;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;

/// Removes them, before any source is changed.
pub(super) fn remove(decided: &Decided) -> Result<(), MoveError> {
    let known = decided.files.iter().chain(&decided.ledgers).filter(|file| is_known(file));
    let known: BTreeSet<&RelPath> = known.flat_map(names).collect();
    for source in decided.changing().flat_map(names).filter(|name| name.name().ends_with(b".py")) {
        let Some(directory) = source.parent() else { continue };
        for place in [directory.join(b"__pycache__"), directory] {
            for found in within(decided, &place)? {
                if pyc::is_cached_of(&found, source) && !known.contains(&found) {
                    write::remove(&found.under(&decided.root))?;
                }
            }
        }
    }
    Ok(())
}

fn names(file: &File) -> impl Iterator<Item = &RelPath> {
    std::iter::once(&file.path).chain(&file.other_names)
}

/// The regular files in a directory of the tree; none where it is none. Ways to it that lead through symlinks were refused with
/// the source.
fn within(decided: &Decided, directory: &RelPath) -> Result<Vec<RelPath>, MoveError> {
    let place = directory.under(&decided.root);
    let failed = |source| MoveError::Read { path: place.clone(), source };
    match fs::symlink_metadata(&place) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(&place).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_file() {
            files.push(directory.join(entry.file_name().as_bytes()));
        }
    }
    Ok(files)
}
