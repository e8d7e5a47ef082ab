//! Act and prove: the prepared tree becomes one archive, judged from the very bytes that went into it, and only then
//! named.

use super::check::left::{Left, Search, Seen};
use super::contents::{Shipment, StreamError, shown};
use super::items::{Shipped, items};
use super::{Job, JobError, Prepared, bill, record};
use crate::base::digest::Digest;
use crate::base::event::Listener;
use crate::base::write::NewFile;
use crate::pack::{self, ContentError, Contents, Options, PackError, Packed, Tree};
use crate::verify::judge::{Exhibit, Verdict, What, judge};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

/// An archive that is written and judged, and has no name yet.
#[derive(Debug)]
pub struct Judged {
    /// The archive.
    pub packed: Packed,
    /// What the judge says of its bytes.
    pub verdict: Verdict,
    /// What still names an old path.
    pub left: Left,
}

/// Writes the archive into `out` and judges it; `proven` is what its record says of the outcome.
pub fn write(
    job: &Job,
    prepared: &Prepared,
    out: NewFile,
    options: &Options,
    proven: bool,
    listener: &dyn Listener,
) -> Result<Judged, JobError> {
    let shipped = items(job, prepared);
    let search = prepared.search(job);
    let witness = Witness::new(job, prepared, &shipped, Some(&search));
    let about = record::about(prepared, job.dest.as_ref(), proven);
    let (about_bytes, tool) = (about.to_bytes(), tool(job, prepared));
    let tree = Tree { items: &shipped.items, contents: &witness, about: &about_bytes, tool };
    let manifest = |digests: &pack::Digests| record::manifest(job, prepared, &shipped, digests, &about);
    let packed = pack::write(&tree, manifest, out, options, listener).map_err(unwrap)?;
    let seen = witness.seen();
    // One after the other: each takes memory that grows with the tree, and together they save 10 ms.
    let verdict = witness.verdict(packed.digests())?;
    floor_as_recorded(prepared, &verdict)?;
    let left = prepared.left(job, &search, seen);
    Ok(Judged { packed, verdict, left })
}

/// The tool, where the target has work left for it.
pub(super) fn tool<'a>(job: &'a Job, prepared: &Prepared) -> Option<&'a [u8]> {
    job.tool.as_deref().filter(|_| job.dest.is_none() && prepared.wants_final_path())
}

/// The record opens the archive, so its floor comes from the plan; the judge's own must be the same.
pub(super) fn floor_as_recorded(prepared: &Prepared, verdict: &Verdict) -> Result<(), JobError> {
    if verdict.floor == prepared.expected.floor {
        return Ok(());
    }
    Err(JobError::Bug("the floor of the result is not the floor in its record".to_owned()))
}

/// A content error that is one of ours comes out whole.
pub(super) fn unwrap(error: PackError) -> JobError {
    match error {
        PackError::Content { path, source } => match source.downcast::<JobError>() {
            Ok(job) => *job,
            Err(source) => JobError::Pack(PackError::Content { path, source }),
        },
        other => JobError::Pack(other),
    }
}

/// Gives the packer its bytes and remembers what the judge saw in them.
pub(super) struct Witness<'a> {
    shipment: Shipment<'a>,
    shipped: &'a Shipped<'a>,
    /// Of the files that are no plain ones, by item.
    whats: Mutex<BTreeMap<usize, What>>,
    /// Of the files that have something of what is looked for, in no order.
    seen: Mutex<Vec<Seen>>,
}

impl<'a> Witness<'a> {
    pub(super) fn new(
        job: &'a Job,
        prepared: &'a Prepared,
        shipped: &'a Shipped<'a>,
        search: Option<&'a Search>,
    ) -> Self {
        Self { shipment: Shipment { job, prepared, search }, shipped, whats: Mutex::default(), seen: Mutex::default() }
    }

    /// What was seen of old paths, sorted; to be called once, when all was handed out.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        seen.sort_unstable_by(Seen::by_path);
        seen
    }

    /// Judges what was handed out; every regular file must have been.
    pub(super) fn verdict(&self, digests: &[Option<Digest>]) -> Result<Verdict, JobError> {
        let mut whats = std::mem::take(&mut *self.whats.lock().unwrap_or_else(PoisonError::into_inner));
        let links = &self.shipment.prepared.plan.links;
        let shipped = self.shipped.items.iter().zip(&self.shipped.entries);
        let exhibits = shipped.zip(digests).enumerate().map(|(index, ((item, entry), digest))| {
            let what = match entry.file() {
                Some(_) if digest.is_some() => whats.remove(&index).unwrap_or(What::Plain),
                Some(_) => return Err(JobError::Bug(format!("{} was not shipped", item.path))),
                None => shown(entry, links.get(&item.path)),
            };
            Ok(Exhibit { path: item.path.clone(), mode: item.mode, what })
        });
        let mut verdict = judge(&exhibits.collect::<Result<Vec<_>, _>>()?, &self.shipment.job.law);
        super::bundle::locate(&mut verdict.missing, &self.shipment.prepared.plan);
        Ok(verdict)
    }
}

impl Contents for Witness<'_> {
    fn stream(&self, index: usize, out: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<Digest, ContentError> {
        let (item, entry) = (&self.shipped.items[index], self.shipped.entries[index]);
        let ((what, seen), digest) = self.shipment.stream(&item.path, entry, out).map_err(|error| match error {
            StreamError::Job(error) => ContentError::from(error),
            StreamError::Sink(error) => ContentError::from(error),
        })?;
        // What has nothing to say is not remembered: in a large tree that is nearly all.
        if !matches!(what, What::Plain) {
            self.whats.lock().unwrap_or_else(PoisonError::into_inner).insert(index, what);
        }
        if let Some(seen) = seen.filter(|seen| !seen.says_nothing()) {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        }
        Ok(digest)
    }

    fn bill(&self) -> Result<Option<Vec<u8>>, ContentError> {
        Ok(bill::of(self.shipment.job, self.shipment.prepared)?)
    }
}
