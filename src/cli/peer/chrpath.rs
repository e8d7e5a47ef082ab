//! The options, output and exit codes of chrpath(1) 0.16.
//!
//! A path may be longer than the old one, which chrpath refuses with 7; here 7 says that no rung of the ladder was safe.
//! As there, a file without a run-time path gets none (2), and the first file that fails ends the run, unless `-k` is
//! given; the codes of several files are then joined bit by bit.

use super::{complain, replace};
use crate::cli::elf::real_paths;
use crate::cli::report::{say, say_bytes, talk};
use crate::loader::object::Tag;
use crate::pipeline::single::{Change, Request, SingleError, Subject};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The file cannot be read or written, or is not what was expected; so too a command line that is not understood.
const FAILED: u8 = 1;
/// There is no run-time path.
const NO_PATH: u8 = 2;
/// The new path does not fit.
const TOO_LARGE: u8 = 7;

const USAGE: &str = "Usage: chrpath [-v|-d|-c|-r <path>] <program> [<program> ...]

   -v|--version                Display program version number
   -d|--delete                 Delete current rpath/runpath setting
   -c|--convert                Convert rpath to runpath
   -r <path>|--replace <path>  Replace current rpath/runpath setting
                               with the path given; it may be longer
   -l|--list                   List the current rpath/runpath (default)
   -k|--keepgoing              Do not fail on first error
   -h|--help                   Show this usage information.
";

/// Long options, each with its letter.
const LONG: [(&str, u8); 7] = [
    ("version", b'v'),
    ("delete", b'd'),
    ("replace", b'r'),
    ("convert", b'c'),
    ("list", b'l'),
    ("keepgoing", b'k'),
    ("help", b'h'),
];

/// What was typed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Typed {
    delete: bool,
    convert: bool,
    keep_going: bool,
    replace: Option<Vec<u8>>,
    files: Vec<PathBuf>,
}

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Help,
    Version,
    Work(Typed),
}

/// Does what chrpath does; `arguments` are without the program's name.
pub(super) fn run(arguments: &[OsString]) -> ExitCode {
    if arguments.is_empty() {
        say(USAGE);
        return ExitCode::from(FAILED);
    }
    match parse(arguments) {
        Ok(Asked::Help) => {
            say(USAGE);
            ExitCode::SUCCESS
        }
        Ok(Asked::Version) => {
            say(concat!("chrpath version 0.16 (relocate ", env!("CARGO_PKG_VERSION"), ")\n"));
            ExitCode::SUCCESS
        }
        Ok(Asked::Work(typed)) => ExitCode::from(typed.all()),
        Err(what) => {
            talk(&format!("chrpath: {what}\n{USAGE}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Reads options as getopt_long(3) does: bundled letters, shortened long options, options behind files.
fn parse(arguments: &[OsString]) -> Result<Asked, String> {
    let mut typed = Typed::default();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let bytes = word.as_bytes();
        if bytes == b"--" {
            typed.files.extend(rest.by_ref().map(PathBuf::from));
        } else if let Some(long) = bytes.strip_prefix(b"--") {
            let (letter, value) = long_option(long)?;
            if let Some(done) = typed.option(letter, value, &mut rest)? {
                return Ok(done);
            }
        } else if bytes.len() > 1 && bytes[0] == b'-' {
            let mut letters = &bytes[1..];
            while let Some((letter, after)) = letters.split_first() {
                let takes_value = *letter == b'r';
                let value = (takes_value && !after.is_empty()).then(|| after.to_vec());
                if let Some(done) = typed.option(*letter, value, &mut rest)? {
                    return Ok(done);
                }
                letters = if takes_value { &[] } else { after };
            }
        } else {
            typed.files.push(PathBuf::from(word));
        }
    }
    Ok(Asked::Work(typed))
}

/// The letter of a long option, and what stands behind its `=`.
fn long_option(long: &[u8]) -> Result<(u8, Option<Vec<u8>>), String> {
    let (name, value) = match long.iter().position(|byte| *byte == b'=') {
        Some(at) => (&long[..at], Some(long[at + 1..].to_vec())),
        None => (long, None),
    };
    let mut meant = LONG.iter().filter(|(option, _)| option.as_bytes().starts_with(name));
    let shown = || String::from_utf8_lossy(name);
    match (meant.next(), meant.next()) {
        (Some((option, letter)), None) if value.is_some() && *letter != b'r' => {
            Err(format!("option '--{option}' doesn't allow an argument"))
        }
        (Some((_, letter)), None) => Ok((*letter, value)),
        (None, _) => Err(format!("unrecognized option '--{}'", shown())),
        _ => Err(format!("option '--{}' is ambiguous", shown())),
    }
}

impl Typed {
    /// Takes one option; `Some` where it ends the reading.
    fn option<'a>(
        &mut self,
        letter: u8,
        value: Option<Vec<u8>>,
        rest: &mut impl Iterator<Item = &'a OsString>,
    ) -> Result<Option<Asked>, String> {
        match letter {
            b'h' => return Ok(Some(Asked::Help)),
            b'v' => return Ok(Some(Asked::Version)),
            b'd' => self.delete = true,
            b'c' => self.convert = true,
            b'k' => self.keep_going = true,
            b'l' => {}
            b'r' => {
                let next = || rest.next().map(|word| word.as_bytes().to_vec());
                self.replace = Some(value.or_else(next).ok_or("option requires an argument -- 'r'")?);
            }
            other => return Err(format!("invalid option -- '{}'", other.escape_ascii())),
        }
        Ok(None)
    }

    fn all(&self) -> u8 {
        let names = real_paths(&self.files);
        let mut code = 0;
        for file in &self.files {
            code |= match self.one(file, &names) {
                Ok(code) => code,
                Err(error) => {
                    complain("chrpath", file, &error);
                    if matches!(error, SingleError::Refused(_)) { TOO_LARGE } else { FAILED }
                }
            };
            if code != 0 && !self.keep_going {
                break;
            }
        }
        code
    }

    fn one(&self, file: &Path, names: &[PathBuf]) -> Result<u8, SingleError> {
        let subject = Subject::open(file)?;
        let old = subject.facts()?.object.run_path();
        if self.delete {
            return change(&subject, &Request { change: Change::Remove, tag: None }, names).map(|()| 0);
        }
        let Some((old_tag, old_path)) = old else {
            tell(file, &[b": no rpath or runpath tag found."]);
            return Ok(NO_PATH);
        };
        let convert = self.convert && old_tag == Tag::Rpath;
        let tag = if convert { Tag::Runpath } else { old_tag };
        let list = |tag: Tag| tell(file, &[b": ", tag.name().as_bytes(), b"=", old_path]);
        if convert || self.replace.is_some() {
            let wish = self.replace.clone().map_or(Change::Keep, Change::Set);
            let request = Request { change: wish, tag: Some(tag) };
            change(&subject, &request, names).inspect_err(|_| list(old_tag))?;
        }
        if convert {
            tell(file, &[b": RPATH converted to RUNPATH"]);
        }
        list(tag);
        if let Some(path) = &self.replace {
            tell(file, &[b": new ", tag.name().as_bytes(), b": ", path]);
        }
        Ok(0)
    }
}

fn change(subject: &Subject, request: &Request, names: &[PathBuf]) -> Result<(), SingleError> {
    let decision = subject.decide(request, false)?;
    replace("chrpath", subject, &decision, names)
}

/// Prints a line about a file, byte for byte.
fn tell(file: &Path, parts: &[&[u8]]) {
    say_bytes(&[file.as_os_str().as_bytes(), &parts.concat(), b"\n"].concat());
}
