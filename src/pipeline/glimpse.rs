//! What a file shows when the tree is read for the first time, before it is known which prefixes count.
//!
//! A few files tell which prefixes those will be, mostly rightly: a file that names none of them, and in which nothing else
//! can change, is then known well enough and need not be read again for the plan. Where the guess was wrong, all are.

use super::contents::WHOLE;
use super::reading::Reading;
use super::{Job, JobError, hints, mkconf, with_root};
use crate::base::bytes::ReadAt;
use crate::base::digest::{Digest, Mark};
use crate::base::event::Listener;
use crate::base::path::{Prefix, RelPath};
use crate::elf;
use crate::plan::{self, PrefixChoice};
use crate::scan::{self, Candidate, Class, FileFacts, Inventory, Kind, Listing};
use crate::text::occurrence::{Names, Reading as As};
use crate::text::rewrite::LEDGERS;
use std::collections::BTreeMap;
use std::io;

/// A tree that was looked at.
pub(super) struct Looked {
    pub(super) inventory: Inventory,
    /// The old prefixes and why they were taken.
    pub(super) choice: PrefixChoice,
    /// These and ROOT's own path.
    pub(super) prefixes: Vec<Prefix>,
    /// What is known already of what is in the files.
    pub(super) readings: BTreeMap<RelPath, Reading>,
}

/// Looks at the tree: reads every file, or its first bytes alone where nothing but ELF files and symlinks is to change.
pub(super) fn look(job: &Job, listener: &dyn Listener) -> Result<Looked, JobError> {
    let listing = Listing::new(&job.root, &job.exclude, &job.prune).stamped(job.in_place);
    if job.elf_only {
        let inventory = listing.inspect(listener)?;
        // No loader looks for what a shebang names; a prefix that they alone name has nothing to be done about here.
        let names = |candidate: &Candidate| candidate.run_paths + candidate.symlinks > 0;
        let candidates: Vec<_> = scan::candidates(&inventory).into_iter().filter(names).collect();
        let (choice, prefixes) = choose(job, &inventory, &candidates)?;
        return Ok(Looked { inventory, choice, prefixes, readings: BTreeMap::new() });
    }
    let guess = Guess::new(job, &listing);
    let (mut inventory, seen) = listing.read(listener, &|path, facts, bytes| guess.look(path, facts, bytes))?;
    let (choice, prefixes) = choose(job, &inventory, &scan::candidates(&inventory))?;
    let readings = guess.readings(&mut inventory, seen, &prefixes);
    Ok(Looked { inventory, choice, prefixes, readings })
}

fn choose(job: &Job, inventory: &Inventory, candidates: &[Candidate]) -> Result<(PrefixChoice, Vec<Prefix>), JobError> {
    let choice = plan::choose(&hints(job, &mkconf(inventory), candidates), candidates)?;
    let prefixes = with_root(&choice.prefixes, &job.root);
    Ok((choice, prefixes))
}

/// The prefixes that will probably count.
struct Guess<'a> {
    job: &'a Job,
    prefixes: Vec<Prefix>,
    names: Names,
}

impl<'a> Guess<'a> {
    fn new(job: &'a Job, listing: &Listing) -> Self {
        let candidates = if job.old_prefixes.is_empty() { listing.guess() } else { Vec::new() };
        let mkconf = listing.contents(&super::mkconf_path());
        let chosen = plan::choose(&hints(job, &mkconf, &candidates), &candidates);
        let prefixes = with_root(&chosen.map(|choice| choice.prefixes).unwrap_or_default(), &job.root);
        Self { job, names: Names::new(&prefixes), prefixes }
    }

    /// What is known of a file if the guess is right; none where it has to be read again.
    fn look(&self, path: &RelPath, facts: &FileFacts, bytes: &dyn ReadAt) -> io::Result<Option<Reading>> {
        let is_elf = matches!(facts.class, Class::Elf(_) | Class::BadElf(_));
        if facts.size > WHOLE || (is_elf && self.job.strip) || LEDGERS.iter().any(|ledger| ledger.may_be(path)) {
            return Ok(None);
        }
        let bytes = bytes.range(0, facts.size)?;
        // As binary data more counts as a name than as text. Compiled modules name their sources, and follow those.
        let named = !matches!(facts.class, Class::Pyc(_)) && self.names.any(&bytes, As::Binary);
        if named && (!is_elf || self.job.skip.matches(path)) {
            return Ok(None);
        }
        let will_change = match &facts.class {
            Class::Elf(elf::Read::Dynamic(facts)) => !facts.run_paths.is_empty(),
            Class::Pyc(_) => self.job.source_date_epoch.is_some(),
            _ => false,
        };
        let digest = (will_change && !self.job.in_place).then(|| Digest::of(&bytes));
        let mut reading = Reading::of(Some(Mark::of(&bytes)), digest);
        if named {
            reading.find_strings(&facts.class, &&*bytes, &self.names);
        }
        Ok(Some(reading))
    }

    /// The readings of the files that need no second look, now that the prefixes are known; `seen` are those of the regular
    /// files, in the order of paths. Where there is only a mark, the inventory gets it.
    fn readings(
        &self,
        inventory: &mut Inventory,
        seen: Vec<Option<Reading>>,
        prefixes: &[Prefix],
    ) -> BTreeMap<RelPath, Reading> {
        if !prefixes.iter().all(|prefix| self.prefixes.contains(prefix)) {
            return BTreeMap::new();
        }
        // Places speak of prefixes by their index.
        let same = prefixes == self.prefixes;
        let counts = |reading: &Reading| same || (reading.places.is_empty() && reading.left.is_none());
        let files = inventory.entries.iter_mut().filter_map(|(path, entry)| match &mut entry.kind {
            Kind::File(facts) => Some((path, facts)),
            _ => None,
        });
        let few = files.zip(seen).filter_map(|((path, facts), reading)| {
            let reading = reading.filter(counts)?;
            if reading.is_plain() {
                facts.mark = reading.mark;
                return None;
            }
            Some((path.clone(), reading))
        });
        few.collect()
    }
}
