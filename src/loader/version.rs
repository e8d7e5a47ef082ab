//! Version numbers that compare as numbers: 2.9 is older than 2.17, and 4.8 is 4.8.0.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// A version of one or more numbers; prints as they were given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Version(Vec<u32>);

impl Version {
    /// Takes the numbers, most important first; missing ones count as 0.
    pub fn new(parts: &[u32]) -> Self {
        Self(parts.to_vec())
    }

    /// Reads numbers with dots between them; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        };
        text.split('.').map(number).collect::<Option<_>>().map(Self)
    }

    /// The numbers without trailing zeros, which change no order.
    fn significant(&self) -> &[u32] {
        let end = self.0.iter().rposition(|part| *part != 0).map_or(0, |at| at + 1);
        &self.0[..end]
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.significant() == other.significant()
    }
}

impl Eq for Version {}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.significant().cmp(other.significant())
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("'{text}' is not a version of numbers and dots"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        let sorted = ["2.2.5", "2.3", "2.3.4", "2.9", "2.17", "2.34", "3.4.9", "3.4.29"];
        let versions: Vec<Version> = sorted.iter().map(|text| Version::parse(text).unwrap()).collect();
        assert!(versions.is_sorted());
        assert_eq!(versions.iter().map(ToString::to_string).collect::<Vec<_>>(), sorted);
        assert_eq!(Version::parse("4.8.0"), Version::parse("4.8"));
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "2.", ".2", "PRIVATE", "2.x", "+2", "2.99999999999"] {
            assert!(Version::parse(text).is_none(), "{text}");
        }
    }
}
