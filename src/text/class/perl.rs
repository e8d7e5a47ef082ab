//! Perl: strings that are paths below the old prefix begin with a variable that is computed from `__FILE__`.
//!
//! Perl cannot be read with certainty without running it, so only this is touched: a string that is nothing but such paths,
//! in a line that is a whole statement (`my $dir = $ENV{DIR} || '/old/share/x';`), outside documentation, here-documents and
//! what follows `__END__`. A string becomes a string, whatever stands around it. Everything else is left, as are perl's own
//! records of how it was built (`Config.pm`, `Config_heavy.pl`).

use super::draft::{Draft, ends_with, is_copied, lines, way_up};
use super::{Answer, Class, Subject};
use crate::text::occurrence::Occurrence;
use crate::text::shebang::shebang;
use std::ops::Range;

/// The class.
pub struct Perl;

const COMPUTED: &str = "computed from where the file lies";

impl Class for Perl {
    fn name(&self) -> &'static str {
        "perl"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        if !is_perl(file) {
            return Answer::NotMine;
        }
        if is_copied(file.path) {
            return Answer::Refused("it is there to be copied elsewhere".to_owned());
        }
        let strings = strings(file);
        let Some(first) = strings.first() else { return Answer::Same };
        if let Err(why) = way_up(file) {
            return Answer::Refused(why);
        }
        let head = head(file.bytes);
        if head > first.start {
            return Answer::Same;
        }
        let mut draft = Draft::new(file.bytes);
        draft.replace(head..head, computation(file).as_bytes(), COMPUTED);
        let occurrences = file.occurrences();
        for string in strings {
            draft.replace(string.clone(), &spelled(file.bytes, string, &occurrences), COMPUTED);
        }
        draft.answer()
    }
}

/// Whether a file is in Perl by its first line or its name. perl's own configuration says how perl was built.
fn is_perl(file: &Subject<'_>) -> bool {
    if [&b"Config.pm"[..], b"Config_heavy.pl"].contains(&file.path.name()) {
        return false;
    }
    let head = &file.bytes[..file.bytes.len().min(512)];
    let by_shebang = shebang(head).is_some_and(|first| {
        let perl = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().is_some_and(|name| name.starts_with(b"perl"));
        perl(first.interpreter) || first.argument.split(u8::is_ascii_whitespace).any(perl)
    });
    let named = !head.starts_with(b"#!") && [&b".pl"[..], b".pm"].iter().any(|ending| ends_with(file.path, ending));
    by_shebang || named
}

/// The offset of the first statement: behind comments, and behind the lines that are there for a shell.
fn head(bytes: &[u8]) -> usize {
    let mut for_shell = false;
    for (start, line) in lines(bytes) {
        let text = line.trim_ascii();
        if for_shell || text.starts_with(b"eval '") {
            for_shell = !text.ends_with(b";");
        } else if !text.is_empty() && !text.starts_with(b"#") {
            return start;
        }
    }
    bytes.len()
}

/// The statement that sets the variable: the file's path without its last components.
fn computation(file: &Subject<'_>) -> String {
    let components = file.directory().depth() + 1;
    format!(
        "my $relocate_prefix; BEGIN {{ require Cwd; ($relocate_prefix = Cwd::abs_path(__FILE__)) =~ s{{(?:/[^/]*){{{components}}}\\z}}{{}}; }}\n"
    )
}

/// The string with the variable in it.
fn spelled(bytes: &[u8], string: Range<usize>, occurrences: &[Occurrence]) -> Vec<u8> {
    let mut spelled = b"\"".to_vec();
    let mut done = string.start + 1;
    for found in occurrences.iter().filter(|found| string.contains(&found.offset)) {
        spelled.extend_from_slice(&bytes[done..found.offset]);
        spelled.extend_from_slice(b"${relocate_prefix}");
        done = found.end();
    }
    spelled.extend_from_slice(&bytes[done..string.end - 1]);
    spelled.push(b'"');
    spelled
}

