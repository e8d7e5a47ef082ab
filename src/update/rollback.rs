//! Back to a release that is installed, and which releases stay: without a repository.
//!
//! A release that was gone back from does not come again by itself; trust never goes back.

use super::audit::Audit;
use super::build::compared;
use super::error::UpdateError;
use super::trial::Trial;
use crate::base::child::Cancel;
use crate::base::write;
use crate::live::{Held, Known, LiveError, Root, Serial, Wait};
use crate::tuf::Moment;
use serde_json::json;
use std::path::Path;

/// What is to be done with releases that are here.
pub struct Rollback<'a> {
    /// The directory of releases.
    pub root: &'a Path,
    /// What to do where an update is at work.
    pub wait: Wait,
    /// Says what would be done, and writes nothing.
    pub dry_run: bool,
    /// Whether what the release wants to be run is run.
    pub hooks: bool,
    /// The version of this program.
    pub tool: &'a str,
    /// Tells the time.
    pub clock: &'a dyn Fn() -> Moment,
}

/// What a rollback did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// The release that was current before.
    pub from: Option<Serial>,
    /// The release that is current now.
    pub to: Serial,
    /// Its version as its maker names it, where that is known.
    pub version: Option<String>,
    /// Whether the one before does not come again by itself.
    pub marked: bool,
}

/// Makes another installed release current: the one that is named, else the one before.
pub fn rollback(ask: &Rollback<'_>, to: Option<Serial>) -> Result<Back, UpdateError> {
    let root = Root::open(ask.root)?;
    if ask.dry_run {
        let state = root.state()?;
        let (from, to) = (root.current()?, to.map_or_else(|| root.way_back(), Ok)?);
        return plan(&root, from, to, |serial| Some(state.releases.get(&serial)?.version.clone()));
    }
    let mut held = root.hold(ask.wait)?;
    let audit = Audit::of(&root, ask.clock, ask.tool);
    let done = go(ask, &mut held, to, &audit);
    done.inspect_err(|error| audit.failed("rollback", error))
}

fn go(ask: &Rollback<'_>, held: &mut Held, to: Option<Serial>, audit: &Audit<'_>) -> Result<Back, UpdateError> {
    if let Some(finished) = held.settle()?.finished {
        audit.note("finished", json!({ "to": finished }))?;
    }
    let root = held.root().clone();
    let to = to.map_or_else(|| root.way_back(), Ok)?;
    let known = held.state().releases.get(&to).cloned();
    let back = plan(&root, root.current()?, to, |_| Some(known.as_ref()?.version.clone()))?;
    let known =
        known.unwrap_or_else(|| Known { version: "?".to_owned(), installed: (ask.clock)().seconds(), hooks: None });
    let built = held.built(to, known, |place| {
        let findings = compared(place)?;
        if findings.is_empty() { Ok(()) } else { Err(UpdateError::Differs { serial: to, findings }) }
    })?;
    // Before the link changes: a kill in between must not let it come again.
    if let Some(from) = back.from.filter(|_| back.marked) {
        held.mark_bad(from)?;
    }
    held.forgive(to)?;
    write::seal(&root.release(to))?;
    held.activate(built)?;
    let facts =
        json!({ "result": "done", "from": back.from, "to": back.to, "version": back.version, "bad": back.marked });
    audit.note("rollback", facts)?;
    tried(ask, held, to, audit)?;
    Ok(back)
}

/// Takes the release into use and asks whether it is well. Whoever went back chose it, so it stays in any case.
fn tried(ask: &Rollback<'_>, held: &mut Held, serial: Serial, audit: &Audit<'_>) -> Result<(), UpdateError> {
    let before = held.state().trial.and_then(|(before, _)| before);
    let trial = Trial { audit, cancel: &Cancel::default(), warn: &|_| {} };
    let result = if ask.hooks { trial.run(held, serial, before)? } else { Ok(()) };
    held.passed()?;
    result.map_err(|failed| UpdateError::Unwell { serial, failed })
}

fn plan(
    root: &Root,
    from: Option<Serial>,
    to: Serial,
    version: impl FnOnce(Serial) -> Option<String>,
) -> Result<Back, UpdateError> {
    if from == Some(to) {
        return Err(UpdateError::Current(to));
    }
    let installed = root.installed()?;
    if !installed.contains(&to) {
        return Err(LiveError::Missing { serial: to, installed }.into());
    }
    Ok(Back { from, to, version: version(to), marked: from.is_some_and(|from| to < from) })
}

/// Keeps a release whatever is collected, or lets it go.
pub fn pin(ask: &Rollback<'_>, serial: Serial, pinned: bool) -> Result<(), UpdateError> {
    let root = Root::open(ask.root)?;
    let installed = root.installed()?;
    if pinned && !installed.contains(&serial) {
        return Err(LiveError::Missing { serial, installed }.into());
    }
    if ask.dry_run {
        return Ok(());
    }
    let mut held = root.hold(ask.wait)?;
    held.pin(serial, pinned)?;
    Audit::of(&root, ask.clock, ask.tool).note(if pinned { "pin" } else { "unpin" }, json!({ "release": serial }))
}
