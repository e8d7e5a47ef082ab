//! `--in-place`: everything but the bytes stays, nothing is written twice, and a run that was cut short is finished by
//! the next.

use crate::call::{Call, PROVEN, relocate};
use crate::place::{Place, USER, chmod, give, is_root, names, run_path, says_moved, succeed, tool};
use crate::state::{State, content, exact};
use crate::step::{Went, kill_at};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn owner_attributes_and_times_to_the_nanosecond_are_kept() {
    let place = Place::small();
    let file = place.inside("bin/say");
    tool(&[&"setfattr", &"-n", &"user.note", &"-v", &"kept", &file]);
    tool(&[&"touch", &"-d", &"2020-02-03 04:05:06.123456789 UTC", &file]);
    if is_root() {
        give(&file, 1234, 4321);
        give(place.inside("lib"), 1234, 4321);
    }
    let before = fs::metadata(&file).unwrap();
    relocate(place.dir(), ["--in-place", "old/root"]).expect(0, &[PROVEN], &[]);
    let after = fs::metadata(&file).unwrap();
    assert_ne!(before.ino(), after.ino());
    assert_eq!((after.uid(), after.gid(), after.mode()), (before.uid(), before.gid(), before.mode()));
    assert_eq!((after.mtime(), after.mtime_nsec()), (1_580_702_706, 123_456_789));
    assert_eq!(tool(&[&"getfattr", &"--only-values", &"-n", &"user.note", &file]), b"kept");
    assert_eq!(run_path(&file), "$ORIGIN/../lib");
    place.hide();
    says_moved(place.at("hidden/root/bin/say"));
}

/// Only root can give a file away and only root can keep it given; an ordinary user's own files are changed.
#[test]
fn a_file_whose_owner_cannot_be_kept_is_not_touched() {
    let place = Place::small();
    place.give_to_user();
    if is_root() {
        give(place.inside("bin/say"), 1234, 4321);
        let before = exact(&place.root());
        let told = ["cannot replace", "bin/say': its owner 1234:4321 cannot be kept", "help: run as root"];
        relocate(place.dir(), ["--in-place", "old/root"]).by_user().expect(4, &[], &told);
        assert_eq!(exact(&place.root()), before);
        give(place.inside("bin/say"), USER, USER);
    }
    let owner = fs::metadata(place.inside("bin/say")).unwrap().uid();
    relocate(place.dir(), ["--in-place", "old/root"]).by_user().expect(0, &[PROVEN], &[]);
    assert_eq!(fs::metadata(place.inside("bin/say")).unwrap().uid(), owner);
}

#[test]
fn a_program_that_runs_meanwhile_goes_on_and_the_next_start_is_the_new_one() {
    const WAIT: &str = "#include <stdio.h>\nextern const char *word(void);\nint main(void) { puts(\"up\"); fflush(stdout);\n\
                        getchar(); puts(word()); return 0; }\n";
    let place = Place::small();
    place.cc("bin/wait", WAIT, &["@/lib/libword.so.1", "-Wl,-rpath,@/lib"]);
    let mut child =
        Command::new(place.inside("bin/wait")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut up = [0; 3];
    out.read_exact(&mut up).unwrap();
    relocate(place.dir(), ["--in-place", "old/root"]).expect(0, &[PROVEN, "2 rewritten"], &[]);
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), child.wait().unwrap().code()), ("moved\n", Some(0)));
    assert_eq!(run_path(place.inside("bin/wait")), "$ORIGIN/../lib");
}

/// A prefix with one of everything that `--in-place` changes.
pub(crate) fn everything() -> Place {
    let place = Place::small();
    place.library("lib/deep/libother.so.1", &["-Wl,-rpath,@/lib"]);
    place.library("plugins/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/hello.so", &["-Wl,-rpath,@/lib"]);
    fs::hard_link(place.inside("bin/say"), place.inside("bin/same")).unwrap();
    place.write("sbin/tools/README", "x");
    fs::hard_link(place.inside("bin/say"), place.inside("sbin/tools/say")).unwrap();
    place.say("bin/privileged", &["-Wl,-rpath,@/lib"]);
    chmod(place.inside("bin/privileged"), 0o4755);
    symlink(place.inside("lib/libword.so.1"), place.inside("lib/libword.so")).unwrap();
    symlink(place.inside("share"), place.inside("dangling")).unwrap();
    place
}

