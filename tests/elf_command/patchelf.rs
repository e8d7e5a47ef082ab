//! Called as `patchelf`: the same arguments through both programs, on the same files, end the same.

use crate::fixtures::{DYNAMIC, Ended, OTHERS, called, copies, fill_in, runs, tags};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

fn both(ours: &Path, theirs: &Path, arguments: &[OsString]) -> (Ended, Ended) {
    let run = |program: &Path, dir: &Path| -> Ended {
        Command::new(program).current_dir(dir).args(arguments).output().unwrap().into()
    };
    (run(&called("patchelf"), ours), run(Path::new("/usr/bin/patchelf"), theirs))
}

/// Runs both on every file and compares exit code, standard output, and what readelf sees afterwards.
fn same_on(names: &[&str], options: &[&str]) {
    let (ours, theirs) = (copies(names), copies(names));
    for name in names {
        let mut arguments: Vec<_> = options.iter().map(|option| fill_in(option)).collect();
        arguments.push(OsString::from(name));
        let (mine, peers) = both(ours.path(), theirs.path(), &arguments);
        assert_eq!((mine.code, &mine.stdout), (peers.code, &peers.stdout), "{name} {options:?}: {mine:?} {peers:?}");
        assert_eq!(mine.stderr.is_empty(), peers.stderr.is_empty(), "{name} {options:?}: {mine:?} {peers:?}");
        assert_eq!(tags(&ours.path().join(name)), tags(&theirs.path().join(name)), "{name} {options:?}");
        if !OTHERS.contains(name) {
            runs(&ours.path().join(name));
        }
    }
}

#[test]
fn what_is_printed_is_the_same() {
    let all = [&DYNAMIC[..], &OTHERS, &["both"]].concat();
    for option in ["--print-rpath", "--print-needed", "--print-soname", "--print-interpreter"] {
        same_on(&all, &[option]);
    }
    same_on(&["runpath"], &["--print-needed", "--print-rpath", "--print-soname", "--print-interpreter"]);
    same_on(&["runpath"], &["--debug"]);
    same_on(&OTHERS, &["--print-rpath", "missing"]);
}

#[test]
fn a_path_that_is_set_is_the_same() {
    let long = ["%/lib", &"/.".repeat(60)].concat();
    let huge = ["%/lib", &"/.".repeat(2048)].concat();
    for path in ["%/lib:%/lib2", "/x", "", "$ORIGIN/../lib:${ORIGIN}", "relative::/x/", &long, &huge] {
        same_on(&DYNAMIC, &["--set-rpath", path]);
        same_on(&DYNAMIC, &["--force-rpath", "--set-rpath", path]);
    }
    same_on(&OTHERS, &["--set-rpath", "/x"]);
}

#[test]
fn a_path_that_is_added_or_removed_is_the_same() {
    for options in [
        &["--add-rpath", "/added:/twice"][..],
        &["--add-rpath", "%/lib"],
        &["--add-rpath", ""],
        &["--force-rpath", "--add-rpath", "/added"],
        &["--add-rpath", "/one", "--add-rpath", "/two"],
        &["--remove-rpath"],
        &["--force-rpath", "--remove-rpath"],
        &["--force-rpath"],
    ] {
        same_on(&DYNAMIC, options);
    }
    same_on(&OTHERS, &["--remove-rpath"]);
}

#[test]
fn a_path_that_is_shrunk_is_the_same() {
    same_on(&DYNAMIC, &["--shrink-rpath"]);
    same_on(&DYNAMIC, &["--force-rpath", "--shrink-rpath"]);
    for allowed in ["/nowhere", "%/li:/x", "/"] {
        same_on(&DYNAMIC, &["--shrink-rpath", "--allowed-rpath-prefixes", allowed]);
    }
    let mixed = "/none:%/lib2:relative:$ORIGIN:%/lib/:%/lib:${ORIGIN}/x:%/lib32";
    let (ours, theirs) = (copies(&DYNAMIC), copies(&DYNAMIC));
    for name in DYNAMIC {
        for options in [&["--set-rpath", mixed][..], &["--shrink-rpath"]] {
            let mut arguments: Vec<_> = options.iter().map(|option| fill_in(option)).collect();
            arguments.push(OsString::from(name));
            let (mine, peers) = both(ours.path(), theirs.path(), &arguments);
            assert_eq!((mine.code, peers.code), (Some(0), Some(0)));
        }
        assert_eq!(tags(&ours.path().join(name)), tags(&theirs.path().join(name)), "{name}");
    }
}

