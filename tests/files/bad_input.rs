//! Command lines and places that cannot work: each has its message and its exit code, and leaves nothing behind.

use crate::call::{Call, PROGRAM, PROVEN, relocate};
use crate::place::{Place, chmod, is_root, names, says_moved, tool};
use crate::state::exact;
use crate::step::act_at;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

#[test]
fn a_root_that_is_no_directory_is_a_usage_error() {
    let place = Place::small();
    fs::write(place.at("file"), "x").unwrap();
    symlink("nowhere", place.at("dangling")).unwrap();
    let rows: [(&[&str], &[&str]); 6] = [
        (&["./nosuch"], &["error: cannot read ./nosuch: No such file or directory"]),
        (&["pack", "nosuch"], &["error: cannot read nosuch: No such file or directory"]),
        (&["nosuch/root"], &["cannot read nosuch/root: No such file"]),
        (&["file"], &["error: file is a file, not an installed prefix", "help: 'relocate check file'"]),
        (&["./dangling"], &["cannot read ./dangling: No such file"]),
        (&["file/below"], &["cannot read file/below: Not a directory"]),
    ];
    for (arguments, told) in rows {
        relocate(place.dir(), arguments).expect(2, &[], told);
    }
    for command in ["check", "verify"] {
        relocate(place.dir(), [command, "nosuch"]).expect(2, &[], &["error: cannot read nosuch: No such file"]);
    }
    assert_eq!(place.beside(), ["dangling", "file", "old", "source.c"]);
}

#[test]
fn an_output_inside_root_is_refused_however_it_is_reached() {
    let place = Place::small();
    symlink("old/root/lib", place.at("way")).unwrap();
    symlink("old/root", place.at("door")).unwrap();
    let before = exact(&place.root());
    for out in ["old/root/x.tar.gz", "old/root/lib/x.tar", "way/x.tar.zst", "old/root/../root/x.tgz", "way/out/"] {
        let told = ["error: ", "/old/root, which is never changed", "help: name a place outside with -o"];
        relocate(place.dir(), ["old/root", "-o", out]).expect(2, &[], &told);
        relocate(place.dir(), ["door", "-o", out]).expect(2, &[], &["lies inside /"]);
    }
    relocate(&place.root(), ["."]).expect(2, &[], &["root.tar.gz lies inside /"]);
    // A name outside that is a symlink to one inside is followed by whoever writes it.
    symlink("old/root/hidden.tar.gz", place.at("x.tar.gz")).unwrap();
    fs::write(place.inside("hidden.tar.gz"), "mine").unwrap();
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).expect(2, &[], &["x.tar.gz lies inside /"]);
    assert_eq!(fs::read(place.inside("hidden.tar.gz")).unwrap(), b"mine");
    fs::remove_file(place.inside("hidden.tar.gz")).unwrap();
    for (path, state) in before {
        assert!(path.as_os_str().is_empty() || exact(&place.root()).get(&path) == Some(&state), "{}", path.display());
    }
}

#[test]
fn an_output_that_says_nothing_or_is_taken_is_refused() {
    let place = Place::small();
    fs::create_dir_all(place.at("full/of")).unwrap();
    fs::create_dir(place.at("dir.tar.gz")).unwrap();
    let rows: [(&str, i32, &str); 5] = [
        ("x.zip", 2, "the name does not say what to write"),
        ("x", 2, "help: end it in .tar, .tar.gz, .tgz or .tar.zst"),
        ("nosuch/x.tar", 4, "nosuch/x.tar': No such file or directory"),
        ("dir.tar.gz", 4, "it is a directory"),
        ("full/", 4, "it is a directory that is not empty"),
    ];
    for (out, code, told) in rows {
        relocate(place.dir(), ["old/root", "-o", out]).expect(code, &[], &[told]);
    }
    assert_eq!(place.beside(), ["dir.tar.gz", "full", "old", "source.c"]);
    assert_eq!(names(&place.at("full")), ["of"]);
}

