//! What the notes demand of the host: the kernel of NT_GNU_ABI_TAG and the x86-64 level of the GNU properties.
//!
//! Takes PT_NOTE and PT_GNU_PROPERTY segments; a segment that lies outside the file or is absurdly large is refused, a note
//! that does not fit its segment ends it, as in glibc. Sources: gABI "Note Section", the Linux Extensions to gABI, the
//! x86-64 psABI.

use super::WitnessError;
use super::image::Image;
use goblin::elf::ProgramHeader;
use goblin::elf::note::{NT_GNU_ABI_TAG, NT_GNU_PROPERTY_TYPE_0};
use goblin::elf::program_header::{PT_GNU_PROPERTY, PT_NOTE};

/// Honest note segments have some hundred bytes together; packagers' own notes a few thousand.
const NOTES_MAX: u64 = 1 << 20;
/// The name that owns both notes.
const GNU: &[u8] = b"GNU\0";
/// The first word of NT_GNU_ABI_TAG: 0 is Linux; others are Hurd, Solaris, FreeBSD.
const OS_LINUX: u64 = 0;
const GNU_PROPERTY_X86_ISA_1_NEEDED: u64 = 0xc000_8002;

/// The demands found.
#[derive(Default)]
pub(super) struct Notes {
    /// The oldest kernel, as major, minor, sub.
    pub(super) kernel: Option<(u32, u32, u32)>,
    /// The x86-64 level, 1 to 4.
    pub(super) isa_level: Option<u8>,
}

/// Reads all notes; where two say different things the higher demand counts.
pub(super) fn read(image: &Image<'_>) -> Result<Notes, WitnessError> {
    let mut notes = Notes::default();
    let mut size = 0u64;
    for segment in image.segments.iter().filter(|segment| matches!(segment.p_type, PT_NOTE | PT_GNU_PROPERTY)) {
        size = size.saturating_add(segment.p_filesz);
        if size > NOTES_MAX {
            return Err(WitnessError::TooLarge("note segments' bytes", size, NOTES_MAX));
        }
        let bytes = image.read("note segment", segment.p_offset, segment.p_filesz)?;
        for note in split(image, segment, &bytes) {
            notes.take(image, &note);
        }
    }
    Ok(notes)
}

struct Note<'a> {
    kind: u64,
    name: &'a [u8],
    description: &'a [u8],
}

impl Notes {
    fn take(&mut self, image: &Image<'_>, note: &Note<'_>) {
        if note.name != GNU {
            return;
        }
        if note.kind == u64::from(NT_GNU_ABI_TAG) {
            self.kernel = self.kernel.max(kernel(image, note.description));
        } else if note.kind == u64::from(NT_GNU_PROPERTY_TYPE_0) && image.is_x86() {
            self.isa_level = self.isa_level.max(isa_level(image, note.description));
        }
    }
}

/// Cuts a segment into notes. Words are 4 bytes in both classes; only the padding depends on the segment's alignment.
fn split<'a>(image: &Image<'_>, segment: &ProgramHeader, bytes: &'a [u8]) -> Vec<Note<'a>> {
    let align = if segment.p_align == 8 { 8 } else { 4 };
    let mut notes = Vec::new();
    let mut rest = Some(bytes);
    while let Some(here) = rest
        && let Some((head, _)) = here.split_at_checked(12)
    {
        let [name_len, len, kind] = [0, 4, 8].map(|at| image.number(&head[at..at + 4]));
        let name_end = 12 + name_len as usize;
        let start = name_end.next_multiple_of(align);
        let end = start + len as usize;
        let (Some(name), Some(description)) = (here.get(12..name_end), here.get(start..end)) else { break };
        notes.push(Note { kind, name, description });
        rest = here.get(end.next_multiple_of(align)..);
    }
    notes
}

fn kernel(image: &Image<'_>, description: &[u8]) -> Option<(u32, u32, u32)> {
    let words = description.get(..16)?.chunks_exact(4).map(|word| image.number(word)).collect::<Vec<_>>();
    match words[..] {
        [OS_LINUX, major, minor, sub] => Some((major as u32, minor as u32, sub as u32)),
        _ => None,
    }
}

/// Walks the properties (type, size, bytes padded to the word size) and takes the highest bit of the levels needed.
fn isa_level(image: &Image<'_>, description: &[u8]) -> Option<u8> {
    let align = image.word() as usize;
    let mut rest = description;
    while let Some((head, after)) = rest.split_at_checked(8) {
        let (kind, len) = (image.number(&head[..4]), image.number(&head[4..]) as usize);
        let bytes = after.get(..len)?;
        if kind == GNU_PROPERTY_X86_ISA_1_NEEDED && len == 4 {
            // Bits above the fourth have no meaning yet.
            let levels = image.number(bytes) & 0xf;
            return levels.checked_ilog2().map(|bit| bit as u8 + 1);
        }
        rest = after.get(len.next_multiple_of(align)..).unwrap_or_default();
    }
    None
}
