//! `relocate repo status`: what a repository holds, by whose keys, and until when it is good.

use super::{Opened, edition, failure, now, role_rows, roles, warn};
use crate::base::digest::Digest;
use crate::cli::args::RepoStatusArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::keys::Signers;
use crate::cli::{json, report};
use crate::publish::{PublishError, State, file, releases};
use crate::release::{File, Kind, Release, TOOL};
use crate::tuf::RoleName;
use report::{Table, bytes, count, say};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) fn run(args: &RepoStatusArgs) -> Result<Exit, Failure> {
    report::colour(args.common.color);
    let opened = Opened::of(&args.repo, &args.reach)?;
    let signers = Signers { release: None, online: None };
    let state = opened.desk(&signers).look().map_err(|error| failure(&error))?;
    let is_good = RoleName::ALL.iter().all(|role| edition(&state, *role).expires > now()) && !state.is_torn;
    let exit = if is_good { Exit::Done } else { Exit::No };
    let keys = keys(&state)?;
    let all = releases(state.trusted.targets());
    let is_tool = |file: &File| file.custom.kind == Kind::Tool;
    let tools: Vec<_> = state.trusted.targets().iter().filter_map(file).filter(is_tool).collect();
    if args.common.json {
        let fields = json!({
            "repo": args.repo, "root_sha256": Digest::of(&state.first_root), "good": is_good, "roles": roles(&state),
            "keys": keys.iter().map(|(role, threshold, ids)| json!({"role": role, "threshold": threshold, "ids": ids})).collect::<Vec<_>>(),
            "releases": all.releases.iter().map(release).collect::<Vec<_>>(), "passed_over": all.passed_over,
            "tools": tools.iter().map(tool).collect::<Vec<_>>(),
        });
        say(&json::of("repo status", exit, &fields));
    } else if !args.common.quiet {
        say(&summary(&state, &keys, &all.releases, &tools));
    }
    warn(&state, args.common.quiet);
    Ok(exit)
}

/// Role, how many must sign, ids.
type Keys = Vec<(&'static str, u64, Vec<String>)>;

fn keys(state: &State) -> Result<Keys, Failure> {
    let draft = state.root.draft().map_err(|error| failure(&PublishError::Sign(error)))?;
    let named = [("root", draft.root), ("release", draft.targets), ("online", draft.timestamp)];
    let ids = |keys: &crate::tuf::Keys| keys.keys.iter().map(crate::tuf::PublicKey::id).collect();
    Ok(named.iter().map(|(role, keys)| (*role, keys.threshold, ids(keys))).collect())
}

fn release(release: &Release) -> Value {
    let custom = &release.custom;
    json!({
        "app": custom.app, "serial": custom.serial, "version": custom.version, "channels": custom.channels,
        "platform": custom.platform, "capacity": custom.capacity, "bytes": release.full.length,
        "installed_bytes": custom.installed_bytes, "deltas_from": release.deltas.keys().collect::<Vec<_>>(),
    })
}

fn tool(tool: &File) -> Value {
    let custom = &tool.custom;
    json!({
        "serial": custom.serial, "version": custom.version, "channels": custom.channels, "platform": custom.platform,
        "min_tool": custom.min_tool, "bytes": tool.length, "sha256": tool.sha256,
    })
}

/// Who has something, as text.
fn whom(channels: &BTreeSet<String>) -> String {
    let channels: Vec<_> = channels.iter().map(String::as_str).collect();
    if channels.is_empty() { "for nobody".to_owned() } else { format!("for {}", channels.join(", ")) }
}

fn summary(state: &State, keys: &Keys, releases: &[Release], tools: &[File]) -> String {
    let mut table = Table::default();
    table.row("first root", format!("sha256 {}", Digest::of(&state.first_root)));
    role_rows(&mut table, state);
    for (role, threshold, ids) in keys {
        let wanted = if ids.len() == 1 { String::new() } else { format!("{threshold} of ") };
        table.row(&format!("{role} keys"), format!("{wanted}{}\n{}", ids.len(), ids.join("\n")));
    }
    for release in releases {
        let custom = &release.custom;
        let channels = whom(&custom.channels);
        let deltas = match release.deltas.len() {
            0 => String::new(),
            deltas => format!(", {}", count(deltas, "delta")),
        };
        let text =
            format!("{} ({}), {channels}, {}{deltas}", custom.serial, custom.version, bytes(release.full.length));
        table.row(&custom.app, text);
    }
    for tool in tools {
        let custom = &tool.custom;
        let (channels, size) = (whom(&custom.channels), bytes(tool.length));
        let text = format!("{} ({}), {channels}, {size}, the tool itself", custom.serial, custom.version);
        table.row(TOOL, text);
    }
    table.text()
}
