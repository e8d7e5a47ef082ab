//! `relocate build`: from a recipe to the archive, proven and tried. The archive gets its name last, when its smoke commands ran.

use super::args::{BuildArgs, Cli, Command, PackArgs, PlaceArgs};
use super::building::Building;
use super::config::Config;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::pack::{self, Usage};
use super::progress::Progress;
use super::sources::Reach;
use super::{check, json, report};
use crate::base::child::Cancel;
use crate::base::digest::Digest;
use crate::base::event::Silent;
use crate::base::finding::{Finding, Severity};
use crate::base::host;
use crate::base::path::Prefix;
use crate::base::write::{Scratch, record};
use crate::build::hold::HoldError;
use crate::build::job::{self, JobError, OneError, Prepared, Staged, Wish};
use crate::build::store::{Store, Weary};
use crate::contents::files_of;
use crate::install::{self, Install};
use crate::pack::{Archive, Limits, copied, digest_beside};
use crate::pipeline::check::{self as tree, Purpose};
use crate::recipe::{Lock, OutputOwner, Recipe};
use crate::verify::smoke::{self, Run, SmokeError};
use clap::Parser as _;
use report::{GREEN, paint, say, talk};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs the command.
pub(super) fn run(args: &BuildArgs) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    work(args).unwrap_or_else(|failure| failure.tell("build", if args.common.json { Json::Stdout } else { Json::None }))
}

/// A recipe and the files that belong to it.
pub(super) struct Read {
    pub(super) recipe: Recipe,
    /// The directory of its file, absolute.
    pub(super) directory: PathBuf,
    lock_file: PathBuf,
    pub(super) lock: Option<Lock>,
    pub(super) work: PathBuf,
    pub(super) distfiles: PathBuf,
    output: PathBuf,
}

fn work(args: &BuildArgs) -> Result<Exit, Failure> {
    let read = read(&args.recipe, &args.places, args.locked)?;
    let owner = Owner::of(&read)?;
    let done = build(args, &read);
    // The one who started the build in a container must be able to read what came out, on failure too.
    let given = owner.map_or(Ok(()), |owner| owner.give(&read));
    let exit = done?;
    given.map(|()| exit)
}

fn build(args: &BuildArgs, read: &Read) -> Result<Exit, Failure> {
    let building = Building::new(args.common.quiet || args.common.json);
    let reach = Reach::of(read, &args.places)?;
    let cache = reach.cache(args.cache.as_deref())?.map(Weary::new);
    let cancel = Cancel::default();
    let tree = reach.tree(read, &building, &cancel)?;
    let wish = Wish {
        cache: cache.as_ref().map(|cache| cache as &dyn Store),
        locked: read.lock.as_ref().filter(|_| args.locked),
        keep_going: args.keep_going,
        wait: !args.no_wait,
        ..reach.wish(read, tree.as_ref(), args.common.jobs, (&building, &cancel))?
    };
    let prepared = job::prepare(&wish).inspect_err(|_| building.end());
    let prepared = prepared.map_err(|error| failure(&error))?;
    if !args.common.quiet {
        talk(&report::findings(&prepared.findings));
    }
    if args.dry_run {
        return Ok(looked(args, &prepared));
    }
    let findings = prepared.findings.clone();
    let staged = prepared.build();
    building.end();
    let staged = staged.map_err(|error| failure(&error))?;
    if !args.locked {
        keep_lock(&read.lock_file, &staged.lock)?;
    }
    finish(args, read, &findings, &staged)
}

fn looked(args: &BuildArgs, prepared: &Prepared<'_>) -> Exit {
    if args.common.json {
        say(&json::build(&prepared.findings, None, &[], &Value::Null, Exit::Done));
    } else {
        say("nothing speaks against it; nothing was built\n");
    }
    Exit::Done
}

