//! Where a binary file names a prefix in strings that can be overwritten, or why none of them may be.
//!
//! In an ELF file each string is asked for by the interior-reference scan; run-time paths and other tables are the ladder's
//! business, debugging information nobody's. Other data is taken as it is, but for forms that have sums or are never read
//! at run time.

use crate::base::bytes::ReadAt;
use crate::elf::{self, Kind, Read, Verdict};
use crate::scan::Class;
use crate::text::occurrence::{Names, Occurrence, Reading};

/// How much of a large file is searched at a time, in bytes.
const CHUNK: u64 = 4 << 20;

/// Starts of files whose bytes have sums, or that are only read by compilers and linkers.
const LEFT_ALONE: [&[u8]; 8] =
    [b"!<arch>\n", b"!<thin>\n", b"\x1f\x8b", b"PK\x03\x04", b"\x89PNG", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"BZh"];

/// Finds the places (prefix, offset), sorted by offset; the error says why the file is left as it is.
pub(super) fn find(bytes: &dyn ReadAt, class: &Class, names: &Names) -> Result<Vec<(usize, u64)>, String> {
    let unreadable = |error: std::io::Error| error.to_string();
    let head = bytes.range(0, bytes.size().min(8)).map_err(unreadable)?;
    match class {
        Class::Elf(Read::Other(Kind::Relocatable | Kind::Core | Kind::Debug)) => return Ok(Vec::new()),
        Class::Elf(_) | Class::BadElf(_) => {}
        Class::Script(_) | Class::Pyc(_) | Class::Plain => {
            if LEFT_ALONE.iter().any(|start| head.starts_with(start)) {
                return Ok(Vec::new());
            }
            let found = occurrences(bytes, names).map_err(unreadable)?;
            if !found.is_empty() && is_keyed(bytes) {
                return Err("it is a database that finds its keys by their sum or order".to_owned());
            }
            return Ok(found.into_iter().map(|found| (found.prefix, found.offset as u64)).collect());
        }
    }
    let found = occurrences(bytes, names).map_err(unreadable)?;
    free(bytes, &found)
}

/// Whether a file is a database of the kinds of Berkeley DB, at offset 0 or 12 by version, or gdbm (file(1)'s magic): another key
/// in the same place would not be found.
fn is_keyed(bytes: &dyn ReadAt) -> bool {
    const MAGIC: [u32; 6] = [0x0006_1561, 0x0005_3162, 0x0004_2253, 0x1357_9ace, 0x1357_9acd, 0x1357_9acf];
    [0, 12].into_iter().any(|at| {
        let word = bytes.range(at, 4).ok().and_then(|word| <[u8; 4]>::try_from(&*word).ok());
        word.is_some_and(|word| MAGIC.contains(&u32::from_le_bytes(word)) || MAGIC.contains(&u32::from_be_bytes(word)))
    })
}

/// The occurrences that may be overwritten, if every string of the program may be.
fn free(bytes: &dyn ReadAt, found: &[Occurrence]) -> Result<Vec<(usize, u64)>, String> {
    let texts: Vec<_> = found.iter().map(|found| found.offset as u64..found.end() as u64).collect();
    let verdicts = elf::overwritable(bytes, &texts).map_err(|error| error.to_string())?;
    let mut free = Vec::new();
    for (found, verdict) in found.iter().zip(verdicts) {
        match verdict {
            Verdict::Free => free.push((found.prefix, found.offset as u64)),
            Verdict::Table(_) | Verdict::NotLoaded { .. } => {}
            Verdict::Inside(_) | Verdict::NotCovered(_) => {
                return Err(format!("at byte {}: {verdict}", found.offset));
            }
        }
    }
    Ok(free)
}

/// Every occurrence, sorted by offset.
fn occurrences(bytes: &dyn ReadAt, names: &Names) -> std::io::Result<Vec<Occurrence>> {
    // A name across two pieces is seen in the second, which begins that much earlier; what ends in the overlap was seen.
    let overlap = names.longest() as u64 + 2;
    let (mut all, mut offset): (Vec<Occurrence>, _) = (Vec::new(), 0);
    while offset < bytes.size() {
        let start = offset.saturating_sub(overlap);
        let end = (offset + CHUNK).min(bytes.size());
        let piece = bytes.range(start, end - start)?;
        let last = end == bytes.size();
        for found in names.find(&piece, Reading::Binary) {
            let at = Occurrence { offset: found.offset + start as usize, ..found };
            // At the very end of a piece nobody knows what follows.
            let known = last || at.end() + 2 <= end as usize;
            if known && all.last().is_none_or(|before| before.end() <= at.offset) {
                all.push(at);
            }
        }
        offset = end;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::path::Prefix;

    #[test]
    fn a_database_that_finds_its_keys_by_sum_is_left_alone() {
        let names = Names::new(&[Prefix::new(b"/opt/old").unwrap()]);
        let found_in = |bytes: &[u8]| find(&bytes, &Class::Plain, &names);
        let found = b"\x01\x02\x03\x04 /opt/old/lib\0".as_slice();
        assert_eq!(found_in(found).unwrap(), [(0, 5)]);
        assert!(found_in(b"\x00\x06\x15\x61\0/opt/old/lib\0").unwrap_err().contains("database"));
        assert!(found_in(b"0123456789ab\x62\x31\x05\x00/opt/old/lib\0").is_err());
        assert_eq!(found_in(b"\x00\x06\x15\x61\0/opt/older\0").unwrap(), []);
        assert_eq!(found_in(b"!<arch>\n/opt/old/lib").unwrap(), []);
    }
}
