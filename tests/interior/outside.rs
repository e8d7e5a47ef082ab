//! Texts that are not the program's own: tables, debugging information, bytes that are not loaded.

use crate::lab::{Lab, OLD};
use relocate::elf::{Table, Uncovered, Verdict, overwritable};

const PROGRAM: &str = r#"
    #include <stdio.h>
    int main(void) { puts("OLD/lib"); return 0; }
"#;

fn all(lab: &Lab, bytes: &[u8]) -> Vec<Verdict> {
    overwritable(&bytes, &lab.texts(bytes)).unwrap()
}

fn built(options: &str) -> (Lab, Vec<u8>) {
    let lab = Lab::new();
    lab.source("program.c", PROGRAM);
    let bytes = lab.program(&format!("cc -O2 program.c -o program {options}"));
    (lab, bytes)
}

#[test]
fn a_run_time_path_and_an_interpreter_are_tables() {
    let (lab, bytes) = built("-Wl,-rpath,OLD/lib");
    assert_eq!(all(&lab, &bytes), [Verdict::Table(Table::DynamicStrings), Verdict::Free]);
    let (lab, bytes) = built("-Wl,--dynamic-linker,OLD/lib/ld.so");
    assert_eq!(all(&lab, &bytes), [Verdict::Table(Table::Interpreter), Verdict::Free]);
}

#[test]
fn names_of_symbols_and_notes_are_tables() {
    let lab = Lab::new();
    lab.source("program.c", PROGRAM);
    lab.source(
        "note.s",
        "
        .section .note.package,\"a\",@note
        .p2align 2
        .long 4, 32, 0xcafe1a7e
        .asciz \"FDO\"
        .ascii \"OLD/note\"
        .p2align 2
        .zero 32
        .globl \"OLD/symbol\"
        .text
        \"OLD/symbol\": ret
        .section .note.GNU-stack,\"\",@progbits
    ",
    );
    let bytes = lab.program("cc -O2 program.c note.s -o program");
    let verdicts = all(&lab, &bytes);
    let count = |wanted: &Verdict| verdicts.iter().filter(|verdict| *verdict == wanted).count();
    assert_eq!(count(&Verdict::Table(Table::Note)), 1, "{verdicts:?}");
    assert!(count(&Verdict::Table(Table::Names)) >= 1, "{verdicts:?}");
    assert_eq!(count(&Verdict::Free), 1, "{verdicts:?}");
}

#[test]
fn what_is_not_loaded_is_told_apart_with_its_section() {
    let lab = Lab::new();
    lab.source("program.c", PROGRAM);
    std::fs::create_dir(lab.path("src")).unwrap();
    let mut bytes = lab.program("cc -g -O2 -ffile-prefix-map=$PWD=OLD $PWD/program.c -o program");
    bytes.extend_from_slice(b"payload OLD".as_slice());
    let end = bytes.len() - 3;
    bytes.truncate(end);
    bytes.extend_from_slice(OLD.as_bytes());
    let verdicts = all(&lab, &bytes);
    let sections: Vec<_> = verdicts
        .iter()
        .filter_map(|verdict| match verdict {
            Verdict::NotLoaded { section } => Some(section.clone()),
            _ => None,
        })
        .collect();
    assert!(sections.contains(&Some(b".debug_line_str".to_vec())), "{verdicts:?}");
    assert_eq!(sections.last(), Some(&None), "a payload is in no section");
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Free).count(), 1);
}

#[test]
fn split_off_debugging_information_loads_nothing() {
    let (lab, _) = built("-g");
    lab.tool("objcopy --only-keep-debug program program.debug && mv program.debug program");
    let bytes = std::fs::read(lab.path("program")).unwrap();
    let anywhere: Vec<_> = (0..bytes.len() as u64 - 4).step_by(512).map(|at| at..at + 4).collect();
    for verdict in overwritable(&bytes, &anywhere).unwrap() {
        assert!(matches!(verdict, Verdict::NotLoaded { .. } | Verdict::Table(_)), "{verdict:?}");
    }
}

#[test]
fn texts_beyond_what_is_there_are_refused() {
    let (lab, bytes) = built("");
    let size = bytes.len() as u64;
    let text = lab.texts(&bytes)[0].clone();
    let ranges =
        [size - 1..size + 1, u64::MAX - 1..u64::MAX, text.clone(), text.end..text.start, text.start..text.start];
    let verdicts = overwritable(&bytes, &ranges).unwrap();
    let outside = Verdict::NotCovered(Uncovered::OutsideFile);
    assert_eq!(verdicts, [outside.clone(), outside.clone(), Verdict::Free, outside, Verdict::Free]);
}

#[test]
fn a_text_across_the_end_of_a_segment_is_refused() {
    let (_, bytes) = built("");
    // The second LOAD begins a page after the first one's bytes end.
    let file_size = u64::from_le_bytes(first_load(&bytes)[32..40].try_into().unwrap());
    let text = file_size - 4..file_size + 4;
    let verdicts = overwritable(&bytes, std::slice::from_ref(&text)).unwrap();
    assert_eq!(verdicts, [Verdict::NotCovered(Uncovered::Straddles)]);
}

/// The first PT_LOAD of a 64-bit file.
fn first_load(bytes: &[u8]) -> &[u8] {
    let headers = bytes[64..].chunks_exact(56);
    headers.into_iter().find(|header| header[..4] == [1, 0, 0, 0]).unwrap()
}

#[test]
fn thread_local_text_is_refused() {
    let lab = Lab::new();
    lab.source(
        "program.c",
        r#"
        #include <stdio.h>
        __thread char path[] = "OLD";
        int main(void) { puts(path); return 0; }
    "#,
    );
    let bytes = lab.program("cc -O2 program.c -o program");
    assert_eq!(all(&lab, &bytes), [Verdict::NotCovered(Uncovered::ThreadLocal)]);
}
