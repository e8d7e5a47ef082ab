//! A publisher who is killed, and two at once: clients see the old list or the new one, and whoever comes next finishes it.

use crate::lab::{Lab, follow_from, names};
use crate::place::tool;
use crate::step::{Went, act_at, kill_at};
use relocate::tuf::{Kept, open_target};
use std::fs;
use std::io;
use std::process::Command;

const OLD: [&str; 2] = ["app-1.full.tar.zst", "app-1.manifest.json.zst"];
const NEW: [&str; 5] = [
    "app-1.full.tar.zst",
    "app-1.manifest.json.zst",
    "app-2.from-1.delta",
    "app-2.full.tar.zst",
    "app-2.manifest.json.zst",
];
const PUBLISH: [&str; 8] = ["publish", "two.tar.gz", "repo", "--app", "app", "--level", "1", "-q"];

/// A repository with one release, a copy of it to go back to, and an archive to publish.
fn begun() -> Lab {
    let lab = Lab::new();
    lab.archive("one");
    lab.archive("two");
    lab.publish("one", &[]);
    tool(&[&"cp", &"-a", &lab.place.at("repo"), &lab.place.at("begun")]);
    lab
}

fn begin_again(lab: &Lab) {
    for dir in ["repo", "tmp"] {
        tool(&[&"chmod", &"-R", &"u+rwX", &lab.place.at(dir)]);
        fs::remove_dir_all(lab.place.at(dir)).unwrap();
    }
    fs::create_dir(lab.place.at("tmp")).unwrap();
    tool(&[&"cp", &"-a", &lab.place.at("begun"), &lab.place.at("repo")]);
}

/// What a client that knows the first release finds; every file of it must be whole.
fn found(lab: &Lab, kept: &Kept) -> Vec<String> {
    let trusted = follow_from(&lab.objects(), kept).unwrap();
    for target in trusted.targets() {
        io::copy(&mut open_target(&lab.objects(), target).unwrap(), &mut io::sink()).unwrap();
    }
    names(&trusted)
}

#[test]
fn a_publisher_who_is_killed_at_any_change_leaves_the_old_list_or_the_new_one() {
    let lab = begun();
    let kept = lab.follow().kept().clone();
    let (mut old, mut new) = (0, 0);
    for point in 0.. {
        begin_again(&lab);
        match kill_at(&lab.call(&PUBLISH), point) {
            Went::Ended(code) => {
                assert_eq!((code, found(&lab, &kept)), (0, NEW.map(str::to_owned).to_vec()));
                break;
            }
            Went::Killed if found(&lab, &kept) == OLD => old += 1,
            Went::Killed => {
                assert_eq!(found(&lab, &kept), NEW);
                new += 1;
            }
        }
        // Only after changes of the repository itself there is something to finish.
        if fs::read_dir(lab.place.at("repo/t")).unwrap().count() > 3 || point % 16 == 0 {
            lab.call(&PUBLISH).expect(0, &[], &[]);
            assert_eq!(found(&lab, &kept), NEW, "{point}");
        }
    }
    assert!(old > 20 && new > 0, "{old} {new}");
}

#[test]
fn a_refresh_that_is_killed_is_finished_by_the_next_one() {
    let lab = begun();
    let kept = lab.follow().kept().clone();
    for point in 0.. {
        begin_again(&lab);
        let went = kill_at(&lab.call(&["repo", "refresh", "repo", "-q"]), point);
        assert_eq!(found(&lab, &kept), OLD);
        lab.call(&["repo", "refresh", "repo", "-q"]).expect(0, &[], &[]);
        assert_eq!(found(&lab, &kept), OLD);
        if went == Went::Ended(0) {
            break;
        }
    }
}

/// The second one begins and ends at changes of the first, or waits for it where that holds the timestamp.
#[test]
fn of_two_publishers_at_once_none_loses_a_release() {
    let lab = begun();
    lab.archive("three");
    let kept = lab.follow().kept().clone();
    let other = ["publish", "three.tar.gz", "repo", "--app", "app", "--level", "1", "-q"];
    let packs = || found(&lab, &kept).into_iter().filter(|name| name.ends_with("full.tar.zst")).count();
    let changes = (0..1000).find(|point| {
        begin_again(&lab);
        kill_at(&lab.call(&PUBLISH), point + 60) != Went::Killed
    });
    let last = changes.unwrap() + 60;
    let (mut both, mut busy) = (0, 0);
    for point in (last - 36..last).step_by(5) {
        begin_again(&lab);
        let mut waited = false;
        let (code, said) = act_at(&lab.call(&PUBLISH), point, || {
            let mut call = Command::new("timeout");
            let second = lab.call(&other);
            call.args(["-s", "KILL", "6"]).arg(second.0.get_program()).args(other).current_dir(lab.place.dir());
            call.envs(second.0.get_envs().filter_map(|(name, value)| Some((name, value?))));
            waited = !call.status().unwrap().success();
        });
        match code {
            0 => both += 1,
            75 => {
                assert!(said.contains("somebody else was faster") && said.contains("run it again"), "{said}");
                busy += 1;
                lab.call(&PUBLISH).expect(0, &[], &[]);
            }
            _ => panic!("{code}: {said}"),
        }
        if waited {
            lab.call(&other).expect(0, &[], &[]);
        }
        assert_eq!(packs(), 3, "{point} {code} {waited}");
    }
    assert!(both > 0 && busy > 0, "{both} {busy}");
}
