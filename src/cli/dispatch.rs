//! `relocate ./root` means `relocate pack ./root`; a mistyped command never means a directory.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

/// The commands of this version.
const COMMANDS: [&str; 9] = ["pack", "check", "install", "fix", "verify", "elf", "inspect", "audit", "demo"];
/// Words that are kept for commands this version does not have.
const LATER: [&str; 14] = [
    "build", "init", "publish", "repo", "promote", "retire", "update", "rollback", "releases", "import", "deploy",
    "self", "wrapper", "exec",
];

/// A first argument that is neither a command nor a directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownCommand {
    word: String,
}

impl fmt::Display for UnknownCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = &self.word;
        if LATER.contains(&word.as_str()) {
            write!(f, "'{word}' is not part of this version")
        } else {
            write!(f, "'{word}' is neither a command nor a directory here")
        }
    }
}

impl UnknownCommand {
    pub(super) fn help(&self) -> Option<String> {
        if LATER.contains(&self.word.as_str()) {
            return Some(format!(
                "the commands are {}; a directory of that name is ./{}",
                COMMANDS.join(", "),
                self.word
            ));
        }
        let near = COMMANDS.iter().map(|command| (distance(command, &self.word), command)).min()?;
        Some(if near.0 <= 2 {
            format!("did you mean 'relocate {}'?", near.1)
        } else {
            format!("the commands are {}; or name the prefix to pack", COMMANDS.join(", "))
        })
    }
}

/// Puts `pack` in where the command line begins with a directory or an option of the main job.
pub(super) fn with_command(mut arguments: Vec<OsString>) -> Result<Vec<OsString>, UnknownCommand> {
    let Some(first) = arguments.get(1) else { return Ok(arguments) };
    let text = first.to_string_lossy().into_owned();
    let is_command = COMMANDS.contains(&text.as_str());
    let is_general = ["-h", "--help", "-V", "--version"].contains(&text.as_str());
    if is_command || is_general {
        return Ok(arguments);
    }
    let is_place = !LATER.contains(&text.as_str())
        && (text.contains('/') || text == "." || text == ".." || Path::new(first).exists());
    if text.starts_with('-') || is_place {
        arguments.insert(1, OsString::from("pack"));
        return Ok(arguments);
    }
    Err(UnknownCommand { word: text })
}

/// Levenshtein distance, for near misses.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(words: &[&str]) -> Vec<OsString> {
        std::iter::once("relocate").chain(words.iter().copied()).map(OsString::from).collect()
    }

    #[test]
    fn a_directory_means_the_main_job() {
        assert_eq!(with_command(typed(&["./root", "-o", "x"])).unwrap(), typed(&["pack", "./root", "-o", "x"]));
        assert_eq!(with_command(typed(&["--dry-run", "./root"])).unwrap(), typed(&["pack", "--dry-run", "./root"]));
        assert_eq!(with_command(typed(&["check", "./root"])).unwrap(), typed(&["check", "./root"]));
    }

    #[test]
    fn a_mistyped_command_is_never_a_directory() {
        let unknown = with_command(typed(&["chekc", "./root"])).unwrap_err();
        assert_eq!(unknown.help().unwrap(), "did you mean 'relocate check'?");
        let later = with_command(typed(&["build", "x.toml"])).unwrap_err();
        assert_eq!(later.to_string(), "'build' is not part of this version");
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("check", "check"), 0);
        assert_eq!(distance("check", "chekc"), 2);
        assert_eq!(distance("", "abc"), 3);
    }
}
