//! Damaged and hostile files: what the loader does not read changes nothing, and what it reads is an error, never a panic.

use crate::fixtures::{RUN_PATH, library};
use proptest::prelude::*;
use relocate::base::bytes::{FileBytes, ReadAt};
use relocate::loader::object::{Object, Tag};
use relocate::verify::witness::{Testimony, WitnessError, testify};
use std::borrow::Cow;
use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::sync::OnceLock;

const DT_STRSZ: u64 = 10;
const DT_SONAME: u64 = 14;
const DT_RUNPATH: u64 = 29;
const DT_HASH: u64 = 4;
const DT_VERNEED: u64 = 0x6fff_fffe;

/// What is damaged, or the words its refusal must hold, and how.
type Damage<'a> = (&'a str, &'a dyn Fn(&mut Vec<u8>));

/// The library's bytes, built once.
fn whole() -> Vec<u8> {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let build = || fs::read(library(tempfile::tempdir().unwrap().path())).unwrap();
    BYTES.get_or_init(build).clone()
}

fn object(source: &dyn ReadAt) -> Object {
    match testify(source) {
        Ok(Testimony::Dynamic { object, .. }) => *object,
        other => panic!("{other:?}"),
    }
}

fn refusal(source: &dyn ReadAt) -> WitnessError {
    testify(source).expect_err("a damaged file is refused")
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn put(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// The file offset of the program header of a type.
fn segment(bytes: &[u8], kind: u32) -> usize {
    let count = usize::from(bytes[56]);
    (0..count).map(|index| 64 + 56 * index).find(|at| bytes[*at..*at + 4] == kind.to_le_bytes()).unwrap()
}

/// The file offset of the dynamic entry with a tag.
fn entry(bytes: &[u8], tag: u64) -> usize {
    let start = number(bytes, segment(bytes, 2) + 8) as usize;
    (start..).step_by(16).find(|at| number(bytes, *at) == tag).unwrap()
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).unwrap()
}

#[test]
fn a_byte_that_is_not_utf8_stays_in_the_run_path() {
    let mut bytes = whole();
    let at = find(&bytes, RUN_PATH);
    bytes[at + 6] = 0xff;
    assert_eq!(object(&bytes).runpath.as_deref(), Some(&b"/home/\xffurapp/root/lib"[..]));
}

#[test]
fn damage_in_the_section_headers_changes_no_fact() {
    let intact = object(&whole());
    let table = number(&whole(), 40) as usize;
    let damage: [Damage<'_>; 5] = [
        ("section table of 0xff", &|bytes| bytes[table..].fill(0xff)),
        ("e_shnum 0", &|bytes| bytes[60..62].fill(0)),
        ("section headers cut short", &|bytes| bytes.truncate(table + 100)),
        ("section names", &|bytes| {
            let names = find(bytes, b".gnu.version_r\0");
            bytes[names..names + 64].fill(b'x');
            bytes[62..64].fill(0xfe);
        }),
        ("e_shoff past the end", &|bytes| put(bytes, 40, u64::MAX)),
    ];
    for (what, damage) in damage {
        let mut bytes = whole();
        damage(&mut bytes);
        assert_eq!(object(&bytes), intact, "{what}");
    }
}

#[test]
fn a_string_without_an_end_is_refused() {
    let mut bytes = whole();
    let offset = number(&bytes, entry(&bytes, DT_RUNPATH) + 8);
    let size = entry(&bytes, DT_STRSZ) + 8;
    put(&mut bytes, size, offset + 5);
    let error = refusal(&bytes);
    assert!(matches!(error, WitnessError::Endless("DT_RUNPATH", _, 5)), "{error}");
}

#[test]
fn a_string_outside_the_table_is_refused() {
    for value in [0x10_0000, u64::MAX] {
        let mut bytes = whole();
        let at = entry(&bytes, DT_RUNPATH) + 8;
        put(&mut bytes, at, value);
        let error = refusal(&bytes);
        assert!(matches!(error, WitnessError::StringOutside("DT_RUNPATH", found, _) if found == value), "{error}");
        assert!(error.to_string().contains("lies outside the string table"), "{error}");
    }
}

#[test]
fn the_last_run_path_counts_and_all_are_told() {
    let mut bytes = whole();
    let soname = entry(&bytes, DT_SONAME);
    let runpath = entry(&bytes, DT_RUNPATH);
    put(&mut bytes, soname, DT_RUNPATH);
    assert!(soname < runpath, "the linker writes the soname first");
    let Ok(Testimony::Dynamic { object, run_paths }) = testify(&bytes) else { panic!("it is dynamic") };
    assert_eq!(object.runpath.as_deref(), Some(RUN_PATH));
    assert_eq!(object.soname, None);
    assert_eq!(run_paths, [(Tag::Runpath, b"libfix.so.1".to_vec()), (Tag::Runpath, RUN_PATH.to_vec())]);
}

/// The linkers here write no VER_FLG_WEAK; newer ones do where all references are weak.
#[test]
fn a_weak_version_need_is_told() {
    let mut bytes = whole();
    assert!(object(&bytes).version_needs.iter().all(|need| !need.weak));
    let needs = number(&bytes, entry(&bytes, DT_VERNEED) + 8) as usize;
    bytes[needs + 16 + 4] = 2;
    assert!(object(&bytes).version_needs[0].weak);
}

#[test]
fn hostile_structures_are_refused() {
    let damage: [Damage<'_>; 12] = [
        ("class is 7", &|bytes| bytes[4] = 7),
        ("byte order is 0", &|bytes| bytes[5] = 0),
        ("version is 9", &|bytes| bytes[6] = 9),
        ("program header size is 55", &|bytes| bytes[54] = 55),
        ("program header table", &|bytes| put(bytes, 32, u64::MAX - 3)),
        ("program header table", &|bytes| bytes[56..58].fill(0xff)),
        ("dynamic table", &|bytes| {
            let at = segment(bytes, 2);
            put(bytes, at + 16, 0xdead_0000);
        }),
        ("dynamic table has no DT_STRTAB", &|bytes| {
            let at = entry(bytes, 5);
            put(bytes, at, 0x7000_0001);
        }),
        ("has no end", &|bytes| {
            let start = entry(bytes, DT_STRSZ);
            (start..bytes.len() - 8).step_by(8).for_each(|at| put(bytes, at, 0x6fff_0000));
        }),
        ("version need", &|bytes| {
            let at = entry(bytes, DT_VERNEED) + 8;
            put(bytes, at, u64::MAX);
        }),
        ("note segments' bytes", &|bytes| {
            let at = segment(bytes, 4);
            put(bytes, at + 32, u64::MAX);
        }),
        ("interpreter path", &|bytes| {
            let at = segment(bytes, 4);
            bytes[at..at + 4].copy_from_slice(&3u32.to_le_bytes());
            put(bytes, at + 32, 1);
        }),
    ];
    for (words, damage) in damage {
        let mut bytes = whole();
        damage(&mut bytes);
        let error = refusal(&bytes).to_string();
        assert!(error.contains(words), "'{error}' says nothing of '{words}'");
    }
}

#[test]
fn a_chain_of_version_needs_that_creeps_is_cut_off() {
    let mut bytes = whole();
    let strings = number(&bytes, entry(&bytes, 5) + 8) as usize;
    let needs = number(&bytes, entry(&bytes, DT_VERNEED) + 8) as usize;
    assert!(strings < needs, "the linker writes the strings first");
    // Each record leads one byte on, into itself: aux and next are 1 wherever it is read.
    bytes[needs..needs + 0x200].fill(1);
    refusal(&bytes);
}

#[test]
fn a_symbol_count_out_of_all_proportion_costs_nothing() {
    let mut bytes = whole();
    let intact = object(&bytes);
    let hash = entry(&bytes, 0x6fff_fef5);
    put(&mut bytes, hash, DT_HASH);
    let table = number(&bytes, hash + 8) as usize;
    bytes[table + 4..table + 8].fill(0xff);
    assert_eq!(object(&bytes), intact);
}

#[test]
fn files_too_short_or_not_elf_are_told_apart() {
    for text in [&b""[..], b"\x7fEL", b"#!/bin/sh\n", b"ELF is not the magic", &[0; 64]] {
        assert_eq!(testify(&text.to_vec()).unwrap(), Testimony::NotElf);
    }
    for text in [&b"\x7fELF"[..], b"\x7fELF, said the file, and had nothing else to say", b"\x7fELF\x02\x01\x01"] {
        refusal(&text.to_vec());
    }
}

/// Counts the bytes asked for.
struct Counted {
    file: FileBytes,
    read: Cell<u64>,
}

impl ReadAt for Counted {
    fn size(&self) -> u64 {
        self.file.size()
    }

    fn range(&self, offset: u64, len: u64) -> io::Result<Cow<'_, [u8]>> {
        self.read.set(self.read.get() + len);
        self.file.range(offset, len)
    }
}

