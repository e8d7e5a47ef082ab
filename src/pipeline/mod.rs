//! The main job, readable from top to bottom: look, read, decide, fit, act, prove.
//!
//! [`prepare`] looks and decides, and writes nothing. What it gives can be printed (`--dry-run`), handed to
//! [`archive::write`] or [`tree::write`], which act and prove and only then give the result its name, or to
//! [`in_place::apply`].

pub mod archive;
mod around;
mod bill;
mod bundle;
pub mod check;
mod compiled;
mod contents;
mod error;
mod fit;
mod glimpse;
pub mod in_place;
mod items;
mod ledgers;
mod reading;
mod record;
pub mod single;
mod strings;
mod strip;
mod texts;
pub mod tree;
pub mod unrecorded;

pub use bundle::RUNTIME;
pub use error::JobError;
pub use fit::Fit;
pub use reading::{Learned, Left, Reading, TextFit};
pub use strip::{Kept, Strip};
pub use texts::Dropped;

use crate::base::bytes::{FileBytes, ReadAt, open};
use crate::base::digest::{Digest, Mark};
use crate::base::event::Listener;
use crate::base::finding::{Finding, Severity};
use crate::base::glob::Globs;
use crate::base::host;
use crate::base::mode::Chmod;
use crate::base::path::{Prefix, RelPath};
use crate::base::sums::SumForm;
use crate::base::write::Store;
use crate::fill::Fill;
use crate::loader::closure::Member;
use crate::loader::object::Tag;
use crate::manifest::{How, Places, Sum};
use crate::plan::{self, Hints, Plan, Policy, PrefixChoice};
use crate::scan::{Candidate, Class, Entry, FileFacts, Inventory, Prune};
use crate::text::kind::Kind;
use crate::text::mkconf;
use crate::text::occurrence::Names;
use crate::text::pyc;
use crate::verify::judge::{Exhibit, Law, Verdict, What, judge};
use around::Around;
use check::left::{Search, Seen};
use glimpse::Looked;
use rayon::prelude::*;
use reading::{Digests, Question};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the user asked for, understood.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
pub struct Job {
    /// The tree to read.
    pub root: PathBuf,
    /// The prefixes it was built for, where the user says.
    pub old_prefixes: Vec<Prefix>,
    /// The tag every run-time path shall have; none keeps each.
    pub tag: Option<Tag>,
    /// What is left out.
    pub exclude: Globs,
    /// What is left out to make the result smaller.
    pub prune: Prune,
    /// Takes the debug sections out of programs and libraries.
    pub strip: bool,
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
    /// Classes of text that are left as they are.
    pub without: Vec<&'static str>,
    /// The path the result is for, where it is known already.
    pub dest: Option<Prefix>,
    /// Directories the tree was built in, to be looked for in the result.
    pub build_dirs: Vec<Prefix>,
    /// Whether ROOT itself is changed, which gets no record of what it was.
    pub in_place: bool,
    /// Whether only run-time paths and symlinks are changed: what a loader goes by. Of no file more is read than that takes.
    pub elf_only: bool,
    /// The tool's own program, to be carried where the target has work left for it.
    pub tool: Option<Vec<u8>>,
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
    /// What was learned of regular files by reading them; of the others that were read there is only a mark.
    pub readings: BTreeMap<RelPath, Reading>,
    /// The prefixes that [`Reading::places`] speak of, by index.
    pub prefixes: Vec<Prefix>,
    /// What is left out, and why.
    pub dropped: BTreeMap<RelPath, Dropped>,
    /// Where new texts are kept; none where there are none.
    store: Option<Arc<Store>>,
}

impl Prepared {
    /// An inventory to which nothing is done.
    fn unchanged(inventory: Inventory) -> Self {
        let choice = PrefixChoice { prefixes: Vec::new(), because: "nothing is changed".to_owned() };
        let expected = judge(&[], &Law::default());
        Self {
            inventory,
            choice,
            plan: Plan::default(),
            fits: BTreeMap::new(),
            expected,
            copied: BTreeMap::new(),
            readings: BTreeMap::new(),
            prefixes: Vec::new(),
            dropped: BTreeMap::new(),
            store: None,
        }
    }

