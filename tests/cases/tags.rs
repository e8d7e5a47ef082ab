//! The tags themselves: kept, converted, doubled, and their strings shared with others in `.dynstr`.

use crate::prefix::{DT_AUDIT, DT_RPATH, DT_RUNPATH, Moved, Prefix, Ran, dynamic, files, relocate, run};
use std::fs;
use std::process::Command;

const OLD: &str = "-Wl,--disable-new-dtags";

/// GNU ld makes `lib` the tail of `.../root/lib`: one string for the run-time path and the symbol.
#[test]
fn a_symbol_that_is_the_tail_of_the_run_time_path_keeps_its_name() {
    let prefix = Prefix::new();
    let library = "const char *lib(void) { return \"symbol\"; }\n";
    prefix.library("lib/libsay.so", library, &["-s", "-Wl,-rpath,@/lib"]);
    let source =
        "// prints: symbol\n#include <stdio.h>\nconst char *lib(void);\nint main(void) { puts(lib()); return 0; }\n";
    prefix.program("bin/app", source, &["-s", "-Wl,-rpath,@/lib", "@/lib/libsay.so"]);
    for file in ["lib/libsay.so", "bin/app"] {
        assert_eq!(occurrences(&prefix, file, b"\0lib\0"), 0, "{file}: the linker did not merge the strings");
    }
    let moved = prefix.moved(&[]);
    moved.has("lib/libsay.so", &["RUNPATH $ORIGIN"]).has("bin/app", &["RUNPATH $ORIGIN/../lib"]).runs("bin/app");
    let symbols = run(Command::new("nm").arg("-D").arg("--defined-only").arg(moved.at("lib/libsay.so")));
    assert_eq!(symbols.stdout.split_whitespace().last(), Some("lib"));
}

fn occurrences(prefix: &Prefix, path: &str, bytes: &[u8]) -> usize {
    fs::read(prefix.at(path)).unwrap().windows(bytes.len()).filter(|window| *window == bytes).count()
}

#[test]
fn a_string_whose_tail_is_the_run_time_path_stays_whole() {
    let prefix = Prefix::new();
    prefix.library(
        "lib/libsay.so",
        "const char *say(void) { return \"lib\"; }\n",
        &["-Wl,-rpath,@/lib", "-Wl,-soname,odd@/lib"],
    );
    let root = prefix.root.to_str().unwrap().to_owned();
    assert_eq!(occurrences(&prefix, "lib/libsay.so", format!("\0{root}/lib\0").as_bytes()), 0, "not merged");
    let load = "// prints: lib\n#include <dlfcn.h>\n#include <stdio.h>\nint main(void) {\n  \
                void *h = dlopen(\"libsay.so\", RTLD_NOW);\n  puts(((const char *(*)(void))dlsym(h, \"say\"))());\n  \
                return 0;\n}\n";
    prefix.program("bin/app", load, &["-Wl,-rpath,@/lib", "-ldl"]);
    let moved = prefix.job(&["--old-prefix", "@"]).unpacked();
    moved.has("lib/libsay.so", &["RUNPATH $ORIGIN"]).runs("bin/app");
    assert_eq!(dynamic(&moved.at("lib/libsay.so"), &["SONAME"]), [format!("SONAME odd{root}/lib")]);
}

#[test]
fn each_tag_keeps_its_kind() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib");
    prefix.asks("bin/old", "lib", "lib/libsay.so", &[OLD, "-Wl,-rpath,@/lib"]);
    prefix.asks("bin/new", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    let moved = prefix.moved(&[]);
    moved.has("bin/old", &["RPATH $ORIGIN/../lib"]).runs("bin/old");
    moved.has("bin/new", &["RUNPATH $ORIGIN/../lib"]).runs("bin/new").found(&[]);
}

