//! Who may deploy what, and what is written down of it.

use crate::lab::{Lab, answer, request};
use crate::place::chmod;
use serde_json::{Value, json};
use std::fs;

#[test]
fn a_branch_a_tag_and_a_commit_are_deployed_by_who_may() {
    let lab = Lab::new();
    let one = lab.git(&["-C", "work", "rev-parse", "HEAD"]);
    lab.git(&["-C", "work", "tag", "v1"]);
    lab.git(&["-C", "work", "push", "-q", "origin", "v1"]);
    let two = lab.commit("topic/two", "two");
    let answer = lab.deploy("topic/two");
    assert_eq!((lab.page().as_str(), &answer.end["commit"]), ("two", &json!(two)));
    assert_eq!(answer.log, [format!("refs/heads/topic/two is commit {two}"), "release 1 becomes current".to_owned()]);
    lab.deploy("v1");
    assert_eq!(lab.page(), "one");
    lab.deploy(&two);
    assert_eq!(lab.page(), "two");
    lab.deploy("refs/heads/main");
    assert_eq!(lab.page(), "one");
    // Whoever names nothing gets the repository's own branch.
    lab.commit("main", "three");
    lab.ask("bob", &json!({ "format": 1, "app": "web" })).expect(0, "is release 5 in the place of 4");
    assert_eq!((lab.page(), lab.releases()), ("three".to_owned(), ["3", "4", "5"].map(str::to_owned).to_vec()));
    let said = [("result", json!("deployed")), ("user", json!("bob")), ("to", json!(5)), ("before", json!(4))];
    lab.expect_audit(&said);
    let results: Vec<Value> = lab.audit().iter().map(|line| line["result"].clone()).collect();
    assert_eq!(results, ["begun", "deployed"].repeat(5));
    assert!(lab.audit().iter().any(|line| line["commit"] == json!(one)));
}

#[test]
fn what_nobody_allowed_is_refused_and_written_down_and_changes_nothing() {
    let lab = Lab::new();
    lab.commit("topic", "two");
    let commit = lab.commit("hidden/x", "three");
    lab.git(&["--git-dir", "web.git", "update-ref", "refs/secret/x", &commit]);
    lab.git(&["--git-dir", "web.git", "update-ref", "-d", "refs/heads/hidden/x"]);
    let with_docs = json!({ "format": 1, "app": "web", "ref": "main", "docs": true });
    let other = json!({ "format": 1, "app": "other", "ref": "main" });
    for (who, asked, what) in [
        ("bob", request("topic"), "bob may not deploy 'web' from 'topic' here"),
        ("bob", with_docs, "bob may not deploy 'web' from 'main' with its documentation here"),
        ("eve", request("main"), "eve may not deploy 'web' here"),
        ("eve", request("there-is-none"), "eve may not deploy 'web' here"),
        ("alice", other.clone(), "alice may not deploy 'other' here"),
        ("eve", other, "eve may not deploy 'other' here"),
        ("alice", request("refs/secret/x"), "alice may not deploy 'web' from 'refs/secret/x' here"),
        // A commit that is there, and that no branch that is allowed has; and one that is not there at all.
        ("alice", request(&commit), &format!("alice may not deploy 'web' from '{commit}' here")),
        ("alice", request(&"1".repeat(40)), "may not deploy"),
        ("uid:0", request("main"), "may not deploy"),
        ("*", request("main"), "may not deploy"),
    ] {
        lab.ask(who, &asked).expect(1, what);
        lab.expect_audit(&[("result", json!("refused")), ("user", json!(who)), ("app", asked["app"].clone())]);
    }
    assert_eq!((lab.page().as_str(), lab.releases().len()), ("", 0));
}

#[test]
fn a_name_that_is_not_there_or_means_two_commits_is_told() {
    let lab = Lab::new();
    lab.ask("alice", &request("none")).expect(1, "the repository has no 'none'");
    lab.git(&["-C", "work", "push", "-q", "origin", "main:refs/tags/v2"]);
    lab.commit("v2", "two");
    lab.ask("alice", &request("v2")).expect(1, "'v2' is a branch and a tag, and they differ");
    lab.deploy("refs/tags/v2");
    assert_eq!(lab.page(), "one");
    lab.expect_audit(&[("result", json!("deployed"))]);
}

#[test]
fn a_key_that_sshd_tells_of_is_written_down_and_may_be_what_a_rule_names() {
    let lab = Lab::new();
    let key = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";
    let told = "publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n";
    let info = lab.place.at("tmp/info");
    fs::write(&info, told).unwrap();
    let policy =
        fs::read_to_string(lab.place.at("etc/deploy.toml")).unwrap().replace("\"alice\"", &format!("\"{key}\""));
    fs::write(lab.place.at("etc/deploy.toml"), policy).unwrap();
    let ask = |words: &[&str]| {
        let call = lab.serving(words, format!("{}\n", request("main")).as_bytes());
        answer(call.env("SSH_USER_AUTH", &info).env("SSH_CONNECTION", "192.0.2.7 5 192.0.2.1 22"))
    };
    ask(&["--as", "carol"]).expect(0, "is release 1");
    lab.expect_audit(&[("user", json!("carol")), ("key", json!(key)), ("from", json!("192.0.2.7"))]);
    // Without a forced command that is only what somebody says of himself.
    ask(&[]).expect(1, "may not deploy");
    // sshd takes its word back when the connection ends; then nobody could say later whose key it was.
    fs::remove_file(&info).unwrap();
    ask(&["--as", "carol"]).expect(1, "no longer says by which key");
    lab.expect_audit(&[("result", json!("refused")), ("user", json!("carol")), ("from", json!("192.0.2.7"))]);
}

