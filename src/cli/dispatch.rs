//! `relocate ./root` means `relocate pack ./root`; a mistyped command never means a directory.

use crate::base::near;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

/// The commands of this version.
const COMMANDS: [&str; 28] = [
    "pack",
    "check",
    "install",
    "fix",
    "verify",
    "elf",
    "inspect",
    "audit",
    "init",
    "build",
    "fetch",
    "plan",
    "build-one",
    "publish",
    "promote",
    "retire",
    "repo",
    "demo",
    "update",
    "rollback",
    "releases",
    "pin",
    "exec",
    "import",
    "deploy",
    "serve-deploy",
    "self",
    "wrapper",
];

/// A first argument that is neither a command nor a directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownCommand {
    word: String,
}

impl fmt::Display for UnknownCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is neither a command nor a directory here", self.word)
    }
}

impl UnknownCommand {
    pub(super) fn help(&self) -> String {
        near::nearest(&self.word, COMMANDS).map_or_else(
            || format!("the commands are {}; or name the prefix to pack", COMMANDS.join(", ")),
            |near| format!("did you mean 'relocate {near}'?"),
        )
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
    let is_place = text.contains('/') || text == "." || text == ".." || Path::new(first).exists();
    if text.starts_with('-') || is_place {
        arguments.insert(1, OsString::from("pack"));
        return Ok(arguments);
    }
    Err(UnknownCommand { word: text })
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
        assert_eq!(unknown.help(), "did you mean 'relocate check'?");
        assert_eq!(unknown.to_string(), "'chekc' is neither a command nor a directory here");
    }
}
