//! The compiler, linker and C library that everything will be built with.

use super::{Environment, ask, error, find};
use crate::base::finding::Finding;
use std::fs;
use std::path::{Path, PathBuf};

/// What a binary depends on beside its sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// The compiler's file.
    pub cc: PathBuf,
    /// The first line of `cc --version`.
    pub compiler: String,
    /// What it compiles for, such as `x86_64-linux-gnu`.
    pub target: String,
    /// The first line of the linker's `--version`.
    pub linker: String,
    /// The C library and its version, such as `glibc 2.36`, or `unknown` where its headers do not say (musl).
    pub libc: String,
}

/// Asks the compiler; `work` is where a small program is compiled. The finding says what is missing and how to get it.
pub fn toolchain(cc: &str, environment: &Environment, work: &Path) -> Result<Toolchain, Finding> {
    let install = "install a C compiler with its headers (Debian: apt-get install build-essential), or name one as cc";
    let wrong = |found: String| error("compiler", found).help(install);
    let file = find(cc, environment).ok_or_else(|| wrong(format!("no compiler '{cc}' was found")))?;
    let said = |arguments: &[&str]| {
        let answer = ask(&file, arguments, environment);
        let (success, text) = answer.map_err(|error| wrong(format!("cannot run '{cc}': {error}")))?;
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
        if success { Ok(first) } else { Err(wrong(format!("'{cc} {}' failed: {first}", arguments.join(" ")))) }
    };
    let (compiler, target) = (said(&["--version"])?, said(&["-dumpmachine"])?);
    let linker = said(&["-Wl,--version"])?;
    let probe = Probe::new(work, "#include <stdio.h>\n__GLIBC__ __GLIBC_MINOR__\n");
    let probe = probe.map_err(|error| wrong(format!("cannot write in '{}': {error}", work.display())))?;
    let (success, text) = ask(&file, &["-E", "-P", probe.source()], environment)
        .map_err(|error| wrong(format!("cannot run '{cc}': {error}")))?;
    if !success {
        return Err(wrong(format!("'{cc}' finds no <stdio.h>: the C library's headers are missing")));
    }
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let numbers: Vec<_> = last.split_whitespace().filter(|word| word.bytes().all(|b| b.is_ascii_digit())).collect();
    let libc = if numbers.len() == 2 { format!("glibc {}", numbers.join(".")) } else { "unknown".to_owned() };
    probe.write("int main(void) { return 0; }\n").map_err(|error| wrong(format!("cannot write: {error}")))?;
    if !links(&file, &[], environment, &probe) {
        return Err(wrong(format!("'{cc}' cannot compile and link an empty program")));
    }
    Ok(Toolchain { cc: file, compiler, target, linker, libc })
}

/// Whether the compiler takes the flags, tried on a small program and linked: `-mneeded` (which has the linker mark what
/// processor a file needs) came with gcc 11, and an assembler or linker may be older.
pub fn takes_flags(cc: &str, flags: &[&str], environment: &Environment, work: &Path) -> bool {
    let Some(file) = find(cc, environment) else { return false };
    // A probe that cannot be written says no, and the build goes on without the flags.
    Probe::new(work, "int main(void) { return 0; }\n").is_ok_and(|probe| links(&file, flags, environment, &probe))
}

fn links(cc: &Path, flags: &[&str], environment: &Environment, probe: &Probe) -> bool {
    let arguments = [flags, &[probe.source(), "-o", &probe.output]].concat();
    // clang only warns about a flag it ignores.
    ask(cc, &[&["-Werror"], arguments.as_slice()].concat(), environment).is_ok_and(|(success, _)| success)
}

/// A source file that is removed with all made of it.
struct Probe {
    // Held for its drop.
    _dir: tempfile::TempDir,
    source: String,
    output: String,
}

impl Probe {
    fn new(work: &Path, text: &str) -> std::io::Result<Self> {
        let dir = tempfile::Builder::new().prefix(".probe-").tempdir_in(work)?;
        let name = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        let probe = Self { source: name("probe.c"), output: name("probe"), _dir: dir };
        probe.write(text)?;
        Ok(probe)
    }

    fn write(&self, text: &str) -> std::io::Result<()> {
        fs::write(&self.source, text)
    }

    fn source(&self) -> &str {
        &self.source
    }
}
