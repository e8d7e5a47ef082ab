//! What a publisher signs: the same bytes each time, and nothing that no client would take.

use crate::publisher::{Publisher, day, key, keys, target};
use relocate::base::digest::Digest;
use relocate::tuf::{Edition, RoleName, SignError, SignedRoot, Target, sign_snapshot, sign_targets, sign_timestamp};
use serde_json::{Map, json};

#[test]
fn the_same_repository_is_the_same_bytes_each_time() {
    let (one, other) = (Publisher::new(), Publisher::new());
    assert_eq!(one.shelf.files, other.shelf.files);
    let timestamp = String::from_utf8(one.shelf.file("timestamp.json").clone()).unwrap();
    assert!(timestamp.starts_with(r#"{"signatures":[{"keyid":""#), "{timestamp}");
    assert!(timestamp.contains(r#""expires":"2026-12-05T12:00:00Z","meta":{"snapshot.json":{"hashes":{"sha256":""#));
    assert!(timestamp.len() < 520, "{}", timestamp.len());
}

#[test]
fn a_repository_on_disk_is_read_as_one_in_memory() {
    let publisher = Publisher::new();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("tuf")).unwrap();
    for (name, bytes) in &publisher.shelf.files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let objects = relocate::objects::Directory::new(dir.path());
    let follow = |kept: &relocate::tuf::Kept| {
        relocate::tuf::follow(&objects, kept, day(0), relocate::tuf::Freshness::Required).unwrap()
    };
    let first = follow(&publisher.begin());
    assert_eq!(first.kept().targets, publisher.kept().targets);
    assert_eq!(follow(first.kept()).news(), relocate::tuf::News::Nothing);
}

#[test]
fn what_is_not_signed_as_the_root_says_is_not_given() {
    let publisher = Publisher::new();
    let edition = Edition { version: 2, expires: day(1) };
    let sign = |keys: &[u8]| {
        let keys: Vec<_> = keys.iter().map(|number| key(*number)).collect();
        let keys: Vec<_> = keys.iter().collect();
        sign_targets(edition, &publisher.list, &publisher.root, &keys).map_err(|error| error.to_string())
    };
    assert!(sign(&[10]).is_ok());
    assert_eq!(sign(&[10, 10]), sign(&[10]));
    let foreign = format!("the key {} is none that may sign the targets", key(20).public().id());
    assert_eq!(sign(&[10, 20]).unwrap_err(), foreign);
    let few = "the targets has 0 good signatures, and root 1 wants 1; sign with more of its keys";
    assert_eq!(sign(&[]).unwrap_err(), few);
}

#[test]
fn what_no_client_would_take_is_not_signed() {
    let publisher = Publisher::new();
    let edition = Edition { version: 1, expires: day(1) };
    let sign = |list: &[Target]| sign_targets(edition, list, &publisher.root, &[&key(10)]).unwrap_err();
    let twice = sign(&[target("a", b"1"), target("a", b"2")]);
    assert_eq!(twice.to_string(), "there are two targets 'a'");
    let custom = json!({"ratio": 0.5}).as_object().unwrap().clone();
    let fraction = sign(&[Target::new("a", 1, Digest::of(b"a"), custom).unwrap()]);
    assert!(matches!(fraction, SignError::Unsignable(RoleName::Targets, _)), "{fraction}");
    let custom = json!({"note": "x".repeat(11 << 20)}).as_object().unwrap().clone();
    let long = sign(&[Target::new("a", 1, Digest::of(b"a"), custom).unwrap()]);
    assert!(matches!(long, SignError::TooLong { .. }), "{long}");
    let zero = Edition { version: 0, expires: day(1) };
    assert!(matches!(sign_targets(zero, &[], &publisher.root, &[]), Err(SignError::Version(RoleName::Targets))));
    let online = [&key(20)];
    assert!(matches!(sign_snapshot(edition, b"{}", &publisher.root, &online), Err(SignError::Input(_))));
    let targets = publisher.shelf.file("1.targets.json");
    assert!(matches!(sign_timestamp(edition, targets, &publisher.root, &online), Err(SignError::Input(_))));
    for name in ["../x", "a/b", ".a", "", "a b", "a:b"] {
        assert_eq!(Target::new(name, 1, Digest::of(b""), Map::new()), None, "{name}");
    }
}

#[test]
fn a_root_is_signed_in_one_place_after_the_other() {
    let publisher = Publisher::new();
    let mut draft = publisher.root.draft().unwrap();
    draft.edition.version = 2;
    draft.targets = keys(2, &[10, 11, 12]);
    let mut root = SignedRoot::begin(&draft).unwrap();
    root.sign(&key(3)).unwrap();
    let sent = root.bytes().unwrap();
    let mut elsewhere = SignedRoot::read("2.root.json", &sent).unwrap();
    assert!(elsewhere.finish(Some(&publisher.root)).is_err());
    elsewhere.sign(&key(1)).unwrap();
    let bytes = elsewhere.finish(Some(&publisher.root)).unwrap();
    assert_eq!(SignedRoot::read("2.root.json", &bytes).unwrap().draft().unwrap(), draft);
    // In the other order, and twice, it is the same file.
    let mut again = SignedRoot::begin(&draft).unwrap();
    for number in [1, 3, 1] {
        again.sign(&key(number)).unwrap();
    }
    assert_eq!(again.finish(Some(&publisher.root)).unwrap(), bytes);
}
