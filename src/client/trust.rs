//! What is trusted of a repository, on disk: changed as a whole, the one before kept beside it.
//!
//! ```text
//! DIR/7/       root.json, timestamp.json, snapshot.json, targets.json as they came; kept.json says the sum of each
//! DIR/now      -> 7, changed by one rename
//! ```
//!
//! Takes and gives [`Kept`]. A directory is written and made durable before the link leads to it, so a kill leaves the old trust or
//! the new one. Refused: anything that is not as it was written. A timestamp that is lost is told, never taken for none.

use crate::base::digest::Digest;
use crate::base::write::{self, Parents, WriteError};
use crate::tuf::{Kept, Moment};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The version of the form of `kept.json`.
const FORMAT: u32 = 1;
/// More than any metadata has, in bytes.
const MOST: u64 = 16 << 20;
const RECORD: &str = "kept.json";
const NOW: &str = "now";
const ROOT: &str = "root.json";
const TIMESTAMP: &str = "timestamp.json";
const SNAPSHOT: &str = "snapshot.json";
const TARGETS: &str = "targets.json";

/// The trust of one directory of releases.
#[derive(Debug, Clone)]
pub struct Trust {
    dir: PathBuf,
}

/// What was trusted cannot be used.
#[derive(Debug, Clone)]
pub struct Damaged {
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what was trusted so far cannot be used: '{}': {}", self.path.display(), self.why)
    }
}

impl std::error::Error for Damaged {}

/// What there is beside the bytes that came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    format: u32,
    /// What tells that state of the timestamp from others.
    state: Option<String>,
    /// When all was last well, in seconds since 1970.
    checked: Option<i64>,
    /// The sha256 of each file.
    files: BTreeMap<String, Digest>,
}

impl Trust {
    /// The trust kept in a directory, which need not be there.
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// What is trusted now; none before the first time.
    pub fn read(&self) -> Result<Option<Kept>, Damaged> {
        self.now()?.map(|now| self.read_one(now)).transpose()
    }

    /// What was trusted before that, where it is still good.
    pub fn shadow(&self) -> Option<Kept> {
        let now = self.now().ok().flatten();
        let numbers = self.numbers();
        numbers.into_iter().rev().filter(|number| Some(*number) != now).find_map(|number| self.read_one(number).ok())
    }

    /// Keeps it, durably. What is trusted now becomes the shadow.
    pub fn keep(&self, kept: &Kept) -> Result<(), WriteError> {
        let now = self.now().ok().flatten();
        let old = now.and_then(|now| Some((now, self.read_one(now).ok()?)));
        if let Some((now, old)) = &old {
            if old == kept {
                return Ok(());
            }
            if has_same_bytes(old, kept) {
                return write_record(&self.dir.join(now.to_string()), kept);
            }
        }
        let numbers = self.numbers();
        let next = numbers.last().copied().max(now).map_or(1, |last| last.saturating_add(1));
        let place = self.dir.join(next.to_string());
        Parents::make(&place.join(RECORD))?.keep();
        for (name, bytes) in parts(kept) {
            write::record(&place.join(name), bytes)?;
        }
        write_record(&place, kept)?;
        write::replace_symlink(&self.dir.join(NOW), Path::new(&next.to_string()))?;
        // A damaged one is no shadow of anything; then the one before it stays.
        let good = |number: &u64| self.read_one(*number).is_ok();
        let stays = old.map(|(now, _)| now).or_else(|| numbers.iter().rev().copied().find(good));
        for number in numbers.into_iter().filter(|number| Some(*number) != stays) {
            write::remove_tree(&self.dir.join(number.to_string()))?;
        }
        Ok(())
    }

