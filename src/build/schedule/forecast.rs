//! How long what is left will take, from what packages took in earlier runs. Only ever shown: nothing depends on it.
//!
//! Takes what is left of each package and plays the schedule through: packages side by side up to the jobs, each after
//! what it needs. A package nobody knows takes no time here, so that the answer is "at least".

/// What is left of one package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing: it is there, or will never be.
    Nothing,
    /// A worker has it; so many seconds in all.
    Running(Option<u64>),
    /// So many seconds, as soon as there is a worker and what it needs.
    Waiting(Option<u64>),
}

/// How long the rest will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// In seconds.
    pub seconds: u64,
    /// How many packages nothing is known of; they are not in it.
    pub unknown: usize,
}

/// None where nothing is known of any package that is left, and where none is left. `gone` tells for how many seconds a package
/// has been running. Nodes come after all they need.
pub fn forecast(left: &[Left], edges: &[Vec<usize>], jobs: usize, gone: impl Fn(usize) -> u64) -> Option<Forecast> {
    let seconds = |left: &Left| match left {
        Left::Nothing => None,
        Left::Running(seconds) | Left::Waiting(seconds) => Some(*seconds),
    };
    let unknown = left.iter().filter(|left| seconds(left) == Some(None)).count();
    left.iter().filter_map(seconds).flatten().next()?;
    let mut ends: Vec<Option<u64>> =
        left.iter().map(|left| if *left == Left::Nothing { Some(0) } else { None }).collect();
    let mut workers: Vec<u64> = vec![0; jobs.max(1)];
    for (at, left) in left.iter().enumerate() {
        if let Left::Running(seconds) = left {
            ends[at] = Some(begin(&mut workers, 0, seconds.unwrap_or(0).saturating_sub(gone(at))));
        }
    }
    let mut ahead: Vec<usize> = (0..left.len()).filter(|at| matches!(left[*at], Left::Waiting(_))).collect();
    while !ahead.is_empty() {
        // The first that may begin earliest, as the run takes them; what it needs comes before it, so one always may.
        let may = |at: &usize| edges[*at].iter().map(|need| ends[*need]).try_fold(0, |last, end| Some(last.max(end?)));
        let free = workers.iter().copied().min().unwrap_or(0);
        let next = ahead.iter().enumerate().filter_map(|(place, at)| Some((may(at)?.max(free), place))).min();
        let Some((from, place)) = next else { break };
        let at = ahead.remove(place);
        ends[at] = Some(begin(&mut workers, from, seconds(&left[at]).flatten().unwrap_or(0)));
    }
    Some(Forecast { seconds: ends.into_iter().flatten().max().unwrap_or(0), unknown })
}

/// Gives the work to the worker who is free first, not before `from`; tells when it ends.
fn begin(workers: &mut [u64], from: u64, seconds: u64) -> u64 {
    let Some(worker) = workers.iter_mut().min() else { return from.saturating_add(seconds) };
    *worker = (*worker).max(from).saturating_add(seconds);
    *worker
}

#[cfg(test)]
mod tests {
    use super::*;
    use Left::{Nothing, Running, Waiting};

    fn seconds(left: &[Left], edges: &[&[usize]], jobs: usize) -> Option<(u64, usize)> {
        let edges: Vec<Vec<usize>> = edges.iter().map(|needs| needs.to_vec()).collect();
        forecast(left, &edges, jobs, |_| 0).map(|known| (known.seconds, known.unknown))
    }

    #[test]
    fn independent_packages_share_the_workers_and_a_chain_does_not() {
        let three = [Waiting(Some(10)), Waiting(Some(20)), Waiting(Some(30))];
        assert_eq!(seconds(&three, &[&[], &[], &[]], 1), Some((60, 0)));
        assert_eq!(seconds(&three, &[&[], &[], &[]], 2), Some((40, 0)));
        assert_eq!(seconds(&three, &[&[], &[0], &[1]], 2), Some((60, 0)));
    }

    #[test]
    fn what_runs_keeps_its_worker_and_what_is_there_takes_no_time() {
        let left = [Nothing, Running(Some(5)), Waiting(Some(10)), Waiting(Some(1))];
        assert_eq!(seconds(&left, &[&[], &[0], &[1], &[0]], 2), Some((15, 0)));
        assert_eq!(seconds(&left, &[&[], &[0], &[1], &[0]], 1), Some((16, 0)));
    }

    #[test]
    fn the_time_that_has_gone_counts() {
        let left = [Running(Some(10)), Waiting(Some(5))];
        let after = |gone| forecast(&left, &[vec![], vec![0]], 2, |_| gone).map(|known| known.seconds);
        assert_eq!((after(0), after(7), after(99)), (Some(15), Some(8), Some(5)));
    }

    #[test]
    fn unknown_packages_are_counted_and_nothing_known_is_no_forecast() {
        assert_eq!(seconds(&[Waiting(None), Waiting(Some(7))], &[&[], &[0]], 2), Some((7, 1)));
        assert_eq!(seconds(&[Waiting(None), Running(None)], &[&[], &[]], 2), None);
        assert_eq!(seconds(&[Nothing], &[&[]], 2), None);
    }
}
