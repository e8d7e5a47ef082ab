//! Which packages have known vulnerabilities: takes the list that pkgsrc publishes, checks its own sums, and compares patterns with
//! the packages as `pkg_admin audit` does. A list of another format, or one that was cut short, is refused: it would say that all
//! is well. Sources: pkg_admin(1), and how pkg_install reads the list (lib/vulnerabilities-file.c).

use super::package::{Kind, Package};
use pkgsrc::pattern::Pattern;
use serde::Serialize;
use sha1::Sha1;
use sha2::{Digest as _, Sha512};
use std::fmt;

/// Where a clear-signed message begins, and its signature.
const MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";
/// The other kind of signature a list may carry, behind its lines.
const PKCS7: &str = "-----BEGIN PKCS7-----";
/// The class of packages nobody maintains any more; `pkg_admin` keeps silent of it unless asked.
const END_OF_LIFE: &str = "eol";

/// A list, read.
#[derive(Debug)]
pub struct List {
    entries: Vec<Entry>,
    /// Whether it is a clear-signed message; who signed it is not looked at here.
    pub is_signed: bool,
    /// The sums it carries that were checked: `SHA1`, `SHA512`.
    pub sums: Vec<&'static str>,
}

#[derive(Debug)]
struct Entry {
    pattern: Pattern,
    class: String,
    url: String,
}

/// One package that is vulnerable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Match {
    /// The package's full name.
    pub package: String,
    /// The class of the vulnerability, such as `denial-of-service`.
    pub class: String,
    /// Where it is described.
    pub url: String,
    /// The pattern of the list that it meets.
    pub pattern: String,
}

/// Why a list cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub enum ListError {
    /// It is not text, or has no `#FORMAT` line before its first entry.
    NotAList,
    /// Its format is another.
    Format(String),
    /// A line that is no entry: its number, from 1, and what is wrong.
    Line(usize, &'static str),
    /// A sum it carries is not that of its lines.
    Sum(&'static str),
    /// It is cut short: the last line has no end, or the signature is missing.
    Cut,
    /// Text stands outside the signed part.
    Outside,
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAList => write!(f, "this is no list of vulnerabilities: it does not begin with '#FORMAT 1.1.0'"),
            Self::Format(found) => write!(f, "the list is of format {found}; 1.1.0 is known"),
            Self::Line(number, wrong) => write!(f, "line {number} {wrong}"),
            Self::Sum(kind) => {
                write!(f, "the {kind} sum that the list carries is not that of its lines; fetch it again")
            }
            Self::Cut => write!(f, "the list is cut short; fetch it again"),
            Self::Outside => write!(f, "text stands outside the signed part of the list; do not use it"),
        }
    }
}

impl std::error::Error for ListError {}

