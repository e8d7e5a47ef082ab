//! `pyvenv.cfg` of a Python virtual environment: without `home`, Python finds its library from `bin/python`'s own symlink.
//!
//! Without that key 3.6 to 3.13 follow the symlink to the interpreter, find the library beside it, and `site.py` makes the
//! environment one (measured with each, moved). Betas of 3.14 did not and 3.14.0 does (CPython issue 135773). A relative
//! `home` would be taken from the current directory and loads another library. Refused: other versions, an interpreter
//! that is copied in, or one outside of the tree.

use super::draft::{Draft, lines};
use super::whole::nothing_left;
use super::{Answer, Class, Sort, Subject};
use crate::base::path::printable;

/// The class of `pyvenv.cfg`.
pub struct Venv;

/// Keys that say where the environment's interpreter was: nothing but `home` is read again, and that only as a path.
const WHERE_IT_WAS: &[&[u8]] = &[
    b"home",
    b"executable",
    b"command",
    b"base-prefix",
    b"base-exec-prefix",
    b"base-executable",
    b"extends-environment",
];

/// The minor versions of Python 3 that need no `home`.
const NEED_NO_HOME: std::ops::RangeInclusive<u32> = 6..=14;

impl Class for Venv {
    fn name(&self) -> &'static str {
        "venv"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        if file.path.name() != b"pyvenv.cfg" || file.occurrences().is_empty() {
            return Answer::NotMine;
        }
        nothing_left(file, rewritten(file))
    }
}

fn rewritten(file: &Subject<'_>) -> Result<Answer, String> {
    let minor = minor(file.bytes).ok_or("it does not say which version of Python 3 it is for")?;
    if !NEED_NO_HOME.contains(&minor) {
        return Err(format!("Python 3.{minor} may need its home key, which is an absolute path"));
    }
    interpreter(file)?;
    let mut draft = Draft::new(file.bytes);
    for (start, line) in lines(file.bytes) {
        let key = key(line);
        let named = !file.with(line).occurrences().is_empty();
        if named && !WHERE_IT_WAS.contains(&key.as_slice()) {
            return Err(format!("its key '{}' names the old prefix", printable(&key)));
        }
        // A home elsewhere goes too: the interpreter that bin/python leads to is the tree's.
        if named || key == b"home" {
            draft.replace(start..start + line.len(), b"", "Python finds its library from where bin/python leads");
        }
    }
    Ok(draft.answer())
}

/// Fails unless `bin/python` leads to an interpreter of the tree in another directory.
fn interpreter(file: &Subject<'_>) -> Result<(), String> {
    let bin = file.directory().join(b"bin");
    let leads = [&b"python"[..], b"python3"].into_iter().find_map(|name| file.around.leads_to(&bin.join(name)));
    match leads {
        Some((target, Sort::File { .. })) if target.parent() != Some(bin.clone()) => Ok(()),
        Some((target, _)) => {
            Err(format!("{target} is no symlink to an interpreter of the tree, and needs the home key"))
        }
        None => Err(format!("{bin}/python leads to no interpreter of the tree")),
    }
}

/// The minor version of Python 3, as venv (`version`) and virtualenv (`version_info`) write it.
fn minor(bytes: &[u8]) -> Option<u32> {
    let keys = [&b"version"[..], b"version_info"];
    let (_, line) = lines(bytes).find(|(_, line)| keys.contains(&key(line).as_slice()))?;
    let value = std::str::from_utf8(line).ok()?.split_once('=')?.1.trim();
    value.strip_prefix("3.")?.split('.').next()?.parse().ok()
}

fn key(line: &[u8]) -> Vec<u8> {
    let end = memchr::memchr(b'=', line).unwrap_or(0);
    line[..end].trim_ascii().to_ascii_lowercase()
}
