//! The bytes as they will be shipped, one file at a time: read again, checked against the scan, edited, and shown to the
//! judge on the way out.

use super::check::left::{Search, Seen};
use super::reading::{self, Reading};
use super::strip::edition;
use super::{Job, JobError, Prepared};
use crate::base::bytes::{Edit, Edited, FileBytes, ReadAt, WholeFile, lay, open};
use crate::base::digest::{Digest, Digester, Mark, Marker};
use crate::base::path::RelPath;
use crate::base::sums::SumForm;
use crate::fill::{Fill, FillError};
use crate::scan::{Class, Entry, FileFacts, Kind};
use crate::text::pyc;
use crate::verify::judge::What;
use crate::verify::witness::testify;
use std::borrow::Cow;

/// How much is held at a time, in bytes; a smaller file is read whole, so that what is parsed, digested and shipped are
/// the very same bytes.
pub(super) const WHOLE: u64 = 32 << 20;
/// How much of a larger file is handed on at a time, in bytes.
const CHUNK: u64 = 1 << 20;

/// What is to be shipped.
pub(super) struct Shipment<'a> {
    pub(super) job: &'a Job,
    pub(super) prepared: &'a Prepared,
    /// What is looked for in the bytes as they are shipped, where anything is.
    pub(super) search: Option<&'a Search>,
}

/// What is seen in a file that was handed on: by the judge, and by the judge of what is left.
pub(super) type Shown = (What, Option<Seen>);

/// One regular file that is to be shipped.
struct One<'a> {
    path: &'a RelPath,
    facts: &'a FileFacts,
    /// What was learned of it when it was read for the plan; none where nothing is planned.
    reading: Option<&'a Reading>,
}

/// The edits of one file and its size afterwards, in bytes.
struct Change {
    edits: Vec<Edit>,
    size: u64,
}

