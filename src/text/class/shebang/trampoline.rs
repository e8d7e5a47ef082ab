//! Scripts that hand themselves over already, by a line near the top with the interpreter's fixed path: pip's and uv's
//! `'''exec' "/p/bin/python3" "$0" "$@"`, which they write where a path is long or has a blank, MakeMaker's and autoconf's
//! `eval 'exec /p/bin/perl -S $0 ${1+"$@"}'`, Tcl's `exec /p/bin/tclsh "$0" "$@"`. The path becomes one found from `$0`.

use super::super::draft::{Draft, lines};
use super::super::{Answer, Subject};
use super::way::{Look, Place};
use std::ops::Range;

/// How far down such a line is looked for.
const LINES: usize = 12;
/// How much of a line is looked at, in bytes: such a line holds two paths at most.
const WIDTH: usize = 16 << 10;

/// Rewrites such lines in `bytes`, which are the file's or what was made of them.
pub(super) fn rewrite(file: &Subject<'_>, bytes: &[u8]) -> Result<Answer, String> {
    let mut draft = Draft::new(bytes);
    for (start, line) in lines(bytes).take(LINES).skip(1) {
        let line = &line[..line.len().min(WIDTH)];
        for found in file.with(line).occurrences() {
            let Some(word) = interpreter(line, found.offset) else { continue };
            if file.mode & 0o6000 != 0 {
                return Err("it is a setuid or setgid script".to_owned());
            }
            let path = word_text(line, &word);
            let target = file.inside(path).filter(|target| file.around.leads_to(target).is_some());
            let target = target
                .ok_or_else(|| format!("its interpreter {} is not in the tree", crate::base::path::printable(path)))?;
            let to = [b"\"", Place::of(file)?.to(&target, Look::Clean).as_slice(), b"\""].concat();
            draft.replace(start + word.start..start + word.end, &to, "the interpreter is found from the script");
        }
    }
    match draft.answer() {
        Answer::Same => Ok(Answer::NotMine),
        answer => Ok(answer),
    }
}

/// The word that begins with the path at `at`, its quotes included, where it is what `exec` runs on the script itself.
fn interpreter(line: &[u8], at: usize) -> Option<Range<usize>> {
    let quote = line[..at].last().copied().filter(|byte| b"\"'".contains(byte));
    let start = at - usize::from(quote.is_some());
    let before = line[..start].strip_suffix(b" ")?.trim_ascii_end();
    let before = before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'")).unwrap_or(before);
    // Inside of double quotes, quotes of our own would end them.
    let open = memchr::memchr_iter(b'"', &line[..start]).count() % 2 == 1;
    let len = match quote {
        Some(quote) => memchr::memchr(quote, &line[at..])?,
        None => line[at..].iter().position(|byte| byte.is_ascii_whitespace() || b";)\"'".contains(byte))?,
    };
    let end = at + len + usize::from(quote.is_some());
    let plain = line[at..at + len].iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let plain = plain && !line[at..at + len].iter().any(|byte| b"$`\\\"'".contains(byte));
    let script_follows = memchr::memmem::find(&line[end..], b"$0").is_some();
    (before.ends_with(b"exec") && !open && plain && script_follows).then_some(start..end)
}

/// A word without its quotes.
fn word_text<'a>(line: &'a [u8], word: &Range<usize>) -> &'a [u8] {
    let text = &line[word.clone()];
    text.strip_prefix(b"\"").or_else(|| text.strip_prefix(b"'")).map_or(text, |rest| &rest[..rest.len() - 1])
}
