//! Where a repository is changed: what it holds now, the keys that sign, and the one way by which something new becomes visible.
//!
//! Targets and snapshots are written under numbers that nobody has, and the timestamp that names them last, so that clients see
//! the old list or the new one. Before the timestamp is written the whole is shown to the code that clients run. Whoever takes a
//! number of targets first may go on, the others are told. What somebody left behind without a timestamp, because they were
//! killed, is finished by the next one: it was signed, and no release is lost.

use super::error::PublishError;
use super::overlay::Overlay;
use crate::objects::{Got, Objects, Presence, Put, When, Wish};
use crate::tuf::{
    Edition, Freshness, Kept, METADATA, Moment, Refused, RoleName, SecretKey, SignedRoot, Target, Trusted, Warning,
    Why, follow, sign_snapshot, sign_targets, sign_timestamp,
};
use crate::web::Content;
use std::io::Read;

/// Clients read no more of a list of targets.
const MOST: u64 = 10 << 20;
/// So many numbers may be taken by what was never finished.
const MOST_TAKEN: u64 = 1000;
/// So often it is begun again where others write at the same moment.
const TRIES: usize = 8;
/// No state of a file is called so: it makes storage tell which one it has.
const NO_STATE: &str = "\"none\"";

/// For how many days what is signed is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lives {
    /// A root.
    pub root: u32,
    /// A list of targets.
    pub targets: u32,
    /// A snapshot.
    pub snapshot: u32,
    /// A timestamp.
    pub timestamp: u32,
}

impl Default for Lives {
    fn default() -> Self {
        Self { root: 365, targets: 90, snapshot: 30, timestamp: 14 }
    }
}

/// A repository and who changes it.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// The repository.
    pub objects: &'a dyn Objects,
    /// What signs lists of targets.
    pub release: Option<&'a SecretKey>,
    /// What signs snapshots and timestamps.
    pub online: Option<&'a SecretKey>,
    /// The time now.
    pub now: Moment,
    /// How long what is signed is good.
    pub lives: Lives,
}

/// What a repository holds, as its publisher must know it.
#[derive(Debug)]
pub struct State {
    /// What clients trust, or did under the root before.
    pub trusted: Trusted,
    /// The newest root.
    pub root: SignedRoot,
    /// The first root, by which clients begin.
    pub first_root: Vec<u8>,
    /// Whether the newest root wants other signatures than there are: clients follow the repository no more.
    pub is_torn: bool,
}

impl State {
    /// What is wrong with it and was let pass.
    pub fn warnings(&self) -> impl Iterator<Item = &Warning> {
        self.trusted.warnings().iter()
    }
}

