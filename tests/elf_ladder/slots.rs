//! Where a tag that was not there finds its place among the dynamic entries.

use super::builder::{Lab, entry_at, patched, refusal, rpath, set_entry, way};
use goblin::elf::Elf;
use relocate::elf::{Refusal, RunPaths, Rung};

const DT_NULL: u64 = 0;
const DT_DEBUG: u64 = 21;
const DT_RUNPATH: u64 = 29;
const DT_RELACOUNT: u64 = 0x6fff_fff9;
const DT_RELCOUNT: u64 = 0x6fff_fffa;

/// All tags before the first DT_NULL, in file order.
fn tags(bytes: &[u8]) -> Vec<u64> {
    let entries = Elf::parse(bytes).unwrap().dynamic.unwrap().dyns;
    entries.iter().map(|entry| entry.d_tag).take_while(|tag| *tag != DT_NULL).collect()
}

#[test]
fn a_missing_tag_goes_into_a_spare_slot() {
    let lab = Lab::new();
    let program = lab.program("", "");
    let (_, new) = patched(&program, &rpath(way(60)));
    lab.assert_runs(&new);
    lab.assert_lint_no_worse(&program, &new);
    let both = RunPaths { rpath: Some(way(60).into()), runpath: Some(way(31).into()) };
    lab.assert_runs(&patched(&program, &both).1);
}

#[test]
fn the_last_null_entry_is_never_used_for_a_tag() {
    let lab = Lab::new();
    let mut program = lab.program("", "");
    // DT_DEBUG fills the spare slots, but for the last one, and stands where a hint could give way.
    let end = entry_at(&program, DT_NULL);
    let elf = Elf::parse(&program).unwrap();
    let segment = elf.program_headers.iter().find(|one| one.p_type == 2).unwrap().file_range();
    let spare = (segment.end - end) / 16;
    for slot in 0..spare - 1 {
        set_entry(&mut program, end + slot * 16, DT_DEBUG, 0);
    }
    let hint = entry_at(&program, DT_RELACOUNT);
    set_entry(&mut program, hint, DT_DEBUG, 0);
    assert!(matches!(refusal(&program, &rpath("/x")), Refusal::NoSpareSlot { .. }));
    set_entry(&mut program, end, DT_NULL, 0);
    assert!(matches!(refusal(&program, &rpath("/x")), Refusal::NoSpareSlot { .. }));
    // A tag that goes makes room for one that comes.
    set_entry(&mut program, end, DT_RUNPATH, 1);
    assert_eq!(patched(&program, &rpath("libgreet.so")).0, Rung::Reuse);
}

#[test]
fn the_count_of_relative_relocations_gives_way_where_no_slot_is_spare() {
    for (arguments, hint) in [("-fuse-ld=lld", DT_RELACOUNT), ("-fuse-ld=lld -m32", DT_RELCOUNT)] {
        let lab = Lab::new();
        let program = lab.program("", arguments);
        assert!(tags(&program).contains(&hint), "{arguments}: lld makes no such file any more");
        let (_, new) = patched(&program, &rpath(way(60)));
        let replaced = |tag: u64| if tag == hint { 15 } else { tag };
        assert_eq!(tags(&new), tags(&program).into_iter().map(replaced).collect::<Vec<_>>(), "{arguments}");
        lab.assert_runs(&new);
        lab.assert_runs_when_stripped(&new);
        lab.assert_lint_no_worse(&program, &new);
    }
}

#[test]
fn there_is_one_hint_for_one_tag_and_no_second() {
    let lab = Lab::new();
    let program = lab.program("", "-fuse-ld=lld");
    let both = RunPaths { rpath: Some(way(60).into()), runpath: Some(way(31).into()) };
    assert!(matches!(refusal(&program, &both), Refusal::NoSpareSlot { .. }));
}

#[test]
fn the_count_of_relative_relocations_stays_where_a_slot_is_spare() {
    let lab = Lab::new();
    let program = lab.program("", "");
    assert!(tags(&program).contains(&DT_RELACOUNT));
    let (_, new) = patched(&program, &rpath(way(60)));
    assert!(tags(&new).contains(&DT_RELACOUNT));
}
