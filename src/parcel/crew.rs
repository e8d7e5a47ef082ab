//! Jobs done in the order of their list by as many threads as there are, each with a state of its own; and the memory they may
//! take together.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Does every job, the first ones first; gives the results in the order of the jobs. After an error no further job is begun, and
/// of several errors that of the first job is told. `begin` makes a thread's state.
pub(super) fn each<J: Sync, W, R: Send, E: Send>(
    jobs: &[J],
    begin: impl Fn() -> Result<W, E> + Sync,
    work: impl Fn(&mut W, &J) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done = rayon::broadcast(|_| {
        let mut done = Vec::new();
        let mut state = None;
        while !stop.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(at) else { break };
            let begun = match state.take() {
                Some(state) => Ok(state),
                None => begin(),
            };
            let result = begun.and_then(|begun| work(state.insert(begun), job));
            stop.fetch_or(result.is_err(), Ordering::Relaxed);
            done.push((at, result));
        }
        done
    });
    let mut done: Vec<_> = done.into_iter().flatten().collect();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Memory that all threads share, in bytes.
pub(super) struct Memory {
    left: Mutex<u64>,
    all: u64,
    given_back: Condvar,
}

impl Memory {
    pub(super) fn of(all: u64) -> Self {
        Self { left: Mutex::new(all), all, given_back: Condvar::new() }
    }

    /// Does something that needs so much, when it is there; what needs more than there is has all of it for itself.
    pub(super) fn with<R>(&self, bytes: u64, work: impl FnOnce() -> R) -> R {
        let bytes = bytes.min(self.all);
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        while *left < bytes {
            left = self.given_back.wait(left).unwrap_or_else(PoisonError::into_inner);
        }
        *left -= bytes;
        drop(left);
        let result = work();
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) += bytes;
        self.given_back.notify_all();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_jobs_and_errors_too() {
        let jobs: Vec<u32> = (0..1_000).collect();
        let begin = || Ok::<u32, u32>(0);
        assert_eq!(each(&jobs, begin, |_, job| Ok(*job)).unwrap(), jobs);
        let error = each(&jobs, begin, |_, job| if *job >= 500 { Err(*job) } else { Ok(()) });
        assert_eq!(error.unwrap_err(), 500);
        assert_eq!(each(&jobs, || Err::<(), _>(7), |(), _| Ok(())).unwrap_err(), 7);
        assert!(each(&[], begin, |_, job: &u32| Ok(*job)).unwrap().is_empty());
    }

    #[test]
    fn no_more_memory_is_given_than_there_is() {
        let memory = Memory::of(10);
        let used = Mutex::new(0u64);
        let jobs: Vec<u64> = (0..200).map(|at| at % 15).collect();
        let work = |(): &mut (), job: &u64| {
            memory.with(*job, || {
                *used.lock().unwrap() += job.min(&10);
                assert!(*used.lock().unwrap() <= 10);
                *used.lock().unwrap() -= job.min(&10);
            });
            Ok::<(), ()>(())
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        pool.install(|| each(&jobs, || Ok(()), work)).unwrap();
        assert_eq!(*memory.left.lock().unwrap(), 10);
    }
}
