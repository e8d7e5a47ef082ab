//! Files with more than one name: a library's `$ORIGIN` is the directory of the name it was opened by, a program's that of
//! its real path.

use crate::prefix::{Prefix, dynamic, run};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

const OUTER: &str = "const char *say(void);\nconst char *outer(void) { return say(); }\n";
const MAIN: &str =
    "// prints: inner\n#include <stdio.h>\nconst char *outer(void);\nint main(void) { puts(outer()); return 0; }\n";

/// The real file lies deep, the name that is opened does not: the library needs an entry for either directory.
#[test]
fn a_library_behind_a_symlink_at_another_depth_gets_an_entry_for_each_directory() {
    let prefix = Prefix::new();
    prefix.says("lib/deep/down/libsay.so", "inner");
    let inner = "@/lib/deep/down/libsay.so";
    prefix.library("lib/deep/down/libouter.so", OUTER, &["-Wl,-rpath,@/lib/deep/down", inner]);
    prefix.symlink("lib/libouter.so", "deep/down/libouter.so");
    prefix.program("bin/app", MAIN, &["-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    prefix.program("bin/near", MAIN, &["-Wl,-rpath,@/lib/deep/down", "@/lib/libouter.so"]);
    let moved = prefix.moved(&[]);
    moved.has("lib/deep/down/libouter.so", &["RUNPATH $ORIGIN/deep/down:$ORIGIN"]);
    moved.found(&[]).runs("bin/app").runs("bin/near");
}

/// The entry for `lib` is `$ORIGIN`, which in the other directory is a directory with a library of that name.
#[test]
fn an_entry_for_one_directory_that_shadows_a_library_in_the_other_is_a_warning() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "inner").says("share/app/lib/libsay.so", "private");
    prefix.library("share/app/lib/libouter.so", OUTER, &["-Wl,-rpath,@/lib", "@/lib/libsay.so"]);
    prefix.symlink("lib/libouter.so", "../share/app/lib/libouter.so");
    prefix.program("bin/app", MAIN, &["-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    prefix.program("bin/other", MAIN, &["-Wl,-rpath,@/share/app/lib", "@/lib/libouter.so"]);
    let moved = prefix.moved(&[]);
    moved.found(&["share/app/lib/libouter.so runpath-shadowed warning"]).runs("bin/app");
    assert_eq!(moved.run_in("/", "bin/other").stdout, "private\n");
    let said = "opened in share/app/lib, it finds libsay.so at share/app/lib/libsay.so, where it found lib/libsay.so";
    assert_eq!(moved.report.json["findings"][0]["found"], said);
}

#[test]
fn an_absolute_symlink_to_a_library_counts_as_a_name_of_it() {
    let prefix = Prefix::new();
    prefix.says("lib/deep/libsay.so", "inner");
    prefix.library("lib/deep/libouter.so", OUTER, &["-Wl,-rpath,@/lib/deep", "@/lib/deep/libsay.so"]);
    prefix.symlink("lib/libouter.so", "@/lib/deep/libouter.so");
    prefix.program("bin/app", MAIN, &["-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    let moved = prefix.moved(&[]);
    assert_eq!(fs::read_link(moved.at("lib/libouter.so")).unwrap().to_str(), Some("deep/libouter.so"));
    moved.has("lib/deep/libouter.so", &["RUNPATH $ORIGIN/deep:$ORIGIN"]).runs("bin/app");
}

#[test]
fn a_library_opened_by_a_soname_link_in_its_own_directory_needs_one_entry() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so.1.2", "lib").symlink("lib/libsay.so.1", "libsay.so.1.2");
    let soname = "-Wl,-soname,libouter.so.1";
    prefix.says("lib/libinner.so", "inner");
    prefix.library("lib/libouter.so.1.2", OUTER, &[soname, "-Wl,-rpath,@/lib", "@/lib/libinner.so"]);
    prefix.symlink("lib/libouter.so.1", "libouter.so.1.2").symlink("lib/libouter.so", "libouter.so.1");
    prefix.program("bin/app", MAIN, &["-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    let moved = prefix.moved(&[]);
    moved.has("lib/libouter.so.1.2", &["RUNPATH $ORIGIN"]).runs("bin/app");
    assert_eq!(dynamic(&moved.at("bin/app"), &["NEEDED"])[0], "NEEDED libouter.so.1");
}

#[test]
fn a_directory_that_is_a_symlink_is_searched_by_either_name() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "inner").symlink("lib64", "lib");
    prefix.library("lib/libouter.so", OUTER, &["-Wl,-rpath,@/lib64", "@/lib/libsay.so"]);
    prefix.program("bin/app", MAIN, &["-Wl,-rpath,@/lib64", "@/lib/libouter.so"]);
    let moved = prefix.moved(&[]);
    moved.has("bin/app", &["RUNPATH $ORIGIN/../lib64"]).has("lib/libouter.so", &["RUNPATH $ORIGIN/../lib64"]);
    moved.found(&[]).runs("bin/app");
}

/// `$ORIGIN` is then `.../here`, and `..` leads out of where the symlink leads, one level deeper.
#[test]
fn a_directory_that_is_a_symlink_to_another_depth_is_still_left_by_its_real_parent() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "inner").symlink("here", "lib/very/deep");
    prefix.library("lib/very/deep/libouter.so", OUTER, &["-Wl,-rpath,@/lib", "@/lib/libsay.so"]);
    prefix.program("bin/app", MAIN, &["-Wl,-rpath,@/here", "@/here/libouter.so"]);
    let moved = prefix.moved(&[]);
    moved.has("lib/very/deep/libouter.so", &["RUNPATH $ORIGIN/../.."]).has("bin/app", &["RUNPATH $ORIGIN/../here"]);
    moved.runs("bin/app");
}

/// The kernel gives the program the directory of its real path, whatever symlink it was started by.
#[test]
fn a_program_behind_a_symlink_has_the_origin_of_its_real_path() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib");
    prefix.asks("libexec/very/deep/app", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    prefix.symlink("bin/app", "@/libexec/very/deep/app");
    let moved = prefix.moved(&[]);
    moved.has("libexec/very/deep/app", &["RUNPATH $ORIGIN/../../../lib"]);
    moved.runs("libexec/very/deep/app").runs_as("bin/app", "libexec/very/deep/app");
}

#[test]
fn a_program_hard_linked_at_two_depths_runs_by_either_name() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    prefix.hard_link("libexec/very/deep/app", "bin/app").hard_link("bin/same", "bin/app");
    let moved = prefix.moved(&[]);
    moved.has("bin/app", &["RUNPATH $ORIGIN/../lib:$ORIGIN/../../../lib"]).found(&[]);
    for name in ["bin/app", "libexec/very/deep/app", "bin/same"] {
        moved.runs_as(name, "bin/app");
        assert_eq!(fs::metadata(moved.at(name)).unwrap().nlink(), 3, "{name}");
    }
}

