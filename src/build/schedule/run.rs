//! The run itself: this thread starts packages, takes their results, and adds them to the prefix in the order.

use super::forecast::Left;
use super::{BuildError, Estimates, Event, Order, Outcome, Steps, io_error, unwritten};
use crate::build::installed::{self, DatabaseError, Prefix};
use crate::build::phase::{self, Failure, PhaseError};
use crate::build::store::Store;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, Scope};

/// What a package is waiting for, or has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its needs are not all in the prefix.
    Waiting,
    /// A thread makes it.
    Running,
    /// Its binary package is near.
    Ready,
    /// It is in the prefix.
    Installed,
    /// It could not be made or added.
    Failed,
}

/// How a thread came by a binary package.
enum Came {
    Made(u64),
    Cached,
}

struct Report {
    node: usize,
    result: Result<Came, BuildError>,
    failure: Option<Box<Failure>>,
}

struct Run<'a> {
    order: &'a Order<'a>,
    prefix: &'a Prefix<'a>,
    steps: &'a Steps,
    states: Vec<State>,
    /// How many steps have been taken, or given up.
    taken: usize,
    /// Whether a step before has been given up, so that the prefix is not what the steps' names say.
    has_gap: bool,
    running: usize,
    failures: Vec<(usize, Failure)>,
    outcome: Outcome,
    estimates: Estimates,
    /// An error that ends the run when what is under way has ended.
    error: Option<BuildError>,
}

pub(super) fn run(order: &Order<'_>, prefix: &Prefix<'_>, steps: &Steps, kept: usize) -> Result<Outcome, BuildError> {
    let mut states = vec![State::Waiting; order.graph.nodes.len()];
    let mut outcome = Outcome::default();
    for at in steps.given.iter().chain(&steps.nodes[..kept]) {
        states[*at] = State::Installed;
        outcome.present.push(*at);
    }
    outcome.present.sort_unstable();
    for at in &outcome.present {
        order.listener.event(&Event::Present(*at));
    }
    let mut run = Run {
        order,
        prefix,
        steps,
        states,
        taken: kept,
        has_gap: false,
        running: 0,
        failures: Vec::new(),
        outcome,
        estimates: Estimates::read(&order.site.work),
        error: None,
    };
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        loop {
            run.install();
            run.start(scope, &sender);
            if run.running == 0 {
                break;
            }
            let Ok(report) = receiver.recv() else { break };
            run.take(report);
            // Before what is ready is added, which is told with what is left then.
            run.tell_ahead();
        }
    });
    run.finish()
}

impl<'a> Run<'a> {
    /// Whether nothing new is to be begun.
    fn is_ending(&self) -> bool {
        self.error.is_some()
            || self.order.cancel.is_cancelled()
            || (!self.failures.is_empty() && !self.order.keep_going)
    }

