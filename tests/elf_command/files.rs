//! `relocate elf`: what it prints, its exit codes, several files, lists, copies, JSON.

use crate::fixtures::{DYNAMIC, built, copies, elf, fill_in, finds_its_library, odd_name, runs, tags};
use serde_json::{Value, json};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};

fn library_directory() -> String {
    built().join("lib").to_str().unwrap().to_owned()
}

#[test]
fn without_an_action_the_path_is_printed() {
    let dir = copies(&["runpath", "rpath", "none", "both"]);
    let here = built().display();
    let printed = format!("{here}/lib:{here}/lib2\n{here}/lib:{here}/lib2\n\n{here}/lib\n");
    for option in [None, Some("--print-rpath"), Some("--quiet")] {
        let arguments: Vec<_> = option.into_iter().chain(["runpath", "rpath", "none", "both"]).collect();
        let ended = elf(dir.path(), &arguments);
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), printed.as_str(), ""));
    }
}

#[test]
fn each_file_keeps_its_tag_unless_told_otherwise() {
    for (options, tag_of) in [
        (&[][..], &[("runpath", "RUNPATH"), ("rpath", "RPATH"), ("none", "RUNPATH"), ("both", "RUNPATH")]),
        (&["--force-rpath"], &[("runpath", "RPATH"), ("rpath", "RPATH"), ("none", "RPATH"), ("both", "RPATH")]),
        (
            &["--tag", "runpath"],
            &[("runpath", "RUNPATH"), ("rpath", "RUNPATH"), ("none", "RUNPATH"), ("both", "RUNPATH")],
        ),
    ] {
        for (name, tag) in tag_of {
            let dir = copies(&[name]);
            let path = library_directory();
            let ended = elf(dir.path(), &[options, &["--set-rpath", &path, name]].concat());
            assert_eq!(ended.code, Some(0), "{ended:?}");
            let seen = tags(&dir.path().join(name));
            assert!(seen.len() == 1 && seen[0].starts_with(&format!("({tag})")), "{name} {options:?}: {seen:?}");
            assert!(finds_its_library(&dir.path().join(name)));
        }
    }
    let dir = copies(&["rpath"]);
    assert_eq!(elf(dir.path(), &["--tag", "runpath", "rpath"]).code, Some(0));
    assert!(tags(&dir.path().join("rpath"))[0].starts_with("(RUNPATH)"));
}

#[test]
fn every_change_says_what_it_did_and_a_second_run_does_nothing() {
    let long = fill_in(&format!("%/lib{}", "/.".repeat(100))).into_string().unwrap();
    for options in [
        &["--set-rpath", "/x:/y"][..],
        &["--set-rpath", &long],
        &["--add-rpath", "/x:/y:/x"],
        &["--remove-rpath"],
        &["--shrink-rpath"],
        &["--force-rpath"],
    ] {
        let dir = copies(&DYNAMIC);
        for name in DYNAMIC {
            let first = elf(dir.path(), &[options, &[name]].concat());
            assert_eq!(first.code, Some(0), "{name} {options:?}: {first:?}");
            assert!(first.stdout.starts_with(&format!("{name}: ")) && first.stdout.ends_with('\n'), "{first:?}");
            runs(&dir.path().join(name));
            let bytes = fs::read(dir.path().join(name)).unwrap();
            let second = elf(dir.path(), &[options, &[name]].concat());
            assert_eq!(second.code, Some(0));
            assert!(second.stdout.starts_with(&format!("{name}: as wanted, ")), "{name} {options:?}: {second:?}");
            assert_eq!(fs::read(dir.path().join(name)).unwrap(), bytes);
        }
    }
    let dir = copies(&["runpath"]);
    let ended = elf(dir.path(), &["--set-rpath", "/x", "runpath"]);
    let here = built().display();
    assert_eq!(ended.stdout, format!("runpath: RUNPATH {here}/lib:{here}/lib2 -> RUNPATH /x (S1 in place)\n"));
    let ended = elf(dir.path(), &["--quiet", "--set-rpath", "/y", "runpath"]);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
}

#[test]
fn a_file_that_grew_does_not_grow_again() {
    let dir = copies(&DYNAMIC);
    let [long, other] = ["/x", "/y"].map(|part| part.repeat(3000));
    for name in DYNAMIC {
        let size = |path: &str| {
            let ended = elf(dir.path(), &["--set-rpath", path, name]);
            assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
            fs::metadata(dir.path().join(name)).unwrap().len()
        };
        let grown = size(&long);
        assert_eq!([size(&other), size("/x"), size(&long)], [grown; 3], "{name}");
        runs(&dir.path().join(name));
    }
}

