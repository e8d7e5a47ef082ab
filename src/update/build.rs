//! A release becomes whole in its place, by the way that was chosen; what turns out to be of no use is told, so that another way
//! is taken.

use super::error::UpdateError;
use super::moved::moved;
use super::offered;
use super::room::Need;
use super::wish::Wish;
use crate::base::finding::{Finding, Severity};
use crate::base::path::Prefix;
use crate::base::write;
use crate::client::{ClientError, Fetch};
use crate::install::{self, Install};
use crate::live::{Held, LiveError, Root, Serial};
use crate::manifest;
use crate::pack::{Limits, verify_dir};
use crate::parcel::{self, Assemble};
use crate::release::{File, Release, Way};
use crate::tuf::{Trusted, Why};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How many times its own bytes a delta is likely to write.
const LIKELY: u64 = 8;

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
            Way::Delta { base, .. } => self.delta(release, Serial(base)),
            Way::Full { .. } => self.full(release).map(|()| None),
        }
    }

    /// From an installed release; `Some` is that one, where it or the delta is of no use.
    fn delta(&self, release: &Release, base: Serial) -> Result<Option<Serial>, UpdateError> {
        let serial = Serial(release.custom.serial);
        let why = match self.assembled(release, serial, base) {
            Ok(()) => return Ok(None),
            Err(UpdateError::Parcel(error)) if error.whole_may_help() => error.to_string(),
            Err(UpdateError::Client(ClientError::Fetch(error))) if error.is_of_file() => error.to_string(),
            Err(error) => return Err(error),
        };
        (self.wish.warn)(format!(
            "release {serial} cannot be made from release {base}, and comes in another way: {why}"
        ));
        Ok(Some(base))
    }

    fn assembled(&self, release: &Release, serial: Serial, base: Serial) -> Result<(), UpdateError> {
        let missing = || UpdateError::Live(LiveError::Missing { serial: base, installed: Vec::new() });
        let file = release.deltas.get(&base.0).ok_or_else(missing)?;
        // How much of it will be shared with the base is not known before it is here.
        let likely = file.length.saturating_mul(LIKELY).min(release.custom.installed_bytes);
        let delta = self.fetched(release, file, likely)?;
        let (from, dest) = (self.root.release(base), self.dest(serial)?);
        let limits = Limits::default();
        let assemble = Assemble { delta: &delta, base: (&from, base.0), dest: (&dest, serial.0), limits: &limits };
        parcel::assemble(&assemble, self.wish.listener).map_err(UpdateError::Parcel)?;
        Ok(write::seal(&self.root.release(serial))?)
    }

    /// The path of a release, which its files are to name.
    fn dest(&self, serial: Serial) -> Result<Prefix, UpdateError> {
        let place = self.root.release(serial);
        Prefix::new(place.as_os_str().as_bytes()).ok_or(UpdateError::Place(place))
    }

    fn full(&self, release: &Release) -> Result<(), UpdateError> {
        let serial = Serial(release.custom.serial);
        let dest = self.dest(serial)?;
        let archive = self.fetched(release, &release.full, release.custom.installed_bytes)?;
        let (leave, limits) = (BTreeSet::new(), Limits::default());
        let install = Install { archive: &archive, dest: &dest, leave: &leave, limits: &limits, dry_run: false };
        install::archive(&install, self.wish.listener).map_err(UpdateError::Install)?;
        Ok(write::seal(&self.root.release(serial))?)
    }

    /// One file of a release, fetched where there is room for what becomes of it, so many bytes.
    fn fetched(&self, release: &Release, file: &File, bytes: u64) -> Result<PathBuf, UpdateError> {
        let target = offered::target(self.trusted, file);
        let missing = || UpdateError::Trust(Why::Missing { file: file.name.clone() });
        let target = target.ok_or_else(missing)?;
        let ahead = target.length() - self.fetch.have(target);
        Need::of(bytes, release.custom.installed_entries, ahead).check(self.root.path())?;
        Ok(self.fetch.fetch(target)?)
    }

    /// Why what is installed is not the release that was signed; none where it is.
    fn differs(&self, release: &Release, place: &Path) -> Result<Option<String>, UpdateError> {
        if !self.is_manifest(&release.manifest, &place.join(manifest::MANIFEST))? {
            return Ok(Some("its manifest is not the one that was signed".to_owned()));
        }
        let findings = compared(place)?;
        Ok(findings.first().map(Finding::in_short))
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
    findings.extend(moved(place));
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
