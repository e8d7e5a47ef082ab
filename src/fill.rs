//! The places of one file -> its bytes for another path of the tree. Pure.
//!
//! Offsets in a record are those of the file as the archive has it, where its places name one path: the old prefix, or the one
//! given with `--dest`. From these and the lengths of the paths follows where each place is when the tree stands anywhere
//! else, so a file is moved from any path to any other, and many moves give the same bytes as one. Refused: a path that
//! does not fit, a file that does not have the expected path in a place, records that contradict themselves.

use crate::base::bytes::{Edit, ReadAt};
use crate::base::path::{Prefix, printable};
use crate::manifest::{About, How, Places};
use crate::text::padded::padded;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

/// No path is longer, in bytes (PATH_MAX without its NUL, path_resolution(7)); a record that says otherwise is none of ours.
const LONGEST: usize = 4095;

/// How many bytes are copied at once between two places.
const PIECE: u64 = 1 << 20;

/// The path that stands in the places of a tree: its own, or none where they still name what the tree was built for.
pub type Standing<'a> = Option<&'a Prefix>;

/// One place.
struct Spot<'a> {
    /// Offset in the archive's bytes.
    offset: u64,
    how: How,
    old: &'a Prefix,
}

/// The places of one file.
pub struct Fill<'a> {
    /// Sorted by offset; they do not overlap.
    spots: Vec<Spot<'a>>,
    base: Standing<'a>,
}

/// Why a file cannot be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FillError {
    /// The path has more bytes than there is room for.
    TooLong {
        /// How many bytes there is room for.
        capacity: usize,
    },
    /// Something else stands in a place: the file was changed since.
    NotThere {
        /// Where, in bytes.
        offset: u64,
        /// What was expected there.
        expected: Vec<u8>,
    },
    /// The record names a prefix that is not in its list, or places that overlap.
    Record,
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { capacity } => write!(f, "has room for a path of {capacity} bytes"),
            Self::NotThere { offset, expected } => {
                write!(f, "does not have {} at byte {offset}: it was changed since it was packed", printable(expected))
            }
            Self::Record => f.write_str("has a record that contradicts itself"),
        }
    }
}

impl std::error::Error for FillError {}

impl<'a> Fill<'a> {
    /// Takes the places of one file from its record.
    pub fn new(places: &'a [Places], about: &'a About) -> Result<Self, FillError> {
        Self::of(places, &about.old_prefixes, about.at.as_ref())
    }

    /// The same where there is no record yet: `base` stands in the file now.
    pub fn of(places: &'a [Places], old_prefixes: &'a [Prefix], base: Standing<'a>) -> Result<Self, FillError> {
        let mut spots = Vec::new();
        for group in places {
            let old = old_prefixes.get(group.prefix).filter(|old| old.as_bytes().len() <= LONGEST);
            let old = old.ok_or(FillError::Record)?;
            spots.extend(group.at.iter().map(|offset| Spot { offset: *offset, how: group.how, old }));
        }
        spots.sort_by_key(|spot| spot.offset);
        let fill = Self { spots, base };
        let sound = fill.spelt(fill.base).try_for_each(|spelt| spelt.map(drop));
        sound.map(|()| fill)
    }

    /// Whether nothing in the file depends on the path.
    pub fn is_empty(&self) -> bool {
        self.spots.is_empty()
    }

    /// Whether every place keeps its length.
    pub fn is_padded(&self) -> bool {
        self.spots.iter().all(|spot| spot.how == How::Padded)
    }

    /// How many places there are.
    pub fn places(&self) -> usize {
        self.spots.len()
    }

    /// Each place when the tree stands at `at`: offset, and what stands there. Sorted; one after the other, so that a record
    /// of millions of places takes no memory for them.
    pub fn spelt<'b>(&'b self, at: Standing<'b>) -> impl Iterator<Item = Result<(u64, Vec<u8>), FillError>> + 'b {
        // Where the last place ends in the archive's bytes; how many bytes all places so far have there, and here.
        let (mut end, mut before, mut now) = (0u64, 0u64, 0u64);
        self.spots.iter().map(move |spot| {
            let base = spot.spell(self.base)?.len() as u64;
            let here = spot.spell(at)?;
            if spot.offset < end {
                return Err(FillError::Record);
            }
            end = spot.offset.checked_add(base).ok_or(FillError::Record)?;
            let offset =
                spot.offset.checked_sub(before).and_then(|gap| gap.checked_add(now)).ok_or(FillError::Record)?;
            before = before.checked_add(base).ok_or(FillError::Record)?;
            now = now.checked_add(here.len() as u64).ok_or(FillError::Record)?;
            Ok((offset, here))
        })
    }

