//! The same reports as JSON, schema 1; `docs/json.md` describes every field.

use super::exit::Exit;
use super::summary::Written;
use super::{host_data, left};
use crate::base::finding::Finding;
use crate::base::path::{Prefix, RelPath, printable, serialize_bytes};
use crate::build::job::Staged;
use crate::install::{Decided, File, Installed, State};
use crate::pack::Archive;
use crate::pipeline::check::{Checked, Left};
use crate::pipeline::{Job, Prepared, Reading};
use crate::recipe::Recipe;
use crate::verify::judge::Verdict;
use serde_json::{Value, json};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The number of the schema; it grows when a field changes its meaning or goes away, not when one is added.
pub(super) const SCHEMA: u32 = 1;

/// One JSON document and a newline.
pub(super) fn line(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Bytes, in the way of every path in a report.
pub(super) fn bytes(bytes: &[u8]) -> Value {
    // A string, or an object of one: this always serialises.
    serialize_bytes(bytes, serde_json::value::Serializer).unwrap_or_default()
}

/// A path of this machine, in the way of every path in a report.
pub(super) fn place(path: &Path) -> Value {
    bytes(path.as_os_str().as_bytes())
}

pub(super) fn result(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "done",
        Exit::No => "no",
        Exit::Usage => "usage",
        Exit::Refused => "refused",
        Exit::Environment => "environment",
        Exit::Build => "build failed",
        Exit::InUse => "in use",
        Exit::Available => "available",
        Exit::Returned => "rolled back",
        Exit::Bug => "bug",
    }
}

/// The report of the main job.
pub(super) fn pack(
    job: &Job,
    prepared: &Prepared,
    (verdict, left): (&Verdict, Option<&Left>),
    findings: &[Finding],
    written: Option<&Written>,
    exit: Exit,
) -> String {
    line(&json!({
        "schema": SCHEMA,
        "command": "pack",
        "result": result(exit),
        "exit": exit as u8,
        "root": place(&job.root),
        "elf_only": job.elf_only,
        "old_prefixes": prepared.choice.prefixes,
        "old_prefix_because": prepared.choice.because,
        "plan": plan(prepared),
        "verdict": self::verdict(verdict),
        "findings": findings,
        "left": left.map(|left| left::json(&left.remains, &left.wanted)),
        "host_data": left.map(|left| host_data::json(&left.taken)),
        "output": written.map(output),
    }))
}

fn plan(prepared: &Prepared) -> Value {
    let text = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| printable(bytes).into_owned());
    let rewrites: Vec<Value> = prepared
        .plan
        .rewrites
        .iter()
        .map(|(path, rewrite)| {
            let before = prepared.inventory.entries.get(path).and_then(|entry| entry.elf()).map(|facts| &facts.object);
            json!({
                "path": path,
                "rpath": {"before": before.and_then(|object| text(&object.rpath)), "after": text(&rewrite.wanted.rpath)},
                "runpath": {"before": before.and_then(|object| text(&object.runpath)), "after": text(&rewrite.wanted.runpath)},
                "rung": prepared.fits.get(path).map(|fit| fit.rung),
                "bytes_added": prepared.fits.get(path).map(|fit| fit.added),
                "refused": prepared.plan.refused.get(path),
                "reasons": rewrite.reasons,
            })
        })
        .collect();
    let pairs = |path: &RelPath, value: Value| json!({"path": path, "to": value});
    let links: Vec<Value> = prepared.plan.links.iter().map(|(path, to)| pairs(path, json!(printable(to)))).collect();
    let modes: Vec<Value> =
        prepared.plan.modes.iter().map(|(path, mode)| pairs(path, json!(format!("{mode:04o}")))).collect();
    let copied: Vec<Value> =
        prepared.copied.iter().map(|(path, source)| json!({"path": path, "from": place(source)})).collect();
    json!({
        "rewrites": rewrites, "symlinks": links, "modes": modes, "copied": copied,
        "texts": texts(prepared), "left_out": left_out(prepared), "stripped": stripped(prepared), "places": places(prepared),
        "capacity": prepared.capacity(),
    })
}

