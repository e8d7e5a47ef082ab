//! The four roles, and the signing of three of them: targets, snapshot and timestamp. The fourth is in `root.rs`.
//!
//! Takes what is to be signed, the root that says by whose keys, and those keys; gives the bytes of the file, the same ones each
//! time. What was signed is verified before it is given, by other code than that which signed.

use super::error::Why;
use super::fetch::{MOST, MOST_TARGETS};
use super::key::SecretKey;
use super::metadata::{self, SPECIFICATION};
use super::moment::Moment;
use super::root::SignedRoot;
use super::target::Target;
use crate::base::digest::Digest;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU64;
use tough::TargetName;
use tough::schema::{self, Hashes, Metafile, Role, RoleType, Signature, Signed, Snapshot, Targets, Timestamp};

/// A role of metadata (specification, 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleName {
    /// Says which keys may sign for which role.
    Root,
    /// Says what there is.
    Targets,
    /// Says which targets belong to now.
    Snapshot,
    /// Says that now is now.
    Timestamp,
}

impl RoleName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Root, Self::Targets, Self::Snapshot, Self::Timestamp];

    pub(super) fn kind(self) -> RoleType {
        match self {
            Self::Root => RoleType::Root,
            Self::Targets => RoleType::Targets,
            Self::Snapshot => RoleType::Snapshot,
            Self::Timestamp => RoleType::Timestamp,
        }
    }

    pub(super) fn of(kind: RoleType) -> Self {
        match kind {
            RoleType::Root => Self::Root,
            RoleType::Targets | RoleType::DelegatedTargets => Self::Targets,
            RoleType::Snapshot => Self::Snapshot,
            RoleType::Timestamp => Self::Timestamp,
        }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
        })
    }
}

/// Which one of a role's files it is, and until when it is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition {
    /// From 1 on, and never again a smaller one.
    pub version: u64,
    /// The first moment at which it is no longer good.
    pub expires: Moment,
}

/// Why something was not signed.
#[derive(Debug)]
pub enum SignError {
    /// Versions begin at 1.
    Version(RoleName),
    /// The key may not sign this; its id.
    Foreign(RoleName, String),
    /// Too few of the keys that may sign have done so.
    Unsigned {
        /// What.
        role: RoleName,
        /// The version of the root that asks for them.
        root: u64,
        /// How many there are.
        good: u64,
        /// How many there must be.
        wanted: u64,
    },
    /// More keys are wanted than there are, or none.
    Threshold {
        /// Of which role.
        role: RoleName,
        /// How many are wanted.
        wanted: u64,
        /// How many there are.
        keys: usize,
    },
    /// A key is named twice for one role; its id.
    NamedTwice(RoleName, String),
    /// Two targets have one name.
    TargetTwice(String),
    /// It holds what cannot be signed, such as a number with a fraction.
    Unsignable(RoleName, String),
    /// Clients would not read that much.
    TooLong {
        /// What.
        role: RoleName,
        /// Its length in bytes.
        length: u64,
        /// The most they read.
        most: u64,
    },
    /// What it is to be signed over or after cannot be used.
    Input(Why),
    /// A root follows the one before it, without a gap.
    Step {
        /// The version before.
        before: u64,
        /// The version after.
        after: u64,
    },
    /// The root has a key that this cannot write; what is known of it.
    OtherKey(String),
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(role) => write!(f, "the {role}'s version must be 1 or more"),
            Self::Foreign(role, key) => write!(f, "the key {key} is none that may sign the {role}"),
            Self::Unsigned { role, root, good, wanted } => {
                write!(
                    f,
                    "the {role} has {good} good signatures, and root {root} wants {wanted}; sign with more of its keys"
                )
            }
            Self::Threshold { role, wanted, keys } => {
                write!(f, "{wanted} signatures cannot be wanted for the {role}, which has {keys} keys")
            }
            Self::NamedTwice(role, key) => write!(f, "the key {key} is named twice for the {role}"),
            Self::TargetTwice(name) => write!(f, "there are two targets '{name}'"),
            Self::Unsignable(role, why) => write!(f, "the {role} cannot be signed: {why}"),
            Self::TooLong { role, length, most } => {
                write!(f, "the {role} would have {length} bytes, and clients read {most}; retire old releases first")
            }
            Self::Input(why) => write!(f, "{why}"),
            Self::Step { before, after } => write!(f, "root {after} cannot follow root {before}"),
            Self::OtherKey(why) => write!(f, "the root has a key that is not kept here: {why}"),
        }
    }
}

impl std::error::Error for SignError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Input(why) = self { Some(why) } else { None }
    }
}

