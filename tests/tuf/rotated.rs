//! Keys that change: roots one after the other, some long expired, some held back, some signed by too few.

use crate::publisher::{Publisher, day, key, keys, target};
use relocate::tuf::{Freshness, Keys, News, RoleName, RootDraft, SignError, SignedRoot, Why, follow};

/// All keys of a repository change, three times in two years; its roots in between expired long ago.
fn three_times() -> (Publisher, Publisher) {
    let mut publisher = Publisher::new();
    let first = publisher.clone();
    for round in 1..=3 {
        let (old, new) = ((round - 1) * 30, round * 30);
        let change = |draft: &mut RootDraft| {
            draft.edition.expires = day(i64::from(round) * 250);
            draft.root = keys(2, &[new + 1, new + 2, new + 3]);
            draft.targets = keys(1, &[new + 10]);
            (draft.snapshot, draft.timestamp) = (keys(1, &[new + 20]), keys(1, &[new + 20]));
        };
        publisher.rotate(change, &[old + 1, old + 3, new + 2, new + 3]);
        (publisher.targets_key, publisher.online_key) = (new + 10, new + 20);
        publisher.next();
    }
    publisher.list.push(target("numbers-9.full.tar.zst", b"new"));
    let editions = [&mut publisher.targets, &mut publisher.snapshot, &mut publisher.timestamp];
    for edition in editions {
        edition.expires = day(740);
    }
    publisher.next();
    (first, publisher)
}

#[test]
fn a_client_of_two_years_ago_follows_three_rotations_through_expired_roots() {
    let (first, publisher) = three_times();
    for kept in [first.kept(), first.begin()] {
        let trusted = follow(&publisher.shelf, &kept, day(730), Freshness::Required).unwrap();
        assert_eq!((trusted.edition(RoleName::Root).version, trusted.news()), (4, News::Targets));
        assert_eq!(trusted.targets().len(), 3);
        // And the next time nothing of it is asked again.
        publisher.shelf.asked();
        let again = follow(&publisher.shelf, trusted.kept(), day(731), Freshness::Required).unwrap();
        assert_eq!(again.news(), News::Nothing);
        assert_eq!(publisher.shelf.asked(), ["look tuf/5.root.json", "get tuf/timestamp.json"]);
    }
}

#[test]
fn after_a_rotation_an_older_timestamp_is_refused_in_every_later_run() {
    let (first, mut publisher) = three_times();
    let old = publisher.shelf.file("timestamp.json").clone();
    publisher.next();
    let kept = follow(&publisher.shelf, &first.kept(), day(730), Freshness::Required).unwrap().kept().clone();
    publisher.shelf.set("timestamp.json", old);
    for _ in 0..2 {
        let refused = follow(&publisher.shelf, &kept, day(730), Freshness::Required).unwrap_err();
        assert!(matches!(refused.why, Why::Older { role: RoleName::Timestamp, found: 5, known: 6, .. }), "{refused}");
        assert!(refused.keep.is_none());
    }
}

#[test]
fn keys_that_were_taken_back_are_good_for_nothing_any_more() {
    let (first, publisher) = three_times();
    let mut mixed = publisher.clone();
    mixed.shelf.set("timestamp.json", first.shelf.file("timestamp.json").clone());
    let refused = follow(&mixed.shelf, &first.kept(), day(0), Freshness::Required).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "shelf/tuf/timestamp.json is not signed as root 4 wants it: 0 good signatures, 1 wanted of the timestamp's keys"
    );
    // The new roots are kept, so that it does not help to hold them back the next time.
    let kept = *refused.keep.unwrap();
    assert_eq!((&kept.root, kept.timestamp.is_none()), (publisher.shelf.file("4.root.json"), true));
    assert!(first.refusal(&kept).contains("not signed as root 4 wants it"));
    assert!(follow(&publisher.shelf, &kept, day(730), Freshness::Required).is_ok());
}

#[test]
fn what_a_stolen_online_key_made_to_look_newest_is_forgotten_when_the_key_is_taken_back() {
    let mut publisher = Publisher::new();
    let mut thief = publisher.clone();
    (thief.snapshot.version, thief.timestamp.version) = (1_000_000, 1_000_000);
    thief.snap();
    let kept = thief.kept();
    publisher.next();
    assert!(publisher.refusal(&kept).contains("would go back to timestamp 2"));
    publisher.rotate(|draft| (draft.snapshot, draft.timestamp) = (keys(1, &[21]), keys(1, &[21])), &[1, 2]);
    publisher.online_key = 21;
    publisher.next();
    let trusted = publisher.follow(&kept).unwrap();
    assert_eq!(trusted.edition(RoleName::Timestamp).version, 3);
}

