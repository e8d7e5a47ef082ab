//! Which library finds which: inherited paths, libraries without a tag, other architectures, and what ends the job.

use crate::prefix::{Prefix, relocate, run, run_with};
use std::fs;
use std::process::Command;

const OLD: &str = "-Wl,--disable-new-dtags";

/// A library `outer` that needs `say` of another.
const OUTER: &str = "const char *say(void);\nconst char *outer(void) { return say(); }\n";

/// A program that prints what `outer` gives.
const MAIN: &str =
    "// prints: inner\n#include <stdio.h>\nconst char *outer(void);\nint main(void) { puts(outer()); return 0; }\n";

/// `lib/libsay.so`, and `lib/libouter.so` that needs it and is linked with these arguments.
fn outer(args: &[&str]) -> Prefix {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "inner");
    prefix.library("lib/libouter.so", OUTER, &[args, &["@/lib/libsay.so"]].concat());
    prefix
}

#[test]
fn libraries_without_a_tag_stay_so_below_a_program_whose_rpath_carries_them() {
    let prefix = outer(&[]);
    prefix.program("bin/app", MAIN, &[OLD, "-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    let before = fs::read(prefix.at("lib/libouter.so")).unwrap();
    let moved = prefix.moved(&[]);
    moved.has("bin/app", &["RPATH $ORIGIN/../lib"]).has("lib/libouter.so", &[]).has("lib/libsay.so", &[]);
    assert_eq!(fs::read(moved.at("lib/libouter.so")).unwrap(), before);
    moved.found(&[]).runs("bin/app");
}

/// DT_RUNPATH is not inherited, so below a RUNPATH program the library needs a path of its own: DT_RPATH, which cuts
/// nothing off.
#[test]
fn a_library_without_a_tag_gets_an_rpath_where_nobody_carries_it() {
    let prefix = outer(&[]);
    prefix.program("bin/app", MAIN, &["-Wl,-rpath,@/lib", "@/lib/libouter.so", "-Wl,-rpath-link,@/lib"]);
    let moved = prefix.moved(&[]);
    moved.has("bin/app", &["RUNPATH $ORIGIN/../lib"]).has("lib/libouter.so", &["RPATH $ORIGIN"]);
    moved.has("lib/libsay.so", &[]).found(&[]).runs("bin/app");
    let reasons = &moved.report.json["plan"]["rewrites"][1]["reasons"];
    assert_eq!(reasons[0]["what"], "added");
    assert_eq!(reasons[0]["why"], "finds libsay.so, which it needs");
}

/// One program carries the library, the other does not: what the second lacks is added, and the first still runs.
#[test]
fn a_library_that_one_of_two_programs_carries_gets_an_rpath_for_the_other() {
    let prefix = outer(&[]);
    prefix.program("bin/app", MAIN, &[OLD, "-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    prefix.program("bin/other", MAIN, &["-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    let moved = prefix.moved(&[]);
    moved.has("lib/libouter.so", &["RPATH $ORIGIN"]).runs("bin/app").runs("bin/other");
}

#[test]
fn a_program_without_a_tag_gets_an_rpath_for_the_trees_library() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").asks("bin/app", "lib", "lib/libsay.so", &[]);
    let moved = prefix.moved(&[]);
    moved.has("bin/app", &["RPATH $ORIGIN/../lib"]).found(&[]).runs("bin/app");
}

/// An empty DT_RUNPATH blocks what is inherited. Where the program has loaded the library already, nothing is missing,
/// and the tag stays as it is: taking it away would change what the library inherits.
#[test]
fn an_empty_runpath_stays_where_nothing_is_missing() {
    let prefix = outer(&["-Wl,-rpath,"]);
    let with_both = "// prints: inner\n#include <stdio.h>\nconst char *say(void), *outer(void);\n\
                     int main(void) { puts(outer() == say() ? say() : \"two\"); return 0; }\n";
    prefix.program("bin/app", with_both, &[OLD, "-Wl,-rpath,@/lib", "@/lib/libsay.so", "@/lib/libouter.so"]);
    let moved = prefix.moved(&[]);
    moved.has("lib/libouter.so", &["RUNPATH "]).has("bin/app", &["RPATH $ORIGIN/../lib"]).found(&[]).runs("bin/app");
}

#[test]
fn an_empty_runpath_that_blocks_what_is_needed_gets_the_entry() {
    let prefix = outer(&["-Wl,-rpath,"]);
    prefix.program("bin/app", MAIN, &[OLD, "-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    assert_eq!(run(&mut Command::new(prefix.at("bin/app"))).exit, Some(127), "the empty RUNPATH does not block");
    let moved = prefix.moved(&[]);
    moved.has("lib/libouter.so", &["RUNPATH $ORIGIN"]).runs("bin/app");
}

const DLOPEN: &str = r#"
#include <dlfcn.h>
const char *say(void);
const char *outer(void) {
  void *plugin = dlopen("libplugin.so", RTLD_NOW);
  return plugin ? ((const char *(*)(void))dlsym(plugin, "plug"))() : dlerror();
}
"#;

const PLUGGED: &str =
    "// prints: plugin\n#include <stdio.h>\nconst char *outer(void);\nint main(void) { puts(outer()); return 0; }\n";

/// A library that calls dlopen and has no tag, below a program with DT_RPATH `lib:lib2`.
fn calls_dlopen(dtags: &str) -> Prefix {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "unused");
    prefix.library("lib2/libplugin.so", "const char *plug(void) { return \"plugin\"; }\n", &[]);
    prefix.library("lib/libouter.so", DLOPEN, &["@/lib/libsay.so", "-ldl"]);
    prefix.program("bin/app", PLUGGED, &[dtags, "-Wl,-rpath,@/lib:@/lib2", "@/lib/libouter.so"]);
    prefix
}

#[test]
fn a_library_without_a_tag_still_dlopens_by_the_programs_rpath() {
    let moved = calls_dlopen(OLD);
    let moved = moved.moved(&[]);
    moved.has("bin/app", &["RPATH $ORIGIN/../lib:$ORIGIN/../lib2"]).has("lib/libouter.so", &[]);
    moved.found(&[]).runs("bin/app");
}

/// The library needs a path for one program; given as DT_RUNPATH, it would cut off the other's DT_RPATH.
#[test]
fn a_path_that_is_added_does_not_cut_dlopen_off_the_programs_rpath() {
    let prefix = calls_dlopen(OLD);
    let source = "#include <stdio.h>\nconst char *outer(void);\nint main(void) { return !outer(); }\n";
    prefix.program("bin/needy", source, &["-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    let moved = prefix.moved(&[]);
    moved.has("lib/libouter.so", &["RPATH $ORIGIN"]).runs("bin/app").runs("bin/needy");
}

/// A plugin is opened by programs we cannot name; what it needs must be found by itself.
#[test]
fn a_plugin_that_nobody_needs_finds_its_libraries_by_itself() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "inner");
    prefix.library("bin/app-plugins/plugin.so", OUTER, &["@/lib/libsay.so"]);
    let load = "// prints: inner\n#include <dlfcn.h>\n#include <stdio.h>\nint main(int n, char **v) {\n  char path[4096];\n  \
                snprintf(path, sizeof path, \"%s-plugins/plugin.so\", v[0]);\n  void *h = dlopen(path, RTLD_NOW);\n  \
                puts(h ? ((const char *(*)(void))dlsym(h, \"outer\"))() : dlerror());\n  return !h || n > 1;\n}\n";
    prefix.program("bin/app", load, &["-ldl"]);
    let moved = prefix.moved(&[]);
    moved.has("bin/app-plugins/plugin.so", &["RPATH $ORIGIN/../../lib"]).has("bin/app", &[]).runs("bin/app");
}

#[test]
fn two_libraries_that_need_each_other_are_loaded_in_a_circle() {
    let prefix = Prefix::new();
    prefix.library("lib/libsay.so", "const char *say(void) { return \"first\"; }\n", &["-Wl,-rpath,@/lib"]);
    prefix.library("lib/libouter.so", OUTER, &["-Wl,-rpath,@/lib", "@/lib/libsay.so"]);
    let source = "const char *outer(void);\nconst char *say(void) { return \"inner\"; }\nvoid *keep = outer;\n";
    prefix.library("lib/libsay.so", source, &["@/lib/libouter.so"]);
    prefix.program("bin/app", MAIN, &["-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    let moved = prefix.moved(&[]);
    moved.has("lib/libsay.so", &[]).has("lib/libouter.so", &["RUNPATH $ORIGIN"]).runs("bin/app");
}

/// The loader passes over a file of another class and goes on; so do the plan and the judge.
#[test]
fn a_library_of_another_architecture_is_passed_over() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "64 bits");
    prefix.library("lib32/libsay.so", "const char *say(void) { return \"32 bits\"; }\n", &["-m32"]);
    prefix.asks("bin/app", "64 bits", "lib/libsay.so", &["-Wl,-rpath,@/lib32:@/lib"]);
    prefix.asks("bin/app32", "32 bits", "lib32/libsay.so", &["-m32", "-Wl,-rpath,@/lib:@/lib32"]);
    let moved = prefix.moved(&[]);
    moved.has("bin/app", &["RUNPATH $ORIGIN/../lib32:$ORIGIN/../lib"]).found(&[]).runs("bin/app");
    moved.has("bin/app32", &["RUNPATH $ORIGIN/../lib:$ORIGIN/../lib32"]).runs("bin/app32");
}

#[test]
fn a_library_of_another_architecture_alone_is_a_missing_library() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "for linking").asks("bin/app", "none", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    prefix.library("lib/libsay.so", "const char *say(void) { return \"32 bits\"; }\n", &["-m32"]);
    let report = prefix.job(&[]);
    assert_eq!(report.ends(1).missing(), ["libsay.so bin/app"]);
    assert_eq!(report.json["verdict"]["missing"][0]["instead"], "lib/libsay.so is for another architecture");
}

/// The loader stops at a file that is no ELF file, though a good one lies in the next directory.
#[test]
fn a_file_of_rubbish_in_the_librarys_name_ends_the_job() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").file("first/libsay.so", "GROUP ( ../lib/libsay.so )\n");
    prefix.asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,@/first:@/lib"]);
    assert_eq!(run(&mut Command::new(prefix.at("bin/app"))).exit, Some(127));
    let report = prefix.job(&[]);
    assert_eq!(report.ends(1).missing(), ["libsay.so bin/app"]);
    let instead = "first/libsay.so is no ELF file, and the loader stops there";
    assert_eq!(report.json["verdict"]["missing"][0]["instead"], instead);
}

/// Rubbish behind the directory that has the library does no harm.
#[test]
fn a_file_of_rubbish_that_comes_too_late_harms_nobody() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").file("last/libsay.so", "rubbish\n");
    prefix.asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib:@/last"]);
    prefix.moved(&[]).found(&[]).runs("bin/app");
}

#[test]
fn a_program_whose_loader_lies_inside_the_prefix_ends_the_job() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").copy("lib/ld.so", "/lib64/ld-linux-x86-64.so.2");
    let args = ["-Wl,-rpath,@/lib", "-Wl,--dynamic-linker,@/lib/ld.so"];
    prefix.asks("bin/app", "lib", "lib/libsay.so", &args);
    assert_eq!(run(&mut Command::new(prefix.at("bin/app"))).stdout, "lib\n");
    let report = prefix.job(&[]);
    assert!(report.ends(1).findings().contains(&"bin/app interp-inside-prefix error".to_owned()));
}

