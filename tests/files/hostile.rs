//! Damaged and hostile ELF files: none may end the job with a panic, and what needs no edit is packed as it is.

use crate::call::{PROVEN, relocate};
use crate::elf_kinds::poke;
use crate::place::{Place, says_moved};
use std::fs;
use std::path::Path;

/// Where the `.dynamic` of a 64-bit little-endian file lies: offset and number of entries.
fn dynamic(bytes: &[u8]) -> (usize, usize) {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let (table, count) = (word(0x20), u16::from_le_bytes([bytes[0x38], bytes[0x39]]));
    let headers = (0..usize::from(count)).map(|n| table + n * 56);
    let segment = headers.into_iter().find(|at| bytes[*at..*at + 4] == 2u32.to_le_bytes()).unwrap();
    (word(segment + 8), word(segment + 32) / 16)
}

/// Offset of the value of a dynamic entry.
fn value_of(bytes: &[u8], tag: u64) -> usize {
    let (start, entries) = dynamic(bytes);
    let mut all = (0..entries).map(|n| start + n * 16);
    all.find(|at| bytes[*at..*at + 8] == tag.to_le_bytes()).unwrap() + 8
}

const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_RUNPATH: u64 = 29;
const E_PHOFF: usize = 0x20;
const E_PHNUM: usize = 0x38;

/// A prefix with a library `lib/NAME` to be damaged.
fn with_victim(name: &str, damage: impl Fn(&Path)) -> Place {
    let place = Place::small();
    let victim = place.library(&format!("lib/{name}"), &["-Wl,-rpath,@/lib"]);
    damage(&victim);
    place
}

/// The job goes on, warns of the file by name with `why`, and packs it as it is.
fn left_alone_with_a_warning(damage: impl Fn(&Path), why: &str) {
    let place = with_victim("libvictim.so", damage);
    let before = fs::read(place.inside("lib/libvictim.so")).unwrap();
    let told = ["warning: lib/libvictim.so", why];
    // It may name the old path, and anybody may create that: the fixture lies in /tmp.
    let allow = ["--allow-old-path", "lib/libvictim.so"];
    relocate(place.dir(), [&["old/root", "-o", "x.tar.gz"], &allow[..]].concat()).expect(0, &[PROVEN], &told);
    let ran = relocate(place.dir(), [&["check", "x.tar.gz", "--json"], &allow[..]].concat()).expect(
        0,
        &["elf-unreadable"],
        &[],
    );
    assert_eq!(ran.json()["findings"][0]["path"], "lib/libvictim.so");
    let new = place.unpack(place.at("x.tar.gz"));
    assert_eq!(fs::read(new.join("lib/libvictim.so")).unwrap(), before);
    place.hide();
    says_moved(new.join("bin/say"));
}

#[test]
fn a_truncated_elf_file_is_named_and_left_alone() {
    for length in [64, 100, 500, 4096] {
        left_alone_with_a_warning(
            |victim| fs::File::options().write(true).open(victim).unwrap().set_len(length).unwrap(),
            "outside the file",
        );
    }
}

#[test]
fn program_headers_past_the_end_are_named() {
    let why = "program header";
    left_alone_with_a_warning(|victim| poke(victim, E_PHOFF, &u64::MAX.to_le_bytes()), why);
    left_alone_with_a_warning(|victim| poke(victim, E_PHOFF, &0x00ff_ffff_u64.to_le_bytes()), why);
    left_alone_with_a_warning(|victim| poke(victim, E_PHNUM, &[0xfe, 0xff]), why);
}

#[test]
fn a_run_time_path_outside_the_string_table_is_named() {
    for value in [u64::MAX, 1 << 40, 100_000] {
        left_alone_with_a_warning(
            |victim| {
                let at = value_of(&fs::read(victim).unwrap(), DT_RUNPATH);
                poke(victim, at, &value.to_le_bytes());
            },
            "DT_RUNPATH",
        );
    }
}

#[test]
fn a_string_table_that_lies_nowhere_is_named() {
    for (tag, value) in [(DT_STRTAB, 1u64 << 40), (DT_STRTAB, u64::MAX), (DT_STRSZ, 1)] {
        left_alone_with_a_warning(
            |victim| {
                let at = value_of(&fs::read(victim).unwrap(), tag);
                poke(victim, at, &value.to_le_bytes());
            },
            "",
        );
    }
}

