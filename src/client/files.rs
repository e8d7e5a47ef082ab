//! From the signed list to what it says of its files.

use crate::release::{Custom, File};
use crate::tuf::Trusted;
use serde_json::Value;

/// The files of a list that say what they are. What somebody else put there, or a newer version of the tool, is passed over.
pub fn files(trusted: &Trusted) -> impl Iterator<Item = File> + '_ {
    trusted.targets().iter().filter_map(|target| {
        let custom: Custom = serde_json::from_value(Value::Object(target.custom().clone())).ok()?;
        Some(File { name: target.name().to_owned(), length: target.length(), sha256: target.digest(), custom })
    })
}