/// Reads the recipe, and the lock beside it, which must be there to be held to. What every command that builds begins with.
pub(super) fn read(recipe_file: &Path, places: &PlaceArgs, is_locked: bool) -> Result<Read, Failure> {
    // Before any directory is made: two users with two umasks would get two archives of one recipe.
    host::usual_umask();
    let place = report::place(recipe_file);
    let absolute = |path: &Path| {
        host::absolute(path)
            .map_err(|error| Failure::new(Exit::Environment, format!("{}: {error}", report::place(path))))
    };
    let text = fs::read_to_string(recipe_file).map_err(|error| Usage::new(format!("cannot read {place}: {error}")))?;
    let recipe = Recipe::parse(&text).map_err(|problems| Usage::new(report::problems(recipe_file, &problems)))?;
    let file = absolute(recipe_file)?;
    let directory = file.parent().unwrap_or(Path::new("/")).to_owned();
    let lock_file = file.with_extension("lock");
    let lock = match fs::read_to_string(&lock_file) {
        Ok(text) => Some(Lock::parse(&text).map_err(|problem| Usage::new(report::problems(&lock_file, &[problem])))?),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_locked => None,
        Err(error) => {
            let failure =
                Failure::new(Exit::Environment, format!("cannot read the lock {}: {error}", lock_file.display()));
            return Err(failure.help(Some("run without --locked once, and commit the lock it writes".to_owned())));
        }
    };
    let work = places.work.as_deref().map_or_else(|| default_work(&recipe), absolute)?;
    let distfiles = match (&places.distfiles, &recipe.fetch.distfiles) {
        (Some(typed), _) => absolute(typed)?,
        (None, Some(said)) => absolute(&directory.join(said))?,
        (None, None) => work.join("distfiles"),
    };
    let output = absolute_of_new(&directory.join(&recipe.output.file))?;
    Ok(Read { recipe, directory, lock_file, lock, work, distfiles, output })
}

/// The path of a file that is not there yet, in a directory that is made where it is missing.
fn absolute_of_new(path: &Path) -> Result<PathBuf, Failure> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent)
        .and_then(|()| Ok(fs::canonicalize(parent)?.join(path.file_name().unwrap_or_default())))
        .map_err(|error| Failure::new(Exit::Environment, format!("cannot make {}: {error}", report::place(parent))))
}

/// One directory for each recipe and prefix, so that two recipes do not undo each other's work.
fn default_work(recipe: &Recipe) -> Result<PathBuf, Failure> {
    let digest = Digest::of(recipe.bootstrap.prefix.as_bytes()).to_string();
    let name = format!("{}-{}", recipe.name, &digest[..8]);
    host::cache_directory().map(|cache| cache.join("relocate/build").join(name)).ok_or_else(|| {
        Failure::new(Exit::Environment, "there is no home directory to work in".to_owned())
            .help(Some("name a directory with --work".to_owned()))
    })
}

/// The moment that is written everywhere: what the environment says, else what the lock says, else the tree's own.
pub(super) fn epoch(read: &Read) -> Result<Option<i64>, Failure> {
    let said = host::source_date_epoch()
        .map_err(|found| Usage::new(format!("SOURCE_DATE_EPOCH is '{found}', not a number of seconds")))?;
    Ok(said.or(read.lock.as_ref().map(|lock| lock.source_date_epoch)))
}

fn keep_lock(file: &Path, lock: &Lock) -> Result<(), Failure> {
    let text = lock.to_text();
    if fs::read_to_string(file).is_ok_and(|there| there == text) {
        return Ok(());
    }
    record(file, text.as_bytes()).map_err(|error| Failure::new(Exit::Environment, error.to_string()))
}

