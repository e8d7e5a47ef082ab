//! A release that became current shows that it is well, or the one before comes back.
//!
//! Its commands are run one at a time, without a shell, without input, with an environment of a few variables, in a process group
//! that ends with them: a command that hangs is ended when its time is up, and whatever it left behind in its group as well. A service is
//! started by what starts services here, or leaves the group by setsid(2), as daemons do.

use super::audit::Audit;
use super::error::UpdateError;
use crate::base::child::{Cancel, End, Ended, Task};
use crate::base::host;
use crate::base::pauses::rest;
use crate::live::{Held, Known, Serial};
use crate::release::{Argv, Hooks, Program};
use serde_json::json;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How much of what a command printed is told, in bytes.
const TAIL: usize = 2 << 10;
/// How long between two tries of a health check.
const PAUSE: Duration = Duration::from_millis(500);
/// The shortest time a health check is given, though little of it is left.
const LEAST: Duration = Duration::from_secs(1);

/// What a command did that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The command.
    pub command: String,
    /// How it ended.
    pub how: String,
    /// The end of what it printed.
    pub printed: String,
}

impl Failed {
    /// What a run found that was killed before it had gone back.
    fn before() -> Self {
        let how = "had found that, and was killed while it went back".to_owned();
        Self { command: "relocate".to_owned(), how, printed: String::new() }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' {}", self.command, self.how)?;
        if self.printed.is_empty() { Ok(()) } else { write!(f, "; it printed: {}", self.printed) }
    }
}

/// What became of the release that was on trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is well.
    Passed,
    /// It is not, and this one is current again.
    Returned(Option<Serial>, Failed),
}

/// Whatever a release is tried with.
pub(super) struct Trial<'a> {
    pub(super) audit: &'a Audit<'a>,
    pub(super) cancel: &'a Cancel,
    /// Is told what is wrong besides.
    pub(super) warn: &'a dyn Fn(String),
}

