//! What a server, or somebody between, may do with files that were signed: bring old ones back, mix them, hold them back, cut
//! them, never end them. And a disk that lost what was remembered.

use crate::publisher::{Publisher, day, target};
use crate::shelf::Fault;
use relocate::tuf::{Freshness, Kept, RoleName, Why, follow, recall};

#[test]
fn an_old_timestamp_is_refused() {
    let mut publisher = Publisher::new();
    let old = publisher.shelf.file("timestamp.json").clone();
    publisher.next();
    let kept = publisher.kept();
    publisher.shelf.set("timestamp.json", old);
    assert_eq!(
        publisher.refusal(&kept),
        "shelf/tuf/timestamp.json would go back to timestamp 1, and 2 was seen before"
    );
    // Who never saw the new one cannot know.
    assert!(publisher.follow(&publisher.begin()).is_ok());
}

#[test]
fn what_was_good_before_a_fault_is_remembered_against_older_files() {
    let mut publisher = Publisher::new();
    let (old, kept) = (publisher.clone(), publisher.kept());
    publisher.next();
    let mut broken = publisher.clone();
    broken.shelf.files.remove("tuf/2.snapshot.json");
    let keep = *broken.follow(&kept).unwrap_err().keep.unwrap();
    assert_eq!(keep.timestamp.as_ref(), Some(publisher.shelf.file("timestamp.json")));
    assert_eq!((&keep.snapshot, &keep.targets, keep.checked), (&kept.snapshot, &kept.targets, kept.checked));
    assert!(old.refusal(&keep).contains("would go back to timestamp 1"));
    // What is missing is asked for again, though the timestamp is the same.
    assert_eq!(publisher.follow(&keep).unwrap().kept(), &publisher.kept());
    assert!(matches!(recall(&keep, day(0), Freshness::Waived).unwrap_err().why, Why::Forgotten(RoleName::Snapshot)));
    let mut broken = publisher.clone();
    broken.shelf.set("2.targets.json", "{}");
    let keep = *broken.follow(&kept).unwrap_err().keep.unwrap();
    assert_eq!(keep.snapshot.as_ref(), Some(publisher.shelf.file("2.snapshot.json")));
    assert_eq!(publisher.follow(&keep).unwrap().kept(), &publisher.kept());
}

#[test]
fn another_timestamp_of_the_same_version_is_not_taken() {
    let mut publisher = Publisher::new();
    let kept = publisher.kept();
    publisher.timestamp.expires = day(15);
    publisher.stamp();
    assert_eq!(publisher.follow(&kept).unwrap().kept(), &kept);
}

#[test]
fn an_old_snapshot_and_old_targets_are_refused_though_signed_anew() {
    let mut publisher = Publisher::new();
    publisher.next();
    let kept = publisher.kept();
    let mut back = publisher.clone();
    (back.snapshot.version, back.timestamp.version) = (1, 3);
    back.stamp();
    assert_eq!(back.refusal(&kept), "shelf/tuf/timestamp.json would go back to snapshot 1, and 2 was seen before");
    let mut back = publisher.clone();
    (back.targets.version, back.snapshot.version, back.timestamp.version) = (1, 3, 3);
    back.snap();
    assert_eq!(back.refusal(&kept), "3.snapshot.json would go back to targets 1, and 2 was seen before");
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let mut publisher = Publisher::new();
    let first = publisher.clone();
    publisher.list.push(target("b", b"b"));
    publisher.next();
    for (role, length) in [("snapshot", "has"), ("targets", "has")] {
        let mut mixed = publisher.clone();
        mixed.shelf.set(&format!("2.{role}.json"), first.shelf.file(&format!("1.{role}.json")).clone());
        let said = mixed.refusal(&mixed.begin());
        let file = format!("shelf/tuf/2.{role}.json ");
        assert!(said.starts_with(&file), "{said}");
        assert!(said.contains(length) || said.contains("is not what was signed: sha256"), "{said}");
    }
}

#[test]
fn a_file_that_is_named_and_not_there_is_told_by_name() {
    let publisher = Publisher::new();
    for file in ["timestamp.json", "1.snapshot.json", "1.targets.json"] {
        let mut gone = publisher.clone();
        gone.shelf.files.remove(&format!("tuf/{file}"));
        assert_eq!(gone.refusal(&gone.begin()), format!("there is no shelf/tuf/{file}"));
        // To be allowed to use what is old is no reason to take a repository that is not one.
        if file == "timestamp.json" {
            assert!(follow(&gone.shelf, &publisher.kept(), day(0), Freshness::Waived).is_err());
        }
    }
}

#[test]
fn a_web_page_in_the_place_of_a_file_is_told_from_damage() {
    let publisher = Publisher::new();
    for file in ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"] {
        for page in ["\r\n <!doctype html><title>Log in</title>".to_owned(), format!("<html>{}", " ".repeat(3 << 20))] {
            let mut captive = publisher.clone();
            captive.shelf.set(file, page);
            let refused = captive.follow(&captive.begin()).unwrap_err();
            assert_eq!(refused.to_string(), format!("a web page came in the place of shelf/tuf/{file}"));
            assert!(refused.why.help().unwrap().contains("log in"));
        }
    }
}

#[test]
fn a_file_without_end_is_cut_and_refused() {
    let publisher = Publisher::new();
    for file in ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"] {
        let mut endless = publisher.clone();
        endless.shelf.fault(file, Fault::Endless);
        let refused = endless.follow(&endless.begin()).unwrap_err();
        assert!(matches!(refused.why, Why::TooLong { .. }), "{refused}");
        assert!(refused.to_string().contains(file), "{refused}");
    }
}

#[test]
fn a_file_that_is_cut_short_is_refused() {
    let publisher = Publisher::new();
    for file in ["timestamp.json", "1.snapshot.json", "1.targets.json"] {
        let whole = publisher.shelf.file(file).clone();
        for end in 0..whole.len() {
            let mut cut = publisher.clone();
            cut.shelf.set(file, &whole[..end]);
            assert!(cut.follow(&cut.begin()).is_err(), "{file} after {end} bytes");
        }
    }
}

#[test]
fn what_was_remembered_and_is_damaged_is_told_and_not_forgotten() {
    let publisher = Publisher::new();
    let kept = publisher.kept();
    let damaged = |change: fn(&mut Kept)| {
        let mut kept = kept.clone();
        change(&mut kept);
        let refused = publisher.follow(&kept).unwrap_err();
        assert!(matches!(refused.why, Why::Memory { .. }), "{refused}");
        assert_eq!(recall(&kept, day(0), Freshness::Waived).unwrap_err().to_string(), refused.to_string());
        refused.to_string()
    };
    assert!(
        damaged(|kept| kept.root[40] ^= 1).starts_with("the root that was trusted so far cannot be used: root.json ")
    );
    assert!(damaged(|kept| kept.timestamp = Some(Vec::new())).starts_with("the timestamp that was trusted so far"));
    assert!(damaged(|kept| kept.timestamp = kept.snapshot.clone()).contains("its type is 'snapshot', not 'timestamp'"));
    assert!(damaged(|kept| kept.snapshot = Some(b"{}".to_vec())).starts_with("the snapshot that was trusted so far"));
    // The targets are a copy only: they come again.
    let lost = Kept { targets: Some(b"{".to_vec()), ..kept.clone() };
    assert_eq!(publisher.follow(&lost).unwrap().kept(), &kept);
    assert!(recall(&lost, day(0), Freshness::Waived).is_err());
}
