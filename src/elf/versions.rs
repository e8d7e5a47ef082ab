//! Symbol version records: what an object needs of its libraries and what it defines itself.
//!
//! Takes an image with its dynamic section and walks DT_VERNEED and DT_VERDEF as the loader does: by count, from record
//! to record. Gives string offsets, not strings, because the rewriter wants the offsets. Refuses a chain that leaves
//! the file or steps backwards. Source: LSB Core, "Symbol Versioning".

use super::dynamic::Dynamic;
use super::image::{ElfError, Image, malformed};
use super::symbols::Symbols;
use super::window::Window;
use object::elf::{
    DT_VERDEF, DT_VERDEFNUM, DT_VERNEED, DT_VERNEEDNUM, DT_VERSYM, DynamicTag, VER_FLG_BASE, VER_FLG_WEAK,
    VERSYM_VERSION,
};
use std::collections::BTreeMap;

/// One needed version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    /// String offset of the library's name.
    pub(super) file: u64,
    /// String offset of the version's name.
    pub(super) name: u64,
    /// VER_FLG_WEAK.
    pub(super) weak: bool,
    /// The number `.gnu.version` uses for it.
    pub(super) index: u16,
}

/// One defined version; parents are names too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    /// String offsets: the version's own name, then its parents'.
    pub(super) names: Vec<u64>,
    /// VER_FLG_BASE: the record names the file, not a version.
    pub(super) base: bool,
}

/// No file has more records; `vna_other` and `vd_ndx` have 15 bits.
const MOST: u64 = 1 << 15;

fn start(
    image: &Image<'_>,
    dynamic: &Dynamic,
    at: DynamicTag,
    count: DynamicTag,
) -> Result<Option<(u64, u64)>, ElfError> {
    let (Some(addr), Some(count)) = (dynamic.value(at), dynamic.value(count)) else { return Ok(None) };
    let field = dynamic.offset_of_tag(image, at);
    let (offset, _) =
        image.offset_of(addr).ok_or_else(|| malformed("version records outside every segment", field, addr))?;
    if count > MOST {
        return Err(malformed("too many version records", field, count));
    }
    Ok(Some((offset, count)))
}

/// Reads DT_VERNEED. A record whose file none of several versions follow still gives its file's offset through them.
pub(super) fn needs(image: &Image<'_>, dynamic: &Dynamic) -> Result<Vec<Need>, ElfError> {
    let Some((mut offset, count)) = start(image, dynamic, DT_VERNEED, DT_VERNEEDNUM)? else { return Ok(Vec::new()) };
    let (layout, mut window) = (image.layout, Window::new(image.source));
    let mut needs = Vec::new();
    for _ in 0..count {
        let record = window.bytes("version need", offset, 16)?.to_vec();
        let (versions, file) = (layout.half(&record[2..]), u64::from(layout.quad(&record[4..])));
        let mut at = step(offset, layout.quad(&record[8..]), versions == 0)?;
        for left in (0..versions).rev() {
            let record = window.bytes("needed version", at, 16)?.to_vec();
            needs.push(Need {
                file,
                name: u64::from(layout.quad(&record[8..])),
                weak: layout.half(&record[4..]) & VER_FLG_WEAK.0 != 0,
                index: layout.half(&record[6..]) & VERSYM_VERSION,
            });
            bound(needs.len(), offset)?;
            at = step(at, layout.quad(&record[12..]), left == 0)?;
        }
        let next = layout.quad(&record[12..]);
        if next == 0 {
            break;
        }
        offset = step(offset, next, false)?;
    }
    Ok(needs)
}

/// Reads DT_VERDEF.
pub(super) fn definitions(image: &Image<'_>, dynamic: &Dynamic) -> Result<Vec<Definition>, ElfError> {
    let Some((mut offset, count)) = start(image, dynamic, DT_VERDEF, DT_VERDEFNUM)? else { return Ok(Vec::new()) };
    let (layout, mut window) = (image.layout, Window::new(image.source));
    let (mut definitions, mut seen) = (Vec::new(), 0);
    for _ in 0..count {
        let record = window.bytes("version definition", offset, 20)?.to_vec();
        let (base, count) = (layout.half(&record[2..]) & VER_FLG_BASE.0 != 0, layout.half(&record[6..]));
        let mut at = step(offset, layout.quad(&record[12..]), count == 0)?;
        let mut names = Vec::new();
        for left in (0..count).rev() {
            let name = window.bytes("name of a version definition", at, 8)?.to_vec();
            names.push(u64::from(layout.quad(&name)));
            seen += 1;
            bound(seen, offset)?;
            at = step(at, layout.quad(&name[4..]), left == 0)?;
        }
        definitions.push(Definition { names, base });
        let next = layout.quad(&record[16..]);
        if next == 0 {
            break;
        }
        offset = step(offset, next, false)?;
    }
    Ok(definitions)
}

fn bound(records: usize, offset: u64) -> Result<(), ElfError> {
    if records as u64 > 2 * MOST { Err(malformed("too many version records", offset, records as u64)) } else { Ok(()) }
}

/// Goes on to the next record of a chain; only after the last one may the distance be zero.
fn step(from: u64, distance: u32, last: bool) -> Result<u64, ElfError> {
    if distance == 0 && !last {
        return Err(malformed("a chain of version records ends early", from, 0));
    }
    from.checked_add(u64::from(distance)).ok_or_else(|| malformed("version record", from, distance.into()))
}

/// For each version number in `.gnu.version`, the first symbol (in table order) that carries it.
pub(super) fn first_symbols(
    image: &Image<'_>,
    dynamic: &Dynamic,
    symbols: Symbols,
) -> Result<BTreeMap<u16, u64>, ElfError> {
    let mut first = BTreeMap::new();
    let Some((offset, room)) = dynamic.value(DT_VERSYM).and_then(|addr| image.offset_of(addr)) else {
        return Ok(first);
    };
    let bytes = image.range("symbol versions", offset, (symbols.count * 2).min(room))?;
    for (symbol, version) in bytes.chunks_exact(2).enumerate() {
        first.entry(image.layout.half(version) & VERSYM_VERSION).or_insert(symbol as u64);
    }
    Ok(first)
}
