//! A TOML text, key by key, with the place of everything that is wrong.
//!
//! The keys that are asked for are the keys there are: what nobody asked for is a problem when a section ends. Problems
//! are collected, never thrown.

use crate::base::near;
use crate::base::path::printable;
use std::fmt;
use std::ops::RangeInclusive;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// One thing that is wrong with a recipe, a lock or a `relocate.toml`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecipeError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1 in characters.
    pub column: usize,
    /// What was found.
    pub what: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl RecipeError {
    /// Makes one about a byte of a text.
    pub(super) fn at(text: &str, at: usize, what: String, help: Option<String>) -> Self {
        let (line, column) = place(text, at);
        Self { line, column, what, help }
    }

    /// What was found and what to do, without the place.
    pub fn sentence(&self) -> String {
        self.help.as_ref().map_or_else(|| self.what.clone(), |help| format!("{}; {help}", self.what))
    }
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.sentence())
    }
}

impl std::error::Error for RecipeError {}

/// What is wrong with the form of a value, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) what: String,
    pub(super) help: Option<String>,
}

impl Wrong {
    pub(super) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: Some(help.into()) }
    }
}

/// The problems found so far.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    text: &'a str,
    found: Vec<RecipeError>,
    missing: Vec<RecipeError>,
}

impl<'a> Problems<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, found: Vec::new(), missing: Vec::new() }
    }

    /// Adds one, found at a byte of the text.
    pub(super) fn add(&mut self, at: usize, wrong: Wrong) {
        self.found.push(self.error(at, wrong));
    }

    /// Adds that something is not there, which nobody can say of a text that could not be read to its end.
    pub(super) fn missing(&mut self, at: usize, wrong: Wrong) {
        self.missing.push(self.error(at, wrong));
    }

    fn error(&self, at: usize, Wrong { what, help }: Wrong) -> RecipeError {
        RecipeError::at(self.text, at, what, help)
    }

    /// All of them in the order of the text, or the value where there are none.
    fn or<T>(mut self, value: T) -> Result<T, Vec<RecipeError>> {
        self.found.append(&mut self.missing);
        self.found.sort();
        self.found.dedup();
        if self.found.is_empty() { Ok(value) } else { Err(self.found) }
    }
}

/// Line and column of a byte, both counted from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Reads a whole text. Where it is no TOML, only what stands in the lines before the first mistake counts: what follows
/// may be understood wrongly.
pub(super) fn document<T>(
    text: &str,
    read: impl FnOnce(&mut Section<'_>, &mut Problems<'_>) -> T,
) -> Result<T, Vec<RecipeError>> {
    let (table, mistakes) = DeTable::parse_recoverable(text);
    let mut problems = Problems::of(text);
    let mut section = Section { field: String::new(), table: Some(table.get_ref()), asked: Vec::new(), at: 0 };
    let value = read(&mut section, &mut problems);
    section.end(&mut problems);
    let mut syntax = Problems::of(text);
    for mistake in mistakes {
        let what = mistake.message().split_whitespace().collect::<Vec<_>>().join(" ");
        syntax.add(mistake.span().map_or(0, |span| span.start), Wrong { what, help: None });
    }
    if let Some(first) = syntax.found.iter().map(|mistake| mistake.line).min() {
        problems.missing.clear();
        problems.found.retain(|problem| problem.line < first);
        problems.found.append(&mut syntax.found);
    }
    problems.or(value)
}

/// A table, of which keys are asked for by name.
pub(super) struct Section<'a> {
    field: String,
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
    at: usize,
}

impl<'a> Section<'a> {
    /// Where it begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The value of a key.
    pub(super) fn item(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.asked.push(key);
        let (_, value) = self.table?.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Item::new(join(&self.field, key), value))
    }

    /// The value of a key as text of some form.
    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems<'_>,
        form: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.item(key)?.text(problems, form)
    }

    /// The value of a key as a list of texts of some form; a text alone is a list of one.
    pub(super) fn texts<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems<'_>,
        form: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Vec<T> {
        let Some(item) = self.item(key) else { return Vec::new() };
        item.list().iter().filter_map(|item| item.text(problems, &form)).collect()
    }

    /// The value of a key as true or false.
    pub(super) fn flag(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<bool> {
        let item = self.item(key)?;
        item.value.as_bool().or_else(|| item.is_no("true or false", problems))
    }

    /// The value of a key as a number.
    pub(super) fn number<N: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        problems: &mut Problems<'_>,
    ) -> Option<N> {
        let item = self.item(key)?;
        let number = item.number().filter(|number| range.contains(number)).and_then(|number| N::try_from(number).ok());
        number.or_else(|| item.is_no(&format!("a number from {} to {}", range.start(), range.end()), problems))
    }

    /// The value of a key as a section of its own.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems<'_>,
        read: impl FnOnce(&mut Section<'_>, &mut Problems<'_>) -> T,
    ) -> T {
        let mut section = match self.item(key) {
            Some(item) => item.section(problems),
            None => Section { field: join(&self.field, key), table: None, asked: Vec::new(), at: self.at },
        };
        let value = read(&mut section, problems);
        section.end(problems);
        value
    }

    /// Every name of a section whose names are the user's, with its value, in the order of the text.
    pub(super) fn free(&mut self) -> Vec<(Item<'a>, &'a str)> {
        let Some(table) = self.table.take() else { return Vec::new() };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        entries.into_iter().map(|(name, value)| (self.entry(name, value), name.get_ref().as_ref())).collect()
    }

    /// One entry of a section whose names are the user's. What is wrong with it is shown at its name.
    fn entry(&self, name: &'a Spanned<DeString<'a>>, value: &'a Spanned<DeValue<'a>>) -> Item<'a> {
        let field = join(&self.field, name.get_ref());
        Item { name_at: name.span().start, ..Item::new(field, value) }
    }

    /// Complains about the names nobody asked for.
    pub(super) fn end(self, problems: &mut Problems<'_>) {
        let unknown =
            self.table.into_iter().flatten().filter(|(name, _)| !self.asked.contains(&name.get_ref().as_ref()));
        for (name, _) in unknown {
            let word = name.get_ref();
            let place = if self.field.is_empty() { String::new() } else { format!(" in [{}]", self.field) };
            let what = format!("there is no key '{}'{place}", printable(word.as_bytes()));
            problems.add(name.span().start, Wrong { what, help: Some(self.instead(word)) });
        }
    }

    fn instead(&self, word: &str) -> String {
        match near::nearest(word, self.asked.iter().copied()) {
            Some(near) => format!("did you mean '{near}'?"),
            None if TOP.contains(&word) && !self.field.is_empty() => above(word),
            None => format!("the keys are {}", self.asked.join(", ")),
        }
    }
}

