//! What holds when all is well: first run, next ones, back, forward again, old releases that go.

use crate::pack::runs;
use crate::place::names;
use crate::repository::Repository;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use walkdir::WalkDir;

#[test]
fn the_first_update_installs_and_the_next_ones_follow() {
    let mut repository = Repository::with(&[1]);
    let app = repository.releases();
    repository.first().expect(0, &["updated: app 1.1 (release 1) is current", "as a whole"], &[]);
    assert_eq!(runs(&app), 1);
    assert_eq!(fs::read_link(app.join("current")).unwrap(), Path::new("r/1"));
    repository.update().expect(0, &["up to date: release 1 of app is the newest in stable"], &[]);
    repository.release(2);
    repository.update().expect(0, &["updated: app 1.2 (release 2) is current in the place of 1"], &[]);
    assert_eq!((runs(&app), names(&app.join("r"))), (2, vec!["1".to_owned(), "2".to_owned()]));
    assert_eq!(names(&app.join(".relocate/cache")), Vec::<String>::new());
    repository.relocate(["verify", "app", "--all"]).expect(0, &["r/1: every byte", "r/2: every byte"], &[]);
}

#[test]
fn a_release_cannot_be_written_to_and_is_verified() {
    let repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    let release = repository.releases().join("r/1");
    for entry in WalkDir::new(&release) {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert!(entry.path_is_symlink() || mode & 0o222 == 0, "{:?} {mode:o}", entry.path());
    }
    repository.relocate(["verify", "app"]).expect(0, &["r/1: every byte is as its manifest says"], &[]);
    let data = release.join("share/data");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&data, b"edited").unwrap();
    repository.relocate(["verify", "app"]).expect(1, &[], &["share/data", "is not what its manifest says"]);
    let json = repository.relocate(["verify", "app", "--json"]).run();
    let findings = json.json()["releases"][0]["findings"].as_array().unwrap().clone();
    assert!(json.code == Some(1) && findings.iter().any(|finding| finding["kind"] == "size-changed"), "{findings:?}");
}

#[test]
fn whether_there_is_something_newer_is_told_by_the_exit_code_and_changes_nothing() {
    let mut repository = Repository::with(&[1]);
    repository.relocate(["update", "app", "--from", "repo", "--root-key", "root.json", "--check"]).expect(
        100,
        &["available: app 1.1 (release 1)", "nothing is current"],
        &[],
    );
    assert!(!repository.releases().join("current").exists());
    repository.relocate(["update", "app", "--from", "repo"]).expect(0, &["updated"], &[]);
    repository.relocate(["update", "app", "--check"]).expect(0, &["up to date"], &[]);
    repository.release(2);
    let ran = repository.relocate(["update", "app", "--check", "--json"]).run();
    let json = ran.json();
    assert_eq!(ran.code, Some(100));
    assert_eq!((&json["result"], &json["release"]["serial"]), (&Value::from("available"), &Value::from(2)));
    assert_eq!(runs(&repository.releases()), 1);
}

#[test]
fn a_dry_run_writes_nothing() {
    let mut repository = Repository::with(&[1]);
    let dry = ["update", "app", "--from", "repo", "--root-key", "root.json", "--dry-run"];
    repository.relocate(dry).expect(0, &["would update: app 1.1 (release 1)"], &[]);
    assert!(!repository.releases().exists());
    repository.first().expect(0, &["updated"], &[]);
    repository.release(2);
    let before = crate::status::state(&repository.releases());
    repository.relocate(["update", "app", "--dry-run"]).expect(0, &["would update: app 1.2"], &[]);
    repository.update().expect(0, &["updated"], &[]);
    let after = crate::status::state(&repository.releases());
    assert_ne!(before, after);
    repository.relocate(["rollback", "app", "--dry-run"]).expect(0, &["release 1 (1.1) would be current"], &[]);
    assert_eq!(crate::status::state(&repository.releases()), after);
}

