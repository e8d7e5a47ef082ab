//! A Python distribution that pip installed: takes its `METADATA`, gives name, version and licence. Source: the core metadata
//! specification of the Python Packaging Authority.

use super::Sizes;
use super::database::normal;
use super::package::{Kind, Package, Why};
use crate::base::finding::{Finding, Severity};
use crate::base::path::RelPath;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Whether a path is the metadata of a distribution.
pub(super) fn is_metadata(path: &Path) -> bool {
    let place = path.parent().and_then(Path::extension).unwrap_or_default();
    let name = path.file_name().unwrap_or_default();
    (place == "dist-info" && name == "METADATA") || (place == "egg-info" && name == "PKG-INFO")
}

/// Reads the distribution whose metadata is `metadata`, relative to `root`; gives its files too.
pub(super) fn read(root: &Path, metadata: &Path, sizes: &Sizes) -> Result<(Package, BTreeSet<PathBuf>), Box<Finding>> {
    let wrong = |found: String| {
        let path = RelPath::new(metadata.as_os_str().as_bytes());
        Box::new(Finding { path, ..Finding::of_tree(Severity::Warning, "package-unreadable", found) })
    };
    let bytes = fs::read(root.join(metadata)).map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8_lossy(&bytes);
    let header = text.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>();
    let field = |name: &str| {
        let mut values = header.iter().filter_map(|line| line.split_once(": ")).filter(|(known, _)| *known == name);
        values.next().map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty() && value != "UNKNOWN")
    };
    let name = field("Name").ok_or_else(|| wrong("it names no distribution".to_owned()))?;
    let version = field("Version").ok_or_else(|| wrong("it has no version".to_owned()))?;
    let there = files(root, metadata, sizes);
    let mut classified = header.iter().filter_map(|line| line.strip_prefix("Classifier: License :: "));
    let classified = classified.find_map(|line| line.rsplit(" :: ").next()).map(str::to_owned);
    let package = Package {
        kind: Kind::Wheel,
        name,
        version,
        pkgpath: None,
        options: BTreeSet::new(),
        license: field("License-Expression").or(classified).or_else(|| field("License")),
        comment: field("Summary"),
        homepage: field("Home-page"),
        files: there.len() as u64,
        bytes: there.iter().filter_map(|path| sizes.get(path)).sum(),
        missing: 0,
        programs: false,
        host_libraries: BTreeSet::new(),
        why: Why::Requested,
        depends: BTreeSet::new(),
        patterns: Vec::new(),
        automatic: false,
        preserved: false,
        place: RelPath::new(metadata.as_os_str().as_bytes()).unwrap_or_else(RelPath::root),
    };
    Ok((package, there))
}

/// The files its `RECORD` names that are there; where it has none, those beside the metadata.
fn files(root: &Path, metadata: &Path, sizes: &Sizes) -> BTreeSet<PathBuf> {
    let info = metadata.parent().unwrap_or(Path::new(""));
    let site = info.parent().unwrap_or(Path::new(""));
    let Ok(record) = fs::read_to_string(root.join(info).join("RECORD")) else {
        return sizes.keys().filter(|path| path.starts_with(info)).cloned().collect();
    };
    let names = record.lines().filter_map(|line| line.split(',').next());
    let files = names.filter_map(|name| normal(&site.join(name.trim_matches('"'))));
    files.filter(|path| sizes.contains_key(path)).collect()
}
