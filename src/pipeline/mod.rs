//! The main job, readable from top to bottom: look, decide, fit, act, prove.
//!
//! [`prepare`] looks and decides, and writes nothing. What it gives can be printed (`--dry-run`), handed to
//! [`archive::write`] or [`tree::write`], which act and prove and only then give the result its name, or to
//! [`in_place::apply`].

pub mod archive;
mod bundle;
pub mod check;
mod contents;
mod error;
mod fit;
pub mod in_place;
mod items;
mod record;
pub mod single;
pub mod tree;

pub use bundle::RUNTIME;
pub use error::JobError;
pub use fit::Fit;

use crate::base::event::Listener;
use crate::base::finding::{Finding, Severity};
use crate::base::glob::Globs;
use crate::base::host;
use crate::base::mode::Chmod;
use crate::base::path::{Prefix, RelPath};
use crate::loader::closure::Member;
use crate::loader::object::Tag;
use crate::plan::{self, Hints, Plan, Policy, PrefixChoice};
use crate::scan::{self, Candidate, Class, Entry, Inventory};
use crate::text::mkconf;
use crate::verify::judge::{Exhibit, Law, Verdict, What, judge};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What the user asked for, understood.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// The tree to read.
    pub root: PathBuf,
    /// The prefixes it was built for, where the user says.
    pub old_prefixes: Vec<Prefix>,
    /// The tag every run-time path shall have; none keeps each.
    pub tag: Option<Tag>,
    /// What is left out.
    pub exclude: Globs,
    /// Files left as they are.
    pub skip: Globs,
    /// Libraries to copy in, by soname.
    pub bundle: Globs,
    /// Symlinks whose targets are brought in.
    pub copy_link: Globs,
    /// Takes setuid, setgid and capabilities away where they stand in the way.
    pub drop_setuid: bool,
    /// What is allowed and demanded of the result.
    pub law: Law,
    /// Who owns what is in the archive.
    pub owner: Owner,
    /// A change of all permissions.
    pub chmod: Option<Chmod>,
    /// No modification time is later than this (seconds since 1970).
    pub source_date_epoch: Option<i64>,
}

/// Who owns what is in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// This user and group.
    Fixed(u64, u64),
    /// As in ROOT.
    Keep,
}

impl Default for Owner {
    fn default() -> Self {
        Self::Fixed(0, 0)
    }
}

/// Everything known and decided, before anything is written.
#[derive(Debug)]
pub struct Prepared {
    /// The tree.
    pub inventory: Inventory,
    /// The old prefixes and why they were taken.
    pub choice: PrefixChoice,
    /// What is to change.
    pub plan: Plan,
    /// How each new run-time path fits its file.
    pub fits: BTreeMap<RelPath, Fit>,
    /// What the judge will say of the result if everything is written as planned.
    pub expected: Verdict,
    /// What was copied in from this machine: path in the tree, and where from.
    pub copied: BTreeMap<RelPath, PathBuf>,
}

impl Prepared {
    /// An inventory to which nothing is done.
    fn unchanged(inventory: Inventory) -> Self {
        let choice = PrefixChoice { prefixes: Vec::new(), because: "nothing is changed".to_owned() };
        let expected = judge(&[], &Law::default());
        let (plan, fits, copied) = (Plan::default(), BTreeMap::new(), BTreeMap::new());
        Self { inventory, choice, plan, fits, expected, copied }
    }

    /// Files that had to be changed and cannot be, with the reason.
    pub fn refused(&self) -> &BTreeMap<RelPath, String> {
        &self.plan.refused
    }

