//! Programs and libraries with every state of the run-time path tags, built once by the machine's own tools; each test
//! works on a copy.

use crate::program;
use relocate::base::bytes::{Edited, ReadAt};
use relocate::elf::{RunPaths, plan};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Programs and libraries with a dynamic section: no path, each tag, both tags, other linkers, 32 bits, a library.
pub(crate) const DYNAMIC: [&str; 9] =
    ["none", "runpath", "rpath", "empty", "gold", "lld", "narrow", "no-separate-code", "libgreet.so"];
/// What has no run-time path.
pub(crate) const OTHERS: [&str; 5] = ["static", "greet.o", "text", "nothing", "short"];

const GREET: &str = "int greet(void) { return 7; }\n";
const MAIN: &str =
    "#include <stdio.h>\nint greet(void);\nint main(void) { getchar(); puts(\"greetings\"); return greet() - 7; }\n";

/// Runs a tool in `dir`; its failure is the test's.
pub(crate) fn tool(dir: &Path, command: &[&str]) {
    let output = Command::new(command[0]).current_dir(dir).args(&command[1..]).output();
    let output = output.unwrap_or_else(|error| panic!("{} does not start: {error}", command[0]));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The directory the fixtures were built in; it holds `lib/libgreet.so`, and `lib2` without any library.
pub(crate) fn built() -> &'static Path {
    static BUILT: OnceLock<TempDir> = OnceLock::new();
    BUILT.get_or_init(build).path()
}

fn build() -> TempDir {
    let made = tempfile::tempdir().unwrap();
    let dir = made.path();
    tool(Path::new("/"), &["chmod", "755", dir.to_str().unwrap()]);
    for name in ["lib", "lib2", "lib32"] {
        fs::create_dir(dir.join(name)).unwrap();
    }
    fs::write(dir.join("greet.c"), GREET).unwrap();
    fs::write(dir.join("main.c"), MAIN).unwrap();
    let here = dir.to_str().unwrap();
    let path = format!("-Wl,-rpath,{here}/lib:{here}/lib2");
    let path32 = format!("-Wl,-rpath,{here}/lib32");
    let library = ["-shared", "-fPIC", "greet.c", "-Wl,-soname,libgreet.so", "-o"];
    tool(dir, &[&["cc"][..], &library, &["lib/libgreet.so"]].concat());
    tool(dir, &[&["cc", "-m32"][..], &library, &["lib32/libgreet.so"]].concat());
    let rows: [(&str, &[&str]); 8] = [
        ("none", &["-Llib"]),
        ("runpath", &["-Llib", "-Wl,--enable-new-dtags", &path]),
        ("rpath", &["-Llib", "-Wl,--disable-new-dtags", &path]),
        ("empty", &["-Llib", "-Wl,--enable-new-dtags,-rpath,"]),
        ("gold", &["-Llib", "-fuse-ld=gold", "-Wl,--enable-new-dtags", &path]),
        ("lld", &["-Llib", "-fuse-ld=lld", &path]),
        ("no-separate-code", &["-Llib", "-no-pie", "-Wl,-z,noseparate-code", &path]),
        ("narrow", &["-m32", "-Llib32", &path32]),
    ];
    for (name, options) in rows {
        tool(dir, &[&["cc", "main.c", "-o", name], options, &["-lgreet"]].concat());
    }
    tool(dir, &["cc", "-static", "main.c", "greet.c", "-o", "static"]);
    tool(dir, &["cc", "-c", "greet.c", "-o", "greet.o"]);
    fs::copy(dir.join("lib/libgreet.so"), dir.join("libgreet.so")).unwrap();
    fs::write(dir.join("text"), "hello\n").unwrap();
    fs::write(dir.join("nothing"), "").unwrap();
    fs::write(dir.join("short"), &fs::read(dir.join("runpath")).unwrap()[..700]).unwrap();
    both_tags(dir, "both", "/dead", &format!("{here}/lib"));
    made
}

/// A program with both tags, which no linker makes.
fn both_tags(dir: &Path, name: &str, rpath: &str, runpath: &str) {
    let old = fs::read(dir.join("runpath")).unwrap();
    let wanted = RunPaths { rpath: Some(rpath.into()), runpath: Some(runpath.into()) };
    let patch = plan(&old, &wanted).unwrap();
    let new = Edited::new(&old, &patch.edits, patch.size).range(0, patch.size).unwrap().into_owned();
    program::write(dir.join(name), new, 0o755);
}

/// A fresh directory that everybody may enter, with copies of fixtures.
pub(crate) fn copies(names: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    tool(Path::new("/"), &["chmod", "755", dir.path().to_str().unwrap()]);
    for name in names {
        copy(&built().join(name), &dir.path().join(name));
    }
    dir
}

/// Copies a program by another process: while this one held it open for writing, a child of another test's thread would
/// inherit that, and executing the copy could fail with ETXTBSY.
pub(crate) fn copy(from: &Path, to: &Path) {
    tool(Path::new("/"), &["cp", "-p", from.to_str().unwrap(), to.to_str().unwrap()]);
}

/// An argument of a table's row: `%` stands for the directory the fixtures were built in.
pub(crate) fn fill_in(argument: &str) -> OsString {
    OsString::from(argument.replace('%', built().to_str().unwrap()))
}

/// The tags and strings that readelf(1) sees, in file order.
pub(crate) fn tags(path: &Path) -> Vec<String> {
    let output = Command::new("readelf").args(["-dW"]).arg(path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter(|line| line.contains("(RPATH)") || line.contains("(RUNPATH)"));
    lines.map(|line| line[line.find('(').unwrap()..].split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Runs a program of the fixtures; its library is found by LD_LIBRARY_PATH, so that only damage can make it fail.
pub(crate) fn runs(program: &Path) {
    let name = program.file_name().unwrap().to_string_lossy();
    if name.contains(".so") {
        return;
    }
    let lib = built().join(if name == "narrow" { "lib32" } else { "lib" });
    let output = Command::new(program).env("LD_LIBRARY_PATH", lib).stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(output.stdout, b"greetings\n", "{}: {output:?}", program.display());
}

/// Whether a program finds its library by its own run-time path.
pub(crate) fn finds_its_library(program: &Path) -> bool {
    Command::new(program)
        .env_remove("LD_LIBRARY_PATH")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap()
        .status
        .success()
}

/// What a command ended with.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The program under test.
pub(crate) const RELOCATE: &str = env!("CARGO_BIN_EXE_relocate");

/// Runs `relocate elf`.
pub(crate) fn elf<S: AsRef<OsStr>>(dir: &Path, arguments: &[S]) -> Ended {
    Command::new(RELOCATE).current_dir(dir).arg("elf").args(arguments).output().unwrap().into()
}

/// A link named like a peer that leads to the program under test.
pub(crate) fn called(peer: &str) -> PathBuf {
    static LINKS: OnceLock<TempDir> = OnceLock::new();
    let dir = LINKS.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        for peer in ["patchelf", "chrpath"] {
            std::os::unix::fs::symlink(RELOCATE, dir.path().join(peer)).unwrap();
        }
        dir
    });
    dir.path().join(peer)
}

/// A name that is not UTF-8.
pub(crate) fn odd_name() -> OsString {
    OsString::from_vec(b"od\xffd".to_vec())
}