    fn now(&self) -> Result<Option<u64>, Damaged> {
        let link = self.dir.join(NOW);
        let damaged = |why: String| Damaged { path: link.clone(), why };
        match fs::read_link(&link) {
            Ok(target) => {
                let number = target.to_str().and_then(number);
                number.map(Some).ok_or_else(|| damaged(format!("it leads to '{}'", target.display())))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(damaged(error.to_string())),
        }
    }

    /// All that are there, sorted.
    fn numbers(&self) -> Vec<u64> {
        let listed = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut numbers: Vec<_> = listed.filter_map(|entry| number(entry.file_name().to_str()?)).collect();
        numbers.sort_unstable();
        numbers
    }

    fn read_one(&self, number: u64) -> Result<Kept, Damaged> {
        let place = self.dir.join(number.to_string());
        let path = place.join(RECORD);
        let damaged = |why: String| Damaged { path: path.clone(), why };
        let bytes = read(&path).map_err(|error| damaged(error.to_string()))?;
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if record.format > FORMAT {
            return Err(damaged(format!(
                "a newer version wrote it (format {}, this one knows {FORMAT})",
                record.format
            )));
        }
        let file = |name: &str| -> Result<Option<Vec<u8>>, Damaged> {
            let Some(sum) = record.files.get(name) else { return Ok(None) };
            let path = place.join(name);
            let damaged = |why: String| Damaged { path: path.clone(), why };
            let bytes = read(&path).map_err(|error| damaged(error.to_string()))?;
            if Digest::of(&bytes) == *sum {
                Ok(Some(bytes))
            } else {
                Err(damaged("it was changed since it was written".to_owned()))
            }
        };
        Ok(Kept {
            root: file(ROOT)?.ok_or_else(|| damaged("it names no root.json".to_owned()))?,
            timestamp: file(TIMESTAMP)?,
            snapshot: file(SNAPSHOT)?,
            targets: file(TARGETS)?,
            state: record.state.clone(),
            checked: record.checked.map(Moment::from_seconds),
        })
    }
}

fn write_record(place: &Path, kept: &Kept) -> Result<(), WriteError> {
    let path = place.join(RECORD);
    let files = parts(kept).map(|(name, bytes)| (name.to_owned(), Digest::of(bytes))).collect();
    let checked = kept.checked.map(Moment::seconds);
    let record = Record { format: FORMAT, state: kept.state.clone(), checked, files };
    let mut bytes = serde_json::to_vec_pretty(&record).map_err(|error| WriteError::Io {
        doing: "write",
        path: path.clone(),
        source: error.into(),
    })?;
    bytes.push(b'\n');
    write::record(&path, &bytes)
}

fn number(name: &str) -> Option<u64> {
    let number: u64 = name.parse().ok()?;
    (number.to_string() == name).then_some(number)
}

fn parts(kept: &Kept) -> impl Iterator<Item = (&'static str, &Vec<u8>)> {
    let others = [(TIMESTAMP, &kept.timestamp), (SNAPSHOT, &kept.snapshot), (TARGETS, &kept.targets)];
    let others = others.into_iter().filter_map(|(name, bytes)| Some((name, bytes.as_ref()?)));
    std::iter::once((ROOT, &kept.root)).chain(others)
}

fn has_same_bytes(one: &Kept, other: &Kept) -> bool {
    parts(one).eq(parts(other))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str, checked: i64) -> Kept {
        let part = |name: &str| Some(format!("{name} {text}").into_bytes());
        Kept {
            root: b"root".to_vec(),
            timestamp: part("timestamp"),
            snapshot: part("snapshot"),
            targets: None,
            state: Some("\"tag\"".to_owned()),
            checked: Some(Moment::from_seconds(checked)),
        }
    }

    #[test]
    fn what_is_kept_comes_back_and_the_one_before_it_is_the_shadow() {
        let dir = tempfile::tempdir().unwrap();
        let trust = Trust::at(dir.path().join("trust"));
        assert!(trust.read().unwrap().is_none() && trust.shadow().is_none());
        for (at, text) in [(1, "a"), (2, "b"), (3, "b"), (4, "c")] {
            trust.keep(&kept(text, at)).unwrap();
            assert_eq!(trust.read().unwrap(), Some(kept(text, at)));
        }
        assert_eq!(trust.shadow(), Some(kept("b", 3)));
        assert_eq!(trust.numbers(), [2, 3]);
    }

    #[test]
    fn a_part_that_was_changed_or_is_lost_is_told_and_the_shadow_stays() {
        let dir = tempfile::tempdir().unwrap();
        let trust = Trust::at(dir.path().to_owned());
        trust.keep(&kept("a", 1)).unwrap();
        trust.keep(&kept("b", 2)).unwrap();
        let file = dir.path().join("2/timestamp.json");
        fs::write(&file, "timestamp c").unwrap();
        assert!(trust.read().unwrap_err().to_string().contains("timestamp.json': it was changed"));
        fs::remove_file(&file).unwrap();
        assert!(trust.read().is_err());
        assert_eq!(trust.shadow(), Some(kept("a", 1)));
        // What is kept next does not throw away the one that is good.
        trust.keep(&kept("c", 3)).unwrap();
        assert_eq!((trust.read().unwrap(), trust.shadow()), (Some(kept("c", 3)), Some(kept("a", 1))));
        assert_eq!(trust.numbers(), [1, 3]);
    }
}
