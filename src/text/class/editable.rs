//! setuptools' `__editable___*_finder.py`, which maps the names of packages installed in place to their sources: each path
//! is computed from the finder's own.
//!
//! The sum stands in brackets, because the finder puts literals only where an expression may stand. Refused: a file that
//! names the prefix outside of a plain literal, or in one that is joined to another.

use super::draft::{Draft, way_up};
use super::python_literals::{literals, strings};
use super::whole::nothing_left;
use super::{Answer, Class, Subject};

/// The class of editable finders.
pub struct Editable;

impl Class for Editable {
    fn name(&self) -> &'static str {
        "python-editable"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        let name = file.path.name();
        if !name.starts_with(b"__editable__") || !name.ends_with(b"_finder.py") {
            return Answer::NotMine;
        }
        nothing_left(file, rewritten(file))
    }
}

fn rewritten(file: &Subject<'_>) -> Result<Answer, String> {
    let outside = "it names the old prefix outside of a plain string";
    let source = file.bytes;
    let literals = literals(source).ok_or("a string in it does not end")?;
    let up = way_up(file)?;
    let mut draft = Draft::new(source);
    let mut left = file.occurrences().len();
    for string in strings(source, &literals) {
        for literal in string {
            let named = file.with(&source[literal.inside.clone()]).occurrences();
            let Some(found) = named.first() else { continue };
            if string.len() != 1 || named.len() != 1 || found.offset != 0 || !literal.plain {
                return Err(outside.to_owned());
            }
            let rest = &source[literal.inside.start + found.len..literal.whole.end];
            let quote = &source[literal.whole.start..literal.inside.start];
            let os = b"__import__('os').path.";
            let top = [os, b"abspath(".as_slice(), os, b"join(__file__, '../", &up, b"'))"].concat();
            let sum = [b"(", top.as_slice(), b" + ", quote, rest, b")"].concat();
            draft.replace(literal.whole.clone(), &sum, "the directory is computed when the file is imported");
            left = left.saturating_sub(1);
        }
    }
    if left > 0 { Err(outside.to_owned()) } else { Ok(draft.answer()) }
}
