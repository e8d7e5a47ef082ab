//! The forms that single values have: a name, a prefix, a path of a package, a variable, a URL. Each takes text and gives
//! the value, or what is wrong with the text and what to do.

use super::read::Wrong;
use crate::base::digest::Digest;
use crate::base::path::{Prefix, RelPath, printable};
use crate::base::words;
use std::path::PathBuf;

/// The longest name of a recipe, in bytes: a proposed prefix of 64 bytes has room for it.
pub(super) const LONGEST_NAME: usize = 40;
/// The longest prefix, in bytes: a `#!` line ends at 127 bytes before Linux 5.1, and a program's name follows.
const LONGEST_PREFIX: usize = 110;
/// Directories of the system, which nothing is built into.
const OF_THE_SYSTEM: [&str; 18] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib64",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/local",
    "/var",
];

type Form<T> = Result<T, Wrong>;

fn shown(text: &str) -> String {
    format!("'{}'", printable(text.as_bytes()))
}

/// Whether text begins with a letter or digit and goes on with these and `more`.
fn is_word(text: &str, more: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric();
    text.as_bytes().first().is_some_and(letter) && text.bytes().all(|byte| letter(&byte) || more.contains(&byte))
}

/// The name of a recipe.
pub(super) fn name(text: &str) -> Form<String> {
    if text.len() > LONGEST_NAME {
        return Err(Wrong::new(format!("it has {} bytes", text.len()), format!("at most {LONGEST_NAME} fit")));
    }
    let wrong = || Wrong::new(format!("{} is no name", shown(text)), "letters, digits, '.', '_', '+' and '-' make one");
    is_word(text, b"._+-").then(|| text.to_owned()).ok_or_else(wrong)
}

/// One line of text without control characters.
pub(super) fn line(text: &str) -> Form<String> {
    let wrong = || Wrong::new(format!("{} has a control character", shown(text)), "write it in one plain line");
    (!text.contains(char::is_control)).then(|| text.to_owned()).ok_or_else(wrong)
}

/// A value of a make variable: one line that a makefile can hold.
pub(super) fn make_value(text: &str) -> Form<String> {
    let found = if text.trim_end().ends_with('\\') {
        "a backslash at its end"
    } else if text.contains("\\#") {
        "a backslash before a '#'"
    } else {
        return line(text);
    };
    Err(Wrong::new(format!("{} has {found}", shown(text)), "mk.conf cannot hold it; write it another way"))
}

/// One line of text with something in it.
pub(super) fn filled(text: &str) -> Form<String> {
    if text.trim().is_empty() {
        return Err(Wrong::new("it is empty", "leave the key out for the default"));
    }
    line(text)
}

/// A path of the machine; a relative one counts from where the recipe lies.
pub(super) fn path(text: &str) -> Form<PathBuf> {
    filled(text).map(PathBuf::from)
}

/// The path of a program, as make can hold it.
pub(super) fn program(text: &str) -> Form<PathBuf> {
    if !text.starts_with('/') {
        return Err(Wrong::new(format!("{} is not absolute", shown(text)), "write its path, such as /bin/bash"));
    }
    holdable(text).map(PathBuf::from)
}

/// A path without the characters that make or libtool cannot hold.
fn holdable(text: &str) -> Form<&str> {
    let cannot =
        |c: char| c.is_control() || c.is_whitespace() || "\"'`$#:;&|<>()[]{}*?!~\\=,%@^".contains(c) || !c.is_ascii();
    match text.chars().find(|c| cannot(*c)) {
        None => Ok(text),
        Some(character) => {
            let what = format!("{} has the character '{}'", shown(text), character.escape_default());
            Err(Wrong::new(
                what,
                "make and libtool cannot hold it in a path; use letters, digits, '.', '_', '+' and '-'",
            ))
        }
    }
}

/// The prefix: absolute, written in the shortest way, of characters that make and libtool can hold.
pub(super) fn prefix(text: &str) -> Form<Prefix> {
    if !text.starts_with('/') {
        return Err(Wrong::new(format!("{} is not absolute", shown(text)), "a prefix begins with /"));
    }
    holdable(text)?;
    let clean = Prefix::new(text.as_bytes())
        .ok_or_else(|| Wrong::new(format!("{} is the root directory", shown(text)), "name a directory below it"))?;
    if clean.as_bytes() != text.as_bytes() {
        let found = format!("{} is not written in the shortest way", shown(text));
        return Err(Wrong::new(found, format!("write {clean}: it is compared byte by byte with what programs hold")));
    }
    if OF_THE_SYSTEM.contains(&text) {
        return Err(Wrong::new(format!("{text} is a directory of the system"), "name a directory of its own below it"));
    }
    if text.len() > LONGEST_PREFIX {
        let help =
            format!("at most {LONGEST_PREFIX}: a first line of a script ends at 127 bytes; 64 are a good length");
        return Err(Wrong::new(format!("it has {} bytes", text.len()), help));
    }
    Ok(clean)
}

