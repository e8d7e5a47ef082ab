//! A release knows the path it was installed for; in a directory that was moved it is at another one, and its files name the old.

use crate::base::finding::{Finding, Severity};
use crate::base::path::Prefix;
use crate::manifest::{PLACE, Whereabouts};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The path that the files of a release name, where it is not the one the release is at. What cannot be read is for the comparison
/// with the manifest to tell.
pub fn installed_for(place: &Path) -> Option<Prefix> {
    let record = Whereabouts::parse(&fs::read(place.join(PLACE)).ok()?).ok()?;
    record.at.filter(|at| at.as_bytes() != place.as_os_str().as_bytes())
}

/// The same as a finding.
pub fn moved(place: &Path) -> Option<Finding> {
    let at = installed_for(place)?;
    let mut finding =
        Finding::of_tree(Severity::Error, "moved", format!("its files name {at}, and it is at {}", place.display()));
    finding.help =
        Some("move the directory of releases back, or begin a new one with --from and --root-key".to_owned());
    Some(finding)
}
