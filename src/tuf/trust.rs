//! The client: from what was trusted last, and storage, to what is trusted now. Section 5 of the specification, in its order.
//!
//! Roots first, one version after the other, each signed as the one before it and as itself wants; then the timestamp, the
//! snapshot it names and the targets that names. What is known already and still named is not asked for again: when nothing is
//! new there are two requests. What was found good before something wrong is remembered, as the specification wants it, and
//! used for nothing but to refuse what is older.

use super::error::{Refused, Why};
use super::fetch::{Fetched, MOST, MOST_TARGETS, fetch, fetch_named, fetch_root, fits};
use super::kept::Kept;
use super::metadata;
use super::moment::Moment;
use super::role::{Edition, RoleName};
use super::root::SignedRoot;
use super::target::Target;
use super::trusted::{Trusted, Warning};
use crate::base::digest::Digest;
use crate::base::path::printable;
use crate::objects::Objects;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use tough::schema::{self, Metafile, Role, Signed, Snapshot, Targets, Timestamp};

/// Whether metadata must be good at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It must.
    Required,
    /// It may have expired, but must come from the repository: for whoever is to sign it anew.
    Expired,
    /// The user takes what is known though it has expired, or though the repository cannot be reached. Nothing else is waived.
    Waived,
}

/// The most new roots that are followed in one run (specification, 5.3.3).
const MOST_ROOTS: u64 = 1024;
/// 2026-01-01: no such repository is older.
const FIRST: i64 = 1_767_225_600;
/// From so many days after the end on, the clock is as likely to be wrong as the repository.
const LONG_AGO: u64 = 2 * 365;

/// Follows a repository from what was kept of it to what it holds now.
pub fn follow(objects: &dyn Objects, kept: &Kept, now: Moment, freshness: Freshness) -> Result<Trusted, Refused> {
    let mut walk = Walk::begin(kept, now, freshness).map_err(|why| Refused { why, keep: None })?;
    let done = walk.roots(objects).and_then(|()| walk.rest(Some(objects), kept));
    let done = match done {
        Err(why) if why.is_unreached() && freshness == Freshness::Waived => walk.instead(why, kept),
        done => done,
    };
    done.map_err(|why| Refused { why, keep: (walk.kept != *kept).then(|| Box::new(walk.kept)) })
}

/// Takes what was kept of a repository without asking it, checked as if it had just come.
pub fn recall(kept: &Kept, now: Moment, freshness: Freshness) -> Result<Trusted, Refused> {
    let walk = Walk::begin(kept, now, freshness);
    walk.and_then(|mut walk| walk.rest(None, kept)).map_err(|why| Refused { why, keep: None })
}

/// One run on its way.
struct Walk {
    now: Moment,
    freshness: Freshness,
    root: SignedRoot,
    kept: Kept,
    warnings: Vec<Warning>,
}

/// A timestamp, its bytes, and what tells that state of it from others.
type Stamp = (Signed<Timestamp>, Vec<u8>, Option<String>);

impl Walk {
    fn begin(kept: &Kept, now: Moment, freshness: Freshness) -> Result<Self, Why> {
        let root = SignedRoot::read("root.json", &kept.root);
        let root = root.and_then(|root| root.signs_itself("root.json").map(|()| root));
        let root = root.map_err(|why| Why::Memory { role: RoleName::Root, why: Box::new(why) })?;
        let mut walk = Self { now, freshness, root, kept: kept.clone(), warnings: Vec::new() };
        if now < Moment::from_seconds(FIRST) {
            let behind = Why::ClockBehind { now };
            // What is signed at such a time would have expired before it is read.
            if freshness == Freshness::Expired { Err(behind) } else { walk.waive(behind) }?;
        }
        if let Some(then) = kept.checked.filter(|then| now < *then) {
            walk.warnings.push(Warning::ClockBack { now, then });
        }
        Ok(walk)
    }

    /// An error, or a warning where the user allows it.
    fn waive(&mut self, why: Why) -> Result<(), Why> {
        if self.freshness == Freshness::Required {
            return Err(why);
        }
        self.warnings.push(Warning::Waived(why));
        Ok(())
    }

    /// Specification 5.3: up to the newest root.
    fn roots(&mut self, objects: &dyn Objects) -> Result<(), Why> {
        // What is remembered was good under the root it is remembered with; whoever lost it must hear of it before it is forgotten.
        self.timestamp_kept()?;
        self.snapshot_kept()?;
        for _ in 0..MOST_ROOTS {
            let Some(next) = self.root.edition().version.checked_add(1) else { return Ok(()) };
            let Some(bytes) = fetch_root(objects, next)? else { return Ok(()) };
            let file = shown(objects, &format!("{next}.root.json"));
            let root = SignedRoot::read(&file, &bytes)?;
            root.follows(&self.root, &file)?;
            if root.took_online_keys(&self.root) {
                self.kept.forget_online();
            }
            (self.root, self.kept.root) = (root, bytes);
        }
        Err(Why::Roots(MOST_ROOTS))
    }

