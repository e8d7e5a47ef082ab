//! Inventory and plan as a list of what is to be shipped, sorted, with the modes, owners and times it is shipped with.

use super::{Job, Owner, Prepared};
use crate::base::path::RelPath;
use crate::pack::{Body, Item};
use crate::scan::{Entry, Kind};

/// What is shipped, and where each item comes from.
pub(super) struct Shipped<'a> {
    /// Sorted by path.
    pub(super) items: Vec<Item>,
    /// What was found at the path of each.
    pub(super) entries: Vec<&'a Entry>,
}

/// Lists everything that is shipped. What an archive of software does not carry (fifos, sockets, devices) is left out;
/// the plan has a finding for each.
pub(super) fn items<'a>(job: &Job, prepared: &'a Prepared) -> Shipped<'a> {
    let shipped = prepared.inventory.entries.iter().filter_map(|(path, entry)| {
        let body = body(job, prepared, path, entry)?;
        // All names of a hard-link set are one file and have one mode.
        let first = match &entry.kind {
            Kind::HardLink(first) => first,
            _ => path,
        };
        let mode = mode(job, prepared, first, entry);
        let (uid, gid) = match job.owner {
            Owner::Fixed(uid, gid) => (uid, gid),
            Owner::Keep => (u64::from(entry.uid), u64::from(entry.gid)),
        };
        let mtime = job.source_date_epoch.map_or(entry.mtime, |epoch| entry.mtime.min(epoch));
        Some((Item { path: path.clone(), mode, uid, gid, mtime, body }, entry))
    });
    // In a large tree, to grow piece by piece would take half as much again.
    let count = prepared.inventory.entries.len();
    let mut all = Shipped { items: Vec::with_capacity(count), entries: Vec::with_capacity(count) };
    for (item, entry) in shipped {
        all.items.push(item);
        all.entries.push(entry);
    }
    all
}

fn mode(job: &Job, prepared: &Prepared, path: &RelPath, entry: &Entry) -> u32 {
    let mode = prepared.plan.modes.get(path).copied().unwrap_or(entry.mode);
    match (&job.chmod, &entry.kind) {
        (_, Kind::Symlink(_)) => 0o777,
        (Some(chmod), kind) => chmod.apply(mode, matches!(kind, Kind::Dir)),
        (None, _) => mode,
    }
}

fn body(job: &Job, prepared: &Prepared, path: &RelPath, entry: &Entry) -> Option<Body> {
    match &entry.kind {
        Kind::Dir => Some(Body::Dir),
        Kind::File(facts) => {
            let reading = prepared.readings.get(path);
            let learned = reading.map(|reading| (reading.text.as_ref(), reading.strip.as_ref()));
            let size = match (learned, prepared.fits.get(path)) {
                (Some((Some(text), _)), _) => text.sums.size,
                (_, Some(fit)) => fit.size,
                (Some((_, Some(Ok(strip)))), None) => strip.size,
                _ => facts.size,
            };
            let size = reading.map_or(size, |_| prepared.size_at(path, size, job.dest.as_ref()));
            Some(Body::File { size })
        }
        Kind::HardLink(first) => Some(Body::HardLink(first.clone())),
        Kind::Symlink(target) => {
            let target = prepared.plan.links.get(path).unwrap_or(target);
            Some(Body::Symlink(target.clone()))
        }
        Kind::Special(_) => None,
    }
}
