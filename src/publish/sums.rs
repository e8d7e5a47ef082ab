//! `t/SHA256SUMS`: for people with curl and sha256sum(1). Nothing reads it back, and nobody signs it.

use super::desk::read;
use super::error::PublishError;
use crate::objects::{Objects, When};
use crate::tuf::{TARGETS, Target};
use crate::web::Content;
use std::fmt::Write as _;

/// Writes the sums of all files of a list, where they are not there already.
pub(super) fn write(objects: &dyn Objects, targets: &[Target]) -> Result<(), PublishError> {
    let mut text = String::new();
    for target in targets {
        // `sha256sum -c` runs where the files are.
        let name = target.place();
        let name = name.strip_prefix(TARGETS).map_or(name.as_str(), |name| name.trim_start_matches('/'));
        let _ = writeln!(text, "{}  {name}", target.digest());
    }
    let place = format!("{TARGETS}/SHA256SUMS");
    if read(objects, &place).ok().flatten().as_deref() != Some(text.as_bytes()) {
        objects.put(&place, Content::Bytes(text.as_bytes()), When::Always)?;
    }
    Ok(())
}
