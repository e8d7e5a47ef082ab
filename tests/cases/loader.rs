//! The rules in `loader::closure` against the loaders of this machine: for each tree, who finds which library where.

use crate::oracle::{HOST, MISSING, agree, by_the_rules};
use crate::prefix::{DT_AUDIT, DT_RPATH, Prefix, run_with};
use std::fs;

const OLD: &str = "-Wl,--disable-new-dtags";

/// A library that needs these, by path.
fn lib(prefix: &Prefix, path: &str, needs: &[&str], args: &[&str]) {
    let symbol = path.replace(['/', '.', '-'], "_");
    let needs: Vec<_> = needs.iter().map(|path| format!("@/{path}")).collect();
    let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
    prefix.library(path, &format!("int {symbol};\n"), &[args, &needs].concat());
}

fn app(prefix: &Prefix, path: &str, needs: &[&str], args: &[&str]) {
    let needs: Vec<_> = needs.iter().map(|path| format!("@/{path}")).collect();
    let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
    prefix.program(path, "int main(void) { return 0; }\n", &[args, &needs].concat());
}

/// `liba` needs `libb` needs `libc1`, in `lib`; each with these arguments.
fn chain(args: [&[&str]; 3]) -> Prefix {
    let prefix = Prefix::new();
    lib(&prefix, "lib/libc1.so", &[], args[2]);
    lib(&prefix, "lib/libb.so", &["lib/libc1.so"], args[1]);
    lib(&prefix, "lib/liba.so", &["lib/libb.so"], args[0]);
    prefix
}

const ALL: [(&str, &str); 3] = [("liba.so", "lib/liba.so"), ("libb.so", "lib/libb.so"), ("libc1.so", "lib/libc1.so")];

#[test]
fn rpath_is_inherited_and_runpath_is_not() {
    let prefix = chain([&[], &[], &[]]);
    app(&prefix, "bin/old", &["lib/liba.so"], &[OLD, "-Wl,-rpath,$ORIGIN/../lib"]);
    app(&prefix, "bin/new", &["lib/liba.so"], &["-Wl,-rpath,$ORIGIN/../lib"]);
    app(&prefix, "bin/none", &["lib/liba.so"], &[]);
    agree(&prefix, "bin/old", &ALL);
    agree(&prefix, "bin/new", &[("liba.so", "lib/liba.so"), ("libb.so", MISSING)]);
    agree(&prefix, "bin/none", &[("liba.so", MISSING)]);
}

#[test]
fn a_librarys_rpath_is_inherited_below_it() {
    let prefix = chain([&[OLD, "-Wl,-rpath,$ORIGIN"], &[], &[]]);
    app(&prefix, "bin/app", &["lib/liba.so"], &["-Wl,-rpath,$ORIGIN/../lib"]);
    agree(&prefix, "bin/app", &ALL);
}

#[test]
fn a_runpath_cuts_off_what_its_object_inherits_but_not_what_others_inherit() {
    let prefix = chain([&["-Wl,-rpath,$ORIGIN/nowhere"], &[], &[]]);
    app(&prefix, "bin/app", &["lib/liba.so"], &[OLD, "-Wl,-rpath,$ORIGIN/../lib"]);
    agree(&prefix, "bin/app", &[("liba.so", "lib/liba.so"), ("libb.so", MISSING)]);
    let prefix = chain([&["-Wl,-rpath,$ORIGIN"], &[], &[]]);
    app(&prefix, "bin/app", &["lib/liba.so"], &[OLD, "-Wl,-rpath,$ORIGIN/../lib"]);
    agree(&prefix, "bin/app", &ALL);
}

