//! A deploy that is killed before any of its changes leaves the old release current or the new one, and the next one ends well.

use crate::lab::{Lab, request};
use crate::step::{Went, kill_at};
use serde_json::json;

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
