//! What a run prints: the table, JSON on every path, nothing where quiet is asked for, colour only where it belongs; and that
//! a dry run writes nothing and says what the real one does.

use crate::call::{Call, PROVEN, Ran, relocate};
use crate::place::{Place, run_path};
use crate::state::exact;
use relocate::manifest::Manifest;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

/// A prefix in which several things are to be changed.
fn with_changes() -> Place {
    let place = Place::small();
    place.library("lib/deep/libother.so.1", &["-Wl,-rpath,@/lib:/somewhere/else"]);
    symlink(place.inside("lib/libword.so.1"), place.inside("lib/libword.so")).unwrap();
    place
}

#[test]
fn a_dry_run_writes_nothing_and_plans_what_the_manifest_then_records() {
    let place = with_changes();
    let before = exact(place.dir());
    let plan =
        ["bin/say: ", " -> $ORIGIN/../lib (S1 in place)", "lib/libword.so: symlink -> libword.so.1", "plan holds"];
    let note = ["lib/deep/libother.so.1: run-time path entry '/somewhere/else' dropped"];
    for out in [&[][..], &["-o", "x.tar"], &["-o", "out/"], &["-o", "-"], &["--in-place"]] {
        let arguments = [&["old/root", "--dry-run"], out].concat();
        let ran = relocate(place.dir(), arguments).run();
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let piped = out == ["-o", "-"];
        let told = if piped { &ran.err } else { &ran.out };
        assert!(plan.iter().all(|part| told.contains(part)) && ran.err.contains(note[0]), "{told}");
        assert!(!piped || ran.out.is_empty());
    }
    assert_eq!(exact(place.dir()), before);
    let planned = relocate(place.dir(), ["old/root", "--dry-run", "--json"]).expect(0, &["done"], &[]).json();
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).expect(0, &[PROVEN], &note);
    let new = place.unpack(place.at("x.tar.gz"));
    let manifest = Manifest::parse(&fs::read(new.join(".relocate/manifest.json")).unwrap()).unwrap();
    let recorded = manifest.entries.iter().flat_map(|entry| {
        let path = String::from_utf8(entry.path.as_bytes().to_vec()).unwrap();
        entry.changes.iter().map(move |change| (path.clone(), String::from_utf8(change.to.clone()).unwrap()))
    });
    let mut recorded: Vec<_> = recorded.collect();
    recorded.sort();
    assert_eq!(recorded, changes(&planned));
    for (path, to) in recorded.iter().filter(|(path, _)| path != "lib/libword.so") {
        assert_eq!(&run_path(new.join(path)), to);
    }
}

/// Path and new value of everything a report plans to change, sorted.
fn changes(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = |name: &str| report["plan"][name].as_array().unwrap().clone();
    let after = |one: &Value| {
        if one["runpath"]["after"].is_null() { text(&one["rpath"]["after"]) } else { text(&one["runpath"]["after"]) }
    };
    let rewrites = list("rewrites").into_iter().map(|one| (text(&one["path"]), after(&one)));
    let links = list("symlinks").into_iter().map(|one| (text(&one["path"]), text(&one["to"])));
    let mut all: Vec<_> = rewrites.chain(links).collect();
    all.sort();
    all
}

/// One JSON document, whose `exit` and `command` are those of the run.
fn document(ran: &Ran, command: &str, text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}{}", ran.err));
    assert_eq!((value["schema"].as_i64(), value["exit"].as_i64()), (Some(1), ran.code.map(i64::from)), "{text}");
    assert_eq!(value["command"], command);
    value
}

