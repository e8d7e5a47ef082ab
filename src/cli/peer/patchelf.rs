//! The run-time path options of patchelf(1) 0.14, and its options that only print.
//!
//! As there, a DT_RPATH becomes a DT_RUNPATH unless `--force-rpath` is given, and the first file that fails ends the run
//! with 1. Refused by name, before any file is touched: every other option of patchelf.

use super::{complain, replace};
use crate::cli::elf::{prefixes, real_paths};
use crate::cli::report::{say, say_bytes, talk};
use crate::elf::Kind;
use crate::loader::object::Tag;
use crate::pipeline::single::{Change, Request, SingleError, Subject};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Options of patchelf (0.14 to 0.18) that change what is not ours to change.
const NOT_OURS: [&str; 18] = [
    "--set-interpreter",
    "--set-soname",
    "--add-needed",
    "--remove-needed",
    "--replace-needed",
    "--no-default-lib",
    "--clear-symbol-version",
    "--add-debug-tag",
    "--print-os-abi",
    "--set-os-abi",
    "--print-execstack",
    "--clear-execstack",
    "--set-execstack",
    "--rename-dynamic-symbols",
    "--no-sort",
    "--no-clobber-old-sections",
    "--build-resolution-cache",
    "--clear-resolution-cache",
];

/// No Linux has larger pages, in bytes.
const LARGEST_PAGE: u64 = 65536;

const HELP: &str = "syntax: patchelf
  [--set-rpath RPATH]
  [--add-rpath RPATH]
  [--remove-rpath]
  [--shrink-rpath]
  [--allowed-rpath-prefixes PREFIXES]
  [--force-rpath]
  [--print-rpath]
  [--print-needed]
  [--print-soname]
  [--print-interpreter]
  [--page-size SIZE]
  [--output FILE]
  [--debug]
  [--version]
  FILENAME...
This is relocate under the name patchelf: it has patchelf's options about run-time paths, and no others.
";

/// What was typed.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
struct Typed {
    print_interpreter: bool,
    print_soname: bool,
    print_rpath: bool,
    print_needed: bool,
    set: Option<Vec<u8>>,
    add: Option<Vec<u8>>,
    remove: bool,
    shrink: bool,
    allowed: Vec<Vec<u8>>,
    force_rpath: bool,
    debug: bool,
    output: Option<PathBuf>,
    files: Vec<PathBuf>,
}

/// What a command line asks for.
enum Asked {
    Help,
    Version,
    Work(Typed),
}