#[test]
fn who_runs_it_without_a_forced_command_is_the_user_of_the_process() {
    let lab = Lab::new();
    let uid = rustix::process::geteuid().as_raw();
    let main = format!("{}\n", request("main"));
    answer(lab.serving(&[], main.as_bytes())).expect(1, &format!("uid:{uid} may not deploy"));
    let policy = fs::read_to_string(lab.place.at("etc/deploy.toml")).unwrap();
    fs::write(lab.place.at("etc/deploy.toml"), policy.replace("\"bob\"", &format!("\"uid:{uid}\""))).unwrap();
    answer(lab.serving(&[], main.as_bytes())).expect(0, "is release 1");
    lab.expect_audit(&[("caller_uid", json!(uid)), ("user", Value::Null)]);
}

#[test]
fn a_policy_that_others_can_change_deploys_nothing() {
    let lab = Lab::new();
    chmod(lab.place.at("etc/deploy.toml"), 0o666);
    lab.ask("alice", &request("main")).expect(2, "may be written by others");
    chmod(lab.place.at("etc/deploy.toml"), 0o644);
    chmod(lab.place.at("etc"), 0o777);
    lab.ask("alice", &request("main")).expect(2, "may be written by others");
    chmod(lab.place.at("etc"), 0o755);
    lab.deploy("main");
    fs::remove_file(lab.place.at("etc/deploy.toml")).unwrap();
    lab.ask("alice", &request("main")).expect(2, "the policy");
}

#[test]
fn what_would_be_deployed_is_told_and_nothing_is_changed() {
    let lab = Lab::new();
    let commit = lab.git(&["-C", "work", "rev-parse", "HEAD"]);
    let dry = json!({ "format": 1, "app": "web", "ref": "main", "dry_run": true });
    let answer = lab.ask("alice", &dry).expect(0, "would be deployed; release none is current");
    assert_eq!(answer.end["commit"], json!(commit));
    assert!(!lab.root().exists());
    lab.deploy("main");
    lab.ask("alice", &dry).expect(0, "would be deployed; release 1 is current");
    assert_eq!(lab.releases(), ["1"]);
}

/// Where nobody can write down what is done, nothing is done.
#[test]
fn a_request_that_cannot_be_written_down_is_not_served() {
    let lab = Lab::new();
    fs::create_dir(lab.place.at("etc/audit.jsonl")).unwrap();
    lab.ask("alice", &request("main")).expect(4, "audit.jsonl");
    assert!(lab.releases().is_empty());
}

/// git would take each of these for something else than the ref of that name.
#[test]
fn a_name_means_the_ref_of_that_name_and_nothing_else() {
    let lab = Lab::new();
    let hidden = lab.commit("hidden", "two");
    lab.git(&["--git-dir", "web.git", "update-ref", "refs/secret/x", &hidden]);
    lab.git(&["--git-dir", "web.git", "update-ref", "-d", "refs/heads/hidden"]);
    for name in [format!("x-g{hidden}"), format!("v1-3-g{}", &hidden[..12]), format!("refs/heads/x-g{hidden}")] {
        lab.ask("alice", &request(&name)).expect(1, "the repository has no");
    }
    lab.git(&["-C", "work", "push", "-q", "origin", "HEAD:refs/heads/refs/tags/v9"]);
    lab.ask("alice", &request("refs/tags/v9")).expect(1, "the repository has no");
    assert!(lab.releases().is_empty());
    lab.git(&["-C", "work", "tag", "-a", "-m", "signed off", "v3"]);
    lab.git(&["-C", "work", "push", "-q", "origin", "v3"]);
    let answer = lab.deploy("v3");
    assert_eq!(answer.end["commit"], json!(hidden), "a tag's commit, not the tag");
}

/// An object that stands in for another one would make the log name a commit that nobody deployed.
#[test]
fn what_stands_in_for_a_commit_is_not_deployed() {
    let lab = Lab::new();
    let main = lab.git(&["-C", "work", "rev-parse", "HEAD"]);
    let other = lab.commit("topic", "two");
    lab.git(&["--git-dir", "web.git", "replace", &main, &other]);
    lab.ask("bob", &request("main")).expect(0, "is release 1");
    assert_eq!(lab.page(), "one");
    lab.expect_audit(&[("commit", json!(main))]);
}

#[test]
fn a_repository_whose_configuration_is_somebody_elses_is_not_asked() {
    if !crate::place::is_root() {
        return;
    }
    let lab = Lab::new();
    let owner = Some(crate::place::USER);
    std::os::unix::fs::chown(lab.place.at("web.git/config"), owner, owner).unwrap();
    lab.ask("alice", &request("main")).expect(2, "belongs to user 65534");
    assert!(lab.releases().is_empty());
}