/// Packs, proves, tries, and names.
fn finish(args: &BuildArgs, read: &Read, findings: &[Finding], staged: &Staged) -> Result<Exit, Failure> {
    let prefix = PathBuf::from(OsStr::from_bytes(read.recipe.bootstrap.prefix.as_bytes()));
    let ready = read.work.join("ready");
    fs::create_dir_all(&ready).map_err(|error| io_failure("make the directory", &ready, &error))?;
    let archive = ready.join(read.output.file_name().unwrap_or_default());
    let typed: Vec<OsString> =
        ["relocate".as_ref(), "pack".as_ref(), prefix.as_os_str(), "-o".as_ref(), archive.as_os_str()]
            .map(OsStr::to_owned)
            .to_vec();
    let mut pack_args = pack_args(&typed)?;
    Config::of(read.recipe.pack.clone()).add_pack(&mut pack_args);
    pack_args.common.quiet = args.common.quiet;
    pack_args.common.json = args.common.json;
    pack_args.is_step = true;
    pack_args.carried = args.carried;
    pack_args.exclude.extend(unneeded(&prefix, &staged.unneeded)?);
    let exit = pack::run_built(&pack_args, staged.epoch, &typed)?;
    if exit != Exit::Done {
        if exit == Exit::No && !args.common.json {
            talk(
                "note: what the command above adds belongs into [pack] of the recipe: bundle = [...], allow-missing = [...]\n",
            );
        }
        return Ok(exit);
    }
    let mut runs = Vec::new();
    if !try_out(args, read, &archive, &mut runs)? {
        report::error(
            "the archive did not get its name: a smoke command failed",
            Some(&format!("it is kept at {}", archive.display())),
        );
        if args.common.json {
            say(&json::build(findings, Some(staged), &runs, &Value::Null, Exit::No));
        }
        return Ok(Exit::No);
    }
    let published = publish(&archive, &read.output)?;
    if args.common.json {
        let output = json::archive(&published);
        say(&json::build(findings, Some(staged), &runs, &output, Exit::Done));
    }
    if !args.common.quiet && !args.common.json {
        let Archive { path, size, sha256, .. } = &published;
        let (path, size) = (report::place(path), report::bytes(*size));
        say(&format!("{} {path}  {size}\n       sha256 {sha256}\n", paint(GREEN, "ready:")));
    }
    Ok(Exit::Done)
}

fn io_failure(doing: &str, path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Environment, format!("cannot {doing} {}: {error}", report::place(path)))
}

fn pack_args(typed: &[OsString]) -> Result<PackArgs, Failure> {
    let bug = || Failure::new(Exit::Bug, "the main job's own command line is not understood".to_owned());
    match Cli::try_parse_from(typed).map_err(|_| bug())?.command {
        Command::Pack(args) => Ok(*args),
        _ => Err(bug()),
    }
}

/// Globs of the files of packages that nothing requested needs to run.
fn unneeded(prefix: &Path, names: &BTreeSet<String>) -> Result<Vec<String>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let files = files_of(prefix, names).map_err(|error| Failure::new(Exit::Environment, error.to_string()))?;
    Ok(files.iter().filter_map(|file| Some(format!("/{}", globset::escape(file.to_str()?)))).collect())
}

/// Runs the smoke commands in a copy at a fresh path with the prefix hidden. The path is written into the copy where its files
/// have room for it.
fn try_out(args: &BuildArgs, read: &Read, archive: &Path, runs: &mut Vec<Value>) -> Result<bool, Failure> {
    let smoke = &read.recipe.smoke;
    if smoke.commands.is_empty() {
        return Ok(true);
    }
    let scratch =
        Scratch::create("relocate-try-").map_err(|error| Failure::new(Exit::Environment, error.to_string()))?;
    let (root, _copy) = installed(archive, &scratch)?;
    let hidden = [read.recipe.bootstrap.prefix.clone()];
    let mut is_good = true;
    for command in &smoke.commands {
        let command: Vec<OsString> = command.iter().map(OsString::from).collect();
        let timeout = Duration::from_secs(smoke.timeout);
        let observed = match smoke::run(&Run { tree: &root, command: &command, hidden: &hidden, timeout, env: &[] }) {
            Ok(observed) => observed,
            Err(error @ SmokeError::NoProgram { .. }) => {
                report::error(&error.to_string(), None);
                is_good = false;
                continue;
            }
            Err(error) => return Err(Failure::new(Exit::Environment, error.to_string())),
        };
        let is_clean = check::is_clean(&observed);
        is_good &= is_clean;
        if args.common.json {
            runs.push(check::run_json(&command, &observed));
            continue;
        }
        if !args.common.quiet || !is_clean {
            say(&check::run_text(&command, &observed));
        }
    }
    Ok(is_good)
}

