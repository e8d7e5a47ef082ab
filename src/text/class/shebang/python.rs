//! The form for Python: the line that sh runs is a string, and joins the file's own docstring.
//!
//! Adjacent strings are one string, so `"""exec" ... #\n""" r'''Doc'''` is a docstring of which the first line is ours:
//! `__doc__` has one line more, `from __future__` stays legal after it, and no line moves. sh sees the word `exec`, runs it,
//! and reads no further; what follows a `#` is a comment to it. Refuses files in which sh would read something else first.

use super::polyglot::{Script, ended, leading_comments};

/// What stands where the docstring would.
enum First {
    /// A string, which is the docstring.
    Docstring,
    /// Another statement, or nothing.
    Other,
    /// What may be a docstring after all: in brackets, behind a form feed or a joined line.
    Unclear,
}

/// The file behind its first line; `None` where it has no legal form.
pub(super) fn handed_over(script: &Script<'_>) -> Option<Vec<u8>> {
    let (comments, rest) = script.body.split_at(leading_comments(script.body));
    let end: &[u8] = match first(rest) {
        First::Docstring => br#" #\n""" "#,
        // Nothing but a docstring may stand before an import from the future.
        First::Other if memchr::memmem::find(rest, b"__future__").is_some() => b" #\"\"\"\n",
        First::Other => b" #\"\"\" and None\n",
        First::Unclear => return None,
    };
    let line = script.command(r#""""exec""#, "");
    Some([ended(comments).as_slice(), &line, end, rest].concat())
}

fn first(rest: &[u8]) -> First {
    let letters = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    match rest.get(letters) {
        // Bytes and formatted strings are no docstrings, and cannot be joined to one.
        Some(b'"' | b'\'') if rest[..letters].iter().all(|letter| b"rRuU".contains(letter)) => First::Docstring,
        Some(b'(' | b'\\' | b'\x0c' | b'\r') if letters == 0 => First::Unclear,
        _ => First::Other,
    }
}
