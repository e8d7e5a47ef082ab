//! Metadata that somebody with a key signed and that is still not as it must be: other forms, other versions, signatures counted
//! twice, names that lead out.

use crate::publisher::{Publisher, key};
use relocate::tuf::{Kept, Why};
use ring::signature::Ed25519KeyPair;
use serde_json::{Value, json};

/// Signed metadata with another content, signed by these keys. Its texts are plain, so that its canonical form is its JSON.
fn resigned(bytes: &[u8], numbers: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(bytes).unwrap();
    change(&mut value["signed"]);
    let message = serde_json::to_vec(&value["signed"]).unwrap();
    let signature = |number: &u8| {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[*number; 32]).unwrap();
        json!({"keyid": key(*number).public().id(), "sig": data_encoding::HEXLOWER.encode(pair.sign(&message).as_ref())})
    };
    value["signatures"] = numbers.iter().map(signature).collect();
    serde_json::to_vec(&value).unwrap()
}

type Change = fn(&mut Value);

fn plain() -> Publisher {
    let mut publisher = Publisher::new();
    publisher.list.clear();
    publisher.publish();
    publisher
}

/// A repository whose timestamp is another one; what a new client says to it.
fn with_timestamp(change: impl FnOnce(&mut Value)) -> Why {
    let mut publisher = plain();
    let forged = resigned(publisher.shelf.file("timestamp.json"), &[20], change);
    publisher.shelf.set("timestamp.json", forged);
    publisher.follow(&publisher.begin()).unwrap_err().why
}

/// The same for the targets, which are named without their digest.
fn with_targets(change: impl FnOnce(&mut Value)) -> Why {
    let mut publisher = plain();
    let free = |value: &mut Value| {
        for (_, meta) in value["meta"].as_object_mut().unwrap() {
            *meta = json!({"version": meta["version"]});
        }
    };
    for (file, number) in [("timestamp.json", 20), ("1.snapshot.json", 20)] {
        let forged = resigned(publisher.shelf.file(file), &[number], free);
        publisher.shelf.set(file, forged);
    }
    assert!(publisher.follow(&publisher.begin()).is_ok());
    let forged = resigned(publisher.shelf.file("1.targets.json"), &[10], change);
    publisher.shelf.set("1.targets.json", forged);
    publisher.follow(&publisher.begin()).unwrap_err().why
}

#[test]
fn another_form_is_told_by_what_is_other() {
    let said = |why: Why| why.to_string();
    let begin = "shelf/tuf/timestamp.json is not as this relocate knows it: ";
    assert_eq!(
        said(with_timestamp(|signed| signed["spec_version"] = json!("2.0.0"))),
        format!("{begin}it is for version '2.0.0' of the specification")
    );
    assert_eq!(
        said(with_timestamp(|signed| signed["_type"] = json!("snapshot"))),
        format!("{begin}its type is 'snapshot', not 'timestamp'")
    );
    for version in [json!(0), json!(-1), json!(1.5), json!("1"), json!(1e30)] {
        let why = with_timestamp(|signed| signed["version"] = version.clone());
        assert!(matches!(why, Why::Unreadable { .. }), "{version}: {why}");
    }
    let why = with_timestamp(|signed| signed["expires"] = json!("2026-12-05t12:00:00z"));
    assert!(said(why).ends_with("it is written in another way than it was signed"));
    let why = with_timestamp(|signed| signed["meta"] = json!({}));
    assert_eq!(said(why), "timestamp.json is no metadata: it does not name snapshot.json");
    let why = with_timestamp(|signed| signed["meta"]["snapshot.json"]["length"] = json!(1_u64 << 40));
    assert!(matches!(why, Why::TooLong { .. }), "{why}");
    let mut publisher = plain();
    let deep = [b"[".repeat(500_000), b"]".repeat(500_000)].concat();
    publisher.shelf.set("timestamp.json", deep);
    assert!(publisher.refusal(&publisher.begin()).contains("recursion limit"));
}

