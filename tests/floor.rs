//! The floor of files that the compiler made, by way of the witness.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use relocate::base::path::RelPath;
use relocate::loader::floor::{Floor, Kind, floor};
use relocate::loader::libc::Libc;
use relocate::loader::object::Object;
use relocate::loader::version::Version;
use relocate::verify::system::is_system_library;
use relocate::verify::targets::{exceeds, runs_on, target};
use relocate::verify::witness::{Testimony, testify};
use std::fs;
use std::path::Path;
use std::process::Command;

const C: &str = "#include <stdio.h>\nint main(void) { return puts(\"floor\"); }\n";
const CXX: &str = "#include <iostream>\n#include <charconv>\nint main(int n, char **v) {\n  double d = 0;\n  \
                   std::from_chars(v[0], v[0] + 1, d);\n  std::cout << d;\n}\n";

fn compile(dir: &Path, compiler: &str, args: &[&str]) -> Object {
    fs::write(dir.join("main.c"), C).unwrap();
    fs::write(dir.join("main.cc"), CXX).unwrap();
    let output = Command::new(compiler).current_dir(dir).args(args).args(["-o", "out"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    match testify(&fs::read(dir.join("out")).unwrap()).unwrap() {
        Testimony::Dynamic { object, .. } => *object,
        other => panic!("{other:?}"),
    }
}

fn floor_of(object: &Object, host: impl Fn(&[u8]) -> bool) -> Floor {
    let path = RelPath::new(b"bin/app").unwrap();
    floor([(&path, object)].into_iter(), &host)
}

fn on_host(soname: &[u8]) -> bool {
    is_system_library(soname, Libc::Glibc)
}

#[test]
fn packed_relative_relocations_need_glibc_2_36_and_debian_11_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let object = compile(dir.path(), "cc", &["main.c", "-Wl,-z,pack-relative-relocs"]);
    let floor = floor_of(&object, on_host);
    let glibc = floor.glibc.as_ref().unwrap();
    assert_eq!((glibc.name.as_str(), &glibc.version), ("GLIBC_ABI_DT_RELR", &Version::new(&[2, 36])));
    let excess = exceeds(&floor, &target("debian-11").unwrap());
    assert_eq!(excess[0].file.as_bytes(), b"bin/app");
    assert_eq!(excess[0].to_string(), "needs GLIBC_ABI_DT_RELR, the target has GLIBC_2.31");
    assert!(runs_on(&floor).contains(&"debian-12") && !runs_on(&floor).contains(&"ubuntu-22.04"));
}

#[test]
fn a_bundled_libstdcxx_demands_nothing_of_the_host() {
    let dir = tempfile::tempdir().unwrap();
    let object = compile(dir.path(), "c++", &["-std=c++17", "main.cc"]);
    let floor = floor_of(&object, on_host);
    // from_chars for double came with GCC 11.
    let glibcxx = floor.glibcxx.as_ref().unwrap();
    assert_eq!(glibcxx.name, "GLIBCXX_3.4.29");
    assert!(glibcxx.symbol.as_ref().unwrap().contains("from_chars"), "{glibcxx:?}");
    let bundled = floor_of(&object, |soname| soname != b"libstdc++.so.6" && on_host(soname));
    assert_eq!((&bundled.glibcxx, &bundled.cxxabi), (&None, &None));
    assert_eq!(bundled.glibc, floor.glibc);
}

#[test]
fn a_musl_program_runs_on_alpine_alone() {
    let dir = tempfile::tempdir().unwrap();
    let object = compile(dir.path(), "musl-gcc", &["main.c"]);
    let floor = floor_of(&object, |soname| is_system_library(soname, Libc::Musl));
    assert_eq!(floor.libcs.iter().map(|held| held.libc).collect::<Vec<_>>(), [Libc::Musl]);
    assert_eq!(floor.demand(Kind::Glibc), None);
    assert!(runs_on(&floor).iter().all(|name| name.starts_with("alpine")), "{:?}", runs_on(&floor));
    assert!(runs_on(&floor).contains(&"alpine-3.18"));
}
