//! Single entries of run-time paths: what each spelling becomes, and that the program then finds its library.

use crate::prefix::{Prefix, Ran, dynamic};

/// A program with this DT_RUNPATH and a library in `lib`, which says "lib".
fn with(entry: &str) -> Prefix {
    let prefix = Prefix::new();
    let linker = format!("-Wl,-rpath,{entry}");
    prefix.says("lib/libsay.so", "lib").asks("bin/app", "lib", "lib/libsay.so", &[&linker]);
    prefix
}

/// Asserts what an entry becomes, and what is said about it.
fn becomes(prefix: &Prefix, runpath: &str, findings: &[&str]) {
    let moved = prefix.moved(&["--old-prefix", "@"]);
    moved.has("bin/app", &[&format!("RUNPATH {runpath}")]).found(findings).runs("bin/app");
}

#[test]
fn an_entry_below_the_prefix_becomes_the_way_from_the_program() {
    becomes(&with("@/lib"), "$ORIGIN/../lib", &[]);
}

#[test]
fn the_prefix_itself_is_the_way_to_its_top() {
    let prefix = Prefix::new();
    prefix.says("libsay.so", "top").asks("bin/app", "top", "libsay.so", &["-Wl,-rpath,@"]);
    prefix.asks("top", "top", "libsay.so", &["-Wl,-rpath,@/"]);
    let moved = prefix.moved(&["--old-prefix", "@"]);
    moved.has("bin/app", &["RUNPATH $ORIGIN/.."]).runs("bin/app");
    moved.has("top", &["RUNPATH $ORIGIN"]).runs("top").found(&[]);
}

#[test]
fn slashes_and_dots_too_many_vanish() {
    for entry in ["@/lib/", "@//lib", "@/./lib/.", "//@///lib//"] {
        becomes(&with(entry), "$ORIGIN/../lib", &[]);
    }
}

#[test]
fn dot_dot_after_a_directory_is_taken_back() {
    let prefix = with("@/share/../lib");
    prefix.dir("share");
    becomes(&prefix, "$ORIGIN/../lib", &[]);
}

#[test]
fn dot_dot_after_a_symlink_leads_to_the_parent_of_its_target() {
    let prefix = Prefix::new();
    prefix.says("lib/deep/libsay.so", "deep").says("lib/libsay.so", "not this one").dir("lib/deep/other");
    prefix.symlink("link", "lib/deep/other").asks("bin/app", "deep", "lib/libsay.so", &["-Wl,-rpath,@/link/.."]);
    becomes(&prefix, "$ORIGIN/../lib/deep", &[]);
}

#[test]
fn dot_dot_after_what_is_not_there_stays_a_way_that_is_not_there() {
    let prefix = with("@/none/../other:@/lib");
    prefix.says("other/libsay.so", "the loader never looked here");
    becomes(&prefix, "$ORIGIN/../none/../other:$ORIGIN/../lib", &[]);
}

#[test]
fn leaving_the_prefix_and_coming_back_by_its_name_is_inside() {
    becomes(&with("@/../root/lib"), "$ORIGIN/../lib", &[]);
}

#[test]
fn leaving_the_prefix_by_dot_dot_is_outside() {
    becomes(&with("@/../other/lib:@/lib"), "$ORIGIN/../lib", &["bin/app runpath-outside note"]);
}

#[test]
fn a_directory_whose_name_begins_like_the_prefix_is_outside() {
    let prefix = with("@X/lib:@/lib");
    prefix.says("%/rootX/lib/libsay.so", "another prefix");
    becomes(&prefix, "$ORIGIN/../lib", &["bin/app runpath-outside note"]);
}

#[test]
fn a_prefix_reached_through_a_symlink_is_one_prefix_in_either_spelling() {
    let prefix = with("@/lib");
    prefix.symlink("%/spelling", "root");
    prefix.asks("bin/other", "lib", "lib/libsay.so", &["-Wl,-rpath,%/spelling/lib"]);
    let moved = prefix.moved(&[]);
    moved.has("bin/app", &["RUNPATH $ORIGIN/../lib"]).runs("bin/app");
    moved.has("bin/other", &["RUNPATH $ORIGIN/../lib"]).runs("bin/other").found(&[]);
}

#[test]
fn empty_entries_are_dropped_wherever_they_stand() {
    for entry in [":@/lib", "@/none::@/lib", "@/lib:"] {
        let prefix = with(entry);
        let moved = prefix.moved(&["--old-prefix", "@"]);
        let missing = if entry.contains("none") { "$ORIGIN/../none:" } else { "" };
        moved.has("bin/app", &[&format!("RUNPATH {missing}$ORIGIN/../lib")]);
        moved.found(&["bin/app runpath-insecure warning"]).runs("bin/app");
    }
}