#[test]
fn a_root_without_all_roles_or_without_consistent_snapshots_is_refused() {
    let changes: [(Change, &str); 3] = [
        (|signed| signed["consistent_snapshot"] = json!(false), "its snapshots are not consistent"),
        (|signed| drop(signed["roles"].as_object_mut().unwrap().remove("snapshot")), "it has no keys for snapshot"),
        (|signed| signed["spec_version"] = json!("0.9"), "it is for version '0.9' of the specification"),
    ];
    for (change, said) in changes {
        let mut publisher = plain();
        let forged = resigned(publisher.shelf.file("1.root.json"), &[1, 2], |signed| {
            signed["version"] = json!(2);
            change(signed);
        });
        publisher.shelf.set("2.root.json", forged.clone());
        let file = "shelf/tuf/2.root.json is not as this relocate knows it: ";
        assert_eq!(publisher.refusal(&publisher.begin()), format!("{file}{said}"));
        assert!(publisher.refusal(&Kept::begin(forged)).contains(said));
    }
}

#[test]
fn one_key_counts_once_however_often_it_signs() {
    let mut publisher = plain();
    let twice = resigned(publisher.shelf.file("1.root.json"), &[1, 1], |signed| signed["version"] = json!(2));
    publisher.shelf.set("2.root.json", twice.clone());
    assert_eq!(publisher.refusal(&publisher.begin()), "shelf/tuf/2.root.json has two signatures of one key");
    // Nor does another spelling of its id make it another key.
    let mut value: Value = serde_json::from_slice(&twice).unwrap();
    let id = value["signatures"][0]["keyid"].as_str().unwrap().to_uppercase();
    value["signatures"][0]["keyid"] = json!(id);
    publisher.shelf.set("2.root.json", serde_json::to_vec(&value).unwrap());
    assert_eq!(publisher.refusal(&publisher.begin()), "shelf/tuf/2.root.json has two signatures of one key");
    // Nor two entries for one key.
    let again = resigned(publisher.shelf.file("1.root.json"), &[1], |signed| {
        signed["version"] = json!(2);
        let entry = signed["keys"][key(1).public().id()].clone();
        signed["keys"]["00".repeat(32)] = entry;
    });
    publisher.shelf.set("2.root.json", again);
    assert!(publisher.refusal(&publisher.begin()).contains("Invalid key ID"));
}

#[test]
fn a_key_of_one_role_signs_for_no_other() {
    let mut publisher = plain();
    for (file, number) in [("timestamp.json", 10), ("timestamp.json", 1), ("timestamp.json", 99)] {
        let forged = resigned(publisher.shelf.file(file), &[number], |_| {});
        publisher.shelf.set(file, forged);
        assert!(publisher.refusal(&publisher.begin()).contains("0 good signatures, 1 wanted of the timestamp's keys"));
    }
}

#[test]
fn without_digests_versions_still_keep_files_together() {
    let why = with_targets(|signed| signed["version"] = json!(2));
    assert!(matches!(why, Why::Mixed { found: 2, wanted: 1, .. }), "{why}");
}

#[test]
fn names_that_are_no_file_names_and_digests_that_are_none_are_refused() {
    let entry = json!({"length": 1, "hashes": {"sha256": "00".repeat(32)}});
    let names = ["../x", "a/b", "/etc/passwd", ".hidden", "..", "", "a b", "a\u{e9}", "a%2fb", "-rf*", "a?b", "a\\b"];
    for name in names.into_iter().map(str::to_owned).chain(["x".repeat(181)]) {
        let why = with_targets(|signed| signed["targets"] = json!({name.clone(): entry.clone()}));
        assert!(matches!(why, Why::TargetName { .. } | Why::Unreadable { .. }), "{name}: {why}");
    }
    let short = json!({"a": {"length": 1, "hashes": {"sha256": "0000"}}});
    let why = with_targets(|signed| signed["targets"] = short);
    assert_eq!(why.to_string(), "targets.json is no metadata: the sha256 of 'a' has not 64 digits");
}

#[test]
fn what_a_later_snapshot_does_not_name_any_more_is_missed() {
    let mut publisher = plain();
    let more = resigned(publisher.shelf.file("1.snapshot.json"), &[20], |signed| {
        signed["meta"]["other.json"] = json!({"version": 3});
    });
    publisher.shelf.set("1.snapshot.json", more);
    publisher.stamp();
    let kept = publisher.kept();
    publisher.next();
    let said = "2.snapshot.json is no metadata: it does not name other.json any more";
    assert_eq!(publisher.refusal(&kept), said);
}
