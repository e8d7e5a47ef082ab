//! What trees take on the disk: blocks of every inode, each once however many names it has; directories too.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes and inodes below these paths together; a path that is not there has none.
pub(crate) fn used(paths: &[impl AsRef<Path>]) -> Result<(u64, u64), String> {
    let mut seen = HashSet::new();
    let mut bytes = 0;
    for path in paths {
        add(path.as_ref(), &mut seen, &mut bytes)?;
    }
    Ok((bytes, seen.len() as u64))
}

fn add(path: &Path, seen: &mut HashSet<(u64, u64)>, bytes: &mut u64) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let meta = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        meta => meta.map_err(failed)?,
    };
    if seen.insert((meta.dev(), meta.ino())) {
        *bytes += meta.blocks() * 512;
    }
    if meta.is_dir() {
        for entry in fs::read_dir(path).map_err(failed)? {
            add(&entry.map_err(failed)?.path(), seen, bytes)?;
        }
    }
    Ok(())
}
