//! ELF files of every layout: what becomes of them, whether they run after the move, and whether strip leaves them whole.

use crate::call::{PROVEN, relocate};
use crate::place::{Place, WORD, run, run_path, says_moved, succeed, tool};
use crate::program;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the plan of a job says of one file: the rung and the bytes added.
fn rung(report: &Value, path: &str) -> (String, u64) {
    let rewrites = report["plan"]["rewrites"].as_array().unwrap();
    let one = rewrites.iter().find(|one| one["path"] == path).unwrap_or_else(|| panic!("{path} is not rewritten"));
    (one["rung"].as_str().unwrap_or("none").to_owned(), one["bytes_added"].as_u64().unwrap_or(0))
}

/// The findings of eu-elflint, without addresses, sorted.
fn lint(file: &Path) -> Vec<String> {
    let output = Command::new("eu-elflint").arg("--gnu-ld").arg(file).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines: Vec<_> =
        text.lines().map(|line| line.chars().filter(|c| !c.is_ascii_digit()).collect::<String>()).collect();
    lines.sort();
    lines
}

/// A program stays whole under every strip there is.
fn survives_stripping(program: &Path) {
    let (copy, bytes) = (program.with_extension("stripped"), fs::read(program).unwrap());
    for (name, options) in [("strip", &["-g"][..]), ("strip", &["-s"]), ("eu-strip", &[]), ("eu-strip", &["-g"])] {
        program::write(&copy, &bytes, 0o755);
        succeed(Command::new(name).args(options).arg(&copy));
        says_moved(&copy);
    }
    fs::remove_file(copy).unwrap();
}

/// A prefix of a path that is `length` bytes long with its `/lib`, and the rest of the fixture: the tree lies elsewhere.
fn far_prefix(length: usize) -> String {
    format!("/{}", "p".repeat(length - "//lib".len()))
}

/// A run-time path that grows by more than 4 KB: each entry does by as much as `$ORIGIN/..` is longer than `/q`. The
/// directories are yet to come.
fn many_entries() -> String {
    let entries: Vec<_> = (0..600).map(|number| format!("/q/d{number}")).chain(["/q/lib".to_owned()]).collect();
    entries.join(":")
}

/// One way to link the program, and the rungs it may take where its path grows by 1 byte.
struct Layout {
    name: &'static str,
    link: &'static [&'static str],
    rungs: &'static [&'static str],
}

const LAYOUTS: [Layout; 9] = [
    Layout { name: "bfd", link: &["-fuse-ld=bfd"], rungs: &["slack"] },
    Layout { name: "gold", link: &["-fuse-ld=gold"], rungs: &["slack", "new-segment", "longer-table"] },
    Layout { name: "lld", link: &["-fuse-ld=lld"], rungs: &["slack", "new-segment", "longer-table"] },
    Layout { name: "large-pages", link: &["-Wl,-z,max-page-size=0x200000"], rungs: &["slack"] },
    Layout { name: "together", link: &["-Wl,-z,noseparate-code"], rungs: &["slack", "new-segment", "longer-table"] },
    Layout { name: "fixed", link: &["-no-pie"], rungs: &["slack"] },
    Layout { name: "sysv", link: &["-Wl,--hash-style=sysv"], rungs: &["slack"] },
    Layout { name: "relro", link: &["-Wl,-z,relro,-z,now"], rungs: &["slack"] },
    Layout { name: "rpath", link: &["-Wl,--disable-new-dtags"], rungs: &["slack"] },
];

/// The rungs on which a file gets a new segment.
const GROWN: [&str; 2] = ["new-segment", "longer-table"];
/// What the run-time path of each program becomes.
const NEW: &str = "$ORIGIN/../lib";

#[test]
fn every_layout_grows_by_one_byte_runs_after_the_move_and_can_be_stripped() {
    let place = Place::new();
    place.library("lib/libword.so.1", &[]);
    let prefix = far_prefix(NEW.len() - 1);
    for layout in &LAYOUTS {
        let rpath = format!("-Wl,-rpath,{prefix}/lib");
        place.say(&format!("bin/{}", layout.name), &[layout.link, &[&rpath]].concat());
    }
    let ran = relocate(place.dir(), ["old/root", "-o", "x.tar.gz", "--old-prefix", &prefix, "--json"]);
    let report = ran.expect(0, &["\"result\": \"done\""], &[]).json();
    let new = place.unpack(place.at("x.tar.gz"));
    for layout in &LAYOUTS {
        let file = format!("bin/{}", layout.name);
        let (rung, _) = rung(&report, &file);
        assert!(layout.rungs.contains(&rung.as_str()), "{file} took {rung}");
        assert_eq!(run_path(new.join(&file)), NEW);
        assert_eq!(lint(&new.join(&file)), lint(&place.inside(&file)), "{file}");
    }
    place.hide();
    for layout in &LAYOUTS {
        let file = new.join("bin").join(layout.name);
        says_moved(&file);
        survives_stripping(&file);
    }
}

