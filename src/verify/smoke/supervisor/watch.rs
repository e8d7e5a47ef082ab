//! The deadline of a run: knows which threads are alive, and kills them all when time is up.
//!
//! `waitpid` has no time limit, so a second thread keeps the clock; the kills wake the first.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the two threads share.
#[derive(Debug)]
pub(super) struct Watch {
    state: Mutex<State>,
    over: Condvar,
    /// The thread that traces, as the kernel numbers it.
    tracer: Pid,
}

#[derive(Debug, Default)]
struct State {
    alive: BTreeSet<i32>,
    over: bool,
    expired: bool,
    killed: usize,
}

impl Watch {
    /// Starts with nothing alive; `tracer` is the calling thread's id.
    pub(super) fn new(tracer: Pid) -> Self {
        Self { state: Mutex::default(), over: Condvar::new(), tracer }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread was seen; tells whether time is up, so that it has to go.
    pub(super) fn seen(&self, tid: Pid) -> bool {
        let mut state = self.state();
        state.alive.insert(tid.as_raw());
        state.expired
    }

    /// A thread has ended.
    pub(super) fn gone(&self, tid: Pid) {
        self.state().alive.remove(&tid.as_raw());
    }

    /// How many processes were alive when time was up; `None` if all ended before.
    pub(super) fn killed(&self) -> Option<usize> {
        let state = self.state();
        state.expired.then_some(state.killed)
    }

    /// All ended: the clock stops.
    pub(super) fn finish(&self) {
        self.state().over = true;
        self.over.notify_all();
    }

    /// Waits until all ended or time is up, and then kills what is left.
    pub(super) fn keep(&self, timeout: Duration) {
        let waited = self.over.wait_timeout_while(self.state(), timeout, |state| !state.over);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if !state.over {
            self.expire(&mut state);
        }
    }

    /// Kills what is alive, whatever the time.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        if !state.alive.is_empty() {
            self.expire(&mut state);
        }
    }

    fn expire(&self, state: &mut State) {
        state.expired = true;
        for tid in &state.alive {
            // A number may have been given to a stranger since: only who is traced by us is killed.
            let tid = Pid::from_raw(*tid);
            if let Some(leads) = traced(tid, self.tracer) {
                state.killed += usize::from(leads);
                let _gone_meanwhile = kill(tid, Signal::SIGKILL);
            }
        }
    }
}

/// Whether a thread is traced by `tracer`, and if so, whether it is the first of its process.
fn traced(tid: Pid, tracer: Pid) -> Option<bool> {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<i32>().ok()
    };
    (field("TracerPid:")? == tracer.as_raw()).then(|| field("Tgid:") == Some(tid.as_raw()))
}

/// The process that traces this one, if any.
pub(super) fn own_tracer() -> Option<i32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
    line.trim().parse().ok().filter(|pid| *pid != 0)
}