    /// The digest of a file's bytes in ROOT; of those that stay as they are, not all have one.
    fn digest(&self, path: &RelPath) -> Option<Digest> {
        self.readings.get(path).and_then(|reading| reading.digest.as_deref()).copied()
    }

    /// Whether a file is shipped with other bytes than it has.
    fn changes(&self, job: &Job, path: &RelPath, entry: &Entry) -> bool {
        let Some(facts) = entry.file() else { return false };
        let by_reading = |reading: &Reading| {
            reading.text.is_some()
                || (job.dest.is_some() && !(reading.places.is_empty() && reading.sums.is_empty()))
                || matches!(reading.strip, Some(Ok(_)))
        };
        (matches!(facts.class, Class::Pyc(_)) && job.source_date_epoch.is_some())
            || self.readings.get(path).is_some_and(by_reading)
            || self.fits.contains_key(path)
    }

    /// Sees to it that every file that changes has the digest of what it was.
    fn add_digests(&mut self, job: &Job) -> Result<(), JobError> {
        let lacks = |(path, entry): &(&RelPath, &Entry)| self.changes(job, path, entry) && self.digest(path).is_none();
        let entries = &self.inventory.entries;
        let lacking: BTreeMap<_, _> = if job.source_date_epoch.is_some() {
            entries.iter().filter(lacks).collect()
        } else {
            // Of the many files that nothing was learned of, none changes.
            let learned = self.readings.keys().chain(self.fits.keys());
            learned.filter_map(|path| entries.get_key_value(path)).filter(lacks).collect()
        };
        let digest = |(path, entry): (&RelPath, &Entry)| {
            let source = self.inventory.source(path);
            let file = open(&source).and_then(FileBytes::new);
            let read = file.and_then(|file| Ok((Digest::read(&file)?, Mark::read(&file)?, ReadAt::size(&file))));
            let (digest, mark, size) = read.map_err(|error| JobError::Read { path: source.to_path_buf(), error })?;
            let differs =
                |facts: &FileFacts| size != facts.size || reading::differs(facts, self.readings.get(path), mark);
            if entry.file().is_some_and(differs) {
                return Err(JobError::Changed { path: path.clone() });
            }
            Ok((path.clone(), digest))
        };
        let digests = lacking.into_par_iter().map(digest).collect::<Result<Vec<_>, _>>()?;
        for (path, digest) in digests {
            self.readings.entry(path).or_default().digest = Some(Box::new(digest));
        }
        Ok(())
    }

    /// What is looked for in the result: everything that names an old path.
    fn search(&self, job: &Job) -> Search {
        let asked = check::Asked { old_prefixes: &job.old_prefixes, build_dirs: &job.build_dirs, law: &job.law };
        Search::new(&job.root, &mkconf(&self.inventory), &self.choice.prefixes, None, &asked)
    }

    /// What is left in the result; the places in its record are written anew where its path is known.
    fn left(&self, job: &Job, search: &Search, seen: Vec<Seen>) -> check::left::Left {
        let fixed = |path: &RelPath, offset: u64| {
            let places = self.readings.get(path).map_or(&[][..], |reading| &reading.places);
            places.iter().any(|places| places.at.binary_search(&offset).is_ok())
        };
        search.conclude(&self.inventory, (seen, Vec::new()), &fixed, &job.law)
    }

    /// The size of a file with `dest` in its places, where it has `size` bytes without.
    fn size_at(&self, path: &RelPath, size: u64, dest: Option<&Prefix>) -> u64 {
        let places = self.readings.get(path).map_or(&[][..], |reading| &reading.places);
        // What does not fit was refused before anything is written.
        Fill::of(places, &self.prefixes, None).and_then(|fill| fill.size(size, dest)).unwrap_or(size)
    }

