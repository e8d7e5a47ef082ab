//! Every file read once, whole: its digest, what its text becomes, and where it names the path of the tree.
//!
//! Takes the inventory and the old prefixes; gives a [`Reading`] for each regular file. Files up to [`WHOLE`] bytes are
//! read in one piece, so that what is digested, rewritten and searched are the same bytes; larger ones in pieces. Nothing is
//! kept of the bytes: what is shipped is made again from them and compared.

use super::JobError;
use super::around::Around;
use super::contents::WHOLE;
use super::strip::{Kept as KeptSections, Strip};
use super::{strings, strip};
use crate::base::bytes::{Edited, FileBytes, ReadAt, WholeFile, open};
use crate::base::digest::{Digest, Mark, Marker};
use crate::base::event::{Event, Listener, Stage};
use crate::base::glob::Globs;
use crate::base::path::{Prefix, RelPath};
use crate::base::stamp::Stamp;
use crate::base::sums::Sums;
use crate::base::write::{Kept, Store};
use crate::elf;
use crate::manifest::{How, Places, Sum};
use crate::plan::Plan;
use crate::scan::{Class, Entry, FileFacts, Inventory};
use crate::text::class::{Demand, Subject};
use crate::text::kind::Kind;
use crate::text::occurrence::{Names, Reading as As};
use crate::text::rewrite::{self, ClassChange, LEDGERS, LONGEST, Outcome};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// How much of a large file is read at a time, in bytes.
const CHUNK: u64 = 4 << 20;

/// The index of pkgsrc's package database, from file to package.
const PACKAGE_INDEX: &[u8] = b"pkgdb.byfile.db";

/// What was learned of a file by reading it. Of most files of a large tree there is only the mark, so what few have is kept
/// apart.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Mark of its bytes in ROOT.
    pub mark: Option<Mark>,
    /// Digest of its bytes in ROOT; none where nothing in them was found that would have to change.
    pub digest: Option<Box<Digest>>,
    more: Option<Box<Learned>>,
}

/// What is known of few files besides their sums.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    /// What its text becomes, where that changes.
    pub text: Option<Box<TextFit>>,
    /// Where its bytes, as they will be shipped, name the path of the tree.
    pub places: Vec<Places>,
    /// Which ledger it is (an index in [`LEDGERS`]), and the paths it speaks of.
    pub ledger: Option<(usize, Vec<RelPath>)>,
    /// Where it has sums of files that depend on the path of the tree; offsets as in `places`.
    pub sums: Vec<Sum>,
    /// What becomes of its debug sections, where it has any and they are to go.
    pub strip: Option<Result<Strip, KeptSections>>,
    /// What a person should know: why it is left as it is, or left out.
    pub left: Option<Box<Left>>,
}

impl Deref for Reading {
    type Target = Learned;

    fn deref(&self) -> &Learned {
        static NOTHING: Learned = Learned::nothing();
        self.more.as_deref().unwrap_or(&NOTHING)
    }
}

impl DerefMut for Reading {
    fn deref_mut(&mut self) -> &mut Learned {
        self.more.get_or_insert_default()
    }
}

impl Learned {
    const fn nothing() -> Self {
        Self { text: None, places: Vec::new(), ledger: None, sums: Vec::new(), strip: None, left: None }
    }
}

/// A text that changes.
#[derive(Debug, Clone)]
pub struct TextFit {
    /// What was changed, and by which class.
    pub changes: Vec<ClassChange>,
    /// The sums of its new bytes.
    pub sums: Sums,
    /// What the result asks of the host.
    pub demands: Vec<Demand>,
    /// Where its new bytes are kept.
    pub kept: Kept,
}

/// Why a file that names the old prefix does not get what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// A class of text refuses it: the class and the reason.
    Refused(&'static str, String),
    /// A class of text leaves it out of the result: the class and the reason.
    Dropped(&'static str, String),
    /// Its strings must not be overwritten: the reason.
    Strings(String),
}

/// What the files are read for.
pub(super) struct Question<'a> {
    pub(super) prefixes: &'a [Prefix],
    pub(super) names: Names,
    pub(super) around: Around<'a>,
    /// Files left as they are.
    pub(super) skip: &'a Globs,
    /// Classes of text that are not asked.
    pub(super) without: &'a [&'static str],
    /// Whether debug sections go.
    pub(super) strip: bool,
    /// Where new texts are kept.
    pub(super) store: &'a Store,
    /// Which digests are wanted.
    pub(super) digests: Digests,
}

/// Which files' digests are taken while they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digests {
    /// Those of all.
    All,
    /// Those of files whose bytes will probably change, because the record says what they were.
    Changing,
    /// None, because there will be no record.
    None,
}

