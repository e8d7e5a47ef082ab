//! Files get their names whole or not at all: after a kill, on a full disk, as an ordinary user.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use relocate::base::digest::Digest;
use relocate::base::event::Silent;
use relocate::base::path::RelPath;
use relocate::base::write::{self, NewDir, NewFile, WriteError, replace};
use relocate::pack::{self, Body, ContentError, Contents, Format, Item, Options, Tree};
use rustix::fs::{Mode, OFlags, XattrFlags};
use rustix::io::Errno;
use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A directory that every user may look into.
fn open_dir() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    dir
}

/// Runs in a thread that is an ordinary user, 65534, where the test runs as root. Linux keeps the user by thread.
fn as_ordinary_user<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                let (uid, gid) = (rustix::fs::Uid::from_raw(65534), rustix::fs::Gid::from_raw(65534));
                rustix::thread::set_thread_groups(&[]).unwrap();
                rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
                rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
            }
            work()
        });
        thread.join().unwrap()
    })
}

/// Contents that never end: says so on its standard output and waits to be killed.
struct Stuck;

impl Contents for Stuck {
    fn stream(&self, _: usize, out: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<Digest, ContentError> {
        for _ in 0..50 {
            out(&vec![1; 100_000])?;
        }
        say_and_wait()
    }
}

fn say_and_wait() -> ! {
    let mut stdout = io::stdout();
    stdout.write_all(b"\nnow\n").unwrap();
    stdout.flush().unwrap();
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

fn file_item(size: u64) -> Vec<Item> {
    let path = RelPath::new(b"large").unwrap();
    vec![Item { path, mode: 0o644, uid: 0, gid: 0, mtime: 0, body: Body::File { size } }]
}

fn pack_with(contents: &dyn Contents, size: u64, out: &Path) -> Result<(), String> {
    let items = file_item(size);
    let tree = Tree { items: &items, contents, about: b"{}", tool: None };
    let options = Options { format: Format::Tar, level: None, jobs: 1, top_dir: RelPath::root() };
    let out = NewFile::create(out).map_err(|error| error.to_string())?;
    let packed = pack::write(&tree, |_| Ok(b"{}".to_vec()), out, &options, &Silent);
    packed.map_err(|error| error.to_string())?.publish_unproven().map(drop).map_err(|error| error.to_string())
}

/// What the child processes of these tests do; does nothing in an ordinary run.
#[test]
fn child() {
    let Some(out) = std::env::var_os("RELOCATE_TEST_OUT").map(PathBuf::from) else { return };
    match std::env::var("RELOCATE_TEST_CHILD").unwrap().as_str() {
        "pack" => pack_with(&Stuck, u64::MAX / 4, &out).unwrap(),
        "tree" => {
            let new = NewDir::create(&out).unwrap();
            fs::create_dir(new.staging().join("half")).unwrap();
            say_and_wait();
        }
        "replace" => replace(&out, |file| {
            file.write_all(b"half")?;
            say_and_wait()
        })
        .unwrap(),
        "full" => print!("told: {}", pack_with(&Endless, 10_000_000, &out).unwrap_err()),
        other => panic!("no child {other}"),
    }
}

/// Starts a child of this very program, behind a shell line that may set limits.
fn start(what: &str, out: &Path, limits: &str) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new("sh")
        .args(["-c", &format!("{limits} exec \"$0\" --exact child --nocapture")])
        .arg(program)
        .env("RELOCATE_TEST_CHILD", what)
        .env("RELOCATE_TEST_OUT", out)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn kill_in_the_middle(what: &str, out: &Path) {
    let mut child = start(what, out, "");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "now"), "the child ended early");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_pack_leaves_nothing_beside_out() {
    // tmpfs has O_TMPFILE on every kernel; the file system under /tmp of a container may not.
    let dir = TempDir::new_in("/dev/shm").unwrap();
    let out = dir.path().join("a.tar");
    // Before 3.11 no kernel has; then there is one name beside it, which the next run takes.
    let flags = OFlags::TMPFILE | OFlags::RDWR;
    let left = match rustix::fs::open(dir.path(), flags, Mode::from_raw_mode(0o600)) {
        Ok(_) => vec![],
        Err(error) => {
            assert_eq!(error, Errno::ISDIR);
            vec![".a.tar.relocate-partial".to_owned()]
        }
    };
    kill_in_the_middle("pack", &out);
    assert_eq!(names(dir.path()), left);
    fs::write(&out, "old").unwrap();
    kill_in_the_middle("pack", &out);
    let there = [left, vec!["a.tar".to_owned()]].concat();
    assert_eq!((names(dir.path()), fs::read(&out).unwrap()), (there, b"old".to_vec()));
    write::whole(&out, b"new", 0o644).unwrap();
    assert_eq!(names(dir.path()), ["a.tar"]);
}

#[test]
fn a_killed_replacement_leaves_the_old_file_and_the_next_run_finishes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("libx.so");
    fs::write(&path, "old").unwrap();
    kill_in_the_middle("replace", &path);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    replace(&path, |file| file.write_all(b"new")).unwrap();
    assert_eq!((names(dir.path()), fs::read(&path).unwrap()), (vec!["libx.so".to_owned()], b"new".to_vec()));
}