/// A loader does not look at DT_STRSZ, so such a library works, and its path names the old place.
#[test]
fn a_library_that_a_loader_takes_and_nobody_can_rewrite_is_an_error_until_it_is_skipped() {
    let place = with_victim("libvictim.so", |victim| {
        let at = value_of(&fs::read(victim).unwrap(), DT_STRSZ);
        poke(victim, at, &u64::MAX.to_le_bytes());
    });
    let arguments = ["old/root", "-o", "x.tar.gz"];
    let told = ["error: lib/libvictim.so: RUNPATH has the entry", "warning: lib/libvictim.so", "cannot be changed"];
    relocate(place.dir(), arguments).expect(1, &["nothing written"], &told);
    assert_eq!(place.beside(), ["old", "source.c"]);
    let skip = [&arguments[..], &["--skip", "libvictim.so"]].concat();
    relocate(place.dir(), skip).expect(0, &[PROVEN], &["warning: lib/libvictim.so"]);
    let new = place.unpack(place.at("x.tar.gz"));
    place.hide();
    says_moved(new.join("bin/say"));
}

/// The run-time path is the last string, and the table is said to end before its NUL.
#[test]
fn an_unterminated_string_table_is_named_and_left_alone() {
    left_alone_with_a_warning(
        |victim| {
            let bytes = fs::read(victim).unwrap();
            let size = value_of(&bytes, DT_STRSZ);
            let old = u64::from_le_bytes(bytes[size..size + 8].try_into().unwrap());
            poke(victim, size, &(old - 1).to_le_bytes());
        },
        "DT_RUNPATH",
    );
}

#[test]
fn what_only_begins_as_elf_is_plain_or_named_and_packed_as_it_is() {
    let place = Place::small();
    let rows: [(&str, &[u8]); 6] = [
        ("share/four", b"\x7fELF"),
        ("share/five", b"\x7fELF\x02"),
        ("share/fifteen", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0"),
        ("share/text", b"\x7fELF is how a program begins on this system, and this is a text about it that is long."),
        ("share/zeros", &[&b"\x7fELF"[..], &[0; 200]].concat()),
        ("share/ones", &[&b"\x7fELF"[..], &[0xff; 200]].concat()),
    ];
    for (name, bytes) in rows {
        place.write(name, bytes);
    }
    let ran = relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).run();
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains(PROVEN) && !ran.err.contains("error"), "{}", ran.err);
    let new = place.unpack(place.at("x.tar.gz"));
    for (name, bytes) in rows {
        assert_eq!(fs::read(new.join(name)).unwrap(), bytes, "{name}");
    }
}

/// A few hundred damaged variants of a program and a library in one tree: the job ends, and not as a fault of ours.
#[test]
fn no_damage_makes_it_panic() {
    let place = Place::small();
    let library = fs::read(place.library("lib/libvictim.so", &["-Wl,-rpath,@/lib"])).unwrap();
    let program = fs::read(place.inside("bin/say")).unwrap();
    fs::remove_file(place.inside("lib/libvictim.so")).unwrap();
    let mut random = 88_172_645_463_325_252_u64;
    let mut next = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % bound as u64) as usize
    };
    for number in 0..400 {
        let whole = if number % 2 == 0 { &library } else { &program };
        let mut bytes = whole.clone();
        let (start, entries) = dynamic(&bytes);
        let (from, length) = match number % 4 {
            0 => (0, 64),
            1 => (64, 600),
            2 => (start, entries * 16),
            _ => (0, bytes.len()),
        };
        for _ in 0..=next(6) {
            let at = from + next(length);
            bytes[at] = [0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ 1][next(6)];
        }
        place.write(format!("share/{number:03}"), bytes);
    }
    let arguments = ["--json", "--allow-missing", "share/*", "--skip", "share/*"];
    let old = place.root();
    let prefix = ["--old-prefix", old.to_str().unwrap()];
    let pack = [&["old/root", "-o", "x.tar.gz"][..], &arguments, &prefix].concat();
    let ran = relocate(place.dir(), pack).run();
    assert!(ran.code.is_some_and(|code| code < 4) && !ran.err.contains("panicked"), "{:?}{}", ran.code, ran.err);
    assert_eq!(ran.json()["exit"], ran.code.unwrap());
    let unskipped = [&["old/root", "--dry-run", "--json"][..], &prefix].concat();
    let ran = relocate(place.dir(), unskipped).run();
    assert!(ran.code.is_some_and(|code| code < 4) && !ran.err.contains("panicked"), "{:?}{}", ran.code, ran.err);
    let ran = relocate(place.dir(), ["check", "old/root", "--json"]).run();
    assert_eq!((ran.code, ran.json()["exit"].as_i64()), (Some(1), Some(1)));
}