/// As an ordinary user always; as root on a file system that is mounted read-only.
#[test]
fn a_place_that_may_not_be_written_is_an_environment_error_and_stays_empty() {
    let place = Place::small();
    fs::create_dir(place.at("closed")).unwrap();
    place.give_to_user();
    chmod(place.at("closed"), 0o555);
    for out in ["closed/x.tar.gz", "closed/out/"] {
        let told = ["error: cannot write 'closed/", "Permission denied", "help: run as a user who may write in"];
        relocate(place.dir(), ["old/root", "-o", out]).by_user().expect(4, &[], &told);
    }
    assert_eq!(names(&place.at("closed")), Vec::<String>::new());
    if is_root() && mounts() {
        for out in ["closed/x.tar.gz", "closed/out/"] {
            let script = format!("mount -t tmpfs -o ro tmpfs closed; exec \"$0\" old/root -o {out}");
            let told = ["Read-only file system", "help: name a place on a writable file system"];
            mounted(&place, &script).expect(4, &[], &told);
        }
        let script = "mount --bind old old; mount -o remount,bind,ro old; \"$0\" --in-place old/root || [ $? = 4 ]; \
                      exec \"$0\" old/root -o x.tar.gz";
        mounted(&place, script).expect(0, &[PROVEN], &["error: cannot write 'old/root/bin/say'", "Read-only file"]);
        assert!(place.at("x.tar.gz").exists());
    }
}

/// Whether mounts can be made here without being seen outside.
fn mounts() -> bool {
    Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status().unwrap().success()
}

/// The program by a shell line, `$0`, in a mount namespace of its own.
fn mounted(place: &Place, script: &str) -> Call {
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-ec", script, PROGRAM]).current_dir(place.dir());
    Call(command)
}

/// As root on a small file system; as an ordinary user by a limit on the size of files.
#[test]
fn a_full_disk_leaves_nothing_beside_the_output() {
    let place = Place::small();
    tool(&[&"dd", &"if=/dev/urandom", &format!("of={}", place.at("noise").display()), &"bs=200k", &"count=1"]);
    place.write("share/noise", fs::read(place.at("noise")).unwrap());
    fs::create_dir(place.at("disk")).unwrap();
    for out in ["x.tar", "x.tar.gz", "out/"] {
        let call = if is_root() && mounts() {
            let script = format!(
                "mount -t tmpfs -o size=64k tmpfs disk; echo old > disk/x.tar.gz; \
                 \"$0\" old/root -o disk/{out} || code=$?; ls -A disk > left; cp disk/x.tar.gz old.was; exit $code"
            );
            mounted(&place, &script)
        } else {
            fs::write(place.at("disk/x.tar.gz"), "old\n").unwrap();
            let script = format!(
                "trap '' XFSZ; (ulimit -f 64; exec \"$0\" old/root -o disk/{out}) || code=$?; ls -A disk > left; \
                 cp disk/x.tar.gz old.was; exit $code"
            );
            let mut command = Command::new("sh");
            command.args(["-ec", &script, PROGRAM]).current_dir(place.dir());
            Call(command)
        };
        let ran = call.expect(4, &[], &["error: cannot "]);
        assert!(ran.err.contains("No space left") || ran.err.contains("File too large"), "{}", ran.err);
        assert_eq!(fs::read_to_string(place.at("left")).unwrap(), "x.tar.gz\n", "{out}");
        assert_eq!(fs::read_to_string(place.at("old.was")).unwrap(), "old\n");
    }
}

/// `relocate check --run` needs a place to execute from. Only root can mount one that forbids it.
#[test]
fn a_scratch_directory_that_is_noexec_is_named() {
    let place = Place::small();
    relocate(place.dir(), ["old/root", "-o", "x.tar.gz"]).expect(0, &[PROVEN], &[]);
    fs::create_dir(place.at("scratch")).unwrap();
    for tree in ["x.tar.gz", "old/root"] {
        if is_root() && mounts() {
            let script = format!(
                "mount -t tmpfs -o noexec tmpfs scratch; TMPDIR=$PWD/scratch \"$0\" check {tree} --run bin/say || code=$?; \
                 ls -A scratch > left; exit $code"
            );
            let told = ["scratch/relocate-check-", "mounted noexec", "help: set TMPDIR to a directory on another"];
            mounted(&place, &script).expect(4, &[], &told);
            assert_eq!(fs::read_to_string(place.at("left")).unwrap(), "");
        }
    }
    let check = relocate(place.dir(), ["check", "x.tar.gz", "--run", "bin/say"]).env("TMPDIR", place.at("scratch"));
    check.expect(0, &["exit 0", "it holds"], &[]);
    assert_eq!(names(&place.at("scratch")), Vec::<String>::new());
    let check = relocate(place.dir(), ["check", "x.tar.gz", "--run", "bin/say"]).env("TMPDIR", place.at("nosuch"));
    check.expect(4, &[], &["error: cannot make a directory in", "nosuch"]);
}

/// Something that somebody else does to a tree meanwhile.
type Change = fn(&Place);

