//! A repository that lies, is damaged or old: nothing of it is used, and what runs goes on.

use crate::pack::runs;
use crate::place::names;
use crate::repository::{Repository, files};
use relocate::base::digest::Digest;
use serde_json::{Value, json};
use std::fs;

#[test]
fn trust_begins_with_the_root_that_was_given_or_with_its_sum() {
    let repository = Repository::with(&[1]);
    let sum = Digest::of(&fs::read(repository.at("tuf/1.root.json")).unwrap()).to_string();
    let wrong = Digest::of(b"another").to_string();
    let with = |key: &str| repository.relocate(["update", "app", "--from", "repo", "--root-key", key]);
    with(&wrong).expect(1, &[], &["1.root.json is not what was signed", &wrong]);
    assert!(!repository.releases().join("current").exists());
    with(&sum).expect(0, &["updated"], &[]);
    with("root.json").expect(0, &["up to date"], &[]);
    with(&wrong).expect(2, &[], &["trust began here with the root", "leave --root-key out"]);
    assert_eq!(runs(&repository.releases()), 1);
}

#[test]
fn another_publishers_root_and_one_that_too_few_signed_are_refused() {
    let repository = Repository::with(&[1]);
    let root: Value = serde_json::from_slice(&fs::read(repository.at("tuf/1.root.json")).unwrap()).unwrap();
    let mut few = root.clone();
    few["signatures"].as_array_mut().unwrap().pop();
    fs::write(repository.place.at("few.json"), few.to_string()).unwrap();
    let with = |key: &str| repository.relocate(["update", "app", "--from", "repo", "--root-key", key]);
    with("few.json").expect(1, &[], &["1 good signature", "2 wanted"]);
    fs::write(repository.place.at("no.json"), b"{}").unwrap();
    with("no.json").expect(1, &[], &["the root that --root-key names cannot be used: ", "its type is ''"]);
    with("nowhere.json").expect(4, &[], &["cannot read 'nowhere.json'"]);
    let other = Repository::with(&[1]);
    let mut text = fs::read_to_string(other.at("tuf/timestamp.json")).unwrap();
    text = text.replace("\"version\":1", "\"version\":2");
    fs::write(repository.at("tuf/timestamp.json"), text).unwrap();
    with("root.json").expect(1, &[], &["timestamp.json is not signed as root 1 wants it"]);
    assert!(!repository.releases().join("current").exists());
}

#[test]
fn an_old_repository_served_again_is_refused_and_the_new_release_runs_on() {
    let mut repository = Repository::with(&[1]);
    let old = files(&repository);
    repository.first().expect(0, &["updated"], &[]);
    repository.release(2);
    repository.update().expect(0, &["updated"], &[]);
    let new = fs::read(repository.at("tuf/timestamp.json")).unwrap();
    fs::write(repository.at("tuf/timestamp.json"), &old["tuf/timestamp.json"]).unwrap();
    for _ in 0..2 {
        repository.update().expect(
            1,
            &[],
            &["would go back to timestamp 1, and 2 was seen before", "use nothing of it"],
        );
    }
    repository.relocate(["update", "app", "--allow-stale"]).expect(1, &[], &["would go back"]);
    assert_eq!(runs(&repository.releases()), 2);
    fs::write(repository.at("tuf/timestamp.json"), new).unwrap();
    repository.update().expect(0, &["up to date"], &[]);
}

#[test]
fn what_has_expired_is_refused_unless_the_user_takes_it() {
    let mut repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    repository.add(2);
    repository.days = -1;
    repository.sign();
    repository.update().expect(1, &[], &["timestamp was good until", "repo refresh"]);
    assert_eq!(runs(&repository.releases()), 1);
    repository.relocate(["releases", "app"]).expect(0, &["known"], &[]);
    let stale = ["update", "app", "--allow-stale"];
    repository.relocate(stale).expect(
        0,
        &["updated: app 1.2"],
        &["warning: the repository's timestamp was good until"],
    );
    assert_eq!(runs(&repository.releases()), 2);
    repository.relocate(["releases", "app"]).expect(0, &["EXPIRED since"], &[]);
    let ran = repository.relocate(["update", "app", "--allow-stale", "--json"]).run();
    assert!(ran.json()["warnings"][0].as_str().unwrap().contains("timestamp was good until"));
}