#[test]
fn the_user_may_have_all_tags_of_one_kind() {
    for (tag, name) in [("rpath", "RPATH"), ("runpath", "RUNPATH")] {
        let prefix = Prefix::new();
        prefix.says("lib/libsay.so", "lib");
        prefix.asks("bin/old", "lib", "lib/libsay.so", &[OLD, "-Wl,-rpath,@/lib"]);
        prefix.asks("bin/new", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
        prefix.asks("bin/origin", "lib", "lib/libsay.so", &["-Wl,-rpath,$ORIGIN/../lib"]);
        prefix.asks("bin/none", "lib", "lib/libsay.so", &[]);
        let moved = prefix.moved(&["--tag", tag]);
        for program in ["bin/old", "bin/new", "bin/origin", "bin/none"] {
            moved.has(program, &[&format!("{name} $ORIGIN/../lib")]).runs(program);
        }
    }
}

/// What a new DT_RUNPATH cuts off is given to the libraries themselves.
#[test]
fn libraries_that_lived_on_an_inherited_path_get_their_own_when_it_becomes_a_runpath() {
    let prefix = inheriting();
    let moved = prefix.moved(&["--tag", "runpath"]);
    moved.has("bin/app", &["RUNPATH $ORIGIN/../lib"]).has("lib/libouter.so", &["RUNPATH $ORIGIN"]);
    moved.has("lib/libsay.so", &[]).runs("bin/app");
}

/// An RPATH program, a library without a tag, and a library that one needs.
fn inheriting() -> Prefix {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "inherited");
    let outer = "const char *say(void);\nconst char *outer(void) { return say(); }\n";
    prefix.library("lib/libouter.so", outer, &["@/lib/libsay.so"]);
    let source = "// prints: inherited\n#include <stdio.h>\nconst char *outer(void);\nint main(void) { puts(outer()); return 0; }\n";
    prefix.program("bin/app", source, &[OLD, "-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    prefix
}

/// A program with DT_RUNPATH and DT_RPATH, the second from `audit`.
fn both(runpath: &str, rpath: &str) -> Prefix {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").says("lib2/libsay.so", "lib2");
    let args = [format!("-Wl,-rpath,{runpath}"), format!("-Wl,--audit={rpath}")];
    prefix.asks("bin/app", "lib", "lib/libsay.so", &[&args[0], &args[1]]);
    prefix.retag("bin/app", DT_AUDIT, DT_RPATH);
    let tags = dynamic(&prefix.at("bin/app"), &["RPATH", "RUNPATH"]);
    assert_eq!(tags.len(), 2, "{tags:?}");
    prefix
}

fn sorted(moved: &Moved<'_>, path: &str) -> Vec<String> {
    let mut tags = dynamic(&moved.at(path), &["RPATH", "RUNPATH"]);
    tags.sort();
    tags
}

#[test]
fn both_tags_with_one_string_are_both_rewritten() {
    let prefix = both("@/lib", "@/lib");
    let moved = prefix.moved(&[]);
    assert_eq!(sorted(&moved, "bin/app"), ["RPATH $ORIGIN/../lib", "RUNPATH $ORIGIN/../lib"]);
    moved.found(&[]).runs("bin/app");
}

/// The loader ignores DT_RPATH beside DT_RUNPATH, but a search for the old path does not.
#[test]
fn both_tags_with_different_strings_are_both_rewritten_and_the_runpath_counts() {
    let prefix = both("@/lib", "@/lib2");
    let moved = prefix.moved(&[]);
    assert_eq!(sorted(&moved, "bin/app"), ["RPATH $ORIGIN/../lib2", "RUNPATH $ORIGIN/../lib"]);
    moved.found(&[]).runs("bin/app");
}

#[test]
fn of_both_tags_the_one_that_counts_gives_the_one_the_user_wants() {
    for (tag, name) in [("rpath", "RPATH"), ("runpath", "RUNPATH")] {
        let prefix = both("@/lib", "@/lib2");
        let moved = prefix.moved(&["--tag", tag]);
        moved.has("bin/app", &[&format!("{name} $ORIGIN/../lib")]).runs("bin/app");
    }
}

/// glibc takes the last of several (elf_get_dynamic_info); the others are strings that name the old place.
#[test]
fn of_two_rpath_tags_the_last_counts_and_neither_names_the_old_prefix() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "the last").says("lib2/libsay.so", "the first");
    let audit = "-Wl,--audit=@/lib2";
    prefix.asks("bin/app", "the last", "lib/libsay.so", &[OLD, "-Wl,-rpath,@/lib", audit]);
    prefix.retag("bin/app", DT_AUDIT, DT_RPATH);
    let tags = dynamic(&prefix.at("bin/app"), &["RPATH"]);
    let last = tags.last().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(tags.len(), 2, "{tags:?}");
    assert_eq!(
        run(&mut Command::new(prefix.at("bin/app"))).stdout,
        if last == "lib" { "the last\n" } else { "the first\n" }
    );
    let moved = prefix.moved(&[]);
    let after = dynamic(&moved.at("bin/app"), &["RPATH", "RUNPATH"]);
    assert_eq!(after.last().unwrap(), &format!("RPATH $ORIGIN/../{last}"));
    assert!(after.iter().all(|tag| tag.starts_with("RPATH $ORIGIN/../lib")), "{after:?}");
    assert_eq!(moved.run_in("/", "bin/app").stdout, if last == "lib" { "the last\n" } else { "the first\n" });
}

