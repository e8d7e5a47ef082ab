//! Where in its text a recipe says what: for whoever finds out later that a field cannot be, as with a package that the tree
//! does not have.

use super::read::{Lines, join};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The line and column, both counted from 1, of every value of a text, by field: `bootstrap.prefix`, `packages[1].path`,
/// `options.nginx`, `links."bin/python"`. A text that is no recipe gives what can be read of it.
pub fn places(text: &str) -> BTreeMap<String, (usize, usize)> {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut places = Places { lines: Lines::of(text), found: BTreeMap::new() };
    places.table("", table.get_ref());
    places.found
}

struct Places<'a> {
    lines: Lines<'a>,
    found: BTreeMap<String, (usize, usize)>,
}

impl Places<'_> {
    fn table(&mut self, field: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            self.value(join(field, name.get_ref()), value);
        }
    }

    fn value(&mut self, field: String, value: &Spanned<DeValue<'_>>) {
        let place = self.lines.place(value.span().start);
        match value.get_ref() {
            DeValue::Table(table) => self.table(&field, table),
            DeValue::Array(list) => {
                for (at, value) in list.iter().enumerate() {
                    self.value(format!("{field}[{at}]"), value);
                }
            }
            _ => {}
        }
        self.found.insert(field, place);
    }
}
