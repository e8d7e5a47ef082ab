//! Programs with privileges: the loader ignores `$ORIGIN` in them, so one that needs an edit is refused.

use crate::prefix::{Prefix, run};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// A program with this mode, which needs an edit.
fn with_mode(mode: u32) -> Prefix {
    let prefix = Prefix::new();
    prefix.says("lib/libsay.so", "lib").asks("bin/app", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    fs::set_permissions(prefix.at("bin/app"), Permissions::from_mode(mode)).unwrap();
    prefix
}

#[test]
fn setuid_and_setgid_programs_that_need_an_edit_are_refused() {
    for mode in [0o4755, 0o2755, 0o6755] {
        let prefix = with_mode(mode);
        prefix.asks("bin/other", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
        let report = prefix.job(&[]);
        report.ends(3);
        let refused = &report.json["plan"]["rewrites"][0];
        assert_eq!(refused["path"], "bin/app");
        assert!(refused["refused"].as_str().unwrap().contains("setuid or setgid"), "{refused}");
        assert!(report.json["plan"]["rewrites"][1]["refused"].is_null());
        let text = prefix.relocate(&[]);
        assert_eq!(text.exit, Some(3));
        assert!(text.stderr.contains("refused: bin/app has setuid or setgid"), "{}", text.stderr);
        assert!(text.stderr.contains("--drop-setuid"), "{}", text.stderr);
    }
}

/// All refusals come in one run.
#[test]
fn refusals_are_listed_all_at_once() {
    let prefix = with_mode(0o4755);
    prefix.asks("sbin/second", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    fs::set_permissions(prefix.at("sbin/second"), Permissions::from_mode(0o2755)).unwrap();
    let text = prefix.relocate(&[]).stderr;
    assert!(text.contains("refused: bin/app ") && text.contains("refused: sbin/second "), "{text}");
}

#[test]
fn a_privilege_that_stands_in_the_way_can_be_dropped() {
    for mode in [0o4755, 0o2755, 0o6711] {
        let prefix = with_mode(mode);
        let moved = prefix.moved(&["--drop-setuid"]);
        let now = fs::metadata(moved.at("bin/app")).unwrap().permissions().mode() & 0o7777;
        assert_eq!(now, mode & 0o777, "{mode:o}");
        moved.has("bin/app", &["RUNPATH $ORIGIN/../lib"]).runs("bin/app");
        assert!(moved.report.findings().contains(&"bin/app setuid-dropped warning".to_owned()));
        assert_eq!(moved.report.json["plan"]["modes"][0]["to"], format!("{:04o}", mode & 0o777));
    }
}

/// Without an edit there is nothing in the way: the mode stays.
#[test]
fn a_setuid_program_that_needs_no_edit_is_left_alone() {
    let prefix = with_mode(0o755);
    let source = "// prints: plain\n#include <stdio.h>\nint main(void) { puts(\"plain\"); return 0; }\n";
    prefix.program("bin/plain", source, &[]);
    fs::set_permissions(prefix.at("bin/plain"), Permissions::from_mode(0o4755)).unwrap();
    let moved = prefix.moved(&[]);
    assert_eq!(fs::metadata(moved.at("bin/plain")).unwrap().permissions().mode() & 0o7777, 0o4755);
    moved.found(&[]).runs("bin/plain").runs("bin/app");
}

/// A library's own `$ORIGIN` works whoever loads it, and the mode bits of a library mean nothing.
#[test]
fn a_setuid_bit_on_a_library_is_no_privilege() {
    let prefix = Prefix::new();
    prefix.says("lib/libinner.so", "inner");
    let outer = "const char *say(void);\nconst char *outer(void) { return say(); }\n";
    prefix.library("lib/libouter.so", outer, &["-Wl,-rpath,@/lib", "@/lib/libinner.so"]);
    fs::set_permissions(prefix.at("lib/libouter.so"), Permissions::from_mode(0o4755)).unwrap();
    let source =
        "// prints: inner\n#include <stdio.h>\nconst char *outer(void);\nint main(void) { puts(outer()); return 0; }\n";
    prefix.program("bin/app", source, &["-Wl,-rpath,@/lib", "@/lib/libouter.so"]);
    let moved = prefix.moved(&[]);
    moved.has("lib/libouter.so", &["RUNPATH $ORIGIN"]).runs("bin/app");
}

#[test]
fn a_refused_program_can_be_skipped() {
    let prefix = with_mode(0o4755);
    let moved = prefix.job(&["--skip", "bin/app"]).unpacked();
    assert_eq!(fs::metadata(moved.at("bin/app")).unwrap().permissions().mode() & 0o7777, 0o4755);
    assert!(moved.report.findings().contains(&"bin/app skipped warning".to_owned()));
}

/// Only root may give capabilities away; an ordinary user gets the same refusal by way of the setuid bit.
fn give_capability(prefix: &Prefix) -> bool {
    if !rustix::process::geteuid().is_root() {
        fs::set_permissions(prefix.at("bin/app"), Permissions::from_mode(0o4755)).unwrap();
        return false;
    }
    let ran = run(Command::new("setcap").arg("cap_net_raw+ep").arg(prefix.at("bin/app")));
    assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""), "setcap");
    true
}

#[test]
fn a_program_with_file_capabilities_that_needs_an_edit_is_refused() {
    let prefix = with_mode(0o755);
    let what = if give_capability(&prefix) { "file capabilities" } else { "setuid or setgid" };
    let report = prefix.job(&[]);
    report.ends(3);
    let refused = report.json["plan"]["rewrites"][0]["refused"].as_str().unwrap().to_owned();
    assert!(refused.contains(what), "{refused}");
}

#[test]
fn file_capabilities_are_dropped_with_the_rest() {
    let prefix = with_mode(0o755);
    give_capability(&prefix);
    let in_place = prefix.relocate(&["--in-place", "--drop-setuid", "--json"]);
    assert_eq!((in_place.exit, in_place.stderr.as_str()), (Some(0), ""), "{}", in_place.stdout);
    assert!(in_place.stdout.contains("\"setuid-dropped\""), "{}", in_place.stdout);
    let left = run(Command::new("getcap").arg(prefix.at("bin/app")));
    assert_eq!((left.exit, left.stdout.as_str()), (Some(0), ""));
    assert_eq!(fs::metadata(prefix.at("bin/app")).unwrap().permissions().mode() & 0o7777, 0o755);
    let place = prefix.root.with_file_name("another place");
    fs::rename(&prefix.root, &place).unwrap();
    assert_eq!(run(&mut Command::new(place.join("bin/app"))).stdout, "lib\n");
}

/// Capabilities live in an extended attribute, and tar carries none; the report says what to do again.
#[test]
fn capabilities_that_an_archive_does_not_carry_are_noted() {
    let prefix = with_mode(0o755);
    let source = "// prints: plain\n#include <stdio.h>\nint main(void) { puts(\"plain\"); return 0; }\n";
    prefix.program("bin/plain", source, &[]);
    fs::rename(prefix.at("bin/app"), prefix.at("bin/other")).unwrap();
    fs::rename(prefix.at("bin/plain"), prefix.at("bin/app")).unwrap();
    let noted = give_capability(&prefix);
    let moved = prefix.moved(&[]);
    moved.found(if noted { &["bin/app capabilities note"] } else { &[] }).runs_as("bin/app", "bin/plain");
}

/// What is refused is refused before anything is written.
#[test]
fn in_place_changes_nothing_where_one_file_is_refused() {
    let prefix = with_mode(0o4755);
    prefix.asks("bin/other", "lib", "lib/libsay.so", &["-Wl,-rpath,@/lib"]);
    let before = fs::read(prefix.at("bin/other")).unwrap();
    let ran = prefix.relocate(&["--in-place"]);
    assert_eq!(ran.exit, Some(3), "{ran:#?}");
    assert_eq!(fs::read(prefix.at("bin/other")).unwrap(), before);
}
