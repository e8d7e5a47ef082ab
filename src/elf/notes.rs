//! Notes: the kernel and the processor a file asks for.
//!
//! Takes the bytes of one PT_NOTE segment and gives NT_GNU_ABI_TAG's kernel and GNU_PROPERTY_X86_ISA_1_NEEDED. A note
//! that does not parse ends the walk without an error: no loader refuses a file for it. Sources: LSB Core "Note
//! Sections"; Linux Extensions to gABI, ".note.gnu.property".

use super::layout::Layout;
use object::elf::{GNU_PROPERTY_X86_ISA_1_NEEDED, NT_GNU_ABI_TAG, NT_GNU_PROPERTY_TYPE_0};

/// What notes say about the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Demands {
    /// Lowest Linux kernel: major, minor, sub.
    pub(super) kernel: Option<(u32, u32, u32)>,
    /// Highest x86-64 level named as needed, 1 to 4.
    pub(super) isa_level: Option<u8>,
}

impl Demands {
    /// Adds what a note segment says; `align` is its p_align (8 for `.note.gnu.property` on 64-bit machines).
    pub(super) fn read(&mut self, layout: Layout, bytes: &[u8], align: u64) {
        let mut rest = bytes;
        while let Some((kind, name, contents, after)) = note(layout, rest, if align == 8 { 8 } else { 4 }) {
            if name == b"GNU\0" && kind == NT_GNU_ABI_TAG.0 {
                self.kernel = self.kernel.or_else(|| kernel(layout, contents));
            } else if name == b"GNU\0" && kind == NT_GNU_PROPERTY_TYPE_0.0 {
                self.isa_level = self.isa_level.max(isa_level(layout, contents));
            }
            rest = after;
        }
    }
}

type Note<'a> = (u32, &'a [u8], &'a [u8], &'a [u8]);

fn note(layout: Layout, bytes: &[u8], align: usize) -> Option<Note<'_>> {
    let head = bytes.get(..12)?;
    let (name_len, len, kind) = (layout.quad(head), layout.quad(&head[4..]), layout.quad(&head[8..]));
    let name = bytes.get(12..)?.get(..name_len as usize)?;
    let start = (12 + name_len as usize).next_multiple_of(align);
    let contents = bytes.get(start..)?.get(..len as usize)?;
    let end = (start + len as usize).next_multiple_of(align);
    Some((kind, name, contents, bytes.get(end..).unwrap_or(&[])))
}

fn kernel(layout: Layout, contents: &[u8]) -> Option<(u32, u32, u32)> {
    let words = contents.get(..16)?;
    let word = |at: usize| layout.quad(&words[at * 4..]);
    (word(0) == 0).then(|| (word(1), word(2), word(3)))
}

fn isa_level(layout: Layout, contents: &[u8]) -> Option<u8> {
    let mut rest = contents;
    while let Some(head) = rest.get(..8) {
        let (kind, len) = (layout.quad(head), layout.quad(&head[4..]) as usize);
        let bytes = rest.get(8..)?.get(..len)?;
        if kind == GNU_PROPERTY_X86_ISA_1_NEEDED.0 && len >= 4 {
            let bits = layout.quad(bytes) & 0xf;
            return u8::try_from(u32::BITS - bits.leading_zeros()).ok().filter(|level| *level > 0);
        }
        rest = rest.get((8 + len).next_multiple_of(layout.word_size() as usize)..)?;
    }
    None
}