    fn name(&self, node: usize) -> &'a str {
        &self.order.graph.nodes[node].pkgname
    }

    /// Starts what can be started, the first in the order first.
    fn start<'scope>(&mut self, scope: &'scope Scope<'scope, '_>, sender: &Sender<Report>)
    where
        'a: 'scope,
    {
        for node in self.steps.nodes.iter().copied() {
            if self.is_ending() || self.running >= self.order.jobs.max(1) {
                break;
            }
            if self.states[node] != State::Waiting || !self.may_start(node) {
                continue;
            }
            self.states[node] = State::Running;
            self.running += 1;
            let (order, sender, estimate) = (self.order, sender.clone(), self.estimates.of(self.name(node)));
            scope.spawn(move || {
                // The other end is there until all threads have ended.
                let _ = sender.send(work(order, node, estimate));
            });
        }
        self.tell_ahead();
    }

    fn tell_ahead(&self) {
        let lost = self.lost();
        let is_ending = self.is_ending();
        let left = |node: usize| match self.states[node] {
            State::Running => Left::Running(self.estimates.of(self.name(node))),
            State::Waiting if is_ending || lost[node] => Left::Nothing,
            State::Waiting if self.is_near(node) => Left::Waiting(Some(0)),
            State::Waiting => Left::Waiting(self.estimates.of(self.name(node))),
            State::Ready | State::Installed | State::Failed => Left::Nothing,
        };
        let left: Vec<Left> = (0..self.states.len()).map(left).collect();
        if left.iter().any(|left| *left != Left::Nothing) {
            self.order.listener.event(&Event::Ahead { left, jobs: self.order.jobs });
        }
    }

    fn may_start(&self, node: usize) -> bool {
        let needs = &self.order.graph.edges[node];
        needs.iter().all(|need| self.states[*need] == State::Installed) || self.is_near(node)
    }

    fn is_near(&self, node: usize) -> bool {
        self.order.near.place(self.order.keys[node]).exists()
    }

    fn take(&mut self, report: Report) {
        let node = report.node;
        self.running -= 1;
        self.states[node] = State::Failed;
        match report.result {
            Ok(result) => {
                self.states[node] = State::Ready;
                match result {
                    Came::Cached => self.outcome.cached.push(node),
                    Came::Made(seconds) => {
                        self.outcome.made.push(node);
                        let noted = self.estimates.note(self.name(node), seconds);
                        let state = self.order.site.work.join("state.json");
                        self.keep(noted.map_err(unwritten(&state)));
                    }
                }
            }
            Err(error) => match report.failure {
                Some(failure) => self.fail(node, *failure),
                None => self.keep(Err(error)),
            },
        }
    }

    fn keep(&mut self, result: Result<(), BuildError>) {
        if let Err(error) = result {
            self.error.get_or_insert(error);
        }
    }

    fn fail(&mut self, node: usize, mut failure: Failure) {
        failure.needed_by = self.order.graph.needed_by(node).into_iter().map(str::to_owned).collect();
        self.states[node] = State::Failed;
        self.order.listener.event(&Event::Failed(node));
        self.failures.push((node, failure));
    }

    /// Which packages can never be installed, because of themselves or of what they need.
    fn lost(&self) -> Vec<bool> {
        let mut lost: Vec<bool> = Vec::with_capacity(self.states.len());
        for (state, needs) in self.states.iter().zip(&self.order.graph.edges) {
            // Nodes come after all they need.
            lost.push(*state == State::Failed || needs.iter().any(|need| lost[*need]));
        }
        lost
    }

    /// Adds what is ready, as far as the order allows; a package that is lost keeps nobody waiting.
    fn install(&mut self) {
        while let Some(node) = self.steps.nodes.get(self.taken).copied() {
            if self.error.is_some() || self.order.cancel.is_cancelled() {
                return;
            }
            if self.lost()[node] {
                if !self.order.keep_going {
                    return;
                }
                self.has_gap = true;
            } else if self.states[node] == State::Ready {
                self.add(node);
            } else {
                return;
            }
            self.taken += 1;
        }
    }

    fn add(&mut self, node: usize) {
        let known = &self.order.graph.nodes[node];
        let log = self.order.site.log(&known.pkgpath, &known.pkgname, phase::PHASES.len() + 1, "pkg_add");
        let file = self.order.site.temporary().join(format!("{}.tgz", known.pkgname));
        match self.order.near.get(self.order.keys[node], &file) {
            Ok(true) => {}
            Ok(false) => {
                let gone = io::Error::new(io::ErrorKind::NotFound, "it was there a moment ago");
                return self.keep(Err(io_error("find", &self.order.near.place(self.order.keys[node]))(gone)));
            }
            Err(error) => return self.keep(Err(error.into())),
        }
        match self.prefix.add(&file, &known.pkgname, !known.is_requested, &log) {
            Ok(()) => {
                self.states[node] = State::Installed;
                self.order.listener.event(&Event::Done(node));
                if !self.has_gap {
                    let remembered = self.prefix.remember(self.steps.ids[self.taken + 1]);
                    self.keep(remembered.map_err(BuildError::from));
                }
            }
            Err(DatabaseError::Tool { tool, said, rerun, log, .. }) => {
                self.has_gap = true;
                let (pkgpath, pkgname) = (known.pkgpath.clone(), known.pkgname.clone());
                let phase = tool.to_owned();
                let (needed_by, end, cause) = (Vec::new(), None, None);
                self.fail(node, Failure { pkgpath, pkgname, phase, needed_by, end, cause, tail: said, log, rerun });
            }
            Err(error) => self.keep(Err(error.into())),
        }
        // Only a copy, in a directory that the next run empties.
        let _ = fs::remove_file(file);
    }

    fn finish(mut self) -> Result<Outcome, BuildError> {
        if self.order.cancel.is_cancelled() {
            return Err(BuildError::Cancelled);
        }
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.failures.is_empty() {
            self.outcome.made.sort_unstable();
            self.outcome.cached.sort_unstable();
            return Ok(self.outcome);
        }
        self.failures.sort_by_key(|(node, _)| *node);
        let failed: BTreeSet<usize> = self.failures.iter().map(|(node, _)| *node).collect();
        let untried = (0..self.states.len())
            .filter(|node| !failed.contains(node) && !matches!(self.states[*node], State::Installed | State::Ready))
            .map(|node| self.name(node).to_owned())
            .collect();
        Err(BuildError::Failed { failures: self.failures.into_iter().map(|(_, failure)| failure).collect(), untried })
    }
}