    /// The places of a file as the record says them, with `dest` in them.
    fn places_at(&self, path: &RelPath, dest: Option<&Prefix>) -> Vec<Places> {
        let places = self.readings.get(path).map_or(&[][..], |reading| &reading.places);
        let fill = Fill::of(places, &self.prefixes, None);
        fill.and_then(|fill| fill.places_at(places, dest)).unwrap_or_default()
    }

    /// The sums in a ledger as the record says them, with `dest` in its places.
    fn sums_at(&self, path: &RelPath, dest: Option<&Prefix>) -> Vec<Sum> {
        let Some(reading) = self.readings.get(path) else { return Vec::new() };
        let runs: Vec<(u64, u64)> = reading.sums.iter().map(|sum| (sum.at, sum.text.len() as u64)).collect();
        let fill = Fill::of(&reading.places, &self.prefixes, None);
        let offsets = fill.and_then(|fill| fill.between(&runs, dest)).unwrap_or_default();
        let text = |sum: &Sum| match (sum.form, self.inventory.entries.get(&sum.of).and_then(Entry::file)) {
            (SumForm::SourceSize, Some(source)) => {
                let size = self.size_at(&sum.of, source.size, dest);
                ((size & u64::from(u32::MAX)) as u32).to_le_bytes().to_vec()
            }
            _ => sum.text.clone(),
        };
        offsets.into_iter().zip(&reading.sums).map(|(at, sum)| Sum { at, text: text(sum), ..sum.clone() }).collect()
    }

    /// Whether files that programs read name the path of the tree, so that it has to be written into them where it is
    /// unpacked.
    pub fn wants_final_path(&self) -> bool {
        let places = self.readings.values().flat_map(|reading| &reading.places);
        places.into_iter().any(|places| Kind::named(&places.class).is_none_or(|kind| !kind.is_for_people()))
    }

    /// ROOT's own path is no prefix of the result where no file names it: the result must not depend on it.
    fn forget_own_path(&mut self) {
        let places = self.readings.values().flat_map(|reading| &reading.places);
        let named = places.map(|places| places.prefix + 1).max().unwrap_or(0);
        self.prefixes.truncate(named.max(self.choice.prefixes.len()));
    }

    /// Refuses a path that does not fit the strings of the tree, or cannot stand in a text of it.
    fn can_be_at(&self, dest: &Prefix) -> Result<(), JobError> {
        if let Some(capacity) = self.capacity().filter(|capacity| *capacity < dest.as_bytes().len() as u64) {
            return Err(JobError::DestTooLong { dest: dest.clone(), capacity });
        }
        let mut named =
            self.readings.iter().flat_map(|(path, reading)| reading.places.iter().map(move |at| (path, at)));
        let misfit = named.find_map(|(path, places)| {
            let byte = Kind::named(&places.class)?.cannot_hold(dest.as_bytes())?;
            Some((path, places, byte))
        });
        match misfit {
            None => Ok(()),
            Some((file, places, byte)) => {
                let class = places.class.clone();
                Err(JobError::DestCharacter { dest: dest.clone(), class, byte, file: file.clone() })
            }
        }
    }