    /// Whether the plan already says that the proof will fail.
    pub fn is_hopeless(&self) -> bool {
        !self.expected.holds() || self.plan.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Looks and decides.
pub fn prepare(job: &Job, listener: &dyn Listener) -> Result<Prepared, JobError> {
    let mut inventory = scan::scan(&job.root, &job.exclude, listener)?;
    let choice = plan::choose(&hints(job, &inventory), &scan::candidates(&inventory))?;
    let prefixes = with_root(&choice.prefixes, &job.root);
    let mut copied = bundle::copy_links(&mut inventory, &prefixes, &job.copy_link)?;
    let (mut plan, expected) = loop {
        let plan = decide(job, &inventory, &prefixes, &copied);
        let mut expected = judge(&planned_exhibits(&inventory, &plan)?, &job.law);
        bundle::locate(&mut expected.missing, &plan);
        if !bundle::bring_in(job, &mut inventory, &plan, &expected.missing, &mut copied)? {
            break (plan, expected);
        }
    };
    plan.findings.extend(bundle::report(&copied));
    plan.findings.extend(record::raised_floor(&plan, &expected.floor, &copied));
    plan.findings.extend(disputed(&inventory, &expected));
    plan.findings.sort();
    let fits = fit::fit_all(&inventory, &mut plan, listener);
    Ok(Prepared { inventory, choice, plan, fits, expected, copied })
}

fn decide(job: &Job, inventory: &Inventory, prefixes: &[Prefix], copied: &BTreeMap<RelPath, PathBuf>) -> Plan {
    let libc = plan::libc(&plan::members(inventory, &plan::tree(inventory, prefixes.to_vec())));
    let policy = Policy {
        prefixes: prefixes.to_vec(),
        tag: job.tag,
        skip: &job.skip,
        drop_setuid: job.drop_setuid,
        libc,
        // What was copied in is there to be used, though the host may have its own.
        is_system: &|soname, _| job.law.is_system(soname, libc) && copied.keys().all(|path| path.name() != soname),
    };
    plan::decide(inventory, &policy)
}

/// What the judge would be shown if everything were written as planned.
fn planned_exhibits(inventory: &Inventory, plan: &Plan) -> Result<Vec<Exhibit>, JobError> {
    let planned: BTreeMap<_, _> = plan.members.iter().map(|member| (&member.path, member)).collect();
    let exhibit = |(path, entry): (&RelPath, &Entry)| {
        let what = match planned.get(path) {
            Some(member) => {
                let rewritten = plan.rewrites.contains_key(path);
                let run_paths =
                    entry.elf().map(|facts| facts.run_paths.iter().map(|path| (path.tag, path.value.clone())));
                let as_planned = member.object.run_path().map(|(tag, path)| (tag, path.to_vec()));
                let left = run_paths.into_iter().flatten().filter(|_| !rewritten);
                let run_paths = as_planned.into_iter().filter(|_| rewritten).chain(left).collect();
                What::Dynamic(Box::new(member.object.clone()), run_paths)
            }
            None => match entry.file().map(|facts| &facts.class) {
                // The writer cannot read it. The judge, and a loader, may all the same.
                Some(Class::BadElf(_)) => check::read(entry)?,
                _ => contents::shown(entry, plan.links.get(path)),
            },
        };
        Ok(Exhibit { path: path.clone(), mode: plan.modes.get(path).copied().unwrap_or(entry.mode), what })
    };
    inventory.entries.iter().map(exhibit).collect()
}

/// Files that the writer cannot read and the judge can: what is wrong with them, which the judge does not see.
fn disputed(inventory: &Inventory, expected: &Verdict) -> Vec<Finding> {
    let finding = |member: &Member| match &inventory.entries.get(&member.path)?.file()?.class {
        Class::BadElf(why) => {
            let found = format!("{why}; it cannot be changed");
            Some(Finding::at(&member.path, Severity::Warning, "elf-unreadable", found))
        }
        _ => None,
    };
    expected.members.iter().filter_map(finding).collect()
}

/// What speaks for a prefix besides the tree's files.
fn hints(job: &Job, inventory: &Inventory) -> Hints {
    let mkconf = RelPath::root().join(b"etc").join(b"mk.conf");
    let text = inventory.entries.get(&mkconf).and_then(|entry| fs::read(&entry.source).ok()).unwrap_or_default();
    let root = host::real_path(&job.root);
    let is_root = |candidate: &Candidate| {
        let path = Path::new(std::ffi::OsStr::from_bytes(candidate.prefix.as_bytes()));
        root.is_some() && host::real_path(path) == root
    };
    Hints {
        given: job.old_prefixes.clone(),
        localbase: mkconf::localbase(&text).and_then(Prefix::new),
        same_as_root: scan::candidates(inventory)
            .into_iter()
            .filter(is_root)
            .map(|candidate| candidate.prefix)
            .collect(),
    }
}

/// The old prefixes and ROOT's own path: an absolute path below either means the tree.
fn with_root(prefixes: &[Prefix], root: &Path) -> Vec<Prefix> {
    let own = host::real_path(root).and_then(|path| Prefix::new(&path));
    let mut all = prefixes.to_vec();
    all.extend(own.filter(|own| !prefixes.contains(own)));
    all
}
