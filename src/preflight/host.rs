//! What a release needs of its host: kernel, processor, the C library and those of the compiler, a shell.
//!
//! A library's own bytes tell which versions it has: their names stand in its string table, and no other library's names of that
//! family do. Nothing is loaded or run.

use super::processor;
use super::{Machine, Seen};
use crate::base::finding::Severity;
use crate::base::host::library_directories_below;
use crate::loader::floor::{Demand, Floor, Kind};
use crate::loader::version::Version;
use std::fs;
use std::path::PathBuf;

/// What releases want of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wants {
    /// What the objects of the newest one demand; nothing where none is known.
    pub floor: Floor,
    /// Whether it wants programs to be run when it becomes current.
    pub hooks: bool,
}

/// The largest library that is read: glibc has 2 MB, libstdc++ 30 with its debug sections.
const LARGEST: u64 = 256 << 20;

pub(super) fn look(machine: &Machine, wants: &Wants, seen: &mut Seen) {
    shell(machine, wants, seen);
    for (kind, demand) in wants.floor.demands() {
        let what = subject(kind);
        let Some(have) = offered(machine, kind) else {
            if let Some(library) = library(kind) {
                lacks(library, demand, seen);
            }
            continue;
        };
        let prefix = kind.prefix();
        seen.row(what, format!("{prefix}{have}; releases need {prefix}{}", demand.version));
        if have < demand.version {
            let Demand { name, file, .. } = demand;
            let found = format!("{what} here is {prefix}{have}, and the newest release needs {name} ('{file}' does)");
            seen.find(
                Severity::Error,
                "floor",
                found,
                "use a newer system, or ask the publisher for a release built on an older one",
            );
        }
    }
}

fn lacks(library: &str, demand: &Demand, seen: &mut Seen) {
    let Demand { name, file, .. } = demand;
    let found = format!("{library} is not here, and the newest release needs {name} of it ('{file}' does)");
    let help = match library {
        "libc.so.6" => "use a system with glibc, or ask the publisher for a release for this one",
        "libstdc++.so.6" => "apt-get install libstdc++6, or dnf install libstdc++",
        _ => "apt-get install libgcc-s1, or dnf install libgcc",
    };
    seen.find(Severity::Error, "floor", found, help);
}

fn shell(machine: &Machine, wants: &Wants, seen: &mut Seen) {
    if machine.file("/bin/sh").exists() {
        return;
    }
    let severity = if wants.hooks { Severity::Error } else { Severity::Warning };
    let found = "/bin/sh is not here: what a release wants to be run when it becomes current cannot be";
    let help = "apt-get install dash, or dnf install bash; or update with --no-hooks";
    seen.find(severity, "no-shell", found, help);
}

fn subject(kind: Kind) -> &'static str {
    match kind {
        Kind::Glibc => "glibc",
        Kind::Glibcxx | Kind::Cxxabi => "libstdc++",
        Kind::Gcc => "libgcc_s",
        Kind::Kernel => "kernel",
        Kind::IsaLevel => "processor",
    }
}

fn library(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Glibc => Some("libc.so.6"),
        Kind::Glibcxx | Kind::Cxxabi => Some("libstdc++.so.6"),
        Kind::Gcc => Some("libgcc_s.so.1"),
        Kind::Kernel | Kind::IsaLevel => None,
    }
}

/// What the machine has of a kind; none where that cannot be seen.
fn offered(machine: &Machine, kind: Kind) -> Option<Version> {
    match kind {
        Kind::Kernel => kernel(&machine.text("/proc/sys/kernel/osrelease")?),
        Kind::IsaLevel => processor::level(&machine.text("/proc/cpuinfo")?).map(|level| Version::new(&[level])),
        _ => {
            let name = library(kind)?;
            let found: Vec<PathBuf> = library_directories_below(&machine.sysroot);
            let path = found.into_iter().map(|dir| dir.join(name)).find(|path| path.is_file())?;
            fs::metadata(&path).ok().filter(|found| found.len() <= LARGEST)?;
            highest(&fs::read(path).ok()?, kind.prefix())
        }
    }
}

/// The numbers a release name of Linux begins with: `3.10.0-1160.el7.x86_64` is 3.10.0.
fn kernel(release: &str) -> Option<Version> {
    let end = release.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(release.len());
    Version::parse(release.get(..end)?.trim_end_matches('.'))
}

/// The highest version of a family that stands in a library.
fn highest(bytes: &[u8], prefix: &str) -> Option<Version> {
    let begins = memchr::memmem::find_iter(bytes, prefix.as_bytes());
    let number = |at: usize| {
        let rest = bytes.get(at + prefix.len()..)?;
        let text = rest.get(..rest.iter().take(16).position(|byte| *byte == 0)?)?;
        Version::parse(std::str::from_utf8(text).ok()?)
    };
    begins.filter_map(number).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_a_library_says() {
        let bytes = b"\0GLIBC_2.9\0GLIBC_2.17\0GLIBC_PRIVATE\0GLIBC_2.3.4\0xGLIBC_99";
        assert_eq!(highest(bytes, "GLIBC_"), Version::parse("2.17"));
        assert_eq!(highest(bytes, "GLIBCXX_"), None);
        assert_eq!(kernel("3.10.0-1160.el7.x86_64\n"), Version::parse("3.10.0"));
        assert_eq!(kernel("6.1.-rc1"), Version::parse("6.1"));
        assert_eq!(kernel("odd"), None);
    }

    #[test]
    fn this_machine_has_the_glibc_that_its_own_program_says() {
        let machine = Machine { sysroot: "/".into(), path: "/usr/bin".into(), uid: 0 };
        let answer = std::process::Command::new("getconf").arg("GNU_LIBC_VERSION").output().unwrap();
        let said = String::from_utf8(answer.stdout).unwrap();
        let said = Version::parse(said.trim().trim_start_matches("glibc ")).unwrap();
        // The newest symbol may be older than the library itself, never newer.
        let found = offered(&machine, Kind::Glibc).unwrap();
        assert!(found <= said && found >= Version::parse("2.17").unwrap(), "{found} {said}");
        for kind in [Kind::Glibcxx, Kind::Gcc, Kind::Kernel] {
            assert!(offered(&machine, kind).is_some(), "{kind:?}");
        }
    }
}