    /// How long a path the tree can run at, in bytes; none where no string of its files limits it.
    pub fn capacity(&self) -> Option<u64> {
        let padded = self.readings.values().flat_map(|reading| &reading.places);
        let padded = padded.filter(|places| places.how == How::Padded && places.class != pyc::CLASS);
        padded.filter_map(|places| self.prefixes.get(places.prefix)).map(|prefix| prefix.as_bytes().len() as u64).min()
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
    let Looked { mut inventory, choice, prefixes, mut readings } = glimpse::look(job, listener)?;
    let mut copied = bundle::copy_links(&mut inventory, &prefixes, &job.copy_link)?;
    let tree = plan::tree(&inventory, prefixes.clone());
    let store = Arc::new(Store::default());
    let question = Question {
        prefixes: &prefixes,
        names: Names::new(&prefixes),
        around: Around::new(&inventory, &tree),
        skip: &job.skip,
        without: &job.without,
        strip: job.strip,
        store: &store,
        digests: if job.in_place { Digests::None } else { Digests::Changing },
    };
    if !job.elf_only {
        reading::read_all(&inventory, &question, &mut readings, listener)?;
    }
    let mut dropped = texts::leave_out(&mut inventory, &tree, &readings);
    dropped.extend(compiled::follow(&mut inventory, &prefixes, &mut readings, job.dest.as_ref())?);
    let (mut plan, expected) = loop {
        let plan = decide(job, &inventory, &prefixes, &copied, &readings);
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
    if job.elf_only {
        reading::know_again(&inventory, &plan, &mut readings)?;
    } else {
        reading::read_all(&inventory, &question, &mut readings, listener)?;
    }
    let fits = fit::fit_all(&inventory, &readings, &mut plan, listener);
    let mut prepared = Prepared {
        inventory,
        choice,
        plan,
        fits,
        expected,
        copied,
        readings,
        prefixes: prefixes.clone(),
        dropped,
        store: Some(Arc::clone(&store)),
    };
    ledgers::rewrite(job, &mut prepared, &question)?;
    if !job.in_place {
        prepared.add_digests(job)?;
    }
    prepared.forget_own_path();
    let mut findings = texts::findings(&prepared);
    findings.extend(strip::findings(&prepared));
    prepared.plan.findings.extend(findings);
    prepared.plan.findings.sort();
    if let Some(dest) = &job.dest {
        prepared.can_be_at(dest)?;
    }
    Ok(prepared)
}

fn decide(
    job: &Job,
    inventory: &Inventory,
    prefixes: &[Prefix],
    copied: &BTreeMap<RelPath, PathBuf>,
    readings: &BTreeMap<RelPath, Reading>,
) -> Plan {
    let tree = plan::tree(inventory, prefixes.to_vec());
    let members = plan::members(inventory, &tree);
    let libc = plan::libc(&members);
    let policy = Policy {
        prefixes: prefixes.to_vec(),
        tag: job.tag,
        skip: &job.skip,
        drop_setuid: job.drop_setuid,
        is_stripped: &|path| readings.get(path).is_some_and(|reading| matches!(reading.strip, Some(Ok(_)))),
        libc,
        // What was copied in is there to be used, though the host may have its own.
        is_system: &|soname, _| job.law.is_system(soname, libc) && copied.keys().all(|path| path.name() != soname),
    };
    plan::decide(inventory, &tree, members, &policy)
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
                Some(Class::BadElf(_)) => check::read(&inventory.source(path))?,
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
fn hints(job: &Job, mkconf: &[u8], candidates: &[Candidate]) -> Hints {
    let root = host::real_path(&job.root);
    let is_root = |candidate: &Candidate| {
        let path = Path::new(std::ffi::OsStr::from_bytes(candidate.prefix.as_bytes()));
        root.is_some() && host::real_path(path) == root
    };
    Hints {
        given: job.old_prefixes.clone(),
        localbase: mkconf::localbase(mkconf).and_then(Prefix::new),
        same_as_root: candidates
            .iter()
            .filter(|candidate| is_root(candidate))
            .map(|candidate| candidate.prefix.clone())
            .collect(),
    }
}

fn mkconf_path() -> RelPath {
    RelPath::root().join(b"etc").join(b"mk.conf")
}

/// pkgsrc's configuration in the tree; empty where it has none.
fn mkconf(inventory: &Inventory) -> Vec<u8> {
    let path = mkconf_path();
    let is_there = inventory.entries.contains_key(&path);
    is_there.then(|| fs::read(inventory.source(&path)).ok()).flatten().unwrap_or_default()
}

/// The old prefixes and ROOT's own path: an absolute path below either means the tree.
fn with_root(prefixes: &[Prefix], root: &Path) -> Vec<Prefix> {
    let own = host::real_path(root).and_then(|path| Prefix::new(&path));
    let mut all = prefixes.to_vec();
    all.extend(own.filter(|own| !prefixes.contains(own)));
    all
}
