//! Files that have sums of others get those of the files as they are now, after these have got their path.
//!
//! Only what is as it was packed, at whatever path, is summed up: a file that somebody changed keeps the sum of what was
//! packed, so whoever compares is told. The bytes of a ledger follow from the tree and its path alone, however often it was moved.

use super::look::{Decided, File, MoveError, State, candidates};
use crate::base::bytes::{FileBytes, ReadAt};
use crate::base::path::RelPath;
use crate::base::sums::Sums;
use crate::base::write::{NewFile, OtherName, commit_all, prepare};
use crate::fill::Standing;
use crate::ledger::{self, Ledger};
use crate::manifest::Entry;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};

/// How many files are made ready before they get their names together; each holds a file descriptor.
const BATCH: usize = 256;

/// Writes the sums of a tree all of whose other files are what they are to be.
pub(super) fn write(decided: &Decided) -> Result<(), MoveError> {
    let mut files: BTreeMap<&RelPath, Vec<&File>> = BTreeMap::new();
    for file in decided.files.iter().chain(&decided.ledgers) {
        files.entry(&decided.entry(file).path).or_default().push(file);
    }
    let mut tree = Tree { decided, files, known: BTreeMap::new() };
    for round in ledger::in_rounds(decided.manifest.entries.iter()) {
        for batch in round.chunks(BATCH) {
            tree.write(batch)?;
        }
    }
    Ok(())
}

struct Tree<'a> {
    decided: &'a Decided,
    /// The files that depend on the path by the first name that the record has for them.
    files: BTreeMap<&'a RelPath, Vec<&'a File>>,
    known: BTreeMap<&'a RelPath, Option<Sums>>,
}

impl<'a> Tree<'a> {
    fn write(&mut self, batch: &[&'a Entry]) -> Result<(), MoveError> {
        let (mut ready, mut others) = (Vec::new(), Vec::new());
        for entry in batch {
            for of in entry.sums.iter().map(|sum| &sum.of) {
                if !self.known.contains_key(of) {
                    let sums = self.sums(of)?;
                    self.known.insert(of, sums);
                }
            }
            for file in self.files.get(&entry.path).into_iter().flatten().filter(|file| is_known(file)) {
                let Some(new) = self.new_file(entry, file)? else { continue };
                for name in &file.other_names {
                    others.push(OtherName::ready(&new, &name.under(&self.decided.root))?);
                }
                ready.push(new);
            }
        }
        commit_all(ready)?;
        Ok(OtherName::commit_all(others)?)
    }

    /// The sums of a file, if it is what was packed.
    fn sums(&self, of: &RelPath) -> Result<Option<Sums>, MoveError> {
        // Another file of the same set of hard links has the same bytes, or was changed.
        let first = self.files.get(of).and_then(|files| files.iter().find(|file| is_known(file)));
        let (Some(file), Some(entry)) = (first, self.decided.manifest.entry(of)) else { return Ok(None) };
        let path = file.path.under(&self.decided.root);
        let sums = fs::File::open(&path)
            .and_then(FileBytes::new)
            .and_then(|source| ledger::sums(entry, &self.decided.manifest.about, &source, &self.candidates()));
        sums.map_err(|source| MoveError::Read { path, source })
    }

    fn candidates(&self) -> Vec<Standing<'a>> {
        candidates(&self.decided.to, &self.decided.was, &self.decided.manifest)
    }

    /// Makes a ledger ready that is not what it is to be.
    fn new_file(&self, entry: &Entry, file: &File) -> Result<Option<NewFile>, MoveError> {
        let path = file.path.under(&self.decided.root);
        let failed = |source| MoveError::Read { path: path.clone(), source };
        let wrong = |source| MoveError::Places { path: file.path.clone(), source };
        let source = fs::File::open(&path).and_then(FileBytes::new).map_err(failed)?;
        let bytes = source.range(0, source.size()).map_err(failed)?;
        let ledger = Ledger::new(entry, &self.decided.manifest.about).map_err(wrong)?;
        let found = ledger.find(&bytes, &self.candidates());
        let found = found.ok_or_else(|| failed(io::Error::other("it changed meanwhile")))?;
        let to = if file.state == State::Left { found.at } else { Some(&self.decided.to) };
        let known = |of: &RelPath| self.known.get(of).copied().flatten();
        let new = ledger.write(&found, to, file.state == State::Left, known).map_err(wrong)?;
        if *new == *bytes { Ok(None) } else { Ok(Some(prepare(&path, |out| out.write_all(&new))?)) }
    }
}

/// Whether it was found as the record knows it, wherever it stands.
pub(super) fn is_known(file: &File) -> bool {
    matches!(file.state, State::Here | State::Elsewhere(_) | State::Left)
}
