//! The bill of materials of what is packed: that of ROOT's packages, where it has any. What was pruned from a package is still the
//! package.

use super::{Job, JobError, Prepared};
use crate::base::host;
use crate::contents::Contents;
use crate::contents::sbom::{self, Subject};

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
    let contents = Contents::read(&job.root)?;
    let root = host::absolute(&job.root).unwrap_or_else(|_| job.root.clone());
    let name = root.file_name().map_or_else(|| "tree".into(), |name| name.to_string_lossy());
    let subject = Subject { name: &name, tool_version: env!("CARGO_PKG_VERSION") };
    let bill = sbom::cyclonedx(&contents, subject).map_err(|error| JobError::Bug(error.to_string()))?;
    Ok((!contents.packages.is_empty()).then_some(bill))
}
