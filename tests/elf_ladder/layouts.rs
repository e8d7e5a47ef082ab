//! The layouts that linkers and switches give a file, grown a little and a lot, run, stripped and linted.

use super::builder::{LIBRARY, Lab, PROGRAM, patched, program_headers, refusal, runpath, way};
use relocate::elf::{Refusal, Rung};

/// Grows a program by one byte, by 60 bytes and by 4 KiB; each result runs, also when stripped.
fn assert_grows(arguments: &str, short: &str) -> Vec<Rung> {
    let lab = Lab::new();
    let program = lab.program(short, arguments);
    let mut rungs = Vec::new();
    for len in [short.len().max(13) + 1, short.len().max(13) + 60, short.len() + 4096] {
        let (rung, new) = patched(&program, &runpath(way(len)));
        lab.assert_runs(&new);
        lab.assert_runs_when_stripped(&new);
        lab.assert_lint_no_worse(&program, &new);
        let (_, again) = patched(&new, &runpath(way(len + 5000)));
        lab.assert_runs(&again);
        lab.assert_runs_when_stripped(&again);
        assert!(program_headers(&again) <= program_headers(&program) + 1);
        rungs.push(rung);
    }
    rungs
}

#[test]
fn a_position_independent_program_grows() {
    assert_grows("", "/opt/ourapp/l");
}

#[test]
fn a_program_without_separate_code_grows() {
    assert_grows("-Wl,-z,noseparate-code", "/opt/ourapp/l");
}

#[test]
fn a_fixed_address_program_with_a_large_bss_grows() {
    assert_grows("-no-pie", "/opt/ourapp/l");
    assert_grows("-no-pie -Wl,-z,noseparate-code", "/opt/ourapp/l");
}

#[test]
fn a_program_aligned_to_2_mib_grows() {
    assert_grows("-Wl,-z,max-page-size=0x200000", "/opt/ourapp/l");
    assert_grows("-Wl,-z,max-page-size=0x200000 -Wl,-z,noseparate-code -no-pie", "/opt/ourapp/l");
}

#[test]
fn a_program_linked_by_gold_grows() {
    assert_grows("-fuse-ld=gold", "/opt/ourapp/l");
}

#[test]
fn a_program_linked_by_lld_grows() {
    assert_grows("-fuse-ld=lld", "/opt/ourapp/l");
}

#[test]
fn a_32_bit_program_grows() {
    assert_grows("-m32", "/opt/ourapp/l");
    assert_grows("-m32 -no-pie -Wl,-z,noseparate-code", "/opt/ourapp/l");
}

#[test]
fn a_program_with_both_hash_tables_and_no_notes_grows() {
    assert_grows("-Wl,--hash-style=both -Wl,--build-id=none", "/opt/ourapp/l");
    assert_grows("-Wl,--hash-style=sysv -Wl,--build-id=none -Wl,-z,noseparate-code", "/opt/ourapp/l");
}

#[test]
fn a_program_with_relative_relocations_packed_grows() {
    assert_grows("-Wl,-z,pack-relative-relocs -Wl,-z,now", "/opt/ourapp/l");
}

/// musl's loader maps a whole program at once and gives gaps of writable pages to malloc.
#[test]
fn a_program_for_musl_grows() {
    let lab = Lab::new();
    lab.write("p.c", PROGRAM);
    lab.write("l.c", LIBRARY);
    lab.tool("musl-gcc -shared -fPIC -Wl,-soname,libgreet.so l.c -o lib/libgreet.so");
    lab.tool("musl-gcc p.c -Llib -lgreet -Wl,-rpath,/x -o bin/program");
    let program = lab.bytes("bin/program");
    let mut bytes = program.clone();
    for len in [14, 60, 4096, 9000] {
        bytes = patched(&bytes, &runpath(way(len))).1;
        lab.assert_runs(&bytes);
        lab.assert_runs_when_stripped(&bytes);
        lab.assert_lint_no_worse(&program, &bytes);
    }
}

/// Libraries with version definitions, by every linker: the symbols must still be found by name and version.
#[test]
fn libraries_with_version_definitions_grow() {
    for linker in ["bfd", "gold", "lld"] {
        let lab = Lab::new();
        lab.write("map", "OUR_1 { global: greet; local: *; }; OUR_2 { global: other; } OUR_1;");
        let source = "const char *greet(void) { return \"hello from the library\"; } int other(void) { return 2; }";
        let arguments =
            format!("-shared -fPIC -fuse-ld={linker} -Wl,-soname,libgreet.so -Wl,--version-script,map -Wl,-rpath,/x");
        let library = lab.cc("lib/libgreet.so", source, &arguments);
        let main = "#include <stdio.h>\nextern const char *greet(void); extern int other(void);\n\
                    int main(void) { puts(greet()); return other() - 2; }";
        let program = lab.cc("bin/program", main, "-Llib -lgreet '-Wl,-rpath,$ORIGIN/../lib'");
        for len in [14, 60, 4096] {
            let (_, new) = patched(&library, &runpath(way(len)));
            lab.write("lib/libgreet.so", &new);
            lab.assert_runs(&program);
            lab.assert_lint_no_worse(&library, &new);
            for strip in ["strip -s", "strip -g", "eu-strip"] {
                lab.write("lib/libgreet.so", &new);
                lab.tool(&format!("{strip} lib/libgreet.so"));
                lab.assert_runs(&program);
            }
        }
    }
}

