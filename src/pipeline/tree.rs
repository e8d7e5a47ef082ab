//! `-o DIR/`: the rewritten tree itself, laid out aside, judged, and only then named.

use super::archive::{self, Witness, floor_as_recorded, unwrap};
use super::check::left::{Left, Search, Seen};
use super::items::items;
use super::{Job, JobError, Owner, Prepared, record};
use crate::base::event::Listener;
use crate::base::glob::Globs;
use crate::base::write::{Looks, NewDir};
use crate::manifest::{ABOUT, About};
use crate::pack::{self, PackedTree, Tree};
use crate::scan;
use crate::verify::judge::Verdict;
use std::fs;
use std::path::Path;

/// What the directory of a tree looks like from outside; its time is not ours to choose.
const TOP: Looks = Looks { mode: 0o755, mtime: None };

/// Writes the tree for `path` and judges it. What is not proven gets its name only where the plan already said so and
/// the user wants it all the same; the verdict tells.
pub fn write(
    job: &Job,
    prepared: &Prepared,
    path: &Path,
    listener: &dyn Listener,
) -> Result<(Verdict, Left), JobError> {
    let proven = !prepared.is_hopeless();
    let search = prepared.search(job);
    let about = record::about(prepared, job.dest.as_ref(), proven);
    let (planted, verdict, seen) = plant(job, prepared, (&about, Some(&search)), path, listener)?;
    floor_as_recorded(prepared, &verdict)?;
    let left = prepared.left(job, &search, seen);
    if left.remains.has_errors() && proven {
        return Ok((verdict, left));
    }
    match verdict.verified() {
        Some(verified) => planted.publish(&verified)?,
        None if proven => return Err(JobError::broken_promise()),
        None => planted.publish_unproven()?,
    };
    Ok((verdict, left))
}

/// Copies the tree at `root` to `place`, which must not be there. Nothing in it is changed; its record says the same of
/// its origin.
pub(super) fn copy(root: &Path, place: &Path, listener: &dyn Listener) -> Result<(), JobError> {
    let job = Job { root: root.to_owned(), owner: Owner::Keep, ..Job::default() };
    let prepared = Prepared::unchanged(scan::scan(root, &Globs::default(), listener)?);
    let about = fs::read(root.join(ABOUT)).ok().and_then(|bytes| About::parse(&bytes).ok());
    let about = about.unwrap_or_else(|| record::about(&prepared, None, false));
    plant(&job, &prepared, (&about, None), place, listener)?.0.publish_unproven()?;
    Ok(())
}

fn plant(
    job: &Job,
    prepared: &Prepared,
    (about, search): (&About, Option<&Search>),
    path: &Path,
    listener: &dyn Listener,
) -> Result<(PackedTree, Verdict, Vec<Seen>), JobError> {
    let shipped = items(job, prepared);
    let witness = Witness::new(job, prepared, &shipped, search);
    let (about_bytes, tool) = (about.to_bytes(), archive::tool(job, prepared));
    let tree = Tree { items: &shipped.items, contents: &witness, about: &about_bytes, tool };
    let manifest = |digests: &pack::Digests| record::manifest(job, prepared, &shipped, digests, about);
    let mut new = NewDir::create(path)?;
    new.looks(TOP)?;
    let planted = pack::write_tree(&tree, manifest, new, listener).map_err(unwrap)?;
    let verdict = witness.verdict(planted.digests())?;
    Ok((planted, verdict, witness.seen()))
}
