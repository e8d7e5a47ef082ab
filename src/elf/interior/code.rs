//! References in code, found without taking it apart into instructions.
//!
//! Takes the executable stretches and looks at every position where an operand could be, whether an instruction is there
//! or not. So each reference is found, and some that are none: those make us more careful, no more.
//!
//! x86-64 reaches data by a displacement from the next instruction. That form is the ModRM byte with mod 00 and r/m 101,
//! which has no SIB byte, with a 32-bit displacement right behind it (Intel SDM volume 2, 2.2.1.6); a REX, VEX or EVEX
//! prefix does not change r/m 101 (its B bit is not decoded there), and EVEX does not scale this displacement (2.7.5).
//! So only positions behind a byte `00xxx101` count, one in 32, and of these only those with an opcode before that byte
//! that has a ModRM byte. The next instruction begins behind the immediate, whose possible lengths are known (`immediate`).
//!
//! Code at a fixed address may hold the address itself: `mov $imm32`, `[reg + disp32]`, at any position. Position
//! independent code of i386, and the medium and large models of x86-64, count from the global offset table.

use super::super::image::{ElfError, Image};
use super::bases::Bases;
use super::blocks::AROUND;
use super::immediate::{BEFORE, lengths, load};
use super::machine::Machine;
use super::memory::Memory;
use super::sweep::{NEIGHBOURS, Piece, sweep};
use super::targets::Targets;
use super::verdict::Reference;

/// Notes every reference in code, and the addresses it makes without using them.
pub(super) fn note(
    image: &Image<'_>,
    memory: &Memory,
    machine: &Machine,
    targets: &mut Targets,
    bases: &mut Bases,
) -> Result<(), ElfError> {
    for stretch in &memory.code {
        sweep(image, stretch, NEIGHBOURS + USED_WITHIN, |piece| {
            if machine.rip_relative {
                rip_relative(piece, machine, targets, bases);
            }
            absolute(piece, machine, memory, targets, bases);
            if let Some(got) = machine.got {
                got_offsets(piece, got, machine, memory, targets, bases);
            }
        })?;
    }
    Ok(())
}

/// `lea`, the only instruction that makes an address without using it.
const LEA: u8 = 0x8d;

fn rip_relative(piece: &Piece<'_>, machine: &Machine, targets: &mut Targets, bases: &mut Bases) {
    let whole = targets.whole();
    let near = whole.start.saturating_sub(AROUND)..whole.end.saturating_add(AROUND);
    let examine = &piece.bytes[piece.examine.clone()];
    let places = examine.iter().enumerate().filter(|(_, byte)| **byte & 0xc7 == 5);
    for (at, modrm) in places.map(|(at, byte)| (piece.examine.start + at, *byte)) {
        let Some(displacement) = piece.quad(at + 1) else { continue };
        let reached = machine.wrap(piece.address(at + 5).wrapping_add(signed(displacement)));
        let before = &piece.bytes[at.saturating_sub(BEFORE)..at];
        if before.last() == Some(&LEA) {
            if is_used_as_table(piece, at) { bases.add_used(reached) } else { bases.add(reached) }
        }
        if !near.contains(&reached) {
            continue;
        }
        let lengths = lengths(before, modrm);
        match load(before).filter(|_| lengths.is_none()) {
            Some(load) => targets.blocks.add(reached, load, piece.offset(at + 1)),
            None => {
                for len in lengths.iter() {
                    targets.note(machine.wrap(reached.wrapping_add(len)), Reference::RipRelative, piece.offset(at + 1));
                }
            }
        }
    }
}

/// How soon a table is used after its address was made, in bytes of code. Not so where that was moved out of a loop.
const USED_WITHIN: usize = 128;

/// Whether code behind a `lea` reads a distance from a table of four-byte entries there: `movslq (table, index, 4)`, with
/// the register that `lea` wrote as the base (Intel SDM volume 2, 2.1.5). At `at` is the ModRM byte of the `lea`.
fn is_used_as_table(piece: &Piece<'_>, at: usize) -> bool {
    let rex = at.checked_sub(2).map_or(0, |at| piece.bytes[at]);
    let register = |rex_bit: u8, low: u8| low & 7 | if rex_bit == 0 { 0 } else { 8 };
    let table = register(rex & 4, piece.bytes[at] >> 3);
    let behind = &piece.bytes[(at + 5).min(piece.bytes.len())..(at + 5 + USED_WITHIN).min(piece.bytes.len())];
    behind.windows(4).any(|bytes| match bytes {
        // REX.W, opcode, ModRM with mod 00 or 01 and r/m 100, SIB with scale 4.
        [rex @ 0x48..=0x4f, 0x63, modrm, sib] => modrm & 0x87 == 4 && sib >> 6 == 2 && register(rex & 1, *sib) == table,
        _ => false,
    })
}

