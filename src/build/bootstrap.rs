//! From a tree to a prefix that has bmake and the package tools, by the tree's own bootstrap.
//!
//! Takes a [`Request`]; gives a [`Bootstrapped`] prefix, made now, found finished, or unpacked from a kit that an earlier run
//! kept. Everything bootstrap would refuse late or not say clearly is refused before it starts. Bootstrap cannot resume: what
//! a killed run left, known by a record in the work directory and the prefix's inode, is removed and made again. A prefix
//! that is not ours is never touched.

mod error;
mod key;
mod kit;
mod place;
mod record;
mod run;

pub use error::{BootstrapError, Failure, Refusal};

use super::host::{Environment, Toolchain};
use super::tree::Tree;
use super::usage::{Arguments, Lost, Usage, Wanted};
use crate::base::child::Cancel;
use crate::base::digest::Digest;
use crate::base::path::Prefix;
use record::{Record, State};
use std::path::{Path, PathBuf};

/// What is to be bootstrapped.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The tree.
    pub tree: &'a Tree,
    /// Where to.
    pub prefix: &'a Prefix,
    /// Whether the prefix belongs to whoever runs this; needed where that is not root.
    pub unprivileged: bool,
    /// `yes`, `no` or a list; none leaves the tree's default.
    pub prefer_pkgsrc: Option<&'a str>,
    /// The shell that runs bootstrap and is put down in the prefix's mk.conf.
    pub shell: &'a Path,
    /// How many jobs; none leaves the tree's default.
    pub jobs: Option<u32>,
    /// Further options, such as `--abi=64`.
    pub arguments: &'a [String],
    /// The whole environment of bootstrap, without SH.
    pub environment: &'a Environment,
    /// What it is compiled with, for the kit's key.
    pub toolchain: &'a Toolchain,
    /// Where finished prefixes are kept and looked for; none keeps none.
    pub kits: Option<&'a Path>,
    /// The work directory; must be there. Holds `bootstrap/`, `bootstrap.json`, `logs/bootstrap.log`.
    pub work: &'a Path,
}

/// A prefix with bmake and the package tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootstrapped {
    /// How it came about.
    pub how: How,
    /// The key of all it depends on.
    pub key: Digest,
    /// The arguments bootstrap was or would be given, without its name.
    pub arguments: Vec<String>,
    /// Wishes the tree has no option for, and what has to be put into mk.conf in their place.
    pub lost: Vec<Lost>,
    /// The directory of mk.conf.
    pub etc: PathBuf,
}

/// How a prefix came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Bootstrap ran.
    Made,
    /// It was finished by an earlier run.
    Found,
    /// It was unpacked from a kit.
    Unpacked,
}