#[test]
fn an_empty_runpath_blocks_too_and_an_empty_rpath_does_not() {
    let prefix = chain([&["-Wl,-rpath,"], &[], &[]]);
    app(&prefix, "bin/app", &["lib/liba.so"], &[OLD, "-Wl,-rpath,$ORIGIN/../lib"]);
    app(&prefix, "bin/both", &["lib/liba.so", "lib/libb.so"], &[OLD, "-Wl,-rpath,$ORIGIN/../lib"]);
    agree(&prefix, "bin/app", &[("liba.so", "lib/liba.so"), ("libb.so", MISSING)]);
    agree(&prefix, "bin/both", &ALL);
    let prefix = chain([&[OLD, "-Wl,-rpath,"], &[], &[]]);
    app(&prefix, "bin/app", &["lib/liba.so"], &[OLD, "-Wl,-rpath,$ORIGIN/../lib"]);
    agree(&prefix, "bin/app", &ALL);
}

#[test]
fn an_rpath_beside_a_runpath_is_dead_for_the_object_and_for_its_children() {
    let prefix = chain([&[], &[], &[]]);
    let args = ["-Wl,-rpath,$ORIGIN/../nowhere", "-Wl,--audit=$ORIGIN/../lib"];
    app(&prefix, "bin/app", &["lib/liba.so"], &args);
    prefix.retag("bin/app", DT_AUDIT, DT_RPATH);
    agree(&prefix, "bin/app", &[("liba.so", MISSING)]);
    let args = ["-Wl,-rpath,$ORIGIN/../lib", "-Wl,--audit=$ORIGIN/../lib"];
    app(&prefix, "bin/app", &["lib/liba.so"], &args);
    prefix.retag("bin/app", DT_AUDIT, DT_RPATH);
    agree(&prefix, "bin/app", &[("liba.so", "lib/liba.so"), ("libb.so", MISSING)]);
}

#[test]
fn the_objects_own_rpath_comes_before_its_loaders() {
    let prefix = chain([&[OLD, "-Wl,-rpath,$ORIGIN/own"], &[], &[]]);
    lib(&prefix, "lib/own/libb.so", &[], &[]);
    lib(&prefix, "far/libb.so", &[], &[]);
    app(&prefix, "bin/app", &["lib/liba.so"], &[OLD, "-Wl,-rpath,$ORIGIN/../far:$ORIGIN/../lib"]);
    agree(&prefix, "bin/app", &[("liba.so", "lib/liba.so"), ("libb.so", "lib/own/libb.so")]);
}

#[test]
fn the_first_directory_that_has_it_wins() {
    let prefix = Prefix::new();
    for directory in ["one", "two"] {
        lib(&prefix, &format!("{directory}/libx.so"), &[], &[]);
    }
    app(&prefix, "bin/app", &["one/libx.so"], &["-Wl,-rpath,$ORIGIN/../none:$ORIGIN/../two:$ORIGIN/../one"]);
    agree(&prefix, "bin/app", &[("libx.so", "two/libx.so")]);
}

#[test]
fn a_librarys_origin_is_where_its_name_lies_not_where_its_file_lies() {
    let prefix = Prefix::new();
    lib(&prefix, "lib/deep/libb.so", &[], &[]);
    lib(&prefix, "lib/deep/liba.so", &["lib/deep/libb.so"], &["-Wl,-rpath,$ORIGIN"]);
    prefix.symlink("lib/liba.so", "deep/liba.so");
    app(&prefix, "bin/app", &["lib/deep/liba.so"], &["-Wl,-rpath,$ORIGIN/../lib"]);
    agree(&prefix, "bin/app", &[("liba.so", "lib/liba.so"), ("libb.so", MISSING)]);
    app(&prefix, "bin/deep", &["lib/deep/liba.so"], &["-Wl,-rpath,$ORIGIN/../lib/deep"]);
    agree(&prefix, "bin/deep", &[("liba.so", "lib/deep/liba.so"), ("libb.so", "lib/deep/libb.so")]);
}