/// Reads every regular file of the inventory that has no reading yet.
pub(super) fn read_all(
    inventory: &Inventory,
    question: &Question<'_>,
    readings: &mut BTreeMap<RelPath, Reading>,
    listener: &dyn Listener,
) -> Result<(), JobError> {
    let files: Vec<_> = inventory
        .entries
        .iter()
        .filter(|(path, entry)| entry.file().is_some_and(|facts| facts.mark.is_none()) && !readings.contains_key(path))
        .collect();
    let bytes = files.iter().filter_map(|(_, entry)| entry.file()).map(|facts| facts.size).sum();
    listener.event(&Event::Begin { stage: Stage::Read, files: files.len() as u64, bytes });
    let read = files.into_par_iter().filter_map(|(path, entry)| {
        let facts = entry.file()?;
        let read = question.read(&inventory.source(path), (path, entry, facts));
        listener.event(&Event::File { path, bytes: facts.size });
        Some(read.map(|reading| (path.clone(), reading)))
    });
    let read: Vec<_> = read.collect::<Result<_, _>>()?;
    listener.event(&Event::End(Stage::Read));
    readings.extend(read);
    Ok(())
}

/// Reads, of the files whose run-time paths change, those whose stamps will not tell whether they are still the same: they
/// changed a moment ago, or lose a privilege.
pub(super) fn know_again(
    inventory: &Inventory,
    plan: &Plan,
    readings: &mut BTreeMap<RelPath, Reading>,
) -> Result<(), JobError> {
    for path in plan.rewrites.keys() {
        if inventory.entries.get(path).and_then(Entry::file).is_none() {
            continue;
        }
        if inventory.stamps.get(path).is_some_and(Stamp::tells) && !plan.modes.contains_key(path) {
            continue;
        }
        let source = inventory.source(path);
        let mark = open(&source).and_then(FileBytes::new).and_then(|file| Mark::read(&file));
        let mark = mark.map_err(|error| JobError::Read { path: source.to_path_buf(), error })?;
        readings.insert(path.clone(), Reading::of(Some(mark), None));
    }
    Ok(())
}

impl Question<'_> {
    fn read(&self, source: &Path, (path, entry, facts): (&RelPath, &Entry, &FileFacts)) -> Result<Reading, JobError> {
        let unreadable = |error| JobError::Read { path: source.to_owned(), error };
        let changed = |_| JobError::Changed { path: path.clone() };
        let file = open(source).map_err(unreadable)?;
        if facts.size <= WHOLE {
            let read = WholeFile::new(&file, facts.size).read(|bytes| self.whole(path, entry, facts, bytes));
            return read.map_err(changed)?;
        }
        let file = FileBytes::new(file).map_err(unreadable)?;
        if file.size() != facts.size {
            return Err(JobError::Changed { path: path.clone() });
        }
        let (mark, named) = self.in_pieces(&file).map_err(changed)?;
        let digest = (self.digests == Digests::All).then(|| Digest::read(&file)).transpose().map_err(changed)?;
        let mut reading = Reading::of(Some(mark), digest);
        if self.skip.matches(path) {
            return Ok(reading);
        }
        let stripped = self.strip.then(|| strip::strip(&facts.class, &file, &mut reading)).flatten();
        match stripped.filter(|_| named) {
            Some(stripped) => {
                let stripped = Edited::new(&file, &stripped.edits, stripped.size);
                reading.find_strings(&facts.class, &stripped, &self.names);
            }
            None if named => reading.find_strings(&facts.class, &file, &self.names),
            None => {}
        }
        Ok(reading)
    }

    fn whole(&self, path: &RelPath, entry: &Entry, facts: &FileFacts, bytes: &[u8]) -> Result<Reading, JobError> {
        let mut reading = self.marked(path, entry, facts, bytes)?;
        if self.digests == Digests::All || (self.digests == Digests::Changing && reading.may_change(facts)) {
            reading.digest = Some(Box::new(Digest::of(bytes)));
        }
        Ok(reading)
    }

    fn marked(&self, path: &RelPath, entry: &Entry, facts: &FileFacts, bytes: &[u8]) -> Result<Reading, JobError> {
        let mut reading = Reading::of(Some(Mark::of(bytes)), None);
        if self.skip.matches(path) || matches!(facts.class, Class::Pyc(_)) {
            return Ok(reading);
        }
        let text = facts.size <= LONGEST && !is_elf(&facts.class) && rewrite::is_text(bytes);
        if !text {
            if path.name() == PACKAGE_INDEX && self.names.any(bytes, As::Binary) {
                let why = "its keys are absolute paths; 'pkg_admin rebuild' makes it again".to_owned();
                reading.left = Some(Box::new(Left::Dropped("package-database", why)));
                return Ok(reading);
            }
            self.binary(&mut reading, facts, bytes).map_err(|error| JobError::Bug(format!("{path}: {error}")))?;
            return Ok(reading);
        }
        let subject = self.subject(path, entry, bytes);
        if let Some(ledger) = ledger(&subject) {
            reading.ledger = Some(ledger);
        }
        if self.names.any(bytes, As::Text) {
            self.text(&mut reading, &subject)?;
        }
        Ok(reading)
    }

    fn binary(&self, reading: &mut Reading, facts: &FileFacts, bytes: &[u8]) -> std::io::Result<()> {
        // The places are those of the bytes that will be shipped.
        let shipped = match self.strip.then(|| strip::strip(&facts.class, &bytes, reading)).flatten() {
            Some(one) => Cow::Owned(Edited::new(&bytes, &one.edits, one.size).range(0, one.size)?.into_owned()),
            None => Cow::Borrowed(bytes),
        };
        if self.names.any(&shipped, As::Binary) {
            reading.find_strings(&facts.class, &&*shipped, &self.names);
        }
        Ok(())
    }

    /// A file as the classes of text see it.
    pub(super) fn subject<'a>(&'a self, path: &'a RelPath, entry: &Entry, bytes: &'a [u8]) -> Subject<'a> {
        Subject { path, mode: entry.mode, bytes, prefixes: self.prefixes, names: &self.names, around: &self.around }
    }

    fn text(&self, reading: &mut Reading, subject: &Subject<'_>) -> Result<(), JobError> {
        match rewrite::rewrite(subject, self.without) {
            Outcome::Same => reading.places = self.text_places(subject.path, subject.bytes),
            Outcome::Refused(class, why) => {
                reading.left = Some(Box::new(Left::Refused(class, why)));
                reading.places = self.text_places(subject.path, subject.bytes);
            }
            Outcome::Dropped(class, why) => reading.left = Some(Box::new(Left::Dropped(class, why))),
            Outcome::New(new) => {
                reading.places = self.text_places(subject.path, &new.bytes);
                let (sums, kept) = (Sums::of(&new.bytes), self.store.put(&new.bytes)?);
                reading.left = new.refused.map(|(class, why)| Box::new(Left::Refused(class, why)));
                reading.text = Some(Box::new(TextFit { changes: new.changes, sums, demands: new.demands, kept }));
            }
        }
        Ok(())
    }

    /// Where a text names a prefix, as the record says it.
    pub(super) fn text_places(&self, path: &RelPath, bytes: &[u8]) -> Vec<Places> {
        let class = Kind::of(path, bytes).name();
        let found = self.names.find(bytes, As::Text);
        places(How::Text, class, found.into_iter().map(|found| (found.prefix, found.offset as u64)))
    }

    /// The mark of a large file, and whether it names a prefix.
    fn in_pieces(&self, file: &FileBytes) -> std::io::Result<(Mark, bool)> {
        // A name that lies across two pieces is seen in the second, which begins that much earlier.
        let overlap = self.names.longest() as u64 + 2;
        let (mut marker, mut named, mut offset) = (Marker::default(), false, 0);
        while offset < file.size() {
            let start = offset.saturating_sub(overlap);
            let end = (offset + CHUNK).min(file.size());
            let piece = file.range(start, end - start)?;
            marker.update(&piece[(offset - start) as usize..]);
            named = named || self.names.any(&piece, As::Binary);
            offset = end;
        }
        Ok((marker.finish(), named))
    }
}

