//! `relocate repo rotate-key` and `sign-root`: the next root, signed here or handed on from one key holder to the next.

use super::init::outside;
use super::{Opened, failure, role_rows, roles, warn};
use crate::base::write;
use crate::cli::args::{RoleArg, RotateKeyArgs, SignRootArgs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::keys::{Passphrases, Signers};
use crate::cli::pack::Usage;
use crate::cli::{json, report};
use crate::publish::{self, Change, PublishError, Ready, Rotated};
use crate::tuf::{SecretKey, SignedRoot};
use report::{GREEN, Table, paint, place, say};
use serde_json::json;
use std::fs;
use std::path::Path;

pub(super) fn run(args: &RotateKeyArgs) -> Result<Exit, Failure> {
    report::colour(args.common.color);
    let opened = Opened::of(&args.repo, &args.reach)?;
    let mut signers = Signers::online(&args.keys, opened.directory.as_deref())?;
    let state = opened.desk(&signers).settle().map_err(|error| failure(&error))?;
    let passphrases = Passphrases::for_old(args.keys.passphrase_file.as_deref())?;
    let mut holders = args.root_key.iter().map(|path| passphrases.read(path)).collect::<Result<Vec<_>, _>>()?;
    let found = args.draft.as_ref().filter(|draft| draft.exists());
    let mut root = match found {
        Some(draft) if args.role.is_some() => {
            let why = format!("{} is there already, and says what is to change", place(draft));
            return Err(Usage(why, Some("leave --role out, or name another file".to_owned())).into());
        }
        Some(draft) => read(draft)?,
        None => {
            let change = change(args, &opened, &mut signers, &mut holders)?;
            publish::begin(&opened.desk(&signers), &state, &change).map_err(|error| failure(&error))?
        }
    };
    publish::sign(&mut root, Some(&state.root), &holders).map_err(|error| failure(&error))?;
    let ready = publish::ready(&opened.desk(&signers), &state, &root).map_err(|error| failure(&error))?;
    if let (Ready::Unsigned { root: of, good, wanted }, None) = (&ready, &args.draft) {
        let lacks = lacks((*of, *good, *wanted));
        let help = "name more of them with --root-key, or a file to hand on with --draft".to_owned();
        return Err(Failure::new(Exit::No, format!("the root is not published: {lacks}")).help(Some(help)));
    }
    // A new key is written when nothing else is in the way, and before anything names it.
    if found.is_none() {
        keep_key(args, &signers, &holders)?;
    }
    let done = publish::finish(&opened.desk(&signers), &state, &root).map_err(|error| failure(&error))?;
    match done {
        Rotated::Published(state) => {
            if args.common.json {
                let fields = json!({"repo": args.repo, "published": true, "roles": roles(&state)});
                say(&json::of("repo rotate-key", Exit::Done, &fields));
            } else if !args.common.quiet {
                let mut table = Table::default();
                role_rows(&mut table, &state);
                let version = root.edition().version;
                say(&format!("{}{}\n", table.text(), paint(GREEN, &format!("published root {version}"))));
            }
            warn(&state, args.common.quiet);
            Ok(Exit::Done)
        }
        Rotated::Unsigned { root: of, good, wanted } => unsigned(args, &root, (of, good, wanted)),
    }
}

/// What is to change. A new key is made and takes its place among those that sign.
fn change(
    args: &RotateKeyArgs,
    opened: &Opened,
    signers: &mut Signers,
    holders: &mut Vec<SecretKey>,
) -> Result<Change, Failure> {
    let mut change = Change { old_root: args.old.clone(), threshold: args.threshold, ..Change::default() };
    let Some(role) = args.role else { return Ok(change) };
    if args.old.is_some() && role != RoleArg::Root {
        return Err(Usage::new("--old names root keys; the others are one each").into());
    }
    let Some(path) = &args.key_out else {
        let why = "there is no place for the new key: name a file with --key-out";
        return if role == RoleArg::Root && args.old.is_some() { Ok(change) } else { Err(Usage::new(why).into()) };
    };
    if fs::symlink_metadata(path).is_ok() {
        let help = "no key is ever written over another file: name another one".to_owned();
        return Err(Usage(format!("{} is there already", place(path)), Some(help)).into());
    }
    if role != RoleArg::Online {
        outside(path, opened.directory.as_deref())?;
    }
    let key = SecretKey::generate().map_err(|error| Failure::new(Exit::Environment, error.to_string()))?;
    match role {
        RoleArg::Root => {
            change.new_root = Some(key.public());
            holders.push(key);
        }
        RoleArg::Release => (change.release, signers.release) = (Some(key.public()), Some(key)),
        RoleArg::Online => (change.online, signers.online) = (Some(key.public()), Some(key)),
    }
    Ok(change)
}

/// Writes the key that was made.
fn keep_key(args: &RotateKeyArgs, signers: &Signers, holders: &[SecretKey]) -> Result<(), Failure> {
    let (Some(role), Some(path)) = (args.role, &args.key_out) else { return Ok(()) };
    let key = match role {
        RoleArg::Root => holders.last(),
        RoleArg::Release => signers.release.as_ref(),
        RoleArg::Online => signers.online.as_ref(),
    };
    let passphrases = if args.no_passphrase || role == RoleArg::Online {
        Passphrases::None
    } else {
        Passphrases::for_old(args.keys.passphrase_file.as_deref())?
    };
    key.map_or(Ok(()), |key| passphrases.write(path, key))
}

fn lacks((of, good, wanted): (u64, u64, u64)) -> String {
    format!("of the keys of root {of}, {good} have signed and {wanted} must")
}

/// Hands the draft on, where there is a file for it.
fn unsigned(args: &RotateKeyArgs, root: &SignedRoot, (of, good, wanted): (u64, u64, u64)) -> Result<Exit, Failure> {
    let lacks = lacks((of, good, wanted));
    let Some(draft) = &args.draft else { return Ok(Exit::No) };
    keep(draft, root)?;
    if args.common.json {
        let fields = json!({
            "repo": args.repo, "published": false, "draft": json::place(draft), "root": of, "signed": good, "wanted": wanted,
        });
        say(&json::of("repo rotate-key", Exit::No, &fields));
    } else if !args.common.quiet {
        let next = format!(
            "hand {0} to another key holder ('relocate repo sign-root {0} --root-key KEY'), then run 'relocate repo rotate-key \
             {1} --draft {0}'",
            place(draft),
            args.repo
        );
        say(&format!("not published yet: {lacks}\n{next}\n"));
    }
    Ok(Exit::No)
}

/// Adds signatures to a draft; nothing else is needed for that.
pub(super) fn sign(args: &SignRootArgs) -> Result<Exit, Failure> {
    report::colour(args.common.color);
    let mut root = read(&args.draft)?;
    let passphrases = Passphrases::for_old(args.passphrase_file.as_deref())?;
    let keys = args.root_key.iter().map(|path| passphrases.read(path)).collect::<Result<Vec<_>, _>>()?;
    publish::sign(&mut root, None, &keys).map_err(|error| failure(&error))?;
    keep(&args.draft, &root)?;
    if args.common.json {
        let fields = json!({"draft": json::place(&args.draft), "version": root.edition().version});
        say(&json::of("repo sign-root", Exit::Done, &fields));
    } else if !args.common.quiet {
        let mut table = Table::default();
        let draft = root.draft().map_err(|error| failure(&PublishError::Sign(error)))?;
        table.row("root", format!("{}, good until {}", draft.edition.version, draft.edition.expires));
        for (name, keys) in
            [("root keys", &draft.root), ("release key", &draft.targets), ("online key", &draft.timestamp)]
        {
            let ids: Vec<_> = keys.keys.iter().map(crate::tuf::PublicKey::id).collect();
            table.row(name, format!("{} must sign\n{}", keys.threshold, ids.join("\n")));
        }
        say(&format!("{}{}\n", table.text(), paint(GREEN, &format!("signed {}", place(&args.draft)))));
    }
    Ok(Exit::Done)
}

fn read(draft: &Path) -> Result<SignedRoot, Failure> {
    let bytes = fs::read(draft).map_err(|error| Usage::new(format!("cannot read {}: {error}", place(draft))))?;
    let root = SignedRoot::read(&place(draft), &bytes);
    root.map_err(|why| Usage::new(format!("it is no draft of a root: {why}")).into())
}

fn keep(draft: &Path, root: &SignedRoot) -> Result<(), Failure> {
    let bytes = root.bytes().map_err(|error| failure(&PublishError::Sign(error)))?;
    write::whole(draft, &bytes, 0o644).map_err(|error| Failure::new(Exit::Environment, error.to_string()))
}
