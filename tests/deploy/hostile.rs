//! Requests that are none, or want to be more than one: refused, written down, nothing run.

use crate::lab::{Lab, answer, request};
use serde_json::{Value, json};
use std::fs;
use std::process::Stdio;
use std::time::Instant;

#[test]
fn hostile_requests_are_refused_and_written_down() {
    let lab = Lab::new();
    let mark = lab.place.at("tmp/mark");
    let touch = |how: &str| how.replace("MARK", mark.to_str().unwrap());
    let mut lines: Vec<Vec<u8>> = [
        "--upload-pack=touch MARK",
        "--output=MARK",
        "-o MARK",
        "main; touch MARK",
        "$(touch MARK)",
        "`touch MARK`",
        "main|touch MARK",
        "../../../etc/passwd",
        "refs/heads/../../secret",
        "main\ntouch MARK",
        "main\u{0}x",
        "main^{/secret}",
        "@{-1}",
        ":/fix",
        "",
    ]
    .iter()
    .map(|reference| format!("{}\n", request(&touch(reference))).into_bytes())
    .collect();
    for app in ["../web", "web/../../x", "-x", "web;x", ""] {
        lines.push(json!({ "format": 1, "app": app }).to_string().into_bytes());
    }
    lines.push(vec![b'x'; 1 << 20]);
    lines.push([&vec![b' '; 1 << 20][..], request("main").to_string().as_bytes()].concat());
    lines.push(b"".to_vec());
    lines.push(b"\n".to_vec());
    lines.push(b"\0\0\0\0\n".to_vec());
    lines.push(b"\xff\xfe{}\n".to_vec());
    lines.push(b"[[[[[[[[".to_vec());
    lines.push("[".repeat(4000).into_bytes());
    lines.push(br#"{"format":1,"app":"web","as":"alice"}"#.to_vec());
    lines.push(br#"{"format":1,"app":"web","user":"root"}"#.to_vec());
    lines.push(br#"{"format":1,"app":"web","docs":"yes"}"#.to_vec());
    lines.push(br#"{"format":9,"app":"web"}"#.to_vec());
    lines.push(br#"{"app":"web"}"#.to_vec());
    let many = lines.len();
    for line in lines {
        let answer = answer(lab.serve("alice", &line));
        assert_eq!(
            answer.ran.code,
            Some(2),
            "{:?}: {}",
            String::from_utf8_lossy(&line[..line.len().min(80)]),
            answer.end
        );
        lab.expect_audit(&[("result", json!("refused")), ("user", json!("alice"))]);
    }
    assert_eq!(lab.audit().len(), many);
    assert!(!mark.exists() && lab.releases().is_empty());
    assert!(
        fs::metadata(lab.place.at("etc/audit.jsonl")).unwrap().len() < 64 * 1024,
        "a request does not fill the log"
    );
}

/// Only the first line is a request; what comes after it is not read.
#[test]
fn one_line_is_one_request() {
    let lab = Lab::new();
    let two = format!("{}\n{}\n", request("main"), json!({ "format": 1, "app": "other" }));
    answer(lab.serve("alice", two.as_bytes())).expect(0, "is release 1");
    assert_eq!(lab.audit().len(), 2);
}

/// Variables that hooks of git have lead git nowhere else, and no variable of whoever asks does.
#[test]
fn the_environment_of_whoever_asks_changes_nothing() {
    let lab = Lab::new();
    let mark = lab.place.at("tmp/mark");
    let run = format!("touch {}", mark.display());
    let call = lab.serve("alice", format!("{}\n", request("main")).as_bytes());
    let call = [
        ("GIT_DIR", "/nowhere"),
        ("GIT_WORK_TREE", "/nowhere"),
        ("GIT_QUARANTINE_PATH", "/nowhere"),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "core.fsmonitor"),
        ("GIT_EXEC_PATH", "/nowhere"),
        ("LD_PRELOAD", "/nowhere.so"),
        ("LANG", "xx_XX"),
    ]
    .into_iter()
    .fold(call, |call, (name, value)| call.env(name, value));
    let call = ["GIT_SSH_COMMAND", "GIT_PAGER", "GIT_CONFIG_VALUE_0", "GIT_EXTERNAL_DIFF", "BASH_ENV"]
        .into_iter()
        .fold(call, |call, name| call.env(name, &run));
    answer(call).expect(0, "is release 1");
    assert!(!mark.exists());
}

/// Whoever asks may go away; what was begun ends all the same, and so it is written down.
#[test]
fn a_deploy_ends_though_nobody_listens_any_more() {
    let lab = Lab::new();
    lab.policy(&format!("{}\ndocs = [[\"/bin/sh\", \"-c\", \"echo a; sleep 0.5; echo b\"]]", lab.on_base()));
    let docs = json!({ "format": 1, "app": "web", "ref": "main", "docs": true });
    let mut call = lab.serve("alice", format!("{docs}\n").as_bytes());
    let mut child = call.0.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(lab.page(), "one");
    lab.expect_audit(&[("result", json!("deployed"))]);
}

#[test]
fn a_request_that_never_comes_is_not_waited_for_for_ever() {
    let lab = Lab::new();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut call = lab.serve("alice", b"");
    call.0.stdin(reader);
    let begun = Instant::now();
    let answer = answer(call).expect(4, "standard input");
    drop(writer);
    assert!(begun.elapsed().as_secs() < 60, "{}", answer.end);
    let last: Value = lab.audit().pop().unwrap();
    assert_eq!(last["result"], "refused", "{last}");
}
