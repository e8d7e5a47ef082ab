//! Tables of texts whose entries are narrower than a pointer, so that no relocation is needed or none is possible.
//!
//! LLVM turns a constant array of pointers that only code indexes into 32-bit distances from the array's start
//! (`RelLookupTableConverter`, since LLVM 12: position independent, 64 bits, small code model), a `switch` that gives
//! strings among them. Assembly and other compilers write `.long text - .` or, where the address is fixed, `.long text`,
//! often as one field of several. Whatever uses a table knows its address, so that stands somewhere: in an operand or as
//! a pointer ([`super::bases`]).
//!
//! Takes those addresses and follows a table of each shape from its start, as long as its entries could be some: each
//! leads to a text, and not into the table (or itself). Numbers end soon by that, text taken for numbers at once. And one
//! entry must lead to the start of a text, behind a NUL, unless the code that takes the address is seen to read distances
//! there, since a lone number before a string (101 in a table of primes) often leads into it. Without these conditions tables of numbers near strings would refuse every tenth string.
//!
//! What it would not find: a table whose start is known only as a distance or computed from another address; one with an
//! entry that leads to something other than text before the one that counts; one whose every
//! entry leads to the tail of a longer text, where code takes its address long before it reads there; a lone 32-bit
//! distance. LLVM makes none but the third, and that rarely.

use super::super::image::{ElfError, Image};
use super::super::window::Window;
use super::bases::Sorted;
use super::code::signed;
use super::machine::Machine;
use super::memory::Memory;
use super::sweep::Stretch;
use super::targets::Targets;
use super::verdict::{Reference, Uncovered};
use std::collections::HashMap;

/// The longest table followed, in entries.
const LONGEST: u64 = 1 << 16;
/// All steps together for each byte of the file: real programs need less than one.
const STEPS_PER_BYTE: u64 = 16;
/// The sizes of a structure with such a field, in bytes.
const STRIDES: [u64; 6] = [4, 8, 12, 16, 24, 32];

/// What the entries of a table are counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Origin {
    Table,
    Entry,
    Got(u64),
    Zero,
}

/// One way to read a table.
#[derive(Debug, Clone, Copy)]
struct Shape {
    origin: Origin,
    /// Bytes from the start to the first entry.
    first: u64,
    /// Bytes from one entry to the next.
    stride: u64,
    /// Whether code is seen to read distances there.
    used: bool,
}

/// An entry as one shape reads it.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The address it leads to.
    reached: u64,
    /// Its file offset.
    at: u64,
    /// Whether a text starts where it leads.
    starts: bool,
}

/// A table that may begin at an address.
#[derive(Debug, Clone, Copy)]
struct Table {
    base: u64,
    offset: u64,
    /// Bytes to the end of its stretch.
    room: u64,
}

/// Notes where the entries of all tables lead; `bases` are sorted.
pub(super) fn note(
    image: &Image<'_>,
    memory: &Memory,
    machine: &Machine,
    targets: &mut Targets,
    bases: &Sorted,
) -> Result<Result<(), Uncovered>, ElfError> {
    let mut constants: Vec<&Stretch> = memory.constants.iter().collect();
    constants.sort_by_key(|stretch| stretch.addresses.start);
    let origins = origins(machine);
    let mut walk = Walk {
        memory,
        machine,
        image,
        entries: Window::new(image.source),
        texts: Window::new(image.source),
        followed: HashMap::new(),
        steps: image.source.size().saturating_mul(STEPS_PER_BYTE),
    };
    for base in &bases.all {
        let after = constants.partition_point(|stretch| stretch.addresses.start <= *base);
        let Some(stretch) = constants[..after].last().filter(|stretch| *base < stretch.addresses.end) else { continue };
        let into = base - stretch.addresses.start;
        let table = Table { base: *base, offset: stretch.offset + into, room: stretch.addresses.end - base };
        let used = bases.used.binary_search(base).is_ok();
        walk.follow(table, Shape { origin: Origin::Table, first: 0, stride: 4, used }, targets)?;
        for origin in &origins {
            walk.structures(table, *origin, targets)?;
        }
        if walk.steps == 0 {
            return Ok(Err(Uncovered::TooManyTables));
        }
    }
    Ok(Ok(()))
}