#[test]
fn dot_dot_after_a_symlinked_directory_is_physical() {
    let prefix = Prefix::new();
    lib(&prefix, "lib/libb.so", &[], &[]);
    lib(&prefix, "lib/deep/liba.so", &["lib/libb.so"], &["-Wl,-rpath,$ORIGIN/.."]);
    prefix.symlink("way", "lib/deep");
    app(&prefix, "bin/app", &["lib/deep/liba.so"], &["-Wl,-rpath,$ORIGIN/../way"]);
    agree(&prefix, "bin/app", &[("liba.so", "lib/deep/liba.so"), ("libb.so", "lib/libb.so")]);
}

#[test]
fn other_classes_and_machines_are_passed_over() {
    let prefix = Prefix::new();
    lib(&prefix, "lib/libx.so", &[], &[]);
    lib(&prefix, "narrow/libx.so", &[], &["-m32"]);
    lib(&prefix, "arm/libx.so", &[], &[]);
    let mut bytes = fs::read(prefix.at("arm/libx.so")).unwrap();
    bytes[18] = 183;
    fs::write(prefix.at("arm/libx.so"), bytes).unwrap();
    app(&prefix, "bin/app", &["lib/libx.so"], &["-Wl,-rpath,$ORIGIN/../narrow:$ORIGIN/../arm:$ORIGIN/../lib"]);
    agree(&prefix, "bin/app", &[("libx.so", "lib/libx.so")]);
    app(&prefix, "bin/none", &["lib/libx.so"], &["-Wl,-rpath,$ORIGIN/../narrow:$ORIGIN/../arm"]);
    agree(&prefix, "bin/none", &[("libx.so", MISSING)]);
}

/// A program that needs `libx.so`, for which `first` has something else and `lib` the library.
fn after(first: impl Fn(&Prefix) -> &Prefix) -> Prefix {
    let prefix = Prefix::new();
    lib(&prefix, "lib/libx.so", &[], &[]);
    app(&prefix, "bin/app", &["lib/libx.so"], &["-Wl,-rpath,$ORIGIN/../first:$ORIGIN/../lib"]);
    prefix.dir("first");
    let _ = first(&prefix);
    prefix
}

const STOPS: [(&str, &str); 1] = [("libx.so", "stops at first/libx.so")];
const GOES_ON: [(&str, &str); 1] = [("libx.so", "lib/libx.so")];

#[test]
fn what_is_no_elf_file_ends_the_search() {
    for rubbish in ["", "\x7f", "\x7fELF", "GROUP ( libx.so.1 )\n", &"rubbish ".repeat(1000)] {
        agree(&after(|prefix| prefix.file("first/libx.so", rubbish)), "bin/app", &STOPS);
    }
}

#[test]
fn a_directory_in_the_librarys_place_ends_the_search() {
    agree(&after(|prefix| prefix.dir("first/libx.so")), "bin/app", &STOPS);
}

#[test]
fn an_object_file_in_the_librarys_place_ends_the_search() {
    let prefix = after(|prefix| prefix.library("first/libx.so", "int x;\n", &["-r", "-nostdlib", "-no-pie"]));
    agree(&prefix, "bin/app", &STOPS);
}

#[test]
fn a_symlink_that_leads_nowhere_is_passed_over() {
    agree(&after(|prefix| prefix.symlink("first/libx.so", "gone")), "bin/app", &GOES_ON);
}

/// Of a circle of symlinks the loader learns ELOOP, which is neither "not there" nor "not allowed": it gives up the
/// run-time path, not only the directory.
#[test]
fn a_circle_of_symlinks_ends_the_search_of_the_path() {
    agree(&after(|prefix| prefix.symlink("first/libx.so", "libx.so")), "bin/app", &[("libx.so", MISSING)]);
}

#[test]
fn a_loaded_library_is_known_by_its_soname_too() {
    let prefix = Prefix::new();
    // The program is linked with a library of that file name and no such soname.
    lib(&prefix, "other/libfile.so", &[], &[]);
    lib(&prefix, "lib/libfile.so", &[], &["-Wl,-soname,libname.so"]);
    lib(&prefix, "lib/libuser.so", &["lib/libfile.so"], &[]);
    app(&prefix, "bin/app", &["other/libfile.so", "lib/libuser.so"], &["-Wl,-rpath,$ORIGIN/../lib"]);
    agree(&prefix, "bin/app", &[("libfile.so", "lib/libfile.so"), ("libuser.so", "lib/libuser.so")]);
}

