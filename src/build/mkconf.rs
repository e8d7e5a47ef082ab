//! The variables of a recipe as a makefile of our own, `relocate.mk`, beside the prefix's `mk.conf`.
//!
//! [`render`] is pure: settings in, the whole text out, or every setting that cannot be written. [`install`] puts the text
//! there and keeps exactly one line in `mk.conf` that reads it, however often it is called. What others wrote in `mk.conf`
//! stays, but for the date of the bootstrap: the same recipe gives the same bytes.
//!
//! The line is the last one of `mk.conf`: that file is read before the tree's defaults and the last `=` wins, so what stands
//! here wins over what bootstrap wrote. It names the file without a directory, which makes looks up beside the makefile that
//! says so; the prefix's own path does not get into one more file.

mod date;

use crate::base::path::printable;
use crate::base::write::{WriteError, record, replace};
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What is written; all lists in the order they are to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings<'a> {
    /// Where packages are compiled (WRKOBJDIR).
    pub wrkobjdir: Option<&'a str>,
    /// Where binary packages go (PACKAGES).
    pub packages: Option<&'a str>,
    /// Where source archives lie (DISTDIR).
    pub distdir: Option<&'a str>,
    /// How many jobs the make of a package may run.
    pub make_jobs: Option<u32>,
    /// Licences accepted beyond the tree's own list.
    pub licenses: &'a [String],
    /// Compiler and flags, such as `CC` or `CFLAGS`.
    pub toolchain: &'a [Assignment],
    /// Options by the variable that has them, such as `PKG_OPTIONS.nginx`; `-option` turns one off.
    pub options: &'a [(String, Vec<String>)],
    /// The recipe's own variables; they come last and win.
    pub variables: &'a [Assignment],
}

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Its name.
    pub name: String,
    /// Whether the value is added to what is there, or takes its place.
    pub how: How,
    /// The value as the makefiles are to see it: `$` and `#` mean themselves.
    pub value: String,
}

/// What becomes of the value a variable has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The new one takes its place.
    Set,
    /// The new one is added behind it.
    Append,
}

/// Why a variable cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwritable {
    /// The name is none that make would take.
    Name(String),
    /// It is written from another field, or by bootstrap.
    Reserved(String),
    /// The value has a character that no makefile line can hold.
    Value {
        /// The variable.
        name: String,
        /// What is in its value, such as `a line break`.
        found: &'static str,
    },
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "'{}' cannot be the name of a make variable", name.escape_debug()),
            Self::Reserved(name) => {
                write!(f, "variable {name} is not for a recipe's list: it follows from other fields")
            }
            Self::Value { name, found } => write!(f, "the value of {name} has {found}, which mk.conf cannot hold"),
        }
    }
}

impl std::error::Error for Unwritable {}

/// Why the files were not written.
#[derive(Debug)]
pub enum MkConfError {
    /// `mk.conf` could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be written.
    Write(WriteError),
}

impl fmt::Display for MkConfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => {
                write!(f, "cannot read '{}': {source}", printable(path.as_os_str().as_bytes()))
            }
            Self::Write(source) => write!(f, "{source}"),
        }
    }
}

impl std::error::Error for MkConfError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Write(source) => Some(source),
        }
    }
}

/// The file's name, beside `mk.conf`.
pub const NAME: &str = "relocate.mk";
/// The line of `mk.conf`; a missing file is no error, so that the prefix still builds where somebody removed it.
const INCLUDE: &str = ".sinclude \"relocate.mk\"";
/// Written from fields of their own, or by bootstrap, which has used them by now.
const RESERVED: [&str; 8] =
    ["WRKOBJDIR", "PACKAGES", "DISTDIR", "LOCALBASE", "PKG_DBDIR", "VARBASE", "UNPRIVILEGED", "BSD_PKG_MK"];

/// Gives the whole text, or everything that cannot be written.
pub fn render(settings: &Settings<'_>) -> Result<String, Vec<Unwritable>> {
    let mut page = Page::default();
    let directories =
        [("WRKOBJDIR", settings.wrkobjdir), ("PACKAGES", settings.packages), ("DISTDIR", settings.distdir)];
    for (name, value) in directories {
        if let Some(value) = value {
            page.line(name, How::Set, value);
        }
    }
    if let Some(jobs) = settings.make_jobs {
        page.line("MAKE_JOBS", How::Set, &jobs.to_string());
    }
    if !settings.licenses.is_empty() {
        page.line("ACCEPTABLE_LICENSES", How::Append, &settings.licenses.join(" "));
    }
    settings.toolchain.iter().for_each(|one| page.checked(one));
    for (name, options) in settings.options {
        page.line(name, How::Set, &options.join(" "));
    }
    settings.variables.iter().for_each(|one| page.checked(one));
    if page.wrong.is_empty() { Ok(page.text()) } else { Err(page.wrong) }
}

