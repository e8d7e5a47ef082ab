//! Programs as compilers make them.

use crate::fixtures::{OLD, look_in, path_of, run};
use relocate::remains::{Hold, Mention, Place};
use std::fs;
use std::path::Path;

/// A program that names the old prefix in every way a compiler and linker write it.
fn program(dir: &Path, flags: &[&str]) -> Vec<Mention> {
    let source = format!(
        "#include <stdio.h>\n\
         const char *conf = \"{OLD}/etc/app.conf\";\n\
         const char *built = \"configure --prefix={OLD} --with-ssl\";\n\
         static const char bare[] = {{ {bare} }};\n\
         char table[32] = \"{OLD}/lib\";\n\
         #line 1 \"{OLD}/work/main.c\"\n\
         int main(int argc, char **argv) {{ puts(conf); puts(built); puts(table); fwrite(bare, 1, sizeof bare, stdout);\n\
         puts(__FILE__); return argc > 9 ? argv[0][0] : 0; }}\n",
        bare = format!("{OLD}nexttext").bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(",")
    );
    fs::write(dir.join("main.c"), source).unwrap();
    let rpath = format!("-Wl,-rpath,{OLD}/lib64");
    run(dir, "cc", &[&["main.c", "-o", "main", "-g", rpath.as_str()], flags].concat());
    look_in(dir, "main").mentions
}

fn find<'a>(mentions: &'a [Mention], path: &str, place: Place) -> &'a Mention {
    let found = mentions.iter().find(|one| path_of(one) == format!("{OLD}{path}") && one.place == place);
    found.unwrap_or_else(|| panic!("{path} {place:?}: {mentions:#?}"))
}

fn section(mention: &Mention) -> String {
    String::from_utf8_lossy(mention.section.as_deref().unwrap_or_default()).into_owned()
}

#[test]
fn each_string_has_its_section_and_what_it_is_for() {
    let dir = tempfile::tempdir().unwrap();
    let mentions = program(dir.path(), &[]);
    assert_eq!(section(find(&mentions, "/etc/app.conf", Place::Somewhere)), ".rodata");
    assert_eq!(section(find(&mentions, "", Place::BuildArguments)), ".rodata");
    assert_eq!(section(find(&mentions, "/work/main.c", Place::SourceName)), ".rodata");
    assert_eq!(section(find(&mentions, "/lib", Place::Somewhere)), ".data");
    assert_eq!(section(find(&mentions, "/lib64", Place::RunPath)), ".dynstr");
    let debug = mentions.iter().filter(|one| one.place == Place::Debug).count();
    assert!(debug > 0, "{mentions:#?}");
    let bare = find(&mentions, "nexttext", Place::Somewhere);
    assert_eq!((bare.hold, section(bare).as_str()), (Hold::Unbounded, ".rodata"));
    let whole = mentions.iter().filter(|one| one.hold != Hold::Unbounded);
    assert!(whole.clone().all(|one| one.hold == Hold::Whole), "{mentions:#?}");
}

#[test]
fn compressed_debug_sections_are_looked_into() {
    let dir = tempfile::tempdir().unwrap();
    let plain = program(dir.path(), &[]);
    let in_debug = |mentions: &[Mention]| mentions.iter().filter(|one| one.place == Place::Debug).count();
    for packing in ["zlib", "zstd"] {
        run(dir.path(), "objcopy", &[&format!("--compress-debug-sections={packing}"), "main", packing]);
        let mentions = look_in(dir.path(), packing).mentions;
        let packed = mentions.iter().filter(|one| one.inside.is_some());
        assert!(packed.clone().count() > 0, "{packing}");
        assert!(
            packed.clone().all(|one| one.place == Place::Debug && section(one).starts_with(".debug")),
            "{mentions:#?}"
        );
        assert!(in_debug(&mentions) >= in_debug(&plain), "{packing}: {mentions:#?}");
    }
}

#[test]
fn a_program_without_section_headers_keeps_its_mentions() {
    let dir = tempfile::tempdir().unwrap();
    program(dir.path(), &["-s"]);
    let before = look_in(dir.path(), "main").mentions.len();
    // e_shoff, e_shnum and e_shstrndx of a 64-bit file (gABI chapter 4).
    let mut bytes = fs::read(dir.path().join("main")).unwrap();
    for at in (40..48).chain(60..64) {
        bytes[at] = 0;
    }
    fs::write(dir.path().join("bare"), &bytes).unwrap();
    let after = look_in(dir.path(), "bare").mentions;
    assert_eq!(after.len(), before);
    assert_eq!(section(find(&after, "/etc/app.conf", Place::Somewhere)), "read-only data");
    find(&after, "/lib64", Place::RunPath);
}

#[test]
fn the_interpreter_and_an_absolute_library_are_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("lib.c"), "int one(void) { return 1; }\n").unwrap();
    fs::write(dir.path().join("main.c"), "int one(void); int main(void) { return one() - 1; }\n").unwrap();
    let soname = format!("-Wl,-soname,{OLD}/lib/libone.so");
    run(dir.path(), "cc", &["-shared", "-fPIC", "lib.c", "-o", "libone.so", &soname]);
    let interp = format!("-Wl,--dynamic-linker={OLD}/lib/ld.so");
    run(dir.path(), "cc", &["main.c", "./libone.so", "-o", "main", &interp]);
    let mentions = look_in(dir.path(), "main").mentions;
    assert_eq!(section(find(&mentions, "/lib/ld.so", Place::Interp)), ".interp");
    assert_eq!(section(find(&mentions, "/lib/libone.so", Place::Library)), ".dynstr");
    find(&look_in(dir.path(), "libone.so").mentions, "/lib/libone.so", Place::Library);
}

#[test]
fn a_zip_behind_a_program_is_looked_into() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("main.c"), "int main(void) { return 0; }\n").unwrap();
    run(dir.path(), "cc", &["main.c", "-o", "main"]);
    fs::write(dir.path().join("conf.txt"), format!("{}{OLD}/share\n", "x\n".repeat(200))).unwrap();
    run(dir.path(), "python3", &["-m", "zipfile", "-c", "a.zip", "conf.txt"]);
    let both = [fs::read(dir.path().join("main")).unwrap(), fs::read(dir.path().join("a.zip")).unwrap()].concat();
    fs::write(dir.path().join("both"), both).unwrap();
    let looked = look_in(dir.path(), "both");
    let [one] = looked.mentions.as_slice() else { panic!("{looked:#?}") };
    assert_eq!((one.inside.as_deref(), one.line), (Some(&b"conf.txt"[..]), Some(201)));
}

#[test]
fn a_path_that_the_compiler_put_into_instructions_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let source = format!(
        "#include <string.h>\nint main(int argc, char **argv) {{ char path[64]; memcpy(path, \"{OLD}/x\", {});\n\
         return argc > 1 && strcmp(path, argv[1]) == 0; }}\n",
        OLD.len() + 3
    );
    fs::write(dir.path().join("main.c"), source).unwrap();
    run(dir.path(), "cc", &["-O2", "main.c", "-o", "main"]);
    let whole = memchr::memmem::find(&fs::read(dir.path().join("main")).unwrap(), OLD.as_bytes());
    assert_eq!(whole, None, "the compiler left the path whole");
    let mentions = look_in(dir.path(), "main").mentions;
    let split: Vec<_> = mentions.iter().filter(|one| one.hold == Hold::Split).collect();
    assert!(!split.is_empty(), "{mentions:#?}");
    assert!(
        split.iter().all(|one| [".text", ".text.startup", ".rodata", ".rodata.cst16"].contains(&section(one).as_str())),
        "{split:#?}"
    );
}