#[test]
fn of_several_changes_the_same_is_made() {
    for options in [
        &["--set-rpath", "/q", "--remove-rpath"][..],
        &["--remove-rpath", "--shrink-rpath"],
        &["--set-rpath", "/q", "--shrink-rpath"],
        &["--set-rpath", "/q", "--set-rpath", "/r"],
        &["--set-rpath", "/q", "--add-rpath", "/r"],
        &["--print-rpath", "--set-rpath", "/q"],
        &["--page-size", "65536", "--set-rpath", "/q"],
        &["--page-size", "none", "--set-rpath", "/q"],
        &["--page-size", "0"],
    ] {
        same_on(&["runpath", "rpath"], options);
    }
}

#[test]
fn the_first_file_that_fails_ends_the_run() {
    let names = ["runpath", "text", "rpath"];
    let (ours, theirs) = (copies(&names), copies(&names));
    let arguments = ["--set-rpath", "/first", "runpath", "text", "rpath"].map(OsString::from);
    let (mine, peers) = both(ours.path(), theirs.path(), &arguments);
    assert_eq!((mine.code, peers.code), (Some(1), Some(1)));
    assert_eq!(mine.stderr, "patchelf: text: is not an ELF file\n");
    for name in ["runpath", "rpath"] {
        assert_eq!(tags(&ours.path().join(name)), tags(&theirs.path().join(name)), "{name}");
    }
}

#[test]
fn output_goes_where_it_is_told() {
    let (ours, theirs) = (copies(&["runpath", "rpath"]), copies(&["runpath", "rpath"]));
    for arguments in [
        &["--output", "new", "--set-rpath", "/o", "runpath"][..],
        &["--output", "same", "--print-rpath", "runpath"],
        &["--output", "rpath", "--remove-rpath", "rpath"],
        &["--output", "two", "--set-rpath", "/o", "runpath", "rpath"],
    ] {
        let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
        let (mine, peers) = both(ours.path(), theirs.path(), &arguments);
        assert_eq!((mine.code, &mine.stdout), (peers.code, &peers.stdout), "{arguments:?}: {mine:?} {peers:?}");
    }
    for name in ["new", "same", "rpath", "runpath"] {
        assert_eq!(tags(&ours.path().join(name)), tags(&theirs.path().join(name)), "{name}");
        runs(&ours.path().join(name));
    }
    assert!(!ours.path().join("two").exists() && !theirs.path().join("two").exists());
}

#[test]
fn an_argument_may_stand_in_a_file() {
    let (ours, theirs) = (copies(&["runpath"]), copies(&["runpath"]));
    for dir in [&ours, &theirs] {
        std::fs::write(dir.path().join("list"), "/from/a:/file").unwrap();
    }
    for list in ["@list", "@missing"] {
        let arguments = ["--set-rpath", list, "runpath"].map(OsString::from);
        let (mine, peers) = both(ours.path(), theirs.path(), &arguments);
        assert_eq!(mine.code, peers.code, "{mine:?}");
        assert_eq!(tags(&ours.path().join("runpath")), ["(RUNPATH) Library runpath: [/from/a:/file]"]);
    }
}

#[test]
fn a_command_line_that_is_not_understood_fails_as_there() {
    let (ours, theirs) = (copies(&["runpath"]), copies(&["runpath"]));
    for arguments in [&[][..], &["--help"], &["--print-rpath"], &["--set-rpath"], &["--bogus", "runpath"], &["missing"]]
    {
        let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
        let (mine, peers) = both(ours.path(), theirs.path(), &arguments);
        assert_eq!((mine.code, &mine.stdout), (peers.code, &peers.stdout), "{arguments:?}: {mine:?} {peers:?}");
        assert!(!mine.stderr.is_empty());
    }
}

#[test]
fn options_that_are_not_ours_are_refused_by_name() {
    let (ours, theirs) = (copies(&["runpath"]), copies(&["runpath"]));
    let before = std::fs::read(ours.path().join("runpath")).unwrap();
    for option in ["--set-interpreter", "--set-soname", "--add-needed", "--no-default-lib", "--set-execstack"] {
        let arguments = ["--set-rpath", "/x", option, "y", "runpath"].map(OsString::from);
        let (mine, _) = both(ours.path(), theirs.path(), &arguments);
        assert_eq!(mine.code, Some(1));
        assert!(mine.stderr.contains(option), "{mine:?}");
        assert_eq!(std::fs::read(ours.path().join("runpath")).unwrap(), before);
    }
}

#[test]
fn build_tools_read_a_version_they_know() {
    let (ours, theirs) = (copies(&[]), copies(&[]));
    let (mine, peers) = both(ours.path(), theirs.path(), &[OsString::from("--version")]);
    assert_eq!((mine.code, peers.code), (Some(0), Some(0)));
    assert!(mine.stdout.starts_with("patchelf 0.14.3 (relocate "), "{mine:?}");
    assert!(peers.stdout.starts_with("patchelf 0."), "{peers:?}");
}