#[test]
fn every_layout_grows_by_four_kilobytes_runs_after_the_move_and_can_be_stripped() {
    let place = Place::new();
    place.library("lib/libword.so.1", &[]);
    let rpath = format!("-Wl,-rpath,{}", many_entries());
    for layout in &LAYOUTS {
        place.say(&format!("bin/{}", layout.name), &[layout.link, &[&rpath]].concat());
    }
    let ran = relocate(place.dir(), ["old/root", "-o", "x.tar.gz", "--old-prefix", "/q", "--json"]);
    let report = ran.expect(0, &["\"result\": \"done\""], &[]).json();
    let new = place.unpack(place.at("x.tar.gz"));
    place.hide();
    for layout in &LAYOUTS {
        let file = format!("bin/{}", layout.name);
        let (rung, added) = rung(&report, &file);
        // With pages of 2 MiB there is room for it in the padding.
        let fits = layout.name == "large-pages" && (rung.as_str(), added) == ("slack", 0);
        assert!(fits || GROWN.contains(&rung.as_str()) && added > 4096, "{file}: {rung}, {added}");
        let path = run_path(new.join(&file));
        assert!(path.len() > 4096 + 600 && path.ends_with(":$ORIGIN/../lib"), "{file}: {path}");
        let (before, after) = (lint(&place.at("hidden/root").join(&file)), lint(&new.join(&file)));
        assert!(after.iter().all(|finding| before.contains(finding)), "{file}: {after:?}");
        says_moved(new.join(&file));
        survives_stripping(&new.join(&file));
    }
}

/// Exports so many long names that the string table fits no padding.
fn many_symbols() -> String {
    let functions =
        (0..200).map(|number| format!("int a_rather_long_name_of_a_function_{number}(void) {{ return {number}; }}\n"));
    WORD.to_owned() + &functions.collect::<String>()
}

#[test]
fn a_string_table_larger_than_the_slack_moves_to_a_segment_of_its_own() {
    let place = Place::new();
    let prefix = far_prefix("$ORIGIN".len());
    let rpath = format!("-Wl,-rpath,{prefix}");
    for (name, link) in [("bfd", "-fuse-ld=bfd"), ("gold", "-fuse-ld=gold"), ("lld", "-fuse-ld=lld")] {
        let script = place.at("versions");
        fs::write(&script, "WORD_1 { global: a_*; };\nWORD_2 { global: word; } WORD_1;\n").unwrap();
        let script = format!("-Wl,--version-script={}", script.display());
        let soname = format!("-Wl,-soname,lib{name}.so.1");
        let path = format!("lib/lib{name}.so.1");
        // A library that must find itself by a longer path: it needs nothing, but its path is rewritten all the same.
        place.cc(&path, &many_symbols(), &["-shared", "-fPIC", link, &soname, &script, "-Wl,-rpath,/q/x", &rpath]);
        let library = format!("@/{path}");
        place.cc(&format!("bin/{name}"), crate::place::SAY, &[&library, "-Wl,-rpath,/q/lib"]);
    }
    let arguments = ["old/root", "-o", "x.tar.gz", "--old-prefix", "/q", "--old-prefix", &prefix, "--json"];
    let report = relocate(place.dir(), arguments).expect(0, &["done"], &[]).json();
    let new = place.unpack(place.at("x.tar.gz"));
    place.hide();
    for name in ["bfd", "gold", "lld"] {
        let file = format!("lib/lib{name}.so.1");
        let (rung, added) = rung(&report, &file);
        assert!(GROWN.contains(&rung.as_str()) && added > 0, "{file}: {rung}, {added}");
        let versions = tool(&[&"readelf", &"-WV", &new.join(&file)]);
        assert!(String::from_utf8_lossy(&versions).contains("Name: WORD_2"), "{file}");
        says_moved(new.join("bin").join(name));
        for (tool, option) in [("strip", "-g"), ("strip", "-s"), ("eu-strip", "-g")] {
            succeed(Command::new(tool).arg(option).arg(new.join(&file)));
            says_moved(new.join("bin").join(name));
        }
    }
}

#[test]
fn a_program_at_a_fixed_address_with_a_large_bss_grows_and_its_bss_stays_zero() {
    const LARGE: &str = "#include <stdio.h>\nextern const char *word(void);\nstatic char large[64 << 20];\n\
                         int main(void) { for (unsigned i = 0; i < sizeof large; i++) if (large[i]) return 9;\n\
                         large[5] = 1; puts(word()); return large[5] - 1; }\n";
    let place = Place::new();
    place.library("lib/libword.so.1", &[]);
    let prefix = far_prefix(NEW.len() - 1);
    for (name, rpath) in [("slack", format!("{prefix}/lib")), ("grown", many_entries())] {
        place.cc(&format!("bin/{name}"), LARGE, &["@/lib/libword.so.1", "-no-pie", &format!("-Wl,-rpath,{rpath}")]);
    }
    let arguments = ["old/root", "-o", "x.tar.gz", "--json", "--old-prefix", "/q", "--old-prefix", &prefix];
    let report = relocate(place.dir(), arguments).expect(0, &["done"], &[]).json();
    assert_eq!(rung(&report, "bin/slack"), ("slack".to_owned(), 0));
    assert!(rung(&report, "bin/grown").1 > 4096);
    let new = place.unpack(place.at("x.tar.gz"));
    place.hide();
    for name in ["slack", "grown"] {
        says_moved(new.join("bin").join(name));
        survives_stripping(&new.join("bin").join(name));
    }
}

