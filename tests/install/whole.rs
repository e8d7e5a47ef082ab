//! From a prefix to a tree at its final path and beyond, by commands alone: what `relocate ROOT` packs, `install`, tar and `fix`
//! bring to any place that has room.

use crate::call::relocate;
use crate::packed::Made;
use crate::place::tool;
use crate::state::exact;
use std::fs;
use std::path::Path;
use std::process::Command;

const CLEAN: &str = "every byte is as its manifest says";

/// Packs the prefix with `more` options, as `app.tar.gz`, and takes it away.
fn packed(more: &[&str]) -> Made {
    let made = Made::new();
    let root = made.root();
    let arguments = [&[root.to_str().unwrap(), "-o", "app.tar.gz"], more].concat();
    let ran = relocate(made.place.dir(), arguments).run();
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    fs::rename(made.place.at("built"), made.place.at("taken away")).unwrap();
    made
}

/// Its programs read their own files there, and none says another path.
fn runs_at(root: &Path) {
    for program in ["bin/reads", "bin/same", "bin/link", "bin/calls"] {
        let output = Command::new(root.join(program)).env_clear().env("PATH", "/usr/bin:/bin").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let named = said.strip_prefix("moved\n").unwrap_or_else(|| panic!("{program}: {said:?} {output:?}"));
        assert_eq!(format!("/{}", named.trim().trim_start_matches('/')), root.to_str().unwrap(), "{program}");
    }
}

#[test]
fn an_archive_is_installed_moved_and_moved_again() {
    let made = packed(&[]);
    let dir = made.place.dir();
    relocate(dir, ["install", "app.tar.gz", "one"]).expect(0, &["installed to", "room"], &[]);
    runs_at(&made.place.at("one"));
    relocate(dir, ["verify", "one"]).expect(0, &[CLEAN], &[]);
    for (from, to) in [("one", "two"), ("two", "three")] {
        fs::rename(made.place.at(from), made.place.at(to)).unwrap();
        relocate(dir, ["fix", to]).expect(0, &["it is at"], &[]);
        runs_at(&made.place.at(to));
        relocate(dir, ["verify", to]).expect(0, &[CLEAN], &[]);
    }
}

/// A tree instead of an archive is as one that tar unpacked.
#[test]
fn a_tree_that_was_written_as_one_is_fixed_where_it_is() {
    let made = packed(&[]);
    let root = made.root();
    relocate(made.place.dir(), [root.to_str().unwrap(), "-o", "out/", "--old-prefix", &made.prefix.display()]).run();
    relocate(made.place.dir(), ["fix", "out"]).expect(0, &["it is at"], &[]);
    runs_at(&made.place.at("out"));
    relocate(made.place.dir(), ["verify", "out"]).expect(0, &[CLEAN], &[]);
}

/// Packed for its final path, it needs only tar there; and it can still be moved, also to where it was built.
#[test]
fn an_archive_for_a_path_needs_only_tar_there_and_is_moved_like_any_other() {
    let dest = tempfile::tempdir().unwrap();
    let app = dest.path().join("app");
    let made = packed(&["--dest", app.to_str().unwrap(), "--top-dir", "app"]);
    tool(&[&"tar", &"xpf", &made.place.at("app.tar.gz"), &"-C", &dest.path()]);
    runs_at(&app);
    let before = exact(&app);
    relocate(dest.path(), ["fix", "app"]).expect(0, &["already at"], &[]);
    relocate(dest.path(), ["verify", "app"]).expect(0, &[CLEAN], &[]);
    assert_eq!(exact(&app), before);
    fs::rename(&app, made.place.at("two")).unwrap();
    relocate(made.place.dir(), ["fix", "two"]).expect(0, &["it is at"], &[]);
    runs_at(&made.place.at("two"));
    relocate(made.place.dir(), ["verify", "two"]).expect(0, &[CLEAN], &[]);
    relocate(made.place.dir(), ["install", "app.tar.gz", "three"]).expect(0, &["installed to"], &[]);
    runs_at(&made.place.at("three"));
    relocate(made.place.dir(), ["verify", "three"]).expect(0, &[CLEAN], &[]);
    let built = made.place.at("built/a-prefix-with-a-long-name-so-that-there-is-room-for-other-paths/ourapp");
    relocate(made.place.dir(), ["install", "app.tar.gz", built.to_str().unwrap()]).expect(0, &["installed to"], &[]);
    runs_at(&built);
}

/// What archives carry, linked dynamically as tests are.
const CARRIED: &str = env!("CARGO_BIN_EXE_relocate-carried");

/// Where only tar is, the archive brings the tool.
#[test]
fn the_tool_that_an_archive_carries_fixes_the_tree_it_lies_in() {
    let made = Made::new();
    made.pack_with("app.tar.gz", "app", Some(&fs::read(CARRIED).unwrap()), |_| {});
    tool(&[&"tar", &"xpf", &made.place.at("app.tar.gz"), &"-C", &made.place.dir()]);
    let app = made.place.at("app");
    tool(&[&app.join(".relocate/bin/relocate"), &"fix", &app]);
    crate::packed::runs_at(&app, &app);
    relocate(made.place.dir(), ["verify", "app"]).expect(0, &[CLEAN], &[]);
    relocate(made.place.dir(), ["verify", "app.tar.gz"]).expect(0, &[CLEAN], &[]);
    relocate(made.place.dir(), ["install", "app.tar.gz", "two"]).expect(0, &["installed to"], &[]);
    let three = made.place.at("three");
    fs::rename(made.place.at("two"), &three).unwrap();
    tool(&[&three.join(".relocate/bin/relocate"), &"fix", &three]);
    crate::packed::runs_at(&three, &three);
}

#[test]
fn the_carried_tool_does_what_a_target_needs_and_says_what_it_cannot() {
    let made = Made::new();
    made.pack();
    let carried = |arguments: &[&str]| {
        let mut call = relocate(made.place.dir(), arguments);
        let mut command = Command::new(CARRIED);
        command.args(arguments).current_dir(made.place.dir());
        call.0 = command;
        call
    };
    carried(&["install", "app.tar.gz", "one"]).expect(0, &["installed to"], &[]);
    carried(&["verify", "one"]).expect(0, &[CLEAN], &[]);
    fs::rename(made.place.at("one"), made.place.at("two")).unwrap();
    carried(&["fix", "two"]).expect(0, &["it is at"], &[]);
    crate::packed::runs_at(&made.place.at("two"), &made.place.at("two"));

    fs::create_dir(made.place.at("bare")).unwrap();
    let whole = &["has no record", "the whole relocate", "--old-prefix"];
    carried(&["fix", "bare", "--old-prefix", "/opt/app"]).expect(4, &[], whole);
    carried(&["build", "x.toml"]).expect(2, &[], &["'build' is no command", "fix, install and verify"]);
    carried(&["two"]).expect(2, &[], &["'two' is no command"]);
    carried(&["--help"]).expect(0, &["fix", "install", "verify"], &[]);
}
