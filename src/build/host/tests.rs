use super::*;
use std::fs;

fn plain() -> Environment {
    environment(Path::new("/nonexistent"), Some(1), [])
}

#[test]
fn children_see_nothing_of_our_environment() {
    let environment = environment(Path::new("/h"), Some(7), [("PATH", "/x"), ("CC", "gcc")]);
    let shown: Vec<_> =
        environment.iter().map(|(name, value)| format!("{}={}", name.display(), value.display())).collect();
    assert_eq!(shown, ["CC=gcc", "HOME=/h", "LC_ALL=C", "PATH=/x", "SOURCE_DATE_EPOCH=7", "TZ=UTC"]);
    let (_, text) = ask(Path::new("/usr/bin/env"), &[], &plain()).unwrap();
    assert_eq!(text.lines().count(), 5, "{text}");
}

#[test]
fn bash_is_fit_and_dash_is_refused_for_its_echo() {
    assert_eq!(shell(Path::new("/bin/bash"), &plain()), None);
    let dash = shell(Path::new("/bin/dash"), &plain()).unwrap();
    assert!(dash.found.contains("turns '\\100' into '@'"), "{}", dash.found);
    let none = shell(Path::new("/no/such/sh"), &plain()).unwrap();
    assert!(none.found.contains("cannot be run"), "{}", none.found);
    assert!(shell(Path::new("sh"), &plain()).unwrap().found.contains("no absolute path"));
    assert!(shell(Path::new("/bin/cat"), &plain()).unwrap().found.contains("no POSIX shell"));
}

#[test]
fn the_toolchain_of_this_machine_is_known() {
    let work = tempfile::tempdir().unwrap();
    let found = toolchain("gcc", &plain(), work.path()).unwrap();
    assert!(found.cc.ends_with("gcc") && found.compiler.contains("gcc"), "{found:?}");
    assert!(found.linker.contains("ld") && found.libc.starts_with("glibc 2."), "{found:?}");
    assert_eq!(fs::read_dir(work.path()).unwrap().count(), 0, "probes are removed");
    let none = toolchain("no-such-cc", &plain(), work.path()).unwrap_err();
    assert!(none.help.unwrap().contains("build-essential"));
    assert!(toolchain("false", &plain(), work.path()).unwrap_err().found.contains("--version' failed"));
}

#[test]
fn flags_are_tried_not_guessed_from_a_version() {
    let work = tempfile::tempdir().unwrap();
    assert!(takes_flags("gcc", &["-O2", "-march=x86-64"], &plain(), work.path()));
    assert!(takes_flags("gcc", &["-march=x86-64", "-mneeded"], &plain(), work.path()));
    assert!(!takes_flags("gcc", &["-mno-such-flag"], &plain(), work.path()));
}

#[test]
fn all_problems_are_told_at_once_with_a_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let environment = environment(dir.path(), None, [("PATH", "/no/such")]);
    let rooms = [Room { directory: dir.path().join("a/b"), bytes: u64::MAX }];
    let outputs = [PathBuf::from("/proc/no/out.tar.gz"), dir.path().join("out.tar.gz")];
    let shell = Path::new("/bin/dash");
    let wanted =
        Wanted { cc: "cc", shell, environment: &environment, rooms: &rooms, outputs: &outputs, work: dir.path() };
    let findings = check(&wanted);
    let kinds: Vec<_> = findings.iter().map(|finding| finding.kind.as_str()).collect();
    assert_eq!(kinds, ["compiler", "disk-space", "host-program", "output", "shell"]);
    assert!(findings.iter().all(|finding| finding.help.is_some()));
}
