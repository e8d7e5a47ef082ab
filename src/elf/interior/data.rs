//! Pointers in data.
//!
//! Takes the loaded stretches. A pointer stands in an aligned word, or, in a file that runs at a fixed address, anywhere:
//! packed structures need no relocation there. Whatever else leads from data to a text stands in a table (`tables`),
//! whose address is one of those kept here.

use super::super::image::{ElfError, Image};
use super::bases::Bases;
use super::machine::Machine;
use super::memory::Memory;
use super::sweep::{Piece, sweep};
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
    for stretch in &memory.all {
        sweep(image, stretch, |piece| pointers(piece, machine, memory, targets, bases))?;
    }
    // Code at a fixed address is looked at elsewhere, where branches are told apart.
    for stretch in memory.all.iter().filter(|stretch| machine.fixed && !memory.code.contains(stretch)) {
        sweep(image, stretch, |piece| addresses_anywhere(piece, machine, targets))?;
    }
    Ok(())
}

fn pointers(piece: &Piece<'_>, machine: &Machine, memory: &Memory, targets: &mut Targets, bases: &mut Bases) {
    let constants = &memory.extent_of_constants;
    for at in piece.aligned(machine.word) {
        let Some(value) = piece.word(at, machine) else { break };
        targets.note(value, Reference::Pointer, piece.offset(at));
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