/// Does what patchelf does; `arguments` are without the program's name.
pub(super) fn run(arguments: &[OsString]) -> ExitCode {
    if arguments.is_empty() {
        talk(HELP);
        return ExitCode::FAILURE;
    }
    let typed = match parse(arguments) {
        Ok(Asked::Help) => {
            talk(HELP);
            return ExitCode::SUCCESS;
        }
        Ok(Asked::Version) => {
            // Build tools read the number behind the first word and ask for 0.14 at least.
            say(concat!("patchelf 0.14.3 (relocate ", env!("CARGO_PKG_VERSION"), ")\n"));
            return ExitCode::SUCCESS;
        }
        Ok(Asked::Work(typed)) => typed,
        Err(what) => {
            talk(&format!("patchelf: {what}\n"));
            return ExitCode::FAILURE;
        }
    };
    let names = real_paths(&typed.files);
    for file in &typed.files {
        if let Err(error) = typed.one(file, &names) {
            complain("patchelf", file, &error);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn parse(arguments: &[OsString]) -> Result<Asked, String> {
    let mut typed = Typed::default();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let mut argument = || rest.next().ok_or_else(|| format!("missing argument of {}", word.to_string_lossy()));
        match word.to_str().unwrap_or_default() {
            "--help" | "-h" => return Ok(Asked::Help),
            "--version" => return Ok(Asked::Version),
            "--print-interpreter" => typed.print_interpreter = true,
            "--print-soname" => typed.print_soname = true,
            "--print-rpath" => typed.print_rpath = true,
            "--print-needed" => typed.print_needed = true,
            "--set-rpath" => typed.set = Some(text_or_file(argument()?)?),
            "--add-rpath" => typed.add = Some(text_or_file(argument()?)?),
            "--remove-rpath" => typed.remove = true,
            "--shrink-rpath" => typed.shrink = true,
            "--allowed-rpath-prefixes" => {
                typed.allowed = prefixes(OsStr::from_bytes(&text_or_file(argument()?)?));
            }
            "--force-rpath" => typed.force_rpath = true,
            "--output" => typed.output = Some(PathBuf::from(OsString::from_vec(text_or_file(argument()?)?))),
            "--page-size" => page_size(argument()?)?,
            "--debug" => typed.debug = true,
            option if NOT_OURS.contains(&option) => {
                return Err(format!("{option} is not supported: this is relocate, which changes run-time paths only"));
            }
            option if option.starts_with("--") => {
                return Err(format!("{option} is no option of patchelf's; a file of that name is ./{option}"));
            }
            _ => typed.files.push(PathBuf::from(word)),
        }
    }
    check(typed)
}

fn check(typed: Typed) -> Result<Asked, String> {
    let wrong = if typed.files.is_empty() {
        "missing filename"
    } else if typed.output.is_some() && typed.files.len() > 1 {
        "--output option only allowed with single input file"
    } else if typed.set.is_some() && typed.add.is_some() {
        "--set-rpath option not allowed with --add-rpath"
    } else {
        return Ok(Asked::Work(typed));
    };
    Err(wrong.to_owned())
}

/// `@FILE` stands for what FILE holds, to the last byte.
fn text_or_file(argument: &OsString) -> Result<Vec<u8>, String> {
    match argument.as_bytes().strip_prefix(b"@") {
        None => Ok(argument.as_bytes().to_vec()),
        Some(file) => {
            let file = Path::new(OsStr::from_bytes(file));
            fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
        }
    }
}

/// The pages of a machine are known here; a new segment is aligned to the largest of them.
fn page_size(argument: &OsString) -> Result<(), String> {
    match argument.to_str().and_then(|text| text.parse::<u64>().ok()) {
        Some(1..=LARGEST_PAGE) => Ok(()),
        Some(size @ 1..) => Err(format!("--page-size {size}: no Linux has pages larger than {LARGEST_PAGE}")),
        _ => Err("invalid argument to --page-size".to_owned()),
    }
}

impl Typed {
    fn one(&self, file: &Path, names: &[PathBuf]) -> Result<(), SingleError> {
        if self.debug {
            talk(&format!("patching ELF file '{}'\n", file.display()));
        }
        let subject = Subject::open(file)?;
        if matches!(subject.kind(), Kind::Relocatable | Kind::Core) {
            return Err(SingleError::NoDynamic(subject.kind()));
        }
        self.print_program(&subject)?;
        if let Some(request) = self.request() {
            subject.facts()?;
            self.change(&subject, &request, names)?;
        } else if self.output.is_some() {
            self.change(&subject, &Request::default(), names)?;
        }
        if self.print_needed {
            lines(subject.facts()?.object.needed.iter().map(Vec::as_slice));
        }
        Ok(())
    }

    fn print_program(&self, subject: &Subject) -> Result<(), SingleError> {
        if self.print_interpreter {
            let interp = subject.facts()?.object.interp.as_deref().ok_or(SingleError::NoInterpreter)?;
            lines([interp]);
        }
        if self.print_soname {
            // As there, no soname is no failure, whatever the manual says; nor is a file that can have none.
            lines(subject.facts().ok().and_then(|facts| facts.object.soname.as_deref()));
        }
        if self.print_rpath {
            lines([subject.facts()?.object.run_path().map_or(&b""[..], |(_, path)| path)]);
        }
        Ok(())
    }

    /// Of several changes patchelf makes the first of this order, and passes over the rest.
    fn request(&self) -> Option<Request> {
        let change = if self.shrink {
            Change::Shrink { allowed: self.allowed.clone() }
        } else if self.remove {
            Change::Remove
        } else if let Some(path) = &self.set {
            Change::Set(path.clone())
        } else {
            Change::Append(self.add.clone()?)
        };
        Some(Request { change, tag: Some(if self.force_rpath { Tag::Rpath } else { Tag::Runpath }) })
    }

    fn change(&self, subject: &Subject, request: &Request, names: &[PathBuf]) -> Result<(), SingleError> {
        let copy = self.output.as_deref().filter(|output| !subject.is(output));
        let decision = subject.decide(request, copy.is_some())?;
        if self.debug {
            talk(&format!("{}, {} bytes added\n", decision.rung(), decision.added));
        }
        match copy {
            Some(output) => subject.write_copy(&decision, output),
            None => replace("patchelf", subject, &decision, names),
        }
    }
}

/// Prints each on a line of its own, byte for byte.
fn lines<'a>(all: impl IntoIterator<Item = &'a [u8]>) {
    for line in all {
        say_bytes(&[line, b"\n"].concat());
    }
}
