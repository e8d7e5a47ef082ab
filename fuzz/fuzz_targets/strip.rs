//! Any bytes: without debug sections, and then planned. What is stripped is shorter, has nothing more to strip, is seen by a
//! loader as before, and takes a run-time path where it took one before.
//!
//! The first byte of the input is the length of that path; the rest is the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use relocate::base::bytes::{Edited, ReadAt};
use relocate::elf::{Read, RunPaths, plan, read, without_debug};

fuzz_target!(|input: &[u8]| {
    let Some((&len, file)) = input.split_first() else { return };
    let file = file.to_vec();
    let Ok(Some(stripped)) = without_debug(&file) else { return };
    assert_eq!(stripped.size + stripped.saved, file.len() as u64);
    let mut new = file.clone();
    new.truncate(stripped.size as usize);
    let mut end = 0;
    for edit in &stripped.edits {
        assert!(edit.offset >= end, "edits are sorted");
        end = edit.offset + edit.bytes.len() as u64;
        new[edit.offset as usize..end as usize].copy_from_slice(&edit.bytes);
    }
    assert!(without_debug(&new).expect("what is stripped can be read").is_none());
    let (Ok(Read::Dynamic(before)), Ok(Read::Dynamic(after))) = (read(&file), read(&new)) else { return };
    assert_eq!(before.object, after.object, "a loader sees the same");
    let path: Vec<u8> = b"$ORIGIN/../lib:".iter().copied().cycle().take(usize::from(len) * 32).collect();
    let wanted = RunPaths { rpath: None, runpath: Some(path) };
    let Ok(patch) = plan(&new, &wanted) else { return };
    let size = patch.size;
    let both = stripped.followed_by(patch.clone(), &file);
    let (at_once, one_by_one) = (Edited::new(&file, &both, size), Edited::new(&new, &patch.edits, size));
    assert!(at_once.range(0, size).unwrap() == one_by_one.range(0, size).unwrap(), "both edits together are one after the other");
});