/// The file changes when everything was read once and nothing is written yet, which is where the first change is made.
#[test]
fn a_file_that_changes_between_the_two_reads_is_named_and_nothing_is_written() {
    let changes: [(&str, Change); 4] = [
        ("bytes", |place| fs::write(place.inside("share/file"), "changed").unwrap()),
        ("size", |place| fs::write(place.inside("share/file"), "longer than it was").unwrap()),
        ("gone", |place| fs::remove_file(place.inside("share/file")).unwrap()),
        ("program", |place| drop(place.library("bin/say", &["-Wl,-rpath,@/lib"]))),
    ];
    for (what, change) in changes {
        for out in [&["-o", "x.tar.gz"][..], &["-o", "x.tar"], &["-o", "out/"], &["--in-place"]] {
            if out == ["--in-place"] && what != "program" {
                continue;
            }
            let place = Place::small();
            place.write("share/file", "as it was");
            fs::write(place.at("x.tar.gz"), "old").unwrap();
            let call = relocate(place.dir(), [&["old/root"], out].concat());
            let (code, said) = act_at(&call, 0, || change(&place));
            let name = if what == "program" { "bin/say" } else { "share/file" };
            assert_eq!(code, 4, "{what} {out:?}: {said}");
            assert!(said.contains(name), "{what} {out:?}: {said}");
            assert!(what == "gone" || said.contains("changed"), "{what} {out:?}: {said}");
            assert_eq!(place.beside(), ["old", "source.c", "x.tar.gz"], "{what} {out:?}");
            assert_eq!(fs::read(place.at("x.tar.gz")).unwrap(), b"old");
        }
    }
}

#[test]
fn a_mistyped_command_is_never_taken_for_a_directory_and_a_directory_never_for_a_command() {
    let place = Place::small();
    let rows: [(&[&str], &[&str]); 6] = [
        (&["chek", "old/root"], &["'chek' is neither a command nor a directory here", "did you mean 'relocate check'"]),
        (&["verfy", "x"], &["did you mean 'relocate verify'?"]),
        (&["frobnicate"], &["the commands are", "or name the prefix to pack"]),
        (&["deploy"], &["required arguments were not provided", "<HOST>"]),
        (&["--in-plase", "old/root"], &["unexpected argument '--in-plase'", "'--in-place'"]),
        (&["old/root", "--no-such-option"], &["unexpected argument '--no-such-option'"]),
    ];
    for (arguments, told) in rows {
        relocate(place.dir(), arguments).expect(2, &[], told);
    }
    for name in ["deploy", "check", "verify"] {
        tool(&[&"cp", &"-a", &place.root(), &place.at(name)]);
        let prefix = place.root();
        let arguments = [&format!("./{name}"), "--old-prefix", prefix.to_str().unwrap()];
        relocate(place.dir(), arguments).expect(0, &[PROVEN, &format!("./{name}")], &[]);
        assert!(place.at(format!("{name}.tar.gz")).exists());
    }
    relocate(place.dir(), ["deploy"]).expect(2, &[], &["<HOST>"]);
    let new = place.unpack(place.at("deploy.tar.gz"));
    place.hide();
    says_moved(new.join("bin/say"));
}

#[test]
fn a_configuration_with_an_unknown_key_or_a_wrong_value_names_file_and_key() {
    let place = Place::small();
    let rows: [(&str, &[&str]); 7] = [
        ("stirp = true\nlevel = 20\n", &["relocate.toml:1:1: ", "did you mean 'strip'?", "relocate.toml:2:9: level"]),
        ("exclud = ['a']\n", &["relocate.toml:1:1: there is no key 'exclud'; did you mean 'exclude'?"]),
        ("allow_lib = ['a']\n", &["there is no key 'allow_lib'; did you mean 'allow-lib'?"]),
        ("nothing-like-it = 1\n", &["there is no key 'nothing-like-it'"]),
        ("level = 'nine'\n", &["relocate.toml:1:9: level: it is the string 'nine'; a number from 1 to 19 is expected"]),
        ("exclude = [\n", &["relocate.toml:1:"]),
        ("exclude = ['[']\n", &["relocate.toml:1:12: exclude[0]: ", "["]),
    ];
    for (text, told) in rows {
        fs::write(place.at("old/relocate.toml"), text).unwrap();
        relocate(place.dir(), ["old/root"]).expect(2, &[], told);
        fs::rename(place.at("old/relocate.toml"), place.at("other.toml")).unwrap();
        relocate(place.dir(), ["old/root", "--dry-run"]).expect(0, &["the plan holds"], &[]);
        let ran = relocate(place.dir(), ["old/root", "--config", "other.toml"]).run();
        assert_eq!(ran.code, Some(2), "{text}: {}", ran.err);
    }
    relocate(place.dir(), ["old/root", "--config", "nosuch.toml"]).expect(
        2,
        &[],
        &["cannot read nosuch.toml: No such"],
    );
    assert_eq!(place.beside(), ["old", "other.toml", "source.c"]);
}

