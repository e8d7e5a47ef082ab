//! The same input gives the same bytes, whatever the time, the number of threads, the place and the user.

use crate::call::relocate;
use crate::place::{Place, chmod, succeed, tool};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

fn place() -> Place {
    let place = Place::small();
    for number in 0..40 {
        place.write(format!("share/{number}"), format!("file {number}\n").repeat(number * 400));
    }
    symlink("0", place.inside("share/link")).unwrap();
    place
}

#[test]
fn two_runs_any_number_of_jobs_and_any_user_give_the_same_bytes() {
    let place = place();
    for out in ["x.tar", "x.tar.gz", "x.tar.zst"] {
        let archive = |jobs: &str, user: bool| {
            let call = relocate(place.dir(), ["old/root", "-o", "-", "-q", "--top-dir", "x", "--jobs", jobs]);
            let piped = if user { call.by_user() } else { call }.expect_bytes();
            relocate(place.dir(), ["old/root", "-o", out, "-q", "--jobs", jobs]).expect(0, &[], &[]);
            let named = fs::read(place.at(out)).unwrap();
            (named, piped)
        };
        let first = archive("1", false);
        for (jobs, user) in [("1", true), ("2", false), ("4", false), ("4", true)] {
            assert!(archive(jobs, user) == first, "{out} with {jobs} jobs");
        }
        assert!(out != "x.tar.gz" || first.0 == first.1, "a pipe gets what a file gets");
    }
}

#[test]
fn neither_the_place_nor_the_order_of_creation_nor_the_umask_shows() {
    let place = place();
    let prefix = place.root();
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz", "-q"]).expect(0, &[], &[]);
    fs::create_dir(place.at("elsewhere")).unwrap();
    // The same tree, its files made in the opposite order.
    let list = tool(&[&"find", &prefix, &"-mindepth", &"1", &"-depth", &"-printf", &"%P\\n"]);
    fs::write(place.at("list"), list).unwrap();
    let script = "mkdir elsewhere/root; tar -C old/root --no-recursion -cf - -T list | tar -C elsewhere/root -xpf -";
    succeed(Command::new("sh").args(["-ec", script]).current_dir(place.dir()));
    let mut call = Command::new("sh");
    let line = "umask 077; exec \"$0\" elsewhere/root -o y.tar.gz -q --top-dir x --old-prefix \"$1\"";
    call.args(["-ec", line, crate::call::PROGRAM]).arg(&prefix).env("TZ", "Asia/Kolkata").env("LC_ALL", "tr_TR.UTF-8");
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz", "-q", "--old-prefix", prefix.to_str().unwrap()]).expect(
        0,
        &[],
        &[],
    );
    succeed(call.current_dir(place.dir()));
    assert_eq!(fs::read(place.at("x.tar.gz")).unwrap(), fs::read(place.at("y.tar.gz")).unwrap());
}

#[test]
fn source_date_epoch_clamps_times_and_leaves_earlier_ones() {
    let place = Place::small();
    let old = place.write("share/old", "x");
    tool(&[&"touch", &"-d", &"@1000000000", &old]);
    let make = |out: &str| {
        relocate(place.dir(), ["old/root", "-o", out, "-q"]).env("SOURCE_DATE_EPOCH", "1500000000").expect(0, &[], &[]);
        fs::read(place.at(out)).unwrap()
    };
    let first = make("x.tar.gz");
    let new = place.unpack(place.at("x.tar.gz"));
    let time = |path: &Path| fs::symlink_metadata(path).unwrap().mtime();
    assert_eq!(time(&new.join("share/old")), 1_000_000_000);
    assert_eq!((time(&new.join("bin/say")), time(&new.join("bin"))), (1_500_000_000, 1_500_000_000));
    // Built again, later: the same sources, other times.
    tool(&[&"touch", &place.inside("bin/say"), &place.inside("lib"), &place.inside("bin")]);
    assert!(make("x.tar.gz") == first);
    relocate(place.dir(), ["old/root", "-o", "out/", "-q"]).env("SOURCE_DATE_EPOCH", "1500000000").expect(0, &[], &[]);
    assert_eq!(time(&place.at("out/bin/say")), 1_500_000_000);
    relocate(place.dir(), ["old/root", "-o", "z.tar", "-q"]).env("SOURCE_DATE_EPOCH", "").expect(0, &[], &[]);
}

/// Tells, with -v, where the interpreter took the module from.
fn import(root: &Path, name: &str) -> String {
    let mut command = Command::new("python3");
    command.args(["-S", "-v", "-c", &format!("import {name}; print({name}.answer)")]);
    let output = command.env("PYTHONPATH", root.join("lib/python")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "42\n", "{text}");
    let about: Vec<_> = text.lines().filter(|line| line.contains(&format!("{name}."))).collect();
    about.join("\n")
}

/// A compiled file that belongs to its source by time still does after the clamp, and one that did not still does not.
#[test]
fn compiled_python_files_match_their_clamped_sources() {
    let place = Place::small();
    for name in ["fresh", "stale"] {
        place.write(format!("lib/python/{name}.py"), "answer = 42\n");
    }
    tool(&[&"python3", &"-m", &"compileall", &"-q", &"--invalidation-mode", &"timestamp", &place.inside("lib/python")]);
    place.write("lib/python/stale.py", "answer =  42\n");
    tool(&[&"touch", &"-d", &"@1700000000", &place.inside("lib/python/stale.py")]);
    let epoch = |call: crate::call::Call| call.env("SOURCE_DATE_EPOCH", "1500000000");
    epoch(relocate(place.dir(), ["old/root", "-o", "x.tar.gz", "-q"])).expect(0, &[], &[]);
    let new = place.unpack(place.at("x.tar.gz"));
    place.hide();
    // A directory that cannot be written, so that nothing is compiled again behind the test's back.
    chmod(new.join("lib/python/__pycache__"), 0o555);
    let fresh = import(&new, "fresh");
    assert!(fresh.contains("matches") && fresh.contains("code object from"), "{fresh}");
    let stale = import(&new, "stale");
    assert!(!stale.contains("matches") && stale.contains("stale.py"), "{stale}");
    relocate(place.dir(), ["verify", "x.tar.gz"]).expect(0, &["every byte"], &[]);
}