    /// Specification 5.3.10 to 5.6, with what is kept and, if there is one, a repository.
    fn rest(&mut self, objects: Option<&dyn Objects>, before: &Kept) -> Result<Trusted, Why> {
        self.good(RoleName::Root, self.root.edition().expires)?;
        let (timestamp, stamp_bytes, state) = self.timestamp(objects)?;
        let stamped = edition(&timestamp);
        self.good(RoleName::Timestamp, stamped.expires)?;
        let old = self.snapshot_kept()?;
        (self.kept.timestamp, self.kept.state) = (Some(stamp_bytes), state);

        let meta = named(&timestamp.signed.meta, RoleName::Snapshot, RoleName::Timestamp)?;
        let (snapshot, snapshot_bytes) = self.file::<Snapshot>(objects, self.kept.snapshot.as_ref(), meta, MOST)?;
        if let Some(old) = &old {
            keeps_up(&snapshot, old)?;
        }
        let snapped = edition(&snapshot);
        self.good(RoleName::Snapshot, snapped.expires)?;
        self.kept.snapshot = Some(snapshot_bytes);

        let meta = named(&snapshot.signed.meta, RoleName::Targets, RoleName::Snapshot)?;
        let (targets, targets_bytes) = self.file::<Targets>(objects, self.kept.targets.as_ref(), meta, MOST_TARGETS)?;
        let aimed = edition(&targets);
        self.good(RoleName::Targets, aimed.expires)?;

        let all = listed(targets.signed)?;
        let is_fresh = objects.is_some() && !self.warnings.iter().any(|warning| matches!(warning, Warning::Waived(_)));
        self.kept.targets = Some(targets_bytes);
        if is_fresh {
            self.kept.checked = Some(self.now);
        }
        let editions = [self.root.edition(), aimed, snapped, stamped];
        let (root, warnings) = (self.root.clone(), std::mem::take(&mut self.warnings));
        Ok(Trusted::new(all, root, editions, warnings, before, self.kept.clone()))
    }

    /// What was kept, in the place of a repository that cannot be reached, under the newest roots that could be.
    fn instead(&mut self, why: Why, before: &Kept) -> Result<Trusted, Why> {
        let reached = self.kept.clone();
        self.warnings.retain(|warning| !is_expiry(warning));
        if reached.timestamp.is_some() {
            self.kept = Kept { root: reached.root.clone(), ..before.clone() };
            if let Ok(mut trusted) = self.rest(None, before) {
                trusted.warn(Warning::Waived(why));
                return Ok(trusted);
            }
        }
        // Of two reasons why there is nothing, that the repository cannot be reached is the one to hear of.
        self.kept = reached;
        Err(why)
    }

    /// Specification 5.3.10, 5.4.4, 5.5.6, 5.6.5: metadata is good before the moment at which it expires.
    fn good(&mut self, role: RoleName, expired: Moment) -> Result<(), Why> {
        let now = self.now;
        if now < expired {
            Ok(())
        } else if now.since(expired).days() < LONG_AGO {
            self.waive(Why::Expired { role, expired, now })
        } else {
            self.waive(Why::ClockAhead { role, expired, now })
        }
    }

    /// The timestamp that was kept. It is verified each time, as the disk it was kept on may have lost it.
    fn timestamp_kept(&self) -> Result<Option<Signed<Timestamp>>, Why> {
        self.remembered(RoleName::Timestamp, self.kept.timestamp.as_ref())
    }

    fn snapshot_kept(&self) -> Result<Option<Signed<Snapshot>>, Why> {
        self.remembered(RoleName::Snapshot, self.kept.snapshot.as_ref())
    }

    fn remembered<R: Role + Serialize + DeserializeOwned>(
        &self,
        role: RoleName,
        bytes: Option<&Vec<u8>>,
    ) -> Result<Option<Signed<R>>, Why> {
        let Some(bytes) = bytes else { return Ok(None) };
        let file = format!("{role}.json");
        let read = metadata::read(&file, bytes);
        let read = read.and_then(|read| metadata::verify(self.root.inner(), &file, &read).map(|()| read));
        read.map(Some).map_err(|why| Why::Memory { role, why: Box::new(why) })
    }

