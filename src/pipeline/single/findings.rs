//! What a person should know of a single file's new run-time path.

use crate::base::finding::{Finding, Severity};
use crate::base::path::printable;
use crate::elf::RunPaths;
use crate::loader::entry::{entries, starts_at_origin};
use crate::loader::libc::Libc;
use crate::loader::object::Object;

/// All there is to know about a change of `object`.
pub(super) fn findings(object: &Object, wanted: &RunPaths) -> Vec<Finding> {
    let mut findings = insecure(wanted);
    if let (Some(dead), Some(_)) = (&object.rpath, &object.runpath) {
        let found = format!("DT_RPATH '{}' is gone; beside DT_RUNPATH it counted for nothing", printable(dead));
        findings.push(Finding::of_tree(Severity::Note, "rpath-dead", found));
    }
    findings
}

/// Entries that mean the directory a process happens to be in.
pub(super) fn insecure(wanted: &RunPaths) -> Vec<Finding> {
    let path = wanted.runpath.as_ref().or(wanted.rpath.as_ref());
    let relative = |entry: &&[u8]| entry.first() != Some(&b'/') && !starts_at_origin(entry, Libc::Glibc);
    let entry = path.and_then(|path| entries(path, Libc::Glibc).find(relative));
    let finding = entry.map(|entry| {
        let found =
            format!("the entry '{}' means a place in whatever directory the program is started", printable(entry));
        Finding::of_tree(Severity::Warning, "runpath-insecure", found)
            .help("whoever can write there can run code as the program's user")
    });
    finding.into_iter().collect()
}
