//! `relocate ROOT`: the main job, from what was typed to the exit code.

use super::args::{PackArgs, TagArg};
use super::config::Config;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::progress::Progress;
use super::summary::{self, Written};
use super::{output, report};
use crate::base::glob::Globs;
use crate::base::host;
use crate::base::mode::Chmod;
use crate::base::path::{Prefix, RelPath};
use crate::base::write::NewFile;
use crate::elf::{self, Kind, Read};
use crate::loader::object::Tag;
use crate::pack::Options;
use crate::pipeline::{self, Job, JobError, Owner, Prepared, archive, in_place, tree};
use crate::scan::Prune;
use crate::verify::judge::Law;
use output::Output;
use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A command line that is not understood: what is wrong, and what to do.
pub(super) struct Usage(pub(super) String, pub(super) Option<String>);

impl Usage {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into(), None)
    }
}

/// Runs the main job.
pub(super) fn run(args: &PackArgs, typed: &[OsString]) -> Exit {
    report::colour(args.common.color);
    set_jobs(args.common.jobs);
    let understood = Config::find(args.law.config.as_deref(), &args.root)
        .map_err(|error| Usage::new(error.to_string()))
        .and_then(|config| {
            let mut args = args.clone();
            config.add_pack(&mut args);
            let job = job(&args)?;
            let output = Output::of(&args)?;
            Ok((args, job, output))
        });
    let to = match (args.common.json, args.output.as_ref().is_some_and(|output| output == "-")) {
        (false, _) => Json::None,
        (true, false) => Json::Stdout,
        (true, true) => Json::Stderr,
    };
    let done = understood
        .map_err(Failure::from)
        .and_then(|(args, job, output)| carry_out(&args, &job, &output, typed).map_err(Failure::from));
    done.unwrap_or_else(|failure| failure.tell("pack", to))
}

/// Sets the number of threads.
pub(super) fn set_jobs(jobs: Option<u16>) {
    let threads = jobs.map_or_else(host::processors, usize::from);
    // The pool can be built once in a process; a second command in one process keeps the first's.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
}

/// Runs the main job over a tree that was just built: with what its recipe says, and no file later than `epoch`.
pub(super) fn run_built(args: &PackArgs, epoch: i64, typed: &[OsString]) -> Result<Exit, Failure> {
    let job = Job { source_date_epoch: Some(epoch), ..job(args)? };
    Ok(carry_out(args, &job, &Output::of(args)?, typed)?)
}

fn carry_out(args: &PackArgs, job: &Job, output: &Output, typed: &[OsString]) -> Result<Exit, JobError> {
    let progress = Progress::new(args.common.quiet || args.common.json);
    if matches!(output, Output::InPlace) && !args.dry_run {
        in_place::resume(&job.root)?;
    }
    // The process ends after this. Giving back the memory of a large tree piece by piece would only take time.
    let prepared = ManuallyDrop::new(pipeline::prepare(job, &progress)?);
    let stop = if !prepared.refused().is_empty() {
        Some(Exit::Refused)
    } else if prepared.is_hopeless() && !args.unproven {
        Some(Exit::No)
    } else {
        None
    };
    if stop.is_some() || args.dry_run {
        let exit = stop.unwrap_or(Exit::Done);
        summary::print(args, job, &prepared, (&prepared.expected, None), None, exit, typed);
        return Ok(exit);
    }
    let (verdict, left, written) = match output {
        Output::InPlace => (in_place::apply(job, &prepared, &progress)?, None, Written::InPlace),
        Output::Tree(path) => {
            let path = if prepared.is_hopeless() { output::unproven(path) } else { path.clone() };
            let (verdict, left) = tree::write(job, &prepared, &path, &progress)?;
            (verdict, Some(left), Written::Tree(path))
        }
        Output::Archive { path, options } => return write_archive(args, job, &prepared, (path, options), typed),
        Output::Pipe(options) => return pour(args, job, &prepared, options, typed),
    };
    let leads_back = left.as_ref().is_some_and(|left| left.remains.has_errors());
    let exit = if verdict.holds() && !leads_back { Exit::Done } else { Exit::No };
    // A tree that leads back to a path that others could create was not given its name, unless it is unproven anyway.
    let written = Some(&written).filter(|_| !leads_back || prepared.is_hopeless());
    summary::print(args, job, &prepared, (&verdict, left.as_ref()), written, exit, typed);
    Ok(exit)
}

