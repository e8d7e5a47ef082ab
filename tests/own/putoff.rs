//! What broke off is gone on with, and neither puts off the day's look nor brings what is not trusted any more.

use crate::lab::{Lab, notes};
use crate::programs::script;
use crate::repository::{Memory, Repository, day};
use relocate::base::digest::Digest;
use relocate::tuf::Moment;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn after(now: Moment, seconds: i64) -> Moment {
    Moment::from_seconds(now.seconds() + seconds)
}

/// A download broke off at that time, which was that of the look.
fn broke_off(lab: &Lab, bytes: &[u8], asked: Moment) {
    lab.change(|state| {
        state["format"] = 1.into();
        state["asked"] = asked.seconds().into();
        state["fetching"] = json!({ "version": "0.2.0", "sha256": Digest::of(bytes) });
    });
}

#[test]
fn going_on_with_a_download_does_not_put_off_the_days_look() {
    let bytes = script("0.2.0", "");
    let repository = Repository::with(&[("0.2.0", &bytes)]);
    let lab = Lab::following(&repository, "memory", "notify");
    let now = day(0);
    lab.begin("0.2.0-a", &repository);
    lab.follow("memory", "auto");
    broke_off(&lab, &bytes, now);
    let opened = Arc::new(AtomicUsize::new(0));
    let begin = |now| {
        let opened = opened.clone();
        let begun = lab.begin_with("0.2.0-a", now, move || {
            opened.fetch_add(1, Ordering::SeqCst);
            Err("the place is closed".to_owned())
        });
        notes(&begun).join("\n")
    };
    for (minutes, count) in [(9, 0), (11, 1), (15, 1)] {
        begin(after(now, minutes * 60));
        assert_eq!((opened.load(Ordering::SeqCst), lab.state()["asked"].as_i64()), (count, Some(now.seconds())));
    }
    // Nothing was known, so nothing is gone on with before the next day.
    begin(after(now, 23 * 3600));
    assert_eq!(opened.load(Ordering::SeqCst), 1);
    begin(after(now, 24 * 3600 + 1));
    assert_eq!(
        (opened.load(Ordering::SeqCst), lab.state()["asked"].as_i64()),
        (2, Some(now.seconds() + 24 * 3600 + 1))
    );
}

#[test]
fn what_expired_since_is_not_gone_on_with() {
    let bytes = script("0.2.0", "");
    let mut repository = Repository::new();
    repository.days = 0;
    repository.add("0.2.0", &bytes, None);
    repository.sign();
    let lab = Lab::following(&repository, "memory", "notify");
    let begin = |now| {
        let files = repository.files.clone();
        lab.begin_with("0.2.0-a", now, move || Ok(Box::new(Memory(files.clone()))))
    };
    let first = after(day(0), -3600);
    assert!(notes(&begin(first)).join("\n").contains("0.2.0 is available"));
    lab.follow("memory", "auto");
    broke_off(&lab, &bytes, first);
    let begun = begin(after(first, 2 * 3600));
    let said = notes(&begun).join("\n");
    assert!(begun.enter.is_none() && said.contains("timestamp was good until"), "{said}");
    assert!(lab.current().is_none() && !lab.tool().join("copies").exists());
    // Half an hour after the look it was good.
    broke_off(&lab, &bytes, first);
    lab.change(|state| state["resumed"] = serde_json::Value::Null);
    assert!(begin(after(first, 1800)).enter.is_some());
}