impl List {
    /// Reads a list, which is no longer compressed.
    pub fn parse(bytes: &[u8]) -> Result<Self, ListError> {
        let text = str::from_utf8(bytes).map_err(|_| ListError::NotAList)?;
        if text.contains('\0') {
            return Err(ListError::NotAList);
        }
        if !text.is_empty() && !text.ends_with('\n') {
            return Err(ListError::Cut);
        }
        let (lines, is_signed) = signed_part(text)?;
        let mut list = Self { entries: Vec::new(), is_signed, sums: Vec::new() };
        let mut has_format = false;
        for &(number, line) in &lines {
            if is_skipped(line) {
                continue;
            }
            if let Some(format) = directive(line, "#FORMAT") {
                has_format = format == "1.1.0" && !has_format;
                if !has_format {
                    return Err(ListError::Format(format.to_owned()));
                }
            } else if !has_format {
                return Err(ListError::NotAList);
            } else if let Some(sum) = directive(line, "#CHECKSUM") {
                list.sums.extend(
                    check(&lines, sum)
                        .map_err(|kind| kind.map_or(ListError::Line(number, "is no sum"), ListError::Sum))?,
                );
            } else if !line.starts_with('#') {
                list.entries.push(Entry::parse(line).map_err(|wrong| ListError::Line(number, wrong))?);
            }
        }
        if has_format { Ok(list) } else { Err(ListError::NotAList) }
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The packages of the database that entries match, sorted. Wheels are not looked at: the list knows the names of pkgsrc.
    /// Entries of `ignored` (their URLs) and, unless `end_of_life`, of the class `eol` do not count.
    pub fn matches(&self, packages: &[Package], ignored: &[String], end_of_life: bool) -> Vec<Match> {
        let counted = |entry: &&Entry| (end_of_life || entry.class != END_OF_LIFE) && !ignored.contains(&entry.url);
        let names: Vec<String> =
            packages.iter().filter(|package| package.kind == Kind::Pkgsrc).map(Package::full_name).collect();
        let mut found: Vec<Match> = Vec::new();
        for entry in self.entries.iter().filter(counted) {
            for name in names.iter().filter(|name| entry.pattern.matches(name)) {
                found.push(Match {
                    package: name.clone(),
                    class: entry.class.clone(),
                    url: entry.url.clone(),
                    pattern: entry.pattern.pattern().to_owned(),
                });
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

impl Entry {
    fn parse(line: &str) -> Result<Self, &'static str> {
        let mut words = line.split_whitespace();
        let pattern = words.next().ok_or("is empty")?;
        let class = words.next().ok_or("has no class")?;
        let url = words.next().ok_or("has no address")?;
        let pattern = Pattern::new(pattern).map_err(|_| "has a pattern that is none")?;
        Ok(Self { pattern, class: class.to_owned(), url: url.to_owned() })
    }
}

/// A line and its number, from 1.
type Line<'a> = (usize, &'a str);

/// The lines that count, with their numbers from 1, and whether they are those of a clear-signed message. In one, a line that
/// begins with a dash is written behind `- ` (RFC 9580, section 7.2).
fn signed_part(text: &str) -> Result<(Vec<Line<'_>>, bool), ListError> {
    let lines: Vec<Line<'_>> = text.lines().enumerate().map(|(at, line)| (at + 1, line)).collect();
    let position = |marker: &str| lines.iter().position(|(_, line)| *line == marker);
    let Some(begin) = position(MESSAGE) else {
        let end = position(PKCS7).unwrap_or(lines.len());
        return Ok((lines[..end].to_vec(), false));
    };
    let signature = position(SIGNATURE).ok_or(ListError::Cut)?;
    let end = position(END).ok_or(ListError::Cut)?;
    let is_ordered = begin < signature && signature < end;
    let is_once = lines.iter().filter(|(_, line)| [MESSAGE, SIGNATURE, END].contains(line)).count() == 3;
    let is_blank = |lines: &[Line<'_>]| lines.iter().all(|(_, line)| line.trim().is_empty());
    let after = lines.get(end + 1..).unwrap_or_default();
    let is_alone =
        is_blank(&lines[..begin]) && (is_blank(after) || after.first().is_some_and(|(_, line)| *line == PKCS7));
    if !is_ordered || !is_once || !is_alone {
        return Err(ListError::Outside);
    }
    let inside =
        lines[begin + 1..signature].iter().map(|(number, line)| (*number, line.strip_prefix("- ").unwrap_or(line)));
    Ok((inside.collect(), true))
}

/// Lines that neither count for a sum nor mean anything.
fn is_skipped(line: &str) -> bool {
    line.is_empty() || line.starts_with("Hash:") || line.starts_with("# $NetBSD") || is_comment(line)
}

fn is_comment(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

fn directive<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(name)?;
    rest.starts_with(char::is_whitespace).then(|| rest.trim())
}

/// Checks a `#CHECKSUM`: none where its kind is not known, as pkg_admin does. Fails with the kind that does not fit, or without
/// one where the line has no sum.
fn check(lines: &[Line<'_>], sum: &str) -> Result<Option<&'static str>, Option<&'static str>> {
    let (kind, wanted) = sum.split_once(char::is_whitespace).ok_or(None)?;
    let counted = || {
        let is_left_out = |line: &str| {
            line.is_empty()
                || line.starts_with("Hash:")
                || line.starts_with("# $NetBSD")
                || line.starts_with("#CHECKSUM")
        };
        lines.iter().map(|(_, line)| *line).filter(move |line| !is_left_out(line))
    };
    let (kind, found) = match kind {
        "SHA1" => (
            "SHA1",
            hex(&counted().fold(Sha1::new(), |sum, line| sum.chain_update(line).chain_update("\n")).finalize()),
        ),
        "SHA512" => (
            "SHA512",
            hex(&counted().fold(Sha512::new(), |sum, line| sum.chain_update(line).chain_update("\n")).finalize()),
        ),
        _ => return Ok(None),
    };
    if found == wanted.trim() { Ok(Some(kind)) } else { Err(Some(kind)) }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