#[test]
fn a_needed_library_with_an_absolute_path_in_the_prefix_ends_the_job() {
    let prefix = Prefix::new();
    let soname = "-Wl,-soname,@/lib/libsay.so";
    prefix.library("lib/libsay.so", "const char *say(void) { return \"lib\"; }\n", &[soname]);
    prefix.asks("bin/app", "lib", "lib/libsay.so", &[]);
    let report = prefix.job(&["--old-prefix", "@"]);
    assert_eq!(report.ends(1).findings(), ["bin/app needed-absolute error"]);
    let text = prefix.relocate(&["--old-prefix", "@"]).stderr;
    assert!(text.contains("by its absolute path\nhelp: give that library a soname and link again"), "{text}");
    assert!(!text.contains("answers all of it"), "no option answers it: {text}");
}

/// DT_FILTER and DT_AUXILIARY name libraries too.
#[test]
fn a_filter_with_an_absolute_path_in_the_prefix_ends_the_job() {
    for option in ["-F", "-f"] {
        let prefix = Prefix::new();
        prefix.says("lib/libsay.so", "lib").says("lib/libfiltee.so", "lib");
        let filter = format!("-Wl,{option},@/lib/libfiltee.so");
        prefix.library("lib/libsay.so", "const char *say(void) { return \"lib\"; }\n", &[&filter]);
        prefix.asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
        let report = prefix.job(&["--old-prefix", "@"]);
        assert_eq!(report.ends(1).findings(), ["lib/libsay.so needed-absolute error"]);
    }
}

