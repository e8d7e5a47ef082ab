//! Overwriting keeps lengths: there and back gives the same bytes.

use crate::lab::{Lab, OLD};
use proptest::prelude::*;
use relocate::base::path::Prefix;
use relocate::text::padded::padded;
use std::sync::OnceLock;

/// A program with five texts, none of them led into.
fn program() -> &'static (Lab, Vec<u8>) {
    static PROGRAM: OnceLock<(Lab, Vec<u8>)> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let lab = Lab::new();
        lab.source(
            "program.c",
            r#"
            #include <stdio.h>
            const char *volatile all[] = {"OLD", "OLD/lib", "OLD/bin:OLD/sbin", "-IOLD/include"};
            int main(void) { for (int i = 0; i < 4; i++) puts(all[i]); return 0; }
            "#,
        );
        let bytes = lab.program("cc -O2 program.c -o program");
        (lab, bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn there_and_back_gives_the_same_bytes(new in "(/[a-z0-9 ._-]{1,9}){1,2}") {
        let (lab, bytes) = program();
        let texts = lab.texts(bytes);
        prop_assert_eq!(texts.len(), 5);
        let Some(new) = Prefix::new(new.as_bytes()) else { return Ok(()) };
        let Some(text) = padded(&new, OLD.len()) else {
            prop_assert!(new.as_bytes().len() > OLD.len());
            return Ok(());
        };
        prop_assert_eq!(text.len(), OLD.len());
        let mut moved = bytes.clone();
        for range in &texts {
            moved[range.start as usize..range.end as usize].copy_from_slice(&text);
        }
        prop_assert_eq!(moved.len(), bytes.len());
        prop_assert_eq!(Prefix::new(&text), Some(new));
        let verdicts = relocate::elf::overwritable(&moved, &texts).unwrap();
        prop_assert_eq!(verdicts, relocate::elf::overwritable(bytes, &texts).unwrap(), "what leads where stays");
        for range in &texts {
            moved[range.start as usize..range.end as usize].copy_from_slice(OLD.as_bytes());
        }
        prop_assert_eq!(&moved, bytes);
    }
}

#[test]
fn a_program_runs_after_twenty_moves() {
    let (lab, bytes) = program();
    let texts = lab.texts(bytes);
    let mut moved = bytes.clone();
    for number in 0..20 {
        let new = Prefix::new(format!("/mnt/{}", "x".repeat(number % 17 + 1)).as_bytes()).unwrap();
        let text = padded(&new, OLD.len()).unwrap();
        for range in &texts {
            moved[range.start as usize..range.end as usize].copy_from_slice(&text);
        }
        let printed = lab.run(&moved);
        let expected = lab.run(bytes).replace(OLD, std::str::from_utf8(&text).unwrap());
        assert_eq!(printed, expected);
    }
}
