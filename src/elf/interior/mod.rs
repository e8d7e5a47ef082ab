//! Interior references: whether text in an ELF file may be overwritten with other text of the same length.
//!
//! A program need not use a string from its start. Linkers store `"root"` as the tail of `"/opt/root"`, so that what
//! looks like one path is also a user name, and nothing in the bytes says so. What does say so is that something leads
//! into the text: an operand, a pointer, a distance. This module finds everything that can, in code and data, without a
//! disassembler and without relocations of object files, which are gone.
//!
//! Takes a file and the ranges of the text to be changed, and gives a verdict for each. What leads to its first byte uses
//! the whole and is welcome; what leads behind its last byte finds what it found before, because lengths stay. Anything
//! in between is a reference, but for the loads of a copy of the whole (`blocks`). Chance can make one out of nothing: that
//! refuses a text too many, and never one too few.
//!
//! Not seen, because nothing in the file says it: an address that a running program computes from the text's first byte
//! (`path + 5` that the compiler did not fold), a reference from another file to an exported text, and a shorter length
//! from the same start. Text that a compiler put into instructions instead is found by [`SplitText`].

mod bases;
mod blocks;
mod code;
mod data;
mod immediate;
mod machine;
mod memory;
mod place;
mod relocations;
mod spans;
mod split;
mod sweep;
mod tables;
mod targets;
mod verdict;

pub use split::SplitText;
pub use verdict::{Interior, Reference, Table, Uncovered, Verdict};

use super::dynamic::Dynamic;
use super::image::{ElfError, Image};
use super::kind::{Found, Kind, classify};
use crate::base::bytes::ReadAt;
use bases::Bases;
use machine::Machine;
use memory::Memory;
use place::Places;
use std::ops::Range;
use targets::Targets;

/// The kernel reads at most 64 KiB of program headers (Linux, `load_elf_phdrs`), which are 2,048 of the smaller kind.
const MOST_SEGMENTS: usize = 2048;

/// Tells for each text (a range of file offsets, in any order) whether other bytes may be written there.
///
/// Gives as many verdicts as there are texts, in their order. Errors name what is cut short or contradictory in the file.
pub fn overwritable(source: &dyn ReadAt, texts: &[Range<u64>]) -> Result<Vec<Verdict>, ElfError> {
    let Some(mut image) = Image::open(source)? else { return Ok(all(texts, Uncovered::NotElf)) };
    let (dynamic, loads_nothing) = match classify(&mut image)? {
        Found::Other(Kind::Relocatable | Kind::Core) => return Ok(all(texts, Uncovered::NotLinked)),
        Found::Other(kind) => (None, kind == Kind::Debug),
        Found::Dynamic(dynamic) => (Some(dynamic), false),
    };
    if image.segments.len() > MOST_SEGMENTS {
        return Ok(all(texts, Uncovered::TooManySegments));
    }
    let places = Places::new(&image, dynamic.as_ref(), loads_nothing);
    let placed: Vec<_> = texts.iter().map(|text| places.addresses(text)).collect();
    let interiors: Vec<_> = placed.iter().flatten().flatten().map(interior).collect();
    let mut targets = Targets::new(&interiors);
    let searched = search(&image, dynamic.as_ref(), &mut targets)?;
    let verdict = |(text, placed): (&Range<u64>, Result<Vec<Range<u64>>, Verdict>)| match (placed, searched) {
        (Err(verdict), _) => verdict,
        // One byte has no inside.
        (Ok(_), _) if text.end - text.start <= 1 => Verdict::Free,
        (Ok(_), Err(why)) => Verdict::NotCovered(why),
        (Ok(addresses), Ok(())) => lowest(text, &addresses, &targets),
    };
    Ok(texts.iter().zip(placed).map(verdict).collect())
}

fn all(texts: &[Range<u64>], why: Uncovered) -> Vec<Verdict> {
    texts.iter().map(|_| Verdict::NotCovered(why)).collect()
}

/// The addresses of a text that must not be led to.
fn interior(addresses: &Range<u64>) -> Range<u64> {
    addresses.start.saturating_add(1)..addresses.end
}

/// Notes everything that leads into a text.
fn search(
    image: &Image<'_>,
    dynamic: Option<&Dynamic>,
    targets: &mut Targets,
) -> Result<Result<(), Uncovered>, ElfError> {
    if targets.is_empty() {
        return Ok(Ok(()));
    }
    let machine = match Machine::of(image, dynamic) {
        Ok(machine) => machine,
        Err(why) => return Ok(Err(why)),
    };
    let memory = match Memory::new(image, dynamic)? {
        Ok(memory) => memory,
        Err(why) => return Ok(Err(why)),
    };
    let mut bases = Bases::default();
    relocations::note(image, dynamic, targets)?;
    code::note(image, &memory, &machine, targets, &mut bases)?;
    data::note(image, &memory, &machine, targets, &mut bases)?;
    match bases.sorted() {
        Ok(bases) => {
            targets.blocks.settle(&bases.all);
            tables::note(image, &memory, &machine, targets, &bases)
        }
        Err(why) => Ok(Err(why)),
    }
}

fn lowest(text: &Range<u64>, addresses: &[Range<u64>], targets: &Targets) -> Verdict {
    let found = addresses.iter().filter_map(|one| {
        let found = targets.lowest(&interior(one))?;
        let offset = text.start + found.address.saturating_sub(one.start);
        Some(Interior { address: found.address, offset, by: found.by, at: found.at })
    });
    match found.min_by_key(|interior| interior.offset) {
        Some(interior) => Verdict::Inside(interior),
        None => Verdict::Free,
    }
}