#[test]
fn a_root_that_changes_no_online_key_forgets_nothing() {
    let mut publisher = Publisher::new();
    let old = publisher.shelf.file("timestamp.json").clone();
    publisher.next();
    let kept = publisher.kept();
    publisher.rotate(|draft| draft.root = keys(2, &[1, 2, 4]), &[1, 2]);
    let trusted = publisher.follow(&kept).unwrap();
    assert_eq!((trusted.news(), trusted.edition(RoleName::Root).version), (News::Fresher, 2));
    publisher.shelf.set("timestamp.json", old);
    let refused = publisher.follow(&kept).unwrap_err();
    assert!(matches!(refused.why, Why::Older { .. }));
    assert_eq!(&refused.keep.unwrap().root, publisher.shelf.file("2.root.json"));
}

#[test]
fn a_root_needs_enough_of_the_old_keys_and_of_its_own() {
    let publisher = Publisher::new();
    let mut draft = publisher.root.draft().unwrap();
    draft.edition.version = 2;
    draft.root = keys(2, &[4, 5, 6]);
    for (signers, root, good) in [(&[1, 4, 5][..], 1, 1), (&[4, 5, 6], 1, 0), (&[1, 2, 4], 2, 1), (&[1, 2], 2, 0)] {
        let mut next = SignedRoot::begin(&draft).unwrap();
        for number in signers {
            next.sign(&key(*number)).unwrap();
        }
        // We would not publish it, and would not follow it.
        let error = next.finish(Some(&publisher.root)).unwrap_err();
        assert!(matches!(error, SignError::Unsigned { root: by, good: is, wanted: 2, .. } if by == root && is == good));
        let mut forged = publisher.clone();
        forged.shelf.set("2.root.json", next.bytes().unwrap());
        let refused = forged.follow(&publisher.kept()).unwrap_err();
        let s = if good == 1 { "" } else { "s" };
        let said = format!(
            "shelf/tuf/2.root.json is not signed as root {root} wants it: {good} good signature{s}, 2 wanted of the root's keys"
        );
        assert_eq!(refused.to_string(), said);
        assert!(refused.keep.is_none());
    }
}

#[test]
fn no_root_is_skipped_and_none_comes_twice() {
    let mut publisher = Publisher::new();
    publisher.rotate(|draft| draft.edition.expires = day(366), &[1, 2]);
    publisher.rotate(|draft| (draft.snapshot, draft.timestamp) = (keys(1, &[21]), keys(1, &[21])), &[1, 2]);
    publisher.online_key = 21;
    publisher.next();
    for (at, of, found) in [("2.root.json", "3.root.json", 3), ("2.root.json", "1.root.json", 1)] {
        let mut skipped = publisher.clone();
        skipped.shelf.set(at, publisher.shelf.file(of).clone());
        let said = format!("shelf/tuf/2.root.json is of version {found}, and 2 belongs there");
        assert_eq!(skipped.refusal(&skipped.begin()), said);
    }
    // Without the second the third is not looked for.
    let mut skipped = publisher.clone();
    skipped.shelf.files.remove("tuf/2.root.json");
    assert!(skipped.refusal(&skipped.begin()).contains("timestamp.json is not signed as root 1 wants it"));
    assert!(publisher.follow(&publisher.begin()).is_ok());
}

#[test]
fn more_new_roots_than_one_run_follows_are_followed_in_the_next() {
    let mut publisher = Publisher::new();
    for _ in 0..1030 {
        publisher.rotate(|_| {}, &[1, 2]);
    }
    let refused = publisher.follow(&publisher.begin()).unwrap_err();
    assert_eq!(refused.to_string(), "1024 new roots were followed, and there may be more");
    let trusted = publisher.follow(&refused.keep.unwrap()).unwrap();
    assert_eq!(trusted.edition(RoleName::Root).version, 1031);
}

#[test]
fn a_root_that_cannot_be_signed_for_is_not_begun() {
    let publisher = Publisher::new();
    let begin = |change: fn(&mut RootDraft)| {
        let mut draft = publisher.root.draft().unwrap();
        change(&mut draft);
        SignedRoot::begin(&draft).unwrap_err().to_string()
    };
    assert_eq!(begin(|draft| draft.root.threshold = 4), "4 signatures cannot be wanted for the root, which has 3 keys");
    assert_eq!(
        begin(|draft| draft.targets.threshold = 0),
        "0 signatures cannot be wanted for the targets, which has 1 keys"
    );
    assert_eq!(begin(|draft| draft.edition.version = 0), "the root's version must be 1 or more");
    let twice = begin(|draft| draft.root = Keys { threshold: 2, ..keys(2, &[1, 1]) });
    assert_eq!(twice, format!("the key {} is named twice for the root", key(1).public()));
    let mut gap = publisher.root.draft().unwrap();
    gap.edition.version = 3;
    let error = SignedRoot::begin(&gap).unwrap().finish(Some(&publisher.root)).unwrap_err();
    assert_eq!(error.to_string(), "root 3 cannot follow root 1");
}
