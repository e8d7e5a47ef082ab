//! The bill of materials of what is packed: of the packages in ROOT whose entry in the package database is packed too. What was
//! pruned from a package is still the package; one whose entry is left out is not there.

use super::{Job, JobError, Prepared};
use crate::base::host;
use crate::contents::sbom::{self, Subject};
use crate::contents::{self, Contents, Package};
use crate::scan::Kind;
use std::path::Path;

/// Its bytes; none for a tree that holds neither packages nor Python distributions.
pub(super) fn of(job: &Job, prepared: &Prepared) -> Result<Option<Vec<u8>>, JobError> {
    let holds_packages = prepared
        .inventory
        .entries
        .keys()
        .any(|path| [&b"+CONTENTS"[..], b"METADATA", b"PKG-INFO"].contains(&path.name()));
    if !holds_packages {
        return Ok(None);
    }
    let sizes = prepared.inventory.entries.iter().filter_map(|(path, entry)| {
        let size = match &entry.kind {
            Kind::File(facts) => facts.size,
            Kind::HardLink(_) | Kind::Symlink(_) => 0,
            Kind::Dir | Kind::Special(_) => return None,
        };
        Some((path.under(Path::new("")), size))
    });
    let mut contents = Contents::of(&job.root, &sizes.collect());
    contents.packages.retain(|package| is_packed(package, prepared));
    let root = host::absolute(&job.root).unwrap_or_else(|_| job.root.clone());
    let name = root.file_name().map_or_else(|| "tree".into(), |name| name.to_string_lossy());
    let subject = Subject { name: &name, tool_version: env!("CARGO_PKG_VERSION") };
    let bill = sbom::cyclonedx(&contents, subject).map_err(|error| JobError::Bug(error.to_string()))?;
    Ok((!contents.packages.is_empty()).then_some(bill))
}

/// Whether the entry in the database goes along: the list of a package's files, the metadata of a wheel.
fn is_packed(package: &Package, prepared: &Prepared) -> bool {
    let entry = match package.kind {
        contents::Kind::Pkgsrc => package.place.join(b"+CONTENTS"),
        contents::Kind::Wheel => package.place.clone(),
    };
    prepared.inventory.entries.contains_key(&entry)
}
