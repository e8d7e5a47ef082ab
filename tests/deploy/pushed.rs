//! A push to the repository deploys what the policy says.

use crate::call::PROGRAM;
use crate::lab::Lab;
use crate::place::chmod;
use serde_json::json;
use std::fs;

/// Puts a hook into the repository that forwards to the program, as the shipped one does.
fn hook(lab: &Lab, name: &str) {
    let hook = lab.place.at("web.git/hooks/post-receive");
    let policy = lab.place.at("etc/deploy.toml");
    let tmp = lab.place.at("tmp");
    let text = format!(
        "#!/bin/sh\nTMPDIR='{}' exec '{PROGRAM}' serve-deploy --policy '{}' --as {name} --post-receive web\n",
        tmp.display(),
        policy.display()
    );
    fs::write(&hook, text).unwrap();
    chmod(hook, 0o755);
}

#[test]
fn a_push_to_a_branch_that_the_policy_names_is_deployed_and_others_are_not() {
    let lab = Lab::new();
    lab.policy("on-push = [\"refs/heads/main\"]");
    hook(&lab, "alice");
    lab.commit("main", "two");
    assert_eq!(lab.page(), "two");
    lab.expect_audit(&[("result", json!("deployed")), ("ref", json!("refs/heads/main"))]);
    lab.commit("topic", "three");
    assert_eq!(lab.page(), "two");
    // Whoever may push is not for that one who may deploy.
    hook(&lab, "eve");
    lab.commit("main", "four");
    assert_eq!(lab.page(), "two");
    lab.expect_audit(&[("result", json!("refused")), ("user", json!("eve"))]);
    hook(&lab, "bob");
    lab.git(&["-C", "work", "push", "-q", "origin", "--delete", "topic"]);
    assert_eq!(lab.page(), "two");
    lab.commit("main", "five");
    assert_eq!((lab.page().as_str(), lab.releases().len()), ("five", 2));
}

#[test]
fn whoever_pushes_reads_what_became_of_it() {
    let lab = Lab::new();
    lab.policy("on-push = [\"refs/heads/main\"]");
    hook(&lab, "alice");
    lab.commit("main", "two");
    let work = lab.place.at("work");
    fs::write(work.join("page.html"), "three\n").unwrap();
    lab.git(&["-C", "work", "commit", "-q", "-a", "-m", "three"]);
    let mut push = std::process::Command::new("git");
    push.args(["-C", "work", "push", "origin", "main", "main:refs/heads/other"]).current_dir(lab.place.dir());
    let ran = push.env("HOME", lab.place.at("home")).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    for line in ["refs/heads/other is not deployed by a push", "release 2 becomes current", "deployed: web"] {
        assert!(said.contains(line), "{said}");
    }
}

/// What the hook is told could be anybody's words, or old by the time it has its turn: what the branch leads to counts.
#[test]
fn what_the_branch_leads_to_is_deployed_whatever_the_hook_is_told() {
    let lab = Lab::new();
    lab.policy("on-push = [\"refs/heads/main\"]");
    let other = lab.commit("topic", "two");
    let zeros = "0".repeat(40);
    let lines = format!("{zeros} {other} refs/heads/main\n");
    lab.serving(&["--as", "alice", "--post-receive", "web"], lines.as_bytes()).expect(0, &["deployed"], &[]);
    assert_eq!(lab.page(), "one");
    for lines in ["", "x\n", "a b c d\n", &format!("{zeros} {zeros} refs/heads/main\n"), "\u{0}\n"] {
        let ran = lab.serving(&["--as", "alice", "--post-receive", "web"], lines.as_bytes()).run();
        assert_eq!(ran.code, Some(0), "{lines:?}: {}{}", ran.out, ran.err);
    }
    assert_eq!(lab.releases(), ["1"]);
    lab.serving(&["--as", "alice", "--post-receive", "none"], b"").expect(2, &[], &["has no app 'none'"]);
}
