//! Files of a tree that name its path: seen as the archive had them, wherever the tree is.

use crate::base::bytes::FileBytes;
use crate::base::digest::{Digest, Digester};
use crate::base::path::RelPath;
use crate::fill::{Fill, Standing};
use crate::manifest::{Entry, Kind, Manifest, Whereabouts};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};

/// What is known of the places of a tree.
pub(super) struct Moved<'a> {
    manifest: &'a Manifest,
    /// Where a file may stand besides where the archive had it.
    candidates: Vec<Standing<'a>>,
    /// The entry that knows the places, by every name of the file.
    places: HashMap<&'a RelPath, &'a Entry>,
}

impl<'a> Moved<'a> {
    pub(super) fn new(manifest: &'a Manifest, whereabouts: Option<&'a Whereabouts>) -> Self {
        let depending = manifest.entries.iter().filter(|entry| !entry.places.is_empty());
        let mut places: HashMap<_, _> = depending.map(|entry| (&entry.path, entry)).collect();
        for entry in &manifest.entries {
            if let Kind::HardLink { first } = &entry.kind
                && let Some(known) = places.get(first).copied()
            {
                places.insert(&entry.path, known);
            }
        }
        let paths = whereabouts.iter().flat_map(|now| now.paths());
        Self { manifest, candidates: paths.map(Some).chain([None]).collect(), places }
    }

    /// Size and digest that the file has at the archive's path; none where it depends on no path, is there already, or
    /// was changed by somebody.
    pub(super) fn as_packed(&self, path: &RelPath, file: &File) -> io::Result<Option<(u64, Digest)>> {
        let base = self.manifest.about.at.as_ref();
        let Some(entry) = self.places.get(path) else { return Ok(None) };
        let Kind::File { size, .. } = entry.kind else { return Ok(None) };
        // A record that contradicts itself tells nothing of the file.
        let Ok(fill) = Fill::new(&entry.places, &self.manifest.about) else { return Ok(None) };
        let source = FileBytes::new(file.try_clone()?)?;
        let Some(at) = fill.standing(&source, size, &self.candidates)?.filter(|at| *at != base) else {
            return Ok(None);
        };
        let mut digesting = Digesting { digester: Digester::default(), len: 0 };
        let poured = fill.pour(&source, at, base, &mut digesting)?;
        Ok(poured.is_ok().then(|| (digesting.len, digesting.digester.finish())))
    }
}

struct Digesting {
    digester: Digester,
    len: u64,
}

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.digester.update(bytes);
        self.len += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