#[test]
fn two_runpath_tags_are_judged_like_two_rpath_tags() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "one of two").says("lib2/libsay.so", "one of two");
    prefix.asks("bin/app", "one of two", "lib/libsay.so", &["-Wl,-rpath,@/lib", "-Wl,--audit=@/lib2"]);
    prefix.retag("bin/app", DT_AUDIT, DT_RUNPATH);
    let last = dynamic(&prefix.at("bin/app"), &["RUNPATH"]).pop().unwrap();
    let moved = prefix.moved(&[]);
    let after = dynamic(&moved.at("bin/app"), &["RUNPATH"]);
    assert_eq!(after.last().unwrap().rsplit('/').next(), last.rsplit('/').next());
    moved.runs("bin/app");
}

#[test]
fn a_skipped_file_is_left_as_it_is_and_recorded() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    prefix.asks("bin/left", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    let before = fs::read(prefix.at("bin/left")).unwrap();
    let moved = prefix.job(&["--skip", "bin/left"]).unpacked();
    assert_eq!(fs::read(moved.at("bin/left")).unwrap(), before);
    moved.found(&["bin/left runpath-absolute warning", "bin/left skipped warning"]).runs("bin/app");
    let ran = moved.run_in("/", "bin/left");
    assert_eq!((ran.exit, ran.stdout.as_str()), (Some(127), ""));
    let checked = run(relocate().args(["check", "--json"]).arg(&moved.root));
    assert_eq!(checked.exit, Some(1), "{checked:#?}");
}

#[test]
fn relocating_the_result_again_changes_nothing() {
    let prefix = inheriting();
    prefix.symlink("lib/libabsolute.so", "@/lib/libsay.so");
    let moved = prefix.moved(&[]);
    let again = moved.root.with_file_name("again.tar");
    let args = ["--json", "--top-dir", "", "-o", again.to_str().unwrap()];
    let ran = run(relocate().arg(&moved.root).args(args));
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""), "{ran:#?}");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["plan"]["rewrites"], serde_json::json!([]));
    assert_eq!(json["plan"]["symlinks"], serde_json::json!([]));
    let second = moved.root.with_file_name("second");
    fs::create_dir(&second).unwrap();
    assert_eq!(run(Command::new("tar").arg("-xpf").arg(&again).arg("-C").arg(&second)).exit, Some(0));
    for path in files(&moved.root) {
        let name = path.strip_prefix(&moved.root).unwrap();
        if !name.starts_with(".relocate") {
            assert!(fs::read(&path).unwrap() == fs::read(second.join(name)).unwrap(), "{}", name.display());
        }
    }
    let ran = run(&mut Command::new(second.join("bin/app")));
    assert_eq!(ran, Ran { exit: Some(0), stdout: "inherited\n".to_owned(), stderr: String::new() });
}

/// patchelf writes its own layout; what it made is read, judged and rewritten like any other file.
#[test]
fn a_file_that_patchelf_grew_is_rewritten_again() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,/short"]);
    let long = format!("@/lib:{}", "/nowhere/at/all".repeat(40));
    let ran = run(Command::new("patchelf").arg("--set-rpath").arg(prefix.expand(&long)).arg(prefix.at("bin/app")));
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    let moved = prefix.moved(&["--old-prefix", "@"]);
    moved.has("bin/app", &["RUNPATH $ORIGIN/../lib"]).found(&["bin/app runpath-outside note"]).runs("bin/app");
}