#[test]
fn a_file_of_five_gigabytes_costs_no_more_than_a_small_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = library(dir.path());
    let intact = object(&fs::read(&path).unwrap());
    OpenOptions::new().write(true).open(&path).unwrap().set_len(5 << 30).unwrap();
    let source = Counted { file: FileBytes::new(File::open(&path).unwrap()).unwrap(), read: Cell::new(0) };
    let Ok(Testimony::Dynamic { object, .. }) = testify(&source) else { panic!("it is dynamic") };
    assert_eq!(*object, intact);
    assert!(source.read.get() < 32 << 10, "{} bytes were read", source.read.get());
}

#[test]
fn a_file_cut_anywhere_gives_an_answer() {
    let bytes = whole();
    for len in (0..bytes.len()).step_by(7) {
        let _: Result<_, _> = testify(&bytes[..len].to_vec());
    }
}

/// Values that tend to break arithmetic.
fn nasty() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(u64::MAX),
        Just(u64::MAX - 7),
        Just(i64::MAX as u64),
        Just(u64::from(u32::MAX)),
        0u64..0x5000,
        any::<u64>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_makes_the_witness_panic(
        words in prop::collection::vec((0usize..0x4000, nasty(), 1usize..=8), 1..12),
        class in prop_oneof![4 => Just(2u8), 1 => Just(1u8)],
        order in prop_oneof![4 => Just(1u8), 1 => Just(2u8)],
    ) {
        let mut bytes = whole();
        (bytes[4], bytes[5]) = (class, order);
        for (at, value, width) in words {
            // Half of the blows land where the structures are: headers, and the table of dynamic entries.
            let at = match at % 4 {
                0 => at % 0x40,
                1 => 0x40 + at % 0x2a0,
                2 => entry(&whole(), 1) + at % 0x1a0,
                _ => at % (bytes.len() - 8),
            };
            bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        }
        let _: Result<_, _> = testify(&bytes);
    }
}