#[test]
fn a_repository_that_is_gone_leaves_what_runs_and_may_be_done_without() {
    let repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    let dead = format!("http://127.0.0.1:{}/repo", crate::server::dead_port());
    repository.relocate(["update", "app", "--from", &dead]).expect(4, &[], &["cannot look for", "--allow-stale"]);
    repository.relocate(["update", "app", "--from", &dead, "--allow-stale"]).expect(
        0,
        &["up to date"],
        &["warning: cannot look for"],
    );
    assert_eq!(runs(&repository.releases()), 1);
}

/// One bit, in the middle of each file.
#[test]
fn a_bit_that_flipped_in_any_file_is_seen_and_nothing_of_it_is_used() {
    let mut repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    let before = files(&repository);
    repository.release(2);
    let mut new: Vec<_> = files(&repository)
        .into_iter()
        .filter(|(name, bytes)| before.get(name) != Some(bytes) && !name.contains(".manifest."))
        .collect();
    // In the order in which they are asked for: what was good before the damaged one is not asked for again.
    let parts = ["timestamp.json", "snapshot.json", "targets.json", ".full.tar.zst"];
    new.sort_by_key(|(name, _)| parts.iter().position(|part| name.ends_with(part)));
    assert_eq!(new.len(), parts.len());
    for (name, bytes) in &new {
        let mut flipped = bytes.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        fs::write(repository.at(name), flipped).unwrap();
        let ran = repository.update().run();
        assert_eq!(ran.code, Some(1), "{name}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(name.rsplit('/').next().unwrap()), "{name}: {}", ran.err);
        assert_eq!(runs(&repository.releases()), 1);
        fs::write(repository.at(name), bytes).unwrap();
    }
    assert_eq!(names(&repository.releases().join("r")), ["1"]);
    repository.update().expect(0, &["updated"], &[]);
    assert_eq!(runs(&repository.releases()), 2);
}

#[test]
fn a_pack_that_was_signed_and_is_no_release_changes_nothing() {
    let mut repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    repository.add(2);
    let custom = |kind: &str| json!({"app": "app", "serial": 2, "version": "1.2", "channels": ["stable"], "platform": "x86_64-linux", "kind": kind});
    let bomb = zstd::encode_all(std::io::Cursor::new(vec![0; 300 << 20]), 1).unwrap();
    for bytes in [&b"no archive"[..], &bomb] {
        repository.put("app-2.full.tar.zst", bytes, &custom("full"));
        repository.put("app-2.manifest.json.zst", b"", &custom("manifest"));
        repository.sign();
        let ran = repository.update().run();
        assert_eq!(ran.code, Some(4), "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("app-2.full.tar.zst.part"), "{}", ran.err);
        assert_eq!((runs(&repository.releases()), names(&repository.releases().join("r"))), (1, vec!["1".to_owned()]));
    }
    repository.release(3);
    repository.update().expect(0, &["updated: app 1.3"], &[]);
}

#[test]
fn trust_that_was_damaged_on_the_disk_is_taken_from_the_one_before() {
    let mut repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    repository.release(2);
    repository.relocate(["update", "app", "--check"]).expect(100, &["available"], &[]);
    let trust = repository.releases().join(".relocate/trust");
    assert_eq!(names(&trust), ["1", "2", "now"]);
    fs::write(trust.join("2/timestamp.json"), b"").unwrap();
    repository.update().expect(
        0,
        &["updated: app 1.2"],
        &["what was trusted so far cannot be used", "before that is used"],
    );
    repository.update().expect(0, &["up to date"], &[]);
    for name in names(&trust).iter().filter(|name| *name != "now") {
        fs::write(trust.join(name).join("snapshot.json"), b"").unwrap();
    }
    repository.update().expect(4, &[], &["what was trusted so far cannot be used", "--root-key again"]);
    assert_eq!(runs(&repository.releases()), 2);
}

#[test]
fn what_others_put_in_the_directory_is_told() {
    let repository = Repository::with(&[1]);
    let app = repository.releases();
    fs::create_dir_all(app.join("r")).unwrap();
    std::os::unix::fs::symlink("/etc", app.join("current")).unwrap();
    repository.first().expect(4, &[], &["current' leads to '/etc', which is no release", "move"]);
    fs::remove_file(app.join("current")).unwrap();
    fs::create_dir_all(app.join("r/1")).unwrap();
    fs::write(app.join("r/1/mine"), b"").unwrap();
    repository.first().expect(0, &["updated"], &["release 1 lies here and is not used, but fetched anew"]);
    assert_eq!(runs(&app), 1);
}