#[test]
fn one_file_by_two_names_is_loaded_once_with_the_first_origin() {
    let prefix = Prefix::new();
    lib(&prefix, "deep/er/libb.so", &[], &[]);
    lib(&prefix, "lib/liba.so", &["deep/er/libb.so"], &["-Wl,-rpath,$ORIGIN/er"]);
    prefix.symlink("deep/liba.so.2", "../lib/liba.so");
    lib(&prefix, "other/liba.so.2", &[], &[]);
    app(&prefix, "bin/app", &["other/liba.so.2", "lib/liba.so"], &["-Wl,-rpath,$ORIGIN/../deep:$ORIGIN/../lib"]);
    agree(&prefix, "bin/app", &[("liba.so.2", "deep/liba.so.2"), ("libb.so", "deep/er/libb.so")]);
}

#[test]
fn a_needed_path_from_the_origin_is_opened_and_not_searched() {
    let prefix = Prefix::new();
    lib(&prefix, "lib/libx.so", &[], &["-Wl,-soname,$ORIGIN/../lib/libx.so"]);
    app(&prefix, "bin/app", &["lib/libx.so"], &[]);
    let rules = by_the_rules(&prefix.root, "bin/app");
    assert!(rules.contains(&("$ORIGIN/../lib/libx.so".to_owned(), "lib/libx.so".to_owned())), "{rules:?}");
    let ran = run_with(&prefix.at("bin/app"), "LD_TRACE_LOADED_OBJECTS", "1");
    assert!(ran.stdout.contains("/bin/../lib/libx.so ("), "{}", ran.stdout);
}

#[test]
fn without_default_directories_the_host_supplies_nothing() {
    let prefix = chain([&["-Wl,-z,nodefaultlib", "-lm"], &[], &[]]);
    app(&prefix, "bin/app", &["lib/liba.so"], &[OLD, "-Wl,-rpath,$ORIGIN/../lib"]);
    let found = [&ALL[..], &[("libm.so.6", MISSING)]].concat();
    agree(&prefix, "bin/app", &found);
}

#[test]
fn the_host_supplies_what_the_tree_does_not() {
    let prefix = Prefix::new();
    lib(&prefix, "lib/libx.so", &[], &["-lm"]);
    app(&prefix, "bin/app", &["lib/libx.so"], &["-Wl,-rpath,$ORIGIN/../lib"]);
    agree(&prefix, "bin/app", &[("libx.so", "lib/libx.so"), ("libm.so.6", HOST)]);
}

/// Who comes first decides for all: a later object's own path to another libm is not searched.
#[test]
fn what_the_host_supplied_once_is_not_searched_again() {
    let prefix = Prefix::new();
    lib(&prefix, "own/libm.so.6", &[], &[]);
    lib(&prefix, "lib/libx.so", &[], &["-lm"]);
    lib(&prefix, "lib/liby.so", &["own/libm.so.6"], &["-Wl,-rpath,$ORIGIN/../own"]);
    app(&prefix, "bin/app", &["lib/libx.so", "lib/liby.so"], &["-Wl,-rpath,$ORIGIN/../lib"]);
    app(&prefix, "bin/turned", &["lib/liby.so", "lib/libx.so"], &["-Wl,-rpath,$ORIGIN/../lib"]);
    let libraries = [("libx.so", "lib/libx.so"), ("liby.so", "lib/liby.so")];
    agree(&prefix, "bin/app", &[&libraries[..], &[("libm.so.6", HOST)]].concat());
    agree(&prefix, "bin/turned", &[&libraries[..], &[("libm.so.6", "own/libm.so.6")]].concat());
}

