//! Symlinks: absolute ones inside the prefix become relative; what dangles, loops or leaves is reported.

use crate::prefix::{Moved, Prefix};
use std::fs;

fn target(moved: &Moved<'_>, path: &str) -> String {
    fs::read_link(moved.at(path)).unwrap().to_str().unwrap().to_owned()
}

/// A prefix with a program that runs.
fn prefix() -> Prefix {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so.1", "lib").asks("bin/app", "lib", "lib/libsay.so.1", &["-Wl,-rpath,@/lib"]);
    prefix
}

#[test]
fn absolute_symlinks_inside_the_prefix_become_relative() {
    let prefix = prefix();
    prefix.symlink("lib/libsay.so", "@/lib/libsay.so.1").symlink("sbin/app", "@//bin/./app");
    prefix.symlink("share/deep/top", "@").symlink("share/deep/lib", "@/lib/").symlink("here", "@/");
    let moved = prefix.moved(&[]);
    let rows = [
        ("lib/libsay.so", "libsay.so.1"),
        ("sbin/app", "../bin/app"),
        ("share/deep/top", "../.."),
        ("share/deep/lib", "../../lib"),
        ("here", "."),
    ];
    for (path, wanted) in rows {
        assert_eq!(target(&moved, path), wanted, "{path}");
    }
    moved.found(&[]).runs_as("sbin/app", "bin/app").runs_as("share/deep/top/here/bin/app", "bin/app");
}

#[test]
fn an_absolute_symlink_with_dot_dot_leads_where_it_led() {
    let prefix = prefix();
    prefix.dir("lib/deep").symlink("way", "lib/deep").symlink("bin/link", "@/way/../libsay.so.1");
    let moved = prefix.moved(&[]);
    assert_eq!(target(&moved, "bin/link"), "../lib/libsay.so.1");
}

#[test]
fn an_absolute_symlink_may_lead_through_others() {
    let prefix = prefix();
    prefix.symlink("opt/current", "@/opt/one").symlink("opt/one", "@/bin").symlink("app", "@/opt/current/app");
    let moved = prefix.moved(&[]);
    assert_eq!(target(&moved, "app"), "opt/current/app");
    moved.found(&[]).runs_as("app", "bin/app");
}

#[test]
fn relative_symlinks_stay_letter_by_letter() {
    let prefix = prefix();
    prefix.symlink("lib/libsay.so", ".//libsay.so.1").symlink("bin/up", "..//bin/../bin/app");
    let moved = prefix.moved(&[]);
    assert_eq!(
        (target(&moved, "lib/libsay.so"), target(&moved, "bin/up")),
        (".//libsay.so.1".into(), "..//bin/../bin/app".into())
    );
    moved.found(&[]).runs_as("bin/up", "bin/app");
}

#[test]
fn dangling_and_looping_symlinks_are_noted() {
    let prefix = prefix();
    prefix.symlink("lib/gone", "nothing").symlink("lib/gone2", "@/share/nothing");
    prefix.symlink("a", "b").symlink("b", "a").symlink("self", "self").symlink("c", "@/c");
    let moved = prefix.moved(&[]);
    assert_eq!(target(&moved, "lib/gone2"), "../share/nothing");
    assert_eq!(target(&moved, "c"), "c");
    moved.found(&[
        "a symlink-loop note",
        "b symlink-loop note",
        "c symlink-loop note",
        "lib/gone symlink-dangling note",
        "lib/gone2 symlink-dangling note",
        "self symlink-loop note",
    ]);
    moved.runs("bin/app");
}

#[test]
fn a_relative_symlink_that_leaves_the_tree_is_a_warning() {
    let prefix = prefix();
    prefix.symlink("share/up", "../../outside");
    prefix.moved(&[]).found(&["share/up symlink-leaves-tree warning"]).runs("bin/app");
}

#[test]
fn an_absolute_symlink_that_leaves_ends_the_job() {
    let prefix = prefix();
    prefix.symlink("etc/zone", "/usr/share/zoneinfo").symlink("etc/other", "@X/file");
    let report = prefix.job(&[]);
    assert_eq!(report.ends(1).findings(), ["etc/other symlink-absolute error", "etc/zone symlink-absolute error"]);
    let text = prefix.relocate(&[]).stderr;
    assert!(text.contains("error: etc/zone: absolute symlink to /usr/share/zoneinfo, outside the tree"), "{text}");
    assert!(text.contains("--copy-link") && text.contains("--allow-link") && text.contains("--exclude"), "{text}");
}

#[test]
fn an_absolute_symlink_that_is_allowed_stays() {
    let prefix = prefix();
    prefix.symlink("etc/null", "/dev/null");
    let moved = prefix.job(&["--allow-link", "etc/*"]).unpacked();
    assert_eq!(target(&moved, "etc/null"), "/dev/null");
    moved.found(&["etc/null symlink-allowed note"]).runs("bin/app");
}

#[test]
fn what_an_absolute_symlink_leads_to_can_be_copied_in() {
    let prefix = prefix();
    prefix.file("%/outside/file", "a file\n").file("%/outside/directory/below/file", "below\n");
    prefix.symlink("etc/file", "%/outside/file").symlink("etc/directory", "%/outside/directory");
    let moved = prefix.moved(&["--copy-link", "etc/*"]);
    assert!(fs::symlink_metadata(moved.at("etc/file")).unwrap().is_file());
    assert_eq!(fs::read_to_string(moved.at("etc/file")).unwrap(), "a file\n");
    assert_eq!(fs::read_to_string(moved.at("etc/directory/below/file")).unwrap(), "below\n");
    moved.found(&["etc/directory copied-in note", "etc/file copied-in note"]).runs("bin/app");
}

/// A library behind a symlink that leaves the tree is the tree's once it is copied in, run-time path and all.
#[test]
fn a_library_that_is_copied_in_is_rewritten_too() {
    let prefix = Prefix::new();
    prefix.says("lib/libinner.so", "inner");
    let outer = "const char *say(void);\nconst char *outer(void) { return say(); }\n";
    prefix.library("%/outside/libouter.so", outer, &["-Wl,-rpath,@/lib", "@/lib/libinner.so"]);
    prefix.symlink("lib/libouter.so", "%/outside/libouter.so");
    let source =
        "// prints: inner\n#include <stdio.h>\nconst char *outer(void);\nint main(void) { puts(outer()); return 0; }\n";
    prefix.program("bin/app", source, &["-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    let report = prefix.job(&[]);
    assert_eq!(report.ends(1).findings(), ["lib/libouter.so symlink-absolute error"]);
    let moved = prefix.moved(&["--copy-link", "lib/libouter.so"]);
    moved.has("lib/libouter.so", &["RUNPATH $ORIGIN"]).runs("bin/app");
}
