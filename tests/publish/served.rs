//! The same over servers that take PUT.

use crate::call::Call;
use crate::lab::{Lab, follow_from, names};
use crate::server::{Reply, Server};
use relocate::objects::{Variables, open};
use relocate::tuf::Kept;
use relocate::web::{Settings, Web};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What a server knows of conditions.
#[derive(Clone, Copy, PartialEq)]
enum Knows {
    /// Those of RFC 9110.
    Conditions,
    /// Nothing: no entity tags, no HEAD.
    Nothing,
}

/// A server that keeps files, and the order in which they came.
fn keeping(knows: Knows) -> (Server, Arc<Mutex<Vec<String>>>) {
    let files: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::default();
    let order: Arc<Mutex<Vec<String>>> = Arc::default();
    let written = order.clone();
    let server = Server::start(move |asked| {
        let path = asked.target.split('?').next().unwrap().to_owned();
        let mut files = files.lock().unwrap();
        let there = files.get(&path).cloned();
        let tag = |bytes: &[u8]| format!("\"{}\"", relocate::base::digest::Digest::of(bytes));
        let is = |name: &str, bytes: &[u8]| asked.header(name).is_some_and(|known| known == "*" || known == tag(bytes));
        match (asked.method.as_str(), there) {
            ("PUT", there) => {
                let holds = match &there {
                    Some(bytes) => {
                        !is("if-none-match", bytes) && (asked.header("if-match").is_none() || is("if-match", bytes))
                    }
                    None => asked.header("if-match").is_none(),
                };
                if knows == Knows::Conditions && !holds {
                    return Reply::new(412, b"");
                }
                written.lock().unwrap().push(path.rsplit("repo/").next().unwrap().to_owned());
                files.insert(path, asked.body.clone());
                Reply::new(201, b"")
            }
            ("DELETE", _) => Reply::new(if files.remove(&path).is_some() { 204 } else { 404 }, b""),
            ("HEAD", _) if knows == Knows::Nothing => Reply::new(405, b""),
            (_, None) => Reply::new(404, b""),
            (_, Some(bytes)) if knows == Knows::Conditions && is("if-none-match", &bytes) => Reply::new(304, b""),
            (_, Some(bytes)) if knows == Knows::Conditions => Reply::file(asked, &bytes, &tag(&bytes)),
            (_, Some(bytes)) => Reply::new(200, &bytes),
        }
    });
    (server, order)
}

/// What a client that begins with this root finds through plain requests.
fn listed(url: &str, first: &[u8]) -> Vec<String> {
    let web = Arc::new(Web::new(&Settings::default()).unwrap());
    let objects = open(url, &web, &Variables { variable: &|_| None, begin: "NONE" }).unwrap().objects();
    names(&follow_from(objects.as_ref(), &Kept::begin(first.to_vec())).unwrap())
}

#[test]
fn a_repository_behind_a_server_is_made_published_to_and_signed_anew() {
    for knows in [Knows::Conditions, Knows::Nothing] {
        let (server, order) = keeping(knows);
        let url = server.url("repo");
        lives(&url, &url, &server, &order);
    }
}

#[test]
fn a_repository_in_a_bucket_is_too() {
    let (server, order) = keeping(Knows::Conditions);
    lives("s3://bucket/repo", &server.url("bucket/repo"), &server, &order);
    assert!(server.log().iter().all(|asked| asked.method != "PUT" || asked.target.contains("X-Amz-Signature=")));
}

fn lives(repo: &str, url: &str, server: &Server, order: &Mutex<Vec<String>>) {
    let lab = Lab::new();
    lab.archive("one");
    lab.archive("two");
    let call = |words: &[&str]| -> Call {
        lab.call(words)
            .env("RELOCATE_ONLINE_KEY", lab.place.at("far-online.pem"))
            .env("RELOCATE_RELEASE_KEY", lab.place.at("far-release.pem"))
            .env("AWS_ENDPOINT_URL", server.url("").trim_end_matches('/'))
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    };
    let written = || order.lock().unwrap().drain(..).collect::<Vec<_>>();
    let keys =
        ["--root-key-out", "far.pem", "--release-key-out", "far-release.pem", "--online-key-out", "far-online.pem"];
    let init = [&["repo", "init", repo, "--no-passphrase"][..], &keys].concat();
    call(&init).expect(0, &["made the repository"], &[]);
    assert_eq!(written(), ["tuf/1.targets.json", "tuf/1.snapshot.json", "tuf/timestamp.json", "tuf/1.root.json"]);
    let publish = |word: &str| {
        let archive = format!("{word}.tar.gz");
        call(&["publish", &archive, repo, "--app", "app", "--level", "1"]).expect(0, &["published release"], &[]);
    };
    publish("one");
    written();
    publish("two");
    // What is named is there before what names it.
    let order = [
        ".full.tar.zst",
        ".delta",
        ".manifest.json.zst",
        "tuf/3.targets.json",
        "t/SHA256SUMS",
        "tuf/3.snapshot.json",
        "tuf/timestamp.json",
    ];
    let came = written();
    assert_eq!(came.len(), order.len(), "{came:?}");
    assert!(came.iter().zip(order).all(|(name, end)| name.ends_with(end)), "{came:?}");
    let first = crate::place::tool(&[&"curl", &"-fsS", &format!("{url}/tuf/1.root.json")]);
    assert_eq!(listed(url, &first).len(), 5);
    call(&["repo", "refresh", repo]).expect(0, &["signed anew"], &[]);
    assert_eq!(written(), ["tuf/timestamp.json"]);
    call(&["repo", "status", repo]).expect(0, &["1 delta"], &[]);
}