impl Desk<'_> {
    /// Reads what the repository holds. It may have expired.
    pub fn look(&self) -> Result<State, PublishError> {
        let place = format!("{METADATA}/1.root.json");
        let none = || PublishError::None { place: self.objects.shown(&place) };
        let first_root = self.read(&place)?.ok_or_else(none)?;
        let kept = Kept::begin(first_root.clone());
        let refused = match follow(self.objects, &kept, self.now, Freshness::Expired) {
            Ok(trusted) => {
                let root = trusted.root().clone();
                return Ok(State { trusted, root, first_root, is_torn: false });
            }
            Err(refused) => refused,
        };
        // A new root was published, and whoever did it was stopped before what it wants was signed.
        let Refused { why: Why::Unsigned { .. }, keep: Some(reached) } = &refused else {
            return Err(refused.why.into());
        };
        let root = SignedRoot::read("root.json", &reached.root)?;
        let before = (1..root.edition().version).rev().find_map(|version| {
            let earlier = Overlay::new(self.objects).until_root(version);
            follow(&earlier, &kept, self.now, Freshness::Expired).ok()
        });
        let trusted = before.ok_or(refused.why)?;
        Ok(State { trusted, root, first_root, is_torn: true })
    }

    /// Reads what the repository holds after finishing what others left unfinished. Without the online key it is only read.
    pub fn settle(&self) -> Result<State, PublishError> {
        let mut state = self.look()?;
        for _ in 0..TRIES {
            if state.is_torn || self.online.is_none() {
                break;
            }
            let Some(left) = self.left_behind(&state)? else { break };
            match self.show(&state, &left) {
                // Whoever was at it is alive and did it.
                Ok(()) | Err(PublishError::Busy { .. }) => state = self.look()?,
                Err(error) => return Err(error),
            }
        }
        Ok(state)
    }

    /// Puts a new list in the place of the one there is, by the one who takes its number first.
    pub fn list(&self, state: &State, targets: &[Target]) -> Result<State, PublishError> {
        self.list_then(state, targets, || Ok(()))
    }

    /// The same; once the number is taken and before anybody sees the list, `then` is done.
    pub(super) fn list_then(
        &self,
        state: &State,
        targets: &[Target],
        then: impl FnOnce() -> Result<(), PublishError>,
    ) -> Result<State, PublishError> {
        let key = self.release.ok_or(PublishError::NoKey(RoleName::Targets))?;
        let edition = self.next_list(state)?;
        let bytes = sign_targets(edition, targets, &state.root, &[key])?;
        // Nothing is written that clients would not take.
        let online = self.signed_over(state, &bytes)?;
        self.judge(state, &Left { targets: Some((edition.version, bytes.clone())), ..online })?;
        let name = format!("{METADATA}/{}.targets.json", edition.version);
        if self.objects.put(&name, Content::Bytes(&bytes), When::New)? == Put::Lost {
            return Err(PublishError::Busy { place: self.objects.shown(&name) });
        }
        then()?;
        self.sign_over(state, edition.version, &bytes)
    }

    /// Signs the timestamp anew, the snapshot where half its time is over, and the targets where theirs is and their key is there.
    pub fn refresh(&self) -> Result<State, PublishError> {
        let state = self.settle()?;
        let targets = state.trusted.edition(RoleName::Targets);
        let is_foreign =
            state.is_torn && self.judge(&state, &self.signed_over(&state, kept_targets(&state)?)?).is_err();
        if is_foreign || (self.release.is_some() && self.is_half_over(targets, self.lives.targets)) {
            return self.list(&state, state.trusted.targets());
        }
        let snapshot = state.trusted.edition(RoleName::Snapshot);
        if state.is_torn || self.is_half_over(snapshot, self.lives.snapshot) {
            let bytes = kept_targets(&state)?.to_vec();
            return self.sign_over(&state, targets.version, &bytes);
        }
        let bytes = state.trusted.kept().snapshot.clone().unwrap_or_default();
        let left = self.stamped(&state, snapshot.version, bytes)?;
        match self.show(&state, &left) {
            // Somebody else signed a timestamp at this moment, and it is as fresh.
            Ok(()) | Err(PublishError::Busy { .. }) => self.look(),
            Err(error) => Err(error),
        }
    }

    fn is_half_over(&self, edition: Edition, days: u32) -> bool {
        edition.expires < self.now.plus_days(days / 2)
    }

    /// Makes targets that are in their place visible, whatever others do meanwhile with snapshots.
    fn sign_over(&self, state: &State, version: u64, targets: &[u8]) -> Result<State, PublishError> {
        let mut busy = self.show(state, &self.signed_over(state, targets)?);
        for _ in 0..TRIES {
            match busy {
                Ok(()) => return self.look(),
                Err(PublishError::Busy { .. }) => {}
                Err(error) => return Err(error),
            }
            let now = self.look()?;
            // Somebody finished it for us, or went on from it.
            if !now.is_torn && now.trusted.edition(RoleName::Targets).version >= version {
                return Ok(now);
            }
            busy = self.show(&now, &self.signed_over(&now, targets)?);
        }
        busy.and_then(|()| self.look())
    }

    /// A snapshot of these targets and its timestamp, both new.
    fn signed_over(&self, state: &State, targets: &[u8]) -> Result<Left, PublishError> {
        let key = self.online.ok_or(PublishError::NoKey(RoleName::Snapshot))?;
        let edition = self.next_snapshot(state)?;
        let bytes = sign_snapshot(edition, targets, &state.root, &[key])?;
        let left = self.stamped(state, edition.version, bytes)?;
        Ok(Left { is_snapshot_new: true, ..left })
    }

    /// A new timestamp of a snapshot.
    fn stamped(&self, state: &State, version: u64, snapshot: Vec<u8>) -> Result<Left, PublishError> {
        let key = self.online.ok_or(PublishError::NoKey(RoleName::Timestamp))?;
        let before = state.trusted.edition(RoleName::Timestamp).version;
        let edition = self.edition(before.saturating_add(1), self.lives.timestamp);
        let timestamp = sign_timestamp(edition, &snapshot, &state.root, &[key])?;
        Ok(Left { targets: None, snapshot: (version, snapshot), is_snapshot_new: false, timestamp })
    }

    fn edition(&self, version: u64, days: u32) -> Edition {
        Edition { version, expires: self.now.plus_days(days) }
    }

    /// The next number for a list. A good list that is there already is that of somebody who was faster; what clients would not
    /// take keeps its number and is passed over.
    fn next_list(&self, state: &State) -> Result<Edition, PublishError> {
        let before = state.trusted.edition(RoleName::Targets).version;
        for version in (1..=MOST_TAKEN).filter_map(|more| before.checked_add(more)) {
            let name = format!("{METADATA}/{version}.targets.json");
            let Some(bytes) = self.read(&name)? else { return Ok(self.edition(version, self.lives.targets)) };
            let left = self.signed_over(state, &bytes);
            if left.is_ok_and(|left| self.is_good(state, &left)) {
                return Err(PublishError::Busy { place: self.objects.shown(&name) });
            }
        }
        Err(taken(RoleName::Targets, before))
    }

    /// The next number for a snapshot: any that is free, as its timestamp decides.
    fn next_snapshot(&self, state: &State) -> Result<Edition, PublishError> {
        let before = state.trusted.edition(RoleName::Snapshot).version;
        for version in (1..=MOST_TAKEN).filter_map(|more| before.checked_add(more)) {
            if self.objects.look(&format!("{METADATA}/{version}.snapshot.json"))? != Presence::There {
                return Ok(self.edition(version, self.lives.snapshot));
            }
        }
        Err(taken(RoleName::Snapshot, before))
    }

    /// What a publisher left who was killed before the timestamp: a snapshot, or targets alone. What clients would not take, or
    /// what has expired meanwhile, is left where it is.
    fn left_behind(&self, state: &State) -> Result<Option<Left>, PublishError> {
        let version = state.trusted.edition(RoleName::Snapshot).version.saturating_add(1);
        if let Some(bytes) = self.read(&format!("{METADATA}/{version}.snapshot.json"))? {
            let left = self.stamped(state, version, bytes);
            if let Some(left) = left.ok().filter(|left| self.is_good(state, left)) {
                return Ok(Some(left));
            }
        }
        let version = state.trusted.edition(RoleName::Targets).version.saturating_add(1);
        let Some(bytes) = self.read(&format!("{METADATA}/{version}.targets.json"))? else { return Ok(None) };
        let left = self.signed_over(state, &bytes);
        Ok(left.ok().filter(|left| self.is_good(state, left)))
    }

    fn is_good(&self, state: &State, left: &Left) -> bool {
        let now = self.judge(state, left);
        now.is_ok_and(|now| now.edition(RoleName::Targets).expires > self.now)
    }

    /// What a client would make of it.
    fn judge(&self, state: &State, left: &Left) -> Result<Trusted, PublishError> {
        let (number, snapshot) = &left.snapshot;
        let name = format!("{number}.snapshot.json");
        let mut shown = Overlay::new(self.objects).with("timestamp.json", &left.timestamp).with(&name, snapshot);
        let name = left.targets.as_ref().map(|(number, bytes)| (format!("{number}.targets.json"), bytes));
        if let Some((name, bytes)) = &name {
            shown = shown.with(name, bytes);
        }
        let judged = follow(&shown, state.trusted.kept(), self.now, Freshness::Expired);
        judged.map_err(|refused| refused.why.into())
    }

    /// Writes a snapshot and its timestamp, once a client would take both.
    fn show(&self, state: &State, left: &Left) -> Result<(), PublishError> {
        self.judge(state, left)?;
        let (number, snapshot) = &left.snapshot;
        if left.is_snapshot_new {
            let name = format!("{METADATA}/{number}.snapshot.json");
            if self.objects.put(&name, Content::Bytes(snapshot), When::New)? == Put::Lost {
                return Err(PublishError::Busy { place: self.objects.shown(&name) });
            }
        }
        self.stamp(state, &left.timestamp)
    }

    /// Writes a timestamp in the place of the one that was read. Servers that know no conditions are asked just before.
    fn stamp(&self, state: &State, timestamp: &[u8]) -> Result<(), PublishError> {
        let name = format!("{METADATA}/timestamp.json");
        let busy = || PublishError::Busy { place: self.objects.shown(&name) };
        let Got::Bytes(object) = self.objects.get(&name, &Wish { known: Some(NO_STATE), rest: None })? else {
            return Err(busy());
        };
        let mut found = Vec::new();
        let read = object.reader.take(MOST).read_to_end(&mut found);
        read.map_err(|source| Why::Cut { file: self.objects.shown(&name), source })?;
        if Some(&found) != state.trusted.kept().timestamp.as_ref() {
            return Err(busy());
        }
        // A weak tag can be no condition for a change (RFC 9110, 13.1.1).
        let known = object.state.as_deref().filter(|state| !state.starts_with("W/"));
        let when = known.map_or(When::Always, When::Same);
        if self.objects.put(&name, Content::Bytes(timestamp), when)? == Put::Lost { Err(busy()) } else { Ok(()) }
    }

    /// A whole small file; none where there is none.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, PublishError> {
        read(self.objects, name)
    }
}