    /// Where runs of bytes between the places begin when the tree stands at `at`. `runs` are offset and length in the
    /// archive's bytes; refused where they are not sorted, or one lies in a place.
    pub fn between(&self, runs: &[(u64, u64)], at: Standing<'_>) -> Result<Vec<u64>, FillError> {
        let mut places = self.spelt(self.base).zip(self.spelt(at)).peekable();
        // Where the last run or place ends in the archive's bytes; where the last place ends in both.
        let (mut end, mut before, mut now) = (0u64, 0u64, 0u64);
        let mut found = Vec::with_capacity(runs.len());
        for (offset, len) in runs {
            let run_end = offset.checked_add(*len).ok_or(FillError::Record)?;
            while let Some((there, here)) =
                places.next_if(|(there, _)| matches!(there, Ok((place, _)) if place < offset))
            {
                let ((there, old), (here, new)) = (there?, here?);
                (before, now) = (there + old.len() as u64, here + new.len() as u64);
                end = end.max(before);
            }
            let next = match places.peek() {
                Some((Ok((place, _)), _)) => *place,
                Some((Err(error), _)) => return Err(error.clone()),
                None => u64::MAX,
            };
            if *offset < end || run_end > next {
                return Err(FillError::Record);
            }
            end = run_end;
            found.push((offset - before).checked_add(now).ok_or(FillError::Record)?);
        }
        Ok(found)
    }

    /// The same places by the offsets they have when the tree stands at `at`.
    pub fn places_at(&self, places: &[Places], at: Standing<'_>) -> Result<Vec<Places>, FillError> {
        let now: Vec<u64> = self.spelt(at).map(|spelt| Ok(spelt?.0)).collect::<Result<_, FillError>>()?;
        let here: BTreeMap<u64, u64> = self.spots.iter().map(|spot| spot.offset).zip(now).collect();
        let shifted = |group: &Places| {
            let at: Option<Vec<u64>> = group.at.iter().map(|offset| here.get(offset).copied()).collect();
            at.map(|at| Places { at, ..group.clone() }).ok_or(FillError::Record)
        };
        places.iter().map(shifted).collect()
    }

    /// How many bytes the file has with `at` in its places, where it has `size` in the archive.
    pub fn size(&self, size: u64, at: Standing<'_>) -> Result<u64, FillError> {
        let sum = |standing| -> Result<u64, FillError> {
            self.spots.iter().try_fold(0u64, |sum, spot| {
                sum.checked_add(spot.spell(standing)?.len() as u64).ok_or(FillError::Record)
            })
        };
        let rest = size.checked_sub(sum(self.base)?).ok_or(FillError::Record)?;
        rest.checked_add(sum(at)?).ok_or(FillError::Record)
    }

    /// Whether `to` can be written into every place.
    pub fn has_room(&self, to: Standing<'_>) -> Result<(), FillError> {
        self.spots.iter().try_for_each(|spot| spot.spell(to).map(drop))
    }

    /// The edits that write `to` into a file all of whose places keep their length.
    pub fn edits(&self, to: Standing<'_>) -> Result<Vec<Edit>, FillError> {
        self.spelt(to).map(|spelt| spelt.map(|(offset, bytes)| Edit { offset, bytes })).collect()
    }