#[test]
fn a_rollback_goes_back_and_what_was_gone_back_from_does_not_come_again_by_itself() {
    let mut repository = Repository::with(&[1]);
    let app = repository.releases();
    repository.first().expect(0, &["updated"], &[]);
    repository.release(2);
    repository.update().expect(0, &["updated"], &[]);
    repository.relocate(["rollback", "app"]).expect(0, &["release 1 (1.1) is current in the place of 2"], &[]);
    assert_eq!(runs(&app), 1);
    repository.update().expect(
        0,
        &["as before: release 1 of app stays: release 2 failed here before", "--retry-bad 2"],
        &[],
    );
    repository.relocate(["update", "app", "--check"]).expect(0, &["stays"], &[]);
    assert_eq!(runs(&app), 1);
    repository.relocate(["update", "app", "--retry-bad", "2"]).expect(0, &["updated", "here already"], &[]);
    assert_eq!(runs(&app), 2);
    repository.relocate(["rollback", "app"]).expect(0, &["release 1"], &[]);
    repository.release(3);
    repository.update().expect(0, &["updated: app 1.3"], &[]);
    assert_eq!(runs(&app), 3);
    repository.relocate(["rollback", "app", "--to", "1"]).expect(0, &["release 1"], &[]);
    repository.relocate(["rollback", "app", "--to", "9"]).expect(
        1,
        &[],
        &["release 9 is not installed here", "there are 1"],
    );
    repository.relocate(["rollback", "app"]).expect(1, &[], &["no earlier release"]);
    assert_eq!(runs(&app), 1);
}

#[test]
fn old_releases_go_and_pinned_ones_stay() {
    let mut repository = Repository::with(&[1]);
    let app = repository.releases();
    repository.first().expect(0, &["updated"], &[]);
    for serial in 2..=4 {
        repository.release(serial);
        repository.update().expect(0, &["updated"], &[]);
        if serial == 2 {
            repository.relocate(["pin", "app", "1"]).expect(0, &["pin: release 1 stays"], &[]);
        }
    }
    assert_eq!(names(&app.join("r")), ["1", "2", "3", "4"]);
    repository.release(5);
    repository.relocate(["update", "app", "--keep", "2"]).expect(0, &["updated", "removed: releases 2, 3"], &[]);
    assert_eq!(names(&app.join("r")), ["1", "4", "5"]);
    repository.relocate(["pin", "app", "1", "--off"]).expect(0, &["goes when its time comes"], &[]);
    repository.release(6);
    repository.update().expect(0, &["removed: releases 1, 4"], &[]);
    assert_eq!(names(&app.join("r")), ["5", "6"]);
    repository.relocate(["pin", "app", "4"]).expect(1, &[], &["release 4 is not installed here"]);
}

#[test]
fn a_release_that_was_edited_in_place_is_not_gone_back_to_and_comes_anew() {
    let mut repository = Repository::with(&[1]);
    let app = repository.releases();
    repository.first().expect(0, &["updated"], &[]);
    repository.release(2);
    repository.update().expect(0, &["updated"], &[]);
    let data = app.join("r/1/share/data");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&data, b"edited").unwrap();
    repository.relocate(["rollback", "app"]).expect(1, &[], &["release 1 is not what its manifest says: share/data"]);
    assert_eq!(runs(&app), 2);
    // The other way round: the newest was gone back from and edited meanwhile.
    let mut repository = Repository::with(&[1]);
    let app = repository.releases();
    repository.first().expect(0, &["updated"], &[]);
    repository.release(2);
    repository.update().expect(0, &["updated"], &[]);
    repository.relocate(["rollback", "app"]).expect(0, &["release 1"], &[]);
    let data = app.join("r/2/share/data");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&data, b"edited").unwrap();
    repository.relocate(["update", "app", "--retry-bad", "2"]).expect(
        0,
        &["updated: app 1.2 (release 2)", "as a whole"],
        &["release 2 lies here and is not used, but fetched anew: share/data"],
    );
    assert_eq!(runs(&app), 2);
}

