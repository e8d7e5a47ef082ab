//! Files of a tree that name its path, or have sums of such files: seen as the archive had them, wherever the tree is.

use crate::base::bytes::FileBytes;
use crate::base::digest::Digest;
use crate::base::path::RelPath;
use crate::base::sums::Sums;
use crate::fill::Standing;
use crate::ledger;
use crate::manifest::{Entry, Kind, Manifest, Sum, Whereabouts};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What is known of the places of a tree.
pub(super) struct Moved<'a> {
    root: &'a Path,
    manifest: &'a Manifest,
    /// Where a file may stand.
    candidates: Vec<Standing<'a>>,
    /// The entry that knows the places, by every name of the file.
    depending: HashMap<&'a RelPath, &'a Entry>,
    /// What the sums of files are, none where they were changed.
    sums: Mutex<HashMap<&'a RelPath, Option<Sums>>>,
}

impl<'a> Moved<'a> {
    pub(super) fn new(root: &'a Path, manifest: &'a Manifest, whereabouts: Option<&'a Whereabouts>) -> Self {
        let depending = manifest.entries.iter().filter(|entry| ledger::depends(entry));
        let mut depending: HashMap<_, _> = depending.map(|entry| (&entry.path, entry)).collect();
        for entry in &manifest.entries {
            if let Kind::HardLink { first } = &entry.kind
                && let Some(known) = depending.get(first).copied()
            {
                depending.insert(&entry.path, known);
            }
        }
        let paths = whereabouts.iter().flat_map(|now| now.paths());
        let candidates = paths.map(Some).chain([manifest.about.at.as_ref(), None]).collect();
        Self { root, manifest, candidates, depending, sums: Mutex::default() }
    }

    /// Size and digest that the file had in the archive; none where it depends on no path, or was changed by somebody.
    pub(super) fn as_packed(&self, path: &RelPath, file: &File) -> io::Result<Option<(u64, Digest)>> {
        let Some(entry) = self.depending.get(path) else { return Ok(None) };
        let source = FileBytes::new(file.try_clone()?)?;
        ledger::as_packed(entry, &self.manifest.about, &source, &self.candidates, |sum, stood| {
            self.is_right(sum, stood)
        })
    }

    /// Whether a sum is that of the file as it is. Where somebody changed that file, nobody knows what the sum was of; the
    /// file has a finding of its own.
    fn is_right(&self, sum: &Sum, stood: &[u8]) -> bool {
        let Some((of, entry)) = self.depending.get_key_value(&sum.of) else { return stood == sum.text };
        let known = self.sums.lock().unwrap_or_else(PoisonError::into_inner).get(of).copied();
        let sums = known.unwrap_or_else(|| {
            // What cannot be read has a finding of its own, too.
            let sums = self.sums_of(entry).unwrap_or_default();
            self.sums.lock().unwrap_or_else(PoisonError::into_inner).insert(of, sums);
            sums
        });
        sums.is_none_or(|sums| sum.form.spell(&sums) == stood || sum.form.stale().is_some_and(|stale| stale == stood))
    }

    fn sums_of(&self, entry: &Entry) -> io::Result<Option<Sums>> {
        let place = entry.path.under(self.root);
        if !fs::symlink_metadata(&place)?.is_file() {
            return Ok(None);
        }
        let source = File::open(&place).and_then(FileBytes::new)?;
        ledger::sums(entry, &self.manifest.about, &source, &self.candidates)
    }
}
