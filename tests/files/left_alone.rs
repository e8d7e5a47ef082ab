//! Files that need no edit are packed byte for byte, whatever they are; files of other machines are edited like any other.

use crate::call::{PROVEN, relocate};
use crate::place::{Place, run_path, says_moved, tool};
use std::fs;
use std::path::Path;

const MAIN: &str = "#include <stdio.h>\nint main(void) { puts(\"moved\"); return 0; }\n";

/// Byte for byte what was there, in the archive and after `--in-place`.
fn left_alone(place: &Place, names: &[&str]) {
    let before: Vec<_> = names.iter().map(|name| fs::read(place.inside(name)).unwrap()).collect();
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).expect(0, &[PROVEN], &[]);
    let new = place.unpack(place.at("x.tar.gz"));
    relocate(place.dir(), ["--in-place", "old/root"]).expect(0, &[PROVEN], &[]);
    for (name, before) in names.iter().zip(before) {
        assert_eq!(fs::read(new.join(name)).unwrap(), before, "{name}");
        assert_eq!(fs::read(place.inside(name)).unwrap(), before, "{name}");
    }
    place.hide();
    says_moved(new.join("bin/say"));
}

#[test]
fn static_programs_and_the_loader_run_after_the_move_as_they_were() {
    let place = Place::small();
    place.cc("bin/static", MAIN, &["-static"]);
    place.cc("bin/static-pie", MAIN, &["-static-pie"]);
    // The text of the old prefix in a static program is none of the loader's business.
    let loader = place.write("lib/ld-linux-x86-64.so.2", fs::read("/lib64/ld-linux-x86-64.so.2").unwrap());
    crate::place::chmod(&loader, 0o755);
    left_alone(&place, &["bin/static", "bin/static-pie", "lib/ld-linux-x86-64.so.2"]);
    let new = place.at("a new place of x.tar.gz/x");
    says_moved(new.join("bin/static"));
    says_moved(new.join("bin/static-pie"));
    let help = tool(&[&new.join("lib/ld-linux-x86-64.so.2"), &"--help"]);
    assert!(String::from_utf8_lossy(&help).contains("Usage:"));
}

#[test]
fn objects_archives_and_debug_files_are_left_as_they_are() {
    let place = Place::small();
    place.cc("lib/word.o", crate::place::WORD, &["-c", "-g"]);
    tool(&[&"ar", &"rcs", &place.inside("lib/libword.a"), &place.inside("lib/word.o")]);
    let debug = place.say("bin/with-debug", &["-g", "-Wl,-rpath,@/lib"]);
    tool(&[&"objcopy", &"--only-keep-debug", &debug, &place.inside("lib/say.debug")]);
    tool(&[&"eu-strip", &"-f", &place.inside("lib/eu.debug"), &"-o", &place.inside("lib/rest"), &debug]);
    fs::remove_file(place.inside("lib/rest")).unwrap();
    fs::remove_file(debug).unwrap();
    left_alone(&place, &["lib/word.o", "lib/libword.a", "lib/say.debug", "lib/eu.debug"]);
}

/// Links a library that holds only a blob, for a machine this compiler has no code for.
fn foreign(place: &Place, emulation: &str, rpath: &str) {
    let dir = place.inside(format!("lib/{emulation}"));
    fs::create_dir_all(&dir).unwrap();
    fs::write(place.at("blob"), "blob").unwrap();
    let out = dir.join("libblob.so");
    let script: [&dyn AsRef<std::ffi::OsStr>; 2] = [&"-b", &"binary"];
    let head: [&dyn AsRef<std::ffi::OsStr>; 8] =
        [&"ld.lld", &"-m", &emulation, &"-shared", &"-soname", &"libblob.so", &"-rpath", &rpath];
    let blob = place.at("blob");
    let tail: [&dyn AsRef<std::ffi::OsStr>; 3] = [&blob, &"-o", &out];
    tool(&[&head[..], &script, &tail].concat());
}

/// Both classes, both byte orders.
const FOREIGN: [&str; 6] = ["elf64ppc", "elf32ppc", "elf32btsmip", "aarch64linux", "armelf_linux_eabi", "elf_i386"];

#[test]
fn libraries_of_other_machines_in_the_same_tree_get_their_paths_too() {
    let place = Place::small();
    for emulation in FOREIGN {
        foreign(&place, emulation, &format!("{}/lib/{emulation}", place.root().display()));
    }
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).expect(0, &[PROVEN, "7 rewritten"], &[]);
    let new = place.unpack(place.at("x.tar.gz"));
    for emulation in FOREIGN {
        let file = new.join("lib").join(emulation).join("libblob.so");
        assert_eq!(run_path(&file), "$ORIGIN", "{emulation}");
        let before = place.inside(format!("lib/{emulation}/libblob.so"));
        assert_eq!(symbols(&file), symbols(&before), "{emulation}");
        assert_eq!(fs::metadata(&file).unwrap().len(), fs::metadata(&before).unwrap().len());
    }
    place.hide();
    says_moved(new.join("bin/say"));
}

fn symbols(file: &Path) -> Vec<u8> {
    tool(&[&"readelf", &"-W", &"--dyn-syms", &file])
}

#[test]
fn a_path_of_another_machine_that_must_grow_is_grown_or_refused_by_name() {
    let place = Place::small();
    for emulation in FOREIGN {
        foreign(&place, emulation, "/p/lib");
    }
    let arguments = ["old/root", "-o", "x.tar.gz", "--old-prefix", "/p", "--old-prefix"];
    let root = place.root();
    let arguments = [&arguments[..], &[root.to_str().unwrap()]].concat();
    let ran = relocate(place.dir(), &arguments).run();
    let all = format!("{}{}", ran.out, ran.err);
    assert!([Some(0), Some(3)].contains(&ran.code), "{all}");
    for emulation in FOREIGN {
        let file = format!("lib/{emulation}/libblob.so");
        let refused = ran.err.contains(&format!("refused: {file}"));
        assert_eq!(ran.code == Some(0), !refused && place.at("x.tar.gz").exists(), "{all}");
    }
    if ran.code == Some(0) {
        let new = place.unpack(place.at("x.tar.gz"));
        for emulation in FOREIGN {
            assert_eq!(run_path(new.join(format!("lib/{emulation}/libblob.so"))), "$ORIGIN/..", "{emulation}");
        }
    }
}

/// Programs of both word sizes run side by side; each finds the library of its own.
#[test]
fn programs_of_32_and_64_bits_find_their_own_libraries_after_the_move() {
    let place = Place::small();
    place.library("lib32/libword.so.1", &["-m32"]);
    let both = "-Wl,-rpath,@/lib:@/lib32";
    place.cc("bin/say32", crate::place::SAY, &["-m32", "@/lib32/libword.so.1", both]);
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).expect(0, &[PROVEN, "2 rewritten"], &[]);
    let new = place.unpack(place.at("x.tar.gz"));
    place.hide();
    assert_eq!(run_path(new.join("bin/say32")), "$ORIGIN/../lib:$ORIGIN/../lib32");
    says_moved(new.join("bin/say"));
    says_moved(new.join("bin/say32"));
}
