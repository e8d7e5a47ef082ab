//! Offers made of files, and what is chosen of them.

use super::*;

fn file(serial: u32, kind: Kind, base: Option<u32>, length: u64, channels: &[&str]) -> File {
    let custom = Custom {
        app: "ourapp".to_owned(),
        serial,
        version: format!("1.{serial}"),
        channels: channels.iter().map(|channel| (*channel).to_owned()).collect(),
        platform: "x86_64-linux".to_owned(),
        kind,
        base_serial: base,
        capacity: Some(60),
        installed_bytes: 1_000,
        installed_entries: 10,
        min_tool: None,
        hooks: None,
    };
    File { name: format!("{kind:?}-{serial}-{base:?}"), length, sha256: Digest::of(&[serial as u8]), custom }
}

fn release(serial: u32, channels: &[&str], deltas: &[(u32, u64)]) -> Vec<File> {
    let whole = [(Kind::Manifest, 10), (Kind::Full, 1_000)];
    let whole = whole.map(|(kind, length)| file(serial, kind, None, length, channels));
    let deltas = deltas.iter().map(|(base, length)| file(serial, Kind::Delta, Some(*base), *length, channels));
    whole.into_iter().chain(deltas).collect()
}

fn offer(files: Vec<Vec<File>>) -> Offer {
    Offer::of(files.into_iter().flatten(), "ourapp", "x86_64-linux")
}

#[test]
fn the_newest_of_the_channel_comes_by_the_way_that_fetches_least() {
    let offer = offer(vec![
        release(1, &["stable"], &[]),
        release(2, &["stable"], &[(1, 200)]),
        release(3, &["stable", "canary"], &[(1, 300), (2, 100)]),
        release(4, &["canary"], &[(3, 5_000)]),
    ]);
    assert!(offer.passed_over.is_empty());
    let way = |channel, current: Option<u32>, installed: &[u32]| {
        let have = Have { current, highest: current, installed, bad: None, path: 20 };
        match choose(&offer, channel, &have) {
            Choice::Update { release, way } => Ok((release.custom.serial, way)),
            other => Err(format!("{other:?}")),
        }
    };
    assert_eq!(way("stable", None, &[]), Ok((3, Way::Full { bytes: 1_000 })));
    assert_eq!(way("stable", Some(1), &[1]), Ok((3, Way::Delta { base: 1, bytes: 300 })));
    assert_eq!(way("stable", Some(2), &[1, 2]), Ok((3, Way::Delta { base: 2, bytes: 100 })));
    assert_eq!(way("stable", Some(2), &[2, 3]), Ok((3, Way::Installed)));
    // A delta larger than the whole is none.
    assert_eq!(way("canary", Some(3), &[3]), Ok((4, Way::Full { bytes: 1_000 })));
    assert_eq!(way("stable", Some(3), &[3]), Err("Nothing".to_owned()));
    assert_eq!(way("beta", None, &[]), Err("Never(Empty)".to_owned()));
}

#[test]
fn nothing_older_bad_or_too_long_comes() {
    let offer = offer(vec![release(3, &["stable"], &[])]);
    let never = |have: &Have<'_>| match choose(&offer, "stable", have) {
        Choice::Never(never) => never.to_string(),
        other => panic!("{other:?}"),
    };
    let older = Have { current: Some(2), highest: Some(4), path: 20, ..Have::default() };
    assert_eq!(never(&older), "the newest release there is 3, and 4 was here already");
    let bad = BTreeSet::from([3]);
    assert_eq!(never(&Have { bad: Some(&bad), path: 20, ..Have::default() }), "release 3 failed here before");
    let long = never(&Have { path: 60, ..Have::default() });
    assert_eq!(long, "release 3 can run at a path of 60 bytes, and this one has 61");
    assert!(matches!(choose(&offer, "stable", &Have { path: 59, ..Have::default() }), Choice::Update { .. }));
    // Rolled back from 3: it is not taken for something older.
    let back = Have { current: Some(2), highest: Some(3), installed: &[2, 3], path: 20, ..Have::default() };
    assert!(matches!(choose(&offer, "stable", &back), Choice::Update { way: Way::Installed, .. }));
}

#[test]
fn what_does_not_fit_together_is_passed_over_and_said() {
    let mut half = release(1, &["stable"], &[]);
    half.truncate(1);
    let mut torn = release(2, &["stable"], &[]);
    torn[1].custom.version = "other".to_owned();
    let twice = vec![file(3, Kind::Full, None, 1, &["stable"])];
    let circle = vec![file(3, Kind::Delta, Some(3), 1, &[]), file(3, Kind::Delta, None, 1, &[])];
    let mut foreign = release(4, &["stable"], &[]);
    for file in &mut foreign {
        file.custom.platform = "aarch64-linux".to_owned();
    }
    let unknown = vec![file(5, Kind::Unknown, None, 1, &["stable"]), file(5, Kind::Tool, None, 1, &["stable"])];
    let offer = offer(vec![half, torn, release(3, &["stable"], &[(2, 5)]), twice, circle, foreign, unknown]);
    assert_eq!(offer.releases.keys().copied().collect::<Vec<_>>(), [3]);
    assert_eq!(offer.releases[&3].deltas.keys().copied().collect::<Vec<_>>(), [2]);
    let said = offer.passed_over.join("\n");
    assert!(said.contains("release 1: it is not there as a whole"), "{said}");
    assert!(said.contains("release 2: its files say different things of it") && said.contains("Full-3-None"), "{said}");
}

#[test]
fn what_a_newer_tool_says_is_read() {
    let text = r#"{"app":"a","serial":1,"version":"1","platform":"p","kind":"hologram","more":[1]}"#;
    let custom: Custom = serde_json::from_str(text).unwrap();
    assert_eq!((custom.kind, custom.channels.len()), (Kind::Unknown, 0));
    let written = serde_json::to_string(&file(1, Kind::Full, None, 1, &["b", "a"]).custom).unwrap();
    assert!(written.contains(r#""kind":"full""#) && written.contains(r#""channels":["a","b"]"#), "{written}");
}