fn write_archive(
    args: &PackArgs,
    job: &Job,
    prepared: &Prepared,
    (path, options): (&Path, &Options),
    typed: &[OsString],
) -> Result<Exit, JobError> {
    let progress = Progress::new(args.common.quiet || args.common.json);
    let proven = !prepared.is_hopeless();
    let path = if proven { path.to_owned() } else { output::unproven(path) };
    let judged = archive::write(job, prepared, NewFile::create(&path)?, options, proven, &progress)?;
    let verified = judged.verdict.verified();
    if proven && verified.is_none() {
        // The bytes are not what was planned. Nothing gets a name; the judge's findings say what is wrong with them.
        summary::print(args, job, prepared, (&judged.verdict, None), None, Exit::Bug, typed);
        let bug = JobError::broken_promise();
        report::error(&bug.to_string(), bug.help().as_deref());
        return Ok(Exit::Bug);
    }
    if proven && judged.left.remains.has_errors() {
        summary::print(args, job, prepared, (&judged.verdict, Some(&judged.left)), None, Exit::No, typed);
        return Ok(Exit::No);
    }
    let archive = match verified {
        Some(verified) => judged.packed.publish(&verified)?,
        None => judged.packed.publish_unproven()?,
    };
    let exit = if proven { Exit::Done } else { Exit::No };
    let seen = (&judged.verdict, Some(&judged.left));
    summary::print(args, job, prepared, seen, Some(&Written::Archive(archive)), exit, typed);
    Ok(exit)
}

/// Proves first, then writes into the pipe: what goes down a pipe cannot be taken back.
fn pour(
    args: &PackArgs,
    job: &Job,
    prepared: &Prepared,
    options: &Options,
    typed: &[OsString],
) -> Result<Exit, JobError> {
    let progress = Progress::new(args.common.quiet || args.common.json);
    let proven = !prepared.is_hopeless();
    let scratch = NewFile::scratch()?;
    let judged = archive::write(job, prepared, scratch, options, proven, &progress)?;
    if proven && !judged.verdict.holds() {
        return Err(JobError::broken_promise());
    }
    let seen = (&judged.verdict, Some(&judged.left));
    if proven && judged.left.remains.has_errors() {
        summary::print(args, job, prepared, seen, None, Exit::No, typed);
        return Ok(Exit::No);
    }
    judged.packed.pour(&mut std::io::stdout().lock())?;
    let exit = if proven { Exit::Done } else { Exit::No };
    summary::print(args, job, prepared, seen, Some(&Written::Pipe), exit, typed);
    Ok(exit)
}

fn job(args: &PackArgs) -> Result<Job, Usage> {
    root_is_a_directory(&args.root)?;
    // relocate.toml speaks of the whole job; what is no part of this one is passed over.
    let whole = !args.elf_only;
    let runtime = args.bundle.iter().any(|glob| glob == "runtime");
    let bundle: Vec<String> = args
        .bundle
        .iter()
        .filter(|glob| *glob != "runtime")
        .cloned()
        .chain(pipeline::RUNTIME.iter().filter(|_| runtime).map(|glob| (*glob).to_owned()))
        .collect();
    Ok(Job {
        root: args.root.clone(),
        old_prefixes: prefixes("--old-prefix", &args.old_prefix)?,
        tag: args.tag.map(|tag| match tag {
            TagArg::Runpath => Tag::Runpath,
            TagArg::Rpath => Tag::Rpath,
        }),
        exclude: globs("--exclude", &args.exclude)?,
        prune: Prune::parse(&args.prune).map_err(|error| Usage::new(format!("--prune {error}")))?,
        strip: args.strip && whole,
        skip: globs("--skip", &args.skip)?,
        bundle: globs("--bundle", if whole { &bundle } else { &[] })?,
        copy_link: globs("--copy-link", if whole { &args.copy_link } else { &[] })?,
        drop_setuid: args.drop_setuid,
        law: Law { skip: globs("--skip", &args.skip)?, ..law(&args.law)? },
        owner: owner(args.archive.owner.as_deref())?,
        chmod: args.archive.chmod.as_deref().map(chmod).transpose()?,
        without: if args.keep_la { vec!["libtool"] } else { Vec::new() },
        dest: args.dest.as_ref().map(dest).transpose()?,
        in_place: args.in_place,
        elf_only: args.elf_only,
        tool: if args.no_tool || args.in_place { None } else { tool(args.carried) },
        build_dirs: prefixes("--build-dir", &args.build_dir)?,
        source_date_epoch: host::source_date_epoch()
            .map_err(|found| Usage::new(format!("SOURCE_DATE_EPOCH is '{found}', not a number of seconds")))?,
    })
}

