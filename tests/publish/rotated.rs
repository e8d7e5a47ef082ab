//! `relocate repo rotate-key`: keys are replaced, by one person or by several on machines of their own, and clients follow.

use crate::call::{Call, relocate};
use crate::lab::{Lab, follow_from};
use crate::step::{Went, kill_at};
use relocate::tuf::{Kept, RoleName, Trusted};
use std::fs;

fn rotate(lab: &Lab, words: &[&str]) -> Call {
    lab.call(&[&["repo", "rotate-key", "repo", "--no-passphrase"], words].concat())
}

fn both<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["--root-key", "keys/a.pem", "--root-key", "keys/b.pem"], more].concat()
}

/// A client that knew the repository at its beginning and one that never saw it.
fn followed(lab: &Lab, kept: &Kept) -> Trusted {
    follow_from(&lab.objects(), kept).unwrap();
    lab.follow()
}

fn key_id(lab: &Lab, file: &str) -> String {
    relocate::tuf::read_key(&lab.place.at(file), None).unwrap().public().id()
}

#[test]
fn each_key_is_replaced_and_old_clients_follow() {
    let lab = Lab::new();
    lab.archive("one");
    lab.publish("one", &[]);
    let kept = lab.follow().kept().clone();
    // Another year with the same keys.
    rotate(&lab, &both(&[])).expect(0, &["published root 2"], &[]);
    assert_eq!(followed(&lab, &kept).edition(RoleName::Root).version, 2);
    rotate(&lab, &both(&["--role", "online", "--key-out", "online-2.pem"])).expect(0, &["published root 3"], &[]);
    assert_eq!(followed(&lab, &kept).edition(RoleName::Targets).version, 2);
    // The old one signs nothing any more.
    lab.call(&["repo", "refresh", "repo"]).expect(2, &[], &["is none that may sign the timestamp"]);
    lab.call(&["repo", "refresh", "repo", "--online-key", "online-2.pem"]).expect(0, &["signed anew"], &[]);
    let online = ["--online-key", "online-2.pem"];
    rotate(&lab, &both(&[&["--role", "release", "--key-out", "release-2.pem"], &online[..]].concat())).expect(
        0,
        &["published root 4"],
        &[],
    );
    assert_eq!(followed(&lab, &kept).edition(RoleName::Targets).version, 3);
    let old = key_id(&lab, "keys/a.pem");
    rotate(&lab, &both(&[&["--role", "root", "--old", &old[..12], "--key-out", "keys/d.pem"], &online[..]].concat()))
        .expect(0, &["published root 5"], &[]);
    assert_eq!(followed(&lab, &kept).edition(RoleName::Root).version, 5);
    rotate(&lab, &both(&online)).expect(2, &[], &["is none that may sign the root"]);
    rotate(&lab, &["--root-key", "keys/d.pem"]).expect(1, &[], &["of the keys of root 5, 1 have signed and 2 must"]);
    let next = ["--root-key", "keys/d.pem", "--root-key", "keys/c.pem", "--online-key", "online-2.pem"];
    rotate(&lab, &next).expect(0, &["published root 6"], &[]);
    lab.archive("two");
    let archive = ["publish", "two.tar.gz", "repo", "--app", "app", "--level", "1", "--release-key", "release-2.pem"];
    lab.call(&[&archive[..], &online].concat()).expect(0, &["published release 2"], &[]);
    assert_eq!(followed(&lab, &kept).targets().len(), 5);
}

#[test]
fn a_draft_goes_from_one_key_holder_to_the_next() {
    let lab = Lab::new();
    let kept = lab.follow().kept().clone();
    let begin =
        ["--role", "root", "--old", &key_id(&lab, "keys/c.pem"), "--key-out", "keys/d.pem", "--draft", "next.json"];
    rotate(&lab, &[&begin[..], &["--root-key", "keys/a.pem"]].concat()).expect(
        1,
        &["not published yet: of the keys of root 1, 1 have signed and 2 must", "sign-root next.json"],
        &[],
    );
    assert!(!lab.place.at("repo/tuf/2.root.json").exists());
    // Somebody else has the draft and a key, and nothing more.
    let there = tempfile::tempdir().unwrap();
    fs::copy(lab.place.at("next.json"), there.path().join("next.json")).unwrap();
    fs::copy(lab.place.at("keys/b.pem"), there.path().join("b.pem")).unwrap();
    relocate(there.path(), ["repo", "sign-root", "next.json", "--root-key", "b.pem"]).expect(
        0,
        &["signed next.json", "root keys", "2 must sign"],
        &[],
    );
    fs::copy(there.path().join("next.json"), lab.place.at("next.json")).unwrap();
    rotate(&lab, &["--draft", "next.json"]).expect(0, &["published root 2"], &[]);
    assert_eq!(followed(&lab, &kept).edition(RoleName::Root).version, 2);
    rotate(&lab, &["--draft", "next.json"]).expect(2, &[], &["root 2 cannot follow root 2"]);
}

#[test]
fn what_cannot_be_is_refused_before_the_root_is_published() {
    let lab = Lab::new();
    let refused = |words: &[&str], code: i32, said: &str| {
        rotate(&lab, words).expect(code, &[], &[said]);
        assert!(!lab.place.at("repo/tuf/2.root.json").exists());
    };
    refused(&both(&["--role", "release", "--key-out", "repo/r.pem"]), 2, "lies in the repository");
    refused(&both(&["--role", "root", "--old", "zz", "--key-out", "d.pem"]), 2, "begins the id of no one root key");
    refused(&both(&["--role", "online"]), 2, "there is no place for the new key");
    refused(&both(&["--threshold", "4"]), 2, "4 signatures cannot be wanted for the root");
    refused(&["--root-key", "keys/release.pem"], 2, "is none that may sign the root");
    refused(&["--root-key", "keys/a.pem", "--role", "release", "--key-out", "r.pem"], 1, "--draft");
    refused(&both(&["--role", "release", "--key-out", "r.pem", "--online-key", "keys/a.pem"]), 2, "may sign the");
    assert!(!lab.place.at("r.pem").exists());
    refused(&["--root-key", "keys/a.pem"], 1, "the root is not published");
    refused(&["--root-key", "keys/a.pem", "--root-key", "keys/a.pem"], 1, "1 have signed and 2 must");
}

#[test]
fn a_rotation_that_is_killed_is_finished_by_a_refresh_with_the_new_key() {
    let lab = Lab::new();
    let kept = lab.follow().kept().clone();
    crate::place::tool(&[&"cp", &"-a", &lab.place.at("repo"), &lab.place.at("begun")]);
    let words = both(&["--role", "online", "--key-out", "online-2.pem"]);
    let mut torn = 0;
    for point in 0.. {
        fs::remove_dir_all(lab.place.at("repo")).unwrap();
        crate::place::tool(&[&"cp", &"-a", &lab.place.at("begun"), &lab.place.at("repo")]);
        let _ = fs::remove_file(lab.place.at("online-2.pem"));
        let went = kill_at(&rotate(&lab, &words), point);
        if lab.place.at("repo/tuf/2.root.json").exists() {
            torn += usize::from(follow_from(&lab.objects(), &kept).is_err());
            lab.call(&["repo", "refresh", "repo", "--online-key", "online-2.pem", "-q"]).expect(0, &[], &[]);
        }
        followed(&lab, &kept);
        if went == Went::Ended(0) {
            break;
        }
    }
    assert!(torn > 0);
}
