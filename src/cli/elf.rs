//! `relocate elf`: prints or changes the run-time path of single files, in the words of patchelf(1).
//!
//! All files are tried, some hundred at a time by all threads, which then get their names together; what became of them is
//! told in the order they were named. The worst exit code wins. Unlike patchelf it keeps the tag a file has, because a DT_RPATH turned into
//! a DT_RUNPATH is no longer inherited by the libraries a program loads; `--tag` and `--force-rpath` say otherwise.

mod lines;

use super::args::{ElfArgs, TagArg};
use super::exit::Exit;
use super::report;
use crate::base::path::printable;
use crate::base::write::BATCH;
use crate::loader::object::Tag;
use crate::pipeline::single::{self, Change, Ready, Request, SingleError, Subject};
use lines::{Account, Done};
use rayon::prelude::*;
use report::{say, say_bytes, talk};
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Runs the command.
pub(super) fn run(args: &ElfArgs) -> Exit {
    report::colour(args.color);
    let understood = request(args).and_then(|request| Ok((request, files(&args.files)?)));
    let (request, files) = match understood {
        Ok(understood) => understood,
        Err(what) => return usage(&what),
    };
    if args.output.is_some() && (files.len() != 1 || request.is_idle()) {
        return usage("--output takes one FILE, and something to change in it");
    }
    let run = Run { args, request, names: real_paths(&files) };
    let identities: Vec<Identity> = files.iter().map(|file| identity(file)).collect();
    let mut changed = Changed::new();
    let mut accounts: Vec<Account<'_>> = Vec::new();
    for (files, identities) in files.chunks(BATCH).zip(identities.chunks(BATCH)) {
        let batch = run.batch(files, identities, &mut changed);
        if !args.json {
            for account in &batch {
                run.tell(account);
            }
        }
        accounts.extend(batch);
    }
    let exit = accounts.iter().map(Account::exit).max_by_key(|exit| *exit as u8).unwrap_or(Exit::Done);
    if args.json {
        say(&lines::json(&accounts, args.dry_run, exit));
    }
    exit
}

fn usage(what: &str) -> Exit {
    report::error(what, None);
    Exit::Usage
}

fn request(args: &ElfArgs) -> Result<Request, String> {
    let bytes = |text: &OsString| text.as_bytes().to_vec();
    let change = if let Some(path) = &args.set_rpath {
        Change::Set(bytes(path))
    } else if let Some(more) = &args.add_rpath {
        if more.is_empty() {
            return Err("--add-rpath: an empty entry would mean the current directory".to_owned());
        }
        Change::Add(bytes(more))
    } else if args.remove_rpath {
        Change::Remove
    } else if args.shrink_rpath {
        Change::Shrink { allowed: prefixes(args.allowed_rpath_prefixes.as_deref().unwrap_or_default()) }
    } else {
        Change::Keep
    };
    let tag = match args.tag {
        Some(TagArg::Runpath) => Some(Tag::Runpath),
        Some(TagArg::Rpath) => Some(Tag::Rpath),
        None => args.force_rpath.then_some(Tag::Rpath),
    };
    Ok(Request { change, tag })
}

/// Prefixes between colons; empty ones, which every path begins with, are left out.
pub(super) fn prefixes(text: &OsStr) -> Vec<Vec<u8>> {
    text.as_bytes().split(|byte| *byte == b':').filter(|prefix| !prefix.is_empty()).map(<[u8]>::to_vec).collect()
}

/// The files named, those of `@LIST` in their place.
fn files(typed: &[OsString]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for word in typed {
        let Some(list) = word.as_bytes().strip_prefix(b"@") else {
            files.push(PathBuf::from(word));
            continue;
        };
        let text = fs::read(OsStr::from_bytes(list))
            .map_err(|error| format!("cannot read the list of files {}: {error}", printable(list)))?;
        let names = text.split(|byte| *byte == b'\n').filter(|name| !name.is_empty());
        files.extend(names.map(|name| PathBuf::from(OsString::from_vec(name.to_vec()))));
    }
    Ok(files)
}

/// Where the files really are; those that are nowhere are reported when their turn comes.
pub(super) fn real_paths(files: &[PathBuf]) -> Vec<PathBuf> {
    files.iter().filter_map(|file| fs::canonicalize(file).ok()).collect()
}

/// Device and inode before anything is written: names with the same are one file, which is changed once.
type Identity = Option<(u64, u64)>;
/// Files that were changed, or were as wanted, and the first name of each.
type Changed<'f> = HashMap<(u64, u64), &'f Path>;

fn identity(file: &Path) -> Identity {
    fs::metadata(file).ok().map(|found| (found.dev(), found.ino()))
}

struct Run<'a> {
    args: &'a ElfArgs,
    request: Request,
    names: Vec<PathBuf>,
}

