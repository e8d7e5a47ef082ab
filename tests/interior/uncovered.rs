//! Files of which it cannot be said what leads where: refused by name.

use crate::lab::{Lab, OLD};
use proptest::prelude::*;
use relocate::elf::{SplitText, Uncovered, Verdict, overwritable};
use relocate::loader::object::Arch;
use std::ops::Range;
use std::sync::OnceLock;

const PROGRAM: &str = r#"
    #include <stdio.h>
    int main(void) { puts("OLD/lib"); return 0; }
"#;

fn verdicts(lab: &Lab, bytes: &[u8]) -> Vec<Verdict> {
    lab.verdicts(bytes).into_iter().map(|(_, verdict)| verdict).collect()
}

#[test]
fn another_machine_is_refused_by_name() {
    let lab = Lab::new();
    lab.source("text", "OLD/lib");
    for (emulation, machine) in
        [("aarch64linux", 183), ("aarch64linuxb", 183), ("elf32ppclinux", 20), ("elf64lriscv", 243)]
    {
        let bytes = lab.program(&format!("ld.lld -m {emulation} -shared -b binary text -o program"));
        let [Verdict::NotCovered(Uncovered::Machine(Arch { machine: found, .. }))] = *verdicts(&lab, &bytes) else {
            panic!("{emulation}: {:?}", verdicts(&lab, &bytes));
        };
        assert_eq!(found, machine);
    }
    let bytes = lab.program("ld.lld -m elf_x86_64 -shared -b binary text -o program");
    assert_eq!(verdicts(&lab, &bytes), [Verdict::Free]);
}

#[test]
fn what_is_not_linked_is_refused() {
    let lab = Lab::new();
    lab.source("program.c", PROGRAM);
    let bytes = lab.program("cc -c program.c -o program");
    assert_eq!(verdicts(&lab, &bytes), [Verdict::NotCovered(Uncovered::NotLinked)]);
    let text = [b"#!/bin/sh\nexec ", OLD.as_bytes()].concat();
    assert_eq!(verdicts(&lab, &text), [Verdict::NotCovered(Uncovered::NotElf)]);
}

#[test]
fn relocations_packed_in_androids_way_are_refused() {
    let lab = Lab::new();
    lab.source("program.c", "const char *const path = \"OLD\"; const char *const more[] = {\"a\", \"b\", \"c\"};");
    let bytes = lab.program("cc -O2 -fPIC -shared -fuse-ld=lld -Wl,--pack-dyn-relocs=android program.c -o program");
    assert_eq!(verdicts(&lab, &bytes), [Verdict::NotCovered(Uncovered::PackedRelocations)]);
}

#[test]
fn a_file_that_says_nowhere_where_its_got_lies_is_refused() {
    let lab = Lab::new();
    lab.source("program.c", PROGRAM);
    let mut bytes = lab.program("cc -O2 -static program.c -o program");
    bytes[40..48].fill(0);
    bytes[60..64].fill(0);
    assert_eq!(verdicts(&lab, &bytes), [Verdict::NotCovered(Uncovered::NoGot)]);
}

#[test]
fn a_file_whose_segments_repeat_the_same_bytes_is_refused() {
    let lab = Lab::new();
    lab.source("program.c", PROGRAM);
    let bytes = lab.program("cc -O2 -static program.c -o program");
    let load = bytes[64..].chunks_exact(56).find(|header| header[..4] == [1, 0, 0, 0]).unwrap().to_vec();
    let mut whole = load;
    whole[8..16].fill(0);
    whole[32..40].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    assert_eq!(verdicts(&lab, &with_headers(&bytes, &whole, 6)), [Verdict::NotCovered(Uncovered::Overlapping)]);
    let many = with_headers(&bytes, &[0; 56], 3000);
    assert_eq!(verdicts(&lab, &many), [Verdict::NotCovered(Uncovered::TooManySegments)]);
}

/// A 64-bit file whose program headers are so many times this one.
fn with_headers(bytes: &[u8], header: &[u8], count: u16) -> Vec<u8> {
    let mut new = [bytes, &header.repeat(count.into())].concat();
    new[32..40].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    new[56..58].copy_from_slice(&count.to_le_bytes());
    new
}

#[test]
fn a_damaged_file_is_an_error_and_no_panic() {
    let lab = Lab::new();
    lab.source("program.c", PROGRAM);
    let bytes = lab.program("cc -O2 program.c -o program");
    let text = lab.texts(&bytes).pop().unwrap();
    for len in (0..bytes.len()).step_by(61) {
        let cut = &bytes[..len];
        if let Ok(verdicts) = overwritable(&cut, std::slice::from_ref(&text)) {
            assert_eq!(verdicts.len(), 1);
        }
    }
}

/// A program with the texts to ask for.
type Asked = (Vec<u8>, Vec<Range<u64>>);

/// Programs of every kind, small.
fn small() -> &'static [Asked] {
    static BUILT: OnceLock<Vec<Asked>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let kinds = [
            "-fPIE -pie",
            "-fPIE -pie -Wl,-z,pack-relative-relocs",
            "-fno-pic -no-pie",
            "-fPIE -pie -m32",
            "-fno-pic -no-pie -m32",
        ];
        let build = |kind: &&str| {
            let lab = Lab::new();
            lab.source(
                "program.c",
                "const char *volatile all[] = {\"OLD\", \"root\", \"OLD/lib\"}; int main(void) { return all[0][1]; }",
            );
            let bytes = lab.program(&format!("cc -Os {kind} -nostdlib -nostartfiles program.c -Wl,-e,main -o program"));
            let texts = lab.texts(&bytes);
            (bytes, texts)
        };
        kinds.iter().map(build).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_damage_gets_an_error_or_as_many_verdicts(
        kind in 0usize..5,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(0u8), Just(0xff), Just(1), any::<u8>()]), 1..12),
        near in prop_oneof![Just(64usize), Just(600), Just(usize::MAX)],
        more in proptest::collection::vec((any::<u16>(), 0u64..300), 0..6),
    ) {
        let (bytes, texts) = &small()[kind];
        let mut bytes = bytes.clone();
        // The headers are where damage does most: the first bytes, and the section headers in the last.
        for (index, value) in damage {
            let len = bytes.len();
            let at = index.index(near.min(len));
            bytes[if value & 2 == 0 { at } else { len - 1 - at }] = value;
        }
        let mut texts = texts.clone();
        texts.extend(more.into_iter().map(|(start, len)| u64::from(start)..u64::from(start) + len));
        if let Ok(verdicts) = overwritable(&bytes, &texts) {
            prop_assert_eq!(verdicts.len(), texts.len());
            for (text, verdict) in texts.iter().zip(&verdicts) {
                if let Verdict::Inside(interior) = verdict {
                    prop_assert!(text.start < interior.offset && interior.offset < text.end);
                    prop_assert!(interior.at < bytes.len() as u64);
                }
                let alone = overwritable(&bytes, std::slice::from_ref(text)).unwrap();
                prop_assert_eq!(alone.first(), Some(verdict));
            }
        }
        // Only that it ends counts here.
        let _ = SplitText::new(OLD.as_bytes()).find(&bytes);
    }
}