fn in_place(place: &Place, root: &str) -> Call {
    let prefix = place.root();
    relocate(place.dir(), ["--in-place", "--drop-setuid", root, "--old-prefix", prefix.to_str().unwrap()])
}

#[test]
fn a_second_run_writes_nothing() {
    let place = everything();
    in_place(&place, "old/root").expect(0, &[PROVEN, "4 rewritten", "2 made relative"], &["lost its setuid"]);
    let before = exact(&place.root());
    in_place(&place, "old/root").expect(0, &[PROVEN, "none to change", "0 made relative"], &["leads nowhere"]);
    assert_eq!(exact(&place.root()), before);
    place.hide();
    for program in ["bin/say", "bin/same", "sbin/tools/say", "bin/privileged"] {
        says_moved(place.at("hidden/root").join(program));
    }
}

/// The tree after one whole run, and a maker of fresh copies of the tree before it.
struct Reference {
    place: Place,
    wanted: State,
}

impl Reference {
    fn new() -> Self {
        let place = everything();
        copy(&place.root(), &place.at("reference"));
        in_place(&place, "reference").expect(0, &[PROVEN], &["lost its setuid"]);
        let wanted = content(&place.at("reference"));
        Self { place, wanted }
    }

    fn fresh(&self) {
        if self.place.at("tree").exists() {
            fs::remove_dir_all(self.place.at("tree")).unwrap();
        }
        copy(&self.place.root(), &self.place.at("tree"));
    }

    /// The next run finishes what was begun, and then there is nothing to do.
    fn converges(&self, after: &str) {
        let ran = in_place(&self.place, "tree").run();
        assert_eq!(ran.code, Some(0), "{after}: {}{}", ran.out, ran.err);
        let now = content(&self.place.at("tree"));
        for (path, wanted) in &self.wanted {
            assert_eq!(now.get(path), Some(wanted), "{after}: {}", path.display());
        }
        assert_eq!(now.len(), self.wanted.len(), "{after}: something was left");
        let done = exact(&self.place.at("tree"));
        in_place(&self.place, "tree").expect(0, &["none to change"], &["leads nowhere"]);
        assert_eq!(exact(&self.place.at("tree")), done, "{after}");
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    tool(&[&"cp", &"-a", &from, &to]);
}

#[test]
fn a_run_that_is_killed_before_any_of_its_changes_is_finished_by_the_next() {
    let reference = Reference::new();
    let mut points = 0;
    loop {
        reference.fresh();
        match kill_at(&in_place(&reference.place, "tree"), points) {
            Went::Killed => reference.converges(&format!("killed before change {points}")),
            Went::Ended(code) => break assert_eq!(code, 0),
        }
        points += 1;
    }
    // Four files are replaced, three names joined again, two symlinks replaced, one mode changed, each in several steps.
    assert!(points > 30, "{points}");
}

#[test]
fn a_run_that_is_killed_at_any_time_is_finished_by_the_next() {
    let reference = Reference::new();
    for delay in 0..12 {
        reference.fresh();
        let mut child =
            in_place(&reference.place, "tree").0.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(3 * delay));
        child.kill().unwrap();
        child.wait().unwrap();
        reference.converges(&format!("killed after {} ms", 3 * delay));
    }
}

/// A prefix with absolute symlinks to a file and to a directory outside it.
fn with_links_to_bring_in() -> Place {
    let place = Place::small();
    fs::create_dir_all(place.at("host/dir/sub")).unwrap();
    fs::write(place.at("host/file"), "from the host").unwrap();
    fs::write(place.at("host/dir/sub/one"), "one").unwrap();
    fs::hard_link(place.at("host/dir/sub/one"), place.at("host/dir/two")).unwrap();
    symlink("sub/one", place.at("host/dir/link")).unwrap();
    fs::copy(place.inside("bin/say"), place.at("host/dir/say")).unwrap();
    chmod(place.at("host/dir/sub"), 0o555);
    symlink(place.at("host/file"), place.inside("lib/file")).unwrap();
    symlink(place.at("host/dir"), place.inside("dir")).unwrap();
    place
}

/// Whether two names can be exchanged.
fn exchanges() -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let dir = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| dir.path().join(name));
    fs::write(&one, "").unwrap();
    fs::write(&other, "").unwrap();
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok()
}

