//! Code that leads into a text which the linker also stored as the tail of another one.

use crate::lab::Lab;
use relocate::elf::Reference;

/// One source with the path, one with its tail: only the linker can merge them.
const PATH: &str = r#"
    #include <stdio.h>
    const char *user(void);
    const char *path(void) { return "OLD"; }
    int main(void) { printf("%s\n", path()); printf("%s\n", user()); return 0; }
"#;
const TAIL: &str = r#"const char *user(void) { return "root"; }"#;

fn refused(options: &str, by: Reference) {
    let lab = Lab::new();
    lab.source("path.c", PATH).source("tail.c", TAIL);
    let program = lab.program(&format!("cc path.c tail.c -o program {options}"));
    lab.assert_refused(&program, by, "root");
}

#[test]
fn a_merged_tail_reached_by_a_rip_relative_operand_is_found() {
    for options in
        ["-O2", "-Og", "-O2 -static-pie", "-O2 -no-pie -fPIC", "-O2 -Wl,-z,noseparate-code", "-O2 -fcf-protection"]
    {
        refused(options, Reference::RipRelative);
    }
}

#[test]
fn every_linker_that_merges_tails_is_seen_through() {
    for options in
        ["-fuse-ld=bfd", "-fuse-ld=gold -Wl,-O2", "-fuse-ld=lld -Wl,-O2", "-fuse-ld=lld -Wl,-O2,--no-rosegment"]
    {
        refused(&format!("-O2 {options}"), Reference::RipRelative);
    }
}

#[test]
fn sections_are_not_needed() {
    let lab = Lab::new();
    lab.source("path.c", PATH).source("tail.c", TAIL);
    let mut program = lab.program("cc -O2 path.c tail.c -o program -s");
    // e_shoff, e_shnum and e_shstrndx, as sstrip(1) leaves them.
    program[40..48].fill(0);
    program[60..64].fill(0);
    lab.assert_refused(&program, Reference::RipRelative, "root");
}

#[test]
fn a_version_inside_the_prefix_is_found() {
    let lab = Lab::with("/opt/python-3.12.1");
    lab.source("path.c", PATH).source("tail.c", &TAIL.replace("root", "3.12.1"));
    let program = lab.program("cc -O2 path.c tail.c -o program");
    lab.assert_refused(&program, Reference::RipRelative, "3.12.1");
}

#[test]
fn a_tail_behind_the_prefix_is_no_reference() {
    let lab = Lab::new();
    lab.source("path.c", &PATH.replace("\"OLD\"", "\"OLD/etc/app.conf\""));
    lab.source("tail.c", &TAIL.replace("root", "app.conf"));
    let program = lab.program("cc -O2 path.c tail.c -o program");
    lab.assert_moves(&program, 1);
}

#[test]
fn a_path_without_a_merged_tail_moves() {
    let lab = Lab::new();
    lab.source("path.c", PATH).source("tail.c", &TAIL.replace("root", "nobody"));
    for options in
        ["", "-no-pie -fno-pic", "-static-pie", "-m32", "-m32 -no-pie -fno-pic", "-fuse-ld=lld -Wl,-O2", "-static"]
    {
        let program = lab.program(&format!("cc -O2 path.c tail.c -o program {options}"));
        lab.assert_moves(&program, 1);
    }
}

#[test]
fn an_immediate_behind_the_displacement_is_counted() {
    // Each stores or compares an immediate at the very byte where the tail begins; the path is in writable data.
    for instruction in ["cmpb $114, (T)(%rip)", "cmpl $0x746f6f72, (T)(%rip)", "cmpw $0x6f72, (T)(%rip)"] {
        let lab = Lab::new();
        lab.source(
            "path.c",
            r#"
            #include <stdio.h>
            extern char path[];
            int is_root(void);
            int main(void) { puts(path); puts(is_root() ? "is root" : "is not"); return 0; }
        "#,
        );
        let instruction = instruction.replace("(T)", "path+18");
        lab.source(
            "path.s",
            &format!(
                "
            .data
            .globl path
            path: .asciz \"OLD\"
            .text
            .globl is_root
            is_root: xorl %eax, %eax
            {instruction}
            sete %al
            ret
            .section .note.GNU-stack,\"\",@progbits
        "
            ),
        );
        let program = lab.program("cc -O2 path.c path.s -o program");
        lab.assert_refused(&program, Reference::RipRelative, "root");
    }
}