#[test]
fn json_is_one_valid_document_on_every_path() {
    let place = with_changes();
    symlink("/etc/hostname", place.inside("lib/away")).unwrap();
    place.library("lib/libneeds.so", &["-Wl,--no-as-needed", "-lz"]);
    fs::write(place.at("text.tar.gz"), "no archive").unwrap();
    let good = ["--allow-link", "away", "--exclude", "libneeds.so"];
    let rows: [(&[&str], &[&str], i32, &str); 17] = [
        (&["pack", "old/root", "-o", "a.tar.gz"], &good, 0, "done"),
        (&["pack", "old/root", "-o", "a/"], &good, 0, "done"),
        (&["pack", "old/root", "--dry-run"], &good, 0, "done"),
        (&["pack", "old/root", "-o", "b.tar.gz"], &[], 1, "no"),
        (&["pack", "old/root", "-o", "b.tar.gz"], &["--unproven"], 1, "no"),
        (&["pack", "old/root", "--target", "el6"], &good, 1, "no"),
        (&["pack", "nosuch"], &[], 2, "usage"),
        (&["pack", "old/root", "-o", "old/root/x.tar"], &[], 2, "usage"),
        (&["pack", "old/root", "-o", "nosuch/x.tar"], &good, 4, "environment"),
        (&["check", "a.tar.gz"], &["--allow-link", "away"], 0, "done"),
        (&["check", "a.tar.gz", "--run", "bin/say"], &["--allow-link", "away"], 0, "done"),
        (&["check", "old/root"], &[], 1, "no"),
        (&["check", "nosuch"], &[], 2, "usage"),
        (&["check", "text.tar.gz"], &[], 4, "environment"),
        (&["check", "a.tar.gz", "--run", "nosuch"], &["--allow-link", "away"], 1, "no"),
        (&["verify", "a"], &[], 0, "done"),
        (&["verify", "text.tar.gz"], &[], 4, "environment"),
    ];
    for (arguments, more, code, result) in rows {
        let ran = relocate(place.dir(), [arguments, more, &["--json"]].concat()).run();
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}{}", ran.out, ran.err);
        let value = document(&ran, arguments[0], &ran.out);
        assert_eq!(value["result"], result, "{arguments:?}");
        let failed = value["error"]["message"].as_str().is_some_and(|message| ran.err.contains(message));
        assert!(failed || ran.err.is_empty(), "{arguments:?}: {}", ran.err);
    }
    let missing = relocate(place.dir(), ["old/root", "--json", "--dry-run"]).run().json();
    assert_eq!(missing["verdict"]["missing"][0]["soname"], "libz.so.1");
    let refused = Place::new();
    refused.library("lib/libword.so.1", &[]);
    let program = refused.say("bin/say", &["-Wl,-rpath,@/lib"]);
    crate::place::chmod(program, 0o4755);
    let ran = relocate(refused.dir(), ["old/root", "--json"]).expect(3, &["\"refused\""], &[]);
    assert!(document(&ran, "pack", &ran.out)["plan"]["rewrites"][0]["refused"].is_string());
}

#[test]
fn json_of_a_piped_archive_goes_to_standard_error_whole() {
    let place = Place::small();
    let ran = relocate(place.dir(), ["old/root", "-o", "-", "--json"]).run();
    assert_eq!((ran.code, &ran.bytes[..2]), (Some(0), &b"\x1f\x8b"[..]));
    assert_eq!(document(&ran, "pack", &ran.err)["output"]["kind"], "pipe");
    let ran = relocate(place.dir(), ["nosuch/root", "-o", "-", "--json"]).run();
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert_eq!(document(&ran, "pack", &ran.err)["result"], "usage");
}

