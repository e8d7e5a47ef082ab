//! fapolicyd: a daemon that lets no program start that it was not told of (fapolicyd.conf(5), fapolicyd-cli(8), fapolicyd.rules(5)).

use super::{Machine, Place, Seen, word};
use crate::base::finding::Severity;
use crate::base::words::quoted;
use std::fs;
use std::path::PathBuf;

/// What is there while it runs.
const SIGNS: [&str; 2] = ["/run/fapolicyd.pid", "/run/fapolicyd"];

pub(super) fn look(machine: &Machine, place: Place<'_>, seen: &mut Seen) {
    if !is_running(machine) {
        return seen.row("fapolicyd", "not running");
    }
    if is_permissive(machine) {
        return seen.row("fapolicyd", "running; it only takes notes (permissive = 1)");
    }
    let mut dir = place.root.join("r").into_os_string();
    dir.push("/");
    let dir = PathBuf::from(dir);
    if is_allowed(machine, &dir.to_string_lossy()) {
        return seen.row("fapolicyd", "running; a rule allows releases");
    }
    seen.row("fapolicyd", "running");
    let found = format!("fapolicyd is running and was not told of '{}': programs there would not start", dir.display());
    let word = word(&dir);
    let help = format!(
        "fapolicyd-cli --file add {word} && fapolicyd-cli --update, after each update; or once: \
         echo {} > /etc/fapolicyd/rules.d/39-relocate.rules && fagenrules --load",
        quoted(format!("allow perm=any all : dir={}", dir.display()).as_bytes())
    );
    seen.find(Severity::Error, "fapolicyd", found, help);
}

fn is_running(machine: &Machine) -> bool {
    SIGNS.iter().any(|sign| machine.file(sign).exists()) || has_process(machine)
}

fn has_process(machine: &Machine) -> bool {
    let listed = fs::read_dir(machine.file("/proc")).into_iter().flatten().flatten();
    let is_number = |name: &[u8]| name.iter().all(u8::is_ascii_digit);
    let mut processes = listed.filter(|entry| is_number(std::os::unix::ffi::OsStrExt::as_bytes(&*entry.file_name())));
    processes.any(|entry| fs::read(entry.path().join("comm")).is_ok_and(|name| name == b"fapolicyd\n"))
}

/// Its settings are often for root alone; then the worse is taken for true.
fn is_permissive(machine: &Machine) -> bool {
    let text = machine.text("/etc/fapolicyd/fapolicyd.conf").unwrap_or_default();
    let settings = text.lines().filter_map(|line| line.split_once('='));
    settings.map(|(name, value)| (name.trim(), value.trim())).any(|setting| setting == ("permissive", "1"))
}

/// Whether a rule lets everything in a directory run.
fn is_allowed(machine: &Machine, dir: &str) -> bool {
    let listed = fs::read_dir(machine.file("/etc/fapolicyd/rules.d")).into_iter().flatten().flatten();
    let mut texts = listed.filter_map(|entry| fs::read_to_string(entry.path()).ok());
    let allows = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.first() == Some(&"allow")
            && words.iter().filter_map(|word| word.strip_prefix("dir=")).any(|allowed| dir.starts_with(allowed))
    };
    texts.any(|text| text.lines().any(allows))
}
