//! The lock beside the recipe, and what `--locked` says when something differs.

use crate::lab::Lab;
use std::fs;

#[test]
fn a_changed_recipe_is_refused_where_the_lock_must_hold_and_locked_anew_where_not() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "[options]\ngreet = \"loud\"\n");
    // Nothing to hold: told before anything begins.
    lab.build(&["--locked"]).expect(4, &[], &["toy.lock", "help: run without --locked once"]);
    assert!(!lab.prefix.exists());
    lab.build(&["--quiet"]).expect(0, &[], &[]);
    let (locked, archive) = (fs::read_to_string(lab.lock()).unwrap(), lab.digest());

    lab.recipe("\"misc/greet\"", "[options]\ngreet = \"shy\"\n");
    let drift = lab.build(&["--locked"]).expect(
        1,
        &[],
        &["not what the lock says", "packages.\"misc/greet\".options", "loud", "shy", "help: "],
    );
    assert!(!drift.err.contains(": building"), "{}", drift.all());
    assert_eq!(fs::read_to_string(lab.lock()).unwrap(), locked);
    assert_eq!(lab.digest(), archive);

    lab.build(&["--quiet"]).expect(0, &[], &[]);
    let anew = fs::read_to_string(lab.lock()).unwrap();
    assert!(anew.contains("options = [\"shy\"]"), "{anew}");
    lab.build(&["--locked", "--quiet"]).expect(0, &[], &[]);

    // And back, to the first bytes.
    lab.recipe("\"misc/greet\"", "[options]\ngreet = \"loud\"\n");
    lab.build(&["--quiet"]).expect(0, &[], &[]);
    assert_eq!(fs::read_to_string(lab.lock()).unwrap(), locked);
    assert_eq!(lab.digest(), archive);
}

#[test]
fn another_compiler_flag_is_told_by_the_name_of_its_field() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "");
    lab.build(&["--quiet"]).expect(0, &[], &[]);
    lab.recipe("\"misc/greet\"", "[toolchain]\ncflags = \"-O1\"\n");
    // A prefix is made with one set of flags: told before any work.
    lab.build(&["--quiet"]).expect(4, &[], &["CFLAGS was '-O2", "and is '-O1", "start afresh: rm -rf "]);
    // Where the lock must hold, the field says more than the prefix.
    let there = lab.build(&["--locked", "--quiet"]).expect(1, &[], &["toolchain.cflags", "-O1", "help: "]);
    assert!(!there.err.contains("rm -rf"), "{}", there.all());
    fs::remove_dir_all(&lab.prefix).unwrap();
    lab.build(&["--locked"]).expect(1, &[], &["toolchain.cflags", "-O1", "help: "]);
    assert!(!lab.prefix.exists());
}

#[test]
fn another_flag_of_the_bootstrap_is_told_by_the_name_of_its_field_before_anything_is_made() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "");
    lab.build(&["--quiet"]).expect(0, &[], &[]);
    lab.recipe_with("\"misc/greet\"", "prefer-pkgsrc = \"no\"", "");
    let told = ["bootstrap.arguments", "--prefer-pkgsrc=no", "--prefer-pkgsrc=yes", "help: to take what is there now"];
    for more in [&["--locked"][..], &["--locked", "--dry-run"]] {
        let ran = lab.build(more).expect(1, &[], &told);
        assert!(!ran.err.contains("== bootstrap"), "{}", ran.all());
    }
    lab.build(&[]).expect(4, &[], &["prefer-pkgsrc=no", "start afresh: rm -rf "]);
}

#[test]
fn a_lock_that_is_none_is_told_with_its_line() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "");
    fs::write(lab.lock(), "schema = 1\nno-such-field = 2\n").unwrap();
    lab.build(&[]).expect(2, &[], &["toy.lock:"]);
    assert!(!lab.prefix.exists());
}