impl Shipment<'_> {
    /// Hands on the bytes of one regular file as they will be shipped and tells what the judge sees in them, and their
    /// digest.
    pub(super) fn stream(
        &self,
        path: &RelPath,
        entry: &Entry,
        out: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(Shown, Digest), StreamError> {
        let Some(facts) = entry.file() else { return Ok(((What::Special, None), Digest::of(b""))) };
        let source = self.prepared.inventory.source(path);
        let unreadable = |error| JobError::Read { path: source.to_path_buf(), error };
        let changed = || JobError::Changed { path: path.clone() };
        let file = open(&source).map_err(unreadable)?;
        let one = One { path, facts, reading: self.prepared.readings.get(path) };
        if facts.size <= WHOLE {
            let read = WholeFile::new(&file, facts.size).read(|bytes| self.whole(&one, bytes, out));
            return read.map_err(|_| changed())?;
        }
        let file = FileBytes::new(file).map_err(unreadable)?;
        if file.size() != facts.size {
            return Err(changed().into());
        }
        self.large(&one, &file, out)
    }

    fn whole(
        &self,
        one: &One<'_>,
        bytes: &mut [u8],
        out: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(Shown, Digest), StreamError> {
        if reading::differs(one.facts, one.reading, Mark::of(bytes)) {
            return Err(JobError::Changed { path: one.path.clone() }.into());
        }
        let new = self.new_bytes(one, bytes)?;
        out(&new)?;
        Ok((self.shown(one.path, &&*new)?, Digest::of(&new)))
    }

    fn large(
        &self,
        one: &One<'_>,
        file: &FileBytes,
        out: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(Shown, Digest), StreamError> {
        let One { path, facts, .. } = *one;
        let changed = |_| JobError::Changed { path: path.clone() };
        let mut change = self.change(one, file)?.unwrap_or(Change { edits: Vec::new(), size: facts.size });
        if self.job.dest.is_some() {
            change.edits.extend(self.fill(one)?.edits(self.job.dest.as_ref()).map_err(|error| broken(path, &error))?);
        }
        let edited = Edited::new(file, &change.edits, change.size);
        let stays = change.edits.is_empty() && change.size == facts.size;
        let (mut marker, mut shipped) = (Marker::default(), Digester::default());
        let mut offset = 0;
        // What is cut off at the end was read for the plan, too.
        let end = change.size.max(facts.size);
        while offset < end {
            let length = (end - offset).min(CHUNK);
            let within = |size: u64| size.clamp(offset, offset + length) - offset;
            let piece = file.range(offset.min(facts.size), within(facts.size)).map_err(changed)?;
            marker.update(&piece);
            if stays {
                shipped.update(&piece);
                out(&piece)?;
            } else {
                let piece = edited.range(offset.min(change.size), within(change.size)).map_err(changed)?;
                shipped.update(&piece);
                out(&piece)?;
            }
            offset += length;
        }
        if reading::differs(facts, one.reading, marker.finish()) {
            return Err(JobError::Changed { path: path.clone() }.into());
        }
        Ok((self.shown(path, &edited)?, shipped.finish()))
    }

    /// What the judge and the search for what is left see in the bytes that were shipped.
    fn shown(&self, path: &RelPath, bytes: &dyn ReadAt) -> Result<Shown, StreamError> {
        let what = What::from(testify(bytes));
        let seen = self.search.map(|search| search.see(path, bytes)).transpose();
        Ok((what, seen.map_err(|error| JobError::Bug(error.to_string()))?))
    }

    /// All bytes of a file as they will be shipped.
    fn new_bytes<'b>(&self, one: &One<'_>, bytes: &'b mut [u8]) -> Result<Cow<'b, [u8]>, JobError> {
        let new = match self.rewritten(one)? {
            Some(new) => Cow::Owned(new),
            None => match self.change(one, &&*bytes)? {
                Some(change) => changed(&change, bytes).map_err(|error| JobError::Bug(error.to_string()))?,
                None => Cow::Borrowed(&*bytes),
            },
        };
        let moves = self.job.dest.is_some() && one.facts.size > 0 && !self.fill(one)?.is_empty();
        if !moves {
            return Ok(new);
        }
        let filled = self.fill(one)?.moved(&new, None, self.job.dest.as_ref());
        Ok(Cow::Owned(filled.map_err(|error| broken(one.path, &error))?))
    }

    /// What a text becomes, where it changes.
    fn rewritten(&self, one: &One<'_>) -> Result<Option<Vec<u8>>, JobError> {
        let fit = one.reading.and_then(|reading| reading.text.as_ref());
        let (Some(fit), Some(store)) = (fit, &self.prepared.store) else { return Ok(None) };
        let new = store.get(fit.kept)?;
        if Digest::of(&new) != fit.sums.sha256 {
            return Err(JobError::Bug(format!("{}: its new text was not kept", one.path)));
        }
        Ok(Some(new))
    }

    /// Where the file names the path of the tree.
    fn fill<'b>(&'b self, one: &One<'b>) -> Result<Fill<'b>, JobError> {
        let places = one.reading.map_or(&[][..], |reading| &reading.places);
        Fill::of(places, &self.prepared.prefixes, None).map_err(|error| broken(one.path, &error))
    }

    /// The edits a file needs; `None` where it stays as it is.
    fn change(&self, one: &One<'_>, bytes: &dyn ReadAt) -> Result<Option<Change>, JobError> {
        let strip = one.reading.is_some_and(|reading| matches!(reading.strip, Some(Ok(_))));
        let is_elf = matches!(one.facts.class, Class::Elf(_));
        let rewrite = if is_elf { self.prepared.plan.rewrites.get(one.path) } else { None };
        let wanted = rewrite.map(|rewrite| &rewrite.wanted);
        if strip || wanted.is_some() {
            // What was refused is left as it is; the job then ends before it comes here, or the user skipped the file.
            let edition = edition(bytes, strip, wanted);
            let edition =
                edition.map_err(|why| JobError::Bug(format!("{}: {why}, though it fitted before", one.path)))?;
            return Ok(Some(Change { edits: edition.edits, size: edition.size }));
        }
        let edits: Vec<Edit> = self.clamped_stamp(one).into_iter().chain(self.source_size(one.path)).collect();
        Ok((!edits.is_empty()).then(|| Change { edits, size: bytes.size() }))
    }

    /// A .pyc that matched its source keeps matching it when `SOURCE_DATE_EPOCH` moves the source's time.
    fn clamped_stamp(&self, one: &One<'_>) -> Option<Edit> {
        let epoch = self.job.source_date_epoch?;
        let Class::Pyc(stamp) = one.facts.class else { return None };
        let source = pyc::source(one.path)?;
        let mtime = self.prepared.inventory.entries.get(&source)?.mtime;
        let matched = i64::from(stamp.mtime) == mtime;
        let epoch = u32::try_from(epoch).ok()?;
        (matched && mtime > i64::from(epoch))
            .then(|| Edit { offset: u64::from(stamp.offset), bytes: epoch.to_le_bytes().to_vec() })
    }

    /// A .pyc whose source gets a path of another length keeps matching it.
    fn source_size(&self, path: &RelPath) -> Option<Edit> {
        let dest = self.job.dest.as_ref()?;
        let sums = self.prepared.sums_at(path, Some(dest));
        let sum = sums.into_iter().find(|sum| sum.form == SumForm::SourceSize)?;
        Some(Edit { offset: sum.at, bytes: sum.text })
    }
}

/// The bytes with a change made: where they lie, if they do not become more.
fn changed<'b>(change: &Change, bytes: &'b mut [u8]) -> std::io::Result<Cow<'b, [u8]>> {
    if change.size > bytes.len() as u64 {
        let edited = Edited::new(&&*bytes, &change.edits, change.size).range(0, change.size)?.into_owned();
        return Ok(Cow::Owned(edited));
    }
    let bytes = &mut bytes[..change.size as usize];
    lay(&change.edits, 0, bytes);
    Ok(Cow::Borrowed(bytes))
}

fn broken(path: &RelPath, error: &FillError) -> JobError {
    JobError::Bug(format!("{path} {error}, though that was planned"))
}

/// What the judge is shown of an entry that has no bytes.
pub(super) fn shown(entry: &Entry, new_target: Option<&Vec<u8>>) -> What {
    match &entry.kind {
        Kind::Dir => What::Dir,
        Kind::File(_) => What::Plain,
        Kind::HardLink(first) => What::HardLink(first.clone()),
        Kind::Symlink(target) => What::Symlink(new_target.unwrap_or(target).clone()),
        Kind::Special(_) => What::Special,
    }
}

/// Why handing on a file's bytes stopped.
#[derive(Debug)]
pub(super) enum StreamError {
    /// The file itself.
    Job(JobError),
    /// Whoever took the bytes.
    Sink(std::io::Error),
}

impl From<JobError> for StreamError {
    fn from(error: JobError) -> Self {
        Self::Job(error)
    }
}

impl From<std::io::Error> for StreamError {
    fn from(error: std::io::Error) -> Self {
        Self::Sink(error)
    }
}
