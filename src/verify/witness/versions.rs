//! Symbol versions: which ones a file needs, and for which symbol first; which ones it defines.
//!
//! Takes the chains of DT_VERNEED and DT_VERDEF as glibc walks them, to the record without a next one (the counts in the
//! dynamic table are not asked). A chain only leads forward, and no more records are taken than there are version
//! indexes. The symbols are for reports alone: one that cannot be read costs a name, not the verdict.

use super::WitnessError;
use super::dynamic::Dynamic;
use super::image::Image;
use super::symbols;
use crate::loader::object::VersionNeed;
use goblin::elf::dynamic as dt;

/// `vn_version`/`vn_cnt`/`vn_file`/`vn_aux`/`vn_next` (gABI, LSB core part "Symbol Versioning").
const VERNEED: [u8; 5] = [2, 2, 4, 4, 4];
/// `vna_hash`/`vna_flags`/`vna_other`/`vna_name`/`vna_next`.
const VERNAUX: [u8; 5] = [4, 2, 2, 4, 4];
/// `vd_version`/`vd_flags`/`vd_ndx`/`vd_cnt`/`vd_hash`/`vd_aux`/`vd_next`.
const VERDEF: [u8; 7] = [2, 2, 2, 2, 4, 4, 4];
/// `vda_name`/`vda_next`.
const VERDAUX: [u8; 2] = [4, 4];
/// The record is the file's own name, not a version.
const VER_FLG_BASE: u64 = 1;
/// All references are weak: the loader only warns where the version is missing.
const VER_FLG_WEAK: u64 = 2;
/// Version indexes have 15 bits; as many records of one kind as this are no honest file's.
const RECORDS_MAX: u64 = 1 << 15;

/// The versions needed, sorted.
pub(super) fn needs(image: &Image<'_>, dynamic: &Dynamic) -> Result<Vec<VersionNeed>, WitnessError> {
    let Some(start) = dynamic.last(dt::DT_VERNEED) else { return Ok(Vec::new()) };
    let mut indexed = Vec::new();
    let mut libraries = Chain::new("version need", start);
    while let Some(at) = libraries.next()? {
        let [_, _, file, aux, next] = image.record("version need", at, VERNEED)?;
        let mut versions = Chain::new("needed version", at.saturating_add(aux));
        while let Some(at) = versions.next()? {
            let [_, flags, index, name, next] = image.record("needed version", at, VERNAUX)?;
            // Read anew for each, so that the limit on all strings together holds.
            let file = dynamic.string(image, "version need's library", file)?;
            let version = dynamic.string(image, "needed version", name)?;
            let weak = flags & VER_FLG_WEAK != 0;
            let need = VersionNeed { file, version, weak, symbol: None };
            indexed.push((index, need));
            versions.lead(next);
            if indexed.len() as u64 > RECORDS_MAX {
                return Err(WitnessError::TooLarge("needed versions", indexed.len() as u64, RECORDS_MAX));
            }
        }
        libraries.lead(next);
    }
    symbols::name(image, dynamic, &mut indexed);
    let mut needs: Vec<VersionNeed> = indexed.into_iter().map(|(_, need)| need).collect();
    needs.sort();
    Ok(needs)
}

/// The versions defined, in file order, without the base one.
pub(super) fn definitions(image: &Image<'_>, dynamic: &Dynamic) -> Result<Vec<Vec<u8>>, WitnessError> {
    let Some(start) = dynamic.last(dt::DT_VERDEF) else { return Ok(Vec::new()) };
    let mut definitions = Vec::new();
    let mut chain = Chain::new("version definition", start);
    while let Some(at) = chain.next()? {
        let [_, flags, _, _, _, aux, next] = image.record("version definition", at, VERDEF)?;
        if flags & VER_FLG_BASE == 0 {
            // The first name is the version's own; those after it are the versions it inherits from.
            let [name, _] = image.record("defined version", at.saturating_add(aux), VERDAUX)?;
            definitions.push(dynamic.string(image, "defined version", name)?);
        }
        chain.lead(next);
    }
    Ok(definitions)
}

/// A chain of records, each telling how far on the next one begins.
struct Chain {
    what: &'static str,
    next: Option<u64>,
    seen: u64,
}

impl Chain {
    fn new(what: &'static str, start: u64) -> Self {
        Self { what, next: Some(start), seen: 0 }
    }

    /// The address of the record to read now; none at the end.
    fn next(&mut self) -> Result<Option<u64>, WitnessError> {
        self.seen += 1;
        if self.seen > RECORDS_MAX {
            return Err(WitnessError::TooLarge(self.what, self.seen, RECORDS_MAX));
        }
        Ok(self.next)
    }

    /// Takes the current record's distance to the next one, in bytes; 0 at the end.
    fn lead(&mut self, distance: u64) {
        self.next = self.next.and_then(|at| at.checked_add(distance)).filter(|_| distance != 0);
    }
}
