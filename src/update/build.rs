//! A release becomes whole in its place, by the way that was chosen; what turns out to be of no use is told, so that another way
//! is taken.

use super::error::UpdateError;
use super::fetch::Fetch;
use super::offered;
use super::room::Need;
use super::run::Wish;
use crate::base::finding::{Finding, Severity};
use crate::base::path::Prefix;
use crate::base::write;
use crate::install::{self, Install};
use crate::live::{Held, Root, Serial};
use crate::manifest;
use crate::pack::{Limits, verify_dir};
use crate::release::{File, Release, Way};
use crate::tuf::{Trusted, Why};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What releases are built with.
pub(super) struct Build<'a> {
    pub(super) root: &'a Root,
    pub(super) trusted: &'a Trusted,
    pub(super) fetch: &'a Fetch<'a>,
    pub(super) wish: &'a Wish<'a>,
}

impl Build<'_> {
    /// Builds a release in its place, whole and compared; `Some` is an installed release that is of no use for that.
    pub(super) fn build(&self, held: &mut Held, release: &Release, way: Way) -> Result<Option<Serial>, UpdateError> {
        let serial = Serial(release.custom.serial);
        match way {
            Way::Installed => {
                let place = self.root.release(serial);
                let Some(why) = self.differs(release, &place)? else {
                    write::seal(&place)?;
                    return Ok(None);
                };
                (self.wish.warn)(format!("release {serial} lies here and is not used, but fetched anew: {why}"));
                held.discard(serial)?;
                Ok(Some(serial))
            }
            // Until this version can, the whole comes.
            Way::Delta { base, .. } => Ok(Some(Serial(base))),
            Way::Full { .. } => self.full(release).map(|()| None),
        }
    }

    fn full(&self, release: &Release) -> Result<(), UpdateError> {
        let serial = Serial(release.custom.serial);
        let place = self.root.release(serial);
        let dest = Prefix::new(place.as_os_str().as_bytes()).ok_or_else(|| UpdateError::Place(place.clone()))?;
        let archive = self.fetched(release, &release.full)?;
        let (leave, limits) = (BTreeSet::new(), Limits::default());
        let install = Install { archive: &archive, dest: &dest, leave: &leave, limits: &limits, dry_run: false };
        install::archive(&install, self.wish.listener).map_err(UpdateError::Install)?;
        Ok(write::seal(&place)?)
    }

    /// One file of a release, fetched where there is room for what becomes of it.
    fn fetched(&self, release: &Release, file: &File) -> Result<std::path::PathBuf, UpdateError> {
        let target = offered::target(self.trusted, file);
        let missing = || UpdateError::Trust(Why::Missing { file: file.name.clone() });
        let target = target.ok_or_else(missing)?;
        let ahead = target.length() - self.fetch.have(target);
        let custom = &release.custom;
        Need::of(custom.installed_bytes, custom.installed_entries, ahead).check(self.root.path())?;
        self.fetch.fetch(target)
    }

    /// Why what is installed is not the release that was signed; none where it is.
    fn differs(&self, release: &Release, place: &Path) -> Result<Option<String>, UpdateError> {
        if !self.is_manifest(&release.manifest, &place.join(manifest::MANIFEST))? {
            return Ok(Some("its manifest is not the one that was signed".to_owned()));
        }
        let findings = compared(place)?;
        Ok(findings.first().map(|first| match &first.path {
            Some(path) => format!("{path}: {}", first.found),
            None => first.found.clone(),
        }))
    }

    /// Whether a file holds the manifest that was signed.
    fn is_manifest(&self, signed: &File, path: &Path) -> Result<bool, UpdateError> {
        let missing = || UpdateError::Trust(Why::Missing { file: signed.name.clone() });
        let target = offered::target(self.trusted, signed).ok_or_else(missing)?;
        let packed = self.fetch.fetch(target)?;
        let failed = |source| UpdateError::Io { doing: "read", path: packed.clone(), source };
        let packed = fs::File::open(&packed).map_err(failed)?;
        let signed = zstd::stream::read::Decoder::new(packed).map_err(failed)?;
        let Ok(installed) = fs::File::open(path) else { return Ok(false) };
        are_same(signed, BufReader::new(installed)).map_err(failed)
    }
}

/// The errors among what is different in an installed release; none where every byte is as its manifest says.
pub(super) fn compared(place: &Path) -> Result<Vec<Finding>, UpdateError> {
    let mut findings = verify_dir(place).map_err(UpdateError::Compare)?;
    findings.retain(|finding| finding.severity == Severity::Error);
    Ok(findings)
}

/// Compares what two readers give, a piece at a time: neither is ever in memory as a whole.
fn are_same(mut one: impl Read, mut other: impl Read) -> io::Result<bool> {
    let (mut ones, mut others) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let read = one.read(&mut ones)?;
        if read == 0 {
            return Ok(other.read(&mut others[..1])? == 0);
        }
        match other.read_exact(&mut others[..read]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            done => done?,
        }
        if ones[..read] != others[..read] {
            return Ok(false);
        }
    }
}