/// The program that was built for archives to carry; else this one, where it is static and so runs on any target.
fn tool(carried: Option<&'static [u8]>) -> Option<Vec<u8>> {
    if let Some(carried) = carried {
        return Some(carried.to_vec());
    }
    let bytes = host::own_program()?;
    let is_static = match elf::read(&bytes) {
        Ok(Read::Other(kind)) => kind == Kind::Static,
        Ok(Read::Dynamic(facts)) => facts.kind == Kind::StaticPie,
        Ok(Read::NotElf) | Err(_) => false,
    };
    is_static.then_some(bytes)
}

/// Reads `--dest`.
fn dest(text: &OsString) -> Result<Prefix, Usage> {
    Prefix::new(text.as_bytes())
        .ok_or_else(|| Usage::new(format!("--dest {}: not an absolute path below /", text.to_string_lossy())))
}

fn root_is_a_directory(root: &Path) -> Result<(), Usage> {
    let shown = report::place(root);
    match std::fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(Usage(
            format!("{shown} is a file, not an installed prefix"),
            Some(format!(
                "'relocate check {shown}' looks into an archive, 'relocate elf --print-rpath {shown}' at one file"
            )),
        )),
        Err(error) => Err(Usage::new(format!("cannot read {shown}: {error}"))),
    }
}

/// Reads `--old-prefix` values.
pub(super) fn prefixes(option: &str, given: &[OsString]) -> Result<Vec<Prefix>, Usage> {
    let read = |text: &OsString| {
        let not_absolute = || Usage::new(format!("{option} {}: not an absolute path below /", text.to_string_lossy()));
        Prefix::new(text.as_bytes()).ok_or_else(not_absolute)
    };
    given.iter().map(read).collect()
}

/// Compiles the globs of one option.
pub(super) fn globs(option: &str, patterns: &[String]) -> Result<Globs, Usage> {
    Globs::new(patterns).map_err(|error| Usage::new(format!("{option}: {error}")))
}

/// Reads what is allowed and demanded.
pub(super) fn law(args: &super::args::LawArgs) -> Result<Law, Usage> {
    Ok(Law {
        allow_lib: globs("--allow-lib", &args.allow_lib)?,
        allow_missing: globs("--allow-missing", &args.allow_missing)?,
        allow_link: globs("--allow-link", &args.allow_link)?,
        allow_old_path: globs("--allow-old-path", &args.allow_old_path)?,
        skip: Globs::default(),
        target: args.target.as_deref().map(super::target::find).transpose()?,
    })
}

fn owner(text: Option<&str>) -> Result<Owner, Usage> {
    let Some(text) = text else { return Ok(Owner::default()) };
    if text == "keep" {
        return Ok(Owner::Keep);
    }
    let ids = text.split_once(':').and_then(|(user, group)| Some((user.parse().ok()?, group.parse().ok()?)));
    ids.map(|(user, group)| Owner::Fixed(user, group))
        .ok_or_else(|| Usage::new(format!("--owner {text}: neither 'keep' nor numbers as in 0:0")))
}

fn chmod(text: &str) -> Result<Chmod, Usage> {
    Chmod::parse(text).ok_or_else(|| Usage::new(format!("--chmod {text}: not a change as in u+rwX,go=rX, nor octal")))
}

/// Reads `--top-dir`.
pub(super) fn top_dir(text: &OsString) -> Result<RelPath, Usage> {
    RelPath::new(text.as_bytes())
        .ok_or_else(|| Usage::new(format!("--top-dir {}: not a relative path without '..'", text.to_string_lossy())))
}