fn installed(archive: &Path, scratch: &Scratch) -> Result<(PathBuf, Option<tree::Subject>), Failure> {
    let place = scratch.path().join("tree");
    if let Some(dest) = Prefix::new(place.as_os_str().as_bytes()) {
        let limits = Limits { set_id: true, ..Limits::default() };
        let leave = BTreeSet::new();
        let wanted = Install { archive, dest: &dest, leave: &leave, limits: &limits, dry_run: false };
        if install::archive(&wanted, &Silent).is_ok() {
            return Ok((place, None));
        }
    }
    // A path too long for its strings: tried as tar alone would leave it.
    let subject = tree::open(archive, &Purpose::Run, &Progress::new(true))?;
    Ok((subject.root().to_owned(), Some(subject)))
}

/// Gives the archive and its digest their names, from another file system too.
fn publish(archive: &Path, output: &Path) -> Result<Archive, Failure> {
    let published = copied(archive, output).map_err(|error| Failure::new(Exit::Environment, error.to_string()))?;
    // They have their names; the copies in the work directory are only in the way.
    let _ = fs::remove_file(archive);
    let _ = fs::remove_file(digest_beside(archive));
    Ok(published)
}

/// Whom the output belongs to.
struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    fn of(read: &Read) -> Result<Option<Self>, Failure> {
        match &read.recipe.output.owner {
            None => Ok(None),
            Some(OutputOwner::Ids { uid, gid }) => Ok(Some(Self { uid: *uid, gid: *gid })),
            Some(OutputOwner::Like(directory)) => {
                let directory = read.directory.join(directory);
                let facts =
                    fs::metadata(&directory).map_err(|error| io_failure("read the owner of", &directory, &error))?;
                Ok(Some(Self { uid: facts.uid(), gid: facts.gid() }))
            }
        }
    }

    /// Gives away what a build leaves outside of its work directory: the directory of the output, the archive, its digest, the lock.
    fn give(&self, read: &Read) -> Result<(), Failure> {
        let directory = read.output.parent().unwrap_or(Path::new("/"));
        for path in [directory, &read.output, &digest_beside(&read.output), &read.lock_file] {
            let failed = |error: &io::Error| io_failure("give away", path, error);
            match fs::symlink_metadata(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(&error)),
                Ok(facts) if facts.is_symlink() || (facts.uid(), facts.gid()) == (self.uid, self.gid) => {}
                Ok(_) => chown(path, Some(self.uid), Some(self.gid)).map_err(|error| failed(&error))?,
            }
        }
        Ok(())
    }
}

/// Every error with its own remedy: they have different ones.
fn told(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let told = errors.map(|finding| match &finding.help {
        Some(help) => format!("{}\nhelp: {help}", finding.found),
        None => finding.found.clone(),
    });
    format!("{}\nnothing was begun", told.collect::<Vec<_>>().join("\nerror: "))
}

/// How a job that failed ends.
pub(super) fn failure(error: &JobError) -> Failure {
    let exit = match error {
        JobError::Findings(findings) => {
            let of_recipe = |kind: &str| ["pkgpath", "option", "variable-unread", "licence", "link"].contains(&kind);
            let wrong = findings.iter().filter(|finding| finding.severity == Severity::Error);
            if wrong.clone().all(|finding| of_recipe(&finding.kind)) { Exit::Usage } else { Exit::Environment }
        }
        JobError::Graph(_) | JobError::Build(_) | JobError::Bootstrap(_) => Exit::Build,
        JobError::Settings(_) => Exit::Usage,
        JobError::Drift(_) | JobError::One(OneError::NoSuchKey { .. }) => Exit::No,
        JobError::Hold(HoldError::Taken { .. }) => Exit::InUse,
        _ => Exit::Environment,
    };
    if let JobError::Findings(findings) = error {
        return Failure::new(exit, told(findings));
    }
    Failure::new(exit, error.to_string()).help(error.help())
}
