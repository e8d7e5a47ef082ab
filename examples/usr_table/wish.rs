//! The longer path: takes what a file has, gives what it shall have, by this project's ladder or by patchelf.
//!
//! The tag that counts stays the one that it is; a file without one gets DT_RPATH, which takes nothing away from what it
//! inherits. What is added finds nothing: a directory below `$ORIGIN` that is not there, or a slash at the end.

use crate::process;
use relocate::elf::{Facts, RunPaths, Rung, plan};
use relocate::loader::object::Tag;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

/// How much longer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// By 60 bytes, with an entry of its own.
    Sixty,
    /// By one byte: a slash at the end.
    One,
}

/// Who does it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Editor {
    /// The library of this project.
    Relocate,
    /// The `patchelf` in PATH.
    Patchelf,
}

/// What came of it; bytes are those the file grew by.
pub(crate) enum Edited {
    /// The copy has the longer path; the rung is known for our own edits.
    Done { rung: Option<Rung>, added: i64 },
    /// Nothing was written, for this reason.
    Refused(String),
}

/// Writes an edited copy of `original` to `copy`, which is there already and is that original.
pub(crate) fn edit(original: &[u8], facts: &Facts, by: By, editor: Editor, copy: &Path) -> io::Result<Edited> {
    let (tag, path) = longer(facts, by);
    match editor {
        Editor::Relocate => with_ladder(original, facts, tag, path, copy),
        Editor::Patchelf => with_patchelf(original.len() as u64, tag, &path, copy),
    }
}

/// The tag that counts and what it shall say.
fn longer(facts: &Facts, by: By) -> (Tag, Vec<u8>) {
    let (tag, current) = facts.object.run_path().unwrap_or((Tag::Rpath, b""));
    let mut path = current.to_vec();
    let wanted = path.len() + 60;
    match by {
        By::One => path.push(b'/'),
        By::Sixty => {
            path.extend_from_slice(if current.is_empty() { b"$ORIGIN/" } else { b":$ORIGIN/" });
            path.resize(wanted, b'x');
        }
    }
    (tag, path)
}

fn with_ladder(original: &[u8], facts: &Facts, tag: Tag, path: Vec<u8>, copy: &Path) -> io::Result<Edited> {
    let mut wanted = RunPaths { rpath: facts.object.rpath.clone(), runpath: facts.object.runpath.clone() };
    match tag {
        Tag::Rpath => wanted.rpath = Some(path),
        Tag::Runpath => wanted.runpath = Some(path),
    }
    let patch = match plan(&original, &wanted) {
        Ok(patch) => patch,
        Err(error) => return Ok(Edited::Refused(error.to_string())),
    };
    let mut bytes = original.to_vec();
    bytes.resize(patch.size as usize, 0);
    for edit in &patch.edits {
        bytes[edit.offset as usize..][..edit.bytes.len()].copy_from_slice(&edit.bytes);
    }
    fs::write(copy, &bytes)?;
    Ok(Edited::Done { rung: Some(patch.rung), added: growth(original.len() as u64, patch.size) })
}

fn with_patchelf(before: u64, tag: Tag, path: &[u8], copy: &Path) -> io::Result<Edited> {
    let mut command = Command::new("patchelf");
    if tag == Tag::Rpath {
        command.arg("--force-rpath");
    }
    command.arg("--set-rpath").arg(OsStr::from_bytes(path)).arg(copy);
    let ended = process::run(&mut command, process::PATIENT)?;
    if !ended.success {
        return Ok(Edited::Refused(String::from_utf8_lossy(&ended.stderr).trim().to_owned()));
    }
    Ok(Edited::Done { rung: None, added: growth(before, fs::metadata(copy)?.len()) })
}

fn growth(before: u64, after: u64) -> i64 {
    after.cast_signed() - before.cast_signed()
}
