//! Paths of every kind, at install and at fix: what fits is written and runs, what does not is refused by class.

use crate::call::{Call, PROGRAM};
use crate::packed::{Made, runs_at};
use crate::state::content;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// `relocate` with arguments that need not be text.
fn run(made: &Made, arguments: &[&OsStr]) -> Call {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(made.place.dir()).stdin(Stdio::null());
    Call(command)
}

fn install(made: &Made, name: &[u8], more: &[&str]) -> Call {
    let mut arguments = vec![OsStr::new("install"), OsStr::new("app.tar.gz"), OsStr::from_bytes(name)];
    arguments.extend(more.iter().map(OsStr::new));
    run(made, &arguments)
}

#[test]
fn the_longest_path_that_fits_is_the_one_it_was_built_for() {
    let made = Made::new();
    made.pack();
    let room = made.prefix.as_bytes().len() - made.place.dir().as_os_str().len() - 1;
    let before = content(made.place.dir());
    let told = [format!("is too long: it has {}", room + made.place.dir().as_os_str().len() + 2)];
    let help = format!("help: the longest path that fits has {} bytes", made.prefix.as_bytes().len());
    install(&made, "x".repeat(room + 1).as_bytes(), &[]).expect(3, &[], &[&told[0], &help]);
    // Nothing was written, not even for a moment beside it: the directory's own time is what it was.
    assert_eq!(content(made.place.dir()), before);
    let longest = "x".repeat(room);
    install(&made, longest.as_bytes(), &[]).expect(0, &["installed to"], &[]);
    runs_at(&made.place.at(&longest), &made.place.at(&longest));
    fs::rename(made.place.at(&longest), made.place.at("y".repeat(room + 1))).unwrap();
    let told = ["class data: lib/data.bin: there is room", "class elf: bin/reads: there is room", help.as_str()];
    let before = content(made.place.dir());
    run(&made, &[OsStr::new("fix"), OsStr::new(&"y".repeat(room + 1))]).expect(3, &[], &told);
    assert_eq!(content(made.place.dir()), before);
    let all = ["--leave", "elf", "--leave", "data"];
    install(&made, "z".repeat(room + 1).as_bytes(), &all).expect(0, &["class elf: 1 file, such as bin/reads"], &[]);
    install(&made, "w".repeat(room + 1).as_bytes(), &all[..2]).expect(
        3,
        &[],
        &["class data: lib/data.bin: there is room"],
    );
}

#[test]
fn a_class_that_cannot_hold_a_character_is_refused_or_left() {
    let made = Made::new();
    made.pack();
    let rows: [(&[u8], &[&str]); 6] = [
        (b"my app", &["configuration: etc/app.conf: a path there may not have a blank", "class shell: bin/calls"]),
        (b"a\"b", &["class shell: bin/calls: a path there may not have the character \""]),
        (b"a$b", &["class configuration", "class shell", "the character $"]),
        (
            b"a\nb",
            &["class data: lib/data.bin: a path there may not have a newline", "class elf", "class documentation"],
        ),
        (b"a:b", &["class elf: bin/reads: a path there may not have the character :"]),
        (b"a\xffb", &["class shell: bin/calls: a path there may not have bytes that are no UTF-8"]),
    ];
    for (name, told) in rows {
        let before = content(made.place.dir());
        install(&made, name, &[]).expect(3, &[], &[told, &["--leave"]].concat());
        assert_eq!(content(made.place.dir()), before, "{}", name.escape_ascii());
    }
    // What holds it gets it, the rest is told of.
    let said = ["class shell: 1 file, such as bin/calls", "class configuration: 1 file"];
    install(&made, b"my app", &["--leave", "shell", "--leave", "configuration"]).expect(0, &said, &[]);
    let root = made.place.at("my app");
    let output = Command::new(root.join("bin/reads")).output().unwrap();
    assert_eq!((output.status.code(), &output.stdout[..6]), (Some(0), &b"moved\n"[..]));
    assert!(fs::read_to_string(root.join("bin/calls")).unwrap().contains(&*made.prefix.display()));
    // And is brought along when the tree comes to a path that it can hold.
    fs::rename(&root, made.place.at("ours")).unwrap();
    run(&made, &[OsStr::new("fix"), OsStr::new("ours")]).expect(0, &["it is at"], &[]);
    runs_at(&made.place.at("ours"), &made.place.at("ours"));
}

#[test]
fn letters_of_any_language_and_bytes_that_are_no_text() {
    let made = Made::new();
    made.pack();
    for name in ["b\u{fc}cher/\u{65e5}\u{672c}", "a+b,c=d~e-f_g.h"] {
        install(&made, name.as_bytes(), &[]).expect(0, &["installed to"], &[]);
        runs_at(&made.place.at(name), &made.place.at(name));
    }
    let classes = ["--leave", "shell", "--leave", "configuration", "--leave", "documentation"];
    install(&made, b"raw\xff", &classes).expect(0, &["installed to", "raw\\xff"], &[]);
    let raw = made.place.at(OsStr::from_bytes(b"raw\xff"));
    let output = Command::new(raw.join("bin/reads")).output().unwrap();
    assert!(memchr::memmem::find(&output.stdout, b"raw\xff").is_some());
    fs::rename(&raw, made.place.at("two")).unwrap();
    run(&made, &[OsStr::new("fix"), OsStr::new("two")]).expect(0, &["it is at", "raw\\xff"], &[]);
    runs_at(&made.place.at("two"), &made.place.at("two"));
}

#[test]
fn a_relative_path_a_trailing_slash_and_dots_name_the_same_place() {
    let made = Made::new();
    made.pack();
    fs::create_dir_all(made.place.at("real/sub")).unwrap();
    std::os::unix::fs::symlink("real/sub", made.place.at("link")).unwrap();
    let rows = [
        ("one/", "one"),
        ("./two", "two"),
        ("real//sub/.././three", "real/three"),
        ("link/four", "link/four"),
        ("link/../five", "real/five"),
        ("not/there/yet", "not/there/yet"),
    ];
    for (typed, meant) in rows {
        install(&made, typed.as_bytes(), &[]).expect(0, &["installed to"], &[]);
        runs_at(&made.place.at(meant), &made.place.at(meant));
    }
    install(&made, b"no/such/../way", &[]).expect(4, &[], &["cannot tell where no/such/../way is"]);
    assert!(!made.place.at("no").exists());
}

/// A tree nothing in which depends on its path takes any path.
#[test]
fn where_nothing_depends_on_the_path_any_path_will_do() {
    let made = Made::new();
    let plain = made.place.at("plain");
    made.pack_as("plain.tar.gz", "plain", |_| {});
    let root = made.root();
    for name in ["bin", "lib", "share/doc"] {
        fs::remove_dir_all(root.join(name)).unwrap();
    }
    fs::remove_file(root.join("etc/app.conf")).unwrap();
    made.pack();
    let name = [b"a \n:\"$\xff".as_slice(), &b"x".repeat(200)].concat();
    install(&made, &name, &[]).expect(0, &["none: nothing in it depends on its path"], &[]);
    let there = made.place.at(OsStr::from_bytes(&name));
    assert_eq!(fs::read_to_string(there.join("etc/none.conf")).unwrap(), "nothing here\n");
    fs::rename(&there, &plain).unwrap();
    run(&made, &[OsStr::new("fix"), OsStr::new("plain")]).expect(0, &["nothing in it depends on its path"], &[]);
    assert!(Path::new(&plain).exists());
}
