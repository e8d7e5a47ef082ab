//! Pointers in data that lead into a text, in each form in which a pointer reaches the loader.

use crate::lab::Lab;
use relocate::elf::Reference;

const PATH: &str = r#"
    #include <stdio.h>
    extern const char *users[];
    const char *volatile path = "OLD";
    int main(int argc, char **argv) { printf("%s\n%s\n", path, users[argc]); return 0; }
"#;
const TAILS: &str = r#"const char *users[] = {"nobody", "root", "daemon"};"#;

fn refused(options: &str, by: Reference) {
    let lab = Lab::new();
    lab.source("path.c", PATH).source("tails.c", TAILS);
    let program = lab.program(&format!("cc -O2 path.c tails.c -o program {options}"));
    lab.assert_refused(&program, by, "root");
}

#[test]
fn a_pointer_at_a_fixed_address_is_found() {
    for options in ["-no-pie -fno-pic", "-static", "-no-pie -fno-pic -m32", "-static -m32"] {
        refused(options, Reference::Pointer);
    }
}

#[test]
fn the_addend_of_a_relocation_is_found() {
    for options in
        ["-pie -fPIE", "-static-pie -fPIE", "-pie -fPIE -fuse-ld=lld -Wl,-O2", "-pie -fPIE -fuse-ld=gold -Wl,-O2"]
    {
        refused(options, Reference::Relocation);
    }
}

#[test]
fn a_relocation_that_keeps_the_pointer_in_place_is_found() {
    for options in [
        "-pie -fPIE -Wl,-z,pack-relative-relocs",
        "-pie -fPIE -fuse-ld=lld -Wl,-O2,--pack-dyn-relocs=relr",
        "-pie -fPIE -m32",
    ] {
        let lab = Lab::new();
        lab.source("path.c", PATH).source("tails.c", TAILS);
        let program = lab.program(&format!("cc -O2 path.c tails.c -o program {options}"));
        let kind = if options.contains("m32") { "(REL)" } else { "(RELR)" };
        assert!(lab.tool("readelf -d program").contains(kind), "the fixture is what it should be");
        lab.inside(&program, Reference::Relocation, "root");
        // LLD 14 does not name the version that glibc demands of such a file.
        if !options.contains("lld") {
            lab.assert_refused(&program, Reference::Relocation, "root");
        }
    }
}

#[test]
fn a_pointer_in_a_packed_structure_is_found() {
    let tails = r#"
        struct __attribute__((packed)) user { char kind; const char *name; };
        struct user all[] = {{1, "nobody"}, {2, "root"}, {3, "daemon"}};
    "#;
    let path = PATH.replace(
        "extern const char *users[];",
        "struct __attribute__((packed)) user { char kind; const char *name; }; extern struct user all[];",
    );
    for (options, by) in [
        ("-no-pie -fno-pic", Reference::Pointer),
        ("-no-pie -fno-pic -m32", Reference::Pointer),
        ("-pie -fPIE", Reference::Relocation),
        ("-pie -fPIE -m32", Reference::Relocation),
    ] {
        let lab = Lab::new();
        lab.source("path.c", &path.replace("users[argc]", "all[argc].name")).source("tails.c", tails);
        let program = lab.program(&format!("cc -O2 path.c tails.c -o program {options}"));
        lab.assert_refused(&program, by, "root");
    }
}

#[test]
fn a_symbol_with_an_addend_is_found() {
    let lab = Lab::new();
    lab.source(
        "lib.c",
        r#"
        const char path[] = "OLD";
        const char *user = path + sizeof "OLD" - sizeof "root";
    "#,
    );
    lab.source(
        "main.c",
        r#"
        #include <stdio.h>
        #include <dlfcn.h>
        int main(void) {
            void *lib = dlopen("./moved.so", RTLD_NOW);
            puts((const char *)dlsym(lib, "path"));
            puts(*(const char **)dlsym(lib, "user"));
            return 0;
        }
    "#,
    );
    for options in ["", "-m32"] {
        lab.tool(&format!("cc {options} -O2 -fPIC -shared lib.c -o program && cc {options} main.c -o main"));
        let library = std::fs::read(lab.path("program")).unwrap();
        assert!(lab.tool("readelf -rW program").contains("_64 ") || options == "-m32");
        let (text, _) = lab.inside(&library, Reference::Relocation, "root");
        lab.tool("cp program moved.so");
        assert_eq!(
            lab.tool("./main"),
            lab.moved("/opt/vendor/stack/root\nroot\n")
                .replace(&lab.moved("/opt/vendor/stack/root"), "/opt/vendor/stack/root")
        );
        std::fs::write(lab.path("moved.so"), lab.overwritten(&library, &[text])).unwrap();
        assert!(!lab.tool("./main").ends_with("\nroot\n"), "the reference was real");
    }
}

#[test]
fn a_symbol_inside_a_text_is_found() {
    let lab = Lab::new();
    lab.source(
        "path.c",
        r"
        #include <stdio.h>
        extern const char path[], user[];
        int main(void) { puts(path); puts(user); return 0; }
    ",
    );
    lab.source(
        "path.s",
        "
        .section .rodata
        .globl path, user
        path: .ascii \"/opt/vendor/stack/\"
        user: .asciz \"root\"
        .section .note.GNU-stack,\"\",@progbits
    ",
    );
    let program = lab.program("cc -O2 path.c path.s -o program");
    lab.assert_refused(&program, Reference::Symbol, "root");
    let library = lab.program("cc -shared path.s -s -o program");
    lab.inside(&library, Reference::Symbol, "root");
}

#[test]
fn a_number_without_a_relocation_is_no_pointer() {
    let lab = Lab::new();
    lab.source(
        "path.c",
        r#"
        #include <stdio.h>
        static const volatile unsigned long number = 0x1122334455667788;
        static const char path[] = "OLD";
        int main(void) { printf("%s %d\n", path, number != 0); return 0; }
    "#,
    );
    let mut program = lab.program("cc -O2 -pie -fPIE path.c -o program");
    let number = memchr::memmem::find(&program, &0x1122_3344_5566_7788_u64.to_le_bytes()).unwrap();
    // Offsets in the first read-only parts of this file are addresses, too.
    let inside = lab.texts(&program)[0].start + 5;
    program[number..number + 8].copy_from_slice(&inside.to_le_bytes());
    assert_eq!(number % 8, 0);
    lab.assert_moves(&program, 1);
}
