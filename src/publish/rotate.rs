//! The next root: other keys, another threshold, or the same for another year; signed in one place or in several.
//!
//! Takes what is to change and gives a draft, to which whoever holds a root key adds a signature. It is published when enough keys
//! of the root before it and enough of its own have signed; then what its new keys must sign is signed at once. A run that is
//! killed in between is finished by [`Desk::refresh`] with the new keys.

use super::desk::{Desk, State};
use super::error::PublishError;
use crate::objects::{Put, When};
use crate::tuf::{Edition, Keys, METADATA, PublicKey, RoleName, SecretKey, SignError, SignedRoot};
use crate::web::Content;

/// What is to change.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The root key that goes: its id, or the beginning of it.
    pub old_root: Option<String>,
    /// A root key that comes.
    pub new_root: Option<PublicKey>,
    /// How many root keys must sign.
    pub threshold: Option<u64>,
    /// What is to sign lists of releases.
    pub release: Option<PublicKey>,
    /// What is to sign snapshots and timestamps.
    pub online: Option<PublicKey>,
}

/// How far a draft is.
#[derive(Debug)]
pub enum Rotated {
    /// It is published.
    Published(Box<State>),
    /// More keys must sign.
    Unsigned {
        /// The version of the root whose keys are wanted: the one before it, or its own.
        root: u64,
        /// How many of them have signed.
        good: u64,
        /// How many must.
        wanted: u64,
    },
}

/// Begins the next root. It is good for its time from now on.
pub fn begin(desk: &Desk<'_>, state: &State, change: &Change) -> Result<SignedRoot, PublishError> {
    let mut draft = state.root.draft()?;
    let version = draft.edition.version.saturating_add(1);
    draft.edition = Edition { version, expires: desk.now.plus_days(desk.lives.root) };
    if let Some(old) = &change.old_root {
        let found: Vec<_> = draft.root.keys.iter().filter(|key| key.id().starts_with(old.as_str())).copied().collect();
        let [one] = found.as_slice() else { return Err(unknown(old, &draft.root)) };
        draft.root.keys.retain(|key| key != one);
    }
    draft.root.keys.extend(change.new_root);
    draft.root.threshold = change.threshold.unwrap_or(draft.root.threshold);
    let one = |key: PublicKey| Keys { threshold: 1, keys: vec![key] };
    if let Some(key) = change.release {
        draft.targets = one(key);
    }
    if let Some(key) = change.online {
        (draft.snapshot, draft.timestamp) = (one(key), one(key));
    }
    Ok(SignedRoot::begin(&draft)?)
}

fn unknown(old: &str, keys: &Keys) -> PublishError {
    let ids: Vec<_> = keys.keys.iter().map(PublicKey::id).collect();
    PublishError::Wish(
        format!("'{old}' begins the id of no one root key"),
        Some(format!("they are {}", ids.join(", "))),
    )
}

/// Adds signatures to a draft. A key that is in neither root is refused: it would change nothing.
pub fn sign(root: &mut SignedRoot, before: Option<&SignedRoot>, keys: &[SecretKey]) -> Result<(), PublishError> {
    for key in keys {
        let may = |root: &SignedRoot| root.may_sign(RoleName::Root, key);
        // Without the root before it nobody knows which keys that one had.
        if !may(root) && before.is_some_and(|before| !may(before)) {
            return Err(SignError::Foreign(RoleName::Root, key.public().id()).into());
        }
        root.sign(key)?;
    }
    Ok(())
}

/// Publishes a draft if enough have signed, with all that its keys must sign.
pub fn finish(desk: &Desk<'_>, state: &State, root: &SignedRoot) -> Result<Rotated, PublishError> {
    let bytes = match ready(desk, state, root)? {
        Ready::Whole(bytes) => bytes,
        Ready::Unsigned { root, good, wanted } => return Ok(Rotated::Unsigned { root, good, wanted }),
    };
    let name = format!("{METADATA}/{}.root.json", root.edition().version);
    if desk.objects.put(&name, Content::Bytes(&bytes), When::New)? == Put::Lost {
        return Err(PublishError::Busy { place: desk.objects.shown(&name) });
    }
    let state = desk.look()?;
    let state = if state.is_torn { desk.refresh()? } else { state };
    Ok(Rotated::Published(Box::new(state)))
}

/// Whether a draft could be published now.
#[derive(Debug)]
pub enum Ready {
    /// It could; its bytes.
    Whole(Vec<u8>),
    /// More keys must sign; as in [`Rotated::Unsigned`].
    Unsigned {
        /// The version of the root whose keys are wanted.
        root: u64,
        /// How many of them have signed.
        good: u64,
        /// How many must.
        wanted: u64,
    },
}

/// Looks whether a draft could be published, and writes nothing. Fails where its new keys are wanted and not at hand.
pub fn ready(desk: &Desk<'_>, state: &State, root: &SignedRoot) -> Result<Ready, PublishError> {
    let bytes = match root.finish(Some(&state.root)) {
        Ok(bytes) => bytes,
        Err(SignError::Unsigned { role: RoleName::Root, root, good, wanted }) => {
            return Ok(Ready::Unsigned { root, good, wanted });
        }
        Err(error) => return Err(error.into()),
    };
    let (old, new) = (state.root.draft()?, root.draft()?);
    let lists = old.targets != new.targets;
    must_sign(desk.release, RoleName::Targets, root, lists)?;
    // New lists need a timestamp too.
    let stamps = lists || old.timestamp != new.timestamp || old.snapshot != new.snapshot;
    must_sign(desk.online, RoleName::Timestamp, root, stamps)?;
    Ok(Ready::Whole(bytes))
}

/// What a new root wants signed must be possible before it is published.
fn must_sign(key: Option<&SecretKey>, role: RoleName, root: &SignedRoot, is_wanted: bool) -> Result<(), PublishError> {
    match key {
        _ if !is_wanted => Ok(()),
        None => Err(PublishError::NoKey(role)),
        Some(key) if !root.may_sign(role, key) => Err(SignError::Foreign(role, key.public().id()).into()),
        Some(_) => Ok(()),
    }
}
