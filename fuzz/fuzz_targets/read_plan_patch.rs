//! Any bytes: read, plan, patch. A plan that is made must pass its self-check, give the wanted paths, and leave nothing
//! to plan.
//!
//! The first bytes of the input are the wish: two bytes of flags and length for each tag. The rest is the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use relocate::elf::{Read, RunPaths, Rung, plan, read, self_check};

/// One tag's wish out of two bytes: none, or a path of up to 1 KiB (or of 16 KiB, to climb the ladder).
fn wish(flags: u8, len: u8) -> Option<Vec<u8>> {
    let len = usize::from(len) * if flags & 2 == 0 { 4 } else { 64 };
    let path: Vec<u8> = b"$ORIGIN/../lib:".iter().copied().cycle().take(len).collect();
    (flags & 1 == 1).then_some(path)
}

fuzz_target!(|input: &[u8]| {
    let Some((&[flags, first, more_flags, second], file)) = input.split_first_chunk() else { return };
    let file = file.to_vec();
    let wanted = RunPaths { rpath: wish(flags, first), runpath: wish(more_flags, second) };
    let before = read(&file);
    let Ok(patch) = plan(&file, &wanted) else { return };
    self_check(&file, &patch, &wanted).expect("a plan passes its self-check");
    if patch.rung == Rung::Unchanged {
        assert!(patch.edits.is_empty());
        return;
    }
    assert!(before.is_ok(), "a file that cannot be read is not edited");
    let mut new = file.clone();
    assert!(patch.size < file.len() as u64 + (1 << 24), "the file grows by what it needs");
    new.resize(patch.size as usize, 0);
    for edit in &patch.edits {
        new[edit.offset as usize..][..edit.bytes.len()].copy_from_slice(&edit.bytes);
    }
    let Ok(Read::Dynamic(facts)) = read(&new) else { panic!("a patched file can be read") };
    assert_eq!((facts.object.rpath, facts.object.runpath), (wanted.rpath.clone(), wanted.runpath.clone()));
    assert_eq!(plan(&new, &wanted).expect("a patched file can be planned").rung, Rung::Unchanged);
});
