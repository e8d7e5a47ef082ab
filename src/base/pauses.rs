//! How often and after which pauses something that may pass is tried again.

use super::child::Cancel;
use std::thread;
use std::time::Duration;

/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(30);

/// The pauses between tries: each twice as long as the one before.
#[derive(Debug, Clone)]
pub struct Pauses {
    next: Duration,
    left: u32,
}

impl Pauses {
    /// Takes how often it is tried in all, and the first pause.
    pub fn new(tries: u32, first: Duration) -> Self {
        Self { next: first, left: tries.saturating_sub(1) }
    }

    /// Whether there is another try after this one.
    pub fn is_over(&self) -> bool {
        self.left == 0
    }

    /// The pause before the next try, at least as long as the other side asks for, within reason; none where that was the last.
    pub fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST.max(pause));
        Some(asked.map_or(pause, |asked| asked.clamp(pause, LONGEST.max(pause))))
    }
}

/// Waits; false where it was asked to stop meanwhile.
#[must_use]
pub fn rest(pause: Duration, cancel: &Cancel) -> bool {
    let step = Duration::from_millis(20);
    let mut left = pause;
    while !left.is_zero() {
        if cancel.is_cancelled() {
            return false;
        }
        thread::sleep(left.min(step));
        left = left.saturating_sub(step);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_end() {
        let seconds = Duration::from_secs;
        let mut pauses = Pauses::new(4, seconds(10));
        let given: Vec<_> = [None, Some(seconds(99)), Some(seconds(1)), None].map(|asked| pauses.next(asked)).to_vec();
        assert_eq!(given, [Some(seconds(10)), Some(seconds(30)), Some(seconds(30)), None]);
        assert!(Pauses::new(1, seconds(1)).is_over() && Pauses::new(0, seconds(1)).next(None).is_none());
    }

    #[test]
    fn who_is_asked_to_stop_does_not_wait() {
        let cancel = Cancel::default();
        cancel.cancel();
        assert!(!rest(Duration::from_secs(60), &cancel));
        assert!(rest(Duration::from_millis(1), &Cancel::default()));
    }
}