/// Texts that change, with what each class does to them.
fn texts(prepared: &Prepared) -> Vec<Value> {
    let shown = |bytes: &[u8]| printable(bytes).into_owned();
    let text = |(path, reading): (&RelPath, &Reading)| {
        let changes = reading.text.as_ref()?.changes.iter().map(|made| {
            json!({"class": made.class, "from": shown(&made.change.from), "to": shown(&made.change.to), "why": made.change.why})
        });
        Some(json!({"path": path, "changes": changes.collect::<Vec<_>>()}))
    };
    prepared.readings.iter().filter_map(text).collect()
}

fn left_out(prepared: &Prepared) -> Vec<Value> {
    let pruned =
        prepared.inventory.pruned.iter().map(|gone| json!({"path": gone.path, "by": gone.by, "size": gone.size}));
    let dropped = prepared
        .dropped
        .iter()
        .map(|(path, gone)| json!({"path": path, "by": gone.by, "size": gone.size, "why": gone.why}));
    pruned.chain(dropped).collect()
}

fn stripped(prepared: &Prepared) -> Vec<Value> {
    prepared.stripped().map(|(path, strip)| json!({"path": path, "size": strip.size, "saved": strip.saved})).collect()
}

/// Files that name the path of the tree, as the record has them.
fn places(prepared: &Prepared) -> Vec<Value> {
    let named = prepared.readings.iter().filter(|(_, reading)| !reading.places.is_empty());
    named.map(|(path, reading)| json!({"path": path, "places": reading.places})).collect()
}

fn verdict(verdict: &Verdict) -> Value {
    let host: Vec<_> = verdict.closure.from_host.keys().map(|name| printable(name)).collect();
    json!({
        "holds": verdict.holds(),
        "objects": verdict.members.len(),
        "lookups": verdict.closure.lookups,
        "from_host": host,
        "missing": verdict.missing,
        "floor": verdict.floor,
        "runs_on": verdict.runs_on,
    })
}

fn output(written: &Written) -> Value {
    match written {
        Written::Archive(written) => archive(written),
        Written::Tree(path) => json!({"kind": "tree", "path": place(path)}),
        Written::InPlace => json!({"kind": "in-place"}),
        Written::Pipe => json!({"kind": "pipe"}),
    }
}

/// The report of `relocate build`; what it was stopped by in the main job has that one's report.
pub(super) fn build(
    findings: &[Finding],
    staged: Option<&Staged>,
    runs: &[Value],
    output: &Value,
    exit: Exit,
) -> String {
    let names = |staged: &Staged, at: &[usize]| -> Vec<String> {
        at.iter().filter_map(|at| Some(staged.graph.nodes.get(*at)?.pkgname.clone())).collect()
    };
    line(&json!({
        "schema": SCHEMA,
        "command": "build",
        "result": result(exit),
        "exit": exit as u8,
        "dry_run": staged.is_none(),
        "findings": findings,
        "packages": staged.map(|staged| json!({
            "made": names(staged, &staged.outcome.made),
            "cached": names(staged, &staged.outcome.cached),
            "present": names(staged, &staged.outcome.present),
            "not_packed": staged.unneeded,
        })),
        "source_date_epoch": staged.map(|staged| staged.epoch),
        "runs": runs,
        "output": output,
    }))
}

/// An archive that has its name.
pub(super) fn archive(archive: &Archive) -> Value {
    json!({
        "kind": "archive", "path": place(&archive.path), "sha256_path": place(&archive.sha256_path),
        "sha256": archive.sha256, "size": archive.size,
    })
}

/// The report of `relocate check`.
pub(super) fn check(tree: &Path, checked: &Checked, runs: &[Value], exit: Exit) -> String {
    line(&json!({
        "schema": SCHEMA,
        "command": "check",
        "result": result(exit),
        "exit": exit as u8,
        "tree": place(tree),
        "old_prefixes": checked.old_prefixes,
        "verdict": verdict(&checked.verdict),
        "findings": checked.verdict.findings,
        "left": left::json(&checked.left.remains, &checked.left.wanted),
        "host_data": host_data::json(&checked.left.taken),
        "runs": runs,
    }))
}