/// A filter library that is not found is fatal to glibc, an auxiliary one is not (`elf/dl-deps.c`).
#[test]
fn a_filter_library_must_be_found_and_an_auxiliary_one_need_not() {
    for option in ["-F", "-f"] {
        let prefix = Prefix::new();
        let filter = format!("-Wl,{option},libnowhere.so");
        prefix.library("lib/libsay.so", "const char *say(void) { return \"lib\"; }\n", &[&filter]);
        prefix.asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
        if option == "-F" {
            prefix.job(&["--old-prefix", "@"]).ends(1);
        } else {
            prefix.moved(&["--old-prefix", "@"]).runs("bin/app");
        }
    }
    let prefix = Prefix::new();
    prefix.says("lib/deep/libfiltee.so", "filtee");
    prefix.library("lib/libsay.so", "const char *say(void) { return \"lib\"; }\n", &["-Wl,-F,libfiltee.so"]);
    prefix.asks("bin/app", "filtee", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    let moved = prefix.moved(&["--old-prefix", "@"]);
    moved.has("lib/libsay.so", &["RPATH $ORIGIN/deep"]).runs("bin/app");
}

/// The loader expands `$ORIGIN` in DT_NEEDED too.
#[test]
fn a_needed_library_with_a_path_from_the_origin_is_found() {
    let prefix = Prefix::new();
    let soname = "-Wl,-soname,$ORIGIN/../lib/libsay.so";
    prefix.library("lib/libsay.so", "const char *say(void) { return \"lib\"; }\n", &[soname]);
    prefix.asks("bin/app", "lib", "lib/libsay.so", &[]);
    let moved = prefix.moved(&["--old-prefix", "@"]);
    moved.has("bin/app", &[]).found(&[]).runs("bin/app");
}

/// A variant for newer processors is loaded in place of the plain library where the processor has what it needs; what
/// the variant needs must be found from its own directory.
#[test]
fn variants_for_newer_processors_are_judged_as_libraries_of_their_own() {
    let prefix = outer(&["-Wl,-rpath,@/lib"]);
    let variant = "const char *say(void);\nconst char *outer(void) { return say(); }\nint variant;\n";
    for level in ["x86-64-v2", "x86-64-v3", "x86-64-v4"] {
        let path = format!("lib/glibc-hwcaps/{level}/libouter.so");
        prefix.library(&path, variant, &["@/lib/libsay.so"]);
    }
    prefix.program("bin/app", MAIN, &["-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    let moved = prefix.moved(&[]);
    moved.has("lib/glibc-hwcaps/x86-64-v3/libouter.so", &["RPATH $ORIGIN/../.."]).runs("bin/app");
    let list = run(Command::new("/lib64/ld-linux-x86-64.so.2").arg("--help"));
    if list.stdout.contains("x86-64-v2 (supported, searched)") {
        let loaded = run(Command::new("/lib64/ld-linux-x86-64.so.2").arg("--list").arg(moved.at("bin/app")));
        assert!(loaded.stdout.contains("/glibc-hwcaps/x86-64-v"), "{}", loaded.stdout);
    }
}

/// The plain directory is named, never the one below `glibc-hwcaps`, which some processors do not use.
#[test]
fn a_library_that_is_only_a_variant_is_missing() {
    let prefix = Prefix::new();
    prefix.says("lib/glibc-hwcaps/x86-64-v2/libsay.so", "variant");
    prefix.asks("bin/app", "variant", "lib/glibc-hwcaps/x86-64-v2/libsay.so", &["-Wl,-rpath,@/lib"]);
    assert_eq!(prefix.job(&[]).ends(1).missing(), ["libsay.so bin/app"]);
}

const CXX: &str = "// prints: 42\n#include <iostream>\nint main() { std::cout << 42 << '\\n'; }\n";

/// Libraries that every host may have are taken from the tree once they are copied in: each object that needs one gets an
/// entry, and what the host would have had to offer no longer counts.
#[test]
fn the_bundled_runtime_is_used_and_demands_nothing_of_the_host() {
    let mut prefix = Prefix::new();
    prefix.compiler = "c++";
    prefix.program("bin/app", CXX, &[]);
    let moved = prefix.moved(&["--bundle", "runtime"]);
    moved.has("bin/app", &["RPATH $ORIGIN/../lib"]).has("lib/libstdc++.so.6", &[]).runs("bin/app");
    let listed = run_with(&moved.at("bin/app"), "LD_TRACE_LOADED_OBJECTS", "1").stdout;
    for library in ["libstdc++.so.6", "libgcc_s.so.1"] {
        assert!(
            listed.contains(&format!("/bin/../lib/{library} (")) || listed.contains(&format!("/lib/{library} (")),
            "{listed}"
        );
    }
    let verdict = &moved.report.json["verdict"];
    assert!(verdict["floor"]["glibcxx"].is_null(), "{verdict:#}");
    assert!(!verdict["from_host"].to_string().contains("libstdc++"), "{verdict:#}");
}

/// A libstdc++ somewhere in the tree is no reason to ask less of the host where programs take the host's.
#[test]
fn a_runtime_in_the_tree_that_nobody_reaches_lowers_no_floor() {
    let mut prefix = Prefix::new();
    prefix.compiler = "c++";
    prefix.program("bin/app", CXX, &[]);
    let library = run(Command::new("c++").arg("-print-file-name=libstdc++.so.6")).stdout;
    prefix.copy("lib/gcc/libstdc++.so.6", library.trim());
    let moved = prefix.moved(&[]);
    moved.has("bin/app", &[]).runs("bin/app");
    assert_eq!(moved.report.json["verdict"]["floor"]["glibcxx"]["file"], "bin/app");
}

/// Everything that is missing comes in one run, and the command at its end can be pasted into a shell.
#[test]
fn one_pasted_command_answers_all_that_is_missing() {
    let prefix = Prefix::new();
    for name in ["one", "two", "three"] {
        prefix.says(&format!("%/out side/lib{name}.so.1"), name);
    }
    let rpath = "-Wl,-rpath,%/out side:@/lib";
    for name in ["one", "two"] {
        prefix.asks(&format!("bin/{name}"), name, &format!("%/out side/lib{name}.so.1"), &[rpath]);
    }
    prefix.says("%/gone/libgone.so.1", "gone").library("lib/optional.so", OUTER, &["%/gone/libgone.so.1"]);
    prefix.says("lib/libsay.so", "lib").asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    fs::remove_dir_all(prefix.around().join("gone")).unwrap();
    let out = prefix.around().join("out put.tar");
    let first = prefix.relocate(&["-o", out.to_str().unwrap(), "--old-prefix", "@"]);
    assert_eq!(first.exit, Some(1), "{first:#?}");
    let command = first.stderr.lines().last().unwrap().trim().to_owned();
    for option in ["--bundle libone.so.1", "--bundle libtwo.so.1", "--allow-missing libgone.so.1"] {
        assert!(command.contains(option), "{option} is not in: {command}");
    }
    let second = run(Command::new("sh").arg("-c").arg(&command));
    assert_eq!(second.exit, Some(0), "{command}: {second:#?}");
    let place = prefix.around().with_file_name("else where");
    fs::create_dir(&place).unwrap();
    assert_eq!(run(Command::new("tar").arg("-xpf").arg(&out).arg("-C").arg(&place)).exit, Some(0));
    prefix.hide();
    for (program, says) in [("one", "one\n"), ("two", "two\n"), ("app", "lib\n")] {
        assert_eq!(run(&mut Command::new(place.join("out put/bin").join(program))).stdout, says);
    }
}

#[test]
fn a_missing_plugin_dependency_may_be_allowed() {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").says("lib/libgone.so", "gone");
    prefix.asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    prefix.library("lib/plugins/optional.so", OUTER, &["-Wl,-rpath,@/lib", "@/lib/libgone.so"]);
    fs::remove_file(prefix.at("lib/libgone.so")).unwrap();
    assert_eq!(prefix.job(&[]).ends(1).missing(), ["libgone.so lib/plugins/optional.so"]);
    for allowed in ["libgone.so", "lib/plugins/*"] {
        let report = prefix.job(&["--allow-missing", allowed, "--dry-run"]);
        assert_eq!(report.ran.exit, Some(0), "{allowed}");
    }
    let report = prefix.job(&["--allow-missing", "libgone.so"]);
    report.unpacked().runs("bin/app");
}

#[test]
fn the_result_is_judged_by_check_like_any_other_tree() {
    let prefix = outer(&[]);
    prefix.program("bin/app", MAIN, &["-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    let checked = run(relocate().arg("check").arg("--json").arg(&prefix.root));
    assert_eq!(checked.exit, Some(1), "{checked:#?}");
    let moved = prefix.moved(&[]);
    let ran = run(relocate().args(["check", "--json", "--run", "bin/app"]).arg(&moved.root));
    assert_eq!(ran.exit, Some(0), "{ran:#?}");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["runs"][0]["stdout"], "inner\n");
    assert_eq!(json["runs"][0]["asked"], serde_json::json!([]));
}
