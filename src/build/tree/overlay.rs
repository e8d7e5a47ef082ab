//! One directory laid over another: whole packages replaced, other files one by one.

use super::TreeError;
use super::digest::{Leaf, leaves};
use crate::base::event::{Event, Listener, Stage};
use crate::base::path::RelPath;
use crate::base::write::{Beneath, WriteError, remove, remove_tree};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Copies what counts of `from` over `to`, which must be there. Times stay: `configure` is made again where it looks older
/// than what it was made from.
pub(super) fn lay(from: &Path, to: &Path, listener: &dyn Listener) -> Result<(), TreeError> {
    let leaves = leaves(from)?;
    listener.event(&Event::Begin { stage: Stage::Write, files: leaves.len() as u64, bytes: 0 });
    for package in leaves.iter().filter_map(package_of).collect::<BTreeSet<_>>() {
        remove_tree(&package.under(to)).map_err(TreeError::Write)?;
    }
    let mut beneath = Beneath::open(to).map_err(TreeError::Write)?;
    let mut dirs = BTreeSet::from([RelPath::root()]);
    for leaf in &leaves {
        let parent = leaf.path.parent().unwrap_or_default();
        make_dirs(&mut beneath, &mut dirs, &parent).map_err(TreeError::Write)?;
        copy(from, leaf, &mut beneath)?;
        listener.event(&Event::File { path: &leaf.path, bytes: leaf.metadata.len() });
    }
    listener.event(&Event::End(Stage::Write));
    Ok(())
}

/// The package whose Makefile this is: `www/nginx` for `www/nginx/Makefile`.
fn package_of(leaf: &Leaf) -> Option<RelPath> {
    let is_makefile = leaf.path.depth() == 3 && leaf.path.name() == b"Makefile";
    let parent = is_makefile.then(|| leaf.path.parent()).flatten()?;
    (!parent.starts_with(&RelPath::root().join(b"mk"))).then_some(parent)
}

fn make_dirs(beneath: &mut Beneath, dirs: &mut BTreeSet<RelPath>, path: &RelPath) -> Result<(), WriteError> {
    if dirs.contains(path) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_dirs(beneath, dirs, &parent)?;
    }
    match beneath.make_dir(path) {
        // Opening it refuses a symlink or a file in its place.
        Err(WriteError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
            beneath.open_dir(path)?;
        }
        Err(error) => return Err(error),
        Ok(()) => {
            let dir = beneath.open_dir(path)?;
            beneath.finish(&dir, path, 0o755, None)?;
        }
    }
    dirs.insert(path.clone());
    Ok(())
}

fn copy(from: &Path, leaf: &Leaf, beneath: &mut Beneath) -> Result<(), TreeError> {
    let Leaf { path, metadata } = leaf;
    let source = path.under(from);
    remove(&beneath.place(path)).map_err(TreeError::Write)?;
    if metadata.is_symlink() {
        let target = fs::read_link(&source).map_err(TreeError::read(&source))?;
        return beneath.make_symlink(path, &target.into_os_string().into_vec()).map_err(TreeError::Write);
    }
    let mut input = File::open(&source).map_err(TreeError::read(&source))?;
    let mut output = beneath.make_file(path).map_err(TreeError::Write)?;
    io::copy(&mut input, &mut output)
        .map_err(WriteError::io("write", &beneath.place(path)))
        .map_err(TreeError::Write)?;
    let mode = if metadata.mode() & 0o100 == 0 { 0o644 } else { 0o755 };
    beneath.finish(&output, path, mode, Some(metadata.mtime())).map_err(TreeError::Write)
}
