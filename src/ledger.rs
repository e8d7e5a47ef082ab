//! A file that keeps sums of other files of its tree, by its record: where they stand at any path of the tree, and the bytes of
//! the file with other sums. Pure.
//!
//! The record has each sum as it stands in the archive. A sum is found by what it looks like, not by what it is, because a
//! later one may stand there; so a file is first read back to the sums of the record, and then asked where it stands, as any
//! other. Refused: a record whose sums overlap each other or a place, or do not look like sums.

use crate::base::bytes::ReadAt;
use crate::base::digest::Digest;
use crate::base::path::RelPath;
use crate::base::sums::{Summing, Sums};
use crate::fill::{Fill, FillError, Standing};
use crate::manifest::{About, Entry, Kind, Sum};
use std::collections::BTreeSet;
use std::io;

/// The longest file whose sums are kept right, in bytes: it is in memory meanwhile.
pub const LONGEST: u64 = 256 << 20;

/// How many rounds it may take until every file comes after those whose sums it has; real trees have two, a package's
/// `+CONTENTS` with the sum of a wheel's `RECORD`.
const ROUNDS: usize = 16;

/// One such file.
pub struct Ledger<'a> {
    fill: Fill<'a>,
    sums: &'a [Sum],
    /// Offset and length of each sum in the archive's bytes.
    runs: Vec<(u64, u64)>,
    /// Its size in the archive, in bytes.
    size: u64,
}

/// A ledger that was found as its record knows it, but for sums.
pub struct Found<'b> {
    /// Which path stands in its places.
    pub at: Standing<'b>,
    /// Its bytes with the sums of the record.
    recorded: Vec<u8>,
    /// The sums that stood there.
    stood: Vec<Vec<u8>>,
}

impl<'a> Ledger<'a> {
    /// Takes places and sums of one file from its record.
    pub fn new(entry: &'a Entry, about: &'a About) -> Result<Self, FillError> {
        let Kind::File { size, .. } = entry.kind else { return Err(FillError::Record) };
        let fill = Fill::new(&entry.places, about)?;
        let sound = |sum: &Sum| sum.form.length(&sum.text) == Some(sum.text.len());
        if !entry.sums.iter().all(sound) {
            return Err(FillError::Record);
        }
        let runs = entry.sums.iter().map(|sum| (sum.at, sum.text.len() as u64)).collect();
        let ledger = Self { fill, sums: &entry.sums, runs, size };
        ledger.fill.between(&ledger.runs, about.at.as_ref())?;
        Ok(ledger)
    }

    /// Finds where the file stands, the first of some paths that fits; none where somebody changed it.
    pub fn find<'b>(&self, bytes: &[u8], candidates: &[Standing<'b>]) -> Option<Found<'b>> {
        candidates.iter().find_map(|at| {
            let stood = self.stood(bytes, *at)?;
            let standing: Vec<&[u8]> = stood.iter().map(Vec::as_slice).collect();
            let recorded = self.with(bytes, *at, &standing, &self.texts()).ok()?;
            // Bytes in memory can be read wherever they are.
            self.fill.standing(&recorded, self.size, &[*at]).ok()??;
            Some(Found { at: *at, recorded, stood })
        })
    }

    /// The sums that stand in the file, if it stands at `at`.
    fn stood(&self, bytes: &[u8], at: Standing<'_>) -> Option<Vec<Vec<u8>>> {
        // How many bytes all sums so far have in the record, and here.
        let (mut before, mut now) = (0u64, 0u64);
        let stood = self.fill.between(&self.runs, at).ok()?.into_iter().zip(self.sums).map(|(offset, sum)| {
            let rest = bytes.get(moved(offset, before, now)?..)?;
            let stood = rest.get(..sum.form.length(rest)?)?.to_vec();
            before += sum.text.len() as u64;
            now += stood.len() as u64;
            Some(stood)
        });
        stood.collect()
    }

    /// The file at `at`, in which `stood` stand, with other sums.
    fn with(&self, bytes: &[u8], at: Standing<'_>, stood: &[&[u8]], new: &[&[u8]]) -> Result<Vec<u8>, FillError> {
        let mut out = Vec::with_capacity(bytes.len());
        let (mut done, mut before, mut now) = (0, 0u64, 0u64);
        let places = self.fill.between(&self.runs, at)?.into_iter().zip(self.sums);
        for ((offset, sum), (stood, new)) in places.zip(stood.iter().zip(new)) {
            let start = moved(offset, before, now).ok_or(FillError::Record)?;
            out.extend_from_slice(bytes.get(done..start).ok_or(FillError::Record)?);
            out.extend_from_slice(new);
            done = start + stood.len();
            before += sum.text.len() as u64;
            now += stood.len() as u64;
        }
        out.extend_from_slice(bytes.get(done..).ok_or(FillError::Record)?);
        Ok(out)
    }

    /// The sums of the record.
    fn texts(&self) -> Vec<&[u8]> {
        self.sums.iter().map(|sum| sum.text.as_slice()).collect()
    }

    /// The file's bytes at `to`, with the sums that `sums` says; with that of the record where it says none. A `.pyc` that is
    /// left where it was while its source is moved `is_left`, and must not be taken for what the source says.
    pub fn write(
        &self,
        found: &Found<'_>,
        to: Standing<'_>,
        is_left: bool,
        sums: impl Fn(&RelPath) -> Option<Sums>,
    ) -> Result<Vec<u8>, FillError> {
        let moved = self.fill.moved(&found.recorded, found.at, to)?;
        let spelt = |sum: &Sum| match (sum.form.stale().filter(|_| is_left), sums(&sum.of)) {
            (Some(stale), _) => stale,
            (None, Some(sums)) => sum.form.spell(&sums),
            (None, None) => sum.text.clone(),
        };
        let new: Vec<Vec<u8>> = self.sums.iter().map(spelt).collect();
        let new: Vec<&[u8]> = new.iter().map(Vec::as_slice).collect();
        self.with(&moved, to, &self.texts(), &new)
    }

    /// The file's bytes as the archive had them, but for the sums that `right` says are wrong.
    pub fn as_packed(
        &self,
        found: &Found<'_>,
        base: Standing<'_>,
        right: impl Fn(&Sum, &[u8]) -> bool,
    ) -> Result<Vec<u8>, FillError> {
        let packed = self.fill.moved(&found.recorded, found.at, base)?;
        let judged = self.sums.iter().zip(&found.stood);
        let new: Vec<&[u8]> =
            judged.map(|(sum, stood)| if right(sum, stood) { &*sum.text } else { stood.as_slice() }).collect();
        self.with(&packed, base, &self.texts(), &new)
    }
}

