//! What a build tells while it works: a live view on a terminal, plain lines in CI.

mod ahead;

use super::report::{self, count};
use crate::build::bootstrap::Step;
use crate::build::distfile::{self, Distfile};
use crate::build::graph::Graph;
use crate::build::job::{Event, Listener};
use crate::build::schedule::{self, Forecast};
use ahead::duration;
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the clocks of the live view move.
const TICK: Duration = Duration::from_millis(200);

/// Shows events of a build.
pub(super) struct Building {
    is_quiet: bool,
    live: Option<MultiProgress>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    total: usize,
    done: usize,
    /// Names of packages that failed.
    failed: Vec<String>,
    /// When the packages were begun.
    begun: Option<Instant>,
    /// How long the rest takes, and since when that is known.
    left: Rest,
    /// What is under way, by its number in the graph: since when, and its line in the live view.
    running: BTreeMap<usize, (Instant, Option<ProgressBar>)>,
    /// The line of the whole.
    whole: Option<ProgressBar>,
    /// The line of what waits, while something does.
    waiting: Option<ProgressBar>,
}

/// How long the rest takes, and since when that is known; the live view reads it whenever it draws.
type Rest = Arc<Mutex<Option<(Forecast, Instant)>>>;

fn left(rest: &Rest) -> Option<String> {
    let known = *rest.lock().unwrap_or_else(PoisonError::into_inner);
    known.map(|(forecast, since)| ahead::left(forecast, since.elapsed().as_secs()))
}

impl Building {
    /// Shows progress unless `is_quiet`; live where standard error is a terminal.
    pub(super) fn new(is_quiet: bool) -> Self {
        let live = (!is_quiet && io::stderr().is_terminal()).then(MultiProgress::new);
        Self { is_quiet, live, state: Mutex::default() }
    }

    /// Takes the live view away; what was printed stays.
    pub(super) fn end(&self) {
        let mut state = self.state();
        for (_, line) in std::mem::take(&mut state.running).into_values() {
            line.iter().for_each(ProgressBar::finish_and_clear);
        }
        for line in [state.whole.take(), state.waiting.take()].into_iter().flatten() {
            line.finish_and_clear();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, line: &str) {
        if self.is_quiet {
            return;
        }
        match &self.live {
            // A terminal that went away is no reason to fail.
            Some(live) => drop(live.println(line)),
            None => report::talk(&format!("{line}\n")),
        }
    }

    fn line(&self, template: &str) -> Option<ProgressBar> {
        let line = self.live.as_ref()?.add(ProgressBar::new_spinner());
        let rest = Arc::clone(&self.state().left);
        // The templates are constants; indicatif's own default is good enough should it dislike one.
        if let Ok(style) = ProgressStyle::with_template(template) {
            line.set_style(style.with_key("left", move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
                // Words into memory cannot fail.
                let _ = left(&rest).map_or(Ok(()), |left| write!(out, ", {left}"));
            }));
        }
        line.enable_steady_tick(TICK);
        Some(line)
    }

    fn package(&self, graph: &Graph, event: &schedule::Event) {
        let name = |at: &usize| graph.nodes.get(*at).map_or("?", |node| node.pkgname.as_str());
        match event {
            schedule::Event::Repaired(package) => self.say(&format!("{package}: an interrupted change was put right")),
            schedule::Event::Removed(package) => self.say(&format!("{package}: taken out")),
            schedule::Event::StoreFailed(why) => self.say(&format!("warning: {why}; going on without it")),
            schedule::Event::Present(at) => self.step(name(at), "there already", true),
            schedule::Event::Cached(at) => self.say(&format!("{}: its binary package is there", name(at))),
            schedule::Event::Started(at, estimate) => {
                let line = self.line("  {spinner} {prefix:<32} {msg:<24} {elapsed_precise}");
                if let Some(line) = &line {
                    line.set_prefix(name(at).to_owned());
                    line.set_message("");
                }
                self.state().running.insert(*at, (Instant::now(), line));
                let known =
                    estimate.map_or_else(String::new, |seconds| format!(", {} the last time", duration(seconds)));
                self.say(&format!("{}: building{known}", name(at)));
            }
            schedule::Event::Phase(at, phase) => {
                match self.state().running.get(at) {
                    Some((_, Some(line))) => line.set_message(*phase),
                    _ if self.live.is_none() => {}
                    _ => return,
                }
                if self.live.is_none() {
                    self.say(&format!("{}: {phase}", name(at)));
                }
            }
            schedule::Event::Made(at, seconds) => {
                self.ended(*at);
                self.say(&format!("{}: built in {}", name(at), duration(*seconds)));
            }
            schedule::Event::Done(at) => self.step(name(at), "installed", true),
            schedule::Event::Failed(at) => {
                self.ended(*at);
                self.state().failed.push(name(at).to_owned());
                self.step(name(at), "FAILED", false);
            }
            schedule::Event::Ahead { left, jobs } => {
                let gone = |at| self.state().running.get(&at).map_or(0, |(since, _)| since.elapsed().as_secs());
                let known = schedule::forecast(left, &graph.edges, *jobs, gone);
                *self.state().left.lock().unwrap_or_else(PoisonError::into_inner) =
                    known.map(|forecast| (forecast, Instant::now()));
                let waiting = (0..left.len()).filter(|at| matches!(left[*at], schedule::Left::Waiting(_)));
                self.waits(&waiting.map(|at| name(&at)).collect::<Vec<_>>());
            }
        }
    }

