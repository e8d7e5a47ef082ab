//! What a shebang runs: an interpreter and its argument, each a word that may name the tree.

use super::super::Subject;
use super::way::{Look, Place};
use crate::base::path::{RelPath, printable};
use crate::text::shebang::Shebang;

/// The words the kernel, or `env -S`, makes of a shebang.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command<'a> {
    words: Vec<&'a [u8]>,
}

impl<'a> Command<'a> {
    /// Takes a shebang apart; `env` is looked through. Fails where env's options or quotes would have to be understood.
    pub(super) fn of(line: Shebang<'a>) -> Result<Self, String> {
        let argument = line.argument;
        if last_component(line.interpreter) != b"env" || argument.is_empty() {
            let words = [line.interpreter, argument].into_iter().filter(|word| !word.is_empty());
            return Ok(Self { words: words.collect() });
        }
        let split = [&b"-S"[..], b"--split-string=", b"--split-string"].into_iter().find_map(|option| {
            let rest = argument.strip_prefix(option)?;
            Some(rest.trim_ascii_start())
        });
        let words: Vec<&[u8]> = match split {
            Some(rest) if rest.iter().any(|byte| b"\\'\"$#".contains(byte)) => {
                return Err(format!("env is asked to take '{}' apart", printable(rest)));
            }
            Some(rest) => rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect(),
            None => vec![argument],
        };
        match words.first() {
            Some(word) if !word.starts_with(b"-") && !word.contains(&b'=') => Ok(Self { words }),
            _ => Err(format!("env is given '{}', which is no command", printable(argument))),
        }
    }

    /// The interpreter's last component.
    pub(super) fn name(&self) -> &'a [u8] {
        self.words.first().map_or(&[], |word| last_component(word))
    }

    /// What the interpreter is given before the script.
    pub(super) fn arguments(&self) -> &[&'a [u8]] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The command as words of sh, each between double quotes where it needs them.
    pub(super) fn in_shell(&self, file: &Subject<'_>, place: &Place, look: Look) -> Result<Vec<Vec<u8>>, String> {
        let words = self.words.iter().enumerate();
        words.map(|(at, word)| in_shell(word, at == 0, file, place, look)).collect()
    }
}

/// One word of sh. The interpreter has to be in the tree, or outside of every old prefix.
fn in_shell(word: &[u8], interpreter: bool, file: &Subject<'_>, place: &Place, look: Look) -> Result<Vec<u8>, String> {
    if let Some(byte) = word.iter().find(|byte| !is_plain(**byte)) {
        let found = printable(std::slice::from_ref(byte)).into_owned();
        return Err(format!("'{}' in its first line has '{found}', which cannot be carried over", printable(word)));
    }
    let subject = file.with(word);
    if interpreter && !subject.occurrences().is_empty() {
        let path = file.inside(word).filter(|path| file.around.leads_to(path).is_some());
        let path = path.ok_or_else(|| format!("its interpreter {} is not in the tree", printable(word)))?;
        return Ok(quoted(&place.to(&path, look)));
    }
    let mut rendered = Vec::new();
    let mut done = 0;
    for found in subject.occurrences() {
        rendered.extend_from_slice(&word[done..found.offset]);
        rendered.extend_from_slice(&place.to(&RelPath::root(), look));
        done = found.end();
    }
    rendered.extend_from_slice(&word[done..]);
    let bare = done == 0 && word.iter().all(|byte| is_bare(*byte));
    Ok(if bare { rendered } else { quoted(&rendered) })
}

fn quoted(word: &[u8]) -> Vec<u8> {
    [b"\"", word, b"\""].concat()
}

/// Stands for itself between quotes of sh, and in the strings and comments of every language whose form is used.
fn is_plain(byte: u8) -> bool {
    is_bare(byte) || b" \t,~^".contains(&byte)
}

/// Stands for itself in sh even without quotes.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+./:@%=".contains(&byte)
}

fn last_component(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}
