//! What nobody needs any more is removed: old lists and snapshots, and the files that only old lists name.
//!
//! Storage cannot be asked for all its names, so old lists are what tells: they stay for a grace time, in which machines may still
//! read them, and go after the files they name, so that a run that was killed is finished by the next. Roots are never removed.

use super::desk::{Desk, State, read};
use super::error::PublishError;
use crate::base::digest::Digest;
use crate::tuf::{METADATA, RoleName, Target};
use serde_json::Value;
use std::collections::BTreeSet;

/// After so many numbers without a file the rest is taken for gone.
const GAP: u64 = 64;
const DAY: i64 = 24 * 60 * 60;

/// What was removed, or would be.
#[derive(Debug)]
pub struct Collected {
    /// Names in the repository, in the order they went.
    pub removed: Vec<String>,
    /// What the repository holds.
    pub state: State,
}

/// Removes what has been out of use for more than `grace` days.
pub fn gc(desk: &Desk<'_>, grace: u32, dry_run: bool) -> Result<Collected, PublishError> {
    let state = if dry_run { desk.look()? } else { desk.settle()? };
    let mut used: BTreeSet<String> = state.trusted.targets().iter().map(Target::place).collect();
    let before = desk.now.seconds().saturating_sub(i64::from(grace) * DAY);
    let lists = old(desk, &state, RoleName::Targets, desk.lives.targets, before)?;
    for list in lists.iter().filter(|list| !list.is_over) {
        used.extend(list.places.iter().cloned());
    }
    let mut gone = BTreeSet::new();
    let mut removed = Vec::new();
    for list in lists.iter().rev().filter(|list| list.is_over) {
        removed.extend(
            list.places.iter().filter(|place| !used.contains(*place) && gone.insert((*place).clone())).cloned(),
        );
        removed.push(list.name.clone());
    }
    let snapshots = old(desk, &state, RoleName::Snapshot, desk.lives.snapshot, before)?;
    removed.extend(snapshots.into_iter().rev().filter(|snapshot| snapshot.is_over).map(|snapshot| snapshot.name));
    if !dry_run {
        removed.iter().try_for_each(|name| desk.objects.remove(name))?;
    }
    Ok(Collected { removed, state })
}

/// One old list or snapshot.
struct Old {
    name: String,
    /// Whether what came after it was there before the grace time began.
    is_over: bool,
    /// Files that it names.
    places: Vec<String>,
}

/// Old files of a role, the newest first.
fn old(desk: &Desk<'_>, state: &State, role: RoleName, days: u32, before: i64) -> Result<Vec<Old>, PublishError> {
    let edition = state.trusted.edition(role);
    let life = i64::from(days) * DAY;
    let mut next_signed = edition.expires.seconds().saturating_sub(life);
    let (mut all, mut missing) = (Vec::new(), 0);
    for version in (1..edition.version).rev() {
        let name = format!("{METADATA}/{version}.{role}.json");
        let Some(bytes) = read(desk.objects, &name)? else {
            missing += 1;
            if missing > GAP {
                break;
            }
            continue;
        };
        missing = 0;
        let found: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        all.push(Old { name, is_over: next_signed < before, places: places(&found) });
        // Of one that says nothing of itself, only that it is older.
        next_signed = expires(&found).map_or(next_signed, |expires| expires.saturating_sub(life).min(next_signed));
    }
    Ok(all)
}

fn expires(found: &Value) -> Option<i64> {
    let text = found.get("signed")?.get("expires")?.as_str()?;
    Some(text.parse::<jiff::Timestamp>().ok()?.as_second())
}

/// The files of a list. It is not verified again: what the list of today names is never removed.
fn places(found: &Value) -> Vec<String> {
    let targets = found.get("signed").and_then(|signed| signed.get("targets")).and_then(Value::as_object);
    let place = |(name, entry): (&String, &Value)| {
        let digest = Digest::from_hex(entry.get("hashes")?.get("sha256")?.as_str()?)?;
        Some(Target::new(name, 0, digest, serde_json::Map::new())?.place())
    };
    targets.into_iter().flatten().filter_map(place).collect()
}
