//! Moments and spans of time as metadata has them: whole seconds, UTC.

use jiff::Timestamp;
use std::fmt;

/// A moment, in whole seconds since 1970 (UTC); prints as `2026-11-21T19:22:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

/// A span of time; prints in the largest unit that it has two of, such as `3 days`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(u64);

const DAY: i64 = 24 * 60 * 60;

impl Moment {
    /// Takes seconds since 1970; a moment that no calendar has becomes the nearest one.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second()))
    }

    /// Seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// So many days later.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self::from_seconds(self.0.saturating_add(i64::from(days) * DAY))
    }

    /// How long this is after an earlier moment; nothing if it is not.
    pub fn since(self, earlier: Self) -> Age {
        Age(self.0.saturating_sub(earlier.0).try_into().unwrap_or(0))
    }

    /// The fraction of a second is dropped, so that nothing is taken for good longer than it says.
    pub(super) fn of(timestamp: Timestamp) -> Self {
        let second = timestamp.as_second();
        Self(if timestamp.subsec_nanosecond() < 0 { second - 1 } else { second })
    }

    pub(super) fn timestamp(self) -> Timestamp {
        let nearest = if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Timestamp::from_second(self.0).unwrap_or(nearest)
    }
}

impl Age {
    /// Whole days.
    pub fn days(self) -> u64 {
        self.0 / DAY.unsigned_abs()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.timestamp())
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(365 * 24 * 3600, "years"), (24 * 3600, "days"), (3600, "hours"), (60, "minutes")];
        match units.iter().find(|(seconds, _)| self.0 >= 2 * seconds) {
            Some((seconds, unit)) => write!(f, "{} {unit}", self.0 / seconds),
            None => write!(f, "{} s", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_ages_print_as_people_read_them() {
        assert_eq!(Moment::from_seconds(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Moment::from_seconds(1_795_289_000).plus_days(1).to_string(), "2026-11-22T19:23:20Z");
        let age = |seconds| Moment::from_seconds(seconds).since(Moment::from_seconds(0)).to_string();
        assert_eq!(
            [age(-5), age(90), age(7200), age(4 * DAY), age(800 * DAY)],
            ["0 s", "90 s", "2 hours", "4 days", "2 years"]
        );
    }

    #[test]
    fn no_moment_is_out_of_range() {
        for seconds in [i64::MIN, i64::MAX] {
            let moment = Moment::from_seconds(seconds);
            assert_eq!(Moment::of(moment.timestamp()), moment);
            assert!(!moment.plus_days(u32::MAX).to_string().is_empty());
        }
    }
}
