//! What was decided is done: each file gets its new bytes in one step, between two words in `place.json`.
//!
//! First the record says which path the tree is on the way to, then files are replaced, then it says that it is there.
//! A run that is killed anywhere in between leaves whole files that stand at one path or the other, and the next run, even
//! for a third path, tells them apart by their bytes.

use super::look::{Decided, File, MoveError, State, may_write, old_names};
use super::{caches, sums};
use crate::base::bytes::{FileBytes, ReadAt};
use crate::base::event::{Event, Listener, Stage};
use crate::base::write::{self, NewFile, OtherName, commit_all, prepare};
use crate::fill::{Fill, FillError};
use crate::manifest::{self, Whereabouts};
use crate::text::occurrence::Reading;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// How many files are made ready before they get their names together; each holds a file descriptor.
const BATCH: usize = 256;

/// A tree that no other run works on as long as this lives.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "the lock goes with the handle")] fs::File);

/// Keeps other runs out of the tree and finishes what a killed one left half named. To be called before
/// [`decide`](super::decide), where anything is to be written.
pub fn hold(root: &Path) -> Result<Held, MoveError> {
    let own = root.join(manifest::DIRECTORY);
    if fs::symlink_metadata(&own).is_err() {
        return Err(MoveError::NoRecord { root: root.to_owned() });
    }
    let held = Held(write::hold(&own)?);
    let place = root.join(manifest::PLACE);
    let bytes = match fs::read(&place) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(held),
        Err(source) => return Err(MoveError::Read { path: place, source }),
    };
    if !Whereabouts::parse(&bytes).map_err(MoveError::Record)?.moving_to.is_empty() {
        write::finish_interrupted(root)?;
    }
    Ok(held)
}

/// Writes what was decided. `_held` is what [`hold`] gave.
pub fn apply(decided: &Decided, _held: &Held, listener: &dyn Listener) -> Result<(), MoveError> {
    if decided.is_settled() {
        return Ok(());
    }
    may_write(decided)?;
    record(decided, &decided.was.moving(&decided.to))?;
    caches::remove(decided)?;
    // What has sums of others gets its path together with them.
    let edited = |file: &&File| matches!(file.state, State::Edited(_)) || decided.entry(file).sums.is_empty();
    let files: Vec<_> = decided.changing().filter(edited).collect();
    listener.event(&Event::Begin { stage: Stage::Write, files: files.len() as u64, bytes: 0 });
    for batch in files.chunks(BATCH) {
        let mut ready = Vec::with_capacity(batch.len());
        let mut others = Vec::new();
        for file in batch {
            let new = new_bytes(decided, file)?;
            for name in &file.other_names {
                others.push(OtherName::ready(&new, &name.under(&decided.root))?);
            }
            ready.push(new);
            listener.event(&Event::File { path: &file.path, bytes: 0 });
        }
        commit_all(ready)?;
        OtherName::commit_all(others)?;
    }
    listener.event(&Event::End(Stage::Write));
    sums::write(decided)?;
    record(decided, &decided.was.arrived(&decided.to, decided.is_whole()))
}

/// Writes `place.json`, durably.
fn record(decided: &Decided, whereabouts: &Whereabouts) -> Result<(), MoveError> {
    Ok(write::record(&decided.root.join(manifest::PLACE), &whereabouts.to_bytes())?)
}

/// Makes one file ready.
fn new_bytes(decided: &Decided, file: &File) -> Result<NewFile, MoveError> {
    let place = file.path.under(&decided.root);
    let failed = |source| MoveError::Read { path: place.clone(), source };
    let source = fs::File::open(&place).and_then(FileBytes::new).map_err(failed)?;
    let mut wrong = None;
    let new = prepare(&place, |out| match &file.state {
        State::Elsewhere(from) => {
            let filled = fill(decided, file).map(|fill| fill.pour(&source, from.as_ref(), Some(&decided.to), out));
            match filled {
                Ok(poured) => poured?.or_else(|error| changed(&mut wrong, error)),
                Err(error) => changed(&mut wrong, error),
            }
        }
        _ => replace_names(decided, &source, out),
    });
    match wrong {
        Some(source) => Err(MoveError::Places { path: file.path.clone(), source }),
        None => Ok(new?),
    }
}

fn changed(wrong: &mut Option<FillError>, error: FillError) -> io::Result<()> {
    *wrong = Some(error);
    Err(io::Error::other("it changed meanwhile"))
}

fn fill<'a>(decided: &'a Decided, file: &File) -> Result<Fill<'a>, FillError> {
    Fill::new(&decided.entry(file).places, &decided.manifest.about)
}

/// Writes a text that somebody edited, with the path in the place of every old one.
fn replace_names(decided: &Decided, source: &FileBytes, out: &mut dyn Write) -> io::Result<()> {
    let bytes = source.range(0, source.size())?;
    let mut done = 0;
    for name in old_names(&decided.manifest, &decided.was, &decided.to, &bytes, Reading::Text) {
        out.write_all(bytes.get(done..name.offset).unwrap_or_default())?;
        out.write_all(decided.to.as_bytes())?;
        done = name.end();
    }
    out.write_all(bytes.get(done..).unwrap_or_default())
}