/// A string table of more than a page cannot be copied into the slack.
#[test]
fn a_string_table_larger_than_the_slack_gets_a_segment() {
    use std::fmt::Write;
    let lab = Lab::new();
    let mut source = String::new();
    for symbol in 0..3000 {
        writeln!(source, "int a_rather_long_name_for_a_symbol_number_{symbol};").unwrap();
    }
    source.push_str("const char *greet(void) { return \"hello from the library\"; }");
    let program = lab.program("$ORIGIN/../lib", "");
    let library = lab.cc("lib/libgreet.so", &source, "-shared -fPIC -Wl,-soname,libgreet.so -Wl,-rpath,/x");
    let (rung, new) = patched(&library, &runpath(way(60)));
    assert!(rung >= Rung::NewSegment);
    assert!(new.len() > library.len() + 100_000);
    lab.write("lib/libgreet.so", &new);
    lab.assert_runs(&program);
    lab.assert_lint_no_worse(&library, &new);
}

#[test]
fn section_symbols_follow_their_section() {
    let lab = Lab::new();
    let program = lab.program("/x", "-Wl,-z,noseparate-code -Wl,--emit-relocs");
    let (_, new) = patched(&program, &runpath(way(5000)));
    lab.assert_runs(&new);
    lab.assert_lint_no_worse(&program, &new);
}

#[test]
fn without_section_headers_only_slack_is_used() {
    let lab = Lab::new();
    let mut program = lab.program("/opt/ourapp/l", "");
    program[0x28..0x30].fill(0);
    program[0x3c..0x40].fill(0);
    let (rung, new) = patched(&program, &runpath(way(14)));
    assert_eq!((rung, new.len()), (Rung::Slack, program.len()));
    lab.assert_runs(&new);
    assert_eq!(refusal(&program, &runpath(way(9000))), Refusal::NoSectionHeaders);
    assert_eq!(patched(&program, &runpath("/opt")).0, Rung::InPlace);
}

#[test]
fn damaged_section_names_do_no_harm() {
    let lab = Lab::new();
    let program = lab.program("/opt/ourapp/l", "");
    let headers = u64::from_le_bytes(program[0x28..0x30].try_into().unwrap()) as usize;
    let count = usize::from(u16::from_le_bytes(program[0x3c..0x3e].try_into().unwrap()));
    let mut no_index = program.clone();
    no_index[0x3e..0x40].copy_from_slice(&[0xfe, 0xfe]);
    let mut wild_names = program.clone();
    for section in 1..count {
        wild_names[headers + section * 64..][..4].fill(0xf0);
    }
    for damaged in [no_index, wild_names] {
        for len in [14, 60, 9000] {
            let wanted = runpath(way(len));
            let patch = relocate::elf::plan(&damaged, &wanted).unwrap();
            lab.assert_runs(&super::builder::apply(&damaged, &patch));
        }
    }
}

#[test]
fn a_damaged_section_table_is_not_believed() {
    let lab = Lab::new();
    let mut program = lab.program("/opt/ourapp/l", "");
    let headers = u64::from_le_bytes(program[0x28..0x30].try_into().unwrap()) as usize;
    let count = usize::from(u16::from_le_bytes(program[0x3c..0x3e].try_into().unwrap()));
    program[headers..headers + count * 64].fill(0);
    assert_eq!(refusal(&program, &runpath(way(60))), Refusal::SectionHeadersDisagree);
    let patch = relocate::elf::plan(&program, &runpath("/opt")).unwrap();
    assert_eq!(patch.rung, Rung::InPlace);
    program.truncate(headers);
    let patch = relocate::elf::plan(&program, &runpath(way(60))).unwrap();
    assert_eq!(patch.rung, Rung::Slack);
    lab.assert_runs(&super::builder::apply(&program, &patch));
}

#[test]
fn an_appended_payload_stays_at_the_end() {
    let lab = Lab::new();
    let mut program = lab.program("/opt/ourapp/l", "");
    program.extend_from_slice(&b"payload ".repeat(8192));
    for len in [14, 60] {
        let (rung, new) = patched(&program, &runpath(way(len)));
        assert!(rung <= Rung::Slack);
        assert_eq!(new.len(), program.len());
        assert!(new.ends_with(&b"payload ".repeat(8192)));
        lab.assert_runs(&new);
    }
    assert_eq!(refusal(&program, &runpath(way(9000))), Refusal::Payload { bytes: 65536 });
}

#[test]
fn a_bun_program_is_refused_an_edit_and_left_alone_without_one() {
    let lab = Lab::new();
    lab.program("/opt/ourapp/l", "");
    lab.write("blob", "bytes");
    lab.tool("objcopy --add-section .bun=blob bin/program bin/bun");
    let bun = lab.bytes("bin/bun");
    assert_eq!(refusal(&bun, &runpath("/y")), Refusal::Bun);
    assert_eq!(patched(&bun, &runpath("/opt/ourapp/l")).0, Rung::Unchanged);
}
