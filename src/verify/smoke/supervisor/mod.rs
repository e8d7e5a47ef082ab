//! Sets the scene for a run and clears it away: where the tree really lies, a scratch directory, what is hidden.
//!
//! A hidden prefix that is a symlink on this machine hides the place it points to as well.

mod calls;
mod child;
mod filter;
mod judge;
mod mask;
mod memory;
mod output;
mod program;
mod record;
mod scene;
mod session;
mod tracer;
mod veil;
mod view;
mod watch;

use self::child::Launch;
use self::judge::Judge;
use self::mask::Masks;
use self::session::{Hitch, Outcome};
use self::veil::{Veil, is_within};
use super::{Note, Observed, Run, SmokeError, Witness};
use crate::base::path::Prefix;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;
use tempfile::TempDir;

/// See [`super::run`].
pub(super) fn run(run: &Run<'_>) -> Result<Observed, SmokeError> {
    let tree = fs::canonicalize(run.tree).map_err(|source| SmokeError::NoTree { path: run.tree.to_owned(), source })?;
    let scratch = scratch().map_err(|source| SmokeError::Scratch { source })?;
    let place = fs::canonicalize(scratch.path()).map_err(|source| SmokeError::Scratch { source })?;
    let launch = launch(run, &tree, &place)?;
    let kept: Vec<_> = [&tree, &place].map(|path| path.as_os_str().as_bytes().to_vec()).into();
    let hidden = hidden(run.hidden, &kept)?;
    let mut judge = Judge::new(Veil::new(hidden.clone(), kept.clone()));
    let (masks, bare) = Masks::plan(&hidden, &kept);
    for prefix in bare {
        judge.record().note(Note::NotMasked { prefix });
    }
    let (outcome, witness) = on_its_own_thread(|| with_or_without(&launch, masks, &mut judge, run))?;
    if let Some(note) = outcome.note() {
        judge.record().note(note);
    }
    if scratch.close().is_err() {
        judge.record().note(Note::ScratchLeft { path: place });
    }
    Ok(observed(outcome, witness, &mut judge))
}

fn scratch() -> io::Result<TempDir> {
    let scratch = tempfile::Builder::new().prefix("relocate-run-").tempdir()?;
    for name in ["home", "tmp", "cwd"] {
        fs::create_dir(scratch.path().join(name))?;
    }
    Ok(scratch)
}

fn launch(run: &Run<'_>, tree: &Path, scratch: &Path) -> Result<Launch, SmokeError> {
    let (program, arguments) = run.command.split_first().ok_or(SmokeError::NoCommand)?;
    let path = tree.join(program);
    if Path::new(program).is_relative() && !path.is_file() {
        return Err(SmokeError::NoProgram { path });
    }
    Ok(Launch {
        program: path,
        arguments: arguments.to_vec(),
        tree: tree.to_owned(),
        scratch: scratch.to_owned(),
        env: run.env.to_vec(),
    })
}

/// The prefixes by their text, and by where they really lie.
fn hidden(prefixes: &[Prefix], kept: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, SmokeError> {
    let mut hidden = Vec::new();
    for prefix in prefixes {
        let text = prefix.as_bytes().to_vec();
        if kept.contains(&text) {
            return Err(SmokeError::NotMoved { prefix: prefix.clone() });
        }
        let real = fs::canonicalize(path(&text)).ok().map(|path| path.into_os_string().into_vec());
        let elsewhere = |real: &Vec<u8>| *real != b"/" && !kept.iter().any(|dir| is_within(real, dir));
        let real = real.filter(elsewhere);
        hidden.extend([Some(text), real].into_iter().flatten());
    }
    hidden.sort();
    hidden.dedup();
    Ok(hidden)
}

/// Bytes as a path.
pub(super) fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn on_its_own_thread<T: Send>(work: impl FnOnce() -> Result<T, SmokeError> + Send) -> Result<T, SmokeError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("tracer".to_owned());
        let thread = thread.spawn_scoped(scope, work).map_err(|source| SmokeError::Start { source })?;
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Runs with the mount namespace, and where that is refused without.
fn with_or_without(
    launch: &Launch,
    masks: Option<Masks>,
    judge: &mut Judge,
    run: &Run<'_>,
) -> Result<(Outcome, Witness), SmokeError> {
    let witness = if masks.is_some() { Witness::PtraceAndNamespace } else { Witness::Ptrace };
    let refused = match session::run(launch, masks, judge, run.timeout) {
        Ok(outcome) => return Ok((outcome, witness)),
        Err(Hitch::Final(error)) => return Err(error),
        Err(Hitch::Masks(refused)) => refused,
    };
    judge.record().note(Note::NamespaceRefused(refused.raw_os_error().unwrap_or(0)));
    match session::run(launch, None, judge, run.timeout) {
        Ok(outcome) => Ok((outcome, Witness::Ptrace)),
        Err(Hitch::Final(error)) => Err(error),
        Err(Hitch::Masks(source)) => Err(SmokeError::Start { source }),
    }
}

fn observed(outcome: Outcome, witness: Witness, judge: &mut Judge) -> Observed {
    let record = judge.record();
    Observed {
        end: outcome.end,
        stdout: outcome.stdout,
        stderr: outcome.stderr,
        asked: record.asked(),
        host_reads: record.host_reads(),
        kernel_reads: record.kernel_reads(),
        witness,
        notes: record.notes(),
    }
}
