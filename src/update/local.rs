//! A release that was put together on this machine becomes current, as one that came from a repository does: tried, gone back from
//! where it is not well, the older ones collected.

use super::audit::Audit;
use super::build::compared;
use super::error::UpdateError;
use super::source::Source;
use super::trial::{Failed, Trial, Verdict};
use crate::base::child::Cancel;
use crate::base::write;
use crate::live::{Collected, Held, Known, Root, Serial, Wait};
use crate::preflight::{self, Machine};
use crate::tuf::Moment;
use serde_json::{Value, json};

/// Puts releases of one directory in use.
pub struct Local<'a> {
    /// Tells the time.
    pub clock: &'a dyn Fn() -> Moment,
    /// The version of this program.
    pub tool: &'a str,
    /// The machine, for the label of files.
    pub machine: &'a Machine,
    /// Is told what was let pass.
    pub warn: &'a dyn Fn(String),
    /// Asked to stop.
    pub cancel: &'a Cancel,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is current.
    Current(Collected),
    /// It was not well, and this one is current again.
    Returned(Option<Serial>, Failed),
}

impl Local<'_> {
    /// Takes the lock of a directory, and finishes what a killed run left: releases that it had begun are gone, a trial is over.
    /// Refuses a directory that follows a repository, whose serials are the repository's.
    pub fn hold(&self, root: &Root, wait: Wait) -> Result<Held, UpdateError> {
        if let Some(source) = Source::read(&root.records())? {
            let from = crate::web::shown_url(&source.from);
            return Err(UpdateError::Followed { root: root.path().to_owned(), from });
        }
        let mut held = root.hold(wait)?;
        let audit = Audit::of(root, self.clock, self.tool);
        if let Some(to) = held.settle()?.finished {
            audit.note("finished", json!({ "to": to }))?;
        }
        if let Verdict::Returned(to, failed) = self.trial(&audit).hold(&mut held)? {
            let to = to.map_or_else(|| "none".to_owned(), |to| format!("release {to}"));
            (self.warn)(format!("the release that was begun before was not well: {failed}; {to} is current again"));
        }
        for serial in root.installed()? {
            if !held.state().releases.contains_key(&serial) && root.current()? != Some(serial) {
                held.discard(serial)?;
            }
        }
        Ok(held)
    }

    /// The number of a release that is newer than all there were.
    pub fn next(held: &Held) -> Result<Serial, UpdateError> {
        let newest = held.root().installed()?.last().copied();
        let bad = held.state().bad.last().copied();
        let highest = newest.max(held.state().highest).max(bad).map_or(0, |serial| serial.0);
        Ok(Serial(highest.saturating_add(1)))
    }

    /// Makes a release current that lies whole in its place, with its record: nobody may write to it any more, every byte is
    /// compared, then it is tried.
    pub fn take(
        &self,
        held: &mut Held,
        (serial, known): (Serial, Known),
        keep: usize,
        facts: &Value,
    ) -> Result<Taken, UpdateError> {
        let place = held.root().release(serial);
        write::seal(&place)?;
        write::sync_tree(&place)?;
        if let Err(why) = preflight::label(self.machine, &place) {
            (self.warn)(format!("release {serial} keeps the SELinux label that its files were made with: {why}"));
        }
        let audit = Audit::of(held.root(), self.clock, self.tool);
        let built = held.built(serial, known, |place| {
            let findings = compared(place)?;
            if findings.is_empty() { Ok(()) } else { Err(UpdateError::Differs { serial, findings }) }
        })?;
        let active = held.activate(built)?;
        let mut line = json!({ "result": "done", "from": active.before, "to": serial });
        if let (Value::Object(line), Value::Object(facts)) = (&mut line, facts) {
            line.extend(facts.clone());
        }
        audit.note("deploy", line)?;
        match self.trial(&audit).hold(held)? {
            Verdict::Returned(to, failed) => Ok(Taken::Returned(to, failed)),
            // It is current; what could not be removed is for the next run.
            Verdict::Passed => Ok(Taken::Current(held.collect(keep).unwrap_or_else(|error| {
                (self.warn)(format!("old releases are still there: {error}"));
                Collected::default()
            }))),
        }
    }

    fn trial<'t>(&'t self, audit: &'t Audit<'t>) -> Trial<'t> {
        Trial { audit, cancel: self.cancel, warn: self.warn }
    }
}
