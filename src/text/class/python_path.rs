//! Files that add directories to Python's path: `*.pth`, which site.py reads, and setuptools' `*.egg-link`.
//!
//! A path below an old prefix becomes the way from the file's own directory, to which both readers join a relative path
//! (CPython `Lib/site.py`, pkg_resources `resolve_egg_link`). A line of code, which begins with `import`, is refused where
//! it names a prefix: what it does with the path is its own affair.

use super::draft::{Draft, lines};
use super::whole::{nothing_left, only_directory};
use super::{Answer, Class, Subject};
use crate::base::path::{RelPath, printable};

/// The class of `*.pth` and `*.egg-link`.
pub struct PythonPath;

const WHY: &str = "Python joins a relative path to the file's own directory";

impl Class for PythonPath {
    fn name(&self) -> &'static str {
        "python-path"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        let name = file.path.name();
        if !name.ends_with(b".pth") && !name.ends_with(b".egg-link") {
            return Answer::NotMine;
        }
        nothing_left(file, rewritten(file))
    }
}

fn rewritten(file: &Subject<'_>) -> Result<Answer, String> {
    let directory = only_directory(file)?;
    let mut draft = Draft::new(file.bytes);
    for (start, line) in lines(file.bytes) {
        let text = line.trim_ascii_end();
        if file.with(text).occurrences().is_empty() {
            continue;
        }
        if text.starts_with(b"import ") || text.starts_with(b"import\t") {
            return Err("a line of code in it names the old prefix".to_owned());
        }
        let way = if text.starts_with(b"#") { Some(b"#".to_vec()) } else { way(file, &directory, text.trim_ascii()) };
        let way = way.ok_or_else(|| format!("'{}' is not just a path of the tree", printable(text)))?;
        draft.replace(start..start + text.len(), &way, WHY);
    }
    Ok(draft.answer())
}

/// From a directory to what an absolute path means in the tree; `None` where that would read as something else.
fn way(file: &Subject<'_>, directory: &RelPath, path: &[u8]) -> Option<Vec<u8>> {
    let way = directory.way_to(&file.inside(path)?);
    match way.as_slice() {
        [] => Some(b".".to_vec()),
        [b'#', ..] => None,
        way if way.starts_with(b"import") || way.first()?.is_ascii_whitespace() => Some([b"./", way].concat()),
        _ => Some(way),
    }
}
