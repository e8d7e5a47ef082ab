//! `relocate.toml`: the options of the main job, kept beside the tree. What is typed wins; lists add up.

use super::args::{LawArgs, PackArgs, TagArg};
use crate::base::near;
use serde::Deserialize;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The name of the file that is looked for beside ROOT.
const NAME: &str = "relocate.toml";
/// Every key there is.
const KEYS: [&str; 21] = [
    "old-prefix",
    "tag",
    "exclude",
    "prune",
    "strip",
    "keep-la",
    "dest",
    "skip",
    "bundle",
    "copy-link",
    "drop-setuid",
    "allow-lib",
    "allow-missing",
    "allow-link",
    "allow-old-path",
    "build-dir",
    "target",
    "top-dir",
    "owner",
    "chmod",
    "level",
];

/// The file, understood.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Config {
    old_prefix: Vec<String>,
    tag: Option<TagArg>,
    exclude: Vec<String>,
    prune: Vec<String>,
    strip: bool,
    keep_la: bool,
    dest: Option<String>,
    skip: Vec<String>,
    bundle: Vec<String>,
    copy_link: Vec<String>,
    drop_setuid: bool,
    allow_lib: Vec<String>,
    allow_missing: Vec<String>,
    allow_link: Vec<String>,
    allow_old_path: Vec<String>,
    build_dir: Vec<String>,
    target: Option<String>,
    top_dir: Option<String>,
    owner: Option<String>,
    chmod: Option<String>,
    level: Option<i32>,
}

/// Why the file cannot be used.
#[derive(Debug)]
pub(super) enum ConfigError {
    Read(PathBuf, io::Error),
    Syntax(PathBuf, toml::de::Error),
    UnknownKey(PathBuf, String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::Syntax(path, error) => write!(f, "{}: {}", path.display(), error.to_string().trim_end()),
            Self::UnknownKey(path, key) => {
                write!(f, "{}: there is no key '{key}'", path.display())?;
                near::nearest(key, KEYS).map_or(Ok(()), |near| write!(f, "; did you mean '{near}'?"))
            }
        }
    }
}

impl Config {
    /// Reads the file given, else the one beside ROOT where there is one.
    pub(super) fn find(given: Option<&Path>, root: &Path) -> Result<Self, ConfigError> {
        if let Some(path) = given {
            return Self::read(path);
        }
        let beside = fs::canonicalize(root).ok().and_then(|root| Some(root.parent()?.join(NAME)));
        beside.filter(|path| path.is_file()).map_or_else(|| Ok(Self::default()), |path| Self::read(&path))
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|error| ConfigError::Read(path.to_owned(), error))?;
        let syntax = |error| ConfigError::Syntax(path.to_owned(), error);
        let table: toml::Table = text.parse().map_err(syntax)?;
        if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(ConfigError::UnknownKey(path.to_owned(), key.clone()));
        }
        toml::from_str(&text).map_err(syntax)
    }

    /// Adds what the file says about what a result may need.
    pub(super) fn add_law(&self, law: &mut LawArgs) {
        law.allow_lib.extend_from_slice(&self.allow_lib);
        law.allow_missing.extend_from_slice(&self.allow_missing);
        law.allow_link.extend_from_slice(&self.allow_link);
        law.allow_old_path.extend_from_slice(&self.allow_old_path);
        law.target = law.target.take().or_else(|| self.target.clone());
    }

    /// The build directories the file names, as typed ones come first.
    pub(super) fn build_dirs(&self, typed: &[OsString]) -> Vec<OsString> {
        typed.iter().cloned().chain(self.build_dir.iter().map(OsString::from)).collect()
    }

    /// Adds what the file says to what was typed for the main job.
    pub(super) fn add_pack(&self, args: &mut PackArgs) {
        self.add_law(&mut args.law);
        if args.old_prefix.is_empty() {
            args.old_prefix = self.old_prefix.iter().map(OsString::from).collect();
        }
        args.tag = args.tag.or(self.tag);
        args.exclude.extend_from_slice(&self.exclude);
        args.prune.extend_from_slice(&self.prune);
        args.strip |= self.strip;
        args.keep_la |= self.keep_la;
        args.build_dir = self.build_dirs(&args.build_dir);
        args.dest = args.dest.take().or_else(|| self.dest.clone().map(OsString::from));
        args.skip.extend_from_slice(&self.skip);
        args.bundle.extend_from_slice(&self.bundle);
        args.copy_link.extend_from_slice(&self.copy_link);
        args.drop_setuid |= self.drop_setuid;
        let archive = &mut args.archive;
        archive.top_dir = archive.top_dir.take().or_else(|| self.top_dir.as_ref().map(OsString::from));
        archive.owner = archive.owner.take().or_else(|| self.owner.clone());
        archive.chmod = archive.chmod.take().or_else(|| self.chmod.clone());
        archive.level = archive.level.or(self.level);
    }
}
