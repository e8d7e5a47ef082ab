//! What is wrong is told before any work, all of it, each with what to do; nothing on the disk has changed then.

use crate::lab::{Lab, is_root};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

/// Runs a build that must be refused with `code` and these texts, and must change nothing outside its work directory.
#[track_caller]
fn refused(lab: &Lab, code: i32, texts: &[&str]) -> String {
    fs::create_dir_all(lab.dir.join("out")).unwrap();
    let before = lab.outside();
    let ran = lab.build(&[]).expect(code, &[], texts);
    assert!(!ran.err.contains("== bootstrap"), "work was begun\n{}", ran.all());
    assert_eq!(lab.outside(), before);
    ran.err
}

#[test]
fn names_that_do_not_exist_are_told_with_the_nearest_that_does() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "[smoke]\ncomands = []\n");
    refused(&lab, 2, &["toy.toml:", "comands", "commands"]);
    lab.recipe("\"misc/gret\", \"misc/greet\"", "[options]\ngreet = \"lowd\"\n");
    refused(
        &lab,
        2,
        &[
            "error: the tree has no package 'misc/gret'",
            "help: did you mean 'misc/greet'?",
            "misc/greet has no option 'lowd'",
            "help: did you mean 'loud'?",
            "nothing was begun",
        ],
    );
}

#[test]
fn a_misspelt_variable_is_a_warning() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "[mk.set]\nTOY_VERSION_DEFALT = \"27\"\n");
    let told = ["nothing in the tree reads the variable TOY_VERSION_DEFALT", "did you mean TOY_VERSION_DEFAULT?"];
    lab.build(&["--dry-run"]).expect(0, &["nothing was built"], &told);
    assert!(!lab.prefix.exists());
}

#[test]
fn a_prefix_of_somebody_else_is_left_alone() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "");
    fs::create_dir(&lab.prefix).unwrap();
    fs::write(lab.prefix.join("precious"), "data").unwrap();
    refused(&lab, 4, &["no bootstrap and not empty: it has precious", "help: name another prefix, or empty this one"]);

    fs::remove_dir_all(&lab.prefix).unwrap();
    fs::create_dir(lab.dir.join("real")).unwrap();
    symlink(lab.dir.join("real"), &lab.prefix).unwrap();
    let real = format!("help: name the prefix '{}/real'\n", lab.dir.display());
    refused(&lab, 4, &["leads through a symlink", &real]);
}

#[test]
fn a_machine_that_cannot_build_is_told_and_everything_else_too() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "[toolchain]\ncc = \"no-such-cc\"\n");
    refused(&lab, 4, &["no-such-cc", "help: "]);

    let recipe = "shell = \"/bin/no-such-shell\"";
    lab.recipe_with("\"misc/gret\"", recipe, "[toolchain]\ncc = \"no-such-cc\"\n");
    let told = refused(
        &lab,
        4,
        &["'/bin/no-such-shell' cannot be run", "name another shell, such as /bin/bash", "no-such-cc", "misc/gret"],
    );
    assert!(told.matches("error: ").count() >= 3, "{told}");

    // What somebody has in the prefix needs neither to be seen.
    fs::create_dir(&lab.prefix).unwrap();
    fs::write(lab.prefix.join("precious"), "data").unwrap();
    lab.recipe("\"misc/greet\"", "[toolchain]\ncc = \"no-such-cc\"\n");
    refused(&lab, 4, &["no-such-cc", "not empty: it has precious"]);
    lab.recipe_with("\"misc/greet\"", recipe, "");
    refused(&lab, 4, &["'/bin/no-such-shell' cannot be run", "not empty: it has precious"]);
}

#[test]
fn an_option_that_the_tree_s_bootstrap_does_not_know_is_told_with_those_it_has() {
    let lab = Lab::new();
    lab.recipe_with("\"misc/greet\"", "arguments = [\"--cwrappers\", \"no\"]", "");
    refused(&lab, 4, &["--cwrappers", "help: "]);
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_hours_of_work() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "");
    // A directory has its name; no user may write there.
    fs::create_dir_all(lab.archive()).unwrap();
    refused(&lab, 4, &["toy.tar.gz", "help: "]);
    fs::remove_dir(lab.archive()).unwrap();
    if !is_root() {
        fs::set_permissions(lab.dir.join("out"), fs::Permissions::from_mode(0o555)).unwrap();
        refused(&lab, 4, &["the result cannot be written", "help: "]);
        fs::set_permissions(lab.dir.join("out"), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// What only the prefix's own bmake can say: no package is begun.
#[test]
fn what_the_tree_refuses_is_told_at_once_before_any_package_is_built() {
    let lab = Lab::new();
    // A licence that a makefile says plainly is told before the bootstrap, with the line that accepts it.
    let packages = "\"misc/toy-hello\", \"broken/license\", \"broken/option\", \"misc/greet\"";
    lab.recipe(packages, "");
    let licence = "broken/license has a licence that is not accepted: strict-fixture-license";
    let line = "help: to accept it, add ACCEPTABLE_LICENSES = \"strict-fixture-license\" below [mk.append]";
    refused(&lab, 2, &[licence, line]);

    // Where there is a prefix, its bmake knows that and the rest.
    lab.recipe("\"misc/tally\"", "");
    lab.build(&["--quiet"]).expect(0, &[], &[]);
    fs::remove_file(lab.lock()).unwrap();
    fs::remove_dir_all(lab.dir.join("out")).unwrap();
    lab.recipe(packages, "");
    let ran = lab.build(&[]);
    let told = [
        "broken/license (license-trial-1.0) cannot be built",
        "[mk.append]",
        "ACCEPTABLE_LICENSES = \"strict-fixture-license\"",
        "broken/option (option-trial-1.0) cannot be built",
        "misc/toy-hello has several versions",
        "TOY_VERSION_REQD",
    ];
    let ran = ran.expect(5, &[], &told);
    assert!(!ran.err.contains("-1.0: building") && !ran.err.contains("greet-1.2: building"), "{}", ran.all());
    assert!(!lab.lock().exists() && !lab.archive().exists());

    // What it says to do is enough.
    let packages =
        "{ path = \"misc/toy-hello\", with = { TOY_VERSION_REQD = \"35\" } }, \"broken/license\", \"broken/option\"";
    let more =
        "[options]\noption-trial = \"plain-words\"\n\n[mk.append]\nACCEPTABLE_LICENSES = \"strict-fixture-license\"\n";
    lab.recipe(packages, more);
    lab.build(&["--quiet"]).expect(0, &[], &[]);
    assert!(lab.install("accepted").join("bin/license-trial").exists());
}

#[test]
fn a_recipe_that_is_not_there_and_a_tree_that_is_none_are_told() {
    let lab = Lab::new();
    lab.build(&[]).expect(2, &[], &["cannot read recipe/toy.toml"]);
    let mut none = Lab::new();
    none.tree = PathBuf::from("/usr/include");
    none.recipe("\"misc/greet\"", "");
    none.build(&[]).expect(4, &[], &["/usr/include", "help: "]);
}
