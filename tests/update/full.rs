//! A file system that is full, or fails, from each write on: what runs goes on, and once there is room the next run succeeds.

use crate::call::PROGRAM;
use crate::pack::runs;
use crate::place::names;
use crate::repository::Repository;
use std::fs;
use std::process::Command;

/// The calls that give an error from the `point`-th on.
const CALLS: &str = "write,pwrite64,copy_file_range,fsync,syncfs,ftruncate,mkdir,symlink,symlinkat,link,linkat,rename,renameat,renameat2";

/// Runs an update with that error; its exit code.
fn with(repository: &Repository, error: &str, point: usize) -> Option<i32> {
    let mut strace = Command::new("strace");
    let inject = format!("inject={CALLS}:error={error}:when={point}+");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={CALLS}"), "-e", &inject]);
    strace.args([PROGRAM, "update", "app"]).current_dir(repository.place.dir());
    let output = strace.output().unwrap_or_else(|error| panic!("strace: {error}"));
    output.status.code()
}

fn each(error: &str, step: usize, by_delta: bool) {
    let mut repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    repository.add(2);
    if by_delta {
        repository.add_delta(1, 2);
    }
    repository.sign();
    let app = repository.releases();
    let kept = repository.place.at("kept");
    crate::killed::copy(&app, &kept);
    let mut point = 1;
    let mut failures = 0;
    loop {
        let code = with(&repository, error, point);
        let now = runs(&app);
        assert!(now == 1 || now == 2, "{point}");
        let left = names(&app.join("r")).iter().filter(|name| name.starts_with('.')).count();
        assert!(left <= 1, "{point}: {left}");
        if code == Some(0) && now == 2 && failures > 0 {
            break;
        }
        assert_eq!(code, Some(4), "{error} from {point} on");
        failures += 1;
        let ran = repository.update().run();
        assert_eq!(ran.code, Some(0), "{point}: {}{}", ran.out, ran.err);
        assert_eq!(runs(&app), 2, "{point}");
        crate::place::succeed(Command::new("chmod").args(["-R", "u+rwX"]).arg(&app));
        fs::remove_dir_all(&app).unwrap();
        crate::killed::copy(&kept, &app);
        point += step;
    }
    assert!(failures > 5, "{failures}");
}

#[test]
fn a_disk_that_is_full_from_any_write_on_harms_nothing() {
    each("ENOSPC", 1, false);
}

#[test]
fn a_disk_that_fails_from_any_write_on_harms_nothing() {
    each("EIO", 3, true);
}

/// A real file system that is too small, in a mount namespace of its own: first too few bytes, then too few inodes. The list says
/// that the release needs next to nothing, so that it is not refused before it is begun.
#[test]
fn a_file_system_that_fills_keeps_the_release_that_runs() {
    let mut repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    repository.add(2);
    repository.say(2, "installed_bytes", &1.into());
    repository.say(2, "installed_entries", &1.into());
    repository.sign();
    let (app, kept) = (repository.releases(), repository.place.at("kept"));
    crate::killed::copy(&app, &kept);
    let script = "mount -t tmpfs -o $1 none app && cp -a kept/. app || exit 99
        $2 update app -q; code=$?
        $2 verify app -q && test \"$(app/current/bin/app)\" = \"release $(basename $(readlink app/current))\" || exit 98
        exit $code";
    let with = |options: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["-Urm", "sh", "-c", script, "sh", options, PROGRAM]).current_dir(repository.place.dir());
        unshare.output().unwrap_or_else(|error| panic!("unshare: {error}"))
    };
    let (mut full, mut short, mut done) = (0, 0, 0);
    let bytes = (300..=1400).step_by(40).map(|size| format!("size={size}k"));
    let inodes = (20..=80).step_by(5).map(|inodes| format!("nr_inodes={inodes}"));
    for options in bytes.chain(inodes) {
        let output = with(&options);
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            // Release 1 does not fit already.
            Some(99) => {}
            Some(0) => done += 1,
            Some(4) if said.contains("No space left on device") => full += 1,
            // Not even what is fetched has room.
            Some(4) if said.contains("are missing") => short += 1,
            code => panic!("{options}: {code:?} {said}"),
        }
    }
    assert!(full >= 3 && short >= 1 && done >= 2, "{full} were full, {short} too small, {done} were done");
}