#[test]
fn values_that_make_no_sense_are_usage_errors_that_name_the_option() {
    let place = Place::small();
    let rows: [(&[&str], &str); 20] = [
        (&["--exclude", "["], "--exclude: error parsing glob '['"),
        (&["--skip", "{a"], "--skip: error parsing glob"),
        (&["--bundle", "["], "--bundle: error parsing glob"),
        (&["--allow-lib", "["], "--allow-lib: error parsing glob"),
        (&["--allow-missing", "["], "--allow-missing: error parsing glob"),
        (&["--allow-link", "["], "--allow-link: error parsing glob"),
        (&["--copy-link", "["], "--copy-link: error parsing glob"),
        (&["--jobs", "0"], "0 is not in 1..=1024"),
        (&["--jobs", "many"], "invalid value 'many' for '--jobs"),
        (&["--owner", "me"], "--owner me: neither 'keep' nor numbers as in 0:0"),
        (&["--owner", "1:"], "--owner 1:: neither"),
        (&["--chmod", "u+q"], "--chmod u+q: not a change"),
        (&["--chmod", "99"], "--chmod 99: not a change"),
        (&["--top-dir", "../up"], "--top-dir ../up: not a relative path without '..'"),
        (&["--top-dir", "/abs"], "--top-dir /abs: not a relative path"),
        (&["--old-prefix", "not/absolute"], "--old-prefix not/absolute: not an absolute path"),
        (&["--target", "el99"], "--target el99: neither a known system nor a file"),
        (&["--color", "sometimes"], "invalid value 'sometimes' for '--color"),
        (&["--tag", "path"], "invalid value 'path' for '--tag"),
        (&["--in-place", "-o", "x.tar"], "cannot be used with"),
    ];
    for (arguments, told) in rows {
        let all = [&["old/root"], arguments].concat();
        relocate(place.dir(), all).expect(2, &[], &["error: ", told]);
    }
    let epoch = relocate(place.dir(), ["old/root"]).env("SOURCE_DATE_EPOCH", "yesterday");
    epoch.expect(2, &[], &["SOURCE_DATE_EPOCH is 'yesterday', not a number of seconds"]);
    assert_eq!(place.beside(), ["old", "source.c"]);
}

#[test]
fn a_level_that_the_format_does_not_have_is_refused_before_anything_is_written() {
    let place = Place::small();
    for (out, level, told) in [
        ("x.tar.gz", "0", "there is no level 0; this format has 1 to 9"),
        ("x.tar.gz", "10", "there is no level 10; this format has 1 to 9"),
        ("x.tar.zst", "99", "there is no level 99; this format has 1 to 19"),
        ("x.tar", "3", "a .tar is not compressed and takes no level 3"),
    ] {
        relocate(place.dir(), ["old/root", "-o", out, "--level", level]).expect(2, &[], &[told]);
    }
    assert_eq!(place.beside(), ["old", "source.c"]);
}

#[test]
fn a_check_of_what_is_no_archive_or_no_tree_says_so() {
    let place = Place::small();
    fs::write(place.at("text.tar.gz"), "this is no archive at all").unwrap();
    fs::write(place.at("empty"), "").unwrap();
    for command in ["check", "verify"] {
        for file in ["text.tar.gz", "empty"] {
            let ran = relocate(place.dir(), [command, file]).run();
            assert!([Some(1), Some(4)].contains(&ran.code), "{command} {file}: {:?} {}", ran.code, ran.err);
            assert!(ran.out.is_empty() && ran.err.starts_with("error: "), "{command} {file}: {}{}", ran.out, ran.err);
        }
    }
    relocate(place.dir(), ["verify", "old/root"]).expect(
        4,
        &[],
        &["error: cannot verify 'old/root': it has no .relocate/about.json"],
    );
    relocate(place.dir(), ["check", "old/root", "--run", "'open"]).expect(2, &[], &["a quote is not closed"]);
    relocate(place.dir(), ["check", "old/root", "--run", ""]).expect(2, &[], &["there is no program to run"]);
    let none = relocate(place.dir(), ["check", "old/root", "--run", "bin/nosuch"]);
    none.expect(1, &[], &["bin/nosuch"]);
}
