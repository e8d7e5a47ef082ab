//! Which symbol is bound to a needed version: a walk through DT_VERSYM beside DT_SYMTAB.
//!
//! No tag tells how many symbols there are. DT_HASH does; DT_GNU_HASH does where it holds a symbol at all; else the
//! tables' neighbours bound it. Names are a help for people, so nothing here fails: what cannot be read stays unnamed.

use super::dynamic::Dynamic;
use super::image::Image;
use crate::loader::object::VersionNeed;
use goblin::elf::dynamic as dt;
use goblin::elf::header::EM_S390;
use std::collections::BTreeMap;

const EM_ALPHA: u16 = 0x9026;
/// The tags whose values are addresses of tables that linkers put beside the symbols.
const TABLES: [u64; 10] = [
    dt::DT_HASH,
    dt::DT_GNU_HASH,
    dt::DT_STRTAB,
    dt::DT_SYMTAB,
    dt::DT_VERSYM,
    dt::DT_VERDEF,
    dt::DT_VERNEED,
    dt::DT_RELA,
    dt::DT_REL,
    dt::DT_JMPREL,
];
/// How many bytes of a table are read at a time.
const STEP: u64 = 1 << 16;
/// The bit of a version index that hides the symbol.
const HIDDEN: u64 = 0x8000;

/// Fills in the first symbol, in symbol table order, of each (version index, need).
pub(super) fn name(image: &Image<'_>, dynamic: &Dynamic, needs: &mut [(u64, VersionNeed)]) {
    let (Some(versions), Some(symbols)) = (dynamic.last(dt::DT_VERSYM), dynamic.last(dt::DT_SYMTAB)) else { return };
    let size = if image.word() == 8 { 24 } else { 16 };
    let count = count(image, dynamic, versions, symbols, size);
    let mut unnamed: BTreeMap<u64, Vec<&mut VersionNeed>> = BTreeMap::new();
    for (index, need) in needs {
        unnamed.entry(*index).or_default().push(need);
    }
    walk(image, versions, count.saturating_mul(2), 2, |index, version| {
        if let Some(needs) = unnamed.remove(&(version & !HIDDEN)) {
            // st_name comes first in both classes.
            let record = image.record("symbol", symbols.saturating_add(index * size), [4]);
            let name = record.and_then(|[name]| dynamic.string(image, "symbol", name)).ok();
            for need in needs {
                need.symbol.clone_from(&name);
            }
        }
        !unnamed.is_empty()
    });
}

/// The number of symbols, or a bound not far above it.
fn count(image: &Image<'_>, dynamic: &Dynamic, versions: u64, symbols: u64, size: u64) -> u64 {
    let told = dynamic.last(dt::DT_HASH).and_then(|table| by_hash(image, table));
    let told = told.or_else(|| dynamic.last(dt::DT_GNU_HASH).and_then(|table| by_gnu_hash(image, table)));
    let bound = (room(image, dynamic, versions) / 2).min(room(image, dynamic, symbols) / size);
    told.map_or(bound, |told| told.min(image.left(versions) / 2))
}

/// Bytes from a table to the nearest other one behind it.
fn room(image: &Image<'_>, dynamic: &Dynamic, table: u64) -> u64 {
    let behind = TABLES.iter().filter_map(|tag| dynamic.last(*tag)).filter(|address| *address > table);
    behind.map(|address| address - table).chain([image.left(table)]).min().unwrap_or(0)
}

/// DT_HASH: the second field, nchain, is the number of symbols. 64-bit fields on Alpha and 64-bit s390 only.
fn by_hash(image: &Image<'_>, table: u64) -> Option<u64> {
    let wide = image.word() == 8 && matches!(image.header.e_machine, EM_ALPHA | EM_S390);
    let width = if wide { 8 } else { 4 };
    image.record("hash table", table, [width, width]).ok().map(|[_, chains]| chains)
}

/// DT_GNU_HASH: one past the last symbol of the longest chain; none where no symbol is hashed, for the first hashed
/// symbol's index then says nothing.
fn by_gnu_hash(image: &Image<'_>, table: u64) -> Option<u64> {
    let [buckets, first, blooms, _] = image.record("GNU hash table", table, [4; 4]).ok()?;
    let buckets_at = table.checked_add(16)?.checked_add(blooms * image.word())?;
    let mut last = 0;
    walk(image, buckets_at, buckets * 4, 4, |_, symbol| {
        last = last.max(symbol);
        true
    });
    let chain_at = buckets_at.checked_add(buckets * 4)?.checked_add(last.checked_sub(first)?.checked_mul(4)?)?;
    let mut end = None;
    walk(image, chain_at, image.left(chain_at), 4, |index, hash| {
        end = (hash & 1 == 1).then_some(last + index + 1);
        end.is_none()
    });
    end.filter(|_| last > 0)
}

/// Gives each number of a table, with its index, to `visit` until it answers false or the bytes end.
fn walk(image: &Image<'_>, table: u64, size: u64, width: u64, mut visit: impl FnMut(u64, u64) -> bool) {
    let size = size.min(image.left(table)) / width * width;
    let mut done = 0;
    while done < size {
        let len = (size - done).min(STEP);
        let Ok(bytes) = image.at("table", table.saturating_add(done), len) else { return };
        for (index, number) in (done / width..).zip(bytes.chunks_exact(width as usize)) {
            if !visit(index, image.number(number)) {
                return;
            }
        }
        done += len;
    }
}
