//! Roots: which keys may sign for which role, and how many of them must.
//!
//! A root may be signed in several places: whoever has a key reads the bytes, adds a signature, and hands them on. Only
//! [`SignedRoot::finish`] says that it is good: signed by enough of its own keys and by enough of those of the root before it.

use super::error::Why;
use super::fetch::MOST;
use super::key::{PublicKey, SecretKey};
use super::metadata::{self, SPECIFICATION};
use super::moment::Moment;
use super::role::{self, Edition, RoleName, SignError};
use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU64;
use tough::schema::{RoleKeys, Root, Signed};

/// Who may sign for a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// How many of the keys must sign.
    pub threshold: u64,
    /// The keys.
    pub keys: Vec<PublicKey>,
}

/// What a root says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootDraft {
    /// Its version, and until when it is good.
    pub edition: Edition,
    /// Who signs roots.
    pub root: Keys,
    /// Who signs targets.
    pub targets: Keys,
    /// Who signs snapshots.
    pub snapshot: Keys,
    /// Who signs timestamps.
    pub timestamp: Keys,
}

/// A root with the signatures it has so far.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedRoot(Signed<Root>);

impl RootDraft {
    fn keys(&self, role: RoleName) -> &Keys {
        match role {
            RoleName::Root => &self.root,
            RoleName::Targets => &self.targets,
            RoleName::Snapshot => &self.snapshot,
            RoleName::Timestamp => &self.timestamp,
        }
    }
}

impl Keys {
    fn check(&self, role: RoleName) -> Result<RoleKeys, SignError> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.keys.iter().find(|key| !seen.insert(**key)) {
            return Err(SignError::NamedTwice(role, twice.id()));
        }
        let threshold = NonZeroU64::new(self.threshold).filter(|wanted| wanted.get() <= self.keys.len() as u64);
        let wrong = SignError::Threshold { role, wanted: self.threshold, keys: self.keys.len() };
        let keyids = self.keys.iter().map(|key| key.key_id()).collect();
        Ok(RoleKeys { keyids, threshold: threshold.ok_or(wrong)?, _extra: HashMap::new() })
    }
}

impl SignedRoot {
    /// Begins one without signatures.
    pub fn begin(draft: &RootDraft) -> Result<Self, SignError> {
        let (mut keys, mut roles) = (HashMap::new(), HashMap::new());
        for role in RoleName::ALL {
            let named = draft.keys(role);
            roles.insert(role.kind(), named.check(role)?);
            keys.extend(named.keys.iter().map(|key| (key.key_id(), key.entry())));
        }
        let signed = Root {
            spec_version: SPECIFICATION.to_owned(),
            consistent_snapshot: true,
            version: draft.edition.number(RoleName::Root)?,
            expires: draft.edition.expires.timestamp(),
            keys,
            roles,
            _extra: HashMap::new(),
        };
        Ok(Self(Signed { signed, signatures: Vec::new() }))
    }

    /// Reads one, whoever has signed it so far; `file` is its name in messages. This alone proves nothing.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, Why> {
        metadata::read_root(file, bytes).map(Self)
    }

    /// What it says, to make the next one of it.
    pub fn draft(&self) -> Result<RootDraft, SignError> {
        let [root, targets, snapshot, timestamp] = RoleName::ALL.map(|role| self.keys_of(role));
        let (root, targets, snapshot, timestamp) = (root?, targets?, snapshot?, timestamp?);
        Ok(RootDraft { edition: self.edition(), root, targets, snapshot, timestamp })
    }

    fn keys_of(&self, role: RoleName) -> Result<Keys, SignError> {
        let named = self.0.signed.roles.get(&role.kind());
        let named = named.ok_or_else(|| SignError::OtherKey(format!("there is none for the {role}")))?;
        let key = |id| {
            let entry = self.0.signed.keys.get(id);
            let unknown = || format!("{} is not a plain Ed25519 key", data_encoding::HEXLOWER.encode(id));
            entry.and_then(PublicKey::from_entry).ok_or_else(|| SignError::OtherKey(unknown()))
        };
        let keys = named.keyids.iter().map(key).collect::<Result<_, _>>()?;
        Ok(Keys { threshold: named.threshold.get(), keys })
    }

    /// Its version, and until when it is good.
    pub fn edition(&self) -> Edition {
        Edition { version: self.0.signed.version.get(), expires: Moment::of(self.0.signed.expires) }
    }

    /// Adds a signature, or makes it anew.
    pub fn sign(&mut self, key: &SecretKey) -> Result<(), SignError> {
        let signature = role::signature(&self.0.signed, key)?;
        self.0.signatures.retain(|old| old.keyid != signature.keyid);
        self.0.signatures.push(signature);
        role::in_order(&mut self.0.signatures);
        Ok(())
    }

    /// The bytes as they are now, to be signed elsewhere.
    pub fn bytes(&self) -> Result<Vec<u8>, SignError> {
        role::bytes(&self.0, MOST)
    }

    /// The bytes to publish, if enough have signed: of its own keys, and of those of the root before it. The first root has
    /// none before it.
    pub fn finish(&self, before: Option<&Self>) -> Result<Vec<u8>, SignError> {
        let after = self.edition().version;
        let expected = before.map_or(0, |before| before.edition().version);
        if expected.checked_add(1) != Some(after) {
            return Err(SignError::Step { before: expected, after });
        }
        if let Some(before) = before {
            role::verified(before, &self.0)?;
        }
        role::verified(self, &self.0)?;
        self.bytes()
    }

    /// Whether a key may sign for a role.
    pub fn may_sign(&self, role: RoleName, key: &SecretKey) -> bool {
        let id = key.public().key_id();
        self.0.signed.roles.get(&role.kind()).is_some_and(|keys| keys.keyids.contains(&id))
    }

    pub(super) fn inner(&self) -> &Root {
        &self.0.signed
    }

    /// Checks that this root may follow another (specification, 5.3.4 and 5.3.5).
    pub(super) fn follows(&self, before: &Self, file: &str) -> Result<(), Why> {
        metadata::verify(&before.0.signed, file, &self.0)?;
        self.signs_itself(file)?;
        let wanted = before.edition().version.saturating_add(1);
        let found = self.edition().version;
        if found == wanted { Ok(()) } else { Err(Why::Mixed { file: file.to_owned(), found, wanted }) }
    }

    pub(super) fn signs_itself(&self, file: &str) -> Result<(), Why> {
        metadata::verify(&self.0.signed, file, &self.0)
    }

    /// Whether a key that could sign timestamps or snapshots before it can do so no more, or more of them are wanted.
    pub(super) fn took_online_keys(&self, before: &Self) -> bool {
        [RoleName::Snapshot, RoleName::Timestamp].iter().any(|role| {
            let keys = |root: &Self| root.0.signed.roles.get(&role.kind()).cloned();
            let (Some(old), Some(new)) = (keys(before), keys(self)) else { return true };
            new.threshold > old.threshold || old.keyids.iter().any(|id| !new.keyids.contains(id))
        })
    }
}