/// Keys that stand above all sections; below one they belong to it.
const TOP: [&str; 3] = ["schema", "name", "packages"];

/// What to do with a key of the top that stands below a section.
pub(super) fn above(word: &str) -> String {
    format!("'{word}' stands at the top, above the first [section]")
}

/// A value, its name and its place.
pub(super) struct Item<'a> {
    /// Its name, for messages.
    pub(super) field: String,
    /// Where it begins, in bytes.
    pub(super) at: usize,
    /// Where its name begins, in bytes; of an element of a list the value itself.
    pub(super) name_at: usize,
    value: &'a DeValue<'a>,
}

impl<'a> Item<'a> {
    fn new(field: String, value: &'a Spanned<DeValue<'a>>) -> Self {
        let at = value.span().start;
        Self { field, at, name_at: at, value: value.get_ref() }
    }

    /// The text, whatever its form.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// Text of some form; a problem where it is none.
    pub(super) fn text<T>(&self, problems: &mut Problems<'_>, form: impl Fn(&str) -> Result<T, Wrong>) -> Option<T> {
        let Some(text) = self.value.as_str() else { return self.is_no("a string", problems) };
        form(text).map_err(|wrong| self.wrong(wrong, problems)).ok()
    }

    /// The elements of a list; anything else is a list of itself.
    pub(super) fn list(&self) -> Vec<Item<'a>> {
        let Some(array) = self.value.as_array() else {
            return vec![Item { field: self.field.clone(), ..*self }];
        };
        let element =
            |(at, value): (usize, &'a Spanned<DeValue<'a>>)| Item::new(format!("{}[{at}]", self.field), value);
        array.iter().enumerate().map(element).collect()
    }

    /// Whether it is a list.
    pub(super) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// Whether it is a table.
    pub(super) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// True or false.
    pub(super) fn flag(&self) -> Option<bool> {
        self.value.as_bool()
    }

    /// A number that is not negative.
    pub(super) fn number(&self) -> Option<u64> {
        let number = self.value.as_integer()?;
        u64::from_str_radix(number.as_str(), number.radix()).ok()
    }

    /// Its keys; a problem where it is no table.
    pub(super) fn section(&self, problems: &mut Problems<'_>) -> Section<'a> {
        let table = self.value.as_table().or_else(|| self.is_no("a table of keys", problems));
        Section { field: self.field.clone(), table, asked: Vec::new(), at: self.at }
    }

    /// Adds what is wrong with its value.
    pub(super) fn wrong(&self, wrong: Wrong, problems: &mut Problems<'_>) {
        let what = format!("{}: {}", printable(self.field.as_bytes()), wrong.what);
        problems.add(self.at, Wrong { what, help: wrong.help });
    }

    /// Adds what is wrong with its name.
    pub(super) fn misnamed(&self, wrong: Wrong, problems: &mut Problems<'_>) {
        problems.add(self.name_at, wrong);
    }

    /// Adds that it is of another kind; gives `None`.
    pub(super) fn is_no<T>(&self, wanted: &str, problems: &mut Problems<'_>) -> Option<T> {
        let found = match self.value {
            DeValue::Integer(number) => format!("the number {number}"),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::String(text) => format!("the string '{}'", printable(text.as_bytes())),
            other => format!("of the kind {}", other.type_str()),
        };
        let wrong = Wrong::new(format!("it is {found}"), format!("{wanted} is expected"));
        self.wrong(wrong, problems);
        None
    }
}

/// `section.key`; keys that are more than a word are quoted.
pub(super) fn join(section: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if section.is_empty() { key } else { format!("{section}.{key}") }
}
