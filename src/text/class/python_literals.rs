//! String literals of Python source, found without parsing the rest (The Python Language Reference, 2.4.1).

use std::ops::Range;

/// One string literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Literal {
    /// From its prefix to its last quote.
    pub(super) whole: Range<usize>,
    /// Between its quotes.
    pub(super) inside: Range<usize>,
    /// Whether it has no prefix: neither raw nor formatted nor bytes.
    pub(super) plain: bool,
}

/// The literals in order; `None` where one does not end. Comments are passed over.
pub(super) fn literals(source: &[u8]) -> Option<Vec<Literal>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(step) = memchr::memchr3(b'"', b'\'', b'#', &source[at..]) {
        let quote = at + step;
        if source[quote] == b'#' {
            at = memchr::memchr(b'\n', &source[quote..]).map_or(source.len(), |end| quote + end);
            continue;
        }
        let literal = literal(source, quote)?;
        at = literal.whole.end;
        found.push(literal);
    }
    Some(found)
}

/// The literal whose first quote is at `quote`.
fn literal(source: &[u8], quote: usize) -> Option<Literal> {
    let mark = source[quote];
    let triple = source[quote..].starts_with(&[mark; 3]);
    let width = if triple { 3 } else { 1 };
    let prefix = source[..quote].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let start = quote + width;
    let mut at = start;
    loop {
        match *source.get(at)? {
            b'\\' => at += 2,
            b'\n' if !triple => return None,
            byte if byte == mark && (!triple || source[at..].starts_with(&[mark; 3])) => break,
            _ => at += 1,
        }
    }
    Some(Literal { whole: quote - prefix..at + width, inside: start..at, plain: prefix == 0 })
}

/// The runs of literals that Python joins to one string: nothing but blanks and newlines between them.
pub(super) fn strings<'a>(source: &'a [u8], literals: &'a [Literal]) -> impl Iterator<Item = &'a [Literal]> {
    literals.chunk_by(|a, b| source[a.whole.end..b.whole.start].iter().all(u8::is_ascii_whitespace))
}
