//! A request over a Unix socket, as systemd hands it on: who is at the other end is what the kernel says; and the client.

use crate::call::{PROGRAM, relocate};
use crate::lab::{Lab, answer};
use crate::place::chmod;
use serde_json::json;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command};
use std::thread;

/// Serves so many connections as systemd does with `Accept=yes`.
fn served(lab: &Lab, count: usize) -> thread::JoinHandle<()> {
    let listener = UnixListener::bind(lab.place.at("sock")).unwrap();
    chmod(lab.place.at("sock"), 0o777);
    let (policy, tmp) = (lab.place.at("etc/deploy.toml"), lab.place.at("tmp"));
    thread::spawn(move || {
        let mut children: Vec<Child> = Vec::new();
        for _ in 0..count {
            let (stream, _) = listener.accept().unwrap();
            let other = stream.try_clone().unwrap();
            let mut serve = Command::new(PROGRAM);
            serve.args(["serve-deploy", "--socket", "--policy"]).arg(&policy).env("TMPDIR", &tmp);
            children.push(serve.stdin(OwnedFd::from(stream)).stdout(OwnedFd::from(other)).spawn().unwrap());
        }
        for mut child in children {
            child.wait().unwrap();
        }
    })
}

fn let_me(lab: &Lab) {
    let uid = rustix::process::geteuid().as_raw();
    let policy = fs::read_to_string(lab.place.at("etc/deploy.toml")).unwrap();
    fs::write(lab.place.at("etc/deploy.toml"), policy.replace("\"bob\"", &format!("\"uid:{uid}\""))).unwrap();
}

#[test]
fn a_client_reads_how_it_ended_and_ends_so_itself() {
    let lab = Lab::new();
    let_me(&lab);
    let socket = lab.place.at("sock");
    let ask = |words: &[&str]| relocate(lab.place.dir(), [&["deploy", socket.to_str().unwrap()][..], words].concat());
    let server = served(&lab, 6);
    ask(&["web", "--ref", "main"]).expect(0, &["deployed: web ", "is release 1"], &[]);
    ask(&["web", "--ref", "main", "--follow"]).expect(0, &["is release 2"], &["release 2 becomes current"]);
    ask(&["web", "--ref", "topic"]).expect(1, &[], &["may not deploy 'web' from 'topic' here", "help: ask whoever"]);
    ask(&["web", "--quiet"]).expect(0, &[], &[]);
    let json = ask(&["web", "--dry-run", "--json"]).expect(0, &[""], &[]).json();
    assert_eq!((&json["dry_run"], &json["before"], &json["exit"]), (&json!(true), &json!(3), &json!(0)));
    ask(&["--ref=--x", "web"]).expect(2, &[], &["ref is no name"]);
    server.join().unwrap();
    lab.expect_audit(&[("result", json!("refused")), ("caller_uid", json!(rustix::process::geteuid().as_raw()))]);
    relocate(lab.place.dir(), ["deploy", "/no/such/socket", "web"]).expect(4, &[], &["cannot ask /no/such/socket"]);
    relocate(lab.place.dir(), ["deploy", "-oProxyCommand=x", "web"]).expect(2, &[], &[""]);
    relocate(lab.place.dir(), ["deploy", "--", "-oProxyCommand=x", "web"]).expect(2, &[], &["is no host"]);
}

/// The socket's other end is root here: the ordinary user at this end is who counts, and the other way round.
#[test]
fn who_asks_is_whom_the_kernel_names() {
    if !crate::place::is_root() {
        return;
    }
    let lab = Lab::new();
    let_me(&lab);
    let socket = lab.place.at("sock");
    let server = served(&lab, 2);
    let ask = || relocate(lab.place.dir(), ["deploy", socket.to_str().unwrap(), "web"]);
    ask().by_user().expect(1, &[], &["uid:65534 may not deploy 'web' here"]);
    ask().expect(0, &["is release 1"], &[]);
    server.join().unwrap();
}

#[test]
fn of_two_deploys_at_once_one_is_told_that_the_other_is_at_work_or_waits() {
    let lab = Lab::new();
    lab.policy("docs = [[\"/bin/sleep\", \"3\"]]\n");
    let_me(&lab);
    let docs = json!({ "format": 1, "app": "web", "ref": "main", "docs": true }).to_string();
    let slow = lab.serve("alice", docs.as_bytes()).0.stdout(std::process::Stdio::null()).spawn();
    let mut slow = slow.unwrap();
    while !lab.root().join(".relocate/docs.log").exists() {
        assert!(slow.try_wait().unwrap().is_none(), "{:?}", lab.audit());
        thread::sleep(std::time::Duration::from_millis(20));
    }
    let main = json!({ "format": 1, "app": "web", "ref": "main" });
    lab.ask("alice", &main).expect(75, "lock");
    let wait = json!({ "format": 1, "app": "web", "ref": "main", "wait": true });
    lab.ask("alice", &wait).expect(0, "is release 2 in the place of 1");
    assert_eq!(slow.wait().unwrap().code(), Some(0));
}

#[test]
fn standard_input_that_is_no_socket_names_nobody() {
    let lab = Lab::new();
    answer(lab.serving(&["--socket"], b"{}\n")).expect(2, "no connected Unix socket");
}