/// What happens, for whoever watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// What a killed run left is removed.
    Removing(&'a Path),
    /// A kit is unpacked.
    Unpacking(&'a Path),
    /// A kit could not be used, and why; bootstrap runs instead.
    KitRefused(&'a Path, String),
    /// Bootstrap starts; its output goes to this file.
    Running(&'a Path),
    /// A heading of bootstrap's, such as `Bootstrapping bmake`.
    Heading(&'a str),
    /// The prefix was kept as a kit.
    KitKept(&'a Path),
    /// The prefix was not kept as a kit, and why; the build is none the worse.
    KitNotKept(String),
}

/// Takes steps as they happen.
pub type Watch<'a> = &'a dyn Fn(Step<'_>);

/// Reads which options the tree's bootstrap knows, by running it with `--help` in the shell it will have.
pub fn usage(tree: &Tree, shell: &Path, environment: &Environment) -> Result<Usage, BootstrapError> {
    run::usage(tree, shell, environment)
}

/// What is to be bootstrapped, as far as it can be looked at without a shell and a compiler.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The tree.
    pub tree: &'a Tree,
    /// Where to.
    pub prefix: &'a Path,
    /// The work directory.
    pub work: &'a Path,
    /// Whether the prefix belongs to whoever runs this.
    pub unprivileged: bool,
    /// The whole environment of bootstrap.
    pub environment: &'a Environment,
}

impl Site<'_> {
    /// What speaks against it whatever it is made with.
    pub fn refusals(&self) -> Vec<Refusal> {
        let all = place::paths(self).into_iter().chain(place::caller(self));
        all.chain(place::taken(self)).collect()
    }
}

impl Request<'_> {
    /// The arguments bootstrap would be given, without its name; none where one of them is wrong.
    pub fn planned(&self, usage: &Usage) -> Option<Vec<String>> {
        self.arguments(usage).ok().map(|arguments| arguments.list)
    }

    /// Everything that speaks against it, found without changing anything. Nothing where bootstrap can start, or has been.
    pub fn refusals(&self, usage: &Usage) -> Vec<Refusal> {
        self.prepare(usage).err().unwrap_or_default()
    }

    /// The arguments and what the prefix depends on, where nothing speaks against it.
    fn prepare(&self, usage: &Usage) -> Result<(Arguments, Record), Vec<Refusal>> {
        let prefix = self.prefix_path();
        let (unprivileged, environment) = (self.unprivileged, self.environment);
        let site = Site { tree: self.tree, prefix: &prefix, work: self.work, unprivileged, environment };
        let mut refusals = place::paths(&site);
        refusals.extend(place::caller(&site));
        let arguments = match self.arguments(usage) {
            Ok(arguments) if refusals.is_empty() => arguments,
            Ok(_) => return Err(refusals),
            Err(wrong) => {
                refusals.extend(wrong.into_iter().map(Refusal::Argument));
                return Err(refusals);
            }
        };
        let record = key::key(self, &arguments).map_err(|refusal| vec![refusal])?;
        place::occupied(self, &record).map_err(|refusal| vec![refusal])?;
        Ok((arguments, record))
    }

    /// Makes the prefix, finds it made, or unpacks it.
    pub fn run(&self, usage: &Usage, watch: Watch<'_>, cancel: &Cancel) -> Result<Bootstrapped, BootstrapError> {
        let (arguments, record) = self.prepare(usage).map_err(BootstrapError::Refused)?;
        let held = run::hold(self.work)?;
        // Looked at again: whoever held the lock may have finished it.
        let state = place::occupied(self, &record).map_err(|refusal| BootstrapError::Refused(vec![refusal]))?;
        let how = match state {
            State::Finished => How::Found,
            State::Begun => {
                self.clear(watch)?;
                self.make(&record, &arguments, (watch, cancel), held)?
            }
        };
        let etc = self.etc();
        Ok(Bootstrapped { how, key: record.key, arguments: arguments.list, lost: arguments.lost, etc })
    }

    fn make(
        &self,
        record: &Record,
        arguments: &Arguments,
        (watch, cancel): (Watch<'_>, &Cancel),
        held: std::fs::File,
    ) -> Result<How, BootstrapError> {
        let kit = self.kits.map(|kits| kits.join(format!("bootstrap-{}.tar.zst", record.key)));
        let inside = self.is_inside();
        record::begin(self, record)?;
        if let Some(kit) = kit.as_deref().filter(|kit| inside && kit.exists()) {
            watch(Step::Unpacking(kit));
            match self.unpack(kit) {
                Ok(()) => {
                    record::finish(self, record)?;
                    return Ok(How::Unpacked);
                }
                Err(error) => watch(Step::KitRefused(kit, error)),
            }
            self.clear(watch)?;
            record::begin(self, record)?;
        }
        run::run(self, arguments, (watch, cancel), held)?;
        record::finish(self, record)?;
        match (kit, inside) {
            (Some(kit), true) => match kit::keep(&self.prefix_path(), &kit) {
                Ok(()) => watch(Step::KitKept(&kit)),
                Err(error) => watch(Step::KitNotKept(error.to_string())),
            },
            (Some(_), false) => watch(Step::KitNotKept("parts of the bootstrap lie outside of the prefix".to_owned())),
            (None, _) => {}
        }
        Ok(How::Made)
    }

    /// Unpacks a kit into the empty prefix. The record says it has begun: after a kill it is removed and made again.
    fn unpack(&self, kit: &Path) -> Result<(), String> {
        kit::restore(kit, &self.prefix_path()).map_err(|error| error.to_string())?;
        place::is_whole(&self.prefix_path()).map_err(|lacks| format!("it has no {lacks}"))
    }

    /// Removes what a killed run left: the prefix, where the record says that we made it, and bootstrap's own directory.
    fn clear(&self, watch: Watch<'_>) -> Result<(), BootstrapError> {
        for path in record::leftovers(self) {
            watch(Step::Removing(&path));
            crate::base::write::remove_tree(&path).map_err(BootstrapError::Write)?;
        }
        record::forget(self)
    }

    fn arguments(&self, usage: &Usage) -> Result<Arguments, Vec<super::usage::UsageError>> {
        let (prefix, workdir) = (self.prefix.display(), self.workdir());
        let workdir = workdir.to_string_lossy();
        usage.arguments(&Wanted {
            prefix: &prefix,
            workdir: &workdir,
            unprivileged: self.unprivileged,
            prefer_pkgsrc: self.prefer_pkgsrc,
            jobs: self.jobs,
            arguments: self.arguments,
        })
    }

    fn prefix_path(&self) -> PathBuf {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(std::ffi::OsStr::from_bytes(self.prefix.as_bytes()))
    }

    /// Where bootstrap works.
    fn workdir(&self) -> PathBuf {
        self.work.join("bootstrap")
    }

    fn log(&self) -> PathBuf {
        self.work.join("logs/bootstrap.log")
    }

    /// The value of a further option, where it is given.
    fn option(&self, name: &str) -> Option<&str> {
        let values = self.arguments.iter().filter_map(|argument| argument.strip_prefix("--")?.split_once('='));
        values.filter(|(option, _)| *option == name).map(|(_, value)| value).next_back()
    }

    fn etc(&self) -> PathBuf {
        let given = self.option("sysconfdir").or_else(|| self.option("sysconfbase"));
        given.map_or_else(|| self.prefix_path().join("etc"), PathBuf::from)
    }

    /// Whether all that bootstrap makes lies below the prefix. Root's `/usr/pkg` has its database in `/var`.
    fn is_inside(&self) -> bool {
        let prefix = self.prefix_path();
        let moved =
            ["sysconfdir", "sysconfbase", "varbase", "pkgdbdir"].into_iter().filter_map(|name| self.option(name));
        let usual = self.unprivileged || prefix != Path::new("/usr/pkg");
        usual && moved.into_iter().all(|path| Path::new(path).starts_with(&prefix))
    }
}
