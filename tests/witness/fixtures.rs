//! Small ELF files of many shapes, made by the machine's own tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a tool in `dir`; its failure is the test's.
pub(crate) fn run(dir: &Path, program: &str, args: &[&str]) {
    let output = Command::new(program).current_dir(dir).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A library with a run path, a soname, a needed library, version needs and a version definition.
pub(crate) fn library(dir: &Path) -> PathBuf {
    sources(dir);
    run(
        dir,
        "cc",
        &["-shared", "-fPIC", "lib.c", "-o", "libfix.so", "-Wl,-soname,libfix.so.1", VERSION_SCRIPT, RUNPATH],
    );
    dir.join("libfix.so")
}

pub(crate) const RUN_PATH: &[u8] = b"/home/ourapp/root/lib";
const RUNPATH: &str = "-Wl,-rpath,/home/ourapp/root/lib";
const VERSION_SCRIPT: &str = "-Wl,--version-script=fix.map";

fn sources(dir: &Path) {
    let files = [
        ("main.c", "#include <stdio.h>\n#include <stdlib.h>\nint main(void) { puts(getenv(\"HOME\")); return 0; }\n"),
        ("lib.c", "#include <stdio.h>\nint fix(void) { return puts(\"fix\"); }\nint old(void) { return 1; }\n"),
        ("weak.c", "int gone(void) __attribute__((weak));\nint ask(void) { return gone ? gone() : 0; }\n"),
        ("gone.c", "int gone(void) { return 1; }\n"),
        ("fix.map", "FIX_1 { global: old; local: *; };\nFIX_2 { global: fix; } FIX_1;\n"),
        ("gone.map", "GONE_1 { gone; };\n"),
        ("text.c", "int v; int *text(void) { return &v; }\n"),
    ];
    for (name, text) in files {
        fs::write(dir.join(name), text).unwrap();
    }
}

/// Builds one of each shape: programs and libraries, both classes, three linkers, every tag the witness tells.
pub(crate) fn every_shape(dir: &Path) -> Vec<PathBuf> {
    library(dir);
    let rows: &[(&str, &str, &[&str])] = &[
        ("pie", "cc", &["main.c", RUNPATH]),
        ("no-pie", "cc", &["main.c", "-no-pie", RUNPATH]),
        ("rpath", "cc", &["main.c", "-Wl,--disable-new-dtags", RUNPATH]),
        ("empty-runpath", "cc", &["main.c", "-Wl,--enable-new-dtags,-rpath,"]),
        ("gold", "cc", &["main.c", "-fuse-ld=gold", RUNPATH]),
        ("lld", "cc", &["main.c", "-fuse-ld=lld", RUNPATH]),
        ("lld-relr", "cc", &["main.c", "-fuse-ld=lld", "-Wl,--pack-dyn-relocs=relr", RUNPATH]),
        ("relr", "cc", &["main.c", "-Wl,-z,pack-relative-relocs"]),
        ("sysv-hash", "cc", &["main.c", "-Wl,--hash-style=sysv"]),
        ("gnu-hash", "cc", &["main.c", "-Wl,--hash-style=gnu"]),
        ("no-separate-code", "cc", &["main.c", "-Wl,-z,noseparate-code"]),
        ("exec-stack", "cc", &["main.c", "-z", "execstack"]),
        ("no-default-lib", "cc", &["main.c", "-Wl,-z,nodefaultlib"]),
        ("level-3", "cc", &["main.c", "-Wl,-z,x86-64-v3"]),
        ("level-4-lib", "cc", &["-shared", "-fPIC", "lib.c", "-Wl,-z,x86-64-v4"]),
        ("narrow", "cc", &["-m32", "main.c", RUNPATH]),
        ("narrow-lib", "cc", &["-m32", "-shared", "-fPIC", "lib.c", VERSION_SCRIPT, RUNPATH]),
        ("text-relocations", "cc", &["-m32", "-shared", "-fno-pic", "text.c", "-Wl,-z,notext"]),
        ("filters", "cc", &["-shared", "-fPIC", "lib.c", "-Wl,-F,libf.so,-f,liba.so,-f,libb.so"]),
        ("musl", "musl-gcc", &["main.c", "-Wl,-rpath,/opt/m/lib"]),
        ("gone.so", "cc", &["-shared", "-fPIC", "gone.c", "-Wl,--version-script=gone.map,-soname,libgone.so.1"]),
        ("weak", "cc", &["-shared", "-fPIC", "weak.c", "-Wl,--no-as-needed", "gone.so"]),
        ("no-symbols", "cc", &["-shared", "-nostdlib", "-fPIC", "gone.c", "-Wl,--version-script=fix.map"]),
    ];
    let mut files = vec![dir.join("libfix.so")];
    for (name, program, args) in rows {
        run(dir, program, &[&["-o", name], *args].concat());
        files.push(dir.join(name));
    }
    files
}

/// Files that no dynamic loader reads, each with what the witness must call it.
pub(crate) fn no_dynamic_files(dir: &Path) -> Vec<(PathBuf, &'static str)> {
    library(dir);
    run(dir, "cc", &["-c", "lib.c", "-o", "lib.o"]);
    run(dir, "cc", &["-static", "main.c", "-o", "static"]);
    run(dir, "cc", &["-g", "-shared", "-fPIC", "lib.c", "-o", "with-debug.so"]);
    run(dir, "objcopy", &["--only-keep-debug", "with-debug.so", "objcopy.debug"]);
    run(dir, "eu-strip", &["-f", "eu-strip.debug", "-o", "stripped.so", "with-debug.so"]);
    let named = [
        ("lib.o", "relocatable object"),
        ("static", "static executable"),
        ("objcopy.debug", "separate debug file"),
        ("eu-strip.debug", "separate debug file"),
    ];
    named.map(|(name, what)| (dir.join(name), what)).to_vec()
}
