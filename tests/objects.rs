//! Files on servers on loopback that behave as servers do: what is known is not sent again, what is missing is, conditions hold.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "build_fetch/server.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod server;

use relocate::objects::{Got, Objects, Place, Presence, Put, Variables, When, Wish, open};
use relocate::web::{Content, Settings, Web};
use server::{Asked, Reply, Server};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex};

fn place(text: &str, variables: &'static [(&str, &str)]) -> Box<dyn Objects> {
    let web = Arc::new(Web::new(&Settings::default()).unwrap());
    let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    match open(text, &web, &Variables { variable: &find, begin: "RELOCATE_REPO" }).unwrap() {
        Place::Remote(objects) => objects,
        Place::Directory(_) => panic!("{text} is a directory"),
    }
}

/// The offset the bytes begin at, the state, the bytes.
fn bytes(got: Got) -> (u64, Option<String>, Vec<u8>) {
    let Got::Bytes(object) = got else { panic!("no bytes") };
    let mut bytes = Vec::new();
    { object.reader }.read_to_end(&mut bytes).unwrap();
    (object.from, object.state, bytes)
}

/// A server that keeps files as servers with entity tags do (RFC 9110, 13.2.2).
fn keeping() -> Server {
    let files: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::default();
    Server::start(move |asked| {
        let path = asked.target.split('?').next().unwrap().to_owned();
        let mut files = files.lock().unwrap();
        let tag = files.get(&path).map(|bytes| format!("\"{}-{}\"", bytes.len(), bytes.first().unwrap_or(&0)));
        let matches = |name| asked.header(name).map(|wanted| wanted == "*" || Some(wanted) == tag.as_deref());
        match (asked.method.as_str(), files.get(&path).cloned()) {
            ("PUT", there) => {
                let fails = matches("if-match") == Some(false)
                    || (there.is_some() && asked.header("if-none-match") == Some("*"))
                    || (there.is_none() && asked.header("if-match").is_some());
                if fails {
                    return Reply::new(412, b"");
                }
                files.insert(path, asked.body.clone());
                Reply::new(201, b"")
            }
            ("DELETE", there) => {
                files.remove(&path);
                Reply::new(if there.is_some() { 204 } else { 404 }, b"")
            }
            (_, None) => Reply::new(404, b""),
            (_, Some(_)) if matches("if-none-match") == Some(true) => Reply::new(304, b""),
            (_, Some(bytes)) => Reply::file(asked, &bytes, &tag.unwrap()),
        }
    })
}

#[test]
fn a_server_and_a_bucket_keep_files_and_conditions() {
    const KEYS: &[(&str, &str)] = &[
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:PORT"),
    ];
    let server = keeping();
    let web = place(&server.url("repo/"), &[]);
    let port = server.url("");
    let find = move |name: &str| {
        let value = KEYS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)?;
        Some(value.replace("http://127.0.0.1:PORT", port.trim_end_matches('/')))
    };
    let settings = Arc::new(Web::new(&Settings::default()).unwrap());
    let variables = Variables { variable: &find, begin: "RELOCATE_REPO" };
    let bucket = open("s3://bucket/a", &settings, &variables).unwrap().objects();
    for objects in [web, bucket] {
        assert!(matches!(objects.get("t/x", &Wish::default()).unwrap(), Got::Missing));
        assert_eq!(objects.look("t/x").unwrap(), Presence::Missing);
        let put = |bytes: &[u8], when: When<'_>| objects.put("t/x", Content::Bytes(bytes), when).unwrap();
        assert_eq!(put(b"none", When::Same("\"4-110\"")), Put::Lost);
        assert_eq!(put(b"0123456789", When::New), Put::Done);
        assert_eq!(put(b"other", When::New), Put::Lost);
        assert_eq!(objects.look("t/x").unwrap(), Presence::There);
        let (from, state, all) = bytes(objects.get("t/x", &Wish::default()).unwrap());
        assert_eq!((from, all.as_slice()), (0, &b"0123456789"[..]));
        let state = state.unwrap();
        let known = Wish { known: Some(&state), rest: None };
        assert!(matches!(objects.get("t/x", &known).unwrap(), Got::Same));
        let rest = |from| bytes(objects.get("t/x", &Wish { known: None, rest: Some((from, &state)) }).unwrap());
        assert_eq!((rest(7).0, rest(7).2.as_slice()), (7, &b"789"[..]));
        // 416: nothing is left, which a server cannot send; then all of it comes.
        assert_eq!((rest(10).0, rest(10).2.len()), (0, 10));
        assert_eq!(put(b"changed", When::Same("\"9-9\"")), Put::Lost);
        assert_eq!(put(b"changed", When::Same(&state)), Put::Done);
        // Another file by now: what is there is no beginning of it.
        assert_eq!((rest(7).0, rest(7).2.as_slice()), (0, &b"changed"[..]));
        objects.remove("t/x").unwrap();
        objects.remove("t/x").unwrap();
        assert_eq!(objects.look("t/x").unwrap(), Presence::Missing);
    }
    let signed = server.log().into_iter().filter(|asked| asked.target.starts_with("/bucket/a/t/x?"));
    let conditional: Vec<Asked> = signed.filter(|asked| asked.header("if-match").is_some()).collect();
    assert!(!conditional.is_empty());
    assert!(conditional.iter().all(|asked| asked.target.contains("X-Amz-SignedHeaders=host%3Bif-match")));
}

#[test]
fn a_server_that_sends_another_range_or_only_weak_tags_is_asked_for_all() {
    let server = Server::start(|asked| match asked.header("range") {
        Some(_) => Reply::new(206, b"34").with("content-range", "bytes 3-4/10").with("etag", "\"a\""),
        None => Reply::new(200, b"0123456789").with("etag", "W/\"a\""),
    });
    let objects = place(&server.url("repo"), &[]);
    let got = |tag| bytes(objects.get("x", &Wish { known: None, rest: Some((5, tag)) }).unwrap());
    assert_eq!((got("\"a\"").0, got("\"a\"").2.len()), (0, 10));
    let before = server.log().len();
    assert_eq!(got("W/\"a\"").0, 0);
    assert!(server.log()[before..].iter().all(|asked| asked.header("range").is_none()));
}

#[test]
fn what_says_no_says_where_and_a_moment_of_trouble_is_passed_over() {
    let server = Server::start(|asked| match (asked.target.as_str(), asked.nth) {
        ("/repo/busy", 0) => Reply::new(503, b""),
        ("/repo/busy", _) => Reply::new(200, b"there"),
        ("/repo/down", _) => Reply::new(500, b""),
        _ => Reply::new(403, b"<Error><Code>AccessDenied</Code></Error>"),
    });
    let objects = place(&server.url("repo").replace("http://", "http://user:s3cret@"), &[]);
    assert_eq!(bytes(objects.get("busy", &Wish::default()).unwrap()).2, b"there");
    for (name, status) in [("down", 500), ("closed", 403)] {
        let error = objects.put(name, Content::Bytes(b"x"), When::Always).unwrap_err();
        assert_eq!(error.status, Some(status));
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    let error = objects.remove("closed").unwrap_err().to_string();
    assert!(error.starts_with("cannot remove http://") && error.ends_with("(AccessDenied)"), "{error}");
}
