//! Whether bootstrap may start, and whether it has been: all that would fail late or half way, looked at first.

use super::record::{self, Record, State};
use super::{Refusal, Request, Site};
use crate::base::write::may_make;
use crate::build::host::nearest_there;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What every finished prefix has.
const WHOLE: [&str; 3] = ["bin/bmake", "sbin/pkg_add", "sbin/pkg_admin"];

/// What is wrong with the paths by themselves.
pub(super) fn paths(site: &Site<'_>) -> Vec<Refusal> {
    let prefix = site.prefix;
    let mut refusals = Vec::new();
    let all = [("the prefix", prefix), ("the work directory", site.work), ("the tree", site.tree.path())];
    for (what, path) in all {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_./".contains(b);
        if !path.as_os_str().as_bytes().iter().all(plain) {
            refusals.push(Refusal::Letters { what, path: path.to_owned() });
        }
        if what != "the prefix" && path.starts_with(prefix) {
            refusals.push(Refusal::Inside { what, path: path.to_owned() });
        }
    }
    refusals.extend(symlink(prefix));
    refusals.extend(writable(prefix));
    refusals
}

/// Packages put the prefix's real path and the given one down side by side; they must be one.
fn symlink(prefix: &Path) -> Option<Refusal> {
    let there = nearest_there(prefix)?;
    let rest = prefix.strip_prefix(there).ok()?;
    // Nothing joined would leave a slash at the end.
    let real: PathBuf = fs::canonicalize(there).ok()?.join(rest).components().collect();
    (real != prefix).then(|| Refusal::Symlink { prefix: prefix.to_owned(), real })
}

fn writable(prefix: &Path) -> Option<Refusal> {
    let there = nearest_there(prefix)?;
    let no = |source| Some(Refusal::NotWritable { path: there.to_owned(), source });
    if !there.is_dir() {
        return no(io::Error::from(io::ErrorKind::NotADirectory));
    }
    // Any name tells: nothing is made.
    match may_make(&there.join("bin")) {
        Ok(()) => None,
        Err(error) => no(io::Error::other(error)),
    }
}

/// What is wrong with who runs it, and with the environment.
pub(super) fn caller(site: &Site<'_>) -> Vec<Refusal> {
    let not_root = !site.unprivileged && !rustix::process::geteuid().is_root();
    let rows = [
        ("PKG_PATH", "leave it out: bootstrap refuses it"),
        ("SH", "name the shell in its own field"),
        ("MAKEFLAGS", "leave it out; for parallel jobs set the number of jobs"),
    ];
    let set = rows.into_iter().filter(|(name, _)| site.environment.contains_key(OsStr::new(name)));
    let variables = set.map(|(name, help)| Refusal::Variable { name, help });
    not_root.then_some(Refusal::NotRoot).into_iter().chain(variables).collect()
}

/// Whether something is in the prefix that no run of ours in this work directory has put there.
pub(super) fn taken(site: &Site<'_>) -> Option<Refusal> {
    let prefix = site.prefix.to_owned();
    let names = names(&prefix).ok().filter(|names| !names.is_empty())?;
    let known = record::read(site.work).filter(|known| known.inode.is_some() && known.inode == record::inode(&prefix));
    match known {
        Some(_) => None,
        None if is_whole(&prefix).is_ok() => Some(Refusal::Foreign { prefix }),
        None => Some(Refusal::Occupied { prefix, names: some_of(names) }),
    }
}

/// Whether the prefix is finished, or free to be made (after what an earlier run of ours left is removed).
pub(super) fn occupied(request: &Request<'_>, wanted: &Record) -> Result<State, Refusal> {
    let prefix = request.prefix_path();
    let known = record::read(request.work);
    let names = names(&prefix).map_err(|source| Refusal::NotWritable { path: prefix.clone(), source })?;
    if names.is_empty() {
        let workdir = request.workdir();
        let theirs = known.is_none() && workdir.symlink_metadata().is_ok();
        return if theirs { Err(Refusal::WorkTaken(workdir)) } else { Ok(State::Begun) };
    }
    let ours = known.filter(|known| known.inode.is_some() && known.inode == record::inode(&prefix));
    let whole = is_whole(&prefix);
    match ours {
        Some(known) if known.state == State::Begun => Ok(State::Begun),
        Some(known) if known.key != wanted.key => Err(Refusal::Other { prefix, differs: differs(&known, wanted) }),
        Some(_) if whole.is_ok() => Ok(State::Finished),
        None if whole.is_ok() => Err(Refusal::Foreign { prefix }),
        _ => Err(Refusal::Occupied { prefix, names: some_of(names) }),
    }
}

/// Whether a prefix has what bootstrap installs; otherwise what it lacks.
pub(super) fn is_whole(prefix: &Path) -> Result<(), &'static str> {
    WHOLE.into_iter().find(|file| !prefix.join(file).is_file()).map_or(Ok(()), Err)
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let name = |entry: fs::DirEntry| crate::base::path::printable(entry.file_name().as_bytes()).into_owned();
    let mut names = entries.map(|entry| entry.map(name)).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

fn some_of(mut names: Vec<String>) -> Vec<String> {
    let more = names.len().saturating_sub(5);
    names.truncate(5);
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names
}

fn differs(was: &Record, is: &Record) -> Vec<(String, String, String)> {
    let names: std::collections::BTreeSet<_> = was.fields.keys().chain(is.fields.keys()).collect();
    let value = |record: &Record, name: &String| record.fields.get(name).cloned().unwrap_or_default();
    let pairs = names.into_iter().map(|name| (name.clone(), value(was, name), value(is, name)));
    pairs.filter(|(_, was, is)| was != is).collect()
}
