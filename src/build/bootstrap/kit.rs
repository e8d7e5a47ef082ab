//! A finished prefix kept as an archive, and put back.
//!
//! The tree's own `--binary-kit` and `--gzip-binary-kit` write a kit too, but by `tar -h`, which makes files of symlinks, name
//! the database twice, and do not notice where tar fails; no option restores one. Ours is made the same way for every era.

use crate::base::event::Silent;
use crate::base::write::{Looks, NewFile, WriteError};
use crate::pack::{Limits, UnpackError, unpack};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use walkdir::WalkDir;

/// Writes the prefix to `kit`, whole or not at all.
pub(super) fn keep(prefix: &Path, kit: &Path) -> Result<(), WriteError> {
    let io = |source| WriteError::io("write", kit)(source);
    kit.parent().map_or(Ok(()), fs::create_dir_all).map_err(io)?;
    let mut file = NewFile::create(kit)?;
    write(prefix, file.file()).map_err(io)?;
    file.looks(Looks { mode: 0o644, mtime: None })?;
    file.commit()
}

fn write(prefix: &Path, out: impl Write) -> io::Result<()> {
    let mut archive = tar::Builder::new(zstd::Encoder::new(BufWriter::new(out), 3)?);
    archive.follow_symlinks(false);
    archive.sparse(false);
    for entry in WalkDir::new(prefix).min_depth(1).sort_by_file_name() {
        let entry = entry?;
        let name = entry.path().strip_prefix(prefix).map_err(io::Error::other)?;
        archive.append_path_with_name(entry.path(), name)?;
    }
    archive.into_inner()?.finish()?.flush()
}

/// Unpacks a kit into the prefix, an empty directory.
pub(super) fn restore(kit: &Path, prefix: &Path) -> Result<(), UnpackError> {
    unpack(kit, prefix, &Limits::default(), &Silent).map(drop)
}
