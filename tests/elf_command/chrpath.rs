//! Called as `chrpath`: the same arguments through both programs, on the same files, end the same, but that a path may
//! grow.

use crate::fixtures::{DYNAMIC, Ended, OTHERS, called, copies, fill_in, finds_its_library, runs, tags};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

fn both(ours: &Path, theirs: &Path, arguments: &[&str]) -> (Ended, Ended) {
    let arguments: Vec<OsString> = arguments.iter().map(|argument| fill_in(argument)).collect();
    let run = |program: &Path, dir: &Path| -> Ended {
        Command::new(program).current_dir(dir).args(&arguments).output().unwrap().into()
    };
    (run(&called("chrpath"), ours), run(Path::new("/usr/bin/chrpath"), theirs))
}

/// Runs both on every file and compares exit code, standard output, and what readelf sees afterwards.
fn same_on(names: &[&str], options: &[&str]) {
    let (ours, theirs) = (copies(names), copies(names));
    for name in names {
        let (mine, peers) = both(ours.path(), theirs.path(), &[options, &[name]].concat());
        assert_eq!((mine.code, &mine.stdout), (peers.code, &peers.stdout), "{name} {options:?}: {mine:?} {peers:?}");
        assert_eq!(tags(&ours.path().join(name)), tags(&theirs.path().join(name)), "{name} {options:?}");
        if !OTHERS.contains(name) {
            runs(&ours.path().join(name));
        }
    }
}

/// chrpath prints `No dynamic section found.` to standard output; here all complaints go to standard error.
const NAMED: [&str; 3] = ["text", "nothing", "short"];

#[test]
fn what_is_listed_is_the_same() {
    for options in [&[][..], &["-l"], &["--list"], &["--lis"], &["-k"], &["--"]] {
        same_on(&DYNAMIC, options);
    }
    same_on(&NAMED, &["-l"]);
    same_on(&["runpath"], &["missing"]);
}

#[test]
fn paths_that_fit_are_replaced_the_same() {
    for options in [
        &["-r", "/x"][..],
        &["-r/x"],
        &["--replace", "$ORIGIN/x"],
        &["--replace=/x:/y"],
        &["-r", ""],
        &["-c"],
        &["--convert", "-r", "/x"],
        &["-kcr/x"],
        &["-d"],
        &["--delete"],
        &["-d", "-r", "/x"],
        &["-c", "-d"],
    ] {
        // There is no room in an empty path; whether one may grow is another test.
        let room: Vec<_> = DYNAMIC.into_iter().filter(|name| *name != "empty").collect();
        same_on(&room, options);
        same_on(&NAMED, options);
    }
    same_on(&["empty"], &["-r", ""]);
    same_on(&["empty"], &["-d"]);
}

#[test]
fn a_path_that_grows_is_written_where_chrpath_refuses() {
    let long = format!("%/lib{}", "/.".repeat(300));
    for name in ["runpath", "rpath", "empty", "gold", "lld", "no-separate-code"] {
        let (ours, theirs) = (copies(&[name]), copies(&[name]));
        let (mine, peers) = both(ours.path(), theirs.path(), &["-r", &long, name]);
        assert_eq!((mine.code, peers.code), (Some(0), Some(7)), "{mine:?} {peers:?}");
        assert!(mine.stdout.starts_with(&peers.stdout), "{mine:?} {peers:?}");
        let path = fill_in(&long);
        assert!(tags(&ours.path().join(name))[0].contains(path.to_str().unwrap()));
        assert!(finds_its_library(&ours.path().join(name)));
    }
}

#[test]
fn the_first_file_that_fails_ends_the_run_unless_told_to_go_on() {
    let names = ["none", "runpath", "text", "rpath"];
    for options in [&["-r", "/x"][..], &["-k", "-r", "/x"], &["-k"], &["-l"], &["-k", "-d"], &["-c", "-k"]] {
        for order in [["runpath", "none", "text", "rpath"], ["none", "runpath", "rpath", "text"]] {
            let (ours, theirs) = (copies(&names), copies(&names));
            let (mine, peers) = both(ours.path(), theirs.path(), &[options, &order].concat());
            assert_eq!((mine.code, &mine.stdout), (peers.code, &peers.stdout), "{options:?} {order:?}");
            for name in names {
                assert_eq!(tags(&ours.path().join(name)), tags(&theirs.path().join(name)), "{name}");
            }
        }
    }
}

#[test]
fn options_are_read_as_getopt_reads_them() {
    let (ours, theirs) = (copies(&["runpath"]), copies(&["runpath"]));
    for arguments in [&["runpath", "-l"][..], &["-lk", "runpath"], &["-l"], &["-r", "/x"], &["-l", "--", "runpath"]] {
        let (mine, peers) = both(ours.path(), theirs.path(), arguments);
        assert_eq!((mine.code, &mine.stdout), (peers.code, &peers.stdout), "{arguments:?}");
    }
    for arguments in [&[][..], &["-h"], &["-lh", "runpath"], &["--help"]] {
        let (mine, peers) = both(ours.path(), theirs.path(), arguments);
        assert_eq!(mine.code, peers.code);
        assert!(mine.stdout.starts_with("Usage: chrpath [-v|-d|-c|-r <path>]"), "{mine:?}");
    }
    let (mine, peers) = both(ours.path(), theirs.path(), &["-v"]);
    assert_eq!(mine.code, peers.code);
    assert!(mine.stdout.starts_with(peers.stdout.trim_end()), "{mine:?} {peers:?}");
}

/// chrpath prints its usage and ends with 0, which hides the mistake from a script.
#[test]
fn a_command_line_that_is_not_understood_fails() {
    let dir = copies(&["runpath"]);
    for arguments in [&["--bogus", "runpath"][..], &["-x", "runpath"], &["-r"], &["--list=x", "runpath"], &["--re"]] {
        let (mine, _) = both(dir.path(), dir.path(), arguments);
        assert_eq!((mine.code, mine.stdout.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(mine.stderr.starts_with("chrpath: "), "{mine:?}");
    }
}
