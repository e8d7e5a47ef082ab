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
