//! CMake package files: a project finds a package in the moved tree and is built against it.

use crate::moved::{output, relocate};
use crate::pkg_config::install_greet;
use relocate::text::rewrite::Outcome;
use std::fs;
use std::path::Path;
use std::process::Command;

const CONFIG: &str = "# greet, installed in @\n#[[ and\n   @ ]]\ninclude(\"@/lib/cmake/greet/greet-targets.cmake\")\nset(greet_DATA @/share/greet)\n";
const TARGETS: &str = "add_library(greet::greet SHARED IMPORTED)\nset_target_properties(greet::greet PROPERTIES\n  \
    INTERFACE_INCLUDE_DIRECTORIES \"@/include/greet;@/include\"\n  IMPORTED_LOCATION \"@/lib/libgreet.so\"\n  \
    IMPORTED_NO_SONAME TRUE)\n";
const PROJECT: &str = "cmake_minimum_required(VERSION 3.5)\nproject(x C)\nfind_package(greet REQUIRED)\nadd_executable(main main.c)\n\
    target_link_libraries(main greet::greet)\nmessage(STATUS \"data: ${greet_DATA}\")\n";

fn install(root: &Path, config: &str) {
    install_greet(root, "Name: @\n");
    let directory = root.join("lib/cmake/greet");
    fs::create_dir_all(&directory).unwrap();
    for (name, text) in [("greet-config.cmake", config), ("greet-targets.cmake", TARGETS)] {
        fs::write(directory.join(name), text.replace('@', root.to_str().unwrap())).unwrap();
    }
}

fn build(scratch: &Path, package: &Path) -> String {
    fs::write(scratch.join("CMakeLists.txt"), PROJECT).unwrap();
    fs::write(scratch.join("main.c"), "#include <greet.h>\nint main(void) { return greet() - 42; }\n").unwrap();
    let mut configure = Command::new("cmake");
    configure.current_dir(scratch).args(["-S", ".", "-B", "build"]).arg(format!("-Dgreet_DIR={}", package.display()));
    let said = output(&mut configure);
    output(Command::new("cmake").current_dir(scratch).args(["--build", "build"]));
    output(&mut Command::new(scratch.join("build/main")));
    said
}

#[test]
fn a_project_is_built_against_the_moved_tree() {
    for name in ["new", "new place"] {
        let scratch = tempfile::tempdir().unwrap();
        let (old, new) = (scratch.path().join("old"), scratch.path().join(name));
        install(&old, CONFIG);
        let outcomes = relocate(&old, &new, &[&old]);
        assert!(
            outcomes.iter().all(|(path, outcome)| path.name().ends_with(b".pc") || matches!(outcome, Outcome::New(_))),
            "{outcomes:?}"
        );
        let said = build(scratch.path(), &new.join("lib/cmake/greet"));
        let real = fs::canonicalize(&new).unwrap();
        assert!(said.contains(&format!("data: {}/share/greet", real.display())), "{said}");
    }
}

#[test]
fn a_package_is_found_through_a_symlink() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
    install(&old, CONFIG);
    relocate(&old, &new, &[&old]);
    let link = scratch.path().join("link");
    std::os::unix::fs::symlink(new.join("lib/cmake/greet"), &link).unwrap();
    build(scratch.path(), &link);
}

#[test]
fn what_cannot_be_expanded_is_refused() {
    for (config, word) in [
        ("set(x [==[@]==])\n", "bracket"),
        ("function(f)\n set(x \"@\")\nendfunction()\n", "function"),
        ("set(x \"@)\n", "certainty"),
        ("set(x \\@)\n", "certainty"),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
        install(&old, config);
        let outcomes = relocate(&old, &new, &[&old]);
        let refused =
            outcomes.values().any(|outcome| matches!(outcome, Outcome::Refused("cmake", why) if why.contains(word)));
        assert!(refused, "{config}: {outcomes:?}");
    }
}
