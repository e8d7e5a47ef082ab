//! How an archive gets its name, and what is left when it does not.

use crate::tree::{Handmade, awkward, options};
use relocate::pack::{Format, PackError};
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn small() -> Handmade {
    Handmade::default().dir("").file("a", 0o644, "x")
}

#[test]
fn both_names_appear_and_sha256sum_agrees() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["plain.tar.gz", "new\nline \\ name.tar.gz"] {
        for _ in 0..2 {
            let out = dir.path().join(name);
            let archive = small().pack(&out, &options(Format::TarGz, 1)).unwrap().publish_unproven().unwrap();
            assert_eq!((archive.path.as_path(), archive.size), (out.as_path(), fs::metadata(&out).unwrap().len()));
            let check = Command::new("sha256sum").arg("-c").arg(&archive.sha256_path).current_dir(dir.path()).output();
            let check = check.unwrap();
            assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
        }
    }
    assert_eq!(names(dir.path()).len(), 4);
}

#[test]
fn an_archive_that_is_dropped_leaves_nothing_and_the_old_one_stays() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a.tar");
    fs::write(&out, "old").unwrap();
    fs::write(dir.path().join("a.tar.sha256"), "old digest").unwrap();
    drop(small().pack(&out, &options(Format::Tar, 1)).unwrap());
    assert_eq!(fs::read(&out).unwrap(), b"old");
    assert_eq!(names(dir.path()), ["a.tar", "a.tar.sha256"]);
}

#[test]
fn a_directory_in_the_place_of_the_digest_is_seen_before_anything_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a.tar");
    fs::create_dir(dir.path().join("a.tar.sha256")).unwrap();
    let error = small().pack(&out, &options(Format::Tar, 1)).unwrap().publish_unproven().unwrap_err().to_string();
    assert!(error.contains("a.tar.sha256': it is a directory"), "{error}");
    assert!(!out.exists());
}

#[test]
fn a_pipe_gets_the_same_bytes_and_its_end_is_told_apart() {
    struct Gone;
    impl io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let packed = || awkward().pack(&dir.path().join("x"), &options(Format::TarZst, 2)).unwrap();
    let mut poured = Vec::new();
    packed().pour(&mut poured).unwrap();
    let archive = packed().publish_unproven().unwrap();
    assert_eq!(fs::read(archive.path).unwrap(), poured);
    let error: PackError = packed().pour(&mut Gone).unwrap_err();
    assert!(error.is_broken_pipe());
}
