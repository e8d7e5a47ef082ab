//! Two locks, compared field by field.

use super::Lock;
use crate::recipe::read::join;
use std::collections::BTreeSet;
use std::fmt;
use toml::{Table, Value};

/// A field in which two locks differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Its name, such as `packages."www/nginx".distfiles."x.tar.gz".sha256`.
    pub field: String,
    /// What the lock has; `None`: nothing.
    pub locked: Option<String>,
    /// What there is now; `None`: nothing.
    pub now: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, locked, now } = self;
        match (locked, now) {
            (Some(locked), Some(now)) => write!(f, "{field} is {locked} in the lock and {now} now"),
            (Some(locked), None) => write!(f, "{field} is {locked} in the lock and not there now"),
            (None, now) => write!(f, "{field} is not in the lock and {} now", now.as_deref().unwrap_or("nothing")),
        }
    }
}

impl Lock {
    /// Where another lock, made now, differs from this one; sorted by field. A package that only one of them has is one
    /// difference.
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        compare("", &fields(self), &fields(now), &mut differences);
        differences.sort();
        differences
    }
}

fn fields(lock: &Lock) -> Table {
    Table::try_from(lock).expect("a lock is a table of TOML")
}

fn compare(field: &str, locked: &Table, now: &Table, differences: &mut Vec<Difference>) {
    let keys: BTreeSet<&String> = locked.keys().chain(now.keys()).collect();
    for key in keys {
        let field = join(field, key);
        match (locked.get(key), now.get(key)) {
            (Some(Value::Table(locked)), Some(Value::Table(now))) => compare(&field, locked, now, differences),
            (locked, now) if locked == now => {}
            // A table that is empty is not written: its entries, not the table, are what one of them has.
            (None, Some(Value::Table(now))) if !is_package(&field) => compare(&field, &Table::new(), now, differences),
            (Some(Value::Table(locked)), None) if !is_package(&field) => {
                compare(&field, locked, &Table::new(), differences);
            }
            (locked, now) => differences.push(Difference { field, locked: locked.map(shown), now: now.map(shown) }),
        }
    }
}

/// Whether a field is one package or one source archive as a whole.
fn is_package(field: &str) -> bool {
    field.ends_with('"') && field.starts_with("packages.")
}

/// A value in one line; of a package its name, of a source archive its sum.
fn shown(value: &Value) -> String {
    match value {
        Value::Table(table) => {
            ["pkgname", "sha256"].iter().find_map(|key| table.get(*key)).map_or("there".into(), shown)
        }
        Value::String(text) => format!("'{text}'"),
        Value::Array(list) => {
            let words: Vec<_> = list.iter().map(|value| value.as_str().unwrap_or_default()).collect();
            format!("[{}]", words.join(" "))
        }
        other => other.to_string(),
    }
}
