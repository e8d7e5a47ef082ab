//! Metadata between bytes and what it says: read strictly, verified against a root, written the same way each time.
//!
//! `tough` gives the forms of the specification and checks signatures. What it would let pass is looked at here: a `_type` that is
//! another, a field that is not signed because it was dropped, another major version. Refuses what is not JSON by name.

use super::error::Why;
use super::role::RoleName;
use crate::base::path::printable;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tough::schema::{self, Role, RoleType, Root, Signed};

/// The version of the specification that is written into metadata.
pub(super) const SPECIFICATION: &str = "1.0.31";

/// Reads metadata of one role; `file` is its name in messages.
pub(super) fn read<R: Role + Serialize + DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<Signed<R>, Why> {
    let unreadable = |why: String| Why::Unreadable { file: file.to_owned(), why };
    let value: Value = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
    let written = &value["signed"];
    supported(file, R::TYPE, written)?;
    let read: Signed<R> = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
    // The signature is over what was read and is written again: what was dropped on the way would not be signed.
    let again = serde_json::to_value(&read.signed).map_err(|error| unreadable(error.to_string()))?;
    if again != *written {
        return Err(unreadable("it is written in another way than it was signed".to_owned()));
    }
    Ok(read)
}

fn supported(file: &str, role: RoleType, signed: &Value) -> Result<(), Why> {
    let unknown = |found: String| Err(Why::Unknown { file: file.to_owned(), found });
    let text = |name: &str| signed[name].as_str().unwrap_or_default();
    if text("_type") != role.to_string() {
        return unknown(format!("its type is '{}', not '{role}'", printable(text("_type").as_bytes())));
    }
    // Clients must support all of a major version (specification, 1.6).
    let version = text("spec_version");
    if version.split('.').next() != Some("1") {
        return unknown(format!("it is for version '{}' of the specification", printable(version.as_bytes())));
    }
    Ok(())
}

/// Reads a root: one with all four roles, whose files have their version in their name.
pub(super) fn read_root(file: &str, bytes: &[u8]) -> Result<Signed<Root>, Why> {
    let root: Signed<Root> = read(file, bytes)?;
    let unknown = |found: String| Err(Why::Unknown { file: file.to_owned(), found });
    if !root.signed.consistent_snapshot {
        return unknown("its snapshots are not consistent".to_owned());
    }
    for role in RoleName::ALL {
        if !root.signed.roles.contains_key(&role.kind()) {
            return unknown(format!("it has no keys for {role}"));
        }
    }
    Ok(root)
}

/// Checks that enough of the keys that `root` names have signed.
pub(super) fn verify<R: Role + Serialize>(root: &Root, file: &str, role: &Signed<R>) -> Result<(), Why> {
    let file = file.to_owned();
    root.verify_role(role).map_err(|error| match error {
        schema::Error::SignatureThreshold { threshold, valid, .. } => Why::Unsigned {
            file,
            role: RoleName::of(R::TYPE),
            root: root.version.get(),
            good: valid,
            wanted: threshold,
        },
        schema::Error::DuplicateKeyId { .. } => Why::DoubleKey { file },
        other => Why::Unreadable { file, why: other.to_string() },
    })
}

/// Writes JSON without spaces, the keys of objects in order: the same bytes for the same metadata.
pub(super) fn bytes(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::new();
    write(&serde_json::to_value(value)?, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<_> = fields.iter().collect();
            names.sort_by_key(|(name, _)| *name);
            out.push(b'{');
            for (at, (name, value)) in names.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                serde_json::to_writer(&mut *out, name)?;
                out.push(b':');
                write(value, out)?;
            }
            out.push(b'}');
        }
        Value::Array(values) => {
            out.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(value, out)?;
            }
            out.push(b']');
        }
        plain => serde_json::to_writer(out, plain)?,
    }
    Ok(())
}
