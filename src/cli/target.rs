//! `--target`: a distribution by name, or a file that describes one.

use super::pack::Usage;
use crate::verify::targets::{self, Target};
use std::fs;
use std::path::Path;

/// Finds a target by name, else reads it from a file.
pub(super) fn find(text: &str) -> Result<Target, Usage> {
    if let Some(target) = targets::target(text) {
        return Ok(target);
    }
    let path = Path::new(text);
    if path.is_file() {
        let read = fs::read_to_string(path).map_err(|error| Usage::new(format!("cannot read {text}: {error}")))?;
        return Target::parse(&read).map_err(|error| Usage::new(format!("{text}: {error}")));
    }
    let known: Vec<_> = targets::known_names().collect();
    Err(Usage(
        format!("--target {text}: neither a known system nor a file"),
        Some(format!("known are {}", known.join(", "))),
    ))
}