#[test]
fn a_library_hard_linked_at_two_depths_is_opened_by_either_name() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "inner");
    prefix.library("lib/libouter.so", OUTER, &["-Wl,-rpath,@/lib", "@/lib/libsay.so"]);
    prefix.hard_link("lib/very/deep/libouter.so", "lib/libouter.so");
    prefix.program("bin/app", MAIN, &["-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    prefix.program("bin/deep", MAIN, &["-Wl,-rpath,@/lib/very/deep", "@/lib/libouter.so"]);
    let moved = prefix.moved(&[]);
    moved.has("lib/libouter.so", &["RUNPATH $ORIGIN:$ORIGIN/../.."]).found(&[]).runs("bin/app").runs("bin/deep");
}

#[test]
fn a_hard_link_that_leaves_the_tree_is_broken_and_noted() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "inner");
    prefix.library("lib/libouter.so", OUTER, &["-Wl,-rpath,@/lib", "@/lib/libsay.so"]);
    let outside = prefix.around().join("store.so");
    fs::hard_link(prefix.at("lib/libouter.so"), &outside).unwrap();
    let before = fs::read(&outside).unwrap();
    prefix.program("bin/app", MAIN, &["-Wl,-rpath,@/lib", "@/lib/libouter.so"]);

    let ran = prefix.relocate(&["--in-place", "--json"]);
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    assert!(ran.stdout.contains("\"hard-link-outside\""), "{}", ran.stdout);
    assert_eq!(fs::read(&outside).unwrap(), before, "the name outside was changed");
    assert_ne!(fs::metadata(&outside).unwrap().ino(), fs::metadata(prefix.at("lib/libouter.so")).unwrap().ino());
    assert_eq!(fs::metadata(&outside).unwrap().nlink(), 1);
    assert_eq!(dynamic(&prefix.at("lib/libouter.so"), &["RUNPATH"]), ["RUNPATH $ORIGIN"]);
    let place = prefix.root.with_file_name("another place");
    fs::rename(&prefix.root, &place).unwrap();
    assert_eq!(run(&mut Command::new(place.join("bin/app"))).stdout, "inner\n");
}

#[test]
fn an_archive_has_a_copy_of_its_own_of_a_file_with_a_name_outside() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    fs::hard_link(prefix.at("lib/libsay.so"), prefix.around().join("store.so")).unwrap();
    let moved = prefix.moved(&[]);
    moved.found(&["lib/libsay.so hard-link-outside note"]).runs("bin/app");
    assert_eq!(fs::metadata(moved.at("lib/libsay.so")).unwrap().nlink(), 1);
}

/// `--in-place` rewrites the set once, joins its names again, and finds nothing to do the second time.
#[test]
fn in_place_keeps_a_hard_link_set_together_and_settles() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    prefix.hard_link("libexec/very/deep/app", "bin/app");
    assert_eq!(prefix.relocate(&["--in-place", "--quiet"]).exit, Some(0));
    let facts = |path: &str| {
        let metadata = fs::metadata(prefix.at(path)).unwrap();
        (metadata.ino(), metadata.mtime_nsec(), metadata.ctime_nsec(), metadata.nlink())
    };
    let first = ["bin/app", "libexec/very/deep/app", "lib/libsay.so"].map(facts);
    assert_eq!((first[0], first[0].3), (first[1], 2));
    let again = prefix.relocate(&["--in-place", "--json"]);
    assert_eq!(again.exit, Some(0), "{again:#?}");
    assert_eq!(["bin/app", "libexec/very/deep/app", "lib/libsay.so"].map(facts), first, "the second run wrote");
    let place = prefix.root.with_file_name("another place");
    fs::rename(&prefix.root, &place).unwrap();
    for name in ["bin/app", "libexec/very/deep/app"] {
        assert_eq!(run(&mut Command::new(place.join(name))).stdout, "lib\n");
    }
}