#[test]
fn what_is_brought_in_appears_whole_whenever_the_run_is_killed() {
    let place = with_links_to_bring_in();
    let prefix = place.root();
    let call = |root| {
        let links = ["--copy-link", "lib/file", "--copy-link", "/dir"];
        let arguments = [&["--in-place", root, "--old-prefix", prefix.to_str().unwrap()][..], &links].concat();
        relocate(place.dir(), arguments)
    };
    copy(&prefix, &place.at("wanted"));
    call("wanted").expect(0, &[PROVEN, "copied in"], &["copied from"]);
    let wanted = content(&place.at("wanted"));
    assert_eq!(fs::read(place.at("wanted/dir/link")).unwrap(), b"one");
    assert_eq!(fs::metadata(place.at("wanted/dir/two")).unwrap().nlink(), 2);
    assert_eq!(run_path(place.at("wanted/dir/say")), "$ORIGIN/../lib");
    let mut points = 0;
    loop {
        copy(&prefix, &place.at("tree"));
        let went = kill_at(&call("tree"), points);
        let is_there = |name: &str| place.at("tree").join(name).exists();
        assert!(is_there("lib/file"), "killed before change {points}: the file is gone");
        // Kernels before 3.15 exchange no names; there the symlink waits aside and the next run finds it.
        let is_aside = place.at("tree/..dir.relocate-partial.relocate-partial").is_symlink();
        assert!(is_there("dir") || is_aside && !exchanges(), "killed before change {points}: the directory is gone");
        call("tree").run();
        assert_eq!(content(&place.at("tree")), wanted, "killed before change {points}");
        tool(&[&"chmod", &"-R", &"u+w", &place.at("tree")]);
        fs::remove_dir_all(place.at("tree")).unwrap();
        if went == Went::Ended(0) {
            break;
        }
        points += 1;
    }
    assert!(points > 15, "{points}");
}

/// Root fills a small file system of its own; an ordinary user is stopped by a limit on the size of files.
#[test]
fn a_full_disk_leaves_the_tree_as_it_was_and_the_next_run_converges() {
    let place = Place::small();
    for number in 0..8 {
        place.write(format!("lib/pad{number}"), vec![number; 20_000]);
        fs::copy(place.inside("bin/say"), place.inside(format!("bin/say{number}"))).unwrap();
    }
    copy(&place.root(), &place.at("wanted"));
    let prefix = place.root();
    let prefix = prefix.to_str().unwrap();
    relocate(place.dir(), ["--in-place", "wanted", "--old-prefix", prefix]).expect(0, &[PROVEN], &[]);
    let before = content(&place.root());
    if is_root() && succeeds("unshare -m true") {
        fs::create_dir(place.at("disk")).unwrap();
        let script = "mount -t tmpfs -o size=800k tmpfs disk; cp -a old/root disk/tree; \
                      dd if=/dev/zero of=disk/rest bs=4k 2>/dev/null || :; truncate -s -12K disk/rest; \
                      \"$0\" --in-place disk/tree --old-prefix \"$1\" 2>told && exit 99; \
                      [ $? = 4 ] || exit 98; rm disk/rest; cp -a disk/tree after; find disk > left; \
                      \"$0\" --in-place disk/tree --old-prefix \"$1\"; cp -a disk/tree finished";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-ec", script, crate::call::PROGRAM, prefix]).current_dir(place.dir());
        succeed(&mut command);
        let told = fs::read_to_string(place.at("told")).unwrap();
        assert!(told.contains("No space left on device") && told.contains("help: make room"), "{told}");
        assert!(!fs::read_to_string(place.at("left")).unwrap().contains("relocate-partial"));
        assert_eq!(content(&place.at("after")), before);
    } else {
        copy(&place.root(), &place.at("finished"));
        let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" --in-place finished --old-prefix \"$1\"";
        let mut command = Command::new("sh");
        command.args(["-c", limited, crate::call::PROGRAM, prefix]).current_dir(place.dir());
        Call(command).expect(4, &[], &["cannot write", "File too large"]);
        assert_eq!(content(&place.at("finished")), before);
        relocate(place.dir(), ["--in-place", "finished", "--old-prefix", prefix]).expect(0, &[PROVEN], &[]);
    }
    assert_eq!(content(&place.at("finished")), content(&place.at("wanted")));
    assert_eq!(names(&place.at("finished/bin")).len(), 9);
}

fn succeeds(line: &str) -> bool {
    Command::new("sh").args(["-c", line]).stderr(Stdio::null()).status().unwrap().success()
}