/// What entries that are fields of structures can be counted from.
fn origins(machine: &Machine) -> Vec<Origin> {
    let mut origins = vec![Origin::Entry];
    if machine.fixed && machine.word == 8 {
        origins.push(Origin::Zero);
    }
    if !machine.rip_relative {
        // `.long text@GOTOFF` is i386's; x86-64 has no such relocation of this size.
        origins.extend(machine.got.map(Origin::Got));
    }
    origins
}

struct Walk<'a> {
    memory: &'a Memory,
    machine: &'a Machine,
    image: &'a Image<'a>,
    entries: Window<'a>,
    texts: Window<'a>,
    /// Where the last table of one origin, stride and remainder ended: one that starts before that is a part of it.
    followed: HashMap<(Origin, u64, u64), u64>,
    steps: u64,
}

impl Walk<'_> {
    /// Follows tables of structures of each size, with the entry at each place in them or behind a short header.
    fn structures(&mut self, table: Table, origin: Origin, targets: &mut Targets) -> Result<(), ElfError> {
        let longest = STRIDES[STRIDES.len() - 1];
        for first in (0..longest).step_by(4) {
            if self.entry(table, origin, first)?.is_none() {
                continue;
            }
            for stride in STRIDES {
                let start = table.base + first;
                let known = (origin, stride, start % stride);
                if self.followed.get(&known).is_none_or(|end| *end <= start) {
                    let end = self.follow(table, Shape { origin, first, stride, used: false }, targets)?;
                    self.followed.insert(known, end);
                }
            }
        }
        Ok(())
    }

    /// Follows one table as long as it can be one, and notes what its entries lead into; gives the address where it ends.
    fn follow(&mut self, table: Table, shape: Shape, targets: &mut Targets) -> Result<u64, ElfError> {
        let mut hits: Vec<Entry> = Vec::new();
        let mut vouched = shape.used;
        let mut into = shape.first;
        while into < LONGEST * shape.stride {
            let Some(entry) = self.entry(table, shape.origin, into)? else { break };
            into += shape.stride;
            vouched |= entry.starts;
            if targets.holds(entry.reached) {
                hits.push(entry);
            }
        }
        for hit in hits.iter().filter(|_| vouched) {
            targets.note(hit.reached, shape.reference(table.base), hit.at);
        }
        Ok(table.base + into.min(table.room))
    }

    /// Reads an entry so many bytes into a table; `None` where that is none.
    fn entry(&mut self, table: Table, origin: Origin, into: u64) -> Result<Option<Entry>, ElfError> {
        if into + 4 > table.room || self.steps == 0 {
            return Ok(None);
        }
        self.steps -= 1;
        let at = table.offset + into;
        let value = signed(self.image.layout.quad(self.entries.bytes("a look-up table", at, 4)?));
        let counted_from = match origin {
            Origin::Table => table.base,
            Origin::Entry => table.base + into,
            Origin::Got(got) => got,
            Origin::Zero => 0,
        };
        let reached = self.machine.wrap(counted_from.wrapping_add(value));
        let itself = table.base + if origin == Origin::Table { 0 } else { into };
        let into_itself = (itself..table.base + into + 4).contains(&reached);
        if into_itself || !self.memory.data.holds(reached) {
            return Ok(None);
        }
        Ok(self.text(reached)?.map(|starts| Entry { reached, at, starts }))
    }

    /// Whether a text is at an address, and if so, whether it starts there, behind a NUL.
    ///
    /// Eight bytes are looked at, or as many as come before a NUL; they must not be control characters but those that
    /// programs print. All others are let through, for the sake of every encoding.
    fn text(&mut self, address: u64) -> Result<Option<bool>, ElfError> {
        let Some((offset, room)) = self.image.offset_of(address) else { return Ok(None) };
        let before = u64::from(offset > 0);
        let len = room.min(8).min(self.image.source.size() - offset);
        let bytes = self.texts.bytes("a text", offset - before, before + len)?;
        let (before, bytes) = bytes.split_at(before as usize);
        let mut text = bytes.iter().take_while(|byte| **byte != 0);
        let is_text = text.all(|byte| matches!(byte, 7..=13 | 27 | 32..=126 | 128..));
        Ok(is_text.then_some(before.iter().all(|byte| *byte == 0) && bytes.first() != Some(&0)))
    }
}

impl Shape {
    fn reference(self, table: u64) -> Reference {
        match self.origin {
            Origin::Table => Reference::LookUpTable { table },
            Origin::Entry => Reference::OwnOffset,
            Origin::Got(_) => Reference::GotOffset,
            Origin::Zero => Reference::NarrowPointer,
        }
    }
}
