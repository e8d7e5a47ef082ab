//! Any bytes as an archive: unpacked and installed in a cage. Nothing is made outside, nothing panics, and what was refused
//! leaves no tree.
//!
//! The first byte of the input says whether the rest is taken as it is, or as a plain tar whose header sums are made right
//! first, so that mutations come further than the sum.

#![no_main]

use libfuzzer_sys::fuzz_target;
use relocate::base::event::Silent;
use relocate::base::path::Prefix;
use relocate::install::{self, Install};
use relocate::pack::{Limits, unpack, verify_archive};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const BLOCK: usize = 512;

/// Makes the sum of each header right, as far as sizes lead from one to the next.
fn mend(tar: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            return;
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let digits = std::str::from_utf8(&header[124..135]).unwrap_or_default().trim_matches([' ', '\0']);
        let size = usize::from_str_radix(digits, 8).unwrap_or(0);
        at = at.saturating_add(BLOCK).saturating_add(size.saturating_add(BLOCK - 1) / BLOCK * BLOCK);
        if at > tar.len() {
            return;
        }
    }
}

fn names(dir: &Path) -> BTreeSet<Vec<u8>> {
    fs::read_dir(dir).expect("the cage").map(|entry| entry.expect("a name").file_name().as_bytes().to_vec()).collect()
}

fuzz_target!(|input: &[u8]| {
    let Some((first, bytes)) = input.split_first() else { return };
    let mut bytes = bytes.to_vec();
    if first % 4 != 0 {
        mend(&mut bytes);
    }
    let memory = Path::new("/dev/shm");
    let cage = tempfile::tempdir_in(if memory.is_dir() { memory } else { Path::new("/tmp") }).expect("a cage");
    let (archive, here) = (cage.path().join("archive"), cage.path().join("here"));
    fs::write(&archive, &bytes).expect("the archive");
    fs::create_dir(&here).expect("a place");
    let limits = Limits { bytes: 1 << 20, entries: 1000, ..Limits::default() };
    let before = names(cage.path());
    let _ = unpack(&archive, &here, &limits, &Silent);
    assert_eq!(names(cage.path()), before, "something was made outside");
    let _ = verify_archive(&archive, &limits);

    let dest = cage.path().join("dest");
    let path = Prefix::new(dest.as_os_str().as_bytes()).expect("an absolute path");
    let none = BTreeSet::new();
    let install = Install { archive: &archive, dest: &path, leave: &none, limits: &limits, dry_run: false };
    let done = install::archive(&install, &Silent);
    assert_eq!(dest.exists(), done.is_ok());
    let mut after = before;
    after.extend(done.is_ok().then(|| b"dest".to_vec()));
    assert_eq!(names(cage.path()), after, "something was left");
});
