//! musl's rules: either tag is inherited, newlines part entries too, and any `$` but `$ORIGIN` voids the whole path.

use crate::prefix::{Prefix, run};
use std::process::Command;

const OUTER: &str = "const char *say(void);\nconst char *outer(void) { return say(); }\n";
const MAIN: &str =
    "// prints: inner\n#include <stdio.h>\nconst char *outer(void);\nint main(void) { puts(outer()); return 0; }\n";

/// `lib/libsay.so`, `lib/libouter.so` that needs it and has no tag, and a program with these arguments.
fn tree(args: &[&str]) -> Prefix {
    let mut prefix = Prefix::new();
    prefix.compiler = "musl-gcc";
    prefix.says("lib/libsay.so", "inner").library("lib/libouter.so", OUTER, &["@/lib/libsay.so"]);
    prefix.program("bin/app", MAIN, &[args, &["@/lib/libouter.so"]].concat());
    prefix
}

#[test]
fn under_musl_either_tag_is_inherited() {
    for (dtags, tag) in [("-Wl,--enable-new-dtags", "RUNPATH"), ("-Wl,--disable-new-dtags", "RPATH")] {
        let prefix = tree(&[dtags, "-Wl,-rpath,@/lib"]);
        let moved = prefix.moved(&[]);
        moved.has("bin/app", &[&format!("{tag} $ORIGIN/../lib")]).has("lib/libouter.so", &[]).found(&[]);
        moved.runs("bin/app");
    }
}

#[test]
fn under_musl_a_tag_is_added_where_nobody_carries_the_library() {
    let prefix = tree(&[]);
    let moved = prefix.moved(&[]);
    moved.has("bin/app", &["RPATH $ORIGIN/../lib"]).has("lib/libouter.so", &[]).runs("bin/app");
}

/// `$LIB` would make musl ignore `$ORIGIN/../lib` beside it; the entry is useless there and goes.
#[test]
fn under_musl_an_entry_with_another_token_would_void_the_path_and_goes() {
    for entry in ["$ORIGIN/../$LIB:@/lib", "@/$LIB:@/lib", "@/lib:$ORIGIN/../$PLATFORM", "@/$FOO:@/lib"] {
        let prefix = tree(&[&format!("-Wl,-rpath,{entry}")]);
        let moved = prefix.moved(&["--old-prefix", "@"]);
        moved.has("bin/app", &["RUNPATH $ORIGIN/../lib"]).found(&["bin/app runpath-token note"]).runs("bin/app");
    }
}

#[test]
fn under_musl_a_newline_parts_entries() {
    let prefix = tree(&["-Wl,-rpath,@/nonexx@/lib"]);
    let root = prefix.root.to_str().unwrap().to_owned();
    prefix.overwrite("bin/app", format!("/nonexx{root}").as_bytes(), format!("/nonex\n{root}").as_bytes());
    assert_eq!(run(&mut Command::new(prefix.at("bin/app"))).stdout, "inner\n");
    let moved = prefix.moved(&["--old-prefix", "@"]);
    moved.has("bin/app", &["RUNPATH $ORIGIN/../nonex:$ORIGIN/../lib"]).found(&[]).runs("bin/app");
}

#[test]
fn two_c_libraries_in_one_tree_end_the_job() {
    let mut prefix = tree(&["-Wl,-rpath,@/lib"]);
    prefix.compiler = "cc";
    prefix.says("lib2/libsay.so", "inner").asks("bin/other", "inner", "lib2/libsay.so", &["-Wl,-rpath,@/lib2"]);
    let report = prefix.job(&[]);
    let findings = report.ends(1).findings();
    assert!(findings.iter().any(|finding| finding.ends_with("two-libcs error")), "{findings:?}");
    let apart = prefix.job(&["--exclude", "bin/other", "--exclude", "lib2"]).unpacked();
    apart.has("bin/app", &["RUNPATH $ORIGIN/../lib"]).runs("bin/app");
}