#[test]
fn quiet_prints_nothing_on_success_and_only_errors_otherwise() {
    let place = with_changes();
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz", "--quiet"]).expect(0, &[], &[]);
    relocate(place.dir(), ["old/root", "-o", "out/", "-q"]).expect(0, &[], &[]);
    for command in ["check", "verify"] {
        relocate(place.dir(), [command, "x.tar.gz", "-q"]).expect(0, &[], &[]);
    }
    relocate(place.dir(), ["check", "x.tar.gz", "-q", "--run", "bin/say"]).expect(0, &[], &[]);
    let ran = relocate(place.dir(), ["old/root", "-o", "-", "-q"]).run();
    assert_eq!((ran.code, ran.err.as_str(), &ran.bytes[..2]), (Some(0), "", &b"\x1f\x8b"[..]));
    symlink("/etc/hostname", place.inside("lib/away")).unwrap();
    let ran = relocate(place.dir(), ["old/root", "-o", "y.tar.gz", "-q"]).expect(1, &[], &["error: lib/away"]);
    assert!(!ran.err.contains("note:") && !ran.err.contains("warning:"), "{}", ran.err);
    relocate(place.dir(), ["check", "old/root", "-q"]).expect(1, &[], &["error: bin/say: RUNPATH has the entry"]);
    let in_place = ["--in-place", "old/root", "-q", "--allow-link", "away"];
    relocate(place.dir(), in_place).expect(0, &[], &[]);
}

const ESCAPE: &str = "\x1b[";

#[test]
fn colour_is_used_where_it_is_asked_for_and_nowhere_else() {
    let place = with_changes();
    let run = |arguments: &[&str]| relocate(place.dir(), [&["old/root", "--dry-run"], arguments].concat());
    let coloured = |call: Call| {
        let ran = call.run();
        assert_eq!(ran.code, Some(0));
        (ran.out.contains(ESCAPE), ran.err.contains(ESCAPE))
    };
    assert_eq!(coloured(run(&[])), (false, false));
    assert_eq!(coloured(run(&["--color", "auto"]).env("CLICOLOR_FORCE", "1")), (false, false));
    assert_eq!(coloured(run(&["--color", "never"])), (false, false));
    assert!(coloured(run(&["--color", "always"])).0);
    // What is typed is stronger than the environment.
    assert!(coloured(run(&["--color", "always"]).env("NO_COLOR", "1")).0);
    assert_eq!(coloured(run(&["--json", "--color", "always"])), (false, false));
    let failed = relocate(place.dir(), ["./nosuch", "--color", "always"]).expect(2, &[], &[ESCAPE]);
    assert!(failed.err.contains("cannot read ./nosuch"));
}

#[test]
fn colour_on_a_terminal_is_switched_off_by_no_color() {
    let place = with_changes();
    // script(1) gives the program a terminal; both outputs come through it.
    for (name, value, wanted) in [("NO_COLOR", "", true), ("NO_COLOR", "1", false), ("TERM", "dumb", false)] {
        let line = format!("{} old/root --dry-run", crate::call::PROGRAM);
        let mut command = std::process::Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).current_dir(place.dir()).env("TERM", "xterm").env(name, value);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("the plan holds"), "{text}");
        assert_eq!(text.contains(ESCAPE), wanted, "{name}={value}: {text}");
    }
}

#[test]
fn a_pipe_that_is_closed_early_ends_the_run_without_a_word() {
    let place = Place::small();
    crate::place::tool(&[
        &"dd",
        &"if=/dev/urandom",
        &format!("of={}", place.inside("noise").display()),
        &"bs=1M",
        &"count=3",
    ]);
    let mut call = relocate(place.dir(), ["old/root", "-o", "-"]);
    let mut child = call.0.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let mut call = relocate(place.dir(), ["old/root", "--dry-run"]);
    let mut child = call.0.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    assert_eq!(place.beside(), ["old", "source.c"]);
}

#[test]
fn help_and_version_are_answers_and_nothing_at_all_is_a_usage_error() {
    let place = Place::new();
    relocate(place.dir(), ["--version"]).expect(0, &["relocate "], &[]);
    relocate(place.dir(), ["--help"]).expect(0, &["Exit codes: 0 done and proven, 1", "3 an edit was refused"], &[]);
    relocate(place.dir(), ["check", "--help"]).expect(0, &["--run"], &[]);
    relocate::<&str>(place.dir(), []).expect(2, &[], &["relocate ROOT"]);
}