    /// Specification 5.4.1 to 5.4.3: the newest timestamp, which may be the one that was kept.
    fn timestamp(&self, objects: Option<&dyn Objects>) -> Result<Stamp, Why> {
        let old = self.timestamp_kept()?.zip(self.kept.timestamp.clone());
        let state = old.as_ref().and(self.kept.state.as_deref());
        let kept = |old: Option<(Signed<Timestamp>, Vec<u8>)>, none: Why| {
            old.map(|(old, bytes)| (old, bytes, state.map(str::to_owned))).ok_or(none)
        };
        let Some(objects) = objects else { return kept(old, Why::Forgotten(RoleName::Timestamp)) };
        let file = shown(objects, "timestamp.json");
        let (bytes, found) = match fetch(objects, "timestamp.json", MOST, state)? {
            Fetched::Missing => return Err(Why::Missing { file }),
            Fetched::Same => return kept(old, Why::Missing { file }),
            Fetched::Bytes(bytes, state) => (bytes, state),
        };
        let new: Signed<Timestamp> = metadata::read(&file, &bytes)?;
        metadata::verify(self.root.inner(), &file, &new)?;
        let Some((before, old_bytes)) = old else { return Ok((new, bytes, found)) };
        let (is, was) = (new.signed.version.get(), before.signed.version.get());
        if is < was {
            return Err(Why::Older { file, role: RoleName::Timestamp, found: is, known: was });
        }
        if is == was {
            // Not even another spelling of it is taken; its state is, if it is the same.
            let state = if bytes == old_bytes { found } else { self.kept.state.clone() };
            return Ok((before, old_bytes, state));
        }
        let version = |stamp: &Signed<Timestamp>| {
            named(&stamp.signed.meta, RoleName::Snapshot, RoleName::Timestamp).map(|meta| meta.version.get())
        };
        let (is, was) = (version(&new)?, version(&before)?);
        if is < was {
            return Err(Why::Older { file, role: RoleName::Snapshot, found: is, known: was });
        }
        Ok((new, bytes, found))
    }

    /// Specification 5.5.1 to 5.5.4 and 5.6.1 to 5.6.4: what other metadata names; what was kept of it, if that is still named.
    fn file<R: Role + Serialize + DeserializeOwned>(
        &self,
        objects: Option<&dyn Objects>,
        kept: Option<&Vec<u8>>,
        signed: &Metafile,
        most: u64,
    ) -> Result<(Signed<R>, Vec<u8>), Why> {
        let role = RoleName::of(R::TYPE);
        let name = format!("{}.{role}.json", signed.version);
        let judged = |file: &str, bytes: &[u8]| {
            fits(file, bytes, signed)?;
            let read: Signed<R> = metadata::read(file, bytes)?;
            metadata::verify(self.root.inner(), file, &read)?;
            let (found, wanted) = (read.signed.version().get(), signed.version.get());
            if found == wanted { Ok(read) } else { Err(Why::Mixed { file: file.to_owned(), found, wanted }) }
        };
        if let Some((read, bytes)) = kept.and_then(|bytes| judged(&name, bytes).ok().zip(Some(bytes))) {
            return Ok((read, bytes.clone()));
        }
        let objects = objects.ok_or(Why::Forgotten(role))?;
        let bytes = fetch_named(objects, &name, signed, most)?;
        judged(&shown(objects, &name), &bytes).map(|read| (read, bytes))
    }
}

fn shown(objects: &dyn Objects, name: &str) -> String {
    objects.shown(&format!("{}/{name}", super::METADATA))
}

fn is_expiry(warning: &Warning) -> bool {
    matches!(warning, Warning::Waived(Why::Expired { .. } | Why::ClockAhead { .. }))
}

fn edition<R: Role>(role: &Signed<R>) -> Edition {
    Edition { version: role.signed.version().get(), expires: Moment::of(role.signed.expires()) }
}

/// What metadata says about the file of a role.
fn named(meta: &HashMap<String, Metafile>, role: RoleName, by: RoleName) -> Result<&Metafile, Why> {
    let why = || Why::Unreadable { file: format!("{by}.json"), why: format!("it does not name {role}.json") };
    meta.get(&format!("{role}.json")).ok_or_else(why)
}

/// Specification 5.5.5: nothing that a snapshot names may be gone from a later one, or be older in it.
fn keeps_up(new: &Signed<Snapshot>, old: &Signed<Snapshot>) -> Result<(), Why> {
    let file = || format!("{}.snapshot.json", new.signed.version);
    for (name, before) in &old.signed.meta {
        let Some(now) = new.signed.meta.get(name) else {
            let name = printable(name.as_bytes()).into_owned();
            return Err(Why::Unreadable { file: file(), why: format!("it does not name {name} any more") });
        };
        if now.version < before.version {
            let (found, known) = (now.version.get(), before.version.get());
            return Err(Why::Older { file: file(), role: RoleName::Targets, found, known });
        }
    }
    Ok(())
}

/// The targets by name. Delegations are not followed: none are made, and no target of one is needed.
fn listed(targets: Targets) -> Result<Vec<Target>, Why> {
    let target = |name: &str, target: schema::Target| {
        let shown = || printable(name.as_bytes()).into_owned();
        let unreadable = || Why::Unreadable {
            file: "targets.json".to_owned(),
            why: format!("the sha256 of '{}' has not 64 digits", shown()),
        };
        let digest = Digest::from_hex(&data_encoding::HEXLOWER.encode(&target.hashes.sha256));
        let custom = target.custom.into_iter().collect();
        let target = Target::new(name, target.length, digest.ok_or_else(unreadable)?, custom);
        target.ok_or_else(|| Why::TargetName { name: shown() })
    };
    let all = targets.targets.into_iter().map(|(name, entry)| target(name.raw(), entry));
    let mut all = all.collect::<Result<Vec<_>, _>>()?;
    all.sort_by(|one, other| one.name().cmp(other.name()));
    Ok(all)
}
