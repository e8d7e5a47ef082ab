//! pkg-config's files: a program is compiled and linked against the moved tree.

use crate::moved::{output, relocate};
use relocate::base::path::RelPath;
use relocate::text::rewrite::Outcome;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A library `greet` with its header and a file for pkg-config, installed for `root`.
pub(crate) fn install_greet(root: &Path, pc: &str) {
    for directory in ["lib/pkgconfig", "include/greet"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::write(root.join("include/greet/greet.h"), "int greet(void);\n").unwrap();
    fs::write(root.join("greet.c"), "int greet(void) { return 42; }\n").unwrap();
    output(Command::new("cc").current_dir(root).args(["-shared", "-fPIC", "-o", "lib/libgreet.so", "greet.c"]));
    fs::remove_file(root.join("greet.c")).unwrap();
    fs::write(root.join("lib/pkgconfig/greet.pc"), pc.replace('@', root.to_str().unwrap())).unwrap();
}

/// Compiles, links and runs a program with the flags that a command prints, which are read by a shell.
pub(crate) fn build_and_run(directory: &Path, flags: &str, libraries: &Path) {
    fs::write(directory.join("main.c"), "#include <greet.h>\nint main(void) { return greet() - 42; }\n").unwrap();
    let script = format!("cc -o main main.c {} && ./main", flags.trim());
    output(Command::new("sh").current_dir(directory).args(["-c", &script]).env("LD_LIBRARY_PATH", libraries));
}

const USUAL: &str = "# greet, installed for @\nprefix=@\nexec_prefix=${prefix}\nlibdir=@/lib\nincludedir=${prefix}/include\n\n\
    Name: greet\nDescription: a greeting from @/share\nVersion: 1\n\
    Libs: -L@/lib -Wl,-rpath,@/lib -L${libdir} -lgreet\nCflags: -I@/include/greet\n";

fn pkg_config(root: &Path, arguments: &[&str]) -> String {
    output(Command::new("pkg-config").args(arguments).arg("greet").env("PKG_CONFIG_PATH", root.join("lib/pkgconfig")))
}

#[test]
fn a_program_is_built_against_the_moved_tree() {
    for name in ["new", "new place"] {
        let scratch = tempfile::tempdir().unwrap();
        let (old, new) = (scratch.path().join("old"), scratch.path().join(name));
        install_greet(&old, USUAL);
        let outcomes = relocate(&old, &new, &[&old]);
        assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::New(_))), "{outcomes:?}");
        let flags = pkg_config(&new, &["--cflags", "--libs"]);
        assert!(!flags.contains(old.to_str().unwrap()), "{flags}");
        build_and_run(scratch.path(), &flags, &new.join("lib"));
    }
}

#[test]
fn every_literal_follows_the_prefix_that_is_asked_for() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
    install_greet(&old, USUAL);
    relocate(&old, &new, &[&old]);
    let flags = pkg_config(&new, &["--define-variable=prefix=/else", "--cflags", "--libs"]);
    assert_eq!(flags.trim_end(), "-I/else/include/greet -L/else/lib -Wl,-rpath,/else/lib -lgreet");
    let prefix = PathBuf::from(pkg_config(&new, &["--variable=prefix"]).trim_end());
    assert_eq!(fs::canonicalize(prefix).unwrap(), fs::canonicalize(&new).unwrap());
}

#[test]
fn a_prefix_below_the_tree_is_found_from_the_file() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
    let below = old.join("opt/greet");
    fs::create_dir_all(&below).unwrap();
    let pc = "prefix=@\nName: greet\nDescription: x\nVersion: 1\nLibs: -L@/lib -lgreet\nCflags: -I@/include/greet -I#/include\n";
    install_greet(&below, &pc.replace('#', old.to_str().unwrap()));
    fs::create_dir(old.join("include")).unwrap();
    relocate(&old, &new, &[&old]);
    let file = new.join("opt/greet/lib/pkgconfig/greet.pc");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("prefix=${pcfiledir}/../..\n"), "{text}");
    assert!(text.contains("-I${prefix}/include/greet -I${pcfiledir}/../../../../include\n"), "{text}");
    build_and_run(
        scratch.path(),
        &pkg_config(&new.join("opt/greet"), &["--cflags", "--libs"]),
        &new.join("opt/greet/lib"),
    );
}

#[test]
fn a_path_ends_where_the_next_begins() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
    install_greet(&old, "Name: greet\nDescription: x\nVersion: 1\nLibs: -L@/l-L@/lib\n");
    relocate(&old, &new, &[&old]);
    let text = fs::read_to_string(new.join("lib/pkgconfig/greet.pc")).unwrap();
    assert!(text.ends_with("Libs: -L${pcfiledir}/../../l-L${pcfiledir}/..\n"), "{text}");
}

#[test]
fn a_name_from_which_the_way_is_another_is_refused() {
    let pc = RelPath::new(b"lib/pkgconfig/greet.pc").unwrap();
    for hard in [false, true] {
        let scratch = tempfile::tempdir().unwrap();
        let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
        install_greet(&old, USUAL);
        fs::create_dir_all(old.join("lib/arch/pkgconfig")).unwrap();
        if hard {
            fs::hard_link(old.join("lib/pkgconfig/greet.pc"), old.join("lib/arch/pkgconfig/hello.pc")).unwrap();
        } else {
            std::os::unix::fs::symlink("../../pkgconfig/greet.pc", old.join("lib/arch/pkgconfig/hello.pc")).unwrap();
        }
        let outcomes = relocate(&old, &new, &[&old]);
        let Outcome::Refused("pkg-config", why) = &outcomes[&pc] else { panic!("{outcomes:?}") };
        assert!(why.contains("lib/arch/pkgconfig/hello.pc"), "{why}");
    }
}

#[test]
fn a_link_from_which_the_way_is_the_same_is_no_hindrance() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
    install_greet(&old, USUAL);
    std::os::unix::fs::symlink("lib", old.join("lib64")).unwrap();
    fs::create_dir_all(old.join("share/pkgconfig")).unwrap();
    fs::rename(old.join("lib/pkgconfig/greet.pc"), old.join("lib/pkgconfig/hello.pc")).unwrap();
    std::os::unix::fs::symlink("../../lib64/pkgconfig/hello.pc", old.join("share/pkgconfig/greet.pc")).unwrap();
    relocate(&old, &new, &[&old]);
    let flags = output(
        Command::new("pkg-config")
            .args(["--cflags", "--libs", "greet"])
            .env("PKG_CONFIG_PATH", new.join("share/pkgconfig")),
    );
    build_and_run(scratch.path(), &flags, &new.join("lib"));
}
