//! Texts that the compiler cut into pieces, which no search for the whole finds.

use crate::lab::{Lab, OLD};
use relocate::elf::Reference;

fn split_constants(bytes: &[u8], prefix: &[u8]) -> Vec<u64> {
    relocate::elf::SplitText::new(prefix).find(&bytes).unwrap()
}

const NOTHING: [u64; 0] = [];

fn copied(options: &str, literal: &str) -> (Lab, Vec<u8>) {
    let lab = Lab::new();
    lab.source(
        "copy.c",
        &format!(
            r#"
            #include <string.h>
            #ifdef OTHER
            void other(char *to) {{ memcpy(to, "/opt/vendor/stack-of-cards/etc", 31); }}
            #endif
            void copy(char *to) {{ memcpy(to, "{literal}", sizeof "{literal}"); }}
            "#
        ),
    );
    lab.source(
        "main.c",
        r"
        #include <stdio.h>
        void copy(char *);
        int main(void) { char path[200]; copy(path); puts(path); return 0; }
    ",
    );
    let bytes = lab.program(&format!("cc copy.c main.c -o program {options}"));
    assert!(lab.run(&bytes).contains(OLD));
    (lab, bytes)
}

fn assert_found(options: &str, literal: &str) {
    let (lab, bytes) = copied(options, literal);
    assert_eq!(lab.texts(&bytes), [], "{options}: no search finds the whole");
    let found = split_constants(&bytes, OLD.as_bytes());
    assert!(!found.is_empty(), "{options}: nothing found");
    for at in found {
        let piece = &bytes[at as usize..][..4];
        assert!(OLD.as_bytes().windows(4).any(|part| part == piece), "{options}: {at:#x} is a piece of the prefix");
    }
}

#[test]
fn pieces_in_immediates_are_found() {
    for options in ["-O2 -mno-sse", "-O2 -mno-sse -fPIC -shared-libgcc", "-O2 -m32 -mno-sse"] {
        for literal in ["OLD", "OLD/etc/app.conf", "prefix=OLD"] {
            assert_found(options, literal);
        }
    }
}

#[test]
fn pieces_for_vector_registers_are_found() {
    for options in ["-O2", "-O3 -march=x86-64-v3", "-O2 -m32 -msse2"] {
        // Another path begins with the same sixteen bytes, and its next piece is the one that follows them.
        assert_found(&format!("{options} -DOTHER"), "OLD/etc/app.conf");
    }
}

#[test]
fn pieces_that_happen_to_follow_each_other_are_led_into() {
    let (lab, bytes) = copied("-O2", "OLD/etc/app.conf");
    lab.inside(&bytes, Reference::RipRelative, "k/root");
}

#[test]
fn a_whole_text_is_no_piece() {
    let lab = Lab::new();
    lab.source(
        "program.c",
        r#"
        #include <stdio.h>
        const char *volatile all[] = {"OLD", "OLD/lib", "-LOLD/lib", "/opt/vendor", "/opt", "root"};
        int main(void) { for (int i = 0; i < 6; i++) puts(all[i]); return 0; }
    "#,
    );
    for options in ["", "-m32", "-static", "-fuse-ld=gold"] {
        let bytes = lab.program(&format!("cc -O2 program.c -o program {options}"));
        assert_eq!(split_constants(&bytes, OLD.as_bytes()), NOTHING, "{options}");
    }
}

#[test]
fn what_has_no_pieces_gives_none() {
    let (_, bytes) = copied("-O2 -mno-sse", "OLD");
    assert_eq!(split_constants(&bytes, b"/opt/x"), NOTHING, "it fits into one piece");
    assert_eq!(split_constants(&bytes, &[b'/'; 5000]), NOTHING, "no path is as long");
    assert_eq!(split_constants(b"text", OLD.as_bytes()), NOTHING);
    assert!(!split_constants(&bytes, OLD.as_bytes()).is_empty());
}
