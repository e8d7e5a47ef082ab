//! `[keep]`, `[smoke]` and `[output]`: what is left of a build, how it is tried, and where it goes.

use super::form;
use super::read::{Item, Problems, Section, Wrong};
use std::path::PathBuf;

/// The time one smoke command has where the recipe says nothing, in seconds.
const TIMEOUT: u64 = 60;

/// `[keep]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keep {
    /// Only the packages that were asked for, and what they need to run, stay in the prefix.
    pub requested_only: bool,
}

/// `[smoke]`: programs of the result, run at a fresh path with the prefix hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smoke {
    /// Each a program, relative to the prefix, and its arguments; never empty.
    pub commands: Vec<Vec<String>>,
    /// How long each may run, in seconds.
    pub timeout: u64,
}

/// The kind of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Not compressed.
    Tar,
    /// gzip.
    TarGz,
    /// Zstandard.
    TarZst,
}

impl Format {
    /// The word that a recipe has for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::TarGz => "tar.gz",
            Self::TarZst => "tar.zst",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        match word {
            "tar" => Some(Self::Tar),
            "tar.gz" | "tgz" => Some(Self::TarGz),
            "tar.zst" => Some(Self::TarZst),
            _ => None,
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        ["tar", "tar.gz", "tgz", "tar.zst"]
            .into_iter()
            .find(|word| name.strip_suffix(word).is_some_and(|stem| stem.ends_with('.')))
            .and_then(Self::from_word)
    }
}

/// Whom the directory of the output and what is in it belong to afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputOwner {
    /// The owner and group of a directory; a relative path counts from where the recipe lies.
    Like(PathBuf),
    /// A user and a group by number.
    Ids {
        /// The user.
        uid: u32,
        /// The group.
        gid: u32,
    },
}

/// `[output]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The archive; a relative path counts from where the recipe lies.
    pub file: PathBuf,
    /// Its kind.
    pub format: Format,
    /// Whom it is given to, also where the build failed; `None`: it stays the builder's.
    pub owner: Option<OutputOwner>,
}

pub(super) fn keep(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Keep {
    Keep { requested_only: section.flag("requested-only", problems).unwrap_or(false) }
}

pub(super) fn smoke(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Smoke {
    let list = section.item("commands");
    let commands = list.map(|item| commands(&item, problems)).unwrap_or_default();
    Smoke { commands, timeout: section.number("timeout", 1..=86_400, problems).unwrap_or(TIMEOUT) }
}

fn commands(item: &Item<'_>, problems: &mut Problems<'_>) -> Vec<Vec<String>> {
    let list = item.list();
    if list.is_empty() {
        item.wrong(Wrong::new("the list is empty", "write commands, or leave [smoke] out"), problems);
    }
    let read = |item: &Item<'_>| {
        let words = if item.is_list() {
            item.list().iter().map(|word| word.text(problems, argument)).collect::<Option<Vec<_>>>()?
        } else {
            item.text(problems, form::command)?
        };
        match program(&words) {
            Ok(()) => Some(words),
            Err(wrong) => {
                item.wrong(wrong, problems);
                None
            }
        }
    };
    list.iter().filter_map(read).collect()
}

/// Any text but a NUL byte can be an argument.
fn argument(text: &str) -> Result<String, Wrong> {
    let wrong = || Wrong::new("it has a NUL byte", "no program can be given one");
    (!text.contains('\0')).then(|| text.to_owned()).ok_or_else(wrong)
}

/// The first word must name a program inside the prefix.
fn program(words: &[String]) -> Result<(), Wrong> {
    let Some(program) = words.first() else {
        return Err(Wrong::new("there is no program to run", "write one, such as \"bin/nginx -V\""));
    };
    words.iter().try_for_each(|word| argument(word).map(|_| ()))?;
    form::inside(program).map(|_| ())
}

pub(super) fn output(section: &mut Section<'_>, problems: &mut Problems<'_>, name: &str) -> Output {
    let file = section.item("file");
    let path = file.as_ref().and_then(|item| item.text(problems, archive));
    let path = path.unwrap_or_else(|| PathBuf::from(format!("{name}.tar.gz")));
    let named = path.file_name().and_then(|name| Format::from_name(&name.to_string_lossy()));
    let word = section.item("format");
    let said = word.as_ref().and_then(|item| item.text(problems, format));
    if let (Some(said), Some(named), Some(item)) = (said, named, &word)
        && said != named
    {
        let found = format!("it is '{}', and the name of the file says {}", said.word(), named.word());
        item.wrong(Wrong::new(found, "leave it out, or give the file another ending"), problems);
    }
    if let (None, None, Some(item)) = (&word, named, &file) {
        let help = "end it in .tar, .tar.gz, .tgz or .tar.zst, or add format";
        item.wrong(Wrong::new("the name does not say what to write", help), problems);
    }
    Output {
        file: path,
        format: said.or(named).unwrap_or(Format::TarGz),
        owner: section.text("owner", problems, owner),
    }
}

/// The path of a file, not of a directory.
fn archive(text: &str) -> Result<PathBuf, Wrong> {
    let path = form::path(text)?;
    if text.ends_with('/') || path.file_name().is_none() {
        return Err(Wrong::new(format!("'{text}' is no name of a file"), "name the archive to write"));
    }
    Ok(path)
}

fn format(text: &str) -> Result<Format, Wrong> {
    let wrong = || {
        Wrong::new(format!("there is no format '{}'", text.escape_debug()), "the formats are tar, tar.gz and tar.zst")
    };
    Format::from_word(text).ok_or_else(wrong)
}

/// `like:DIR` or `UID:GID`.
fn owner(text: &str) -> Result<OutputOwner, Wrong> {
    if let Some(dir) = text.strip_prefix("like:") {
        return form::path(dir).map(OutputOwner::Like);
    }
    let ids = text.split_once(':').and_then(|(uid, gid)| Some((number(uid)?, number(gid)?)));
    let wrong = || {
        Wrong::new(
            format!("'{}' is no owner", text.escape_debug()),
            "write like:DIR for that directory's, or numbers as in 1000:1000",
        )
    };
    ids.map(|(uid, gid)| OutputOwner::Ids { uid, gid }).ok_or_else(wrong)
}

/// Digits alone: `+1` is no user. The highest number means "no change" to chown(2).
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|number| *number != u32::MAX)
}
