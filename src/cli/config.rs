//! `relocate.toml`: the options of the main job, kept beside the tree. What is typed wins; lists add up.

use super::args::{LawArgs, PackArgs, TagArg};
use super::report;
use crate::recipe::{Pack, RecipeError, TagWord};
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The name of the file that is looked for beside ROOT.
const NAME: &str = "relocate.toml";
/// The file, understood.
#[derive(Debug, Default)]
pub(super) struct Config(Pack);

/// Why the file cannot be used.
#[derive(Debug)]
pub(super) enum ConfigError {
    Read(PathBuf, io::Error),
    Wrong(PathBuf, Vec<RecipeError>),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "cannot read {}: {error}", report::place(path)),
            Self::Wrong(path, problems) => f.write_str(&report::problems(path, problems)),
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
        Pack::parse(&text).map(Self).map_err(|problems| ConfigError::Wrong(path.to_owned(), problems))
    }

    /// Adds what the file says about what a result may need.
    pub(super) fn add_law(&self, law: &mut LawArgs) {
        law.allow_lib.extend_from_slice(&self.0.allow_lib);
        law.allow_missing.extend_from_slice(&self.0.allow_missing);
        law.allow_link.extend_from_slice(&self.0.allow_link);
        law.allow_old_path.extend_from_slice(&self.0.allow_old_path);
        law.target = law.target.take().or_else(|| self.0.target.clone());
    }

    /// The build directories the file names, as typed ones come first.
    pub(super) fn build_dirs(&self, typed: &[OsString]) -> Vec<OsString> {
        typed.iter().cloned().chain(self.0.build_dir.iter().map(OsString::from)).collect()
    }

    /// Adds what the file says to what was typed for the main job.
    pub(super) fn add_pack(&self, args: &mut PackArgs) {
        self.add_law(&mut args.law);
        if args.old_prefix.is_empty() {
            args.old_prefix = self.0.old_prefix.iter().map(OsString::from).collect();
        }
        args.tag = args.tag.or(self.0.tag.map(tag));
        args.exclude.extend_from_slice(&self.0.exclude);
        args.prune.extend_from_slice(&self.0.prune);
        args.strip |= self.0.strip;
        args.keep_la |= self.0.keep_la;
        args.build_dir = self.build_dirs(&args.build_dir);
        args.dest = args.dest.take().or_else(|| self.0.dest.clone().map(OsString::from));
        args.skip.extend_from_slice(&self.0.skip);
        args.bundle.extend_from_slice(&self.0.bundle);
        args.copy_link.extend_from_slice(&self.0.copy_link);
        args.drop_setuid |= self.0.drop_setuid;
        let archive = &mut args.archive;
        archive.top_dir = archive.top_dir.take().or_else(|| self.0.top_dir.as_ref().map(OsString::from));
        archive.owner = archive.owner.take().or_else(|| self.0.owner.clone());
        archive.chmod = archive.chmod.take().or_else(|| self.0.chmod.clone());
        archive.level = archive.level.or(self.0.level);
    }
}

fn tag(word: TagWord) -> TagArg {
    match word {
        TagWord::Runpath => TagArg::Runpath,
        TagWord::Rpath => TagArg::Rpath,
    }
}
