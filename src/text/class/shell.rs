//! Shell scripts (`sh`, `bash`, `dash`, `ksh`): paths below the old prefix become paths below a variable that the script
//! computes from `$0`, set before its first command.
//!
//! Refuses what is meant to be read by other scripts, because a sourced file cannot tell in POSIX's language where it lies;
//! here-documents with a quoted delimiter and arithmetic, where nothing can be put; and whatever is not understood with
//! certainty. Comments are left. Where a script does not quote what it expands, a blank in the new path breaks it as it
//! would have if it had been built there.

mod commands;
mod here;
mod quotes;
mod reader;

use super::draft::{Draft, ends_with, is_copied, line_of, lines, way_up};
use super::{Answer, Class, Subject};
use crate::base::path::RelPath;
use crate::text::occurrence::Occurrence;
use crate::text::shebang::shebang;
use reader::{Quoting, Unclear, read};

/// The class.
pub struct Shell;

const COMPUTED: &str = "computed from where the script lies";

/// A shell whose language is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Posix,
    Ksh,
    Bash,
}

impl Class for Shell {
    fn name(&self) -> &'static str {
        "shell"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        let Some(dialect) = dialect(file.bytes) else { return Answer::NotMine };
        let (head, first) = head(file.bytes);
        if hands_over(first) {
            return Answer::NotMine;
        }
        rewrite(file, dialect, head).unwrap_or_else(Answer::Refused)
    }
}

fn rewrite(file: &Subject<'_>, dialect: Dialect, head: usize) -> Result<Answer, String> {
    // The first line is another class's.
    let second = memchr::memchr(b'\n', file.bytes).map_or(file.bytes.len(), |newline| newline + 1);
    let found: Vec<Occurrence> = file.occurrences().into_iter().filter(|found| found.offset >= second).collect();
    if found.is_empty() {
        return Ok(Answer::Same);
    }
    let quotings = read(file.bytes, &found, dialect != Dialect::Posix).map_err(|Unclear(offset)| {
        format!("line {} cannot be read as a shell's language with certainty", line_of(file.bytes, offset))
    })?;
    let mut draft = Draft::new(file.bytes);
    let mut computed = false;
    for (found, quoting) in found.iter().zip(quotings) {
        let line = || line_of(file.bytes, found.offset);
        let to: &[u8] = match quoting {
            Quoting::Comment => continue,
            Quoting::Open => b"\"$relocate_prefix\"",
            Quoting::Expanded => b"$relocate_prefix",
            Quoting::Single => b"'\"$relocate_prefix\"'",
            Quoting::Dollar => b"'\"$relocate_prefix\"$'",
            Quoting::Verbatim => {
                return Err(format!(
                    "line {} names the prefix in a here-document in which nothing is expanded",
                    line()
                ));
            }
            Quoting::Arithmetic => return Err(format!("line {} names the prefix in an arithmetic expression", line())),
        };
        if !computed {
            draft.replace(head..head, &computation(file, dialect)?, COMPUTED);
            computed = true;
        }
        draft.replace(found.offset..found.end(), to, COMPUTED);
    }
    Ok(draft.answer())
}

/// Which shell a script is for, by its first line; none for other languages and for shells whose language is another.
fn dialect(bytes: &[u8]) -> Option<Dialect> {
    let first = shebang(&bytes[..bytes.len().min(512)])?;
    let words: Vec<&[u8]> = first.argument.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    // What `sh -c` runs need not read the file as a shell does.
    if words.contains(&&b"-c"[..]) {
        return None;
    }
    let mut name = base_name(first.interpreter);
    if name == b"env" || name == b"busybox" {
        name = words.iter().find(|word| **word != b"-S").map_or(name, |word| base_name(word));
    }
    match name {
        b"sh" | b"dash" | b"ash" | b"posh" => Some(Dialect::Posix),
        b"bash" => Some(Dialect::Bash),
        b"ksh" | b"ksh93" | b"mksh" | b"pdksh" | b"oksh" => Some(Dialect::Ksh),
        _ => None,
    }
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// The offset of the first line that is neither empty nor a comment, and that line.
fn head(bytes: &[u8]) -> (usize, &[u8]) {
    let blank = |line: &[u8]| line.trim_ascii_start().first().is_none_or(|byte| *byte == b'#');
    lines(bytes).find(|(_, line)| !blank(line)).unwrap_or((bytes.len(), b""))
}

/// Whether the first command gives the file to another interpreter, as scripts in perl, Tcl or Python do that begin as a
/// shell's: what follows is not a shell's language.
fn hands_over(first: &[u8]) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(first, word).is_some();
    has(b"exec") && has(b"$0")
}

/// The lines that set the variable, and that make sure of it: a script that was copied elsewhere, or is read by one that
/// lies elsewhere, says so.
fn computation(file: &Subject<'_>, dialect: Dialect) -> Result<Vec<u8>, String> {
    if file.mode & 0o6000 != 0 {
        return Err("it is setuid or setgid, and must not trust the name it is called by".to_owned());
    }
    if file.mode & 0o111 == 0 {
        return Err(
            "it is not executable, so other scripts read it, and a file that is read cannot tell where it lies"
                .to_owned(),
        );
    }
    if ends_with(file.path, b".sh") && !matches!(file.directory().name(), b"bin" | b"sbin") {
        return Err(
            "its name says that other scripts read it, and a file that is read cannot tell where it lies".to_owned()
        );
    }
    if is_copied(file.path) {
        return Err("it is there to be copied elsewhere".to_owned());
    }
    let way = way_up(file)?;
    let own = if dialect == Dialect::Bash { &b"${BASH_SOURCE:-$0}"[..] } else { b"$0" };
    Ok([
        b"relocate_prefix=$(CDPATH= cd -P -- \"$(dirname -- \"$(readlink -f -- \"",
        own,
        b"\")\")/",
        &way,
        b"\" && pwd -P)\n[ -e \"$relocate_prefix\"/",
        &word(file.path),
        b" ] || { echo \"$0: cannot tell where it was installed\" >&2; return 1 2>/dev/null || exit 1; }\n",
    ]
    .concat())
}

/// A path as one word.
fn word(path: &RelPath) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(byte);
    if path.as_bytes().iter().all(plain) {
        return path.as_bytes().to_vec();
    }
    let mut quoted = b"'".to_vec();
    for byte in path.as_bytes() {
        if *byte == b'\'' {
            quoted.extend_from_slice(b"'\\''");
        } else {
            quoted.push(*byte);
        }
    }
    quoted.push(b'\'');
    quoted
}
