//! Threads that do small tasks while one thread keeps the order.
//!
//! No task ever waits for another, so any number of threads, even none, comes to an end. With one job there are no threads
//! and a task is done when it is given: the baseline that more jobs are measured against.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope};

type Task<'scope> = Box<dyn FnOnce() + Send + 'scope>;

/// Some threads, or none, that do tasks.
pub(super) struct Crew<'scope> {
    tasks: Option<Sender<Task<'scope>>>,
}

impl<'scope> Crew<'scope> {
    /// Starts `jobs` threads; they end when the crew is dropped and its tasks are done.
    pub(super) fn start(scope: &'scope Scope<'scope, '_>, jobs: usize) -> io::Result<Self> {
        if jobs <= 1 {
            return Ok(Self { tasks: None });
        }
        let (sender, receiver) = mpsc::channel::<Task<'scope>>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..jobs {
            let receiver = Arc::clone(&receiver);
            thread::Builder::new().spawn_scoped(scope, move || work(&receiver))?;
        }
        Ok(Self { tasks: Some(sender) })
    }

    /// Gives a task; tasks begin in the order given.
    pub(super) fn run<O: Send + 'scope>(&self, task: impl FnOnce() -> O + Send + 'scope) -> Pending<O> {
        let Some(tasks) = &self.tasks else { return Pending::Done(task()) };
        let (reply, coming) = mpsc::sync_channel(1);
        // Neither send fails unless the other side is gone: all threads panicked, or nobody waits any more.
        let _ = tasks.send(Box::new(move || _ = reply.send(task())));
        Pending::Coming(coming)
    }

    /// How many results to keep coming, so that no thread has to wait for the one that keeps the order.
    pub(super) fn window(&self, with_threads: usize) -> usize {
        if self.tasks.is_some() { with_threads } else { 1 }
    }
}

fn work(tasks: &Mutex<Receiver<Task<'_>>>) {
    loop {
        let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match task {
            Ok(task) => task(),
            Err(_) => return,
        }
    }
}

/// The result of a task, there or coming.
pub(super) enum Pending<O> {
    Done(O),
    Coming(Receiver<O>),
}

impl<O> Pending<O> {
    /// Waits for it. Fails only where the task panicked; the panic itself comes through when the threads are joined.
    pub(super) fn wait(self) -> io::Result<O> {
        match self {
            Self::Done(result) => Ok(result),
            Self::Coming(receiver) => receiver.recv().map_err(|_| io::Error::other("a thread panicked")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_tasks() {
        for jobs in [0, 1, 2, 5] {
            let squares = thread::scope(|scope| {
                let crew = Crew::start(scope, jobs).unwrap();
                let pending: Vec<_> = (0..100u64).map(|n| crew.run(move || n * n)).collect();
                pending.into_iter().map(|square| square.wait().unwrap()).collect::<Vec<_>>()
            });
            assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<u64>>());
        }
    }

    #[test]
    fn a_panic_in_a_task_is_an_error_and_then_a_panic_never_a_hang() {
        let seen = std::panic::catch_unwind(|| {
            thread::scope(|scope| {
                let crew = Crew::start(scope, 2).unwrap();
                let pending: Vec<_> = (0..8).map(|_| crew.run(|| panic!("on purpose"))).collect();
                let failed = pending.into_iter().map(Pending::wait).filter(Result::is_err).count();
                assert_eq!(failed, 8);
            });
        });
        assert!(seen.is_err());
    }
}
