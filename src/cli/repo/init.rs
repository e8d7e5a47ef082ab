//! `relocate repo init`: a new repository, and its keys where the user wants them.
//!
//! Everything that can be known to be wrong is said before the first key is written. No root key and no release key may lie in
//! the repository, whatever symlinks and `..` lead there.

use super::{Opened, failure, now};
use crate::base::digest::Digest;
use crate::base::host;
use crate::base::write::Parents;
use crate::cli::args::RepoInitArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::keys::{ONLINE, Passphrases};
use crate::cli::pack::Usage;
use crate::cli::{json, report};
use crate::publish::{Founders, Lives, PublishError, create, first_root, must_be_new};
use crate::tuf::SecretKey;
use report::{GREEN, Table, paint, place, say};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The files of the keys.
struct Files {
    root: Vec<PathBuf>,
    release: PathBuf,
    online: PathBuf,
}

pub(super) fn run(args: &RepoInitArgs) -> Result<Exit, Failure> {
    report::colour(args.common.color);
    let opened = Opened::of(&args.repo, &args.reach)?;
    let files = files(args, opened.directory.as_deref())?;
    must_be_new(opened.objects.as_ref()).map_err(|error| failure(&error))?;
    let passphrases = Passphrases::for_new(&args.new)?;
    let make = || SecretKey::generate().map_err(|error| Failure::new(Exit::Environment, error.to_string()));
    let root = files.root.iter().map(|_| make()).collect::<Result<Vec<_>, _>>()?;
    let (release, online) = (make()?, make()?);
    let threshold = args.threshold.unwrap_or(if root.len() == 1 { 1 } else { 2 });
    let founders = Founders { root: &root, threshold, release: &release, online: &online };
    // A threshold that cannot be is said before there are files.
    first_root(&founders, now(), Lives::default()).map_err(|error| failure(&PublishError::Sign(error)))?;
    for (path, key) in files.root.iter().zip(&root).chain([(&files.release, &release)]) {
        passphrases.write(path, key)?;
    }
    let written = |error: crate::base::write::WriteError| Failure::new(Exit::Environment, error.to_string());
    let parents = Parents::make(&files.online).map_err(written)?;
    // Cron signs with it, and nobody is there to type.
    Passphrases::None.write(&files.online, &online)?;
    parents.keep();
    let bytes = create(opened.objects.as_ref(), &founders, now(), Lives::default());
    let bytes = bytes.map_err(|error| failure(&error))?;
    tell(args, &files, threshold, Digest::of(&bytes));
    Ok(Exit::Done)
}

fn files(args: &RepoInitArgs, directory: Option<&Path>) -> Result<Files, Failure> {
    let beside = || args.root_key_out.first().map(|first| first.with_file_name("release.pem"));
    let release = args.release_key_out.clone().or_else(beside).unwrap_or_default();
    let online = args.online_key_out.clone().or_else(|| directory.map(|directory| directory.join(ONLINE)));
    let online = online.ok_or_else(|| {
        Usage("there is no place for the online key".to_owned(), Some("name a file with --online-key-out".to_owned()))
    })?;
    let files = Files { root: args.root_key_out.clone(), release, online };
    let mut seen = BTreeSet::new();
    for path in files.root.iter().chain([&files.release, &files.online]) {
        if !seen.insert(real(path)?) {
            return Err(Usage::new(format!("{} is named for two keys", place(path))).into());
        }
        if fs::symlink_metadata(path).is_ok() {
            let help = "no key is ever written over another file: name another one".to_owned();
            return Err(Usage(format!("{} is there already", place(path)), Some(help)).into());
        }
    }
    for path in files.root.iter().chain([&files.release]) {
        outside(path, directory)?;
    }
    Ok(files)
}

/// Refuses a place for a key in the directory of a repository.
pub(super) fn outside(path: &Path, directory: Option<&Path>) -> Result<(), Failure> {
    let Some(repository) = directory.map(real).transpose()? else { return Ok(()) };
    if !real(path)?.starts_with(&repository) {
        return Ok(());
    }
    let why = format!("{} lies in the repository, which everybody may read", place(path));
    let help = "keep this key elsewhere, best on another machine or a stick; only the online key stays there";
    Err(Usage(why, Some(help.to_owned())).into())
}

/// Where a file really is or would be: what is there is looked up, the rest is as it is written.
fn real(path: &Path) -> Result<PathBuf, Failure> {
    let failed = |error| Failure::from(Usage::new(format!("cannot tell where {} is: {error}", place(path))));
    let absolute = host::absolute(path).map_err(failed)?;
    let there = absolute.ancestors().find(|above| fs::symlink_metadata(above).is_ok());
    let Some(there) = there else { return Ok(absolute) };
    let rest = absolute.strip_prefix(there).unwrap_or(Path::new(""));
    Ok(fs::canonicalize(there).map_err(failed)?.join(rest))
}

fn tell(args: &RepoInitArgs, files: &Files, threshold: u64, root: Digest) {
    if args.common.json {
        let keys = json!({
            "root": files.root.iter().map(|path| json::place(path)).collect::<Vec<_>>(),
            "release": json::place(&files.release), "online": json::place(&files.online),
        });
        let fields = json!({"repo": args.repo, "root_sha256": root, "threshold": threshold, "keys": keys});
        say(&json::of("repo init", Exit::Done, &fields));
    } else if !args.common.quiet {
        let mut table = Table::default();
        let keys: Vec<_> = files.root.iter().map(|path| place(path)).collect();
        table.row(
            "root keys",
            format!("{}\n{threshold} of them must sign; give each to somebody else", keys.join("\n")),
        );
        table.row(
            "release key",
            format!("{}\nsigns releases; publish, promote and retire need it", place(&files.release)),
        );
        table.row(
            "online key",
            format!("{}\nsigns that now is now; cron needs it, and no web server", place(&files.online)),
        );
        table.row("root", format!("sha256 {root}\nby which machines begin to trust the repository"));
        say(&format!("{}{}\n", table.text(), paint(GREEN, &format!("made the repository {}", args.repo))));
    }
}
