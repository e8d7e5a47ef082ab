//! The shell script `python3.11-config`: it already finds the prefix it is installed in, by `installed_prefix "$0"`, and
//! replaces the one it was built with by that; it is told the found one from the start.
//!
//! What it does to find it fails for a path with a blank and for a symlink in another directory, so that line is replaced
//! too. Refused: a script that names the prefix between single quotes.

use super::draft::{Draft, lines};
use super::whole::nothing_left;
use super::{Answer, Class, Subject};
use std::ops::Range;

/// The class of `python3*-config`.
pub struct PythonConfig;

const FINDS: &[u8] = b"prefix_real=$(installed_prefix \"$0\")";
const FOUND: &[u8] = b"${prefix_real}";
const WHY: &str = "the script finds the prefix it lies in";

impl Class for PythonConfig {
    fn name(&self) -> &'static str {
        "python-config"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        let name = file.path.name();
        if !name.starts_with(b"python") || !name.ends_with(b"-config") || file.occurrences().is_empty() {
            return Answer::NotMine;
        }
        let Some(at) = memchr::memmem::find(file.bytes, FINDS) else { return Answer::NotMine };
        nothing_left(file, rewritten(file, at..at + FINDS.len()))
    }
}

fn rewritten(file: &Subject<'_>, finds: Range<usize>) -> Result<Answer, String> {
    let up = super::draft::way_up(file)?;
    let mut draft = Draft::new(file.bytes);
    let find =
        [br#"prefix_real=$(readlink -f -- "$(dirname -- "$(readlink -f -- "$0")")/"#, up.as_slice(), b"\")"].concat();
    draft.replace(finds.clone(), &find, WHY);
    for (start, line) in lines(file.bytes) {
        for found in file.with(line).occurrences() {
            if start < finds.end && !line.starts_with(b"#") {
                return Err("it names the old prefix before it knows its own".to_owned());
            }
            if line[..found.offset].contains(&b'\'') {
                return Err("it names the old prefix between single quotes".to_owned());
            }
            draft.replace(start + found.offset..start + found.end(), FOUND, WHY);
        }
    }
    Ok(draft.answer())
}
