//! What the supervisor saw, gathered without order and given out sorted.

use crate::verify::smoke::{Asked, Note};
use std::collections::{BTreeMap, BTreeSet};

/// Distinct entries kept of each list; a program that asks for more is noted, not obeyed.
const ENTRIES_MAX: usize = 65_536;

/// The findings of one run.
#[derive(Debug, Default)]
pub(super) struct Record {
    asked: BTreeMap<Entry, u64>,
    host_reads: BTreeSet<Vec<u8>>,
    kernel_reads: BTreeSet<Vec<u8>>,
    notes: BTreeSet<Note>,
}

/// What is counted as the same question; fields as in [`Asked`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    path: Vec<u8>,
    call: &'static str,
    via: Option<Vec<u8>>,
}

impl Record {
    /// A call asked for a hidden path; `via` is what it named where that is another path.
    pub(super) fn ask(&mut self, path: Vec<u8>, call: &'static str, via: Option<Vec<u8>>) {
        let entry = Entry { path, call, via };
        if self.asked.len() >= ENTRIES_MAX && !self.asked.contains_key(&entry) {
            self.notes.insert(Note::Incomplete);
            return;
        }
        let count = self.asked.entry(entry).or_default();
        *count = count.saturating_add(1);
    }

    /// A file outside the tree was opened for reading.
    pub(super) fn read(&mut self, path: Vec<u8>) {
        let pseudo = [&b"/proc"[..], b"/sys", b"/dev"].iter().any(|dir| super::veil::is_within(&path, dir));
        let list = if pseudo { &mut self.kernel_reads } else { &mut self.host_reads };
        if list.len() < ENTRIES_MAX {
            list.insert(path);
        } else if !list.contains(&path) {
            self.notes.insert(Note::Incomplete);
        }
    }

    /// Something limits what the run proves.
    pub(super) fn note(&mut self, note: Note) {
        if self.notes.len() < ENTRIES_MAX {
            self.notes.insert(note);
        }
    }

    /// The hidden paths asked for, sorted.
    pub(super) fn asked(&self) -> Vec<Asked> {
        let row = |(entry, count): (&Entry, &u64)| {
            let Entry { path, call, via } = entry.clone();
            Asked { path, call, via, count: *count }
        };
        self.asked.iter().map(row).collect()
    }

    /// The files outside the tree that were read, sorted.
    pub(super) fn host_reads(&self) -> Vec<Vec<u8>> {
        self.host_reads.iter().cloned().collect()
    }

    /// Those below `/proc`, `/sys` and `/dev`, sorted.
    pub(super) fn kernel_reads(&self) -> Vec<Vec<u8>> {
        self.kernel_reads.iter().cloned().collect()
    }

    /// The limits met, sorted.
    pub(super) fn notes(&self) -> Vec<Note> {
        self.notes.iter().cloned().collect()
    }
}
