//! Code that loads from the middle of a text: as a part of a copy of the whole, or to have only the tail.

use crate::lab::Lab;
use relocate::elf::Reference;

const MAIN: &str = r#"
    #include <stdio.h>
    void copy(char *);
    void tail(char *);
    int main(void) {
        char path[200] = "", part[200] = "";
        copy(path);
        puts(path);
        tail(part);
        puts(part);
        return 0;
    }
"#;

/// Where in the text a load begins, and how many bytes it reads.
type Load = (u64, u64);

/// A program of two functions in assembly: `copy` of the text at `path`, and `tail` of some of it. What is loaded is
/// stored as far apart.
fn program(lab: &Lab, text: &str, copy: &[Load], tail: &[Load]) -> Vec<u8> {
    let load = |to: usize, (from, width): &Load| match width {
        1 => format!("movzbl path+{from}(%rip), %eax\nmovb %al, {to}(%rdi)\n"),
        4 => format!("movl path+{from}(%rip), %eax\nmovl %eax, {to}(%rdi)\n"),
        8 => format!("movq path+{from}(%rip), %rax\nmovq %rax, {to}(%rdi)\n"),
        _ => format!("movdqu path+{from}(%rip), %xmm5\nmovups %xmm5, {to}(%rdi)\n"),
    };
    let whole: String = copy.iter().map(|part| load(part.0 as usize, part)).collect();
    let first = tail.first().map_or(0, |part| part.0);
    let part: String = tail.iter().map(|part| load((part.0 - first) as usize, part)).collect();
    lab.source("main.c", MAIN);
    lab.source(
        "path.s",
        &format!(
            "
            .section .rodata
            .p2align 5
            path: .asciz \"{text}\"
            .text
            .globl copy
            .globl tail
            copy: {whole}ret
            .skip 256
            tail: {part}ret
            .section .note.GNU-stack,\"\",@progbits
            "
        ),
    );
    lab.program("cc -O2 main.c path.s -o program")
}

/// 22 bytes and the rest, 36 with the NUL.
const TEXT: &str = "OLD/etc/app.conf";

#[test]
fn a_copy_of_the_whole_in_blocks_is_no_reference() {
    let copies: [&[Load]; 5] = [
        &[(0, 16), (16, 16), (32, 4)],
        &[(0, 16), (16, 16), (20, 16)],
        &[(0, 8), (8, 8), (16, 8), (24, 8), (32, 4)],
        // The order in the code does not matter.
        &[(16, 16), (32, 4), (0, 16)],
        // Two copies next to each other.
        &[(0, 16), (16, 16), (32, 4), (0, 16), (16, 16), (32, 4)],
    ];
    for copy in copies {
        let lab = Lab::new();
        lab.assert_moves(&program(&lab, TEXT, copy, &[]), 1);
    }
}

#[test]
fn a_load_of_the_tail_alone_is_found() {
    let whole = [(0, 16), (16, 16), (32, 4)];
    let tails: [(&str, &[Load], &str); 4] = [
        ("OLD", &[(18, 4), (22, 1)], "root"),
        (TEXT, &[(18, 16), (34, 1)], "root/etc/app.con"),
        // A tail that begins where a block does, far from the copy.
        (TEXT, &[(16, 16), (32, 4)], "k/root/etc/app.conf"),
        ("OLD", &[(8, 8), (16, 4)], "dor/stack/ro"),
    ];
    for (text, tail, word) in tails {
        let lab = Lab::new();
        let copy: &[Load] = if text == TEXT { &whole } else { &[(0, 16), (7, 16)] };
        let program = program(&lab, text, copy, tail);
        let interior = lab.refused(&program);
        assert_eq!(interior.by, Reference::RipRelative);
        let printed = lab.run(&program);
        assert!(printed.contains(word), "{printed}");
        let blindly = lab.run(&lab.overwritten(&program, &lab.texts(&program)));
        assert_ne!(blindly, lab.moved(&printed), "the reference was real");
    }
}

#[test]
fn what_copies_more_of_the_tail_than_of_the_start_is_found() {
    // One block more often than the others, a gap, blocks that overlap before the end, and the end missing.
    let copies: [&[Load]; 4] = [
        &[(0, 16), (16, 16), (32, 4), (16, 16)],
        &[(0, 8), (16, 16), (32, 4)],
        &[(0, 16), (12, 16), (28, 8)],
        &[(0, 16), (16, 4)],
    ];
    for copy in copies {
        let lab = Lab::new();
        lab.refused(&program(&lab, TEXT, copy, &[]));
    }
}

#[test]
fn a_copy_that_the_compiler_makes_of_an_array_is_no_reference() {
    let lab = Lab::new();
    lab.source("main.c", MAIN);
    lab.source(
        "copy.c",
        r#"
        #include <string.h>
        extern const char path[40];
        void copy(char *to) { memcpy(to, path, 40); }
        void tail(char *to) { memcpy(to, "tail", 5); }
    "#,
    );
    lab.source("path.c", "const char path[40] = \"OLD/etc/app.conf\";");
    for options in ["-O2", "-O2 -no-pie -fno-pic", "-O1 -mno-sse", "-Os"] {
        let program = lab.program(&format!("cc main.c copy.c path.c -o program {options}"));
        lab.assert_moves(&program, 1);
    }
}
