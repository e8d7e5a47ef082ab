//! Releases as the signed list has them, for whoever publishes: all applications on all platforms.

use super::error::PublishError;
use crate::release::{Custom, File, Offer, Release};
use crate::tuf::Target;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// All releases of a list.
#[derive(Debug, Clone, Default)]
pub struct Releases {
    /// By application, platform and serial.
    pub releases: Vec<Release>,
    /// What was passed over, and why.
    pub passed_over: Vec<String>,
}

/// Puts the files of a list together; what is no file of a release is left out.
pub fn releases(targets: &[Target]) -> Releases {
    let files: Vec<File> = targets.iter().filter_map(file).collect();
    let apps: BTreeSet<_> = files.iter().map(|file| (file.custom.app.clone(), file.custom.platform.clone())).collect();
    let mut all = Releases::default();
    for (app, platform) in apps {
        let Offer { releases, passed_over } = Offer::of(files.iter().cloned(), &app, &platform);
        all.releases.extend(releases.into_values());
        all.passed_over.extend(passed_over);
    }
    all
}

/// What the list says of one of its files; `None` where that is of no kind we know.
pub fn file(target: &Target) -> Option<File> {
    let custom = serde_json::from_value(Value::Object(target.custom().clone())).ok()?;
    Some(File { name: target.name().to_owned(), length: target.length(), sha256: target.digest(), custom })
}

/// The highest serial that an application has on any platform; 0 where it has none.
pub(super) fn highest(targets: &[Target], app: &str) -> u32 {
    let of_app = targets.iter().filter_map(file).filter(|file| file.custom.app == app);
    of_app.map(|file| file.custom.serial).max().unwrap_or(0)
}

/// A file as it is signed.
pub(super) fn target(file: &File) -> Result<Target, PublishError> {
    let wrong = || PublishError::Wish(format!("'{}' is no name for a file of a repository", file.name), None);
    Target::new(&file.name, file.length, file.sha256, fields(&file.custom)).ok_or_else(wrong)
}

/// What is signed beside a file.
pub(super) fn fields(custom: &Custom) -> Map<String, Value> {
    // Numbers, texts and lists: an object, always.
    match serde_json::to_value(custom) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}
