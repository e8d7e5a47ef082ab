//! A new repository: a root that says whose keys sign what, an empty list, and the first timestamp.
//!
//! The root is written last, under a name that must be free: what was begun and not finished is no repository.

use super::desk::{Lives, read};
use super::error::PublishError;
use crate::objects::{Objects, Put, When};
use crate::tuf::{
    Edition, Keys, METADATA, Moment, RootDraft, SecretKey, SignError, SignedRoot, sign_snapshot, sign_targets,
    sign_timestamp,
};
use crate::web::Content;

/// The keys of a new repository.
#[derive(Debug, Clone, Copy)]
pub struct Founders<'a> {
    /// Those that sign roots; each should be somebody else's.
    pub root: &'a [SecretKey],
    /// How many of them must sign.
    pub threshold: u64,
    /// What signs lists of targets.
    pub release: &'a SecretKey,
    /// What signs snapshots and timestamps.
    pub online: &'a SecretKey,
}

/// Where the first root of a repository is.
pub const FIRST_ROOT: &str = "tuf/1.root.json";

/// Refuses a place where there is a repository.
pub fn must_be_new(objects: &dyn Objects) -> Result<(), PublishError> {
    match read(objects, FIRST_ROOT)? {
        None => Ok(()),
        Some(_) => Err(PublishError::Taken { place: objects.shown(FIRST_ROOT) }),
    }
}

/// The first root, signed by all its keys.
pub fn first_root(founders: &Founders<'_>, now: Moment, lives: Lives) -> Result<SignedRoot, SignError> {
    let one = |key: &SecretKey| Keys { threshold: 1, keys: vec![key.public()] };
    let keys = founders.root.iter().map(SecretKey::public).collect();
    let draft = RootDraft {
        edition: Edition { version: 1, expires: now.plus_days(lives.root) },
        root: Keys { threshold: founders.threshold, keys },
        targets: one(founders.release),
        snapshot: one(founders.online),
        timestamp: one(founders.online),
    };
    let mut root = SignedRoot::begin(&draft)?;
    founders.root.iter().try_for_each(|key| root.sign(key))?;
    Ok(root)
}

/// Makes a repository with nothing in it; gives the bytes of its root, by which clients begin.
pub fn create(
    objects: &dyn Objects,
    founders: &Founders<'_>,
    now: Moment,
    lives: Lives,
) -> Result<Vec<u8>, PublishError> {
    must_be_new(objects)?;
    let root = first_root(founders, now, lives)?;
    let bytes = root.finish(None)?;
    let edition = |days| Edition { version: 1, expires: now.plus_days(days) };
    let targets = sign_targets(edition(lives.targets), &[], &root, &[founders.release])?;
    let snapshot = sign_snapshot(edition(lives.snapshot), &targets, &root, &[founders.online])?;
    let timestamp = sign_timestamp(edition(lives.timestamp), &snapshot, &root, &[founders.online])?;
    for (name, bytes) in [("1.targets.json", &targets), ("1.snapshot.json", &snapshot), ("timestamp.json", &timestamp)]
    {
        objects.put(&format!("{METADATA}/{name}"), Content::Bytes(bytes), When::Always)?;
    }
    match objects.put(FIRST_ROOT, Content::Bytes(&bytes), When::New)? {
        Put::Done => Ok(bytes),
        Put::Lost => Err(PublishError::Taken { place: objects.shown(FIRST_ROOT) }),
    }
}
