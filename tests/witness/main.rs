//! The judge's witness against readelf(1), on fixtures of every shape and on the machine's own files.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod readelf;

use relocate::base::bytes::FileBytes;
use relocate::verify::witness::{Testimony, testify};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Compares the two on one file, fact by fact.
fn agree(path: &Path) {
    let source = FileBytes::new(File::open(path).unwrap()).unwrap();
    let testimony = testify(&source).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    match (testimony, readelf::ask(path)) {
        (Testimony::Dynamic { object, run_paths }, Some(told)) => {
            assert_eq!(*object, told.object, "{}", path.display());
            assert_eq!(run_paths, told.run_paths, "{}", path.display());
        }
        (Testimony::Dynamic { .. }, None) => panic!("{}: readelf sees no dynamic table", path.display()),
        (other, told) => assert!(told.is_none(), "{}: readelf sees a dynamic table, not {other:?}", path.display()),
    }
}

/// Every ELF file below `dir`, sorted; symlinks are not followed.
fn elf_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            elf_files(&entry.path(), found);
        } else if kind.is_file() && has_magic(&entry.path()) {
            found.push(entry.path());
        }
    }
}

fn has_magic(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"\x7fELF"
}

#[test]
fn a_hundred_files_of_this_machine_are_read_as_readelf_reads_them() {
    let mut files = Vec::new();
    elf_files(Path::new("/usr"), &mut files);
    files.sort();
    let step = std::env::var("WITNESS_STEP").ok().map_or(files.len().div_ceil(100), |step| step.parse().unwrap());
    for path in files.iter().step_by(step) {
        agree(path);
    }
    let wanted = |path: &&PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        ["libc.so.6", "libstdc++.so.6", "ld-linux-x86-64.so.2", "libLLVM"].iter().any(|start| name.starts_with(start))
            || name.contains("cpython")
    };
    for path in files.iter().filter(wanted).take(40) {
        agree(path);
    }
}