fn taken(role: RoleName, before: u64) -> PublishError {
    let why = format!("{MOST_TAKEN} files of {role} after {before} belong to nothing");
    PublishError::Wish(why, Some("'relocate repo gc' removes them".to_owned()))
}

/// A whole small file of a repository; none where there is none.
pub(super) fn read(objects: &dyn Objects, name: &str) -> Result<Option<Vec<u8>>, PublishError> {
    let Got::Bytes(object) = objects.get(name, &Wish::default())? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = object.reader.take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|source| Why::Cut { file: objects.shown(name), source })?;
    if bytes.len() as u64 > MOST {
        return Err(Why::TooLong { file: objects.shown(name), most: MOST }.into());
    }
    Ok(Some(bytes))
}

fn kept_targets(state: &State) -> Result<&[u8], PublishError> {
    let targets = state.trusted.kept().targets.as_deref();
    Ok(targets.ok_or(Why::Forgotten(RoleName::Targets))?)
}

/// A snapshot that is to become visible by its timestamp.
struct Left {
    /// Targets that are not in their place yet.
    targets: Option<(u64, Vec<u8>)>,
    snapshot: (u64, Vec<u8>),
    /// Whether it must be written first.
    is_snapshot_new: bool,
    timestamp: Vec<u8>,
}
