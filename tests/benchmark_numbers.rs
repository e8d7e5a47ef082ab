//! The numbers of the benchmarks' page: medians and spreads, and how they are written.

#[path = "../benches/peers/numbers.rs"]
mod numbers;

use numbers::{Spread, bytes, grouped, short};

fn spread(values: &[f64]) -> Option<String> {
    Spread::of(values.iter().copied()).map(|spread| spread.show())
}

#[test]
fn a_median_is_the_middle_value_or_lies_between_the_two_in_the_middle() {
    assert_eq!(spread(&[3.0, 1.0, 2.0]).as_deref(), Some("2.00 (1.00-3.00)"));
    assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]).as_deref(), Some("2.50 (1.00-4.00)"));
    assert_eq!(spread(&[0.5]).as_deref(), Some("0.50 (0.50-0.50)"));
    assert_eq!(spread(&[]), None);
}

#[test]
fn numbers_have_the_digits_that_say_something() {
    assert_eq!([123.4, 12.34, 1.234, 0.1234, 0.01234].map(short), ["123", "12.3", "1.23", "0.12", "0.012"]);
    assert_eq!([999, 1_500_000, 2_340_000_000].map(bytes), ["1.0 kB", "1.5 MB", "2.34 GB"]);
    assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
}
