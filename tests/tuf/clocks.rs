//! What is good until when, and clocks that are wrong.

use crate::publisher::{Publisher, day};
use crate::shelf::Fault;
use relocate::tuf::{Freshness, Kept, Moment, RoleName, Warning, Why, follow};

#[test]
fn each_role_expires_by_name_and_at_the_moment_it_says() {
    let soon = day(3);
    let before = Moment::from_seconds(soon.seconds() - 1);
    let expired: [fn(&mut Publisher); 4] = [
        |publisher| publisher.rotate(|draft| draft.edition.expires = day(3), &[1, 2]),
        |publisher| publisher.timestamp.expires = day(3),
        |publisher| publisher.snapshot.expires = day(3),
        |publisher| publisher.targets.expires = day(3),
    ];
    for (expire, role) in expired.into_iter().zip(["root", "timestamp", "snapshot", "targets"]) {
        let mut publisher = Publisher::new();
        expire(&mut publisher);
        publisher.next();
        let follow = |now, freshness| follow(&publisher.shelf, &publisher.begin(), now, freshness);
        assert!(follow(before, Freshness::Required).is_ok());
        let refused = follow(soon, Freshness::Required).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("the repository's {role} was good until 2026-11-24T12:00:00Z, 0 s ago")
        );
        // What was good before it is remembered.
        assert_eq!(refused.keep.is_some(), role != "timestamp");
        assert!(refused.why.help().unwrap().contains("--allow-stale"));
        let trusted = follow(soon.plus_days(4), Freshness::Waived).unwrap();
        let told: Vec<_> = trusted.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(told, [format!("the repository's {role} was good until 2026-11-24T12:00:00Z, 4 days ago")]);
        // It was not found good.
        assert_eq!(trusted.kept().checked, None);
    }
}

#[test]
fn a_repository_that_is_frozen_is_refused_though_nothing_in_it_changed() {
    let publisher = Publisher::new();
    let kept = publisher.kept();
    let refused = follow(&publisher.shelf, &kept, day(20), Freshness::Required).unwrap_err();
    assert_eq!(refused.to_string(), "the repository's timestamp was good until 2026-12-05T12:00:00Z, 6 days ago");
}

#[test]
fn a_clock_of_1970_is_told_and_what_is_known_stays() {
    let publisher = Publisher::new();
    let now = Moment::from_seconds(86_400);
    let refused = follow(&publisher.shelf, &publisher.kept(), now, Freshness::Required).unwrap_err();
    assert!(matches!(refused.why, Why::ClockBehind { .. }) && refused.keep.is_none());
    assert!(
        refused.to_string().starts_with("the clock says 1970-01-02T00:00:00Z, when there were no such"),
        "{refused}"
    );
    let trusted = follow(&publisher.shelf, &publisher.begin(), now, Freshness::Waived).unwrap();
    assert!(matches!(trusted.warnings(), [Warning::Waived(Why::ClockBehind { .. })]));
}

#[test]
fn a_clock_ten_years_ahead_is_told_and_forgotten_when_it_is_set_right() {
    let publisher = Publisher::new();
    let kept = publisher.kept();
    let refused = follow(&publisher.shelf, &kept, day(3650), Freshness::Required).unwrap_err();
    assert!(matches!(refused.why, Why::ClockAhead { .. }) && refused.keep.is_none());
    assert_eq!(
        refused.to_string(),
        "the clock says 2036-11-18T12:00:00Z, and the repository's root was good until 2027-11-21T12:00:00Z, 9 years before \
         that"
    );
    let trusted = follow(&publisher.shelf, &kept, day(3650), Freshness::Waived).unwrap();
    assert_eq!(trusted.kept(), &kept);
    let trusted = publisher.follow(trusted.kept()).unwrap();
    assert!(trusted.warnings().is_empty());
}

#[test]
fn a_clock_that_went_back_is_told_and_no_reason_to_stop() {
    let publisher = Publisher::new();
    let later = Kept { checked: Some(day(2)), ..publisher.kept() };
    let trusted = publisher.follow(&later).unwrap();
    assert!(matches!(trusted.warnings(), [Warning::ClockBack { .. }]));
    assert!(trusted.warnings()[0].to_string().contains("said 2026-11-23T12:00:00Z when"));
    assert_eq!(trusted.kept().checked, Some(day(0)));
}

#[test]
fn who_signs_anew_may_read_what_expired_but_not_what_cannot_be_reached() {
    let mut publisher = Publisher::new();
    let kept = publisher.kept();
    publisher.next();
    let read = |publisher: &Publisher, now| follow(&publisher.shelf, &kept, now, Freshness::Expired);
    let trusted = read(&publisher, day(500)).unwrap();
    assert_eq!((trusted.warnings().len(), trusted.edition(RoleName::Timestamp)), (4, publisher.timestamp));
    assert!(matches!(read(&publisher, Moment::from_seconds(0)).unwrap_err().why, Why::ClockBehind { .. }));
    for file in ["2.root.json", "timestamp.json", "2.targets.json"] {
        let mut broken = publisher.clone();
        broken.shelf.fault(file, Fault::Status(503));
        assert!(read(&broken, day(0)).unwrap_err().why.is_unreached(), "{file}");
    }
}
