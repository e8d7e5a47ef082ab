//! The tool itself as a file of a repository: tried before it is signed, never changed, given to channels and taken back.

use crate::lab::Lab;
use crate::place::chmod;
use relocate::base::digest::Digest;
use relocate::publish::file;
use relocate::release::{Kind, Tool, tools};
use std::fs;
use std::path::PathBuf;

/// A program that says to be a version, and passes.
fn program(lab: &Lab, name: &str, version: &str) -> PathBuf {
    script(lab, name, &format!("[ \"$1\" = --self-test ] && echo 'relocate {version}: self-test passed'"))
}

fn script(lab: &Lab, name: &str, text: &str) -> PathBuf {
    let path = lab.place.at(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    chmod(path.clone(), 0o755);
    path
}

fn offered(lab: &Lab) -> Vec<Tool> {
    let platform = format!("{}-linux", std::env::consts::ARCH);
    tools(lab.follow().targets().iter().filter_map(file), &platform)
}

#[test]
fn a_tool_is_listed_with_the_version_it_says_and_lies_there_as_it_is() {
    let lab = Lab::new();
    let path = program(&lab, "new", "0.2.0");
    let words = ["self", "publish", "new", "repo", "--channel", "canary", "--min-tool", "0.1.0"];
    let call = lab.call(&words).expect(0, &["published relocate 0.2.0 (serial 1)", "0.2.0 for canary"], &[]);
    let bytes = fs::read(&path).unwrap();
    let place = format!("t/{}.relocate-1.tool", Digest::of(&bytes));
    assert!(call.out.contains(&place), "{}", call.out);
    assert_eq!(fs::read(lab.place.at("repo").join(&place)).unwrap(), bytes);
    let [tool] = offered(&lab).try_into().unwrap();
    assert_eq!((tool.version.to_string(), tool.file.custom.kind), ("0.2.0".to_owned(), Kind::Tool));
    assert_eq!(tool.wants.map(|wants| wants.to_string()).as_deref(), Some("0.1.0"));
    let sums = fs::read_to_string(lab.place.at("repo/t/SHA256SUMS")).unwrap();
    assert!(sums.contains("relocate-1.tool"), "{sums}");
}

#[test]
fn a_version_is_one_program_for_ever_and_changes_hands_by_promote_and_retire() {
    let lab = Lab::new();
    program(&lab, "new", "0.2.0");
    let publish = |more: &[&str]| lab.call(&[&["self", "publish", "new", "repo"], more].concat());
    publish(&["--dry-run"]).expect(0, &["would publish relocate 0.2.0"], &[]);
    assert!(offered(&lab).is_empty());
    publish(&[]).expect(0, &["published relocate 0.2.0"], &[]);
    let before = lab.follow();
    publish(&[]).expect(0, &["it is published already"], &[]);
    assert_eq!(lab.follow().kept().targets, before.kept().targets);
    publish(&["--channel", "canary"]).expect(
        2,
        &[],
        &["is published already, and it is not for canary", "relocate promote"],
    );
    lab.call(&["promote", "repo", "--app", "relocate", "--serial", "1", "--channel", "canary"]).expect(
        0,
        &["canary, stable"],
        &[],
    );
    publish(&["--channel", "canary"]).expect(0, &["it is published already"], &[]);
    script(&lab, "new", "echo 'relocate 0.2.0: self-test passed'");
    publish(&[]).expect(2, &[], &["version 0.2.0 is published already, and it is another program"]);
    lab.call(&["retire", "repo", "--app", "relocate", "--serial", "1"]).expect(
        0,
        &["now for nobody"],
        &["nobody has stable any more"],
    );
    lab.call(&["retire", "repo", "--app", "relocate", "--serial", "9"]).expect(2, &[], &["there are 1"]);
    lab.call(&["repo", "status", "repo"]).expect(0, &["1 (0.2.0), for nobody", "the tool itself"], &[]);
    let status = lab.call(&["repo", "status", "repo", "--json"]).expect(0, &[""], &[]).json();
    assert_eq!(
        (status["tools"][0]["version"].as_str(), status["releases"].as_array().unwrap().len()),
        (Some("0.2.0"), 0)
    );
    assert_eq!(status["passed_over"].as_array().unwrap().len(), 0);
}

#[test]
fn a_program_that_does_not_pass_its_own_test_is_not_published() {
    let lab = Lab::new();
    for (text, why) in [
        ("exit 3", "its self-test exited with 3"),
        ("echo it is broken >&2; exit 1", "exited with 1; it printed: it is broken"),
        ("kill -SEGV $$", "its self-test was ended by signal 11"),
        ("while :; do :; done", "did not end within 5 seconds"),
        ("sleep 60 & wait", "did not end within 5 seconds"),
        ("echo hello", "did not say that it passed; it printed: hello"),
        ("echo 'relocate 0.2: self-test passed'", "did not say that it passed"),
        ("echo 'relocate 0.2.0: self-test passed'; echo more", "did not say that it passed"),
        ("exec cat /dev/zero", "its self-test was ended by signal 25"),
    ] {
        script(&lab, "new", text);
        lab.call(&["self", "publish", "new", "repo"]).expect(1, &[], &["new is not published: ", why]);
    }
    fs::write(lab.place.at("new"), b"\x7fELF and no more").unwrap();
    lab.call(&["self", "publish", "new", "repo"]).expect(1, &[], &["it is no program for this machine"]);
    lab.call(&["self", "publish", "none", "repo"]).expect(2, &[], &["cannot read none"]);
    lab.call(&["self", "publish", "repo", "repo"]).expect(2, &[], &["repo is no program"]);
    assert!(offered(&lab).is_empty() && lab.listed().is_empty());
}

#[test]
fn releases_and_tools_of_one_repository_do_not_meet() {
    let lab = Lab::new();
    program(&lab, "new", "0.2.0");
    lab.call(&["self", "publish", "new", "repo"]).expect(0, &[""], &[]);
    lab.archive("one");
    let published = lab.publish("one", &[]);
    assert_eq!((published["serial"].as_u64(), published["passed_over"].as_array().unwrap().len()), (Some(1), 0));
    let update = ["update", "live", "--from", "repo", "--root-key", "repo/tuf/1.root.json"];
    lab.call(&update).expect(0, &["updated: app"], &[]);
}