/// Where the strings stand that can be spelled anew, quotes included; sorted.
fn strings(file: &Subject<'_>) -> Vec<Range<usize>> {
    let occurrences = file.occurrences();
    let mut left = occurrences.as_slice();
    let mut strings = Vec::new();
    let mut until: Option<Until> = None;
    for (start, line) in lines(file.bytes) {
        let here;
        (here, left) = left.split_at(left.partition_point(|found| found.offset < start + line.len()));
        let text = line.trim_ascii_end();
        match &until {
            Some(end) if end.is(text) => until = None,
            Some(_) => {}
            None if text == b"__END__" || text == b"__DATA__" => break,
            None => {
                until = Until::begins(text);
                if !here.is_empty() && is_statement(text.trim_ascii_start()) {
                    let paths = quoted(text).into_iter().filter(|string| is_paths(text, string, here, start));
                    strings.extend(paths.map(|string| start + string.start..start + string.end));
                }
            }
        }
    }
    strings
}

/// What ends lines that are no code.
enum Until {
    Cut,
    HereDocument(Vec<u8>),
}

impl Until {
    fn is(&self, line: &[u8]) -> bool {
        match self {
            Self::Cut => line.starts_with(b"=cut"),
            Self::HereDocument(delimiter) => line.trim_ascii_start() == delimiter,
        }
    }

    /// Whether lines that are no code follow this one.
    fn begins(line: &[u8]) -> Option<Self> {
        if line.first() == Some(&b'=') && line.get(1).is_some_and(u8::is_ascii_alphabetic) {
            return Some(Self::Cut);
        }
        let at = memchr::memmem::find(line, b"<<")?;
        let rest = line[at + 2..].strip_prefix(b"~").unwrap_or(&line[at + 2..]);
        let (quote, rest) = match rest.first()? {
            quote @ (b'"' | b'\'') => (Some(*quote), &rest[1..]),
            _ => (None, rest),
        };
        let ends = |byte: &u8| quote.map_or(!(byte.is_ascii_alphanumeric() || *byte == b'_'), |quote| *byte == quote);
        let len = rest.iter().position(ends).unwrap_or(rest.len());
        let word = quote.is_some() || rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        (word && len > 0).then(|| Self::HereDocument(rest[..len].to_vec()))
    }
}

/// Whether a line begins as a statement does that sets something, and ends with it.
fn is_statement(line: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 9] =
        [b"my ", b"our ", b"local ", b"use lib ", b"use constant ", b"unshift ", b"push ", b"my(", b"$"];
    line.ends_with(b";") && BEGINNINGS.iter().any(|beginning| line.starts_with(beginning)) && !other_quotes(line)
}

/// Whether a line may have patterns or strings with delimiters of their own (`s{'}{}`, `q(')`): quotes in them are none.
fn other_quotes(line: &[u8]) -> bool {
    let binds = line.windows(2).any(|pair| pair == b"=~" || pair == b"!~");
    let mut words = line.split(|byte| !(byte.is_ascii_alphanumeric() || b"_$@%".contains(byte)));
    binds || words.any(|word| [&b"q"[..], b"qq", b"qw", b"qr", b"qx", b"m", b"s", b"y", b"tr"].contains(&word))
}

/// The quoted strings of a line, quotes included, up to the first `#` outside of them.
fn quoted(line: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        match byte {
            b'#' => break,
            // `$'`, `$"`, `$#x`.
            b'$' | b'\\' => at += 2,
            b'\'' | b'"' => {
                let start = at;
                at += 1;
                while line.get(at).is_some_and(|next| next != byte) {
                    at += if line[at] == b'\\' { 2 } else { 1 };
                }
                if at >= line.len() {
                    break;
                }
                at += 1;
                found.push(start..at);
            }
            _ => at += 1,
        }
    }
    found
}

/// Whether a string begins with a prefix and has nothing in it that means something in a string.
fn is_paths(line: &[u8], string: &Range<usize>, here: &[Occurrence], start: usize) -> bool {
    let inside = &line[string.start + 1..string.end - 1];
    let plain = inside.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._:+- ,=".contains(byte));
    plain && here.iter().any(|found| found.offset == start + string.start + 1)
}