#[test]
fn tokens_are_expanded_as_the_loader_expands_them() {
    let prefix = Prefix::new();
    lib(&prefix, "lib/libx.so", &[], &[]);
    let rows = [
        ("${ORIGIN}/../lib", "lib/libx.so"),
        ("$ORIGIN//..///lib/.", "lib/libx.so"),
        ("$ORIGINX/../lib", MISSING),
        ("$ORIGIN_/../lib", MISSING),
        ("${ORIGIN/../lib", MISSING),
        ("$FOO/../lib", MISSING),
        ("$ORIGIN/../lib\nx", MISSING),
    ];
    for (entry, place) in rows {
        app(&prefix, "bin/app", &["lib/libx.so"], &[&format!("-Wl,-rpath,{entry}")]);
        agree(&prefix, "bin/app", &[("libx.so", place)]);
    }
}

/// A musl tree with the same chain.
fn musl(args: [&[&str]; 3]) -> Prefix {
    let mut prefix = Prefix::new();
    prefix.compiler = "musl-gcc";
    lib(&prefix, "lib/libc1.so", &[], args[2]);
    lib(&prefix, "lib/libb.so", &["lib/libc1.so"], args[1]);
    lib(&prefix, "lib/liba.so", &["lib/libb.so"], args[0]);
    prefix
}

#[test]
fn under_musl_both_tags_are_inherited_and_none_cuts_another_off() {
    let prefix = musl([&[], &["-Wl,-rpath,$ORIGIN/nowhere"], &[]]);
    app(&prefix, "bin/new", &["lib/liba.so"], &["-Wl,-rpath,$ORIGIN/../lib"]);
    app(&prefix, "bin/old", &["lib/liba.so"], &[OLD, "-Wl,-rpath,$ORIGIN/../lib"]);
    agree(&prefix, "bin/new", &ALL);
    agree(&prefix, "bin/old", &ALL);
    let prefix = musl([&["-Wl,-rpath,"], &[], &[]]);
    app(&prefix, "bin/app", &["lib/liba.so"], &["-Wl,-rpath,$ORIGIN/../lib"]);
    agree(&prefix, "bin/app", &ALL);
}

#[test]
fn under_musl_the_tokens_are_few_and_others_void_the_path() {
    let prefix = musl([&[], &[], &[]]);
    let lib = [("libc1.so", "lib/libc1.so")];
    let rows: [(&str, &[(&str, &str)]); 7] = [
        ("${ORIGIN}/../lib", &lib),
        ("$ORIGIN/../none\n$ORIGIN/../lib", &lib),
        ("$ORIGIN/../lib:$LIB", &[("libc1.so", MISSING)]),
        ("$ORIGIN/../lib:$ORIGIN/../$PLATFORM", &[("libc1.so", MISSING)]),
        ("$FOO:$ORIGIN/../lib", &[("libc1.so", MISSING)]),
        ("${ORIGIN:$ORIGIN/../lib", &[("libc1.so", MISSING)]),
        ("$ORIGINX/../none:$ORIGIN/../lib", &lib),
    ];
    for (entry, wanted) in rows {
        app(&prefix, "bin/app", &["lib/libc1.so"], &[&format!("-Wl,-rpath,{entry}")]);
        agree(&prefix, "bin/app", wanted);
    }
}

/// musl looks at neither class nor machine before it takes a file.
#[test]
fn under_musl_another_class_is_not_passed_over() {
    let prefix = musl([&[], &[], &[]]);
    let narrow = Prefix::new();
    lib(&narrow, "first/libc1.so", &[], &["-m32", "-nostdlib"]);
    prefix.copy("first/libc1.so", narrow.at("first/libc1.so").to_str().unwrap());
    app(&prefix, "bin/app", &["lib/libc1.so"], &["-Wl,-rpath,$ORIGIN/../first:$ORIGIN/../lib"]);
    agree(&prefix, "bin/app", &[("libc1.so", MISSING)]);
}
