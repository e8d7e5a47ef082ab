//! What is left of a build, in words: who waits, who failed, how long it may take.

use crate::build::schedule::Forecast;
use crate::cli::report::count;

/// How many names a line has room for.
const NAMES: usize = 6;

/// Seconds as a person says them.
pub(super) fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// How long the rest takes, so many seconds after that was known.
pub(super) fn left(forecast: Forecast, since: u64) -> String {
    let seconds = forecast.seconds.saturating_sub(since);
    let new = match forecast.unknown {
        0 => String::new(),
        unknown => format!(" and {} of unknown time", count(unknown, "package")),
    };
    match (seconds, forecast.unknown) {
        (0, 0) if forecast.seconds > 0 => "longer than the last time".to_owned(),
        (0, 0) => "a moment left".to_owned(),
        _ => format!("about {} left{new}", duration(seconds)),
    }
}

/// The first names, and how many more there are.
pub(super) fn names(names: &[&str]) -> String {
    let shown = names[..names.len().min(NAMES)].join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_counts_down_and_says_what_it_does_not_know() {
        let known = |seconds, unknown| Forecast { seconds, unknown };
        assert_eq!(left(known(100, 0), 30), "about 1 min 10 s left");
        assert_eq!(left(known(100, 0), 101), "longer than the last time");
        assert_eq!(left(known(0, 0), 1), "a moment left");
        assert_eq!(left(known(3700, 2), 0), "about 1 h 1 min left and 2 packages of unknown time");
    }

    #[test]
    fn a_long_list_of_names_is_cut() {
        assert_eq!(names(&["a", "b"]), "a, b");
        assert_eq!(names(&["a", "b", "c", "d", "e", "f", "g", "h"]), "a, b, c, d, e, f and 2 more");
    }
}
