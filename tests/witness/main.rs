//! The judge's witness against readelf(1), on fixtures of every shape and on the machine's own files.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod damage;
mod fixtures;
mod foreign;
mod readelf;

use relocate::base::bytes::FileBytes;
use relocate::loader::object::Object;
use relocate::verify::witness::{Testimony, testify};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Compares the two on one file, fact by fact, and gives the facts where the file has any.
fn agree(path: &Path) -> Option<Object> {
    let source = FileBytes::new(File::open(path).unwrap()).unwrap();
    let testimony = testify(&source).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    match (testimony, readelf::ask(path)) {
        (Testimony::Dynamic { object, run_paths }, Some(told)) => {
            assert_eq!(*object, told.object, "{}", path.display());
            assert_eq!(run_paths, told.run_paths, "{}", path.display());
            Some(*object)
        }
        (Testimony::Dynamic { .. }, None) => panic!("{}: readelf sees no dynamic table", path.display()),
        (_, None) => None,
        (other, Some(_)) => panic!("{}: readelf sees a dynamic table, not {other:?}", path.display()),
    }
}

/// Guile's compiled files are ELF files with a dynamic table of their own kind, which no loader reads.
fn is_guiles(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "go")
}

/// Every ELF file below `dir`, sorted; symlinks are not followed.
fn elf_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            elf_files(&entry.path(), found);
        } else if kind.is_file() && has_magic(&entry.path()) && !is_guiles(&entry.path()) {
            found.push(entry.path());
        }
    }
}

fn has_magic(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"\x7fELF"
}

#[test]
fn fixtures_of_every_shape_are_read_as_readelf_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    let objects: BTreeMap<_, _> = fixtures::every_shape(dir.path())
        .iter()
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), agree(path).unwrap()))
        .collect();
    // What readelf and the witness might both miss.
    assert!(objects["text-relocations"].text_relocations && objects["exec-stack"].executable_stack);
    assert!(objects["no-default-lib"].no_default_lib && objects["pie"].pie && objects["no-pie"].fixed_address);
    assert_eq!((objects["level-3"].isa_level, objects["level-4-lib"].isa_level), (Some(3), Some(4)));
    assert_eq!(objects["pie"].kernel, Some((3, 2, 0)));
    assert_eq!(objects["rpath"].rpath.as_deref(), Some(fixtures::RUN_PATH));
    assert_eq!((objects["filters"].filters.len(), objects["filters"].auxiliaries.len()), (1, 2));
    assert_eq!(objects["libfix.so"].version_definitions, [b"FIX_1", b"FIX_2"]);
    assert!(objects["relr"].version_needs.iter().any(|need| need.version == b"GLIBC_ABI_DT_RELR"));
    assert_eq!(objects["musl"].needed, [b"libc.so"]);
}

#[test]
fn files_of_foreign_machines_are_read_as_readelf_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    for path in foreign::libraries(dir.path()) {
        let object = agree(&path).unwrap();
        if path.file_name().unwrap().to_string_lossy().starts_with("libneeds") {
            let symbols: Vec<_> = object.version_needs.into_iter().map(|need| need.symbol).collect();
            assert_eq!(symbols, [Some(b"_binary_blob_end".to_vec())], "{}", path.display());
        }
    }
}

#[test]
fn files_no_loader_reads_are_named() {
    let dir = tempfile::tempdir().unwrap();
    for (path, what) in fixtures::no_dynamic_files(dir.path()) {
        let source = FileBytes::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(testify(&source).unwrap(), Testimony::Other(what), "{}", path.display());
    }
}

/// `WITNESS_STEP=1` compares every ELF file below /usr.
#[test]
fn a_hundred_files_of_this_machine_are_read_as_readelf_reads_them() {
    let mut files = Vec::new();
    elf_files(Path::new("/usr"), &mut files);
    files.sort();
    let step = std::env::var("WITNESS_STEP").ok().map_or(files.len().div_ceil(100), |step| step.parse().unwrap());
    let dynamic = files.iter().step_by(step).filter_map(|path| agree(path)).count();
    assert!(dynamic > 40, "only {dynamic} files with a dynamic table were compared");
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let modules = files.iter().filter(|path| name(path).contains("cpython")).take(20);
    assert!(modules.filter_map(|path| agree(path)).count() > 0, "there are Python extension modules here");
    let wanted = ["libc.so.6", "libstdc++.so.6", "ld-linux-x86-64.so.2"];
    let wanted = files.iter().filter(|path| wanted.iter().any(|start| name(path).starts_with(start)));
    let versioned = wanted.filter_map(|path| agree(path)).filter(|object| !object.version_definitions.is_empty());
    assert!(versioned.count() >= 3, "libc, libstdc++ and the loader are here");
}
