//! Versions of the tool: three numbers, and what comes before a release (semver.org, version 2.0.0, without its build metadata).

use std::cmp::Ordering;
use std::fmt;

/// The longest version, in bytes.
const LONGEST: usize = 64;

/// A version, ordered as releases come one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    numbers: [u64; 3],
    /// What tells an early one: empty for a release.
    early: Vec<Part>,
}

/// A part of what tells an early version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Word(String),
}

impl Version {
    /// Reads a version such as `0.2.0` or `1.0.0-rc.1`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let (numbers, early) = text.split_once('-').map_or((text, None), |(numbers, early)| (numbers, Some(early)));
        let numbers: Vec<_> = numbers.split('.').map(number).collect::<Option<_>>()?;
        let early = early.map_or(Some(Vec::new()), |early| early.split('.').map(part).collect())?;
        Some(Self { numbers: numbers.try_into().ok()?, early })
    }

    /// Whether who wants this one may be given the other without being asked: the same first number, or where that is 0 the same
    /// second one, and where that is 0 too the same third, as cargo takes it.
    pub fn is_near(&self, other: &Self) -> bool {
        let counts = self.numbers.iter().position(|number| *number != 0).unwrap_or(2);
        self.numbers[..=counts] == other.numbers[..=counts]
    }

    /// Whether it is one that comes before a release.
    pub fn is_early(&self) -> bool {
        !self.early.is_empty()
    }
}

fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

fn part(text: &str) -> Option<Part> {
    let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if text.is_empty() || !is_word {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number(text).map(Part::Number);
    }
    Some(Part::Word(text.to_owned()))
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        // An early version comes before its release.
        let numbers = self.numbers.cmp(&other.numbers);
        numbers.then(other.is_early().cmp(&self.is_early())).then_with(|| self.early.cmp(&other.early))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third] = self.numbers;
        write!(f, "{first}.{second}.{third}")?;
        for (at, part) in self.early.iter().enumerate() {
            f.write_str(if at == 0 { "-" } else { "." })?;
            match part {
                Part::Number(number) => write!(f, "{number}")?,
                Part::Word(word) => f.write_str(word)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn versions_come_one_after_the_other_as_semver_has_them() {
        let sorted = [
            "0.0.9",
            "0.1.0-1",
            "0.1.0-2",
            "0.1.0-10",
            "0.1.0-alpha",
            "0.1.0-alpha.1",
            "0.1.0-beta",
            "0.1.0-rc.1",
            "0.1.0",
            "0.1.1",
            "0.2.0",
            "0.10.0",
            "1.0.0",
            "1.0.10",
            "10.0.0",
        ];
        for pair in sorted.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
        for text in sorted {
            assert_eq!(version(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_version_is_none() {
        let long = format!("1.0.0-{}", "a".repeat(60));
        for text in
            ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.x", "1.0.0-", "1.0.0-a..b", "1.0.0-01", "1.0.0+b", "v1.0.0"]
        {
            assert_eq!(Version::parse(text), None, "{text}");
        }
        assert!(Version::parse("1.0.99999999999999999999").is_none() && Version::parse(&long).is_none());
    }

    #[test]
    fn near_is_what_cargo_takes_for_compatible() {
        for (one, other, near) in [
            ("1.2.3", "1.9.0", true),
            ("1.2.3", "2.0.0", false),
            ("0.1.0", "0.1.9", true),
            ("0.1.0", "0.2.0", false),
            ("0.0.1", "0.0.2", false),
            ("0.0.1", "0.0.1-rc.1", true),
        ] {
            assert_eq!(version(one).is_near(&version(other)), near, "{one} {other}");
        }
    }
}