#[derive(Default)]
struct Page {
    /// Lines that add to what others set. A makefile may read mk.conf twice, and these must count once.
    added: String,
    /// Lines that may be read any number of times: `=`, and `+=` behind such a line.
    plain: String,
    set: BTreeSet<String>,
    wrong: Vec<Unwritable>,
}

impl Page {
    fn text(&self) -> String {
        let Self { added, plain, .. } = self;
        format!(
            "# Written whole by relocate from the recipe: a change made here is lost. mk.conf is yours.\n\
             .ifdef BSD_PKG_MK\n\
             .ifndef RELOCATE_MK\t# mk.conf may be read twice, and += must count once\n\
             RELOCATE_MK=\tdefined\n\
             {added}.endif\n{plain}.endif\n"
        )
    }

    fn checked(&mut self, Assignment { name, how, value }: &Assignment) {
        if RESERVED.contains(&name.as_str()) {
            self.wrong.push(Unwritable::Reserved(name.clone()));
        } else {
            self.line(name, *how, value);
        }
    }

    fn line(&mut self, name: &str, how: How, value: &str) {
        if !is_name(name) {
            self.wrong.push(Unwritable::Name(name.to_owned()));
        }
        match escaped(value) {
            Err(found) => self.wrong.push(Unwritable::Value { name: name.to_owned(), found }),
            Ok(value) => {
                let to_others = !self.set.contains(name);
                let (sign, place) = match how {
                    How::Set => ("=", &mut self.plain),
                    How::Append => ("+=", if to_others { &mut self.added } else { &mut self.plain }),
                };
                place.push_str(format!("{name}{sign}\t{value}").trim_end());
                place.push('\n');
                if how == How::Set {
                    self.set.insert(name.to_owned());
                }
            }
        }
    }
}

/// Whether make takes it for a name as it stands: `CFLAGS`, `PKG_OPTIONS.nginx`, `SITES.a-1.tar.gz`.
pub fn is_name(name: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"_.-+".contains(&b);
    // A leading dot is a directive or one of make's own; `A+=` would be read as adding to A.
    name.bytes().all(letters) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !name.ends_with('+')
}

/// A value as a line of a makefile has it; otherwise what cannot be written. Quotes need nothing: make leaves them.
fn escaped(value: &str) -> Result<String, &'static str> {
    let mut written = String::with_capacity(value.len());
    let mut last = None;
    for letter in value.chars() {
        match letter {
            '\n' | '\r' => return Err("a line break"),
            '\t' => written.push(letter),
            _ if letter.is_control() => return Err("a control character"),
            // bmake reads `\\#` as a backslash and a comment (seen with 2014's and 2020's), so this pair has no spelling.
            '#' if last == Some('\\') => return Err("a backslash before a '#'"),
            '#' => written.push_str("\\#"),
            '$' => written.push_str("$$"),
            _ => written.push(letter),
        }
        last = Some(letter);
    }
    if written.trim_end().ends_with('\\') {
        return Err("a backslash at its end");
    }
    Ok(written.trim().to_owned())
}

/// Puts the text beside `mk.conf` in `etc` and has `mk.conf` read it, by one line at its end. Gives the files that changed:
/// none where all was there.
pub fn install(etc: &Path, text: &str) -> Result<BTreeSet<PathBuf>, MkConfError> {
    let (ours, theirs) = (etc.join(NAME), etc.join("mk.conf"));
    let mut changed = BTreeSet::new();
    if read(&ours)?.as_deref() != Some(text.as_bytes()) {
        record(&ours, text.as_bytes()).map_err(MkConfError::Write)?;
        changed.insert(ours);
    }
    let before = read(&theirs)?;
    let after = with_include(before.as_deref().unwrap_or_default());
    if before.as_deref() == Some(&after) {
        return Ok(changed);
    }
    let written = match before {
        Some(_) => replace(&theirs, |out| out.write_all(&after)),
        None => record(&theirs, &after),
    };
    written.map_err(MkConfError::Write)?;
    changed.insert(theirs);
    Ok(changed)
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, MkConfError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(MkConfError::Read { path: path.to_owned(), source }),
    }
}

/// The text of `mk.conf` with our line once, at its end, and without the date of the bootstrap.
fn with_include(text: &[u8]) -> Vec<u8> {
    let ours = |line: &&[u8]| line.trim_ascii() == INCLUDE.as_bytes();
    let mut lines = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n').filter(|line| !ours(line)) {
        match date::undated(line) {
            undated if undated.len() < line.len() => lines.extend([undated, b"\n"]),
            _ => lines.push(line),
        }
    }
    let last = lines.last().map_or(&b"\n"[..], |line| line);
    if !last.ends_with(b"\n") {
        lines.push(b"\n");
    }
    if last.trim_ascii_end().ends_with(b"\\") {
        // The line goes on, and ours would become part of it.
        lines.push(b"\n");
    }
    [lines.concat().as_slice(), INCLUDE.as_bytes(), b"\n"].concat()
}

#[cfg(test)]
mod tests;