/// An offset behind sums that have `now` bytes together, where they had `before`.
fn moved(offset: u64, before: u64, now: u64) -> Option<usize> {
    usize::try_from(offset.checked_sub(before)?.checked_add(now)?).ok()
}

/// Whether a file depends on the path of the tree, by its own places or by those of files whose sums it keeps.
pub fn depends(entry: &Entry) -> bool {
    !entry.places.is_empty() || !entry.sums.is_empty()
}

/// What the sums of a file are now, if it is what was packed, wherever it stands. The error is the source's.
pub fn sums(
    entry: &Entry,
    about: &About,
    source: &dyn ReadAt,
    candidates: &[Standing<'_>],
) -> io::Result<Option<Sums>> {
    let Kind::File { size, sha256, .. } = entry.kind else { return Ok(None) };
    let packed = as_packed(entry, about, source, candidates, |_, _| true)?;
    if packed != Some((size, sha256)) {
        return Ok(None);
    }
    Ok(Some(Sums::read(source)?))
}

/// Size and digest that a file had in the archive; none where somebody changed it. In a ledger, sums that `right` says are
/// wrong stay. The error is the source's.
pub fn as_packed(
    entry: &Entry,
    about: &About,
    source: &dyn ReadAt,
    candidates: &[Standing<'_>],
    right: impl Fn(&Sum, &[u8]) -> bool,
) -> io::Result<Option<(u64, Digest)>> {
    let Kind::File { size, .. } = entry.kind else { return Ok(None) };
    let base = about.at.as_ref();
    if entry.sums.is_empty() {
        // A record that contradicts itself tells nothing of the file.
        let Ok(fill) = Fill::new(&entry.places, about) else { return Ok(None) };
        let Some(at) = fill.standing(source, size, candidates)? else { return Ok(None) };
        let mut summing = Summing::default();
        let poured = fill.pour(source, at, base, &mut summing)?;
        let sums = summing.finish();
        return Ok(poured.is_ok().then_some((sums.size, sums.sha256)));
    }
    let Ok(ledger) = Ledger::new(entry, about) else { return Ok(None) };
    if source.size() > LONGEST {
        return Ok(None);
    }
    let bytes = source.range(0, source.size())?;
    let packed = ledger.find(&bytes, candidates).and_then(|found| ledger.as_packed(&found, base, right).ok());
    Ok(packed.map(|packed| (packed.len() as u64, Digest::of(&packed))))
}

/// Files with sums in rounds, each after those whose sums it has; where they go in a circle, in the last.
pub fn in_rounds<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Vec<&'a Entry>> {
    let mut left: Vec<&Entry> = entries.filter(|entry| !entry.sums.is_empty()).collect();
    let mut rounds = Vec::new();
    while !left.is_empty() && rounds.len() < ROUNDS {
        let waiting: BTreeSet<&RelPath> = left.iter().map(|entry| &entry.path).collect();
        let waits = |entry: &&Entry| entry.sums.iter().any(|sum| sum.of != entry.path && waiting.contains(&sum.of));
        let (later, now) = left.into_iter().partition(waits);
        rounds.push(now);
        left = later;
    }
    rounds.push(left);
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::path::Prefix;
    use crate::base::sums::SumForm;
    use crate::manifest::{FORMAT, How, Places};
    use proptest::prelude::*;

    fn about() -> About {
        About {
            format: FORMAT,
            tool: String::new(),
            old_prefixes: vec![Prefix::new(b"/p/old").unwrap()],
            floor: serde_json::Value::Null,
            capacity: None,
            at: None,
            proven: true,
        }
    }

    fn rel(path: &str) -> RelPath {
        RelPath::new(path.as_bytes()).unwrap()
    }

    /// A ledger with the path and a size in each line.
    fn ledger(lines: usize) -> (Vec<u8>, Entry) {
        let (mut bytes, mut at, mut sums) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..lines {
            at.push(bytes.len() as u64);
            bytes.extend_from_slice(b"/p/old/f,");
            let text = (number * 37).to_string().into_bytes();
            sums.push(Sum { at: bytes.len() as u64, form: SumForm::Size, of: rel("f"), text: text.clone() });
            bytes.extend_from_slice(&text);
            bytes.push(b'\n');
        }
        let kind = Kind::File { size: bytes.len() as u64, sha256: Digest::of(&bytes), sha256_before: None };
        let places = vec![Places { how: How::Text, class: "text".to_owned(), prefix: 0, at }];
        (bytes, Entry { path: rel("l"), kind, mode: 0o644, mtime: None, changes: Vec::new(), places, sums })
    }

    proptest! {
        #[test]
        fn many_moves_with_other_sums_are_one_move(
            lines in 1..9usize,
            stops in prop::collection::vec(("/[a-z]{1,9}", any::<u64>()), 1..9),
        ) {
            let about = about();
            let (packed, entry) = ledger(lines);
            let ledger = Ledger::new(&entry, &about).unwrap();
            let mut here = packed.clone();
            let paths: Vec<Prefix> = stops.iter().map(|(to, _)| Prefix::new(to.as_bytes()).unwrap()).collect();
            for (to, (_, size)) in paths.iter().zip(&stops) {
                let sums = Sums { size: *size, ..Sums::of(b"") };
                let candidates: Vec<Standing<'_>> = paths.iter().map(Some).chain([None]).collect();
                let found = ledger.find(&here, &candidates).unwrap();
                here = ledger.write(&found, Some(to), false, |_| Some(sums)).unwrap();
                let straight = ledger.find(&packed, &[None]).unwrap();
                prop_assert_eq!(&ledger.write(&straight, Some(to), false, |_| Some(sums)).unwrap(), &here);
                let now = ledger.find(&here, &[Some(to)]).unwrap();
                prop_assert_eq!(&ledger.as_packed(&now, None, |_, _| true).unwrap(), &packed);
            }
        }

        #[test]
        fn damage_is_an_error_or_no_find(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..200usize) {
            let (packed, entry) = ledger(4);
            let about = about();
            let ledger = Ledger::new(&entry, &about).unwrap();
            drop(ledger.find(&bytes, &[None]));
            drop(ledger.find(&packed[..cut.min(packed.len())], &[None]));
        }
    }

    #[test]
    fn records_that_contradict_themselves_are_refused() {
        let about = about();
        let refused = |change: &dyn Fn(&mut Entry)| {
            let (_, mut entry) = ledger(3);
            change(&mut entry);
            Ledger::new(&entry, &about).err() == Some(FillError::Record)
        };
        assert!(!refused(&|_| {}));
        assert!(refused(&|entry| entry.sums.swap(0, 1)));
        assert!(refused(&|entry| entry.sums[0].at = 3));
        assert!(refused(&|entry| entry.sums[1].at = u64::MAX));
        assert!(refused(&|entry| entry.sums[1].text = b"many".to_vec()));
        assert!(refused(&|entry| entry.sums[1].text = vec![b'1'; 15]));
        assert!(refused(&|entry| entry.kind = Kind::Dir));
        // Behind the end of the file nothing is found.
        let (bytes, mut entry) = ledger(3);
        entry.sums[2].at = 1 << 60;
        assert!(Ledger::new(&entry, &about).unwrap().find(&bytes, &[None]).is_none());
    }

    #[test]
    fn a_ledger_comes_after_those_it_sums_up_and_a_circle_ends() {
        let named = |path: &str, of: &[&str]| {
            let (_, entry) = ledger(of.len());
            let sums = entry.sums.iter().zip(of).map(|(sum, of)| Sum { of: rel(of), ..sum.clone() }).collect();
            Entry { path: rel(path), sums, ..entry }
        };
        let entries = [named("a", &["b"]), named("b", &["c", "b"]), named("c", &["x"])];
        let order = |entries: &[Entry]| -> Vec<String> {
            in_rounds(entries.iter()).into_iter().flatten().map(|entry| entry.path.to_string()).collect()
        };
        assert_eq!(order(&entries), ["c", "b", "a"]);
        assert_eq!(order(&[named("a", &["b"]), named("b", &["a"])]), ["a", "b"]);
    }
}
