//! A copy that processes ended on their way into, twice in a row: it may be at fault, and it may be somebody's Ctrl-C, or a power cut.
//!
//! It is tried as when it came. One that passes is entered again; where that happens once more before any process has arrived, it
//! is given up.

use super::copies;
use super::entering;
use super::error::OwnError;
use super::home::Home;
use super::state::State;
use super::trial;
use crate::base::digest::Digest;
use crate::release::Version;

/// What they died of, as far as can be told.
const WHY: &str = "it ended before it had started to work, twice in a row";

/// What is thought of a copy.
pub(super) enum Verdict {
    /// Nothing is known against it.
    Well,
    /// It is never entered again, for this reason.
    Bad(String),
    /// It is not entered now; why, where a person should hear it.
    Unsure(Option<String>),
}

/// Judges a copy that is what it was, and keeps what came of it. It is entered where that was kept, and not else: it would be judged
/// by every start.
pub(super) fn judge(home: &Home, digest: Digest, version: &Version) -> Verdict {
    if !entering::fails_to_arrive(home, digest) {
        return Verdict::Well;
    }
    let unsure = |error: &OwnError| Verdict::Unsure(Some(format!("{WHY}, and nothing can be noted of it: {error}")));
    let _held = match home.hold(&mut |_| false) {
        Ok(held) => held,
        Err(OwnError::Busy(_)) => return Verdict::Unsure(None),
        Err(error) => return unsure(&error),
    };
    let mut state = match State::read(home) {
        Ok(state) => state,
        Err(error) => return unsure(&error),
    };
    // Somebody else may have judged it a moment ago.
    if !state.copies.contains_key(&digest) || state.bad.contains_key(&digest) {
        return Verdict::Unsure(None);
    }
    if !entering::fails_to_arrive(home, digest) {
        return Verdict::Well;
    }
    let verdict = tried(home, &mut state, digest, version);
    match state.keep(home) {
        Ok(()) if !matches!(verdict, Verdict::Unsure(_)) => entering::forget(home, digest),
        Err(error) if matches!(verdict, Verdict::Well) => return unsure(&error),
        _ => {}
    }
    verdict
}

fn tried(home: &Home, state: &mut State, digest: Digest, version: &Version) -> Verdict {
    let program = copies::program(home, digest);
    let Some(copy) = state.copies.get_mut(&digest) else { return Verdict::Unsure(None) };
    if copy.acquitted {
        let why = format!("{WHY}, and again after it had passed its self-test");
        state.give_up(digest, version.to_string(), why.clone());
        return Verdict::Bad(why);
    }
    let room = program.parent().unwrap_or(&program);
    match trial::try_version(&program, room, version) {
        Ok(()) => {
            copy.acquitted = true;
            Verdict::Well
        }
        Err(why) => {
            let text = format!("{WHY}, and {why}");
            if state.hear(digest, version, &why) { Verdict::Bad(text) } else { Verdict::Unsure(Some(text)) }
        }
    }
}