/// Where the current directory was the only way to the library, its place in the tree takes over; a library of the same
/// name that lies where the program is started is no longer taken.
#[test]
fn colons_alone_are_dropped_and_the_current_directory_supplies_nothing() {
    let prefix = with(":::");
    prefix.says("decoy/libsay.so", "hijacked");
    let before = crate::prefix::run(std::process::Command::new(prefix.at("bin/app")).current_dir(prefix.at("decoy")));
    assert_eq!(before.stdout, "hijacked\n");
    let moved = prefix.moved(&["--old-prefix", "@"]);
    moved.has("bin/app", &["RUNPATH $ORIGIN/../lib"]);
    moved.found(&["bin/app runpath-insecure warning"]);
    let after = moved.run_in(moved.at("decoy"), "bin/app");
    assert_eq!(after, Ran { exit: Some(0), stdout: "lib\n".to_owned(), stderr: String::new() });
}

#[test]
fn a_relative_entry_is_dropped_and_reported() {
    for entry in ["lib:@/lib", "../lib:@/lib", "./lib:@/lib", "@/lib:.", "$ORIGINX/lib:@/lib", "$FOO:@/lib"] {
        becomes(&with(entry), "$ORIGIN/../lib", &["bin/app runpath-insecure warning"]);
    }
}

#[test]
fn what_begins_at_the_origin_stays_letter_by_letter() {
    for entry in ["${ORIGIN}/../lib", "$ORIGIN/../lib/", "$ORIGIN/..//bin/../lib"] {
        let prefix = with(entry);
        let before = std::fs::read(prefix.at("bin/app")).unwrap();
        let moved = prefix.moved(&["--old-prefix", "@"]);
        assert_eq!(std::fs::read(moved.at("bin/app")).unwrap(), before);
        moved.has("bin/app", &[&format!("RUNPATH {entry}")]).found(&[]).runs("bin/app");
    }
}

/// Debian's loader reads `$LIB` as `lib/x86_64-linux-gnu`, Fedora's as `lib64`, others' as `lib`.
#[test]
fn lib_stays_a_token() {
    for (entry, runpath) in
        [("@/$LIB", "$ORIGIN/../$LIB"), ("@/${LIB}/", "$ORIGIN/../${LIB}"), ("$ORIGIN/../$LIB", "$ORIGIN/../$LIB")]
    {
        let prefix = with(entry);
        prefix.says("lib64/libsay.so", "lib").says("lib/x86_64-linux-gnu/libsay.so", "lib");
        becomes(&prefix, runpath, &[]);
    }
}

#[test]
fn an_origin_that_leaves_the_tree_is_dropped_with_a_warning() {
    let prefix = with("$ORIGIN/../../..:$ORIGIN/../lib");
    becomes(&prefix, "$ORIGIN/../lib", &["bin/app runpath-leaves-tree warning"]);
}

/// The tree may get another name; `$ORIGIN/../../root/lib` then leads elsewhere.
#[test]
fn an_origin_that_leaves_the_tree_and_comes_back_by_name_is_replaced() {
    let prefix = with("$ORIGIN/../../root/lib");
    becomes(&prefix, "$ORIGIN/../lib", &["bin/app runpath-leaves-tree warning"]);
}

#[test]
fn a_directory_that_is_not_there_yet_keeps_its_entry_and_its_rank() {
    let prefix = with("@/later:@/lib");
    prefix.says("spare/libsay.so", "from the directory that came later");
    let moved = prefix.moved(&["--old-prefix", "@"]);
    moved.has("bin/app", &["RUNPATH $ORIGIN/../later:$ORIGIN/../lib"]).found(&[]).runs("bin/app");
    std::fs::rename(moved.at("spare"), moved.at("later")).unwrap();
    assert_eq!(moved.run_in("/", "bin/app").stdout, "from the directory that came later\n");
}

#[test]
fn a_file_is_no_directory_to_search() {
    let prefix = with("@/bin/app:@/lib");
    becomes(&prefix, "$ORIGIN/../lib", &["bin/app runpath-no-directory note"]);
}

#[test]
fn duplicates_are_dropped() {
    becomes(&with("@/lib:@/lib/:$ORIGIN/../lib:@//lib"), "$ORIGIN/../lib", &[]);
}

#[test]
fn an_outside_directory_that_supplies_nothing_is_dropped_with_a_note() {
    becomes(&with("/build/dir/.libs:@/lib"), "$ORIGIN/../lib", &["bin/app runpath-outside note"]);
}

