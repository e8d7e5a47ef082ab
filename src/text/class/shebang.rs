//! A script whose first line names an interpreter below an old prefix: it finds the interpreter from where it lies.
//!
//! By default `/bin/sh` begins to read the script and hands it over ([`polyglot`]); where the script's language has no such
//! form, `env -S` splits a command line, which asks for a recent coreutils. A script that nobody can execute is only ever
//! given to an interpreter, so its line just names one. Refuses setuid scripts, scripts whose hard links lie at different
//! depths, and interpreters that are not in the tree.

mod command;
mod kind;
mod polyglot;
mod python;
mod trampoline;
mod way;

use super::{Answer, Change, Class, Demand, New, Subject};
use crate::text::shebang::shebang;
use command::Command;
use kind::Kind;
use polyglot::Script;
use way::{Look, Place};

/// The class of scripts whose first lines name a prefix.
pub struct Shebang;

/// The longest first line of any kernel, in bytes, and of those before 5.1 (execve(2)).
const LONGEST: usize = 255;
const LONGEST_BEFORE_5_1: usize = 127;

impl Class for Shebang {
    fn name(&self) -> &'static str {
        "shebang"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        let (line, body) = first_line(file.bytes);
        let Some(parsed) = shebang(line) else { return Answer::NotMine };
        let answer = if file.with(line).occurrences().is_empty() {
            trampoline::rewrite(file, file.bytes)
        } else if line.ends_with(b"\r") && file.mode & 0o111 != 0 {
            Err("its first line ends in a carriage return, which belongs to the interpreter's name".to_owned())
        } else {
            Command::of(parsed).and_then(|command| rewritten(file, &command, line, body)).map(Answer::New)
        };
        answer.unwrap_or_else(Answer::Refused)
    }
}

/// The first line without its newline, and all that follows.
fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'\n', bytes) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

fn rewritten(file: &Subject<'_>, command: &Command<'_>, line: &[u8], body: &[u8]) -> Result<New, String> {
    if file.mode & 0o6000 != 0 {
        return Err("it is a setuid or setgid script".to_owned());
    }
    let mut new =
        if file.mode & 0o111 == 0 { named(file, command, line, body)? } else { executable(file, command, body)? };
    if !file.with(first_line(&new.bytes).0).occurrences().is_empty() {
        return Err("the old prefix is part of the host's own paths".to_owned());
    }
    // Perl scripts often have a line for shells as well, which is never run; where it cannot be rewritten it stays.
    if let Ok(Answer::New(more)) = trampoline::rewrite(file, &new.bytes) {
        new.bytes = more.bytes;
        new.changes.extend(more.changes);
    }
    Ok(new)
}

/// A script that is not executable: its line only tells a reader, or an editor, which language it is.
fn named(file: &Subject<'_>, command: &Command<'_>, line: &[u8], body: &[u8]) -> Result<New, String> {
    let mut words = vec![&b"#!/usr/bin/env"[..], command.name()];
    words.extend(command.arguments());
    let mut first = words.join(&b' ');
    if !file.with(&first).occurrences().is_empty() {
        return Err("its interpreter is given a path of the old prefix".to_owned());
    }
    let end = &file.bytes[line.trim_ascii_end().len()..file.bytes.len() - body.len()];
    first.extend_from_slice(end);
    let bytes = [&first, body].concat();
    Ok(changed(file, bytes, "the script is not executable: its first line is never run", Vec::new()))
}

fn executable(file: &Subject<'_>, command: &Command<'_>, body: &[u8]) -> Result<New, String> {
    let place = Place::of(file)?;
    if let Some(kind) = Kind::of(command.name(), command.arguments()) {
        let mut words = command.in_shell(file, &place, Look::Clean)?;
        let arguments = words.split_off(1);
        let switches = command.arguments().join(&b' ');
        let switches = if file.with(&switches).occurrences().is_empty() { switches } else { Vec::new() };
        let script = Script { interpreter: words.concat(), arguments, switches, body };
        if let Some(bytes) = script.handed_over(kind) {
            return Ok(changed(file, bytes, "sh hands the script to its interpreter, found from $0", Vec::new()));
        }
    }
    let words = command.in_shell(file, &place, Look::Short)?.join(&b' ');
    let line = [b"#!/usr/bin/env -S /bin/sh -c 'exec ", words.as_slice(), br#" "$0" "$@"'"#].concat();
    let mut demands = vec![Demand::EnvSplit];
    if line.len() > LONGEST {
        return Err(format!("its first line would have {} bytes, and the kernel reads {LONGEST}", line.len()));
    }
    if line.len() > LONGEST_BEFORE_5_1 {
        demands.push(Demand::LongShebang);
    }
    let bytes = [&line, b"\n".as_slice(), body].concat();
    Ok(changed(file, bytes, "env and sh find the interpreter from the script", demands))
}

/// The file rewritten, as one change: the lines before the first that both have in common to the end.
fn changed(file: &Subject<'_>, bytes: Vec<u8>, why: &'static str, demands: Vec<Demand>) -> New {
    let same = file.bytes.iter().rev().zip(bytes.iter().rev()).take_while(|(old, new)| old == new).count();
    let tail = &bytes[bytes.len() - same..];
    let same = memchr::memchr(b'\n', tail).map_or(0, |end| tail.len() - end);
    let part = |whole: &[u8]| whole[..whole.len() - same].to_vec();
    New { changes: vec![Change { from: part(file.bytes), to: part(&bytes), why }], bytes, demands }
}
