use super::*;
use std::fs;

fn shell(script: &str, directory: &Path) -> Task {
    Task {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        environment: vec![("PATH".into(), "/usr/bin:/bin".into()), ("GREETING".into(), "hello".into())],
        directory: directory.to_owned(),
        held: None,
    }
}

/// Waits for something that must come true soon.
fn soon(what: impl Fn() -> bool) -> bool {
    (0..400).any(|_| {
        thread::sleep(Duration::from_millis(10));
        what()
    })
}

fn is_alive(pid: &str) -> bool {
    // A zombie nobody has waited for is as dead as can be.
    fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_task_sees_the_given_variables_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let answer = shell("pwd; echo $GREETING; env | grep -c '^CARGO'; echo bad >&2; exit 3", dir.path());
    let answer = answer.ask(&Cancel::default()).unwrap();
    assert_eq!(answer.ended.end, End::Exited(3));
    let real = fs::canonicalize(dir.path()).unwrap();
    assert_eq!(String::from_utf8(answer.stdout).unwrap(), format!("{}\nhello\n0\n", real.display()));
    assert_eq!(answer.stderr, b"bad\n");
}

#[test]
fn both_streams_go_into_the_log_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let ended = shell("echo one; echo two >&2; echo three", dir.path()).run_logged(&log, &Cancel::default()).unwrap();
    assert!(ended.end.is_success());
    assert_eq!(fs::read_to_string(log).unwrap(), "one\ntwo\nthree\n");
}

#[test]
fn a_program_that_is_written_a_little_longer_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("program");
    fs::copy("/bin/true", &path).unwrap();
    let program = || Task { program: path.clone(), ..shell("", dir.path()) };
    let open = File::options().append(true).open(&path).unwrap();
    assert_eq!(program().ask(&Cancel::default()).unwrap_err().kind(), io::ErrorKind::ExecutableFileBusy);
    let ended = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(30));
            drop(open);
        });
        (program().ask(&Cancel::default()).unwrap().ended.end, run(&[&path]).unwrap().success)
    });
    assert_eq!(ended, (End::Exited(0), true));
}

#[test]
fn a_cancelled_task_ends_with_all_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let cancel = Cancel::default();
    let task = shell("sleep 100 & echo $! >pid; wait", dir.path());
    let ended = thread::scope(|scope| {
        let running = scope.spawn(|| task.ask(&cancel).unwrap());
        assert!(soon(|| fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n'))));
        cancel.cancel();
        running.join().unwrap().ended.end
    });
    assert_eq!(ended, End::Cancelled);
    let pid = fs::read_to_string(pid).unwrap();
    assert!(soon(|| !is_alive(&pid)));
}

#[test]
fn what_a_task_leaves_behind_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let answer = shell("sleep 100 >/dev/null 2>&1 & echo $!", dir.path()).ask(&Cancel::default()).unwrap();
    let pid = String::from_utf8(answer.stdout).unwrap();
    assert!(soon(|| !is_alive(&pid)));
}

#[test]
fn the_leash_ends_the_group_and_lets_the_lock_go_only_then() {
    use rustix::fs::{FlockOperation, flock};
    let dir = tempfile::tempdir().unwrap();
    let lock = dir.path().join("lock");
    let held = Arc::new(File::create(&lock).unwrap());
    flock(&*held, FlockOperation::NonBlockingLockExclusive).unwrap();
    let mut task = shell("echo $$ >pid; sleep 100", dir.path());
    task.held = Some(held);
    let mut running = task.start(tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()).unwrap();
    drop(task);
    let free = || flock(File::open(&lock).unwrap(), FlockOperation::NonBlockingLockExclusive).is_ok();
    let pid = dir.path().join("pid");
    assert!(soon(|| fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n'))));
    assert!(!free());
    // What the kernel does when we are killed: our end of the pipe is closed.
    drop(running.group.0.0.stdin.take());
    assert!(soon(free));
    assert!(!is_alive(&fs::read_to_string(pid).unwrap()));
    assert!(matches!(running.wait(&Cancel::default()).unwrap().end, End::Killed(_)));
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut task = shell("", dir.path());
    task.program = "/nonexistent/program".into();
    assert_eq!(task.ask(&Cancel::default()).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_program_run_alone_is_ended_with_its_group_and_its_output_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let alone = |script: &str| shell(script, dir.path()).ask_alone(Duration::from_millis(300)).unwrap();
    let answer = alone("echo one; echo two >&2; exit 4");
    assert_eq!(
        (answer.ended.end, answer.stdout, answer.stderr),
        (End::Exited(4), b"one\n".to_vec(), b"two\n".to_vec())
    );
    let answer = alone("sleep 1000 & echo $! > kept; sleep 1000");
    assert_eq!(answer.ended.end, End::Overdue);
    let left = fs::read_to_string(dir.path().join("kept")).unwrap();
    assert!(soon(|| !is_alive(&left)));
    // What it leaves behind goes too, where it ends well itself.
    assert!(alone("sleep 1000 >/dev/null & echo $! > kept").ended.end.is_success());
    let left = fs::read_to_string(dir.path().join("kept")).unwrap();
    assert!(soon(|| !is_alive(&left)));
    assert_eq!(alone("kill -ABRT $$").ended.end, End::Killed(6));
    assert!(alone("exec cat /dev/zero").stdout.len() <= 1 << 20);
}
