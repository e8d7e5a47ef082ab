//! The `bin/activate` scripts of a virtual environment: each asks its shell where it lies.
//!
//! bash, zsh and ksh93 know the file they source; dash, busybox and csh do not say, but each has the file open while it
//! reads it, so `/proc/$$/fd` does. Where neither helps, the script says so and does nothing. fish has `status`. Scripts
//! for other shells that name the environment are refused.

use super::draft::{Draft, lines};
use super::whole::{nothing_left, only_directory};
use super::{Answer, Class, Subject};
use crate::base::path::RelPath;
use std::ops::Range;

/// The class of activation scripts.
pub struct Activate;

const WHY: &str = "the shell tells where the script lies";

/// Finds the environment; in front of the script of sh.
const FIND: &str = r#"_RELOCATED_ENV=${BASH_SOURCE:-${ZSH_VERSION:+$0}}
case ${KSH_VERSION:-} in *AJM*93*) eval '_RELOCATED_ENV=${.sh.file}' ;; esac
[ -z "$_RELOCATED_ENV" ] || _RELOCATED_ENV=$(dirname -- "$(dirname -- "$(readlink -f -- "$_RELOCATED_ENV")")")
[ -n "$_RELOCATED_ENV" ] && [ -f "$_RELOCATED_ENV/pyvenv.cfg" ] ||
    _RELOCATED_ENV=$(ls -l /proc/$$/fd 2>/dev/null | sed -n 's%^.* -> \(/.*\)/bin/activate$%\1%p' | tail -n 1)
if [ -z "$_RELOCATED_ENV" ]; then
    echo "activate: this shell does not tell where the script lies; use bash" >&2
    return 1
fi
"#;
/// What stands for the environment in the script of csh: no `$` but the shell's own may stand between these quotes.
const CSH: &str = concat!(
    r#""`ls -l /proc/$$/fd | grep -o '/.*/bin/activate.csh' | tail -n 1 "#,
    r#"| sed 's,/bin/activate.csh,,'`""#
);
const FISH: &str = "(dirname (dirname (readlink -f (status -f))))";

impl Class for Activate {
    fn name(&self) -> &'static str {
        "venv-activate"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        let name = file.path.name().to_ascii_lowercase();
        let environment = file.directory().parent();
        let mine = name.starts_with(b"activate") && !file.occurrences().is_empty();
        let Some(environment) = environment.filter(|_| mine) else { return Answer::NotMine };
        if file.directory().name() != b"bin" || file.around.leads_to(&environment.join(b"pyvenv.cfg")).is_none() {
            return Answer::NotMine;
        }
        let answer = match name.as_slice() {
            b"activate" | b"activate.sh" if file.path.name() == name => {
                rewritten(file, &environment, FIND, "\"$_RELOCATED_ENV\"")
            }
            b"activate.csh" => rewritten(file, &environment, "", CSH),
            b"activate.fish" => rewritten(file, &environment, "", FISH),
            _ => Err("nothing is known that tells this shell where the script lies".to_owned()),
        };
        nothing_left(file, answer)
    }
}

/// Puts `found` for each word that is the environment's path, and `find` in front of the first command.
fn rewritten(file: &Subject<'_>, environment: &RelPath, find: &str, found: &str) -> Result<Answer, String> {
    only_directory(file)?;
    let mut draft = Draft::new(file.bytes);
    if !find.is_empty() {
        let comments = lines(file.bytes).take_while(|(_, line)| line.starts_with(b"#"));
        let start = comments.last().map_or(0, |(start, line)| start + line.len());
        draft.replace(start..start, find.as_bytes(), WHY);
    }
    for (start, line) in lines(file.bytes) {
        for occurrence in file.with(line).occurrences() {
            let unknown = || "it names the old prefix in a way that is not known".to_owned();
            let (word, path) = word(line, occurrence.offset).ok_or_else(unknown)?;
            let mut to = found.as_bytes().to_vec();
            let way = environment.way_to(&file.inside(path).ok_or_else(unknown)?);
            if !way.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(byte)) {
                return Err(unknown());
            }
            if !way.is_empty() {
                to.push(b'/');
                to.extend_from_slice(&way);
            }
            draft.replace(start + word.start..start + word.end, &to, WHY);
        }
    }
    Ok(draft.answer())
}

/// The word around a path that begins at `at`, its quotes included, and the path.
fn word(line: &[u8], at: usize) -> Option<(Range<usize>, &[u8])> {
    let quote = line[..at].last().copied().filter(|byte| b"\"'".contains(byte));
    let len = line[at..].iter().position(|byte| match quote {
        Some(quote) => *byte == quote,
        None => byte.is_ascii_whitespace() || b";)".contains(byte),
    });
    let len = len.or((quote.is_none()).then_some(line.len() - at))?;
    let quotes = usize::from(quote.is_some());
    // Inside of other quotes, the quotes of what is put there would end them.
    let open = |quote| memchr::memchr_iter(quote, &line[..at - quotes]).count() % 2 == 1;
    if open(b'"') || open(b'\'') {
        return None;
    }
    Some((at - quotes..at + len + quotes, &line[at..at + len]))
}