impl Reading {
    pub(super) fn of(mark: Option<Mark>, digest: Option<Digest>) -> Self {
        Self { mark, digest: digest.map(Box::new), more: None }
    }

    /// Notes where a binary file that names a prefix does so, or why that must stay.
    pub(super) fn find_strings(&mut self, class: &Class, bytes: &dyn ReadAt, names: &Names) {
        match strings::find(bytes, class, names) {
            Ok(found) => {
                let name = if is_elf(class) { "elf" } else { "data" };
                self.places = places(How::Padded, name, found.into_iter());
            }
            Err(why) => self.left = Some(Box::new(Left::Strings(why))),
        }
    }

    /// Whether there is nothing but the mark.
    pub(super) fn is_plain(&self) -> bool {
        self.digest.is_none() && self.more.is_none()
    }

    /// Whether the file will probably be shipped with other bytes.
    fn may_change(&self, facts: &FileFacts) -> bool {
        let run_paths = match &facts.class {
            Class::Elf(elf::Read::Dynamic(facts)) => !facts.run_paths.is_empty(),
            _ => false,
        };
        run_paths || self.text.is_some() || matches!(self.strip, Some(Ok(_)))
    }
}

/// Whether a file that is as long as it was has another mark than when it was read, if it was.
pub(super) fn differs(facts: &FileFacts, reading: Option<&Reading>, now: Mark) -> bool {
    reading.and_then(|reading| reading.mark).or(facts.mark).is_some_and(|mark| mark != now)
}

fn is_elf(class: &Class) -> bool {
    matches!(class, Class::Elf(_) | Class::BadElf(_))
}

fn ledger(subject: &Subject<'_>) -> Option<(usize, Vec<RelPath>)> {
    LEDGERS.iter().enumerate().find_map(|(at, ledger)| Some((at, ledger.speaks_of(subject)?)))
}

/// Puts occurrences (prefix, offset), sorted by offset, together by prefix.
fn places(how: How, class: &str, found: impl Iterator<Item = (usize, u64)>) -> Vec<Places> {
    let mut groups: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for (prefix, offset) in found {
        groups.entry(prefix).or_default().push(offset);
    }
    groups.into_iter().map(|(prefix, at)| Places { how, class: class.to_owned(), prefix, at }).collect()
}