impl Run<'_> {
    /// Deals with some files, in rounds: in each, every file that is still to be dealt with, but of several names of one file
    /// the first alone. The next round sees what became of it.
    fn batch<'f>(&self, files: &'f [PathBuf], identities: &[Identity], changed: &mut Changed<'f>) -> Vec<Account<'f>> {
        let mut accounts: Vec<Option<Account<'f>>> = files.iter().map(|_| None).collect();
        loop {
            let mut begun = HashSet::new();
            let may = |at: &usize| {
                let first = |id| self.request.is_idle() || changed.contains_key(&id) || begun.insert(id);
                accounts[*at].is_none() && identities[*at].is_none_or(first)
            };
            let round: Vec<usize> = (0..files.len()).filter(may).collect();
            if round.is_empty() {
                return accounts.into_iter().flatten().collect();
            }
            let first = |at: usize| identities[at].and_then(|id| changed.get(&id)).copied();
            let tried = round.par_iter().map(|at| self.one(&files[*at], first(*at))).collect();
            for (at, account) in round.into_iter().zip(commit(tried)) {
                if let Some(id) = identities[at].filter(|_| account.is_done()) {
                    changed.insert(id, &files[at]);
                }
                accounts[at] = Some(account);
            }
        }
    }

    /// Deals with one file, up to giving it its name; `first` is the same file by a name that came before.
    fn one<'f>(&self, file: &'f Path, first: Option<&'f Path>) -> (Account<'f>, Option<Ready>) {
        let subject = match Subject::open(file) {
            Ok(subject) => subject,
            Err(error) => return (Account::failed(file, None, error, Exit::Refused), None),
        };
        if self.request.is_idle() {
            let account = match subject.facts() {
                Ok(_) => Account::new(file, &subject, Done::Printed),
                Err(error) => Account::failed(file, Some(&subject), error, Exit::No),
            };
            return (account, None);
        }
        if let Some(first) = first {
            return (Account::new(file, &subject, Done::SameAs(first)), None);
        }
        match self.change(file, &subject) {
            Ok(done) => done,
            Err(error) => (Account::failed(file, Some(&subject), error, Exit::Refused), None),
        }
    }

    fn change<'f>(&self, file: &'f Path, subject: &Subject) -> Result<(Account<'f>, Option<Ready>), SingleError> {
        let copy = self.args.output.as_deref().filter(|output| !subject.is(output));
        let mut decision = subject.decide(&self.request, copy.is_some())?;
        let mut findings = std::mem::take(&mut decision.findings);
        findings.extend(subject.split(&decision, &self.names).filter(|_| copy.is_none()));
        let mut ready = None;
        match copy {
            _ if self.args.dry_run => {}
            Some(output) => subject.write_copy(&decision, output)?,
            None => ready = subject.ready(&decision, &self.names)?,
        }
        let done = Done::Changed { rung: decision.rung(), added: decision.added, written: copy.map(Path::to_owned) };
        Ok((Account::new(file, subject, done).with(decision.wanted, findings), ready))
    }

    /// Prints what became of one file.
    fn tell(&self, account: &Account<'_>) {
        let name = printable(account.file.as_os_str().as_bytes());
        if let Done::Failed(error, _) = &account.done {
            report::error(&format!("{name}: {error}"), error.help().as_deref());
            return;
        }
        if self.args.print_rpath || matches!(account.done, Done::Printed) {
            say_bytes(&[account.path_before(), b"\n"].concat());
        } else if !self.args.quiet {
            say(&format!("{name}: {}\n", account.line(self.args.dry_run)));
        }
        if !self.args.quiet {
            talk(&lines::findings(&name, &account.findings));
        }
    }
}

/// Gives the files that are ready their names; an account says whether that was done.
fn commit(tried: Vec<(Account<'_>, Option<Ready>)>) -> Vec<Account<'_>> {
    let (mut accounts, mut all_ready, mut whose) = (Vec::new(), Vec::new(), Vec::new());
    for (at, (account, ready)) in tried.into_iter().enumerate() {
        accounts.push(account);
        whose.extend(ready.iter().map(|_| at));
        all_ready.extend(ready);
    }
    for (at, committed) in whose.into_iter().zip(single::commit_each(all_ready)) {
        if let Err(error) = committed {
            let account = accounts.remove(at).undone(error);
            accounts.insert(at, account);
        }
    }
    accounts
}

/// Whether a file that was named is not there, or is no file at all: a mistake on the command line.
pub(super) fn exit_of(error: &SingleError, refused: Exit) -> Exit {
    match error {
        SingleError::Read(error) if error.kind() == io::ErrorKind::NotFound => Exit::Usage,
        SingleError::NotRegular(_) => Exit::Usage,
        SingleError::NoDynamic(_) => refused,
        SingleError::Read(_) | SingleError::Changed | SingleError::Write(_) => Exit::Environment,
        SingleError::Bug(_) => Exit::Bug,
        _ => Exit::Refused,
    }
}