impl Trial<'_> {
    /// Tries the release that is on trial, if one is. Where it is not well the one before is current again, and is taken into use; a
    /// run that was killed over that is gone on with.
    pub(super) fn hold(&self, held: &mut Held) -> Result<Verdict, UpdateError> {
        let (serial, failed) = match (held.state().returning, held.state().trial) {
            (Some((serial, _)), _) => (serial, Failed::before()),
            (None, None) => return Ok(Verdict::Passed),
            (None, Some((before, serial))) => match self.run(held, serial, before)? {
                Ok(()) => {
                    held.passed()?;
                    return Ok(Verdict::Passed);
                }
                Err(failed) => (serial, failed),
            },
        };
        let back = held.retreat()?;
        self.audit.note("returned", json!({ "from": serial, "to": back, "why": failed.to_string() }))?;
        if let Some(back) = back
            && let Err(again) = self.take_up(held, back, serial)?
        {
            (self.warn)(format!("release {back} is current again, and was not taken into use: {again}"));
        }
        held.returned()?;
        Ok(Verdict::Returned(back, failed))
    }

    /// Without running anything: what is current is well, and a return that was begun is done.
    pub(super) fn waive(held: &mut Held) -> Result<(), UpdateError> {
        held.passed()?;
        held.retreat()?;
        Ok(held.returned()?)
    }

    /// All commands of a release.
    pub(super) fn run(
        &self,
        held: &Held,
        serial: Serial,
        before: Option<Serial>,
    ) -> Result<Result<(), Failed>, UpdateError> {
        let Some(hooks) = hooks(held, serial) else { return Ok(Ok(())) };
        let scene = Scene::of(held, serial, before);
        for command in &hooks.activate {
            if let Err(failed) = self.once(&scene, command, Duration::from_secs(u64::from(hooks.seconds)))?.1 {
                return Ok(Err(failed));
            }
        }
        self.health(&scene, hooks)
    }

    /// What takes a release into use that was current before: its health is not asked, since nothing else is left.
    fn take_up(&self, held: &Held, serial: Serial, before: Serial) -> Result<Result<(), Failed>, UpdateError> {
        let Some(hooks) = hooks(held, serial) else { return Ok(Ok(())) };
        let scene = Scene::of(held, serial, Some(before));
        for command in &hooks.activate {
            if let Err(failed) = self.once(&scene, command, Duration::from_secs(u64::from(hooks.seconds)))?.1 {
                return Ok(Err(failed));
            }
        }
        Ok(Ok(()))
    }

    fn health(&self, scene: &Scene, hooks: &Hooks) -> Result<Result<(), Failed>, UpdateError> {
        let mut left = Duration::from_secs(u64::from(hooks.seconds));
        for command in &hooks.health {
            loop {
                let (took, failed) = match self.once(scene, command, left.max(LEAST))? {
                    (_, Ok(())) => break,
                    (took, Err(failed)) => (took, failed),
                };
                left = left.saturating_sub(took + PAUSE);
                if left.is_zero() || !rest(PAUSE, self.cancel) {
                    return Ok(Err(failed));
                }
            }
        }
        Ok(Ok(()))
    }

    /// Runs one command; how long it took, and whether it succeeded.
    fn once(
        &self,
        scene: &Scene,
        command: &Argv,
        limit: Duration,
    ) -> Result<(Duration, Result<(), Failed>), UpdateError> {
        let failed = |how: String, printed: &[u8]| Failed { command: command.to_string(), how, printed: tail(printed) };
        let Some(task) = scene.task(command) else {
            return Ok((Duration::ZERO, Err(failed("names no program".to_owned(), b""))));
        };
        let answer = match task.ask_within(limit, self.cancel) {
            Ok(answer) => answer,
            Err(error) => return Ok((Duration::ZERO, Err(failed(format!("cannot be started: {error}"), b"")))),
        };
        let Ended { end, elapsed } = answer.ended;
        let how = match end {
            End::Exited(0) => return Ok((elapsed, Ok(()))),
            // The trial is not over: the next run goes on with it.
            End::Cancelled => return Err(UpdateError::Cancelled),
            End::Exited(code) => format!("exited with {code}"),
            End::Killed(signal) => format!("was killed by signal {signal}"),
            End::Overdue => format!("was still running after {} s", limit.as_secs()),
        };
        Ok((elapsed, Err(failed(how, &[answer.stdout, answer.stderr].concat()))))
    }
}

fn hooks(held: &Held, serial: Serial) -> Option<&Hooks> {
    held.state().releases.get(&serial).and_then(|known: &Known| known.hooks.as_ref())
}

/// The end of what a command printed, for a line of text.
fn tail(printed: &[u8]) -> String {
    let from = printed.len().saturating_sub(TAIL);
    let text = String::from_utf8_lossy(&printed[from..]);
    text.trim().chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

/// Where commands run and what they are told.
struct Scene {
    release: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

impl Scene {
    fn of(held: &Held, serial: Serial, before: Option<Serial>) -> Self {
        let (root, release) = (held.root(), held.root().release(serial));
        let mut environment: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), path(&release)),
            ("RELOCATE_ROOT".into(), root.path().into()),
            ("RELOCATE_RELEASE".into(), release.clone().into()),
            ("RELOCATE_SERIAL".into(), serial.to_string().into()),
        ];
        environment.extend(before.map(|before| ("RELOCATE_BEFORE".into(), before.to_string().into())));
        // What systemd's user instance and the programs of a user need to know of him.
        let kept = ["HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];
        environment.extend(kept.into_iter().filter_map(|name| Some((name.into(), host::variable(name)?))));
        Self { release, environment }
    }

    fn task(&self, command: &Argv) -> Option<Task> {
        let program = match command.program()? {
            Program::Release(path) => path.under(&self.release),
            Program::Host(path) => Path::new(path).to_owned(),
        };
        Some(Task {
            program,
            arguments: command.arguments().iter().map(OsString::from).collect(),
            environment: self.environment.clone(),
            directory: self.release.clone(),
            held: None,
        })
    }
}

/// The release's own programs first.
fn path(release: &Path) -> OsString {
    let mut path = OsString::new();
    for dir in [release.join("bin"), release.join("sbin")] {
        path.push(dir);
        path.push(":");
    }
    path.push("/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin");
    path
}
