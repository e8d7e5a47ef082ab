//! What a build needs of this machine, looked at before any work: all problems at once, each with its remedy.
//!
//! Takes what is wanted (compiler, shell, room, outputs); gives [`Finding`]s, and facts about the toolchain that belong in
//! a lock or a cache key. Every fact comes from asking the program that will be used, in the environment it will have.

mod place;
mod toolchain;

pub(in crate::build) use place::nearest_there;
pub use place::{Room, room, writable};
pub use toolchain::{Toolchain, takes_flags, toolchain};

use crate::base::child::{Cancel, Task};
use crate::base::finding::{Finding, Severity};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Variables by name.
pub type Environment = BTreeMap<OsString, OsString>;

/// Where the programs of the host are; the caller's own PATH would get into what packages record about their making.
const HOST_PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";

/// The environment of every child: nothing of ours, then what `also` says, which may overrule the rest.
pub fn environment<'a>(
    home: &Path,
    epoch: Option<i64>,
    also: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Environment {
    let mut environment = Environment::new();
    let mut put = |name: &str, value: &OsStr| drop(environment.insert(name.into(), value.to_owned()));
    put("PATH", OsStr::new(HOST_PATH));
    put("HOME", home.as_os_str());
    put("LC_ALL", OsStr::new("C"));
    put("TZ", OsStr::new("UTC"));
    if let Some(epoch) = epoch {
        put("SOURCE_DATE_EPOCH", OsStr::new(&epoch.to_string()));
    }
    for (name, value) in also {
        put(name, OsStr::new(value));
    }
    environment
}

/// What is to be looked at.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The C compiler, a name or a path.
    pub cc: &'a str,
    /// The shell that bootstrap and the makefiles run.
    pub shell: &'a Path,
    /// The environment of the children.
    pub environment: &'a Environment,
    /// Room needed, by directory.
    pub rooms: &'a [Room],
    /// Files that are written at the end.
    pub outputs: &'a [PathBuf],
    /// Where probes may be made; must be there.
    pub work: &'a Path,
}

/// Looks at everything; nothing is changed. Sorted by kind.
pub fn check(wanted: &Wanted<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> = missing_programs(wanted.environment).into_iter().collect();
    findings.extend(toolchain(wanted.cc, wanted.environment, wanted.work).err());
    findings.extend(shell(wanted.shell, wanted.environment));
    findings.extend(user(wanted.environment));
    findings.extend(wanted.rooms.iter().filter_map(room));
    findings.extend(wanted.outputs.iter().filter_map(|path| writable(path)));
    findings.sort();
    findings
}

/// What bootstrap looks for and gives up without, of any era.
/// The makefiles run bmake, which bootstrap makes itself: no make of the host is needed.
const PROGRAMS: [&str; 15] =
    ["awk", "chmod", "cp", "expr", "grep", "groups", "id", "ln", "ls", "rmdir", "sed", "sh", "tar", "tr", "whoami"];

fn missing_programs(environment: &Environment) -> Option<Finding> {
    let missing: Vec<_> = PROGRAMS.into_iter().filter(|name| find(name, environment).is_none()).collect();
    let found = format!("not found in PATH: {}", missing.join(", "));
    let help = "install them; on Debian most are in coreutils, grep, sed, tar and mawk";
    (!missing.is_empty()).then(|| error("host-program", found).help(help))
}

/// The file that a name means in the PATH of the environment; a path means itself. None where it cannot be executed.
pub fn find(name: &str, environment: &Environment) -> Option<PathBuf> {
    let may_run = |path: &Path| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| may_run(path));
    }
    let path = environment.get(OsStr::new("PATH"))?;
    std::iter::once(path).flat_map(|path| split_path(path)).map(|dir| dir.join(name)).find(|path| may_run(path))
}

fn split_path(path: &OsStr) -> Vec<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    path.as_bytes().split(|byte| *byte == b':').map(|dir| PathBuf::from(OsStr::from_bytes(dir))).collect()
}

/// Asks a shell what bootstrap asks it: an old one looks at its echo before its own options, and gives up.
pub fn shell(shell: &Path, environment: &Environment) -> Option<Finding> {
    let name = shell.display();
    let help = "name another shell, such as /bin/bash";
    if !shell.is_absolute() {
        return Some(error("shell", format!("shell '{name}' is no absolute path")).help(help));
    }
    let probe = "f() { x=$((1 + 1)); echo \"\\\\100 $x ${1%b}\"; }; f ab";
    match ask(shell, &["-c", probe], environment) {
        Err(source) => Some(error("shell", format!("shell '{name}' cannot be run: {source}")).help(help)),
        Ok((true, text)) if text == "\\100 2 a\n" => None,
        Ok((true, text)) if text.starts_with('@') => {
            let found = format!("the echo of shell '{name}' turns '\\100' into '@', which pkgsrc's bootstrap refuses");
            Some(error("shell", found).help(help))
        }
        Ok(_) => Some(error("shell", format!("'{name}' is no POSIX shell")).help(help)),
    }
}

/// Whether whoever runs this has a name: bootstrap gives files to what whoami(1) prints, and fails on nothing.
pub fn user(environment: &Environment) -> Option<Finding> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    // A whoami that is not there is reported among the programs.
    let whoami = find("whoami", environment)?;
    let named = ask(&whoami, &[], environment).is_ok_and(|(success, text)| success && !text.trim().is_empty());
    let found = format!("user id {uid} has no entry in /etc/passwd, and bootstrap fails without a name");
    let help =
        format!("run as a user that has one, or add one: echo builder:x:{uid}:{gid}::/tmp:/bin/sh >>/etc/passwd");
    (!named).then(|| error("passwd-entry", found).help(help))
}

fn error(kind: &str, found: String) -> Finding {
    Finding::of_tree(Severity::Error, kind, found)
}

/// Whether a program succeeded, and what it printed, errors last.
fn ask(program: &Path, arguments: &[&str], environment: &Environment) -> io::Result<(bool, String)> {
    let task = Task {
        program: program.to_owned(),
        arguments: arguments.iter().map(Into::into).collect(),
        environment: environment.clone().into_iter().collect(),
        directory: PathBuf::from("/"),
        held: None,
    };
    let answer = task.ask(&Cancel::default())?;
    let text = [answer.stdout, answer.stderr].concat();
    Ok((answer.ended.end.is_success(), String::from_utf8_lossy(&text).into_owned()))
}

#[cfg(test)]
mod tests;
