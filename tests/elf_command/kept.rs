//! What a changed file keeps, who may change it, and what happens to its other names and its running programs.

use crate::fixtures::{RELOCATE, built, called, copies, copy, elf, finds_its_library, runs, tags, tool};
use relocate::pipeline::single::{Change, Request, SingleError, Subject};
use rustix::fs::XattrFlags;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

/// Runs `relocate elf` as an ordinary user, 65534, where the test runs as root.
fn elf_as_ordinary_user(dir: &Path, arguments: &[&str]) -> crate::fixtures::Ended {
    static COPY: OnceLock<TempDir> = OnceLock::new();
    let place = COPY.get_or_init(|| {
        // The build directory may lie where only its owner gets to.
        let place = tempfile::tempdir().unwrap();
        tool(Path::new("/"), &["chmod", "755", place.path().to_str().unwrap()]);
        copy(RELOCATE.as_ref(), &place.path().join("relocate"));
        place
    });
    let program = place.path().join("relocate");
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(dir).arg("elf").args(arguments).output().unwrap().into()
}

#[test]
fn mode_time_and_attributes_stay() {
    let long = format!("{}/lib{}", built().display(), "/.".repeat(300));
    for mode in [0o755, 0o555, 0o444, 0o4755, 0o2711] {
        let dir = copies(&["runpath"]);
        let file = dir.path().join("runpath");
        rustix::fs::setxattr(&file, "user.note", b"kept", XattrFlags::empty()).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        tool(dir.path(), &["touch", "-d", "2020-02-03 04:05:06.123456789 UTC", "runpath"]);
        let before = fs::metadata(&file).unwrap();
        let ended = elf(dir.path(), &["--set-rpath", &long, "runpath"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let after = fs::metadata(&file).unwrap();
        assert_eq!(after.mode(), before.mode());
        assert_eq!((after.mtime(), after.mtime_nsec()), (1_580_702_706, 123_456_789));
        assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
        let mut value = [0; 16];
        let len = rustix::fs::getxattr(&file, "user.note", &mut value[..]).unwrap();
        assert_eq!(&value[..len], b"kept");
        assert!(tags(&file)[0].contains(&long));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_privileged_program_gets_no_origin() {
    let dir = copies(&["runpath"]);
    let file = dir.path().join("runpath");
    fs::set_permissions(&file, Permissions::from_mode(0o4755)).unwrap();
    let before = fs::read(&file).unwrap();
    let ended = elf(dir.path(), &["--set-rpath", "/x:$ORIGIN/../lib", "runpath"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("it has setuid or setgid, and the loader ignores $ORIGIN"), "{ended:?}");
    assert_eq!(fs::read(&file).unwrap(), before);
    let ended = elf(dir.path(), &["--set-rpath", "$ORIGIN", "--output", "copy", "runpath"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(fs::metadata(dir.path().join("copy")).unwrap().mode() & 0o7777, 0o755);
}

/// Giving capabilities needs root; as an ordinary user there is nothing to see.
#[test]
fn a_program_with_capabilities_gets_no_origin_and_keeps_them() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = copies(&["runpath"]);
    let file = dir.path().join("runpath");
    // Revision 2, effective; CAP_NET_BIND_SERVICE permitted (linux/capability.h).
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    rustix::fs::setxattr(&file, "security.capability", &capability, XattrFlags::empty()).unwrap();
    let ended = elf(dir.path(), &["--set-rpath", "$ORIGIN/../lib", "runpath"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("it has file capabilities"), "{ended:?}");
    let ended = elf(dir.path(), &["--set-rpath", "/x", "runpath"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut kept = [0; 20];
    rustix::fs::getxattr(&file, "security.capability", &mut kept).unwrap();
    assert_eq!(kept, capability);
}

#[test]
fn a_symlink_is_followed_and_stays() {
    let dir = copies(&["runpath"]);
    symlink("runpath", dir.path().join("link")).unwrap();
    symlink("loop", dir.path().join("loop")).unwrap();
    symlink("nowhere", dir.path().join("dangling")).unwrap();
    assert_eq!(elf(dir.path(), &["--set-rpath", "/x", "link"]).code, Some(0));
    assert!(tags(&dir.path().join("runpath"))[0].ends_with("[/x]"));
    assert!(fs::symlink_metadata(dir.path().join("link")).unwrap().is_symlink());
    assert_eq!(elf(dir.path(), &["--set-rpath", "/x", "dangling"]).code, Some(2));
    assert_eq!(elf(dir.path(), &["--set-rpath", "/x", "loop"]).code, Some(4));
    // The link and the file are one file, which is changed once.
    let ended = elf(dir.path(), &["--add-rpath", "/y", "link", "runpath"]);
    assert!(ended.stdout.ends_with("runpath: another name of link\n"), "{ended:?}");
}

#[test]
fn names_of_a_hard_link_set_stay_together_where_they_are_known() {
    let dir = copies(&["runpath"]);
    let at = |name: &str| dir.path().join(name);
    for name in ["sub", "far"] {
        fs::create_dir(at(name)).unwrap();
    }
    for name in ["beside", "sub/given", "far/unknown"] {
        fs::hard_link(at("runpath"), at(name)).unwrap();
    }
    let before = fs::read(at("runpath")).unwrap();
    let warning = "warning: runpath: has 1 more hard-linked name(s) elsewhere, which keep the old file\n";
    let ended = elf(dir.path(), &["--dry-run", "--set-rpath", "/x", "runpath", "sub/given"]);
    assert!(ended.stderr.starts_with(warning) && inode(&at("far/unknown")) == inode(&at("runpath")), "{ended:?}");
    let ended = elf(dir.path(), &["--set-rpath", "/x", "runpath", "sub/given"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("sub/given: another name of runpath\n"), "{ended:?}");
    assert!(ended.stderr.starts_with(warning), "{ended:?}");
    for name in ["beside", "sub/given"] {
        assert_eq!(inode(&at(name)), inode(&at("runpath")), "{name}");
    }
    assert_eq!(fs::metadata(at("runpath")).unwrap().nlink(), 3);
    assert_eq!(fs::read(at("far/unknown")).unwrap(), before);
    for peer in ["patchelf", "chrpath"] {
        let option = if peer == "patchelf" { "--set-rpath" } else { "-r" };
        let mut command = Command::new(called(peer));
        let ended = command.current_dir(dir.path()).args([option, "/p", "runpath", "sub/given"]).output().unwrap();
        assert!(ended.status.success() && ended.stderr.is_empty(), "{peer}: {ended:?}");
        assert_eq!(inode(&at("sub/given")), inode(&at("beside")));
    }
}

#[test]
fn a_running_program_can_be_changed_and_runs_on() {
    let dir = copies(&["runpath"]);
    let file = dir.path().join("runpath");
    let mut running = Command::new(&file).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let path = format!("{}/lib{}", built().display(), "/.".repeat(300));
    let ended = elf(dir.path(), &["--set-rpath", &path, "runpath"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(running.try_wait().unwrap().is_none());
    running.stdin.take().unwrap().write_all(b"\n").unwrap();
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout == b"greetings\n", "{output:?}");
    assert!(finds_its_library(&file));
}

#[test]
fn an_ordinary_user_is_told_what_is_not_allowed() {
    let dir = copies(&["runpath", "rpath"]);
    let before = tags(&dir.path().join("runpath"));
    fs::set_permissions(dir.path(), Permissions::from_mode(0o555)).unwrap();
    let ended = elf_as_ordinary_user(dir.path(), &["--set-rpath", "/x", "runpath"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.starts_with("error: runpath: cannot write '"), "{ended:?}");
    assert!(ended.stderr.contains("help: run as a user who may write in '"), "{ended:?}");
    fs::set_permissions(dir.path().join("rpath"), Permissions::from_mode(0o000)).unwrap();
    let ended = elf_as_ordinary_user(dir.path(), &["rpath", "runpath"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("rpath: cannot be read: Permission denied"), "{ended:?}");
    assert!(!ended.stdout.is_empty(), "{ended:?}");
    assert_eq!(tags(&dir.path().join("runpath")), before);
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
}

/// Only the directory need be writable: the file is replaced, not written to.
#[test]
fn a_read_only_file_of_ones_own_is_changed() {
    let dir = copies(&["runpath"]);
    let file = dir.path().join("runpath");
    if rustix::process::geteuid().is_root() {
        chown(dir.path(), Some(65534), Some(65534)).unwrap();
        chown(&file, Some(65534), Some(65534)).unwrap();
    }
    fs::set_permissions(&file, Permissions::from_mode(0o555)).unwrap();
    let ended = elf_as_ordinary_user(dir.path(), &["--set-rpath", "/x", "runpath"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o555);
    runs(&file);
}

/// Does something to a file; another one is there to be used.
type Meddle = fn(&Path, &Path);

#[test]
fn a_file_that_changes_meanwhile_is_left_alone() {
    let dir = copies(&["runpath", "rpath"]);
    let file = dir.path().join("runpath");
    let request = Request { change: Change::Set(b"/x".to_vec()), tag: None };
    let meddlers: [Meddle; 2] = [
        |file, _| {
            let mut bytes = fs::read(file).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(file, bytes).unwrap();
        },
        |file, other| fs::rename(other, file).unwrap(),
    ];
    for meddle in meddlers {
        let subject = Subject::open(&file).unwrap();
        let decision = subject.decide(&request, false).unwrap();
        meddle(&file, &dir.path().join("rpath"));
        let theirs = fs::read(&file).unwrap();
        assert!(matches!(subject.replace(&decision, &[]), Err(SingleError::Changed)));
        assert_eq!(fs::read(&file).unwrap(), theirs);
    }
    let names: Vec<PathBuf> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names, [file]);
}
