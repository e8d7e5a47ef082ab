//! What a person can read, and what is written down of what was done.

use crate::repository::Repository;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Every path with its inode and its times.
pub(crate) fn state(root: &Path) -> BTreeMap<PathBuf, (u64, i64, i64, i64)> {
    let entries = WalkDir::new(root).into_iter().map(Result::unwrap);
    entries
        .map(|entry| {
            let found = fs::symlink_metadata(entry.path()).unwrap();
            (entry.path().to_owned(), (found.ino(), found.mtime(), found.mtime_nsec(), found.ctime_nsec()))
        })
        .collect()
}

fn log(repository: &Repository) -> Vec<Value> {
    let text = fs::read_to_string(repository.releases().join(".relocate/audit.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_state_of_a_directory_can_be_read() {
    let mut repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    repository.release(2);
    repository.relocate(["update", "app", "--check"]).expect(100, &["available"], &[]);
    let ran = repository.relocate(["releases", "app"]).expect(
        0,
        &[
            "application  app, channel stable",
            "current      release 1, 1.1, since ",
            "available    release 2, 1.2",
            "good until ",
        ],
        &[],
    );
    assert!(ran.out.contains("(current)") && !ran.out.contains("EXPIRED"), "{}", ran.out);
    repository.update().expect(0, &["updated"], &[]);
    repository.relocate(["pin", "app", "1"]).expect(0, &["stays"], &[]);
    let ran = repository.relocate(["releases", "app", "--json"]).run().json();
    assert_eq!(
        (&ran["current"], &ran["back"], &ran["newest"]["serial"]),
        (&Value::from(2), &Value::from(1), &Value::from(2))
    );
    assert_eq!((&ran["installed"][0]["pinned"], &ran["expired"]), (&Value::from(true), &Value::from(false)));
    repository.relocate(["rollback", "app"]).expect(0, &["release 1"], &[]);
    repository.relocate(["releases", "app"]).expect(
        0,
        &["(bad: no update takes it)", "release 2, 1.2, which was gone back from"],
        &[],
    );
}

#[test]
fn each_action_is_a_line_of_the_log() {
    let mut repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    repository.update().expect(0, &["up to date"], &[]);
    repository.release(2);
    repository.update().expect(0, &["updated"], &[]);
    repository.relocate(["rollback", "app"]).expect(0, &["release 1"], &[]);
    repository.relocate(["rollback", "app"]).expect(1, &[], &["no earlier"]);
    let log = log(&repository);
    let told: Vec<_> =
        log.iter().map(|line| (line["action"].as_str().unwrap(), line["result"].as_str().unwrap())).collect();
    assert_eq!(told, [("update", "done"), ("update", "done"), ("rollback", "done"), ("rollback", "failed")]);
    assert_eq!(
        (&log[1]["from"], &log[1]["to"], &log[1]["way"]),
        (&Value::from(1), &Value::from(2), &Value::from("full"))
    );
    assert!(log.iter().all(|line| line["time"].is_string() && line["uid"].is_u64()));
}

#[test]
fn nothing_is_printed_where_quiet_is_asked_for() {
    let repository = Repository::with(&[1]);
    let quiet = ["update", "app", "--from", "repo", "--root-key", "root.json", "--quiet"];
    repository.relocate(quiet).expect(0, &[], &[]);
    repository.relocate(["update", "app", "-q"]).expect(0, &[], &[]);
}