/// The report of `relocate verify`.
pub(super) fn verify(tree: &Path, findings: &[Finding], exit: Exit) -> String {
    line(&json!({
        "schema": SCHEMA,
        "command": "verify",
        "result": result(exit),
        "exit": exit as u8,
        "tree": place(tree),
        "findings": findings,
    }))
}

/// The same of the releases of a directory.
pub(super) fn verify_releases(root: &Path, compared: &[(PathBuf, Vec<Finding>)], exit: Exit) -> String {
    let release = |(tree, findings): &(PathBuf, Vec<Finding>)| json!({"tree": place(tree), "findings": findings});
    line(&json!({
        "schema": SCHEMA,
        "command": "verify",
        "result": result(exit),
        "exit": exit as u8,
        "tree": place(root),
        "releases": compared.iter().map(release).collect::<Vec<_>>(),
    }))
}

/// The report of `relocate install`.
pub(super) fn install(archive: &Path, dest: &Prefix, installed: &Installed, dry_run: bool) -> String {
    line(&json!({
        "schema": SCHEMA,
        "command": "install",
        "result": result(Exit::Done),
        "exit": Exit::Done as u8,
        "dry_run": dry_run,
        "archive": place(archive),
        "dest": dest,
        "about": installed.about,
        "entries": installed.entries,
        "bytes": installed.bytes,
        "files": installed.files,
        "places": installed.places,
        "left": installed.left,
    }))
}

/// The report of `relocate fix`.
pub(super) fn fix(decided: &Decided, findings: &[Finding], dry_run: bool, exit: Exit) -> String {
    let files: Vec<_> = decided.files.iter().map(|file| fixed(decided, file)).collect();
    line(&json!({
        "schema": SCHEMA,
        "command": "fix",
        "result": result(exit),
        "exit": exit as u8,
        "dry_run": dry_run,
        "tree": place(&decided.root),
        "to": decided.to,
        "was": decided.was,
        "about": decided.manifest.about,
        "settled": decided.is_settled(),
        "files": files,
        "findings": findings,
    }))
}

fn fixed(decided: &Decided, file: &File) -> Value {
    let (state, from) = match &file.state {
        State::Here => ("here", None),
        State::Elsewhere(from) => ("moved", from.as_ref()),
        State::Edited(_) => ("edited", None),
        State::Freed => ("changed-since", None),
        State::Left => ("left", None),
        State::Gone => ("gone", None),
        State::Stuck(_) => ("left-behind", None),
    };
    json!({
        "path": file.path, "other_names": file.other_names, "classes": decided.classes(file), "state": state, "from": from,
    })
}

/// The report of `relocate elf`; `files` are in the order they were named.
pub(super) fn elf(files: &[Value], dry_run: bool, exit: Exit) -> String {
    line(&json!({
        "schema": SCHEMA,
        "command": "elf",
        "result": result(exit),
        "exit": exit as u8,
        "dry_run": dry_run,
        "files": files,
    }))
}

/// The report of `relocate init`; `proposed` tells whether nobody asked for this prefix.
pub(super) fn init(file: &Path, recipe: &Recipe, proposed: bool, findings: &[Finding]) -> String {
    line(&json!({
        "schema": SCHEMA,
        "command": "init",
        "result": result(Exit::Done),
        "exit": Exit::Done as u8,
        "file": place(file),
        "name": recipe.name,
        "prefix": recipe.bootstrap.prefix,
        "prefix_proposed": proposed,
        "findings": findings,
    }))
}

/// The report of a command that has nothing but fields of its own.
pub(super) fn of(command: &str, exit: Exit, fields: &Value) -> String {
    let mut report = json!({"schema": SCHEMA, "command": command, "result": result(exit), "exit": exit as u8});
    if let (Some(report), Some(fields)) = (report.as_object_mut(), fields.as_object()) {
        report.extend(fields.clone());
    }
    line(&report)
}

/// A command that could not do its job.
pub(super) fn failure(command: &str, message: &str, help: Option<&str>, exit: Exit) -> String {
    line(&json!({
        "schema": SCHEMA,
        "command": command,
        "result": result(exit),
        "exit": exit as u8,
        "error": {"message": message, "help": help},
    }))
}