/// The directory of a package in a tree, such as `www/nginx`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PkgPath(String);

impl PkgPath {
    /// Takes `category/name`; `None` for anything else.
    pub fn new(text: &str) -> Option<Self> {
        let (category, name) = text.split_once('/')?;
        (is_word(category, b"._+-") && is_word(name, b"._+-")).then(|| Self(text.to_owned()))
    }

    /// The text: `category/name`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the slash.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, name)| name)
    }
}

impl std::fmt::Display for PkgPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path of a package.
pub(super) fn pkgpath(text: &str) -> Form<PkgPath> {
    PkgPath::new(text).ok_or_else(|| {
        let parts: Vec<&str> = text.split('/').filter(|part| is_word(part, b"._+-")).collect();
        let help = match parts.as_slice() {
            [.., category, name] => format!("did you mean '{category}/{name}'?"),
            _ => "write category/name, the package's directory in the tree, such as www/nginx".to_owned(),
        };
        Wrong::new(format!("{} is no path of a package", shown(text)), help)
    })
}

/// The name of a make variable.
pub(super) fn variable(text: &str) -> Form<String> {
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    // `A+=` would be read as adding to A.
    let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte));
    let is_one = begins && letters && !text.ends_with('+');
    let wrong = || {
        Wrong::new(
            format!("{} is no name of a make variable", shown(text)),
            "letters, digits, '_', '.', '+' and '-' make one",
        )
    };
    is_one.then(|| text.to_owned()).ok_or_else(wrong)
}

/// The name of a variable of the environment.
pub(super) fn environment(text: &str) -> Form<String> {
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let is_one = begins && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let wrong = || {
        Wrong::new(format!("{} is no name of an environment variable", shown(text)), "letters, digits and '_' make one")
    };
    is_one.then(|| text.to_owned()).ok_or_else(wrong)
}

/// A package option: `uwsgi` switches it on, `-uwsgi` off.
pub(super) fn option(text: &str) -> Form<String> {
    let wrong = || {
        Wrong::new(
            format!("{} is no option", shown(text)),
            "write its name to switch it on, '-' before it to switch it off",
        )
    };
    is_word(text.strip_prefix('-').unwrap_or(text), b"_.+-").then(|| text.to_owned()).ok_or_else(wrong)
}

/// A sha256 of 64 hexadecimal digits, as sha256sum(1) prints it.
pub(super) fn sha256(text: &str) -> Form<Digest> {
    let wrong =
        || Wrong::new(format!("{} is no sha256", shown(text)), "write the 64 hexadecimal digits that sha256sum prints");
    Digest::from_hex(text).ok_or_else(wrong)
}

/// An http or https address.
pub(super) fn url(text: &str) -> Form<String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        let help =
            if scheme == "ftp" { "most servers have the same files at https://" } else { "write https://HOST/..." };
        return Err(Wrong::new(format!("{} is no http or https address", shown(text)), help));
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return Err(Wrong::new(format!("{} names no host", shown(text)), "write https://HOST/..."));
    }
    if let Some(character) = text.chars().find(|c| c.is_control() || c.is_whitespace() || "\"<>\\^`{}|".contains(*c)) {
        let found = format!("{} has the character '{}'", shown(text), character.escape_default());
        return Err(Wrong::new(found, "write it as %XX"));
    }
    Ok(text.to_owned())
}

/// The path that a `file:` address names.
pub(super) fn file_url(text: &str) -> Form<PathBuf> {
    let wrong = || Wrong::new(format!("{} names no local file", shown(text)), "write file:///PATH, or the path alone");
    let rest = text.strip_prefix("file://").ok_or_else(wrong)?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let decoded = unescape(rest).filter(|path| path.starts_with('/') && !path.contains(char::is_control));
    decoded.map(PathBuf::from).ok_or_else(wrong)
}

/// Text with its `%XX` replaced; `None` where a digit is missing or the bytes are no UTF-8.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' {
            let digits = rest.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = rest.get(2..)?;
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// A path inside the prefix.
pub(super) fn inside(text: &str) -> Form<RelPath> {
    if text.starts_with('/') || text.contains(char::is_control) {
        return Err(Wrong::new(
            format!("{} is no path inside the prefix", shown(text)),
            "write it without the prefix, such as bin/python",
        ));
    }
    RelPath::new(text.as_bytes()).filter(|path| !path.is_root() && path.as_bytes() == text.as_bytes()).ok_or_else(
        || Wrong::new(format!("{} is not written plainly", shown(text)), "leave out '.', '..' and doubled slashes"),
    )
}

/// Words of a command line, as a shell parts them.
pub(super) fn command(text: &str) -> Form<Vec<String>> {
    let quote =
        || Wrong::new(format!("{} has a quote that is not closed", shown(text)), "close it, or write a list of words");
    let words = words::split(text.as_bytes()).ok_or_else(quote)?;
    // What a shell parts off text is text: it parts at ASCII characters only.
    Ok(words.into_iter().map(|word| String::from_utf8_lossy(&word).into_owned()).collect())
}
