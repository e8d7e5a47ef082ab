//! One package, phase by phase, each a make call of its own with its own log: where it fails is known without reading any.
//!
//! Takes a node whose needs are installed; gives its binary package. A failure carries the first cause, the last lines, the
//! log and the command that does it again; what was made so far stays for a look, until the next build of the package.

use crate::base::child::{Cancel, End};
use crate::base::write::{Parents, WriteError};
use crate::build::cause::{self, Cause};
use crate::build::graph::{Node, needed};
use crate::build::site::{Site, pasteable};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The phases in their order. What `clean` would do is done before them, by removing the package's own directory of objects.
pub const PHASES: [&str; 5] = ["checksum", "configure", "all", "stage-install", "stage-package-create"];

/// A package that could not be made or added, and all a person needs to see why.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Its package path.
    pub pkgpath: String,
    /// Its name.
    pub pkgname: String,
    /// The phase, such as `configure`.
    pub phase: String,
    /// Names of the packages that need it, directly or not.
    pub needed_by: Vec<String>,
    /// How the command ended; none where none was run.
    pub end: Option<End>,
    /// The line that says why, where there is one.
    pub cause: Option<Cause>,
    /// The last lines of the log.
    pub tail: Vec<String>,
    /// The log; empty where there is none.
    pub log: PathBuf,
    /// The command that does it again, for a shell.
    pub rerun: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed in {}{}", self.pkgpath, self.phase, needed(&self.needed_by))?;
        if let Some(Cause { line, .. }) = &self.cause {
            write!(f, ": {line}")?;
        } else if let Some(End::Killed(signal)) = self.end {
            write!(f, ": killed by signal {signal}")?;
        }
        for line in &self.tail {
            write!(f, "\n    {line}")?;
        }
        if !self.log.as_os_str().is_empty() {
            write!(f, "\nlog: {}", self.log.display())?;
        }
        if !self.rerun.is_empty() {
            write!(f, "\nhelp: run it again with: {}", self.rerun)?;
        }
        Ok(())
    }
}

/// Why a phase has no result.
#[derive(Debug)]
pub enum PhaseError {
    /// It failed.
    Failed(Box<Failure>),
    /// Its command could not be run, or its log not be written.
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Asked to stop.
    Cancelled,
}

impl fmt::Display for PhaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => failure.fmt(f),
            Self::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
            Self::Cancelled => write!(f, "asked to stop"),
        }
    }
}

impl std::error::Error for PhaseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

fn failed(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> PhaseError {
    let path = path.to_owned();
    move |source| PhaseError::Io { doing, path: path.clone(), source }
}

/// A package that has been made.
#[derive(Debug)]
pub struct Made {
    /// Its binary package, among its objects.
    pub file: PathBuf,
    /// How long it took.
    pub elapsed: Duration,
}

/// Makes a package from the start, telling each phase before it begins.
pub fn make(site: &Site, node: &Node, cancel: &Cancel, tell: impl Fn(&'static str)) -> Result<Made, PhaseError> {
    clean(site, node)?;
    let mut elapsed = Duration::ZERO;
    for (at, name) in PHASES.into_iter().enumerate() {
        tell(name);
        elapsed += phase(site, node, at + 1, name, cancel)?;
    }
    Ok(Made { file: package(site, node, cancel)?, elapsed })
}

/// Removes what an earlier build of the package left.
pub fn clean(site: &Site, node: &Node) -> Result<(), PhaseError> {
    let objects = site.objects(&node.pkgname);
    match fs::remove_dir_all(&objects) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", &objects)(error)),
        _ => Ok(()),
    }
}

/// Runs one phase, the `number`-th, in a log of its own.
pub fn phase(site: &Site, node: &Node, number: usize, name: &str, cancel: &Cancel) -> Result<Duration, PhaseError> {
    let task = site.make(&node.pkgpath, &node.pkgname, &node.multi, &[name.to_owned()]);
    let log = site.log(&node.pkgpath, &node.pkgname, number, name);
    let unwritten = |error: WriteError| failed("write", &log)(io::Error::other(error));
    Parents::make(&log).map_err(unwritten)?.keep();
    let ended = task.run_logged(&log, cancel).map_err(failed("run", &task.program))?;
    if cancel.is_cancelled() {
        return Err(PhaseError::Cancelled);
    }
    if ended.end.is_success() {
        return Ok(ended.elapsed);
    }
    let text = fs::read(&log).map_err(failed("read", &log))?;
    Err(PhaseError::Failed(Box::new(Failure {
        pkgpath: node.pkgpath.clone(),
        pkgname: node.pkgname.clone(),
        phase: name.to_owned(),
        needed_by: Vec::new(),
        end: Some(ended.end),
        cause: cause::first(&text),
        tail: cause::tail(&text),
        log,
        rerun: pasteable(&task),
    })))
}

/// Where the tree put the binary package.
fn package(site: &Site, node: &Node, cancel: &Cancel) -> Result<PathBuf, PhaseError> {
    let question = ["show-var".to_owned(), "VARNAME=STAGE_PKGFILE".to_owned()];
    let task = site.make(&node.pkgpath, &node.pkgname, &node.multi, &question);
    let answer = task.ask(cancel).map_err(failed("run", &task.program))?;
    let file = PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim());
    if file.is_file() {
        return Ok(file);
    }
    let nowhere = io::Error::new(io::ErrorKind::NotFound, "the tree made no binary package where it says it does");
    Err(failed("find", &file)(nowhere))
}
