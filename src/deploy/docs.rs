//! The documentation of a commit, built by what the policy says with programs of the release itself, before that is current.
//!
//! What it prints is kept in a log and told line by line while it runs. It runs as this user, so whoever may deploy documentation
//! may do what this user may.

use super::error::DeployError;
use crate::base::child::{Cancel, End, Task};
use crate::base::host;
use crate::base::write::WriteError;
use crate::release::{Argv, Program};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long between two looks at the log.
const LOOK: Duration = Duration::from_millis(50);

/// What is built, and where.
pub(super) struct Docs<'a> {
    /// The release, at the path it will have.
    pub(super) release: &'a Path,
    /// The commit in it.
    pub(super) checkout: &'a Path,
    /// Where the documentation goes.
    pub(super) out: &'a Path,
    /// When the commit was made, in seconds since 1970.
    pub(super) time: i64,
    /// How long each command may take.
    pub(super) limit: Duration,
    /// Where what it prints is kept.
    pub(super) log: &'a Path,
    /// Is told what it prints.
    pub(super) say: &'a (dyn Fn(&str) + Sync),
    pub(super) cancel: &'a Cancel,
}

impl Docs<'_> {
    /// Runs the commands one after the other.
    pub(super) fn build(&self, commands: &[Argv]) -> Result<(), DeployError> {
        fs::create_dir_all(self.out).map_err(WriteError::io("make the directory", self.out))?;
        let home = crate::base::write::Scratch::create("relocate-docs.")?;
        let log = File::create(self.log).map_err(WriteError::io("write", self.log))?;
        for command in commands {
            self.run(command, home.path(), &log)?;
        }
        Ok(())
    }

    fn run(&self, command: &Argv, home: &Path, log: &File) -> Result<(), DeployError> {
        let failed = |how: String| DeployError::Docs { command: command.to_string(), how };
        let task = self.task(command, home).ok_or_else(|| failed("names no program".to_owned()))?;
        let log = || log.try_clone().map_err(WriteError::io("write", self.log));
        let from = log()?.stream_position().unwrap_or_default();
        let running = task.start(log()?, log()?).map_err(|error| failed(format!("cannot be started: {error}")))?;
        let over = AtomicBool::new(false);
        let ended = thread::scope(|scope| {
            scope.spawn(|| self.follow(from, &over));
            let ended = running.wait_within(self.limit, self.cancel);
            over.store(true, Ordering::SeqCst);
            ended
        });
        match ended.map_err(|error| failed(format!("cannot be waited for: {error}")))?.end {
            End::Exited(0) => Ok(()),
            End::Exited(code) => Err(failed(format!("exited with {code}"))),
            End::Killed(signal) => Err(failed(format!("was killed by signal {signal}"))),
            End::Overdue => Err(failed(format!("was still running after {} s", self.limit.as_secs()))),
            End::Cancelled => Err(DeployError::Cancelled),
        }
    }

    /// Tells the lines of the log from there on as they come, until it is over and the last one was told.
    fn follow(&self, from: u64, over: &AtomicBool) {
        let Ok(mut log) = File::open(self.log) else { return };
        if log.seek(SeekFrom::Start(from)).is_err() {
            return;
        }
        let (mut log, mut line) = (BufReader::new(log), Vec::new());
        loop {
            let is_over = over.load(Ordering::SeqCst);
            while log.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) && line.ends_with(b"\n") {
                (self.say)(String::from_utf8_lossy(&line).trim_end());
                line.clear();
            }
            if is_over {
                if !line.is_empty() {
                    (self.say)(&String::from_utf8_lossy(&line));
                }
                return;
            }
            thread::sleep(LOOK);
        }
    }

    fn task(&self, command: &Argv, home: &Path) -> Option<Task> {
        let program = match command.program()? {
            Program::Release(path) => path.under(self.release),
            Program::Host(path) => path.into(),
        };
        let bins = [self.release.join("bin"), self.release.join("sbin")];
        let mut path = OsString::new();
        for bin in bins {
            path.push(bin);
            path.push(":");
        }
        path.push("/usr/local/bin:/usr/bin:/bin");
        let mut environment: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), path),
            ("HOME".into(), home.into()),
            ("RELOCATE_RELEASE".into(), self.release.into()),
            ("RELOCATE_CHECKOUT".into(), self.checkout.into()),
            ("RELOCATE_DOCS".into(), self.out.into()),
            // The same commit gives the same pages (reproducible-builds.org).
            ("SOURCE_DATE_EPOCH".into(), self.time.to_string().into()),
            // What Python compiles on the way would name the time.
            ("PYTHONDONTWRITEBYTECODE".into(), "1".into()),
        ];
        let kept = ["LANG", "LC_ALL", "TZ", "TMPDIR"];
        environment.extend(kept.into_iter().filter_map(|name| Some((name.into(), host::variable(name)?))));
        let places = [("{docs}", self.out), ("{checkout}", self.checkout), ("{release}", self.release)];
        let arguments = command.arguments().iter().map(|word| filled(word, &places)).collect();
        Some(Task { program, arguments, environment, directory: self.checkout.to_owned(), held: None })
    }
}

/// A word with the paths that it names in braces.
fn filled(word: &str, places: &[(&str, &Path)]) -> OsString {
    let (mut filled, mut rest) = (OsString::new(), word);
    let next = |rest: &str| places.iter().filter_map(|(name, path)| Some((rest.find(name)?, *name, *path))).min();
    while let Some((at, name, path)) = next(rest) {
        filled.push(&rest[..at]);
        filled.push(path);
        rest = &rest[at + name.len()..];
    }
    filled.push(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_places_in_braces_and_nothing_else_is_looked_at() {
        let places = [("{docs}", Path::new("/d")), ("{checkout}", Path::new("/{docs}"))];
        assert_eq!(filled("--out={docs}/{checkout}/$HOME/{other}", &places), "--out=/d//{docs}/$HOME/{other}");
    }
}