#[test]
fn an_absolute_address_in_code_is_found() {
    for options in ["-O2", "-Og", "-O2 -static", "-O2 -mcmodel=large", "-O2 -Wl,-z,noseparate-code"] {
        refused(&format!("-no-pie -fno-pic {options}"), Reference::CodeAddress);
    }
}

#[test]
fn an_address_above_four_gigabytes_is_found() {
    let lab = Lab::new();
    // The C library does not reach that high.
    lab.source(
        "path.c",
        r#"
        const char *user(void);
        static long call(long number, long first, const void *second, long third) {
            long result;
            __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third)
                : "rcx", "r11", "memory");
            return result;
        }
        void _start(void) {
            call(1, 1, "OLD", sizeof "OLD" - 1);
            call(1, 1, user(), 4);
            call(60, 0, 0, 0);
        }
    "#,
    );
    lab.source("tail.c", TAIL);
    let program = lab.program(
        "cc -O2 -no-pie -fno-pic -mcmodel=large -fcf-protection=none -nostdlib -static path.c tail.c -o program \
         -Wl,-Ttext-segment=0x700000000",
    );
    lab.assert_refused(&program, Reference::CodeAddress, "root");
}

#[test]
fn an_address_in_code_of_i386_is_found() {
    for options in ["-O2", "-Og", "-O2 -static"] {
        refused(&format!("-m32 -no-pie -fno-pic {options}"), Reference::CodeAddress);
    }
}

#[test]
fn an_address_stored_where_a_call_could_stand_is_found() {
    let lab = Lab::new();
    // E8 is the 8-bit displacement -24 of the store, and the opcode of `call`.
    let asm = r#"
        const char *user(void) {
            const char *found;
            __asm__("sub $64, %%esp\n\tmov %%esp, %%ecx\n\tlea 40(%%ecx), %%ecx\n\tmovl $.Lsuffix, -24(%%ecx)\n\t"
                "movl -24(%%ecx), %0\n\tadd $64, %%esp" : "=r"(found) : : "ecx");
            return found;
        }
        __asm__(".section .rodata.str1.1,\"aMS\",@progbits,1\n.Lsuffix: .asciz \"root\"\n.text");
    "#;
    lab.source("path.c", PATH).source("tail.c", asm);
    let program = lab.program("cc -O2 -m32 -no-pie -fno-pic path.c tail.c -o program");
    lab.assert_refused(&program, Reference::CodeAddress, "root");
}

#[test]
fn a_distance_from_the_global_offset_table_is_found() {
    for options in [
        "-m32 -pie -fPIE",
        "-m32 -pie -fPIE -Og",
        "-m32 -static-pie -fPIE",
        "-m32 -pie -fPIE -fuse-ld=lld -Wl,-O2",
        "-m32 -pie -fPIE -fuse-ld=gold -Wl,-O2",
        "-pie -fPIE -mcmodel=large",
    ] {
        refused(&format!("-O2 {options}"), Reference::CodeGotOffset);
    }
}

#[test]
fn what_looks_like_an_operand_behind_another_instruction_is_none() {
    let lab = Lab::new();
    lab.source(
        "path.c",
        r#"
        #include <stdio.h>
        extern const char path[];
        int shifted(int);
        int main(void) { printf("%s %d\n", path, shifted(96)); return 0; }
    "#,
    );
    // `sar $5, %eax` ends in a byte that could be a ModRM byte, and `and $1, %eax` behind it, taken for a displacement,
    // leads to the fourth byte of the path.
    lab.source(
        "path.s",
        "
        .text
        .globl path
        .globl shifted
        shifted: movl %edi, %eax
        .byte 0xc1, 0xf8, 0x05
        behind: .byte 0x25
        .long 1
        ret
        .org behind + 4 + 0x125 - 3
        path: .asciz \"OLD\"
        .section .note.GNU-stack,\"\",@progbits
    ",
    );
    let program = lab.program("cc -O2 path.c path.s -o program");
    lab.assert_moves(&program, 1);
}