/// Signs targets.
pub fn sign_targets(
    edition: Edition,
    targets: &[Target],
    root: &SignedRoot,
    keys: &[&SecretKey],
) -> Result<Vec<u8>, SignError> {
    let version = edition.number(RoleName::Targets)?;
    let mut all = HashMap::new();
    for target in targets {
        let name = TargetName::new(target.name());
        let name = name.map_err(|error| SignError::Unsignable(RoleName::Targets, error.to_string()))?;
        if all.insert(name, entry(target)).is_some() {
            return Err(SignError::TargetTwice(target.name().to_owned()));
        }
    }
    let mut role = Targets::new(SPECIFICATION.to_owned(), version, edition.expires.timestamp());
    (role.targets, role.delegations) = (all, None);
    signed(role, root, keys, MOST_TARGETS)
}

/// Signs a snapshot of these targets.
pub fn sign_snapshot(
    edition: Edition,
    targets: &[u8],
    root: &SignedRoot,
    keys: &[&SecretKey],
) -> Result<Vec<u8>, SignError> {
    let version = edition.number(RoleName::Snapshot)?;
    let inner = metadata::read::<Targets>("targets.json", targets).map_err(SignError::Input)?;
    let mut role = Snapshot::new(SPECIFICATION.to_owned(), version, edition.expires.timestamp());
    role.meta.insert("targets.json".to_owned(), described(inner.signed.version, targets));
    signed(role, root, keys, MOST)
}

/// Signs a timestamp of this snapshot.
pub fn sign_timestamp(
    edition: Edition,
    snapshot: &[u8],
    root: &SignedRoot,
    keys: &[&SecretKey],
) -> Result<Vec<u8>, SignError> {
    let version = edition.number(RoleName::Timestamp)?;
    let inner = metadata::read::<Snapshot>("snapshot.json", snapshot).map_err(SignError::Input)?;
    let mut role = Timestamp::new(SPECIFICATION.to_owned(), version, edition.expires.timestamp());
    role.meta.insert("snapshot.json".to_owned(), described(inner.signed.version, snapshot));
    signed(role, root, keys, MOST)
}

impl Edition {
    pub(super) fn number(self, role: RoleName) -> Result<NonZeroU64, SignError> {
        NonZeroU64::new(self.version).ok_or(SignError::Version(role))
    }
}

fn entry(target: &Target) -> schema::Target {
    schema::Target {
        length: target.length(),
        hashes: hashes(target.digest()),
        custom: target.custom().clone().into_iter().collect(),
        _extra: HashMap::new(),
    }
}

fn hashes(digest: Digest) -> Hashes {
    Hashes { sha256: digest.bytes().to_vec().into(), _extra: HashMap::new() }
}

fn described(version: NonZeroU64, bytes: &[u8]) -> Metafile {
    let (length, hashes) = (Some(bytes.len() as u64), Some(hashes(Digest::of(bytes))));
    Metafile { length, hashes, version, _extra: HashMap::new() }
}

/// Signs what one root says who may sign, and verifies it.
fn signed<R: Role + Serialize>(
    role: R,
    root: &SignedRoot,
    keys: &[&SecretKey],
    most: u64,
) -> Result<Vec<u8>, SignError> {
    let name = RoleName::of(R::TYPE);
    if let Some(foreign) = keys.iter().find(|key| !root.may_sign(name, key)) {
        return Err(SignError::Foreign(name, foreign.public().id()));
    }
    let signatures = keys.iter().map(|key| signature(&role, key)).collect::<Result<_, _>>()?;
    let mut signed = Signed { signed: role, signatures };
    in_order(&mut signed.signatures);
    verified(root, &signed)?;
    bytes(&signed, most)
}

pub(super) fn signature<R: Role>(role: &R, key: &SecretKey) -> Result<Signature, SignError> {
    let message = role.canonical_form();
    let message = message.map_err(|error| SignError::Unsignable(RoleName::of(R::TYPE), error.to_string()))?;
    Ok(Signature { keyid: key.public().key_id(), sig: key.sign(&message).into() })
}

/// Puts signatures in the order of their keys, one for each.
pub(super) fn in_order(signatures: &mut Vec<Signature>) {
    signatures.sort_by(|one, other| one.keyid.as_ref().cmp(other.keyid.as_ref()));
    signatures.dedup_by(|one, other| one.keyid == other.keyid);
}

pub(super) fn verified<R: Role + Serialize>(root: &SignedRoot, signed: &Signed<R>) -> Result<(), SignError> {
    let file = format!("{}.json", RoleName::of(R::TYPE));
    metadata::verify(root.inner(), &file, signed).map_err(|why| match why {
        Why::Unsigned { role, root, good, wanted, .. } => SignError::Unsigned { role, root, good, wanted },
        other => SignError::Input(other),
    })
}

pub(super) fn bytes<R: Role + Serialize>(signed: &Signed<R>, most: u64) -> Result<Vec<u8>, SignError> {
    let role = RoleName::of(R::TYPE);
    let bytes = metadata::bytes(signed).map_err(|error| SignError::Unsignable(role, error.to_string()))?;
    let length = bytes.len() as u64;
    if length > most { Err(SignError::TooLong { role, length, most }) } else { Ok(bytes) }
}
