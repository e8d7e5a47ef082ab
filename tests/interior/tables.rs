//! Tables of texts that need no relocation: 32-bit distances, and addresses that fit into 32 bits.

use crate::lab::Lab;
use relocate::elf::Reference;

const PATH: &str = r#"
    #include <stdio.h>
    const char *user(int number);
    const char *path(void) { return "OLD"; }
    int main(int argc, char **argv) { printf("%s\n%s\n%s\n", path(), user(0), user(argc)); return 0; }
"#;
/// Texts in the section that linkers merge tails in.
const TEXTS: &str = "
    .section .rodata.str1.1,\"aMS\",@progbits,1
    .Lnobody: .asciz \"nobody\"
    .Lroot: .asciz \"root\"
    .Ldaemon: .asciz \"daemon\"
    .section .note.GNU-stack,\"\",@progbits
    .section .rodata
    .p2align 2
";

fn refused(table: &str, code: &str, options: &str, by: Reference) {
    let lab = Lab::new();
    let text = format!("{TEXTS}{table}\n.text\n.globl user\nuser:\n{code}\n");
    lab.source("path.c", PATH).source("table.s", &text);
    let program = lab.program(&format!("cc -O2 path.c table.s -o program {options}"));
    lab.assert_refused(&program, by, "root");
}

#[test]
fn a_distance_from_the_start_of_the_table_is_found() {
    for options in [
        "-pie",
        "-no-pie",
        "-fuse-ld=lld -Wl,-O2",
        "-fuse-ld=lld -Wl,-O2,--no-rosegment",
        "-fuse-ld=gold -Wl,-O2",
        "-s",
    ] {
        refused(
            "table: .long .Lnobody - table, .Lroot - table, .Ldaemon - table",
            "lea table(%rip), %rdx\nmovslq %edi, %rdi\nmovslq (%rdx,%rdi,4), %rax\nadd %rdx, %rax\nret",
            options,
            Reference::LookUpTable { table: 0 },
        );
    }
}

#[test]
fn a_distance_from_the_entry_itself_is_found() {
    for options in ["-pie", "-no-pie", "-fuse-ld=lld -Wl,-O2", "-Wl,-z,noseparate-code"] {
        refused(
            // The number in front keeps it from being read as distances from the table's start.
            "table: .long 3, .Lnobody - ., .Lroot - ., .Ldaemon - .",
            "lea table(%rip), %rdx\nmovslq %edi, %rdi\nlea 4(%rdx,%rdi,4), %rdx\nmovslq (%rdx), %rax\nadd %rdx, %rax\nret",
            options,
            Reference::OwnOffset,
        );
    }
}

#[test]
fn a_distance_in_a_structure_is_found() {
    refused(
        "table: .long 3, .Lnobody - .\n.quad 0\n.long 8, .Lroot - .\n.quad 0\n.long 9, .Ldaemon - .\n.quad 0",
        "lea table(%rip), %rdx\nshl $4, %edi\nlea 4(%rdx,%rdi), %rdx\nmovslq (%rdx), %rax\nadd %rdx, %rax\nret",
        "-pie",
        Reference::OwnOffset,
    );
}

#[test]
fn an_address_of_four_bytes_is_found() {
    refused(
        "table: .long .Lnobody, .Lroot, .Ldaemon",
        "movslq %edi, %rdi\nmovl table(,%rdi,4), %eax\nret",
        "-no-pie -fno-pic",
        Reference::NarrowPointer,
    );
}

#[test]
fn a_distance_from_the_global_offset_table_in_data_is_found() {
    refused(
        "table: .long .Lnobody@GOTOFF, .Lroot@GOTOFF, .Ldaemon@GOTOFF",
        "call 1f\n1: pop %ecx\nadd $_GLOBAL_OFFSET_TABLE_+(.-1b), %ecx\nmovl 4(%esp), %edx\n\
         movl table@GOTOFF(%ecx,%edx,4), %eax\nadd %ecx, %eax\nret",
        "-m32 -pie -fPIE",
        Reference::GotOffset,
    );
}

#[test]
fn numbers_before_a_path_are_no_table() {
    let lab = Lab::new();
    // Most of these numbers, taken for distances, lead into the text behind them.
    lab.source(
        "path.c",
        r#"
        #include <stdio.h>
        static const struct { int numbers[8]; char path[40]; } both =
            {{1, 1000000, 35, 36, 37, 38, 39, 40}, "OLD"};
        int main(int argc, char **argv) { printf("%s %d\n", both.path, both.numbers[argc]); return 0; }
    "#,
    );
    let program = lab.program("cc -O2 path.c -o program");
    lab.assert_moves(&program, 1);
}

#[test]
fn a_number_that_leads_into_a_path_by_itself_is_no_table() {
    let lab = Lab::new();
    // The path begins 96 bytes behind the primes.
    lab.source(
        "path.c",
        r#"
        #include <stdio.h>
        static const struct { unsigned primes[22]; char name[8], path[40]; } both = {
            {101, 503, 1009, 2003, 3001, 4001, 5003, 10007, 20011, 40009, 80021, 160001, 500009, 1000003}, "PATHEXT", "OLD"
        };
        int main(int argc, char **argv) { printf("%s %u\n", both.path, both.primes[argc]); return 0; }
    "#,
    );
    for options in ["-O2", "-O2 -m32 -pie -fPIE", "-Os -no-pie"] {
        let program = lab.program(&format!("cc path.c -o program {options}"));
        lab.assert_moves(&program, 1);
    }
}

#[test]
fn a_table_whose_every_entry_leads_to_a_tail_is_found() {
    // As LLVM compiles `names[number]` with `names = {"stack/root", "root"}`.
    let lab = Lab::new();
    let table = "
        .section .rodata.str1.1,\"aMS\",@progbits,1
        .Llong: .asciz \"stack/root\"
        .Lroot: .asciz \"root\"
        .section .rodata
        .p2align 2
        table: .long .Llong - table, .Lroot - table
        .text
        .globl user
        user:
        movslq %edi, %rax
        lea table(%rip), %rcx
        movslq (%rcx,%rax,4), %rax
        add %rcx, %rax
        ret
        .section .note.GNU-stack,\"\",@progbits
    ";
    lab.source("path.c", PATH).source("table.s", table);
    for options in ["-pie", "-fuse-ld=lld -Wl,-O2", "-s"] {
        let program = lab.program(&format!("cc -O2 path.c table.s -o program {options}"));
        lab.assert_refused(&program, Reference::LookUpTable { table: 0 }, "stack/root");
    }
}