#[test]
fn what_was_typed_once_is_kept_and_may_be_changed() {
    let mut repository = Repository::with(&[1]);
    repository.add(2);
    repository.say(2, "channels", &serde_json::json!(["canary"]));
    repository.sign();
    let app = repository.releases();
    repository.first().expect(0, &["release 1"], &[]);
    repository.update().expect(0, &["up to date"], &[]);
    repository.relocate(["update", "app", "--channel", "canary"]).expect(0, &["release 2"], &[]);
    repository.update().expect(0, &["newest in canary"], &[]);
    repository.relocate(["update", "app", "--channel", "nightly"]).expect(1, &[], &["channel nightly has no release"]);
    repository.relocate(["update", "app", "--app", "other"]).expect(2, &[], &["releases of app, not of other"]);
    assert_eq!(runs(&app), 2);
    fs::rename(repository.at(""), repository.place.at("moved")).unwrap();
    repository.update().expect(1, &[], &["there is no", "timestamp.json"]);
    repository.relocate(["update", "app", "--from", "moved", "--channel", "canary"]).expect(0, &["up to date"], &[]);
    repository.update().expect(0, &["up to date"], &[]);
}

#[test]
fn what_cannot_come_is_told_before_anything_is_fetched() {
    let mut repository = Repository::with(&[1]);
    repository.say(1, "capacity", &Value::from(10));
    repository.sign();
    repository.first().expect(3, &[], &["release 1 can run at a path of 10 bytes, and this one has", "shorter path"]);
    repository.say(1, "capacity", &Value::Null);
    repository.say(1, "installed_bytes", &Value::from(1_u64 << 60));
    repository.sign();
    repository.first().expect(4, &[], &["bytes free, and", "are missing", "make room"]);
    repository.say(1, "installed_bytes", &Value::from(1000));
    repository.say(1, "min_tool", &Value::from("99.0"));
    repository.sign();
    repository.first().expect(1, &[], &["release 1 wants relocate 99.0 or newer"]);
    repository.say(1, "platform", &Value::from("riscv64-linux"));
    repository.sign();
    repository.relocate(["update", "app", "--from", "repo"]).expect(1, &[], &["channel stable has no release"]);
    let other = ["update", "other", "--from", "repo", "--root-key", "root.json"];
    repository.relocate(other).expect(1, &[], &["the repository has nothing for x86_64-linux"]);
    assert!(!repository.releases().join("current").exists());
    assert!(!repository.releases().join(".relocate/cache").exists());
}

#[test]
fn what_is_missing_on_the_command_line_is_told() {
    let repository = Repository::with(&[1]);
    repository.update().expect(2, &[], &["nothing says where the releases of", "--from"]);
    repository.relocate(["update", "app", "--from", "repo"]).expect(
        2,
        &[],
        &["nothing is trusted here yet", "--root-key"],
    );
    repository.relocate(["update", "app", "--from", "ftp://x/y", "--root-key", "root.json"]).expect(2, &[], &["ftp"]);
    repository.relocate(["rollback", "nowhere"]).expect(4, &[], &["nowhere"]);
}

/// Its files know their path.
#[test]
fn a_directory_that_was_moved_is_told_and_the_next_release_is_right() {
    let mut repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    fs::rename(repository.releases(), repository.place.at("moved")).unwrap();
    repository.relocate(["update", "moved"]).expect(
        0,
        &["up to date"],
        &["release 1 was installed for", "app/r/1' and is at"],
    );
    repository.relocate(["verify", "moved"]).expect(1, &[], &["its files name", "move the directory of releases back"]);
    repository.release(2);
    repository.relocate(["update", "moved"]).expect(0, &["updated"], &["release 1 was installed for"]);
    assert_eq!(runs(&repository.place.at("moved")), 2);
    repository.relocate(["rollback", "moved"]).expect(
        1,
        &[],
        &["release 1 is not what its manifest says: its files name"],
    );
    assert_eq!(runs(&repository.place.at("moved")), 2);
}