    /// Whether every place of the file has what it has when the tree stands at `at`. The outer error is the source's.
    pub fn stands_at(&self, source: &dyn ReadAt, at: Standing<'_>) -> io::Result<Result<(), FillError>> {
        for spelt in self.spelt(at) {
            match spelt {
                Ok((offset, expected)) if !has(source, offset, &expected)? => {
                    return Ok(Err(FillError::NotThere { offset, expected }));
                }
                Ok(_) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    /// Which of some paths the file stands at, the first that fits; none where it stands at none of them, because somebody
    /// changed it. `size` is its length in the archive, by which `/srv/a` is told from `/srv/a/b` in text.
    pub fn standing<'b>(
        &self,
        source: &dyn ReadAt,
        size: u64,
        candidates: &[Standing<'b>],
    ) -> io::Result<Option<Standing<'b>>> {
        for at in candidates {
            let as_long = self.is_padded() || self.size(size, *at) == Ok(source.size());
            if as_long && self.stands_at(source, *at)?.is_ok() {
                return Ok(Some(*at));
            }
        }
        Ok(None)
    }

    /// Writes the bytes of the file with `to` in its places instead of `from`. The outer error is the source's or that of
    /// `out`, to which nothing is written unless the whole file stands at `from`.
    pub fn pour(
        &self,
        source: &dyn ReadAt,
        from: Standing<'_>,
        to: Standing<'_>,
        out: &mut dyn Write,
    ) -> io::Result<Result<(), FillError>> {
        if let Err(error) = self.stands_at(source, from)?.and_then(|()| self.has_room(to)) {
            return Ok(Err(error));
        }
        let mut done = 0;
        for (old, new) in self.spelt(from).zip(self.spelt(to)) {
            let ((offset, old), (_, new)) = match old.and_then(|old| Ok((old, new?))) {
                Ok(both) => both,
                Err(error) => return Ok(Err(error)),
            };
            copy(source, done, offset, out)?;
            out.write_all(&new)?;
            done = offset + old.len() as u64;
        }
        copy(source, done, source.size(), out)?;
        Ok(Ok(()))
    }

    /// The bytes of the file with `to` in its places instead of `from`.
    pub fn moved(&self, bytes: &[u8], from: Standing<'_>, to: Standing<'_>) -> Result<Vec<u8>, FillError> {
        let mut moved = Vec::with_capacity(bytes.len());
        // Bytes in memory can be read wherever they are, and written too.
        self.pour(&bytes, from, to, &mut moved).unwrap_or(Err(FillError::Record))?;
        Ok(moved)
    }
}

impl Spot<'_> {
    fn spell(&self, at: Standing<'_>) -> Result<Vec<u8>, FillError> {
        let path = at.unwrap_or(self.old);
        let capacity = self.old.as_bytes().len();
        match self.how {
            How::Text => Ok(path.as_bytes().to_vec()),
            How::Padded => padded(path, capacity).ok_or(FillError::TooLong { capacity }),
        }
    }
}

/// Whether these bytes lie at the offset; what lies outside the source lies nowhere.
fn has(source: &dyn ReadAt, offset: u64, expected: &[u8]) -> io::Result<bool> {
    let len = expected.len() as u64;
    if offset.checked_add(len).is_none_or(|end| end > source.size()) {
        return Ok(false);
    }
    Ok(*source.range(offset, len)? == *expected)
}

fn copy(source: &dyn ReadAt, mut from: u64, to: u64, out: &mut dyn Write) -> io::Result<()> {
    while from < to {
        let len = PIECE.min(to - from);
        out.write_all(&source.range(from, len)?)?;
        from += len;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::FORMAT;
    use proptest::prelude::*;

    fn about(old: &[&str], at: Option<&str>) -> About {
        let prefix = |path: &str| Prefix::new(path.as_bytes()).unwrap();
        let old_prefixes = old.iter().map(|path| prefix(path)).collect();
        About {
            format: FORMAT,
            tool: String::new(),
            old_prefixes,
            floor: serde_json::Value::Null,
            capacity: None,
            at: at.map(prefix),
            proven: true,
        }
    }

    fn places(how: How, prefix: usize, at: &[u64]) -> Places {
        Places { how, class: "elf".to_owned(), prefix, at: at.to_vec() }
    }

    #[test]
    fn a_path_that_is_too_long_says_how_long_it_may_be() {
        let about = about(&["/p/root"], None);
        let places = [places(How::Padded, 0, &[1])];
        let fill = Fill::new(&places, &about).unwrap();
        let to = Prefix::new(b"/srv/ourapp").unwrap();
        let error = fill.moved(b"\0/p/root/lib\0", None, Some(&to)).unwrap_err();
        assert_eq!(error, FillError::TooLong { capacity: 7 });
        let to = Prefix::new(b"/s").unwrap();
        assert_eq!(fill.moved(b"\0/p/root/lib\0", None, Some(&to)).unwrap(), b"\0//////s/lib\0");
    }

    #[test]
    fn what_somebody_else_changed_is_left() {
        let about = about(&["/p/root"], None);
        let places = [places(How::Text, 0, &[5])];
        let fill = Fill::new(&places, &about).unwrap();
        let to = Prefix::new(b"/srv/ourapp").unwrap();
        assert!(matches!(
            fill.moved(b"root /q/root/html;", None, Some(&to)),
            Err(FillError::NotThere { offset: 5, .. })
        ));
        assert_eq!(fill.moved(b"root /p/root/html;", None, Some(&to)).unwrap(), b"root /srv/ourapp/html;");
    }

    #[test]
    fn records_that_contradict_themselves_are_refused() {
        let about = about(&["/p/root"], None);
        for places in [places(How::Text, 1, &[5]), places(How::Text, 0, &[5, 6]), places(How::Text, 0, &[u64::MAX])] {
            assert_eq!(Fill::new(&[places], &about).err(), Some(FillError::Record));
        }
        let places = [places(How::Padded, 0, &[1 << 60])];
        let fill = Fill::new(&places, &about).unwrap();
        assert!(matches!(fill.moved(b"short", None, None), Err(FillError::NotThere { .. })));
    }

    #[test]
    fn a_path_and_one_below_it_are_told_apart() {
        let about = about(&["/p/root"], None);
        let [a, below] = [&b"/srv/a"[..], b"/srv/a/b"].map(|path| Prefix::new(path).unwrap());
        for (how, old) in [(How::Text, &b"x=/p/root/lib\n"[..]), (How::Padded, b"x=/p/root/lib\n")] {
            let places = [places(how, 0, &[2])];
            let fill = Fill::new(&places, &about).unwrap();
            let size = old.len() as u64;
            let candidates = [Some(&a), Some(&below), None];
            assert_eq!(fill.standing(&old, size, &candidates).unwrap(), Some(None));
            let moved = fill.moved(old, None, Some(&a)).unwrap();
            assert_eq!(fill.standing(&moved, size, &candidates).unwrap(), Some(Some(&a)));
            if how == How::Text {
                let moved = fill.moved(old, None, Some(&below)).unwrap();
                assert_eq!(fill.standing(&moved, size, &candidates).unwrap(), Some(Some(&below)));
                assert_eq!(fill.standing(&[&moved[..], b"more"].concat(), size, &candidates).unwrap(), None);
            }
        }
    }

    proptest! {
        #[test]
        fn many_moves_are_one_move(
            gaps in prop::collection::vec("[a-z \n]{0,9}", 1..6),
            forms in prop::collection::vec((any::<bool>(), 0..2usize), 6),
            stops in prop::collection::vec("/[a-z]{1,4}", 1..20),
            dest in prop::option::of("/[a-z]{1,5}"),
        ) {
            let about = about(&["/old/prefix", "/other/old/one"], dest.as_deref());
            let (mut bytes, mut groups) = (Vec::new(), Vec::new());
            for (gap, (padded_one, prefix)) in gaps.iter().zip(forms) {
                bytes.extend_from_slice(gap.as_bytes());
                let how = if padded_one { How::Padded } else { How::Text };
                groups.push(places(how, prefix, &[bytes.len() as u64]));
                let spot = Spot { offset: 0, how, old: &about.old_prefixes[prefix] };
                bytes.extend(spot.spell(about.at.as_ref()).unwrap());
            }
            let fill = Fill::new(&groups, &about).unwrap();
            let mut here = bytes.clone();
            let mut at = about.at.clone();
            for stop in &stops {
                let to = Prefix::new(stop.as_bytes());
                here = fill.moved(&here, at.as_ref(), to.as_ref()).unwrap();
                at = to;
            }
            prop_assert_eq!(&here, &fill.moved(&bytes, about.at.as_ref(), at.as_ref()).unwrap());
            prop_assert_eq!(here.len() as u64, fill.size(bytes.len() as u64, at.as_ref()).unwrap());
            prop_assert_eq!(fill.moved(&here, at.as_ref(), about.at.as_ref()).unwrap(), bytes);
        }
    }
}
