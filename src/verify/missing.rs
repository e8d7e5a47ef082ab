//! Libraries a tree needs and does not have: grouped by soname, with who needs each and what to do, so that one run tells
//! all of it and one pasted command answers.

use crate::base::path::{RelPath, printable, serialize_bytes};
use crate::loader::closure::{Closure, Member, Miss};
use crate::loader::object::Arch;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A library that some objects of the tree need and none of them finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Its DT_NEEDED name, as text.
    pub soname: String,
    /// The name as bytes, for globs and look-ups.
    #[serde(skip)]
    pub name: Vec<u8>,
    /// Who needs it, sorted.
    pub needed_by: Vec<RelPath>,
    /// What was found instead, where something was.
    pub instead: Option<String>,
    /// Where this machine has it.
    #[serde(serialize_with = "write_path")]
    pub on_this_host: Option<PathBuf>,
    /// What this project proposes.
    pub remedy: Remedy,
    /// The architecture of who needs it first.
    #[serde(skip)]
    pub arch: Option<Arch>,
}

#[expect(clippy::ref_option, reason = "serde's serialize_with passes a reference")]
fn write_path<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => serialize_bytes(path.as_os_str().as_bytes(), serializer),
        None => serializer.serialize_none(),
    }
}

/// What to do about a missing library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// `--bundle`: copy it and what it needs into the tree.
    Bundle,
    /// `--allow-lib`: it belongs to the C library of the host, every target has its own.
    AllowLib,
    /// `--allow-missing`: nothing here has it; what needs it may be an optional plugin.
    AllowMissing,
    /// None of ours: the name is a path that the linker wrote down, and only linking again takes it out.
    Relink,
}

impl Remedy {
    /// The option that applies it, where one does.
    pub fn option(self) -> Option<&'static str> {
        match self {
            Self::Bundle => Some("--bundle"),
            Self::AllowLib => Some("--allow-lib"),
            Self::AllowMissing => Some("--allow-missing"),
            Self::Relink => None,
        }
    }
}

/// Groups what a closure misses, sorted by soname. Where the host has it is for the caller to fill in.
pub fn group(closure: &Closure, members: &[Member]) -> Vec<Missing> {
    let mut groups: BTreeMap<&[u8], Missing> = BTreeMap::new();
    for unresolved in &closure.unresolved {
        let member = &members[unresolved.object];
        let missing = groups.entry(&unresolved.needed).or_insert_with(|| Missing {
            soname: printable(&unresolved.needed).into_owned(),
            name: unresolved.needed.clone(),
            needed_by: Vec::new(),
            instead: None,
            on_this_host: None,
            remedy: if unresolved.needed.contains(&b'/') { Remedy::Relink } else { Remedy::AllowMissing },
            arch: Some(member.object.arch),
        });
        missing.needed_by.push(member.path.clone());
        missing.instead = missing.instead.take().or_else(|| instead(&unresolved.miss));
    }
    groups.into_values().collect()
}

fn instead(miss: &Miss) -> Option<String> {
    match miss {
        Miss::NotFound => None,
        Miss::WrongArch(path) => Some(format!("{path} is for another architecture")),
        Miss::NotElf(path) => Some(format!("{path} is no ELF file, and the loader stops there")),
        Miss::Path => Some("the name is a path, which the loader does not search for".to_owned()),
    }
}

/// The options that answer all of it, in the order of the list, each once.
pub fn answer(missing: &[Missing]) -> Vec<(&'static str, String)> {
    missing.iter().filter_map(|missing| Some((missing.remedy.option()?, missing.soname.clone()))).collect()
}
