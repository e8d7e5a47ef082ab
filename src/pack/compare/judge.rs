//! The comparison itself: what a manifest says against what is there. Pure.

use crate::base::digest::Digest;
use crate::base::finding::{Finding, Severity};
use crate::base::path::{RelPath, printable};
use crate::manifest::{self, Entry, Kind, Manifest};
use std::collections::BTreeMap;

/// What is there under one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pack) struct Fact {
    pub(in crate::pack) mode: u32,
    pub(in crate::pack) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pack) enum What {
    Dir,
    File { size: u64, sha256: Result<Digest, String> },
    Symlink(Vec<u8>),
    HardLink(RelPath),
    Other,
}

impl What {
    fn name(&self) -> &'static str {
        match self {
            Self::Dir => "a directory",
            Self::File { .. } => "a file",
            Self::Symlink(_) => "a symlink",
            Self::HardLink(_) => "a hard link",
            Self::Other => "a device, pipe or socket",
        }
    }
}

pub(in crate::pack) type Facts = BTreeMap<RelPath, Fact>;

/// How modes are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pack) enum Modes {
    Exact,
    AfterUmask,
}

/// Holds every path of the manifest against what is there, and finds what is there besides. Not sorted.
pub(in crate::pack) fn judge(manifest: &Manifest, mut facts: Facts, modes: Modes) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in &manifest.entries {
        match facts.remove(&entry.path) {
            Some(fact) => findings.extend(judge_entry(manifest, entry, &fact, modes)),
            None => findings.push(error(entry, "missing", format!("{} is not there", name(&entry.kind)))),
        }
    }
    // The manifest does not name what is ours.
    let ours = [
        manifest::DIRECTORY,
        manifest::ABOUT,
        manifest::MANIFEST,
        manifest::TOOLS,
        manifest::TOOL,
        manifest::PLACE,
        manifest::BILL,
    ];
    for own in [""].into_iter().chain(ours) {
        facts.remove(&RelPath::new(own.as_bytes()).unwrap_or_default());
    }
    findings.extend(facts.keys().map(extra));
    findings
}

/// A path that the manifest does not name.
pub(in crate::pack) fn extra(path: &RelPath) -> Finding {
    Finding::at(path, Severity::Error, "extra", "it is not in the manifest")
}

fn error(entry: &Entry, kind: &str, found: String) -> Finding {
    Finding::at(&entry.path, Severity::Error, kind, found)
}

fn judge_entry(manifest: &Manifest, entry: &Entry, fact: &Fact, modes: Modes) -> Vec<Finding> {
    let mut findings: Vec<Finding> = judge_kind(manifest, entry, &fact.what, modes).into_iter().collect();
    let same_type = findings.iter().all(|finding| finding.kind != "type-changed");
    if same_type && !mode_holds(entry, fact.mode, modes) {
        let text = format!("its mode is {:04o} and was {:04o}", fact.mode, entry.mode);
        findings.push(error(entry, "mode-changed", text));
    }
    findings
}

fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Dir => "a directory",
        Kind::File { .. } => "a file",
        Kind::Symlink { .. } => "a symlink",
        Kind::HardLink { .. } => "a hard link",
    }
}

fn mode_holds(entry: &Entry, found: u32, modes: Modes) -> bool {
    // A symlink's mode means nothing, and where a tree is unpacked without its top directory the place has its own.
    if matches!(entry.kind, Kind::Symlink { .. }) || (entry.path.is_root() && modes == Modes::AfterUmask) {
        return true;
    }
    let inherited = if entry.kind == Kind::Dir { 0o2000 } else { 0 };
    match modes {
        Modes::Exact => found == entry.mode,
        Modes::AfterUmask => found & 0o700 == entry.mode & 0o700 && found & !(entry.mode | inherited) == 0,
    }
}

fn judge_kind(manifest: &Manifest, entry: &Entry, found: &What, modes: Modes) -> Option<Finding> {
    let error = |kind, text| Some(error(entry, kind, text));
    match (&entry.kind, found) {
        (Kind::Dir, What::Dir) => None,
        (Kind::File { size, sha256, .. }, What::File { .. }) => judge_file(entry, (*size, sha256), found),
        (Kind::Symlink { target }, What::Symlink(now)) if target == now => None,
        (Kind::Symlink { target }, What::Symlink(now)) => {
            error("target-changed", format!("it leads to '{}' and led to '{}'", printable(now), printable(target)))
        }
        (Kind::HardLink { first }, What::HardLink(now)) if first == now => None,
        (Kind::HardLink { first }, What::HardLink(now)) => {
            error("target-changed", format!("it is a hard link to '{now}' and was one to '{first}'"))
        }
        (Kind::HardLink { first }, What::File { .. }) => match manifest.entry(first).map(|first| &first.kind) {
            // In a tree every name of a file looks the same; in an archive the link is gone.
            Some(Kind::File { size, sha256, .. }) => judge_file(entry, (*size, sha256), found).or_else(|| {
                let text = format!("it is a file of its own and was a hard link to '{first}'");
                (modes == Modes::Exact).then(|| Finding::at(&entry.path, Severity::Note, "hard-link-broken", text))
            }),
            _ => error("missing", format!("its first name '{first}' is not in the manifest")),
        },
        (was, now) => error("type-changed", format!("it is {} and was {}", now.name(), name(was))),
    }
}

fn judge_file(entry: &Entry, (size, sha256): (u64, &Digest), found: &What) -> Option<Finding> {
    let error = |kind, text| Some(error(entry, kind, text));
    let What::File { size: now, sha256: digest } = found else { return None };
    match digest {
        Err(why) => error("unreadable", format!("it cannot be read: {why}")),
        Ok(_) if *now != size => error("size-changed", format!("it has {now} bytes and had {size}")),
        Ok(digest) if digest != sha256 => error("bytes-changed", format!("its sha256 is {digest} and was {sha256}")),
        Ok(_) => None,
    }
}
