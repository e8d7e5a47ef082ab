//! Files of which it cannot be said what leads where: refused by name.

use crate::lab::{Lab, OLD};
use relocate::elf::{Uncovered, Verdict, overwritable};
use relocate::loader::object::Arch;

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
    let mut bytes = lab.program("cc -O2 -static program.c -o program");
    let headers = bytes.len();
    let load = bytes[64..].chunks_exact(56).find(|header| header[..4] == [1, 0, 0, 0]).unwrap().to_vec();
    let mut whole = load;
    whole[8..16].fill(0);
    whole[32..40].copy_from_slice(&(headers as u64).to_le_bytes());
    bytes.extend(whole.repeat(6));
    bytes[32..40].copy_from_slice(&(headers as u64).to_le_bytes());
    bytes[56..58].copy_from_slice(&6u16.to_le_bytes());
    assert_eq!(verdicts(&lab, &bytes), [Verdict::NotCovered(Uncovered::Overlapping)]);
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