/// What a thread does: has a binary package of the key come near, or makes it.
fn work(order: &Order<'_>, node: usize, estimate: Option<u64>) -> Report {
    let mut failure = None;
    let result = fetch(order, node).and_then(|is_there| {
        if is_there {
            order.listener.event(&Event::Cached(node));
            return Ok(Came::Cached);
        }
        order.listener.event(&Event::Started(node, estimate));
        match make(order, node) {
            Ok(seconds) => {
                order.listener.event(&Event::Made(node, seconds));
                Ok(Came::Made(seconds))
            }
            Err(Stop::Failed(found)) => {
                failure = Some(found);
                Err(BuildError::Failed { failures: Vec::new(), untried: Vec::new() })
            }
            Err(Stop::Error(error)) => Err(error),
        }
    });
    Report { node, result, failure }
}

/// Whether a whole binary package of the key is near, after asking those far away.
pub(super) fn fetch(order: &Order<'_>, node: usize) -> Result<bool, BuildError> {
    let (key, place) = (order.keys[node], order.near.place(order.keys[node]));
    if order.near.has(key)? {
        if installed::is_whole(&place) {
            return Ok(true);
        }
        order.near.forget(key)?;
    }
    let Some(far) = order.far else { return Ok(false) };
    let into = order.site.temporary().join(format!("{}.fetched.tgz", order.graph.nodes[node].pkgname));
    match far.get(key, &into) {
        Ok(true) if installed::is_whole(&into) => {
            order.near.put(key, &into)?;
            // Only a copy, in a directory that the next run empties.
            let _ = fs::remove_file(into);
            Ok(true)
        }
        Ok(true) => {
            let told = format!("the package of {} under {key} is damaged", order.graph.nodes[node].pkgname);
            order.listener.event(&Event::StoreFailed(told));
            Ok(false)
        }
        Ok(false) => Ok(false),
        Err(error) => {
            order.listener.event(&Event::StoreFailed(error.to_string()));
            Ok(false)
        }
    }
}

enum Stop {
    Failed(Box<Failure>),
    Error(BuildError),
}

/// Makes the package and keeps it near and far.
fn make(order: &Order<'_>, node: usize) -> Result<u64, Stop> {
    let known = &order.graph.nodes[node];
    let tell = |phase| order.listener.event(&Event::Phase(node, phase));
    let made = phase::make(order.site, known, order.cancel, tell).map_err(|error| match error {
        PhaseError::Failed(failure) => Stop::Failed(failure),
        PhaseError::Io { doing, path, source } => Stop::Error(BuildError::Io { doing, path, source }),
        PhaseError::Cancelled => Stop::Error(BuildError::Cancelled),
    })?;
    order.near.put(order.keys[node], &made.file).map_err(|error| Stop::Error(error.into()))?;
    if let Some(far) = order.far
        && let Err(error) = far.put(order.keys[node], &made.file)
    {
        order.listener.event(&Event::StoreFailed(error.to_string()));
    }
    phase::clean(order.site, known).map_err(|error| {
        let path: PathBuf = order.site.objects(&known.pkgname);
        Stop::Error(io_error("clean", &path)(io::Error::other(error)))
    })?;
    Ok(made.elapsed.as_secs())
}
