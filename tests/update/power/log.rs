//! What strace(1) wrote of a run, read: the calls that came back well, in the order in which they did.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The calls that change a file system, or say which file a descriptor is of.
pub(super) const TRACED: &str = "open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,\
write,pwrite64,writev,pwritev,lseek,ftruncate,truncate,fallocate,copy_file_range,sendfile,chmod,fchmod,fchmodat,fsync,fdatasync,syncfs,sync_file_range,\
dup,dup2,dup3,fcntl";

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) args: Vec<Arg>,
    pub(super) result: i64,
    /// The path of a descriptor that it gave.
    pub(super) opened: PathBuf,
}

/// An argument.
#[derive(Debug)]
pub(super) enum Arg {
    /// A descriptor, and the path it is of; -1 for the working directory.
    Fd(i64, PathBuf),
    Text(Vec<u8>),
    Other(String),
}

impl Arg {
    pub(super) fn text(&self) -> &[u8] {
        if let Self::Text(text) = self { text } else { panic!("{self:?} is no text") }
    }

    pub(super) fn word(&self) -> &str {
        if let Self::Other(word) = self { word } else { panic!("{self:?} is no word") }
    }

    pub(super) fn fd(&self) -> (i64, &PathBuf) {
        if let Self::Fd(fd, path) = self { (*fd, path) } else { panic!("{self:?} is no descriptor") }
    }

    pub(super) fn number(&self) -> u64 {
        let word = self.word();
        let octal = word.len() > 1 && word.starts_with('0');
        u64::from_str_radix(word, if octal { 8 } else { 10 }).unwrap()
    }
}

/// Reads what `strace -f -y -xx -o` wrote.
pub(super) fn read(text: &str) -> Vec<Call> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let (process, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if let Some(begin) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(process, begin);
            continue;
        }
        let whole = match rest.strip_prefix("<... ") {
            Some(end) => format!("{}{}", begun.remove(process).unwrap(), end.split_once("resumed>").unwrap().1),
            None => rest.to_owned(),
        };
        calls.extend(call(&whole).filter(|call| call.result >= 0));
    }
    calls
}

/// One line; none of a call that never came back.
fn call(line: &str) -> Option<Call> {
    let (name, rest) = line.split_once('(')?;
    let end = end(rest);
    let args = split(&rest[..end]).into_iter().map(arg).collect();
    let answer = rest[end + 1..].trim_start().strip_prefix("= ")?;
    let digits = answer.find(|one: char| one != '-' && !one.is_ascii_digit()).unwrap_or(answer.len());
    let opened = answer[digits..].strip_prefix('<').map_or_else(PathBuf::new, |path| PathBuf::from(of_hex(path)));
    Some(Call { name: name.to_owned(), args, result: answer[..digits].parse().ok()?, opened })
}

/// Where the arguments end. Strings and paths are all in hexadecimal, so no bracket stands in them.
fn end(rest: &str) -> usize {
    let mut depth = 0;
    for (at, one) in rest.char_indices() {
        match one {
            '(' => depth += 1,
            ')' if depth == 0 => return at,
            ')' => depth -= 1,
            _ => {}
        }
    }
    panic!("{rest} does not end")
}

fn split(args: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, one) in args.char_indices() {
        match one {
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(args[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(args[start..].trim());
    parts
}

fn arg(text: &str) -> Arg {
    if let Some(text) = text.strip_prefix('"') {
        assert!(text.ends_with('"'), "{text} was cut");
        return Arg::Text(bytes(text));
    }
    match text.split_once('<') {
        Some(("AT_FDCWD", path)) => Arg::Fd(-1, PathBuf::from(of_hex(path))),
        Some((fd, path)) if fd.parse::<i64>().is_ok() => Arg::Fd(fd.parse().unwrap(), PathBuf::from(of_hex(path))),
        _ if text == "AT_FDCWD" => Arg::Fd(-1, PathBuf::new()),
        _ => Arg::Other(text.to_owned()),
    }
}

fn of_hex(text: &str) -> String {
    String::from_utf8_lossy(&bytes(text)).into_owned()
}

/// `\x2f\x74` and so on, up to what is none of it.
fn bytes(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).map_while(|pair| u8::from_str_radix(pair.get(..2)?, 16).ok()).collect()
}
