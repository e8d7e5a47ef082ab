//! The options of one package: by asking make where a prefix exists, else as far as the makefiles say in plain text.

use super::Tree;
use super::makefile::{assignment, includes, logical_lines};
use crate::base::path::printable;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What can be chosen for one package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// The variable that has the choice, such as `PKG_OPTIONS.nginx`; none where the package has no options.
    pub variable: Option<String>,
    /// All that can be chosen.
    pub supported: BTreeSet<String>,
    /// What is on as things are; none where only make could tell.
    pub effective: Option<BTreeSet<String>>,
    /// Whether `supported` is all: false where the makefiles compute some, as read in plain text.
    pub complete: bool,
}

/// Why make did not tell.
#[derive(Debug)]
pub enum OptionsError {
    /// It could not be started.
    Start {
        /// The program.
        bmake: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It failed on the package's makefiles.
    Failed {
        /// The package.
        pkgpath: String,
        /// Its first complaint.
        said: String,
    },
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { bmake, source } => write!(f, "cannot run '{}': {source}", bmake.display()),
            Self::Failed { pkgpath, said } => write!(f, "cannot read the makefiles of {pkgpath}: {said}"),
        }
    }
}

impl std::error::Error for OptionsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start { source, .. } => Some(source),
            Self::Failed { .. } => None,
        }
    }
}

/// How many makefiles of a package are read, one including the next.
const MOST_FILES: usize = 32;

impl Tree {
    /// Asks make, with the prefix's `bmake` and the environment for it: what is supported, and what is on.
    pub fn options_of(
        &self,
        pkgpath: &str,
        bmake: &Path,
        environment: &BTreeMap<OsString, OsString>,
    ) -> Result<Options, OptionsError> {
        let start = |source| OptionsError::Start { bmake: bmake.to_owned(), source };
        // `-V` works with every tree; the target show-options prints sentences, which differ by era.
        let names = ["PKG_OPTIONS_VAR", "PKG_SUPPORTED_OPTIONS", "PKG_OPTIONS"];
        let mut command = Command::new(bmake);
        for name in names {
            command.args(["-V", &format!("${{{name}}}")]);
        }
        command.current_dir(self.path.join(pkgpath)).env_clear().envs(environment).stdin(Stdio::null());
        let ended = command.output().map_err(start)?;
        let text = String::from_utf8_lossy(&ended.stdout);
        let lines: Vec<_> = text.lines().collect();
        if !ended.status.success() || lines.len() != 3 {
            let said = String::from_utf8_lossy(&ended.stderr);
            let said = said.lines().chain(lines.iter().copied()).find(|line| !line.trim().is_empty());
            let said = printable(said.unwrap_or("make said nothing").as_bytes()).into_owned();
            return Err(OptionsError::Failed { pkgpath: pkgpath.to_owned(), said });
        }
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>();
        let variable = Some(lines[0].trim().to_owned()).filter(|name| !name.is_empty());
        Ok(Options { variable, supported: words(lines[1]), effective: Some(words(lines[2])), complete: true })
    }

    /// Reads the package's makefiles as text, and those of other packages that they include. Conditions are not judged:
    /// what any branch supports is taken.
    pub fn options_written(&self, pkgpath: &str) -> Options {
        let mut options = Options { complete: true, ..Options::default() };
        let mut ahead = vec![format!("{pkgpath}/options.mk"), format!("{pkgpath}/Makefile")];
        let mut seen = BTreeSet::new();
        while let Some(file) = ahead.pop() {
            if seen.len() == MOST_FILES || !seen.insert(file.clone()) {
                continue;
            }
            // One that is missing is one a condition leaves out, or make will say so.
            let Ok(bytes) = fs::read(self.path.join(&file)) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            for line in logical_lines(&text) {
                take(&line, &mut options);
            }
            ahead.extend(includes(&text, &file).into_iter().filter(|file| is_of_a_package(file)));
        }
        options
    }
}

/// The tree's own machinery has no package's options, and buildlink3.mk files lead to other packages.
pub(super) fn is_of_a_package(file: &str) -> bool {
    !file.starts_with("mk/") && !file.ends_with("/buildlink3.mk") && !file.ends_with("/builtin.mk")
}

fn take(line: &str, options: &mut Options) {
    let Some((name, value)) = assignment(line) else { return };
    let listed = name == "PKG_SUPPORTED_OPTIONS"
        || name.starts_with("PKG_OPTIONS_GROUP.")
        || name.starts_with("PKG_OPTIONS_SET.");
    if name == "PKG_OPTIONS_VAR" && !value.contains('$') {
        options.variable = Some(value.to_owned());
    } else if listed {
        let (computed, plain): (Vec<_>, Vec<_>) = value.split_whitespace().partition(|word| word.contains('$'));
        options.complete &= computed.is_empty();
        options.supported.extend(plain.into_iter().map(str::to_owned));
    }
}