/// Sign-extends to 64 bits.
#[inline]
pub(super) fn signed(value: u32) -> u64 {
    i64::from(value.cast_signed()).cast_unsigned()
}

fn absolute(piece: &Piece<'_>, machine: &Machine, memory: &Memory, targets: &mut Targets, bases: &mut Bases) {
    if !machine.fixed {
        return;
    }
    let whole = targets.whole();
    for at in piece.examine.clone() {
        let Some(value) = piece.quad(at).map(u64::from) else { break };
        if whole.contains(&value) && may_be_address(piece, at, machine, memory) {
            targets.note(value, Reference::CodeAddress, piece.offset(at));
        }
        if memory.extent_of_constants.contains(&value) {
            bases.add(value);
        }
    }
    if whole.end > u64::from(u32::MAX) {
        for at in piece.examine.clone() {
            let Some(value) = piece.double(at) else { break };
            targets.note(value, Reference::CodeAddress, piece.offset(at));
        }
    }
}

fn got_offsets(
    piece: &Piece<'_>,
    got: u64,
    machine: &Machine,
    memory: &Memory,
    targets: &mut Targets,
    bases: &mut Bases,
) {
    let whole = targets.whole();
    if machine.word == 8 {
        for at in piece.examine.clone() {
            let Some(value) = piece.double(at) else { break };
            targets.note(value.wrapping_add(got), Reference::CodeGotOffset, piece.offset(at));
        }
        return;
    }
    for at in piece.examine.clone() {
        let Some(value) = piece.quad(at) else { break };
        let reached = machine.wrap(got.wrapping_add(signed(value)));
        if whole.contains(&reached) && !is_branch(piece, at, memory) {
            targets.note(reached, Reference::CodeGotOffset, piece.offset(at));
        }
        if memory.extent_of_constants.contains(&reached) {
            bases.add(reached);
        }
    }
}

/// Whether four bytes that look like an address may be one: an aligned pointer among the instructions always, anything
/// else where it is not plainly a displacement.
fn may_be_address(piece: &Piece<'_>, at: usize, machine: &Machine, memory: &Memory) -> bool {
    let is_word =
        machine.word == 8 && piece.address(at).is_multiple_of(8) && piece.double(at) == piece.quad(at).map(u64::from);
    is_word || !(is_branch(piece, at, memory) || is_displacement(piece, at, machine, memory))
}

/// Whether four bytes are the displacement of `call`, `jmp` or `jcc` and lead to code: there are so many of them that by
/// chance some would be an address or a distance inside a text.
///
/// The opcode byte before them could also be an 8-bit displacement with an immediate behind it (`movl $text, -24(%ebp)`
/// has E8 there), so what looks like that is no branch. Other readings that a compiler would not write for a text:
/// E8 and E9 as ModRM byte (subtract an immediate) or as SIB byte (scale by 8).
fn is_branch(piece: &Piece<'_>, at: usize, memory: &Memory) -> bool {
    let byte = |back: usize| at.checked_sub(back).map_or(0, |at| piece.bytes[at]);
    let opcode = matches!(byte(1), 0xe8 | 0xe9) || (byte(2) == 0x0f && byte(1) & 0xf0 == 0x80);
    let stores = |opcode: u8| matches!(opcode, 0x69 | 0x81 | 0xc7 | 0xf7);
    let in_short_form = |modrm: u8, sib: bool| modrm >> 6 == 1 && (modrm & 7 == 4) == sib;
    let store = (stores(byte(3)) && in_short_form(byte(2), false)) || (stores(byte(4)) && in_short_form(byte(3), true));
    let Some(displacement) = piece.quad(at) else { return false };
    let reached = piece.address(at + 4).wrapping_add(signed(displacement));
    opcode && !store && memory.code.iter().any(|code| code.addresses.contains(&reached))
}

/// Whether four bytes are the displacement of a common instruction with a RIP-relative operand, and lead to something
/// loaded: in a program of more than 4 MB at a fixed address, some of those look like an address inside a text.
///
/// Only the forms REX.W, opcode, ModRM count. Read otherwise, these would be `add`, `or`, `cmp` and the like of EAX with
/// an immediate, and 64-bit code has a REX prefix right before such an opcode where it computes with addresses.
fn is_displacement(piece: &Piece<'_>, at: usize, machine: &Machine, memory: &Memory) -> bool {
    let Some([rex, opcode, modrm]) = at.checked_sub(3).and_then(|from| piece.bytes[from..].first_chunk()) else {
        return false;
    };
    let form = rex & 0xf8 == 0x48 && matches!(opcode, 0x39 | 0x3b | 0x63 | 0x89 | 0x8b | 0x8d) && modrm & 0xc7 == 5;
    let Some(displacement) = piece.quad(at) else { return false };
    let reached = piece.address(at + 4).wrapping_add(signed(displacement));
    machine.rip_relative && form && memory.loaded.holds(reached)
}