#[test]
fn a_library_that_only_an_outside_directory_has_ends_the_job_and_is_named_with_it() {
    let prefix = Prefix::new();
    prefix.says("%/outside/libsay.so", "outside").dir("lib");
    prefix.asks("bin/app", "outside", "%/outside/libsay.so", &["-Wl,-rpath,@/lib:%/outside"]);
    let report = prefix.job(&["--old-prefix", "@"]);
    assert_eq!(report.ends(1).missing(), ["libsay.so bin/app"]);
    let outside = prefix.around().join("outside/libsay.so");
    assert_eq!(report.json["verdict"]["missing"][0]["on_this_host"], outside.to_str().unwrap());
    assert_eq!(report.json["verdict"]["missing"][0]["remedy"], "bundle");
    let text = prefix.relocate(&["--old-prefix", "@"]);
    assert_eq!(text.exit, Some(1));
    let said = format!("missing: libsay.so needed by bin/app; this machine has {}\n", outside.display());
    assert!(text.stderr.contains(&said), "{}", text.stderr);
    assert!(text.stderr.trim_end().ends_with("--bundle libsay.so"), "{}", text.stderr);

    let moved = prefix.moved(&["--old-prefix", "@", "--bundle", "libsay.so"]);
    moved.found(&["bin/app runpath-outside note", "lib/libsay.so copied-in note"]);
    moved.has("bin/app", &["RUNPATH $ORIGIN/../lib"]).runs("bin/app");
}

/// What a bundled library needs comes with it, and its own run-time path is judged like any other.
#[test]
fn a_bundled_library_brings_what_it_needs() {
    let prefix = Prefix::new();
    prefix.library("%/outside/libinner.so", "const char *inner(void) { return \"inner\"; }\n", &[]);
    let source = "const char *inner(void);\nconst char *say(void) { return inner(); }\n";
    prefix.library("%/outside/libsay.so", source, &["-Wl,-rpath,%/outside", "%/outside/libinner.so"]);
    prefix.asks("bin/app", "inner", "%/outside/libsay.so", &["-Wl,-rpath,@/lib:%/outside"]);
    let moved = prefix.moved(&["--old-prefix", "@", "--bundle", "libsay.so"]);
    moved.has("lib/libsay.so", &["RUNPATH $ORIGIN"]).has("bin/app", &["RUNPATH $ORIGIN/../lib"]).runs("bin/app");
}

/// The tree's own library of that name takes the place of the one outside.
#[test]
fn an_outside_library_no_longer_shadows_the_trees_own() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "the tree's own").says("%/outside/libsay.so", "outside");
    prefix.asks("bin/app", "the tree's own", "lib/libsay.so", &["-Wl,-rpath,%/outside:@/lib"]);
    becomes(&prefix, "$ORIGIN/../lib", &["bin/app runpath-outside note"]);
}

const LOADS: &str = r#"
// prints: plugin
#include <dlfcn.h>
#include <stdio.h>
int main(void) {
  void *plugin = dlopen("libplugin.so", RTLD_NOW);
  if (!plugin) { puts(dlerror()); return 1; }
  puts(((const char *(*)(void))dlsym(plugin, "say"))());
  return 0;
}
"#;

#[test]
fn a_directory_that_only_dlopen_uses_keeps_its_entry() {
    for (dtags, tag) in [("-Wl,--enable-new-dtags", "RUNPATH"), ("-Wl,--disable-new-dtags", "RPATH")] {
        let prefix = Prefix::new();
        prefix.says("lib/plugins/libplugin.so", "plugin");
        prefix.program("bin/app", LOADS, &[dtags, "-Wl,-rpath,@/lib/plugins", "-ldl"]);
        let moved = prefix.moved(&[]);
        moved.has("bin/app", &[&format!("{tag} $ORIGIN/../lib/plugins")]).found(&[]).runs("bin/app");
    }
}

/// `\xff` is no UTF-8, and glibc's separator is the colon alone.
#[test]
fn bytes_that_are_no_text_survive_in_entries_and_names() {
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"o\xff\nd");
    let prefix = with("@/oddd:@/lib");
    prefix.overwrite("bin/app", b"/oddd:", b"/o\xff\nd:");
    std::fs::create_dir(prefix.at("").join(odd)).unwrap();
    std::fs::rename(prefix.at("lib/libsay.so"), prefix.at("").join(odd).join("libsay.so")).unwrap();
    std::fs::rename(prefix.at("bin/app"), prefix.at("bin").join(odd)).unwrap();
    let moved = prefix.moved(&["--old-prefix", "@"]);
    moved.found(&[]);
    let program = moved.at("bin").join(odd);
    let ran = crate::prefix::run(&mut std::process::Command::new(&program));
    assert_eq!(ran, Ran { exit: Some(0), stdout: "lib\n".to_owned(), stderr: String::new() });
    let bytes = std::fs::read(&program).unwrap();
    let wanted = b"\0$ORIGIN/../o\xff\nd:$ORIGIN/../lib\0";
    assert!(bytes.windows(wanted.len()).any(|window| window == wanted));
    assert_eq!(dynamic(&program, &["NEEDED"])[0], "NEEDED libsay.so");
    let rewrite = &moved.report.json["plan"]["rewrites"][0];
    assert_eq!(rewrite["path"], serde_json::json!({"hex": "62696e2f6fff0a64"}));
    assert_eq!(rewrite["runpath"]["after"], "$ORIGIN/../o\\xff\\nd:$ORIGIN/../lib");
}
