//! A deploy that is killed before any of its changes leaves the old release current or the new one, and the next one ends well.

use crate::lab::{Lab, request};
use crate::step::{Went, kill_at};
use serde_json::json;
use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

#[test]
fn a_deploy_killed_at_any_step_leaves_a_whole_release_and_the_next_one_ends_well() {
    let lab = Lab::new();
    lab.policy(&format!("{}\ndocs = [[\"bin/pages\", \"{{docs}}\"]]\ndocs-into = \"share/web\"", lab.on_base()));
    let docs = json!({ "format": 1, "app": "web", "ref": "main", "docs": true });
    lab.ask("alice", &docs).expect(0, "is release 1");
    let mut word = "one".to_owned();
    let (mut point, mut killed) = (0, 0);
    loop {
        let new = format!("commit {point}");
        lab.commit("main", &new);
        let call = lab.serve("alice", format!("{docs}\n").as_bytes());
        let call = call.env("STEP_STDIN", lab.place.at("request"));
        let went = kill_at(&call, point);
        let page = lab.page();
        assert!(page == word || page == new, "{point}: {page}");
        lab.ask("alice", &request("main")).expect(0, "is release");
        assert_eq!(lab.page(), new, "{point}");
        assert!(lab.releases().iter().all(|name| !name.starts_with('.')), "{point}: {:?}", lab.releases());
        assert!(lab.releases().len() <= 4, "{point}: {:?}", lab.releases());
        word = new;
        match went {
            Went::Killed => killed += 1,
            Went::Ended(code) => {
                assert_eq!(code, 0);
                break;
            }
        }
        point += if point < 40 { 1 } else { 3 };
    }
    assert!(killed > 30, "{killed}");
}

/// The link is back by then, and the service is not.
#[test]
fn a_deploy_killed_while_the_release_before_is_taken_up_again_has_that_done_by_the_next_one() {
    let lab = Lab::new();
    let (said, slow) = (lab.place.at("said"), lab.place.at("slow"));
    let policy = |health: &str| {
        let take = format!(
            "echo $RELOCATE_SERIAL >>{}; if [ -e {} ] && [ $RELOCATE_SERIAL = 1 ]; then sleep 60; fi",
            said.display(),
            slow.display()
        );
        lab.policy(&format!(
            "[app.web.hooks]\nactivate = [[\"/bin/sh\", \"-c\", \"{take}\"]]\nhealth = [[\"{health}\"]]\nseconds = 90"
        ));
    };
    policy("/bin/true");
    lab.deploy("main");
    lab.commit("main", "two");
    policy("/bin/false");
    let text = fs::read_to_string(lab.place.at("etc/deploy.toml")).unwrap();
    fs::write(lab.place.at("etc/deploy.toml"), text.replace("seconds = 90", "seconds = 1")).unwrap();
    fs::write(&slow, "").unwrap();
    let mut call = lab.serve("alice", format!("{}\n", request("main")).as_bytes());
    let mut child = call.0.stdout(Stdio::null()).spawn().unwrap();
    while fs::read_to_string(&said).unwrap() != "1\n2\n1\n" {
        assert!(child.try_wait().unwrap().is_none(), "{:?}", lab.audit());
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lab.page(), "one");
    fs::remove_file(&slow).unwrap();
    policy("/bin/true");
    let answer = lab.deploy("main");
    assert!(answer.log.iter().any(|line| line.contains("release 1 is current again")), "{:?}", answer.log);
    assert_eq!((lab.page().as_str(), fs::read_to_string(&said).unwrap().as_str()), ("two", "1\n2\n1\n1\n3\n"));
}