#[test]
fn all_files_are_tried_and_the_worst_code_wins() {
    let dir = copies(&["runpath", "rpath", "text", "static", "short", "greet.o", "nothing"]);
    for (files, code, says) in [
        (&["runpath", "rpath"][..], 0, ""),
        (&["static", "runpath"], 1, "error: static: has no run-time path: it is statically linked"),
        (&["greet.o", "runpath"], 1, "error: greet.o: has no run-time path: it is a relocatable object"),
        (&["text", "static", "runpath"], 3, "error: text: is not an ELF file"),
        (&["nothing"], 3, "error: nothing: is not an ELF file"),
        (&["short"], 3, "error: short: ELF file is cut short: "),
        (&["missing", "runpath"], 2, "error: missing: cannot be read: No such file or directory"),
        (&[".", "runpath"], 2, "error: .: is a directory, not a file"),
        (&["/dev/null"], 2, "error: /dev/null: is a device, fifo or socket, not a file"),
    ] {
        let ended = elf(dir.path(), files);
        assert_eq!(ended.code, Some(code), "{files:?}: {ended:?}");
        assert!(ended.stderr.contains(says), "{files:?}: {ended:?}");
        assert_eq!(ended.stdout.contains("/lib:"), files.contains(&"runpath"), "{files:?}: {ended:?}");
    }
    let ended = elf(dir.path(), &["--set-rpath", "/x", "static", "missing", "text", "runpath", "rpath"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 3, "{ended:?}");
    for name in ["runpath", "rpath"] {
        assert!(tags(&dir.path().join(name))[0].ends_with("[/x]"));
    }
    let ended = elf(dir.path(), &["--remove-rpath", "static"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "static: as wanted, no run-time path\n"));
}

#[test]
fn a_command_line_that_is_not_understood_touches_nothing() {
    let dir = copies(&["runpath", "rpath"]);
    let before = tags(&dir.path().join("runpath"));
    for arguments in [
        &[][..],
        &["--set-rpath", "/x", "--remove-rpath", "runpath"],
        &["--set-rpath", "/x", "--add-rpath", "/y", "runpath"],
        &["--allowed-rpath-prefixes", "/x", "runpath"],
        &["--add-rpath", "", "runpath"],
        &["--set-rpath", "/x", "--output", "out", "runpath", "rpath"],
        &["--output", "out", "runpath"],
        &["--set-rpath", "/x", "runpath", "@missing"],
        &["--bogus", "runpath"],
    ] {
        let ended = elf(dir.path(), arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.starts_with("error: "), "{arguments:?}: {ended:?}");
        assert_eq!(tags(&dir.path().join("runpath")), before);
        assert!(!dir.path().join("out").exists());
    }
}

#[test]
fn a_list_names_files_one_a_line() {
    let dir = copies(&["runpath", "rpath", "none"]);
    let odd = dir.path().join(odd_name());
    fs::copy(dir.path().join("none"), &odd).unwrap();
    let list = [b"rpath\n\nno such name\n".as_slice(), odd_name().as_bytes(), b"\n"].concat();
    fs::write(dir.path().join("list"), list).unwrap();
    let ended = elf(dir.path(), &["--set-rpath", "/x", "runpath", "@list", "none"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("no such name"), "{ended:?}");
    assert!(ended.stdout.contains("od\\xffd: "), "{ended:?}");
    for path in [odd, dir.path().join("runpath"), dir.path().join("rpath"), dir.path().join("none")] {
        assert!(tags(&path)[0].ends_with("[/x]"), "{}", path.display());
    }
}

#[test]
fn a_copy_leaves_the_file_as_it_is() {
    let dir = copies(&["runpath", "rpath"]);
    let before = fs::read(dir.path().join("runpath")).unwrap();
    let path = library_directory();
    fs::set_permissions(dir.path().join("runpath"), fs::Permissions::from_mode(0o4751)).unwrap();
    symlink("rpath", dir.path().join("link")).unwrap();
    for output in ["new", "link", "../new-in-parent"] {
        let place = dir.path().join("sub").join(output);
        fs::create_dir_all(dir.path().join("sub")).unwrap();
        let target = if output == "link" { dir.path().join("link") } else { place };
        let target = target.to_str().unwrap();
        let ended = elf(dir.path(), &["--set-rpath", &path, "--output", target, "runpath"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(fs::read(dir.path().join("runpath")).unwrap(), before);
        assert!(finds_its_library(target.as_ref()));
        assert_eq!(fs::metadata(target).unwrap().permissions().mode() & 0o7777, 0o751);
    }
    assert!(fs::symlink_metadata(dir.path().join("link")).unwrap().is_symlink());
    let ended = elf(dir.path(), &["--set-rpath", "/x", "--output", "missing/new", "runpath"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    // The file itself, by another name, is changed in place.
    symlink("runpath", dir.path().join("self")).unwrap();
    let ended = elf(dir.path(), &["--set-rpath", "/self", "--output", "self", "runpath"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(tags(&dir.path().join("runpath"))[0].ends_with("[/self]"));
    assert_eq!(fs::metadata(dir.path().join("runpath")).unwrap().permissions().mode() & 0o7777, 0o4751);
}

#[test]
fn a_dry_run_writes_nothing() {
    let dir = copies(&["runpath", "rpath"]);
    let state = || {
        let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut all: Vec<_> = names.map(|path| (fs::read(&path).unwrap(), path)).collect();
        all.sort();
        all
    };
    let before = state();
    for options in [&["--set-rpath", "/x"][..], &["--remove-rpath"]] {
        let ended = elf(dir.path(), &[&["--dry-run"], options, &["runpath", "rpath"]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.lines().all(|line| line.ends_with("; nothing written)")), "{ended:?}");
    }
    let ended = elf(dir.path(), &["--dry-run", "--set-rpath", "/x", "--output", "out", "runpath"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(state(), before);
}

#[test]
fn json_says_the_same() {
    let dir = copies(&["runpath", "rpath", "text"]);
    let odd = dir.path().join(odd_name());
    fs::copy(dir.path().join("none").with_file_name("rpath"), &odd).unwrap();
    let path = OsString::from_vec(b"/x/\xfe".to_vec());
    let arguments: [&OsStr; 8] = ["--json", "--set-rpath"]
        .map(OsStr::new)
        .into_iter()
        .chain([path.as_os_str(), OsStr::new("runpath"), odd.file_name().unwrap()])
        .chain(["./runpath", "text", "missing"].map(OsStr::new))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let ended = elf(dir.path(), &arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(3), ""));
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    for (key, value) in [
        ("schema", json!(1)),
        ("command", json!("elf")),
        ("result", json!("refused")),
        ("exit", json!(3)),
        ("dry_run", json!(false)),
    ] {
        assert_eq!(told[key], value);
    }
    let here = built().display();
    let real = fs::canonicalize(dir.path()).unwrap();
    let first = &told["files"][0];
    assert_eq!(first["file"], json!("runpath"));
    assert_eq!(first["path"], json!(real.join("runpath").to_str().unwrap()));
    assert_eq!(first["before"], json!({"rpath": null, "runpath": format!("{here}/lib:{here}/lib2")}));
    assert_eq!(first["after"], json!({"rpath": null, "runpath": {"hex": "2f782ffe"}}));
    assert_eq!((&first["rung"], &first["bytes_added"]), (&json!("in-place"), &json!(0)));
    assert_eq!((&first["exit"], &first["error"], &first["findings"]), (&json!(0), &json!(null), &json!([])));
    assert_eq!(told["files"][1]["file"], json!({"hex": "6f64ff64"}));
    assert_eq!(told["files"][2]["same_as"], json!("runpath"));
    assert_eq!(told["files"][3]["exit"], json!(3));
    assert_eq!(told["files"][3]["error"], json!("is not an ELF file"));
    assert_eq!(told["files"][4]["exit"], json!(2));
    assert_eq!(told["files"].as_array().unwrap().len(), 5);
}

#[test]
fn names_and_paths_that_are_not_utf8_are_taken_byte_for_byte() {
    let dir = copies(&["runpath"]);
    let odd = dir.path().join(odd_name());
    fs::rename(dir.path().join("runpath"), &odd).unwrap();
    let path = OsString::from_vec(b"/x/\xfe:/y\n".to_vec());
    let ended = elf(dir.path(), &[OsStr::new("--set-rpath"), &path, odd.as_os_str()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let printed = std::process::Command::new(crate::fixtures::RELOCATE).arg("elf").arg(&odd).output().unwrap();
    assert_eq!(printed.stdout, [path.as_bytes(), b"\n"].concat());
    runs(&odd);
}

#[test]
fn an_insecure_entry_and_a_dead_tag_are_told() {
    let dir = copies(&["runpath", "both"]);
    for path in ["rel:/x", "/x::/y", ":"] {
        let ended = elf(dir.path(), &["--set-rpath", path, "runpath"]);
        assert_eq!(ended.code, Some(0));
        assert!(ended.stderr.contains("warning: runpath: the entry '"), "{ended:?}");
    }
    let ended = elf(dir.path(), &["--set-rpath", "/x", "both"]);
    assert!(ended.stderr.contains("note: both: DT_RPATH '/dead' is gone"), "{ended:?}");
    assert_eq!(tags(&dir.path().join("both")), ["(RUNPATH) Library runpath: [/x]"]);
}
