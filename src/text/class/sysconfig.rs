//! Python's `_sysconfigdata*.py`, with which extensions are built: its directories are computed when it is imported.
//!
//! Each place where a literal names the prefix becomes a sum with a variable; Python joins adjacent literals before it
//! adds, so the pieces that pprint makes of long values stay what they are. A path by itself is taken as it is; in a list
//! of flags what is special to a shell is escaped, because distutils splits flags as a shell does. Refused: a file of
//! another shape, or one that names the prefix outside of a plain literal.

use super::draft::{Draft, way_up};
use super::python_literals::{Literal, literals, strings};
use super::whole::nothing_left;
use super::{Answer, Class, Subject};
use crate::text::occurrence::{Occurrence, Reading};

/// The class of `_sysconfigdata*.py`.
pub struct Sysconfig;

const WHY: &str = "the directory is computed when the file is imported";

impl Class for Sysconfig {
    fn name(&self) -> &'static str {
        "python-sysconfig"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        let name = file.path.name();
        if !name.starts_with(b"_sysconfigdata") || !name.ends_with(b".py") || file.occurrences().is_empty() {
            return Answer::NotMine;
        }
        nothing_left(file, rewritten(file))
    }
}

fn rewritten(file: &Subject<'_>) -> Result<Answer, String> {
    let source = file.bytes;
    let assigned = &b"build_time_vars = {"[..];
    let at = memchr::memmem::find(source, assigned).filter(|at| *at == 0 || source[at - 1] == b'\n');
    let at = at.ok_or("it assigns no build_time_vars")?;
    let literals = literals(source).ok_or("a string in it does not end")?;
    let up = String::from_utf8_lossy(&way_up(file)?).into_owned();
    let mut draft = Draft::new(source);
    draft.replace(at..at, preamble(&up).as_bytes(), WHY);
    let mut named = named(file).into_iter().peekable();
    for string in strings(source, &literals) {
        let variable = if is_path(source, string, named.peek().map(|found| found.offset)) { PATH } else { IN_FLAGS };
        for literal in string {
            let quote = &source[literal.inside.end..literal.whole.end];
            while let Some(found) = named.next_if(|found| found.offset < literal.whole.end) {
                if found.offset < literal.inside.start || found.end() > literal.inside.end || !literal.plain {
                    return Err("it names the old prefix outside of a plain string".to_owned());
                }
                let sum = [quote, b" + ", variable, b" + ", quote].concat();
                draft.replace(found.offset..found.end(), &sum, WHY);
            }
        }
    }
    if named.next().is_some() {
        return Err("it names the old prefix outside of a plain string".to_owned());
    }
    Ok(draft.answer())
}

/// Where the prefix is named; also behind a dot, as in `WASM_ASSETS_DIR`, which is `.$(prefix)`.
fn named(file: &Subject<'_>) -> Vec<Occurrence> {
    let as_text = file.occurrences();
    let mut all = file.names.find(file.bytes, Reading::Binary);
    all.retain(|found| {
        as_text.binary_search(found).is_ok() || matches!(file.bytes[..found.offset], [.., b'\'' | b'"' | b' ', b'.'])
    });
    all
}

const PATH: &[u8] = b"_relocated";
const IN_FLAGS: &[u8] = b"_relocated_in_flags";

/// Whether a string is one path: it begins with the prefix, or a dot and the prefix, and has no blank.
fn is_path(source: &[u8], string: &[Literal], named: Option<usize>) -> bool {
    let [literal] = string else { return false };
    let before = named.and_then(|named| source.get(literal.inside.start..named));
    before.is_some_and(|before| before.is_empty() || before == b".") && !source[literal.inside.clone()].contains(&b' ')
}

/// Tools execute the text of this file without importing it; then its directory is that of the standard library.
fn preamble(up: &str) -> String {
    format!(
        r"import os as _os
_relocated = _os.path.abspath(_os.path.join(_os.path.dirname(globals().get('__file__') or _os.__file__), '{up}'))
_relocated_in_flags = ''.join(c if c.isalnum() or c in '/._-+=:,@%' else '\\' + c for c in _relocated)
"
    )
}
