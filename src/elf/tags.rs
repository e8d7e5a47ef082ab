//! The run-time path entries of a dynamic section, as they shall be.
//!
//! Takes the entries there are and the wanted final state of both tags; gives the new list. Tags are converted in place
//! where one goes and the other comes, removed by moving the later entries down, and added in a spare DT_NULL slot; lld
//! leaves none, and then the count of relative relocations gives way. Refuses to use the last DT_NULL, which ends the
//! list.

use super::facts::tag_of;
use super::layout::{Entry, Layout};
use super::refusal::Refusal;
use crate::loader::object::Tag;
use object::elf::{DT_RELACOUNT, DT_RELCOUNT, DT_RPATH, DT_RUNPATH, DynamicTag, EM_MIPS};

/// The wanted final state of both tags; `None` means there shall be no such tag.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunPaths {
    /// DT_RPATH, without the NUL.
    pub rpath: Option<Vec<u8>>,
    /// DT_RUNPATH, without the NUL.
    pub runpath: Option<Vec<u8>>,
}

impl RunPaths {
    /// What one tag shall be.
    pub fn of(&self, tag: Tag) -> Option<&[u8]> {
        match tag {
            Tag::Rpath => self.rpath.as_deref(),
            Tag::Runpath => self.runpath.as_deref(),
        }
    }
}

/// An offset from the entry's own address, which therefore changes when the entry moves.
const DT_MIPS_RLD_MAP_REL: DynamicTag = DynamicTag(0x7000_0035);

fn number(tag: Tag) -> DynamicTag {
    match tag {
        Tag::Rpath => DT_RPATH,
        Tag::Runpath => DT_RUNPATH,
    }
}

/// Works out the new entries, without the DT_NULLs behind them. The value of an added entry is 0 until its string has a
/// place; `slots` is how many entries fit, the DT_NULL that ends them included.
pub(super) fn rewrite(
    entries: &[Entry],
    slots: usize,
    wanted: &RunPaths,
    layout: Layout,
    machine: u16,
) -> Result<Vec<Entry>, Refusal> {
    let mut new: Vec<(usize, Entry)> = Vec::with_capacity(entries.len() + 2);
    for (at, entry) in entries.iter().enumerate() {
        match tag_of(entry.tag).map(|tag| fate(entries, tag, wanted)) {
            None => new.push((at, *entry)),
            Some(Some(tag)) => new.push((at, Entry { tag: number(tag), value: entry.value })),
            Some(None) => {}
        }
    }
    let mut new: Vec<Entry> =
        new.into_iter().enumerate().map(|(to, (from, entry))| moved(entry, from - to, layout, machine)).collect();
    for tag in [Tag::Rpath, Tag::Runpath] {
        if wanted.of(tag).is_some() && !holds(&new, tag) {
            add(&mut new, Entry { tag: number(tag), value: 0 }, slots);
        }
    }
    if new.len() >= slots { Err(Refusal::NoSpareSlot { needed: new.len() + 1, slots }) } else { Ok(new) }
}

/// Adds an entry behind the others, or where no slot is spare in place of a hint.
///
/// DT_RELACOUNT and DT_RELCOUNT say how many relocations in front are relative, so that glibc need not look at their
/// types (`elf/do-rel.h`); musl does not read them, and `ld -z nocombreloc` makes files without them.
fn add(entries: &mut Vec<Entry>, entry: Entry, slots: usize) {
    let hint = entries.iter().position(|one| [DT_RELACOUNT, DT_RELCOUNT].contains(&one.tag));
    match hint {
        Some(at) if entries.len() + 1 >= slots => entries[at] = entry,
        _ => entries.push(entry),
    }
}

fn holds(entries: &[Entry], tag: Tag) -> bool {
    entries.iter().any(|entry| entry.tag == number(tag))
}

/// What becomes of the entries of a tag: that tag or the other one; `None` where they go.
fn fate(entries: &[Entry], tag: Tag, wanted: &RunPaths) -> Option<Tag> {
    let other = match tag {
        Tag::Rpath => Tag::Runpath,
        Tag::Runpath => Tag::Rpath,
    };
    if wanted.of(tag).is_some() {
        Some(tag)
    } else {
        (wanted.of(other).is_some() && !holds(entries, other)).then_some(other)
    }
}

fn moved(entry: Entry, slots_down: usize, layout: Layout, machine: u16) -> Entry {
    if machine != EM_MIPS.0 || entry.tag != DT_MIPS_RLD_MAP_REL {
        return entry;
    }
    let distance = slots_down as u64 * layout.entry_size();
    Entry { value: entry.value.wrapping_add(distance) & layout.highest(), ..entry }
}
