//! Relative look-up tables: 32-bit distances from the table's start.
//!
//! LLVM turns a constant array of pointers that only code indexes into such a table (`RelLookupTableConverter`, since
//! LLVM 12: position independent, 64 bits, small code model), a `switch` that gives strings among them. The code makes the
//! table's address and adds the entry to it, so the address stands somewhere: as the operand of `lea`, or as a pointer.
//!
//! Takes those addresses and follows each table from its start as long as its entries could be some: each leads to data,
//! and not into the table itself, which is an object of its own. Arrays of numbers end soon by that, text at once.
//! What it would not find: a table whose start is computed from another address, one whose address is kept only as a
//! distance, one with an entry that leads to code or nowhere before the one that counts. LLVM makes none of these.

use super::super::image::{ElfError, Image};
use super::super::window::Window;
use super::bases::Bases;
use super::code::signed;
use super::machine::Machine;
use super::memory::Memory;
use super::sweep::Stretch;
use super::targets::Targets;
use super::verdict::{Reference, Uncovered};

/// The longest table followed, in entries.
const LONGEST: u64 = 1 << 16;
/// All steps together for each byte of the file: tables of real programs need less than one.
const STEPS_PER_BYTE: u64 = 8;

/// Notes where the entries of all tables lead.
pub(super) fn note(
    image: &Image<'_>,
    memory: &Memory,
    machine: &Machine,
    targets: &mut Targets,
    bases: Bases,
) -> Result<Result<(), Uncovered>, ElfError> {
    let bases = match bases.sorted() {
        Ok(bases) => bases,
        Err(why) => return Ok(Err(why)),
    };
    let mut constants: Vec<&Stretch> = memory.constants.iter().collect();
    constants.sort_by_key(|stretch| stretch.addresses.start);
    let mut window = Window::new(image.source);
    let mut steps = image.source.size().saturating_mul(STEPS_PER_BYTE);
    for table in bases {
        let after = constants.partition_point(|stretch| stretch.addresses.start <= table);
        let Some(stretch) = constants[..after].last().filter(|stretch| table < stretch.addresses.end) else { continue };
        let entries = ((stretch.addresses.end - table) / 4).min(LONGEST);
        let offset = stretch.offset + (table - stretch.addresses.start);
        for entry in 0..entries {
            let Some(left) = steps.checked_sub(1) else { return Ok(Err(Uncovered::TooManyTables)) };
            steps = left;
            let at = offset + 4 * entry;
            let distance = signed(image.layout.quad(window.bytes("a look-up table", at, 4)?));
            let reached = machine.wrap(table.wrapping_add(distance));
            let into_itself = distance < 4 * (entry + 1);
            if into_itself || !memory.data.holds(reached) {
                break;
            }
            targets.note(reached, Reference::LookUpTable { table }, at);
        }
    }
    Ok(Ok(()))
}