    /// Files of the list by their number; of an empty list the one file that is the tree.
    fn source(&self, files: &[Distfile], event: &distfile::Event) {
        let name = |at: &usize| files.get(*at).map_or_else(|| "the tree".to_owned(), Distfile::path);
        match event {
            // Nothing is asked there; should no other place have the file, the report says why.
            distfile::Event::Started { url, .. } | distfile::Event::Refused { url, .. } if url.starts_with("ftp:") => {}
            distfile::Event::Started { file, url, have: 0 } => self.say(&format!("{}: from {url}", name(file))),
            distfile::Event::Started { file, url, have } => {
                self.say(&format!("{}: from {url}, {} are here already", name(file), report::bytes(*have)));
            }
            distfile::Event::Again { file, reason, pause, .. } => {
                self.say(&format!("{}: {reason}; again in {} s", name(file), pause.as_secs()));
            }
            distfile::Event::Refused { file, url, reason } => self.say(&format!("{}: {url}: {reason}", name(file))),
            distfile::Event::Done(file) => self.say(&format!("{}: here", name(file))),
            distfile::Event::Present(_) | distfile::Event::Bytes { .. } | distfile::Event::Missing(_) => {}
        }
    }

    fn ended(&self, at: usize) {
        let ended = self.state().running.remove(&at);
        if let Some((_, Some(line))) = ended {
            line.finish_and_clear();
        }
    }

    /// Shows what waits, and the whole anew.
    fn waits(&self, names: &[&str]) {
        let old = self.state().waiting.take();
        let line = match (old, names) {
            (Some(old), []) => {
                old.finish_and_clear();
                None
            }
            (None, []) => None,
            (old, _) => old.or_else(|| self.line("  {wide_msg}")),
        };
        if let Some(line) = &line {
            line.set_message(format!("waiting: {}", ahead::names(names)));
        }
        self.state().waiting = line;
        self.show();
    }

    /// The line of the whole.
    fn show(&self) {
        let state = self.state();
        let Some(whole) = &state.whole else { return };
        let failures: Vec<&str> = state.failed.iter().map(String::as_str).collect();
        let failures =
            if failures.is_empty() { String::new() } else { format!(", failed: {}", ahead::names(&failures)) };
        let running = match state.running.len() {
            0 => String::new(),
            running => format!(", {running} being built"),
        };
        whole.set_message(format!("{} of {}{running}{failures}", state.done, count(state.total, "package")));
    }

    fn step(&self, name: &str, what: &str, is_done: bool) {
        let told = {
            let mut state = self.state();
            state.done += usize::from(is_done);
            let elapsed = state.begun.map_or(0, |begun| begun.elapsed().as_secs());
            let left = left(&state.left).filter(|_| is_done && state.done < state.total);
            let after =
                if elapsed > 0 || left.is_some() { format!(" after {}", duration(elapsed)) } else { String::new() };
            let left = left.map_or_else(String::new, |left| format!(", {left}"));
            format!("[{}/{}] {name}: {what}{after}{left}", state.done, state.total)
        };
        self.say(&told);
        self.show();
    }
}

impl Listener for Building {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Step(step) => self.say(&format!("== {step}")),
            Event::Waiting(Some(pid)) => self.say(&format!("waiting for process {pid}, which builds this prefix")),
            Event::Waiting(None) => self.say("waiting for another build of this prefix"),
            Event::Bootstrap(step) => match step {
                Step::Removing(path) => self.say(&format!("removing {}, which a killed run left", path.display())),
                Step::Unpacking(kit) => self.say(&format!("unpacking the kept bootstrap {}", kit.display())),
                Step::KitRefused(kit, why) => {
                    self.say(&format!("warning: {}: {why}; bootstrapping instead", kit.display()));
                }
                Step::Running(log) => self.say(&format!("running; its log is {}", log.display())),
                Step::Heading(heading) => self.say(&format!("bootstrap: {heading}")),
                Step::KitKept(_) => {}
                Step::KitNotKept(why) => {
                    self.say(&format!("note: the bootstrap is not kept for other work directories: {why}"));
                }
            },
            Event::Source(files, event) => self.source(files, event),
            Event::Packages(graph) => {
                let whole = self.line("{spinner} {msg}  {elapsed_precise}{left}");
                let mut state = self.state();
                state.total = graph.nodes.len();
                state.begun = Some(Instant::now());
                state.whole = whole;
                drop(state);
                self.say(&format!("{} to have", count(graph.nodes.len(), "package")));
            }
            Event::Package(graph, event) => self.package(graph, event),
        }
    }
}

impl distfile::Listener for Building {
    fn event(&self, event: &distfile::Event) {
        self.source(&[], event);
    }
}