/// Overwrites bytes of a file.
pub(crate) fn poke(file: &Path, offset: usize, bytes: &[u8]) {
    let mut content = fs::read(file).unwrap();
    content[offset..offset + bytes.len()].copy_from_slice(bytes);
    fs::write(file, content).unwrap();
}

const E_SHOFF: usize = 0x28;
const E_SHNUM: usize = 0x3c;
const E_SHSTRNDX: usize = 0x3e;

#[test]
fn without_section_headers_a_shorter_path_and_slack_are_used_and_more_is_refused() {
    let place = Place::new();
    place.library("lib/libword.so.1", &[]);
    let long = many_entries();
    for (name, rpath) in [("shorter", "/a/rather/long/prefix/lib"), ("slack", "/q/lib"), ("grown", &long)] {
        let program = place.say(&format!("bin/{name}"), &[&format!("-Wl,-rpath,{rpath}")]);
        poke(&program, E_SHOFF, &[0; 8]);
        poke(&program, E_SHNUM, &[0; 4]);
    }
    let prefixes = ["--old-prefix", "/q", "--old-prefix", "/a/rather/long/prefix"];
    let arguments = [&["old/root", "-o", "x.tar.gz"][..], &prefixes].concat();
    let told = ["refused: bin/grown", "the section headers are missing", "--skip bin/grown"];
    relocate(place.dir(), &arguments).expect(3, &["nothing written"], &told);
    assert_eq!(place.beside(), ["old", "source.c"]);
    let skip = [&arguments[..], &["--skip", "bin/grown"]].concat();
    relocate(place.dir(), skip).expect(0, &[PROVEN], &["bin/grown", "left as it is by --skip"]);
    let new = place.unpack(place.at("x.tar.gz"));
    assert_eq!(fs::read(new.join("bin/grown")).unwrap(), fs::read(place.inside("bin/grown")).unwrap());
    place.hide();
    for name in ["shorter", "slack"] {
        says_moved(new.join("bin").join(name));
    }
}

#[test]
fn damaged_section_names_do_not_matter() {
    let place = Place::new();
    place.library("lib/libword.so.1", &[]);
    for (name, bytes) in [("wild", [0xff, 0xf0]), ("none", [0, 0]), ("wrong", [1, 0])] {
        let program = place.say(&format!("bin/{name}"), &["-Wl,-rpath,/a/rather/long/prefix/lib"]);
        poke(&program, E_SHSTRNDX, &bytes);
    }
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).expect(0, &[PROVEN, "3 rewritten (3 S1 in place)"], &[]);
    let new = place.unpack(place.at("x.tar.gz"));
    place.hide();
    for name in ["wild", "none", "wrong"] {
        says_moved(new.join("bin").join(name));
    }
}

/// A program that ends with a payload, counts it from its own end and says its first word.
const PAYLOAD: &str = "#include <stdio.h>\n#include <unistd.h>\nextern const char *word(void);\nint main(void) {\n\
                       char path[4096] = {0}, text[9] = {0}; readlink(\"/proc/self/exe\", path, 4095);\n\
                       FILE *f = fopen(path, \"rb\"); fseek(f, -65536, SEEK_END); fread(text, 1, 8, f);\n\
                       printf(\"%s %s\\n\", text, word()); return 0; }\n";

#[test]
fn an_appended_payload_stays_where_the_program_looks_for_it() {
    let place = Place::new();
    place.library("lib/libword.so.1", &[]);
    let mut payload = b"PAYLOAD!".to_vec();
    payload.resize(65_536, 7);
    let long = many_entries();
    let rows = [("shorter", "/a/rather/long/prefix/lib"), ("slack", "/q/lib"), ("grown", &long)];
    for (name, rpath) in rows {
        let link = ["@/lib/libword.so.1", &format!("-Wl,-rpath,{rpath}")];
        let program = place.cc(&format!("bin/{name}"), PAYLOAD, &link);
        let whole = [fs::read(&program).unwrap(), payload.clone()].concat();
        fs::write(&program, whole).unwrap();
    }
    let prefixes = ["--old-prefix", "/q", "--old-prefix", "/a/rather/long/prefix"];
    let arguments = [&["old/root", "-o", "x.tar.gz"][..], &prefixes].concat();
    let told = ["refused: bin/grown", "65536 bytes are appended"];
    relocate(place.dir(), &arguments).expect(3, &["nothing written"], &told);
    let exclude = [&arguments[..], &["--exclude", "bin/grown"]].concat();
    relocate(place.dir(), exclude).expect(0, &[PROVEN, "1 S1 in place, 1 S3 slack"], &[]);
    let new = place.unpack(place.at("x.tar.gz"));
    place.hide();
    for name in ["shorter", "slack"] {
        assert_eq!(run(new.join("bin").join(name)), (Some(0), "PAYLOAD! moved\n".to_owned()));
    }
}
