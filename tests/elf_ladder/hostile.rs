//! Files that lie: an error or a refusal that says what is wrong, never a panic, never a wild patch.

use super::builder::{Lab, apply, entry_at, paths, refusal, rpath, runpath, set_entry, value, way};
use proptest::prelude::*;
use relocate::elf::{ElfError, PlanError, Read, Refusal, RunPaths, Rung, plan, read, self_check};
use std::sync::OnceLock;

const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_STRSZ: u64 = 10;
const DT_RUNPATH: u64 = 29;

fn program() -> &'static [u8] {
    static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();
    PROGRAM.get_or_init(|| Lab::new().program("/opt/ourapp/lib", ""))
}

fn error(bytes: &[u8]) -> String {
    match read(&bytes.to_vec()) {
        Err(error @ (ElfError::Malformed { .. } | ElfError::Truncated { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_truncated_file_is_an_error_at_every_length() {
    let whole = program();
    for len in (0..whole.len()).step_by(7) {
        let part = whole[..len].to_vec();
        match read(&part) {
            Ok(Read::NotElf) => assert!(len < 16),
            Ok(Read::Dynamic(_)) => assert!(len > 4096, "{len} bytes are enough"),
            Ok(Read::Other(kind)) => panic!("{len} bytes are taken for {kind:?}"),
            Err(error) => assert!(error.to_string().contains("cut short") || error.to_string().contains("malformed")),
        }
        for wanted in [runpath("/x"), runpath(way(60)), rpath(way(9000)), RunPaths::default()] {
            if let Ok(patch) = plan(&part, &wanted) {
                self_check(&part, &patch, &wanted).unwrap();
            }
        }
    }
}

#[test]
fn program_headers_past_the_end_are_an_error() {
    let mut bytes = program().to_vec();
    bytes[0x20..0x28].copy_from_slice(&0xffff_ffff_ffff_fff0u64.to_le_bytes());
    assert_eq!(
        error(&bytes),
        format!(
            "ELF file is cut short: program header table ({} bytes at offset 18446744073709551600) ends beyond its {} bytes",
            u16::from_le_bytes([bytes[0x38], bytes[0x39]]) * 56,
            bytes.len()
        )
    );
}

#[test]
fn a_run_time_path_outside_the_string_table_is_an_error() {
    let mut bytes = program().to_vec();
    let at = entry_at(&bytes, DT_RUNPATH);
    set_entry(&mut bytes, at, DT_RUNPATH, 1 << 40);
    assert!(
        error(&bytes).starts_with("malformed ELF file: DT_RUNPATH points outside the string table (found 0x1000000")
    );
    assert!(matches!(plan(&bytes, &runpath("/x")), Err(PlanError::Elf(ElfError::Malformed { .. }))));
}

#[test]
fn a_string_table_without_an_end_is_an_error() {
    let mut bytes = program().to_vec();
    // End the table in the middle of the run-time path.
    let end = value(&bytes, DT_RUNPATH) + 3;
    let at = entry_at(&bytes, DT_STRSZ);
    set_entry(&mut bytes, at, DT_STRSZ, end);
    assert!(error(&bytes).contains("malformed"));
    assert!(matches!(plan(&bytes, &runpath("/x")), Err(PlanError::Elf(_))));
}

#[test]
fn a_string_table_outside_the_file_is_an_error() {
    for (tag, wild) in [(DT_STRTAB, 1 << 44), (DT_STRTAB, u64::MAX), (DT_STRSZ, u64::MAX), (DT_STRSZ, 1 << 31)] {
        let mut bytes = program().to_vec();
        let at = entry_at(&bytes, tag);
        set_entry(&mut bytes, at, tag, wild);
        assert!(error(&bytes).contains("malformed"), "{tag}");
    }
}

#[test]
fn a_dynamic_section_without_an_end_is_an_error() {
    let mut bytes = program().to_vec();
    let end = entry_at(&bytes, 0);
    for at in (end..).step_by(16).take_while(|at| program()[*at..at + 16] == [0; 16]) {
        set_entry(&mut bytes, at, 21, 0);
    }
    assert!(error(&bytes).contains("dynamic section without DT_NULL"));
}

#[test]
fn two_dynamic_segments_are_an_error() {
    let mut bytes = program().to_vec();
    let header = |index: usize| 64 + index * 56;
    let count = usize::from(bytes[0x38]);
    let dynamic = (0..count).find(|index| bytes[header(*index)] == 2).unwrap();
    let copy = bytes[header(dynamic)..header(dynamic + 1)].to_vec();
    bytes[header(count - 1)..header(count)].copy_from_slice(&copy);
    assert!(error(&bytes).contains("more than one PT_DYNAMIC"));
}

/// A file by hand: one LOAD over all of it, sixty thousand DT_NEEDED that name one string of two megabytes.
#[test]
fn names_that_would_fill_the_memory_are_an_error() {
    let (entries, string) = (60_000, 2_000_000);
    let dynamic = 64 + 2 * 56;
    let strings = dynamic + (entries + 3) * 16;
    let mut bytes = vec![0; strings + string + 2];
    bytes[..24].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0");
    bytes[0x20] = 64;
    bytes[0x36] = 56;
    bytes[0x38] = 2;
    let size = bytes.len() as u64;
    for (at, kind, offset, len) in [(64, 1u64, 0, size), (120, 2, dynamic as u64, (entries as u64 + 3) * 16)] {
        for (field, value) in [kind | 4 << 32, offset, offset, offset, len, len, 4096].iter().enumerate() {
            bytes[at + field * 8..][..8].copy_from_slice(&value.to_le_bytes());
        }
    }
    set_entry(&mut bytes, dynamic, DT_STRTAB, strings as u64);
    set_entry(&mut bytes, dynamic + 16, DT_STRSZ, string as u64 + 2);
    for entry in 0..entries {
        set_entry(&mut bytes, dynamic + (entry + 2) * 16, 1, 1);
    }
    bytes[strings + 1..strings + 1 + string].fill(b'n');
    assert!(error(&bytes).contains("names add up to more than 64 MiB"));
}

/// Whatever the bytes: no panic, and a plan that is made keeps its promise.
fn assert_sane(bytes: &[u8], wanted: &RunPaths) {
    let bytes = bytes.to_vec();
    let _ = read(&bytes);
    let Ok(patch) = plan(&bytes, wanted) else { return };
    self_check(&bytes, &patch, wanted).unwrap();
    if patch.rung == Rung::Unchanged {
        return;
    }
    let new = apply(&bytes, &patch);
    assert_eq!(paths(&new), *wanted);
    assert_eq!(plan(&new, wanted).unwrap().rung, Rung::Unchanged);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_headers_never_panic(
        damage in prop::collection::vec((0usize..1024, any::<u8>()), 1..6),
        len in 0usize..3000,
    ) {
        let mut bytes = program().to_vec();
        for (at, byte) in damage {
            bytes[at] = byte;
        }
        assert_sane(&bytes, &runpath(vec![b'x'; len]));
    }

    #[test]
    fn damaged_dynamic_entries_never_panic(
        damage in prop::collection::vec((0usize..480, prop::sample::select(vec![0u8, 1, 0x7f, 0xff, 5, 6, 10])), 1..5),
        len in 0usize..3000,
    ) {
        let mut bytes = program().to_vec();
        let start = entry_at(&bytes, 1);
        for (at, byte) in damage {
            bytes[start + at] = byte;
        }
        assert_sane(&bytes, &rpath(vec![b'x'; len]));
    }

    #[test]
    fn damaged_section_headers_never_panic(
        damage in prop::collection::vec((0usize..1920, any::<u8>()), 1..6),
        len in 0usize..6000,
    ) {
        let mut bytes = program().to_vec();
        let headers = u64::from_le_bytes(bytes[0x28..0x30].try_into().unwrap()) as usize;
        for (at, byte) in damage {
            let at = headers + at;
            if at < bytes.len() {
                bytes[at] = byte;
            }
        }
        assert_sane(&bytes, &runpath(vec![b'x'; len]));
    }
}

#[test]
fn a_file_that_is_as_wanted_is_left_alone_even_if_it_is_damaged_elsewhere() {
    let mut bytes = program().to_vec();
    let at = entry_at(&bytes, DT_SYMTAB);
    set_entry(&mut bytes, at, DT_SYMTAB, 1 << 44);
    let wanted = runpath("/opt/ourapp/lib");
    let patch = plan(&bytes, &wanted).unwrap();
    assert_eq!(patch.rung, Rung::Unchanged);
    self_check(&bytes, &patch, &wanted).unwrap();
    assert!(plan(&bytes, &runpath("/x")).is_err());
}

#[test]
fn a_table_of_program_headers_of_the_size_of_all_memory_is_refused() {
    let mut bytes = Lab::new().program("/x", "-fuse-ld=gold");
    let headers = goblin::elf::Elf::parse(&bytes).unwrap().program_headers;
    let table = headers.iter().position(|one| one.p_type == goblin::elf::program_header::PT_PHDR).unwrap();
    bytes[64 + 56 * table + 40..][..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(refusal(&bytes, &runpath(way(9000))), Refusal::AddressSpace);
}
