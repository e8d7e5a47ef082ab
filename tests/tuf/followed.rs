//! What a client asks, and remembers, when all is well.

use crate::publisher::{Publisher, day, key, target};
use crate::shelf::Fault;
use relocate::tuf::{Freshness, News, RoleName, Why, follow, recall};

#[test]
fn the_first_run_takes_all_there_is_and_remembers_the_very_bytes() {
    let publisher = Publisher::new();
    let trusted = publisher.follow(&publisher.begin()).unwrap();
    assert_eq!(trusted.news(), News::Targets);
    let names: Vec<_> = trusted.targets().iter().map(relocate::tuf::Target::name).collect();
    assert_eq!(names, ["a", "numbers-7.full.tar.zst"]);
    assert_eq!(trusted.target("a"), Some(&target("a", b"")));
    assert_eq!(trusted.target("b"), None);
    assert_eq!(trusted.edition(RoleName::Targets), publisher.targets);
    assert_eq!(trusted.edition(RoleName::Timestamp), publisher.timestamp);
    assert_eq!(trusted.edition(RoleName::Root).version, 1);
    assert!(trusted.root().may_sign(RoleName::Targets, &key(10)));
    assert!(trusted.warnings().is_empty());
    let (kept, shelf) = (trusted.kept(), &publisher.shelf);
    assert_eq!(&kept.root, shelf.file("1.root.json"));
    assert_eq!(kept.timestamp.as_ref(), Some(shelf.file("timestamp.json")));
    assert_eq!(kept.snapshot.as_ref(), Some(shelf.file("1.snapshot.json")));
    assert_eq!(kept.targets.as_ref(), Some(shelf.file("1.targets.json")));
    assert_eq!(kept.checked, Some(day(0)));
}

#[test]
fn nothing_new_is_two_requests_and_changes_nothing() {
    let publisher = Publisher::new();
    let kept = publisher.kept();
    publisher.shelf.asked();
    let trusted = publisher.follow(&kept).unwrap();
    assert_eq!(publisher.shelf.asked(), ["look tuf/2.root.json", "get tuf/timestamp.json"]);
    assert_eq!((trusted.news(), trusted.kept()), (News::Nothing, &kept));
    assert_eq!(trusted.targets().len(), 2);
}

#[test]
fn only_what_has_another_version_is_asked_for() {
    let mut publisher = Publisher::new();
    let kept = publisher.kept();
    publisher.timestamp.version += 1;
    publisher.stamp();
    publisher.shelf.asked();
    let trusted = publisher.follow(&kept).unwrap();
    assert_eq!((trusted.news(), publisher.shelf.asked().len()), (News::Fresher, 2));
    publisher.snapshot.version += 1;
    publisher.timestamp.version += 1;
    publisher.snap();
    let trusted = publisher.follow(trusted.kept()).unwrap();
    assert_eq!(trusted.news(), News::Fresher);
    assert_eq!(publisher.shelf.asked()[2..], ["get tuf/2.snapshot.json"]);
    publisher.list.push(target("numbers-8.full.tar.zst", b"more"));
    publisher.next();
    let trusted = publisher.follow(trusted.kept()).unwrap();
    assert_eq!((trusted.news(), trusted.targets().len()), (News::Targets, 3));
    assert_eq!(publisher.shelf.asked()[2..], ["get tuf/3.snapshot.json", "get tuf/2.targets.json"]);
}

#[test]
fn what_is_known_serves_without_a_repository() {
    let publisher = Publisher::new();
    let kept = publisher.kept();
    let trusted = recall(&kept, day(1), Freshness::Required).unwrap();
    assert_eq!((trusted.news(), trusted.targets().len()), (News::Nothing, 2));
    // It was not found good, only still good.
    assert_eq!(trusted.kept().checked, Some(day(0)));
    let none = recall(&publisher.begin(), day(1), Freshness::Waived).unwrap_err();
    assert!(matches!(none.why, Why::Forgotten(RoleName::Timestamp)));
}

#[test]
fn a_repository_in_trouble_is_an_error_and_what_is_known_serves_those_who_allow_it() {
    let mut publisher = Publisher::new();
    let kept = publisher.kept();
    publisher.next();
    for (file, fault) in [
        ("2.root.json", Fault::Status(503)),
        ("timestamp.json", Fault::Status(500)),
        ("timestamp.json", Fault::Status(403)),
        ("timestamp.json", Fault::Cut(20)),
        ("2.snapshot.json", Fault::Status(502)),
        ("2.targets.json", Fault::Cut(0)),
    ] {
        let mut broken = publisher.clone();
        broken.shelf.fault(file, fault);
        let refused = broken.follow(&kept).unwrap_err();
        assert!(refused.why.is_unreached(), "{refused}");
        assert_eq!(refused.keep.is_some(), matches!(file, "2.snapshot.json" | "2.targets.json"), "{refused}");
        assert!(refused.to_string().contains(file), "{refused}");
        let trusted = follow(&broken.shelf, &kept, day(400), Freshness::Waived).unwrap();
        assert_eq!((trusted.news(), trusted.kept()), (News::Nothing, &kept));
        let told: Vec<_> = trusted.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(told[0].contains(file) && told[1].contains("root was good until 2027-11-21T12:00:00Z, 35 days ago"));
        // Who knows nothing hears why there is nothing.
        let refused = follow(&broken.shelf, &publisher.begin(), day(0), Freshness::Waived).unwrap_err();
        assert!(refused.why.is_unreached(), "{refused}");
    }
}

#[test]
fn no_newer_root_is_what_a_server_says_that_has_none_or_tells_nobody() {
    let publisher = Publisher::new();
    for status in [403, 404, 410] {
        let mut shelf = publisher.shelf.clone();
        shelf.fault("2.root.json", Fault::Status(status));
        assert!(follow(&shelf, &publisher.begin(), day(0), Freshness::Required).is_ok(), "{status}");
    }
}
