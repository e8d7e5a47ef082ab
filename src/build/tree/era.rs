//! How old a tree is, as far as it says so itself; for messages, never to decide by.

use super::Tree;
use std::fmt;
use std::fs;

/// The last month that the tree's change log speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Era {
    /// The year, such as 2014.
    pub year: u16,
    /// The month, 1 to 12; none where the log has no dated line.
    pub month: Option<u8>,
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.month {
            Some(month) => write!(f, "{}-{month:02}", self.year),
            None => write!(f, "{}", self.year),
        }
    }
}

impl Tree {
    /// Reads it off the newest `doc/CHANGES-YEAR`; none where there is no such file.
    pub fn era(&self) -> Option<Era> {
        let names = fs::read_dir(self.path.join("doc")).ok()?.flatten();
        let years = names.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_prefix("CHANGES-").filter(|year| year.len() == 4)?.parse::<u16>().ok()
        });
        let year = years.max()?;
        let log = fs::read(self.path.join("doc").join(format!("CHANGES-{year}"))).unwrap_or_default();
        Some(Era { year, month: last_month(&log, year) })
    }
}

/// The latest month in entries such as `Updated www/nginx to 1.4.7nb5 [wiz 2014-09-30]`.
fn last_month(log: &[u8], year: u16) -> Option<u8> {
    let dated = format!(" {year}-").into_bytes();
    let months = memchr::memmem::find_iter(log, &dated).filter_map(|at| {
        let digits = log.get(at + dated.len()..at + dated.len() + 2)?;
        std::str::from_utf8(digits).ok()?.parse::<u8>().ok()
    });
    months.filter(|month| (1..=12).contains(month)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_dated_line_gives_the_month() {
        let log = b"\tUpdated a/b to 1 [x 2014-02-30]\n\tAdded c/d 2 [y 2014-11-01]\n\tRemoved e 2014-3";
        assert_eq!(last_month(log, 2014), Some(11));
        assert_eq!(last_month(b"", 2014), None);
        assert_eq!(Era { year: 2014, month: Some(3) }.to_string(), "2014-03");
    }
}
