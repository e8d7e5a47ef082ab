//! `-o DIR/`: the rewritten tree itself, laid out aside, judged, and only then named.

use super::archive::Witness;
use super::items::{Shipped, items};
use super::{Job, JobError, Owner, Prepared, record};
use crate::base::digest::{Digest, Digester};
use crate::base::event::{Event, Listener, Stage};
use crate::base::glob::Globs;
use crate::base::host;
use crate::base::path::RelPath;
use crate::base::write::lay::{self, Looks};
use crate::base::write::{NewDir, WriteError};
use crate::manifest;
use crate::pack::{Body, Contents};
use crate::scan;
use crate::verify::judge::Verdict;
use rayon::prelude::*;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Writes the tree for `path` and judges it. What is not proven gets its name only where the plan already said so and
/// the user wants it all the same; the verdict tells.
pub fn write(job: &Job, prepared: &Prepared, path: &Path, listener: &dyn Listener) -> Result<Verdict, JobError> {
    let proven = !prepared.is_hopeless();
    let shipped = items(job, prepared);
    let witness = Witness::new(job, prepared, &shipped);
    let staged = NewDir::create(path)?;
    let layout = Layout { root: staged.staging(), owner: host::is_root() };
    let digests = layout.lay(&shipped, &witness, listener)?;
    let about = record::about(prepared, proven);
    let manifest = record::manifest(job, prepared, &shipped, &digests, about.clone());
    layout.records(&about.to_bytes(), &manifest.to_bytes(), newest(&shipped))?;
    layout.finish(&shipped)?;
    let verdict = witness.verdict(&digests)?;
    if proven && !verdict.holds() {
        return Err(JobError::Bug("the rewritten files do not keep what the plan promised".to_owned()));
    }
    staged.commit()?;
    Ok(verdict)
}

/// Copies the tree at `root`, its record included, to `place`, which must not be there. Nothing in it is changed or
/// judged.
pub(super) fn copy(root: &Path, place: &Path, listener: &dyn Listener) -> Result<(), JobError> {
    let job = Job { root: root.to_owned(), owner: Owner::Keep, ..Job::default() };
    let inventory = scan::scan(root, &Globs::default(), listener)?;
    let prepared = Prepared::unchanged(inventory);
    let shipped = items(&job, &prepared);
    let witness = Witness::new(&job, &prepared, &shipped);
    lay::directory(place)?;
    let layout = Layout { root: place, owner: host::is_root() };
    layout.lay(&shipped, &witness, listener)?;
    let record = |name: &str| fs::read(root.join(name)).ok();
    if let (Some(about), Some(manifest)) = (record(manifest::ABOUT), record(manifest::MANIFEST)) {
        layout.records(&about, &manifest, newest(&shipped))?;
    }
    layout.finish(&shipped)
}

/// The time of the newest thing shipped.
fn newest(shipped: &[Shipped<'_>]) -> i64 {
    shipped.iter().map(|shipped| shipped.item.mtime).max().unwrap_or_default()
}

struct Layout<'a> {
    root: &'a Path,
    /// Whether owners can be set.
    owner: bool,
}

impl Layout<'_> {
    /// Makes directories, then files (side by side), then further names and symlinks.
    fn lay(
        &self,
        shipped: &[Shipped<'_>],
        witness: &Witness<'_>,
        listener: &dyn Listener,
    ) -> Result<Vec<Option<Digest>>, JobError> {
        let sizes = shipped.iter().map(|shipped| shipped.entry.file().map_or(0, |file| file.size));
        listener.event(&Event::Begin { stage: Stage::Write, files: shipped.len() as u64, bytes: sizes.sum() });
        for shipped in shipped.iter().filter(|shipped| shipped.item.body == Body::Dir) {
            lay::directory(&self.at(shipped.path))?;
        }
        let digests: Result<Vec<_>, JobError> = shipped
            .par_iter()
            .enumerate()
            .map(|(at, shipped)| match shipped.item.body {
                Body::File { size } => {
                    let digest = self.file(shipped, at, witness)?;
                    listener.event(&Event::File { path: shipped.path, bytes: size });
                    Ok(Some(digest))
                }
                _ => Ok(None),
            })
            .collect();
        for shipped in shipped {
            match &shipped.item.body {
                Body::Symlink(target) => lay::link_to(&self.at(shipped.path), target, self.looks(shipped))?,
                Body::HardLink(first) => lay::another_name(&self.at(first), &self.at(shipped.path))?,
                Body::Dir | Body::File { .. } => {}
            }
        }
        listener.event(&Event::End(Stage::Write));
        digests
    }

    fn file(&self, shipped: &Shipped<'_>, at: usize, witness: &Witness<'_>) -> Result<Digest, JobError> {
        let path = self.at(shipped.path);
        let mut digester = Digester::default();
        lay::file(&path, self.looks(shipped), |out: &mut dyn Write| {
            let mut take = |bytes: &[u8]| -> io::Result<()> {
                digester.update(bytes);
                out.write_all(bytes)
            };
            witness.stream(at, &mut take).map_err(|error| match error.downcast::<JobError>() {
                Ok(job) => *job,
                Err(error) => JobError::from(WriteError::io("write", &path)(io::Error::other(error))),
            })
        })?;
        Ok(digester.finish())
    }

    /// Writes the records, with the time they have in an archive.
    fn records(&self, about: &[u8], record: &[u8], mtime: i64) -> Result<(), JobError> {
        let looks = Looks { mode: 0o644, mtime, owner: None };
        lay::directory(&self.root.join(manifest::DIRECTORY))?;
        for (name, bytes) in [(manifest::ABOUT, about), (manifest::MANIFEST, record)] {
            let path = self.root.join(name);
            let write = |out: &mut dyn Write| out.write_all(bytes).map_err(WriteError::io("write", &path));
            lay::file::<WriteError>(&path, looks, write)?;
        }
        Ok(lay::finish_directory(&self.root.join(manifest::DIRECTORY), Looks { mode: 0o755, ..looks })?)
    }

    /// Gives directories their looks, innermost first, and the tree itself a mode others can read.
    fn finish(&self, shipped: &[Shipped<'_>]) -> Result<(), JobError> {
        for shipped in shipped.iter().rev().filter(|shipped| shipped.item.body == Body::Dir) {
            lay::finish_directory(&self.at(shipped.path), self.looks(shipped))?;
        }
        Ok(lay::finish_directory(self.root, Looks { mode: 0o755, mtime: newest(shipped), owner: None })?)
    }

    fn looks(&self, shipped: &Shipped<'_>) -> Looks {
        let item = &shipped.item;
        Looks { mode: item.mode, mtime: item.mtime, owner: self.owner.then_some((item.uid as u32, item.gid as u32)) }
    }

    fn at(&self, path: &RelPath) -> std::path::PathBuf {
        path.under(self.root)
    }
}
