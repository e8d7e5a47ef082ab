//! Pointers in data.
//!
//! Takes the loaded stretches without those of code. A pointer stands in an aligned word, or, in a file that runs at a fixed address, anywhere:
//! packed structures need no relocation there. Whatever else leads from data to a text stands in a table (`tables`),
//! whose address is one of those kept here.

use super::super::image::{ElfError, Image};
use super::bases::Bases;
use super::machine::Machine;
use super::memory::Memory;
use super::sweep::{NEIGHBOURS, Piece, sweep};
use super::targets::Targets;
use super::verdict::Reference;

/// Notes every reference in data, and the addresses that pointers lead to.
pub(super) fn note(
    image: &Image<'_>,
    memory: &Memory,
    machine: &Machine,
    targets: &mut Targets,
    bases: &mut Bases,
) -> Result<(), ElfError> {
    for stretch in &memory.pointers {
        sweep(image, stretch, NEIGHBOURS, |piece| pointers(piece, machine, memory, targets, bases))?;
    }
    for stretch in memory.pointers.iter().filter(|_| machine.fixed) {
        sweep(image, stretch, NEIGHBOURS, |piece| addresses_anywhere(piece, machine, targets))?;
    }
    Ok(())
}

/// In files that can be loaded anywhere addresses are as small as other numbers and as the ends of strings (`"1+)"` with its
/// NULs is 0x292b31), and each pointer has a relocation, which says exactly where it is.
fn pointers(piece: &Piece<'_>, machine: &Machine, memory: &Memory, targets: &mut Targets, bases: &mut Bases) {
    let constants = &memory.extent_of_constants;
    for at in piece.aligned(machine.word) {
        let Some(value) = piece.word(at, machine) else { break };
        if machine.pointers_in_place {
            targets.note(value, Reference::Pointer, piece.offset(at));
        }
        if constants.contains(&value) {
            bases.add(value);
        }
    }
}

fn addresses_anywhere(piece: &Piece<'_>, machine: &Machine, targets: &mut Targets) {
    for at in piece.examine.clone() {
        let Some(value) = piece.word(at, machine) else { break };
        targets.note(value, Reference::Pointer, piece.offset(at));
    }
}
