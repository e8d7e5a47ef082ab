//! Files that keep their debug sections, each with its reason; and files of machines this one cannot run.

use super::builder::Lab;
use super::stripped::{reason, stripped};
use proptest::prelude::*;
use relocate::elf::{Unstripped, without_debug};
use std::sync::OnceLock;

/// Whether the reason is one section, and which.
fn names_section(bytes: &[u8], section: &str, part: &str) {
    match reason(bytes) {
        Unstripped::Section { name, why } => {
            assert_eq!(String::from_utf8_lossy(&name), section);
            assert!(why.contains(part), "{why}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn bytes_behind_the_file_are_somebodys_payload() {
    let lab = Lab::new();
    let program = lab.program("/x", "-g");
    for payload in [&b"PK\x05\x06"[..], &[0; 5000], &[7; 12_000]] {
        let bytes = [&program, payload].concat();
        assert!(matches!(reason(&bytes), Unstripped::Payload { bytes } if bytes == payload.len() as u64));
    }
    let padded = [&program, &[0; 100][..]].concat();
    assert_eq!(stripped(&padded), stripped(&program), "some zeros are none");
}

#[test]
fn bytes_between_sections_are_somebodys_payload() {
    let lab = Lab::new();
    let program = lab.program("/x", "-g");
    let table = u64::from_le_bytes(program[40..48].try_into().unwrap());
    // The table of section headers moves to the end, and what lies before it is in no section.
    let mut bytes = [&program, &b"behind the program"[..]].concat();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let at = bytes.len() as u64;
    bytes.extend_from_slice(&program[table as usize..]);
    bytes[40..48].copy_from_slice(&at.to_le_bytes());
    assert!(matches!(reason(&bytes), Unstripped::Payload { .. }));
}

#[test]
fn sections_that_a_program_may_look_for_are_not_moved() {
    let lab = Lab::new();
    lab.program("/x", "-g");
    lab.write("data", "an archive that the program opens");
    for name in ["pydata", ".bun", ".gnu.prelink_undo"] {
        lab.tool(&format!("objcopy --add-section {name}=data bin/program bin/{name}"));
        names_section(&lab.bytes(&format!("bin/{name}")), name, "by its place in the file");
    }
}

#[test]
fn relocations_that_the_linker_kept_are_in_the_way() {
    let lab = Lab::new();
    names_section(&lab.program("/x", "-g -Wl,--emit-relocs"), ".rela.init", "--emit-relocs");
}

#[test]
fn damaged_section_headers_are_named() {
    let lab = Lab::new();
    let program = lab.program("/x", "-g");
    let count = u16::from_le_bytes([program[60], program[61]]);
    let table = u64::from_le_bytes(program[40..48].try_into().unwrap()) as usize;
    let mut rows: Vec<Vec<u8>> = vec![program.clone(); 4];
    rows[0][60..62].copy_from_slice(&(count + 1).to_le_bytes());
    rows[1][62..64].copy_from_slice(&[0, 0]);
    rows[2][table + 64 * usize::from(count - 1) + 32..][..8].copy_from_slice(&u64::MAX.to_le_bytes());
    rows[3][table + 64 * usize::from(count - 3) + 40..][..4].copy_from_slice(&500u32.to_le_bytes());
    for bytes in rows {
        assert!(matches!(reason(&bytes), Unstripped::SectionHeaders(_)));
    }
}

#[test]
fn a_global_symbol_in_a_debug_section_is_in_the_way() {
    let lab = Lab::new();
    lab.write("s.s", ".globl here\n.section .debug_own\nhere: .long 1\n.text\n.globl main\nmain: ret\n");
    lab.tool("cc s.s -o s");
    assert!(matches!(reason(&lab.bytes("s")), Unstripped::SectionHeaders(why) if why.contains("global symbol")));
    lab.write("s.s", "here:\n.section .debug_own\nhere2: .long 1\n.text\n.globl main\nmain: ret\n");
    lab.tool("cc s.s -o s");
    stripped(&lab.bytes("s"));
    assert!(!lab.tool("nm s").is_empty());
}

/// Go's linker puts the table of section headers into the first LOAD.
#[test]
fn a_table_of_section_headers_that_is_loaded_stays_where_it_is_and_is_used_no_more() {
    let lab = Lab::new();
    let source = "#include <stdio.h>\nconst char room[4096] = \"room\"; int main(void) { return puts(room) < 0; }";
    let mut program = lab.cc("program", source, "-ggdb3");
    let table = u64::from_le_bytes(program[40..48].try_into().unwrap()) as usize;
    let room = program.windows(8).position(|window| window == b"room\0\0\0\0").unwrap().next_multiple_of(8) + 8;
    let headers = program.split_off(table);
    program[room..room + headers.len()].copy_from_slice(&headers);
    program[40..48].copy_from_slice(&(room as u64).to_le_bytes());
    let new = stripped(&program);
    assert!(new.len() + 10_000 < program.len());
    assert_eq!(new[room..room + headers.len()], headers);
    lab.write("bytes", new);
    assert_eq!(
        lab.tool("cp bytes stripped && ./stripped && readelf -SW stripped 2>&1 | grep -c debug || true"),
        "room\n0\n"
    );
}

#[test]
fn files_of_other_machines_are_stripped() {
    let lab = Lab::new();
    lab.write("data", "some bytes");
    lab.write(
        "script",
        "SECTIONS { . = SIZEOF_HEADERS; .dynsym : { *(.dynsym) } .dynstr : { *(.dynstr) } .data : { *(.data) }
         .debug_info 0 (INFO) : { BYTE(1) . = . + 3000; BYTE(2) } }",
    );
    for emulation in ["aarch64linux", "aarch64linuxb", "elf32ppclinux", "elf64ppc", "elf32lriscv", "elf32btsmip"] {
        lab.tool(&format!("ld.lld -m {emulation} -shared -b binary data -T script -rpath /opt/app/lib -o file"));
        let old = lab.bytes("file");
        let new = stripped(&old);
        assert!(old.len() - new.len() > 3000, "{emulation}");
        lab.assert_lint_no_worse(&old, &new);
    }
}

fn fixtures() -> &'static [Vec<u8>] {
    static FIXTURES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FIXTURES.get_or_init(|| {
        let lab = Lab::new();
        let mut all = vec![lab.program("/x", "-g"), lab.program("/x", "-g -m32 -fuse-ld=gold")];
        lab.tool(&format!("patchelf --set-rpath '{}' bin/program", super::builder::way(9000)));
        all.push(lab.bytes("bin/program"));
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Anything in the headers may be wrong: the file is left, or what is loaded stays.
    #[test]
    fn damage_never_harms_what_is_loaded(
        which in 0usize..3,
        damage in prop::collection::vec((any::<usize>(), 0usize..3, any::<u8>()), 1..6),
    ) {
        let mut bytes = fixtures()[which].clone();
        let wide = bytes[4] == 2;
        let table = if wide { u64::from_le_bytes(bytes[40..48].try_into().unwrap()) } else { u32::from_le_bytes(bytes[32..36].try_into().unwrap()).into() } as usize;
        let end = bytes.len();
        for (at, place, byte) in damage {
            let (from, to) = [(16, 64), (64, 500), (table, end)][place];
            bytes[from + at % (to - from)] = byte;
        }
        if let Ok(Some(result)) = without_debug(&bytes) {
            let new = super::stripped::apply(&bytes, &result);
            prop_assert_eq!(without_debug(&new).ok().flatten(), None);
        }
    }
}
