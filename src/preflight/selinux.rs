//! SELinux: whether it forbids that programs of a release run as services, and the label that releases get.
//!
//! The label is asked of `matchpathcon` where that is there, since `restorecon` would give the same; else it is the one that the
//! directory has, which new files inherit. Which types services may execute is decided by the policy of the machine;
//! the list here is what Fedora's and Red Hat's targeted policy let them (`files_exec_usr_files`, `corecmd_exec_bin`).

use super::{Machine, Place, Seen, word};
use crate::base::child;
use crate::base::finding::Severity;
use crate::base::words::quoted;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

/// Types that services may execute; besides them all that end in `_exec_t`.
const RUNS: [&str; 6] = ["bin_t", "usr_t", "lib_t", "ld_so_t", "textrel_shlib_t", "unconfined_exec_t"];
/// Types that people who are not confined execute, and services do not.
const OF_PEOPLE: [&str; 3] = ["user_home_t", "admin_home_t", "user_tmp_t"];
/// The longest label.
const LONGEST: usize = 4096;

/// How SELinux is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Off,
    Permissive,
    Enforcing,
}

fn state(machine: &Machine) -> State {
    match machine.text("/sys/fs/selinux/enforce").as_deref().map(str::trim) {
        None => State::Off,
        Some("1") => State::Enforcing,
        Some(_) => State::Permissive,
    }
}

pub(super) fn is_enforcing(machine: &Machine) -> bool {
    state(machine) == State::Enforcing
}

pub(super) fn look(machine: &Machine, place: Place<'_>, seen: &mut Seen) {
    let state = state(machine);
    if state == State::Off {
        return seen.row("SELinux", "off");
    }
    let how = if state == State::Enforcing { "enforcing" } else { "permissive" };
    // Any release will do: all get the same label.
    let releases = place.root.join("r");
    let Some(label) = label_of(machine, &releases.join("1/bin/program"), place) else {
        seen.row("SELinux", format!("{how}; which label releases get cannot be seen"));
        let found = "SELinux is on, and which label releases would get cannot be seen";
        return seen.find(Severity::Warning, "selinux-unknown", found, commands(place));
    };
    seen.row("SELinux", format!("{how}; releases get {label}"));
    let kind = label.split(':').nth(2).unwrap_or_default();
    if RUNS.contains(&kind) || kind.ends_with("_exec_t") {
        return;
    }
    let (severity, why) = match state {
        State::Enforcing if OF_PEOPLE.contains(&kind) => {
            (Severity::Warning, "people may run their programs, services may not")
        }
        State::Enforcing => (Severity::Error, "which services may not execute"),
        _ => (Severity::Warning, "which services may not execute once SELinux enforces"),
    };
    let found = format!("files in '{}' get the SELinux type {kind}: {why}", releases.display());
    seen.find(severity, "selinux-label", found, commands(place));
}

/// What gives releases a label that may be executed, now and in time to come; an update labels what it makes.
fn commands(place: Place<'_>) -> String {
    let pattern = regex(&place.root.join("r")) + "(/.*)?";
    let learn = format!("semanage fcontext -a -t bin_t {}", quoted(pattern.as_bytes()));
    if place.root.is_dir() { format!("{learn} && restorecon -R {}", word(place.root)) } else { learn }
}

/// A path as a pattern that fits it alone (the patterns of semanage-fcontext(8) are PCRE's).
fn regex(path: &Path) -> String {
    let mut text = String::new();
    for letter in path.display().to_string().chars() {
        if letter.is_ascii_punctuation() && !"/_-".contains(letter) {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

fn label_of(machine: &Machine, path: &Path, place: Place<'_>) -> Option<String> {
    let asked = machine.program("matchpathcon").and_then(|program| {
        let command = [program.as_os_str(), OsStr::new("-n"), path.as_os_str()];
        let answer = child::run(&command).ok().filter(|answer| answer.success)?;
        Some(String::from_utf8_lossy(&answer.output).trim().to_owned())
    });
    asked.filter(|label| label.split(':').count() > 2).or_else(|| attribute(place.there))
}

fn attribute(path: &Path) -> Option<String> {
    let mut buffer = vec![0; LONGEST];
    let length = rustix::fs::getxattr(path, "security.selinux", &mut buffer).ok()?;
    let text = String::from_utf8_lossy(buffer.get(..length)?).trim_end_matches('\0').to_owned();
    Some(text).filter(|text| !text.is_empty())
}

/// Gives a tree the label that the machine's policy has for its path, where SELinux is on and `restorecon` is there. Says why that
/// failed, where it did: the tree has the label of the directory it was made in then.
pub fn label(machine: &Machine, tree: &Path) -> Result<(), String> {
    let on = state(machine) != State::Off;
    let Some(program) = machine.program("restorecon").filter(|_| on) else { return Ok(()) };
    let command: [OsString; 3] = [program.clone().into(), "-R".into(), tree.into()];
    let failed = |why: String| Err(format!("'{} -R {}' {why}", program.display(), tree.display()));
    match child::run(&command) {
        Ok(answer) if answer.success => Ok(()),
        Ok(answer) => failed(format!("failed: {}", String::from_utf8_lossy(&answer.output).trim())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => failed(format!("cannot be started: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_its_path_alone() {
        assert_eq!(regex(Path::new("/srv/my-app_1.0+b/r")), "/srv/my-app_1\\.0\\+b/r");
    }
}
