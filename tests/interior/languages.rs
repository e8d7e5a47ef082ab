//! What programs do with a path: each way that NUL padding breaks and that a text of the same length does not.

use crate::lab::Lab;
use relocate::elf::Reference;

fn moves(source: &str, texts: usize) {
    let lab = Lab::new();
    lab.source("program.c", source);
    for options in ["-O2", "-O0", "-O2 -no-pie -fno-pic", "-O2 -m32"] {
        let program = lab.program(&format!("cc program.c -o program {options}"));
        lab.assert_moves(&program, texts);
    }
}

#[test]
fn counted_strings_as_nginx_has_them_move() {
    moves(
        r#"
        #include <stdio.h>
        typedef struct { size_t len; unsigned char *data; } ngx_str_t;
        #define ngx_string(str) { sizeof(str) - 1, (unsigned char *) str }
        static ngx_str_t paths[] = { ngx_string("OLD/"), ngx_string("OLD/etc/nginx/nginx.conf"), ngx_string("logs") };
        int main(void) {
            for (int i = 0; i < 3; i++) { fwrite(paths[i].data, 1, paths[i].len, stdout); puts("|"); }
            return 0;
        }
        "#,
        2,
    );
}

#[test]
fn search_paths_as_perl_has_them_move() {
    moves(
        r#"
        #include <stdio.h>
        #include <string.h>
        struct { const char *path; unsigned char len; } inc[] = {
            { "OLD/lib/perl5/site_perl/5.36.0", sizeof "OLD/lib/perl5/site_perl/5.36.0" - 1 },
            { "OLD/lib/perl5/5.36.0", sizeof "OLD/lib/perl5/5.36.0" - 1 },
        };
        int main(void) {
            char all[200] = "";
            size_t at = 0;
            for (int i = 0; i < 2; i++) {
                memcpy(all + at, inc[i].path, inc[i].len);
                at += inc[i].len;
                strcpy(all + at, "/strict.pm\n");
                at += strlen(all + at);
            }
            fwrite(all, 1, at, stdout);
            return 0;
        }
        "#,
        2,
    );
}

#[test]
fn several_paths_in_one_string_and_options_with_a_path_move() {
    moves(
        r#"
        #include <stdio.h>
        #include <string.h>
        const char *volatile flags = "-LOLD/lib -Wl,-rpath,OLD/lib OLD/bin:OLD/sbin";
        int main(void) { printf("%s %zu\n", flags, strlen("OLD/share")); return 0; }
        "#,
        4,
    );
}

#[test]
fn a_path_in_writable_data_moves() {
    moves(
        r#"
        #include <stdio.h>
        char path[100] = "OLD/lib";
        int main(void) { path[sizeof "OLD"] = 'L'; puts(path); return 0; }
        "#,
        1,
    );
}

#[test]
fn rust_constants_that_run_into_each_other_move() {
    let lab = Lab::new();
    lab.source(
        "program.rs",
        r#"
        use std::hint::black_box;
        const LIB: &str = "OLD/lib/plugins";
        static DIRECTORIES: [&str; 3] = ["OLD/etc", "root", "OLD"];
        fn main() {
            println!("{}:{}", black_box(LIB), LIB.len());
            for directory in black_box(DIRECTORIES) { println!("{directory}|{}", directory.len()); }
            println!("{}", std::path::Path::new(black_box("OLD/share/x")).parent().unwrap().display());
        }
        "#,
    );
    for options in ["-O", "-Crelocation-model=static -O"] {
        let program = lab.program(&format!("rustc --edition 2021 {options} program.rs -o program"));
        let texts = lab.verdicts(&program).len();
        assert!(texts >= 4, "{texts}");
        lab.assert_moves(&program, texts);
    }
}

#[test]
fn the_look_up_table_that_llvm_makes_of_a_match_is_found() {
    let lab = Lab::new();
    lab.source(
        "program.rs",
        r#"
        use std::ffi::{CStr, c_char};
        use std::hint::black_box;
        #[inline(never)]
        fn user(number: u32) -> *const c_char {
            match number {
                0 => c"nobody".as_ptr(),
                1 => c"root".as_ptr(),
                2 => c"daemon".as_ptr(),
                3 => c"operator".as_ptr(),
                4 => c"games".as_ptr(),
                _ => c"".as_ptr(),
            }
        }
        fn main() {
            println!("{}", black_box(c"OLD").to_str().unwrap());
            println!("{}", unsafe { CStr::from_ptr(user(black_box(1))) }.to_str().unwrap());
        }
        "#,
    );
    let program = lab.program("rustc --edition 2021 -O -Clink-arg=-fuse-ld=bfd program.rs -o program");
    lab.assert_refused(&program, Reference::LookUpTable { table: 0 }, "root");
}

#[test]
fn a_copy_by_vector_registers_is_no_reference() {
    let lab = Lab::with("/opt/vendor/a/prefix/that/is/longer/than/one/vector");
    lab.source(
        "program.c",
        r#"
        #include <stdio.h>
        #include <string.h>
        const char path[] = "OLD";
        struct text { char bytes[sizeof path]; };
        __attribute__((noinline)) void copy(struct text *to) { *to = *(const struct text *)path; }
        int main(void) { struct text copied; copy(&copied); puts(copied.bytes); return 0; }
        "#,
    );
    let program = lab.program("cc -O2 program.c -o program");
    assert!(lab.tool("objdump -d program").contains("movdq"), "the compiler copies in blocks");
    lab.assert_moves(&program, 1);
}
