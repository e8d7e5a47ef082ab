//! Patches and the zstd command: each reads what the other made, on two states of a real program.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use relocate::delta::{apply, patch};
use std::fs;
use std::path::Path;
use std::process::Command;

fn zstd(dir: &Path, args: &[&str]) {
    assert!(Command::new("zstd").args(args).current_dir(dir).status().unwrap().success(), "{args:?}");
}

#[test]
fn the_command_and_we_read_each_others_patches() {
    let dir = tempfile::tempdir().unwrap();
    let old = fs::read(fs::canonicalize("/bin/sh").unwrap()).unwrap();
    let mut new = [&old[..old.len() / 2], b"a few bytes more", &old[old.len() / 2 + 100..]].concat();
    new[1_000] ^= 0xff;
    fs::write(dir.path().join("old"), &old).unwrap();
    fs::write(dir.path().join("new"), &new).unwrap();
    let ours = patch(&old, &new).unwrap();
    assert!(ours.len() < 1_000, "{}", ours.len());
    fs::write(dir.path().join("ours"), &ours).unwrap();
    zstd(dir.path(), &["-d", "-q", "--patch-from=old", "ours", "-o", "from-ours"]);
    assert!(fs::read(dir.path().join("from-ours")).unwrap() == new);
    zstd(dir.path(), &["-q", "-19", "--patch-from=old", "new", "-o", "theirs"]);
    let theirs = fs::read(dir.path().join("theirs")).unwrap();
    assert!(apply(&old, &theirs, new.len() as u64).unwrap() == new);
}
