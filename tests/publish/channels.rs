//! `relocate promote`, `retire` and `repo gc`.

use crate::lab::Lab;
use crate::place::names;
use relocate::publish::{Desk, Lives, gc};
use relocate::tuf::open_target;
use serde_json::json;
use std::io;

/// Releases 1 for stable and 2 for canary.
fn two() -> Lab {
    let lab = Lab::new();
    lab.archive("one");
    lab.archive("two");
    lab.publish("one", &["--channel", "stable"]);
    lab.publish("two", &["--channel", "canary"]);
    lab
}

fn channels(lab: &Lab, serial: u32) -> serde_json::Value {
    let status = lab.call(&["repo", "status", "repo", "--json"]).expect(0, &["{"], &[]).json();
    let releases = status["releases"].as_array().unwrap();
    releases
        .iter()
        .find(|release| release["serial"] == serial)
        .map_or(json!(null), |release| release["channels"].clone())
}

fn change<'a>(command: &'a str, serial: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[command, "repo", "--app", "app", "--serial", serial], more].concat()
}

#[test]
fn a_release_is_given_to_a_channel_and_taken_back() {
    let lab = two();
    let canary = change("promote", "2", &["--channel", "stable"]);
    let dry = [&canary[..], &["--dry-run"]].concat();
    lab.call(&dry).expect(0, &["release 2 of app would be for canary, stable"], &[]);
    assert_eq!(channels(&lab, 2), json!(["canary"]));
    lab.call(&canary).expect(0, &["release 2 of app is now for canary, stable"], &[]);
    lab.call(&canary).expect(0, &["is already for canary, stable"], &[]);
    assert_eq!(channels(&lab, 2), json!(["canary", "stable"]));
    lab.call(&change("retire", "2", &["--channel", "canary"])).expect(
        0,
        &["is now for stable"],
        &["nobody has canary any more"],
    );
    lab.call(&change("retire", "1", &[])).expect(0, &["is now for nobody"], &[]);
    assert_eq!((channels(&lab, 1), channels(&lab, 2)), (json!([]), json!(["stable"])));
    lab.call(&change("retire", "3", &[])).expect(2, &[], &["there is no release 3 of app", "there are 1, 2"]);
    lab.call(&change("promote", "1", &["--channel", "a b"])).expect(2, &[], &["is no name for a channel"]);
    let refused = relocate_without_release_key(&lab, &canary);
    refused.expect(0, &["is already"], &[]);
    relocate_without_release_key(&lab, &change("retire", "2", &[])).expect(2, &[], &["--release-key"]);
}

fn relocate_without_release_key(lab: &Lab, words: &[&str]) -> crate::call::Call {
    lab.call(words).env("RELOCATE_RELEASE_KEY", "")
}

#[test]
fn what_no_list_names_goes_after_the_grace_time_and_nothing_else() {
    let lab = two();
    lab.call(&change("retire", "1", &[])).expect(0, &["nobody"], &["nobody has stable"]);
    let before = names(&lab.place.at("repo/t"));
    let collect = |more: &[&str]| lab.call(&[&["repo", "gc", "repo"], more].concat());
    // The release is taken from the list at once; its files stay for those who read the old list.
    collect(&["--dry-run"]).expect(0, &["release 1 of app is listed no more", "would remove 0 files"], &[]);
    collect(&[]).expect(0, &["release 1 of app is listed no more", "removed 0 files"], &[]);
    assert_eq!(names(&lab.place.at("repo/t")), before);
    assert_eq!(lab.listed(), ["app-2.full.tar.zst", "app-2.manifest.json.zst"]);
    let later = crate::lab::now().plus_days(8);
    let objects = lab.objects();
    let online = relocate::tuf::read_key(&lab.place.at("repo/keys/online.pem"), None).unwrap();
    let desk = Desk { objects: &objects, release: None, online: Some(&online), now: later, lives: Lives::default() };
    let dry = gc(&desk, 7, true).unwrap().removed;
    assert_eq!(names(&lab.place.at("repo/t")), before);
    assert_eq!(gc(&desk, 7, false).unwrap().removed, dry);
    assert!(
        dry.iter().any(|name| name.ends_with("app-1.full.tar.zst")) && dry.contains(&"tuf/2.targets.json".to_owned()),
        "{dry:?}"
    );
    // What leads from the release that went goes with it.
    let may_go = |name: &String| !name.contains(".app-2.") || name.ends_with(".app-2.from-1.delta");
    assert!(dry.iter().all(|name| may_go(name) && !name.ends_with("root.json")), "{dry:?}");
    assert_eq!(gc(&desk, 7, false).unwrap().removed, [] as [&str; 0]);
    let trusted = lab.follow();
    for target in trusted.targets() {
        io::copy(&mut open_target(&objects, target).unwrap(), &mut io::sink()).unwrap();
    }
    assert_eq!(names(&lab.place.at("repo/t")).len(), 3);
    assert_eq!(names(&lab.place.at("repo/tuf")).len(), 4);
}

#[test]
fn the_newest_release_keeps_its_number_though_nobody_has_it() {
    let lab = two();
    lab.call(&change("retire", "2", &[])).expect(0, &["nobody"], &["nobody has canary"]);
    lab.call(&["repo", "gc", "repo"]).expect(0, &["removed 0 files"], &[]);
    lab.archive("three");
    assert_eq!(lab.publish("three", &[])["serial"], 3);
}