#[test]
fn what_a_killed_tree_left_is_removed_by_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("tree");
    kill_in_the_middle("tree", &out);
    assert_eq!(names(dir.path()), [".tree.relocate-partial"]);
    let new = NewDir::create(&out).unwrap();
    assert_eq!(names(new.staging()), [""; 0]);
    new.commit().unwrap();
    assert_eq!(names(dir.path()), ["tree"]);
}

/// As many bytes as anybody wants.
struct Endless;

impl Contents for Endless {
    fn stream(&self, _: usize, out: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<Digest, ContentError> {
        (0..100).try_for_each(|_| out(&vec![1; 100_000]))?;
        Ok(Digest::of(&vec![1; 10_000_000]))
    }
}

/// A file size limit fails the write as a full disk does, and needs no mount.
#[test]
fn a_write_that_fails_halfway_leaves_nothing_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let child = start("full", &dir.path().join("a.tar"), "trap '' XFSZ; ulimit -f 1000;");
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("told: cannot write the archive: File too large"), "{told}");
    assert!(names(dir.path()).is_empty());
}

#[test]
fn a_directory_that_may_not_be_written_is_named_with_help() {
    let dir = open_dir();
    fs::write(dir.path().join("f"), "old").unwrap();
    if !rustix::process::geteuid().is_root() {
        fs::set_permissions(dir.path(), Permissions::from_mode(0o555)).unwrap();
    }
    let (file, tree) = (dir.path().join("f"), dir.path().join("tree"));
    let errors = as_ordinary_user(|| {
        [
            NewFile::create(&file).unwrap_err(),
            replace(&file, |_| Ok(())).unwrap_err(),
            NewDir::create(&tree).unwrap_err(),
        ]
    });
    for error in errors {
        assert!(error.to_string().contains("Permission denied"), "{error}");
        assert!(error.help().unwrap().contains(&format!("may write in '{}'", dir.path().display())));
    }
    assert_eq!(names(dir.path()), ["f"]);
}

#[test]
fn an_ordinary_user_replaces_a_file_of_his_own() {
    let dir = open_dir();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
    let path = dir.path().join("f");
    as_ordinary_user(|| {
        fs::write(&path, "old").unwrap();
        // Nobody may read it or write it, its owner included; he may replace it all the same.
        fs::set_permissions(&path, Permissions::from_mode(0o111)).unwrap();
        replace(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o111);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    });
}

#[test]
fn a_running_program_can_be_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sleep");
    // By another process: while this one held it open for writing, a child of another test's thread would inherit that,
    // and executing the copy could fail with ETXTBSY.
    assert!(Command::new("cp").arg("/bin/sleep").arg(&path).status().unwrap().success());
    let mut running = Command::new(&path).arg("30").spawn().unwrap();
    replace(&path, |file| file.write_all(b"new")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    running.kill().unwrap();
    running.wait().unwrap();
}

/// The rest needs root to give files away; as an ordinary user there is nothing to see.
#[test]
fn root_keeps_a_foreign_owner_and_capabilities_and_others_are_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = open_dir();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
    let path = dir.path().join("ping");
    fs::write(&path, "old").unwrap();
    chown(&path, Some(1234), Some(4321)).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o4755)).unwrap();
    // Revision 2, effective; CAP_NET_BIND_SERVICE permitted (linux/capability.h).
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    rustix::fs::setxattr(&path, "security.capability", &capability, XattrFlags::empty()).unwrap();

    let refused = as_ordinary_user(|| replace(&path, |file| file.write_all(b"theirs")).unwrap_err());
    assert!(matches!(refused, WriteError::Owner { uid: 1234, gid: 4321, .. }), "{refused}");
    assert!(refused.to_string().contains("its owner 1234:4321 cannot be kept"), "{refused}");
    assert_eq!((fs::read(&path).unwrap(), names(dir.path())), (b"old".to_vec(), vec!["ping".to_owned()]));

    replace(&path, |file| file.write_all(b"new")).unwrap();
    let now = fs::metadata(&path).unwrap();
    assert_eq!((now.uid(), now.gid(), now.mode() & 0o7777), (1234, 4321, 0o4755));
    let mut kept = [0; 20];
    rustix::fs::getxattr(&path, "security.capability", &mut kept).unwrap();
    assert_eq!(kept, capability);
}
