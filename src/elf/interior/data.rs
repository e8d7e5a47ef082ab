//! References in data: addresses, and distances that need no relocation.
//!
//! Takes the loaded stretches. A pointer stands in an aligned word; in a file that runs at a fixed address, anywhere, and
//! in half a word too (packed structures need no relocation there). Read-only data can hold 32-bit distances instead (`.long text - .`),
//! which are aligned; the loader's own tables are left out, since half of what is in them would be taken for one. A
//! 64-bit distance has the 32-bit one in its lower half.

use super::super::image::{ElfError, Image};
use super::bases::Bases;
use super::code::signed;
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
        sweep(image, stretch, |piece| addresses_anywhere(piece, targets))?;
    }
    for stretch in &memory.constants {
        sweep(image, stretch, |piece| distances(piece, machine, targets))?;
    }
    Ok(())
}

fn pointers(piece: &Piece<'_>, machine: &Machine, memory: &Memory, targets: &mut Targets, bases: &mut Bases) {
    let constants = &memory.extent_of_constants;
    for at in piece.aligned(machine.word) {
        let value = if machine.word == 8 { piece.double(at) } else { piece.quad(at).map(u64::from) };
        let Some(value) = value else { break };
        targets.note(value, Reference::Pointer, piece.offset(at));
        if constants.contains(&value) {
            bases.add(value);
        }
    }
}

/// Four bytes do for the eight of a pointer too, unless the text lies too high for them.
fn addresses_anywhere(piece: &Piece<'_>, targets: &mut Targets) {
    for at in piece.examine.clone() {
        let Some(value) = piece.quad(at) else { break };
        targets.note(value.into(), Reference::Pointer, piece.offset(at));
    }
    if targets.whole().end > u64::from(u32::MAX) {
        for at in piece.examine.clone() {
            let Some(value) = piece.double(at) else { break };
            targets.note(value, Reference::Pointer, piece.offset(at));
        }
    }
}

fn distances(piece: &Piece<'_>, machine: &Machine, targets: &mut Targets) {
    for at in piece.aligned(4) {
        let Some(value) = piece.quad(at).map(signed) else { break };
        let own = machine.wrap(piece.address(at).wrapping_add(value));
        targets.note(own, Reference::OwnOffset, piece.offset(at));
        // `.long text@GOTOFF` is i386's; x86-64 has no such relocation of this size.
        for got in machine.got.iter().filter(|_| !machine.rip_relative) {
            let reached = machine.wrap(got.wrapping_add(value));
            targets.note(reached, Reference::GotOffset, piece.offset(at));
        }
    }
}
